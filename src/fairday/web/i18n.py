"""Languages of the pages: messages by key, plurals, numbers, money and dates.

Messages stand side by side in ``messages/*.yaml``: one key, its text in every language, so that a missing one is seen
where it is missing and a test needs no tool to find it. Babel does plurals, numbers, money and dates. The language
``xx`` is for tests: every message in ⟦brackets⟧, so that text outside them is text nobody can translate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from markupsafe import Markup, escape

from fairday.kernel import money
from fairday.kernel.clock import to_date, zone

LANGUAGES = ("zh", "en", "es")
NAMES = {"zh": "中文", "en": "English", "es": "Español"}
PSEUDO = "xx"
_LOCALES = {"zh": "zh_Hans_CN", "en": "en", "es": "es", PSEUDO: "en"}

Message = str | dict[str, str]
"""A text, or one for each plural category (``one``, ``many``, ``other``) of ``n``."""


@cache
def catalogue() -> dict[str, dict[str, Message]]:
    """key → language → message, of all files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, Message]] = {}
    for file in sorted((Path(__file__).parent / "messages").glob("*.yaml")):
        for key, texts in yaml.load(file.read_text("utf-8"), loader).items():  # noqa: S506 (a safe loader)
            if key in found:
                raise ValueError(f"{file.name}: {key} is there twice")
            found[key] = texts
    return found


