"""Sentences of errors in the reader's language, where a code alone does not say enough.

The library writes an error for developers, in English, with the words it is about. Whoever reads a page gets the same
sentence in their own language with those words in it: one table, for every form.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from fairday.web.i18n import Tongue

_ENGLISH = Markup('<span data-raw lang="en">{}</span>')
_Q = r"(?P<cell>'.*'|\".*\")"
_MESSAGES = tuple(
    (re.compile(pattern, re.DOTALL), key)
    for pattern, key in (
        (_Q + r" is not a number from (?P<a>\S+) to (?P<b>\S+?)(?: with at most \d+ decimals?)?\.", "number"),
        (_Q + r" is not a whole number from (?P<a>\S+) to (?P<b>\S+)\.", "whole"),
        (_Q + r" is not a number of percent from (?P<a>\S+) to (?P<b>\S+)\.", "percent"),
        (_Q + r" is not a percentage from (?P<a>\S+) to (?P<b>\S+)\.", "percent"),
        (_Q + r" is not used in audiences\.", "sign"),
        (_Q + r" are no hours of a day\.", "hours"),
        (r"A (?:promotion|scene|phase)'s name has .*", "code"),
        (_Q + r" is not a list's name\.", "code"),
        (_Q + r" is not a stretch of (?:dates|days)\.", "dates"),
        (r"A list of keys is expected here, not " + _Q + r"\.", "unread"),
        (_Q + r" is not a name\.", "unread"),
        (_Q + r" is not known here\.", "unknown"),
        (_Q + r" is not an amount(?: of money)?\.", "amount"),
        (_Q + r" is not such a number\.", "amount"),
        (_Q + r" does not say how often\.", "often"),
        (_Q + r" is not a length of time up to a year\.", "length"),
        (_Q + r" is not a time\.", "time"),
        (_Q + r" is not a currency\.", "currency"),
        (_Q + r" is not a weight\.", "weight"),
        (_Q + r" is not a tax class\.", "tax_class"),
        (_Q + r" is not an HS code\.", "hs_code"),
        (_Q + r" is not a country\.", "country"),
        (_Q + r" is not an https address\.", "https"),
        (_Q + r" is no attribute\.", "attribute"),
        (_Q + r" is not a tracking number\.", "tracking"),
        (r"The product has no number\.", "no_number"),
        (r"The product has no title.*", "no_title"),
        (r"The options cannot be read: .*", "options"),
        (r"The column (?P<cell>.*) is missing\.", "column"),
        (r"That is not a number of units\.", "units"),
        (r"There is no such invoice\.", "invoice"),
        (r"This idempotency key was used for another request\.", "sent_before"),
    )
)
_REMEDIES = tuple(
    (re.compile(pattern, re.DOTALL), key)
    for pattern, key in (
        (r"Write it in digits\.", "digits"),
        (r"Write small letters, digits and hyphens\.", "small"),
        (r"Write letters, digits, - _ or \.", "letters"),
        (r"Write days before and after the festival, such as (?P<cell>.*)\.", "such_as"),
        (r"Write (?:a number|one|three letters|one word,|two capital letters,) such as (?P<cell>.*?)\.?", "such_as"),
        (r"Write its number, (?P<a>\d+) to (?P<b>\d+) signs\.", "signs"),
        (r"Write up to (?P<b>\d+) signs\.", "up_to"),
        (r"Write (?:its )?(?P<a>\d+) to (?P<b>\d+) (?:letters and )?digits\.", "digits_from"),
        (r"Write whole grams\.", "grams"),
        (r"Write name: value\.", "pair"),
        (r"Write them as YAML\.", "yaml"),
        (r"The first line (?:names:|reads) (?P<cell>.*)\.", "first_line"),
        (r"The signs are (?P<cell>.*) and parentheses\.", "signs_are"),
        (r"Send a new key with a new request\.", "again"),
        (r"Write (?:it as )?(?P<cell>[\w@:./%+~…-]+(?: (?:or )?[\w@:./%+~…-]+){0,2}?)\.?", "such_as"),
    )
)


def sentence(message: str, tongue: Tongue) -> Markup | None:
    """What an error's message says, in the reader's language; None where there are no words for it."""
    key, values = _found(_MESSAGES, message)
    return tongue(f"wrong.{key}", **values) if key else None


def remedy(text: str, tongue: Tongue) -> Markup | None:
    """What to write instead, in the reader's language; None where there are no words for it."""
    key, values = _found(_REMEDIES, text)
    return tongue(f"instead.{key}", **values) if key else None


def told(message: str, rest: str, where: str, tongue: Tongue) -> Markup | None:
    """A whole error: what was wrong, in which line, and what to write instead; None without words for its message."""
    said = sentence(message, tongue)
    if said is None:
        return None
    line = re.fullmatch(r"line (\d+)", where)
    parts = [tongue("wrong.line", line=line[1])] if line else []
    parts.append(said)
    if rest:
        parts.append(remedy(rest, tongue) or _ENGLISH.format(rest))
    return Markup(" ").join(parts)


def quoted(message: str) -> str:
    """The words a message is about, as they were typed; "" for none."""
    found = re.search(r"'(.*)'|\"(.*)\"", message, re.DOTALL)
    return "" if found is None else (found[1] or found[2] or "")


def _found(table: tuple[tuple[re.Pattern[str], str], ...], text: str) -> tuple[str, dict[str, str]]:
    """The key of a sentence and the words in it; "" where the table does not know it."""
    for pattern, key in table:
        if found := pattern.fullmatch(text):
            return key, {name: (value or "").strip("'\"") for name, value in found.groupdict().items()}
    return "", {}


__all__ = ["quoted", "remedy", "sentence", "told"]
