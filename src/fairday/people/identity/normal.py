"""Ids as they are kept: typed, normalised, judged. Pure; see docs/algorithms/identity.md, "Which ids count"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import phonenumbers

from fairday.kernel.settings import IdentitySettings

Key = tuple[str, str]
"""A type and a normalised value."""

MAX_VALUE = 200
MAX_TYPE = 64
MAX_IDS = 32
"""Ids of one happening beyond these are dropped."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def normalise(type_: str, value: str, settings: IdentitySettings) -> tuple[str | None, str]:
    """An id's value as it is kept, or None and why it is dropped.

    Args:
        type_: the id's type (``email``, ``user_id`` …).
        value: as it came.
        settings: the region phones are read in, and the blocked values.

    Returns:
        (value, "") or (None, reason); reasons are ``blocked``, ``invalid``, ``too_long``.
    """
    return _normalise(type_, value, _rules(settings))


class _Rules:
    """The settings that normalising depends on, compiled once and hashable by identity."""

    __slots__ = ("blocked", "blocked_re", "region")

    def __init__(self, settings: IdentitySettings) -> None:
        self.region = settings.default_region
        self.blocked = frozenset(b.casefold() for b in settings.blocked)
        self.blocked_re = tuple(re.compile(p, re.IGNORECASE) for p in settings.blocked_re)


_compiled: dict[int, tuple[IdentitySettings, _Rules]] = {}


def _rules(settings: IdentitySettings) -> _Rules:
    # Settings hold a dict, so they cannot be hashed; one object is used for long, and is kept alive beside its rules.
    found = _compiled.get(id(settings))
    if found is None or found[0] is not settings:
        if len(_compiled) > 64:
            _compiled.clear()
        found = _compiled[id(settings)] = (settings, _Rules(settings))
    return found[1]


@lru_cache(maxsize=200_000)
def _normalise(type_: str, value: str, rules: _Rules) -> tuple[str | None, str]:
    text = value if value.isascii() else unicodedata.normalize("NFKC", value)
    text = text.strip()
    if _blocked(text, rules):
        return None, "blocked"
    if len(text) > MAX_VALUE or len(type_) > MAX_TYPE:
        return None, "too_long"
    if not text or not text.isprintable() or not type_:
        return None, "invalid"
    if type_ == "email":
        text = text.lower()
        if not _EMAIL.fullmatch(text):
            return None, "invalid"
    elif type_ == "phone":
        number = _phone(text, rules.region)
        if number is None:
            return None, "invalid"
        text = number
    return (None, "blocked") if _blocked(text, rules) else (text, "")


def _blocked(text: str, rules: _Rules) -> bool:
    return text.casefold() in rules.blocked or any(p.search(text) for p in rules.blocked_re)


def _phone(text: str, region: str) -> str | None:
    """The number in E.164, or None. A leading 00 is the plus sign it stands for, wherever the shop is."""
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def ranks(settings: IdentitySettings) -> tuple[dict[str, int], int]:
    """The rank of each named type, 0 the strongest, and the rank of a type that is not named.

    A type without a name in ``priority`` is stronger than any weak type and weaker than every named strong one.
    """
    strong = [t for t in settings.priority if t not in settings.weak]
    weak = [t for t in settings.priority if t in settings.weak]
    weak += [t for t in settings.weak if t not in weak]
    named = {t: i for i, t in enumerate(strong)} | {t: len(strong) + 1 + i for i, t in enumerate(weak)}
    return named, len(strong)


def accounts(settings: IdentitySettings) -> frozenset[str]:
    """The types that are accounts: strong, not transferable, and at most one to a person. An event with one is a login.

    ``user_id`` always is one, whatever its limit.
    """
    single = {t for t, n in settings.limits.items() if n == 1}
    return frozenset((single | {"user_id"}) - set(settings.weak) - set(settings.transferable))


def usable(ids: Iterable[tuple[str, str]], settings: IdentitySettings) -> tuple[list[Key], list[tuple[str, str]]]:
    """The ids that count, strongest first and each once, and the (type, reason) of those that do not."""
    named, other = ranks(settings)
    rules = _rules(settings)
    kept: dict[Key, int] = {}
    dropped: list[tuple[str, str]] = []
    for type_, value in ids:
        text, reason = _normalise(type_, value, rules)
        if text is None:
            dropped.append((type_[:MAX_TYPE], reason))
        else:
            kept.setdefault((type_, text), named.get(type_, other))
    if len(kept) > 1:
        found = sorted(kept, key=kept.__getitem__)
        dropped += [(t, "too_many") for t, _ in found[MAX_IDS:]]
        return found[:MAX_IDS], dropped
    return list(kept), dropped


def carrier(ids: Iterable[tuple[str, str]], settings: IdentitySettings) -> Key | None:
    """The strongest usable id of a happening, normalised, or None when all are junk.

    Whose a stored happening is, is read from the table ``timeline``: its carrier is this id unless that was a shared
    device, when it is the next one.
    """
    found, _ = usable(ids, settings)
    return found[0] if found else None