class Tongue:
    """One reader's language, in one shop's zone and currency. Called with a key it gives the message.

    Args:
        language: zh, en, es, or xx for tests.
        zone_name: the IANA zone that instants are shown in.
        currency: the ISO 4217 code that amounts are in.
    """

    def __init__(self, language: str, zone_name: str, currency: str) -> None:
        self.language = language
        self.locale = Locale.parse(_LOCALES[language])
        self.zone = zone(zone_name)
        self.currency = currency

    def __call__(self, key: str, /, **values: Any) -> Markup:
        """The message as safe markup: values are escaped, except those that are markup themselves."""
        return Markup(escape(self._text(key, values))).format(**self._shown(values))

    def plain(self, key: str, /, **values: Any) -> str:
        """The message as plain text, for attributes of scripts, subjects of mail, JSON."""
        return self._text(key, values).format(**self._shown(values))

    def pick(self, titles: Mapping[str, str]) -> str:
        """The reader's text among several (a trait's titles), else English."""
        return self._data(titles.get("en" if self.language == PSEUDO else self.language) or titles.get("en") or "")

    def has(self, key: str) -> bool:
        """Whether there is such a message."""
        return key in catalogue()

    def _text(self, key: str, values: Mapping[str, Any]) -> str:
        message = catalogue()[key]["en" if self.language == PSEUDO else self.language]
        if isinstance(message, dict):
            category = self.locale.plural_form(values["n"])
            message = message.get(category, message["other"])
        return f"⟦{message}⟧" if self.language == PSEUDO else message

    def _shown(self, values: Mapping[str, Any]) -> dict[str, Any]:
        counted = isinstance(values.get("n"), int)
        return {k: format_decimal(v, locale=self.locale) if counted and k == "n" else v for k, v in values.items()}

    def _data(self, text: str) -> str:
        return f"⟦{text}⟧" if self.language == PSEUDO else text

    def number(self, value: int | float) -> str:
        """1,234 or 1.234, with at most two decimals."""
        return format_decimal(value, locale=self.locale, format="#,##0.##")

    def short(self, value: int) -> str:
        """A number that fits a tile: 1,234 whole, then 12.3K, 1.2万."""
        if abs(value) < 10_000:
            return self.number(value)
        return self._data(format_compact_decimal(value, locale=self.locale, fraction_digits=1))

    def percent(self, share: float, decimals: int = 1) -> str:
        """A share of one as percent."""
        return format_percent(share, locale=self.locale, format="#,##0." + "#" * decimals + "%")

    def money(self, amount: int, currency: str | None = None) -> str:
        """Minor units as an amount in the reader's way."""
        code = currency or self.currency
        return self._data(format_currency(money.major(amount, code), code, locale=self.locale))

    def about(self, amount: int) -> str:
        """Minor units as an amount in two figures: what is only estimated pretends no more."""
        whole = float(money.major(amount, self.currency))
        rough = float(f"{whole:.2g}")
        return self._data(
            format_currency(rough, self.currency, locale=self.locale, currency_digits=False, format=None)
            if abs(rough) < 10
            else format_currency(rough, self.currency, locale=self.locale, currency_digits=False, format=self._whole)
        )

    @property
    def _whole(self) -> str:
        """The locale's way with money, without decimals."""
        return str(self.locale.currency_formats["standard"].pattern).replace("0.00", "0")

    def day(self, day: int) -> str:
        """A day number as a date."""
        return self._data(format_date(to_date(day), "medium", locale=self.locale))

    def month_day(self, month: int, day: int) -> str:
        """A day of every year."""
        return self._data(format_skeleton("MMMd", date(2024, month, day), locale=self.locale))

    def month(self, day: int) -> str:
        """The month of a day number, with its year."""
        return self._data(format_skeleton("yMMM", to_date(day), locale=self.locale))

    def month_name(self, day: int) -> str:
        """The month of a day number, short."""
        return self._data(format_skeleton("MMM", to_date(day), locale=self.locale))

    def day_month(self, day: int) -> str:
        """A day number as day and month."""
        return self._data(format_skeleton("MMMd", to_date(day), locale=self.locale))

    def _at(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, self.zone)

    def date(self, at: int) -> str:
        """An instant (ms) as a date of the shop."""
        return self._data(format_date(self._at(at), "medium", locale=self.locale))

    def time(self, at: int) -> str:
        """An instant (ms) as date and time of the shop, to the minute."""
        joined = str(self.locale.datetime_formats["medium"])
        date = format_date(self._at(at), "medium", locale=self.locale)
        return self._data(joined.replace("{1}", date).replace("{0}", self._minute(at)))

    def listed(self, words: Iterable[str]) -> str:
        """Words one after another as the language lists them: 甲、乙, or a, b."""
        return ("、" if self.language == "zh" else ", ").join(words)

    def price(self, amount: float, currency: str) -> str:
        """An amount in major units, as events carry it; the bare number for a currency nobody knows."""
        known = re.fullmatch(r"[A-Z]{3}", currency or "")
        return self._data(format_currency(amount, currency, locale=self.locale) if known else self.number(amount))

    def minute(self, at: int) -> str:
        """An instant (ms) as the time of day in the shop."""
        return self._data(self._minute(at))

    def of_day(self, minute: int) -> str:
        """A minute of a day as its time."""
        return self._data(str(format_time(time(minute // 60 % 24, minute % 60), "short", locale=self.locale)))

    def _minute(self, at: int) -> str:
        return str(format_time(self._at(at), "short", tzinfo=self.zone, locale=self.locale))

    def clock(self, at: int) -> str:
        """An instant (ms) as the time of day in the shop, with seconds."""
        return self._data(format_time(self._at(at), "medium", tzinfo=self.zone, locale=self.locale))

    def span(self, ms: int) -> str:
        """A length of time in one unit: 3 minutes, 2 days."""
        return self._data(format_timedelta(max(ms, 0) // 1000, locale=self.locale, threshold=1.2))

    def ago(self, ms: int) -> str:
        """How long ago something ``ms`` old is."""
        return self._data(format_timedelta(-(max(ms, 1000) // 1000), locale=self.locale, add_direction=True))


def pick(wanted: str | None, kept: str | None, accept: str, fallback: str, known: tuple[str, ...] = LANGUAGES) -> str:
    """The language of a page: asked for, else kept in the cookie, else the browser's first known, else the shop's."""
    for choice in (wanted, kept):
        if choice in known:
            return choice
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=") if parameters else "1"
        try:
            ranked.append((-float(quality), place, tag.lower().split("-")[0]))
        except ValueError:
            continue
    for rank, _, tag in sorted(ranked):
        if tag in known and rank < 0:
            return tag
    return fallback
