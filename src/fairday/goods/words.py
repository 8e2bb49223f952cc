"""How a text is cut into what search compares: words without case and accents, and pairs of signs where Chinese is
written, which puts no spaces between words. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(f"([{_HAN}]+)|([^\\W_{_HAN}]+)")
LONGEST_RUN = 6
"""Signs of Chinese without a space that are still taken for a word to show."""
_LITTLE = frozenset(["and", "the", "for", "with", "del", "los", "las", "con", "por", "para", "sin", "una"])


def fold(text: str) -> str:
    """A text without case, width and accents: ``ＪＡＭÓＮ`` is ``jamon``."""
    flat = unicodedata.normalize("NFKC", text).casefold()
    if flat.isascii():
        return flat
    return "".join(c for c in unicodedata.normalize("NFD", flat) if not unicodedata.combining(c))


def pieces(folded: str) -> list[tuple[str, bool]]:
    """A folded text's words and runs of Chinese signs (True) in order."""
    return [(han or word, bool(han)) for han, word in _PIECE.findall(folded)]


def pairs(run: str) -> list[str]:
    """The neighbouring signs of a run, two by two; a single sign is itself."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


@lru_cache(maxsize=200_000)
def tokens(text: str) -> tuple[str, ...]:
    """What a text is found by, each once: its words; of Chinese the pairs and the last sign, so that any sign is the
    beginning of something."""
    found: dict[str, None] = {}
    for piece, han in pieces(fold(text)):
        if han:
            found.update(dict.fromkeys((*pairs(piece), piece[-1])))
        else:
            found[piece] = None
    return tuple(found)


def words(text: str) -> dict[str, str]:
    """The words of a text that may be offered to a reader: folded → as written. Numbers and scraps are none."""
    found: dict[str, str] = {}
    for han, word in _PIECE.findall(unicodedata.normalize("NFKC", text)):
        if han and 2 <= len(han) <= LONGEST_RUN:
            found.setdefault(fold(han), han)
        elif len(word) > 2 and not any(c.isdigit() for c in word) and (folded := fold(word)) not in _LITTLE:
            found.setdefault(folded, word.lower())
    return found


@lru_cache(maxsize=100_000)
def stems(word: str) -> tuple[str, ...]:
    """A folded word's stems in English and in Spanish: what its forms have in common (``flores``, ``flor``)."""
    if not word.isascii() or len(word) < 3 or any(c.isdigit() for c in word):
        return ()
    found = ((mark, "".join(analyzer.analyze(word))) for mark, analyzer in _stemmers())
    return tuple(f"{mark}:{stem}" for mark, stem in found if stem)


@cache
def _stemmers() -> list[tuple[str, Any]]:
    return [
        (mark, TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer(language)).build())
        for mark, language in (("en", "english"), ("es", "spanish"))
    ]
