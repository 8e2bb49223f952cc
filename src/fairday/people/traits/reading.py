"""How a told value is read: numbers, bands ("19-24", "65+", "Under 15K"), words, dates. Pure; unreadable is None."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from fairday.kernel.audience import MAX_VALUE, TraitDef, pack, yearly_day
from fairday.kernel.clock import to_day
from fairday.kernel.money import digits

MAX_TEXT = 200
MAX_TEXTS = 100


class Known(NamedTuple):
    """A value as the tables hold it: ``lo..hi`` (an open end is None), or text."""

    lo: int | None = None
    hi: int | None = None
    txt: str | None = None


_NUMBER = r"(-?\d+(?:\.\d+)?)\s*([km]?)"
_ONE = re.compile(_NUMBER, re.IGNORECASE)
_BETWEEN = re.compile(rf"{_NUMBER}\s*(?:-|–|—|~|to|\.\.)\s*{_NUMBER}", re.IGNORECASE)
_FROM = re.compile(rf"(?:{_NUMBER}\s*(?:\+|or more|and over|and above|以上)|>=\s*{_NUMBER})", re.IGNORECASE)
_OVER = re.compile(rf"(?:over|above|more than|>)\s*{_NUMBER}", re.IGNORECASE)
_UNDER = re.compile(rf"(?:(?:under|below|less than|<)\s*{_NUMBER}|{_NUMBER}\s*以下)", re.IGNORECASE)
_UPTO = re.compile(rf"(?:up to|<=)\s*{_NUMBER}", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_YEARLY = re.compile(r"(?:--)?(\d{1,2})[-/](\d{1,2})")
_UNIT = {"": 1, "k": 1000, "m": 1_000_000}
_MARKS = str.maketrans("", "", ",£$€¥￥ \u00a0")

_YES = frozenset({"true", "yes", "y", "1", "是", "sí", "si"})
_NO = frozenset({"false", "no", "n", "0", "否"})
_GENDERS = {
    **dict.fromkeys(("female", "f", "woman", "女", "女性", "mujer", "femenino"), "female"),
    **dict.fromkeys(("male", "m", "man", "男", "男性", "hombre", "masculino"), "male"),
    **dict.fromkeys(("other", "non-binary", "nonbinary", "diverse", "x", "其他", "otro"), "other"),
}
_NOTHING = frozenset({"", "null", "none", "unknown", "undefined", "n/a", "na", "none/unknown", "不详", "未知"})


def read(trait: TraitDef, value: Any, currency: str) -> Known | None:
    """A told value in the trait's type, or None where nothing readable was said.

    Args:
        value: as JSON gives it: a number, text ("19-24"), true or false, a list for a set of texts, or an object
            ``{"min": 19, "max": 24}`` for a band.
        currency: the shop's; money is told in major units.
    """
    if value is None or (isinstance(value, str) and value.strip().casefold() in _NOTHING):
        return None
    if trait.name == "gender":
        found = _GENDERS.get(str(value).strip().casefold())
        return None if found is None else Known(txt=found)
    return _READERS[trait.type](trait, value, currency)


def _text(trait: TraitDef, value: Any, _currency: str) -> Known | None:
    cleaned = _cleaned(value)
    if cleaned is None or not trait.values:
        return None if cleaned is None else Known(txt=cleaned)
    word = re.sub(r"[\s-]+", "_", cleaned.casefold())
    return Known(txt=word) if word in trait.values else None


def _texts(trait: TraitDef, value: Any, _currency: str) -> Known | None:
    listed = value if isinstance(value, list) else [value]
    members = [
        c for c in map(_cleaned, listed[:MAX_TEXTS]) if c is not None and (not trait.values or c in trait.values)
    ]
    return Known(txt=pack(members)) if members or value == [] else None


def _cleaned(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    # PostgreSQL refuses NUL in text.
    return str(value).replace("\0", "").strip()[:MAX_TEXT] or None


def _bool(_trait: TraitDef, value: Any, _currency: str) -> Known | None:
    word = str(value).strip().casefold()
    if word in _YES:
        return Known(1, 1)
    return Known(0, 0) if word in _NO else None


def _int(_trait: TraitDef, value: Any, _currency: str) -> Known | None:
    return _band(value, 1)


def _money(_trait: TraitDef, value: Any, currency: str) -> Known | None:
    return _band(value, 10 ** digits(currency))


def _band(value: Any, scale: int) -> Known | None:
    """A number or a band, in units of 1/scale. An upper end told in whole units reaches to just below the next unit."""
    if isinstance(value, Mapping):
        ends = [_end(value, names) for names in (("min", "lo", "from"), ("max", "hi", "to"))]
        low, high = (None if e is None else _band(e, scale) for e in ends)
        if low is None and high is None:
            return None
        return _checked(low.lo if low else None, high.hi if high else None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    bare = text.translate(_MARKS) if _ONE.fullmatch(text.translate(_MARKS)) else text.replace(",", "").translate(_SIGNS)
    if m := _ONE.fullmatch(bare):
        exact = _scaled(m[1], m[2], scale)
        return _checked(exact, exact)
    if m := _BETWEEN.fullmatch(bare):
        return _checked(_scaled(m[1], m[2] or m[4], scale), _top(m[3], m[4], scale))
    if m := _FROM.fullmatch(bare):
        return _checked(_scaled(m[1] or m[3], m[2] or m[4] or "", scale), None)
    if m := _OVER.fullmatch(bare):
        return _checked(_add(_scaled(m[1], m[2], scale), 1), None)
    if m := _UNDER.fullmatch(bare):
        return _checked(None, _add(_scaled(m[1] or m[3], m[2] or m[4] or "", scale), -1))
    if m := _UPTO.fullmatch(bare):
        return _checked(None, _scaled(m[1], m[2], scale))
    return None


_SIGNS = str.maketrans("", "", "£$€¥￥\u00a0")


def _end(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[n] for n in names if value.get(n) is not None), None)


def _scaled(number: str, unit: str, scale: int) -> int | None:
    try:
        exact = Decimal(number) * _UNIT[unit.lower()] * scale
        return int(exact.to_integral_value()) if exact.is_finite() and abs(exact) <= MAX_VALUE else None
    except ArithmeticError:
        return None


def _top(number: str, unit: str, scale: int) -> int | None:
    whole = scale * _UNIT[unit.lower()]
    exact = _scaled(number, unit, scale)
    return exact if exact is None or whole == 1 or "." in number else exact + whole - 1


def _add(value: int | None, step: int) -> int | None:
    return None if value is None else value + step


def _checked(lo: int | None, hi: int | None) -> Known | None:
    if (lo is None and hi is None) or (lo is not None and hi is not None and lo > hi):
        return None
    return Known(lo, hi)


def _date(value: Any) -> date | None:
    if not isinstance(value, str) or not (m := _DATE.fullmatch(value.strip())):
        return None
    try:
        return date(int(m[1]), int(m[2]), int(m[3]))
    except ValueError:
        return None


def _day(_trait: TraitDef, value: Any, _currency: str) -> Known | None:
    found = _date(value)
    if found is None:
        return None
    return Known(to_day(found), to_day(found))


def _yearly(_trait: TraitDef, value: Any, _currency: str) -> Known | None:
    found = _date(value)
    try:
        if found is not None:
            place = yearly_day(found.month, found.day)
        elif isinstance(value, str) and (m := _YEARLY.fullmatch(value.strip())):
            place = yearly_day(int(m[1]), int(m[2]))
        else:
            return None
    except ValueError:
        return None
    return Known(place, place)


_READERS: Mapping[str, Callable[[TraitDef, Any, str], Known | None]] = {
    "int": _int,
    "money": _money,
    "text": _text,
    "texts": _texts,
    "bool": _bool,
    "day": _day,
    "yearly": _yearly,
}
