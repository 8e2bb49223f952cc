"""The blanks of a playbook, filled from a shop: its categories, currency, day. Pure.

A blank ``{gifts}`` is declared in the head with one of these:

- ``words``: a condition on goods: the shop's categories whose names hold any of the words, else its best sold ones;
- ``top``: a condition on goods: so many of the best sold categories no other blank has taken;
- ``bought`` and ``span``: a condition on people: bought any category of another blank in so many days;
- ``category``: one category, by what is asked (``again``, ``rising``): as a condition, ``{x.word}`` as a text of the
  language, ``{x.name}`` as readers see it;
- ``festival``: a festival by the shop's country, or ``next``; ``{x.en}`` is its title;
- ``abroad``: the country abroad that the shop sells to first, two letters; ``festival: abroad`` is the next one of its
  calendar, a week ahead or more;
- ``pay_day``: the usual pay day of the shop's country;
- ``days``: dates from today, so many days;
- ``number``: a number of the shop's.

``example`` is what stands there without a shop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fairday.kernel.clock import to_date
from fairday.kernel.festivals import all_festivals, festival, next_occurrence
from fairday.playbooks.library import Playbook

MOST = 8
"""Categories that a blank takes at most by its words."""
AHEAD = 7
"""Days that a festival abroad is ahead at least."""
FALLBACK = 3
"""Best sold categories that stand in where no category fits the words."""

_COUNTRY = {"CNY": "cn", "USD": "us", "GBP": "gb", "EUR": "es", "MXN": "mx", "JPY": "jp"}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a shop.

    Attributes:
        categories: of its catalogue, the best sold first; each a text the audience language can hold.
        currency: ISO 4217.
        today: the shop's local day.
        festival: the name of the one to prepare for.
        asked: categories by what is asked (``again``, ``rising``).
        numbers: by name, such as ``lapse``.
        abroad: the country abroad that it sells to first, "" where it has not said.
    """

    categories: tuple[str, ...]
    currency: str
    today: int
    festival: str = "new_year"
    asked: Mapping[str, str] = {}
    numbers: Mapping[str, int] = {}
    abroad: str = ""

    @property
    def land(self) -> str:
        """The country abroad: as the shop said, else one that is not its own."""
        return self.abroad or ("GB" if self.country == "us" else "US")

    @property
    def country(self) -> str:
        """The country by the currency; the United States where it is none of ours."""
        return _COUNTRY.get(self.currency, "us")


def category_name(category: str) -> str:
    """A category as readers see it: capitals throughout become a word."""
    plain = category.replace("{", "(").replace("}", ")")  # braces would be a message's placeholders
    return plain.capitalize() if plain.isupper() else plain


def fill(of: Playbook, known: Known | None, name: str = "") -> str:
    """A playbook's scene as plain YAML.

    Args:
        known: the shop; None fills in the examples.
        name: another name for the scene.
    """
    values: dict[str, str] = {}
    taken: dict[str, tuple[str, ...]] = {}
    for blank, how in of.head.blanks.items():
        if "words" in how:
            taken[blank] = _named(how, known)
    used = {c for found in taken.values() for c in found}
    for blank, how in of.head.blanks.items():
        if "words" in how and not taken[blank]:
            taken[blank] = tuple(c for c in (known.categories if known else ()) if c not in used)[:FALLBACK]
            used |= set(taken[blank])
    for blank, how in of.head.blanks.items():
        if "top" in how:
            taken[blank] = _top(how, known, used)
        values |= _values(blank, how, known, taken)
    text = re.sub(r"\{([a-z_]+(?:\.[a-z]+)?)\}", lambda found: values.get(found[1], found[0]), of.scene)
    return re.sub(r"\Ascene: .*", f"scene: {name}", text) if name else text


def _named(how: Mapping[str, Any], known: Known | None) -> tuple[str, ...]:
    if known is None:
        return tuple(how["example"])
    words = [str(w).lower() for w in how["words"]]
    return tuple(c for c in known.categories if any(_holds(c.lower(), w) for w in words))[:MOST]


def _holds(category: str, word: str) -> bool:
    """Whether a category's name has a word: at the beginning of one of its words, or anywhere in Chinese."""
    if not word.isascii() and not word.isupper() and re.search(r"[\u4e00-\u9fff]", word):
        return word in category
    return re.search(rf"(?<![^\W\d_]){re.escape(word)}", category) is not None


def _top(how: Mapping[str, Any], known: Known | None, used: set[str]) -> tuple[str, ...]:
    if known is None:
        return tuple(how["example"])
    free = tuple(c for c in known.categories if c not in used)
    return (free or known.categories)[: how["top"]]


def _values(
    blank: str, how: Mapping[str, Any], known: Known | None, taken: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    if blank in taken:
        return {blank: quoted(among(taken[blank]))}
    if "bought" in how:
        parts = [f"bought('category', {word(c)}, {how['span']}d) >= 1" for c in taken[how["bought"]]]
        return {blank: quoted(f"({' or '.join(parts)})" if parts else "false")}
    if "category" in how:
        found = how["example"][0] if known is None else known.asked.get(how["category"], "")
        if not found and known is not None:
            found = (*known.categories, how["example"][0])[0]
        return {
            blank: quoted(among((found,) if found else ())),
            f"{blank}.word": quoted(word(found)),
            f"{blank}.name": quoted(category_name(found)),
        }
    if "festival" in how:
        name = how["example"] if known is None else known.festival
        if known is not None and how["festival"] == "abroad":
            name = _next_of(known.land.lower(), known.today)
        if known is not None and isinstance(how["festival"], dict):
            name = how["festival"].get(known.country, how["festival"]["else"])
        titles = festival(name).titles
        return {blank: name} | {f"{blank}.{language}": title for language, title in titles.items()}
    if "abroad" in how:
        return {blank: how["example"] if known is None else known.land}
    if "pay_day" in how:
        name = how["example"]
        if known is not None:
            name = next(f.name for f in all_festivals() if f.name.startswith(f"{known.country}.pay_day."))
        return {blank: name}
    if "days" in how:
        if known is None:
            return {blank: how["example"]}
        return {blank: f"{to_date(known.today)}..{to_date(known.today + how['days'] - 1)}"}
    return {blank: str(how["example"] if known is None else known.numbers.get(how["number"], how["example"]))}


def _next_of(country: str, today: int) -> str:
    """The festival of a country's calendar that comes next, a week ahead or more; one kept everywhere where the
    calendar knows none of its own."""
    named = [f for f in all_festivals() if f.own_trait is None and ".pay_day." not in f.name]
    own = [f for f in named if f.country == country] or [f for f in named if f.country is None]
    days = [(day, f.name) for f in own if (day := next_occurrence(f.name, today + AHEAD)) is not None]
    return min(days)[1]


def among(categories: tuple[str, ...]) -> str:
    """A condition on goods: of these categories; any goods where there are none."""
    return f"category in ({', '.join(word(c) for c in categories)})" if categories else "true"


def word(text: str) -> str:
    """A text as the audience language writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(text: str) -> str:
    """A text as it stands inside double quotes of YAML."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
