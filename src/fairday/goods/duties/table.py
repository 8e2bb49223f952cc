"""The table of duties and taxes: read from YAML, refused with the place where it is wrong, looked up by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec
import yaml

from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits

Base = Literal["none", "goods", "carriage", "duty"]
Dated = tuple[tuple[int, Fraction], ...]
"""A rate as (from day, rate), oldest first; a rate is a fraction of 1."""

FOREVER = 1 << 40
"""A day after all others."""


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """Rules a parcel may come under; the first whose conditions hold does.

    Attributes:
        first, last: the days it holds, both included.
        at_most: what the goods (each unit, with ``each``) may be worth, minor units of ``at_most_in``; None: any.
        one_unit: only for a parcel of one unit.
        yearly: what a buyer may spend in a calendar year with this parcel, minor units of the territory's currency.
        excepted: prefixes of goods it is not for.
        duty: "none", "tariff", or minor units once for each different six-digit code.
        base: what the tax is taken of: nothing, the goods, goods and carriage, or those and duty.
        share: the part of the tax that is due.
        waived: a tax of no more than so many minor units is not levied.
        refused: such a parcel may not be sent.
    """

    name: str
    source: str
    first: int = -FOREVER
    last: int = FOREVER
    at_most: int | None = None
    at_most_in: str = ""
    each: bool = False
    one_unit: bool = False
    yearly: int | None = None
    excepted: tuple[str, ...] = ()
    duty: str | int = "none"
    base: Base = "none"
    share: Fraction = Fraction(1)
    waived: int = 0
    refused: bool = False
    collected: Literal["checkout", "delivery"] = "delivery"


class Territory(msgspec.Struct, frozen=True, kw_only=True):
    """A customs territory: its regimes in order, its tariff and excise by prefix, and what it does not let in."""

    name: str
    currency: str
    regimes: tuple[Regime, ...]
    tariff: Mapping[str, Dated]
    tariff_source: str
    excise: Mapping[str, Dated]
    refuses: Mapping[str, str]


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's country: its territory, its tax and reduced rates by prefix."""

    code: str
    customs: str
    tax: Dated
    reduced: Mapping[str, Dated]


class DutyTable(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table. ``version`` names it wherever a figure made with it is shown."""

    version: str
    countries: Mapping[str, Country]
    territories: Mapping[str, Territory]


def by_prefix(rates: Mapping[str, Dated], code: str, day: int) -> tuple[str, Fraction] | None:
    """The rate of the longest prefix that fits a code on a day, with that prefix; None when none does."""
    for length in range(len(code), -1, -1):
        dated = rates.get(code[:length])
        if dated is not None:
            return code[:length], on_day(dated, day)
    return None


def on_day(dated: Dated, day: int) -> Fraction:
    """The rate that holds on a day; before the first, the first."""
    return next((rate for first, rate in reversed(dated) if first <= day), dated[0][1])


@cache
def duty_table() -> DutyTable:
    """The table that ships with Fairday."""
    return read_table(resources.files(__package__).joinpath("table.yaml").read_text("utf-8"), "table.yaml")


def read_table(text: str, file: str = "duties.yaml", over: DutyTable | None = None) -> DutyTable:
    """Read a table; with ``over``, its entries replace those of another.

    Raises:
        FairdayError: what is wrong and where (``file: countries.DE.tax``).
    """
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FairdayError(f"This is not YAML: {error}", code="bad_duties", where=file) from None
    read = _Reading(file)
    top = read.mapping(told, "", {"version", "countries", "customs"})
    territories = dict(over.territories) if over else {}
    for name, plain in read.mapping(top.get("customs", {}), "customs").items():
        territories[str(name)] = read.territory(str(name), plain)
    countries = dict(over.countries) if over else {}
    for code, plain in read.mapping(top.get("countries", {}), "countries").items():
        countries[str(code)] = read.country(str(code), plain, territories)
    return DutyTable(
        version=str(top.get("version") or (over.version if over else "")), countries=countries, territories=territories
    )


_REGIME = {"name", "source", "from", "until", "at_most", "at_most_in", "each", "one_unit", "yearly", "except", "duty",
           "base", "share", "waived", "refused", "collected"}  # fmt: skip


class _Reading:
    """Reads one file and knows where it stands."""

    def __init__(self, file: str) -> None:
        self._file = file

    def wrong(self, place: str, message: str, remedy: str) -> FairdayError:
        return FairdayError(message, code="bad_duties", where=f"{self._file}: {place}", remedy=remedy)

    def mapping(self, told: Any, place: str, known: set[str] | None = None) -> Mapping[Any, Any]:
        if not isinstance(told, Mapping):
            raise self.wrong(place, "Here stand keys and values.", "Write name: value lines.")
        strange = [key for key in told if known is not None and key not in known]
        if strange and known is not None:
            raise self.wrong(place, f"Nobody knows the key {strange[0]!r}.", f"Known: {', '.join(sorted(known))}.")
        return told

    def percent(self, told: Any, place: str) -> Fraction:
        try:
            if isinstance(told, bool) or not isinstance(told, int | float | str):
                raise InvalidOperation
            value = Decimal(str(told))
            if not 0 <= value <= 1000:
                raise InvalidOperation
        except InvalidOperation:
            raise self.wrong(place, f"{told!r} is not a rate.", "Write percent, such as 19 or 8.1.") from None
        return Fraction(value) / 100

    def dated(self, told: Any, place: str) -> Dated:
        if not isinstance(told, list):
            return ((-FOREVER, self.percent(told, place)),)
        made = []
        for n, one in enumerate(told):
            entry = self.mapping(one, f"{place}[{n}]", {"from", "is"})
            made.append((self.day(entry.get("from"), f"{place}[{n}].from"), self.percent(entry.get("is"), place)))
        if not made:
            raise self.wrong(place, "A list of rates has at least one.", "Write [{from: 2025-01-01, is: 21}].")
        return tuple(sorted(made))

    def day(self, told: Any, place: str) -> int:
        if not isinstance(told, date):
            raise self.wrong(place, f"{told!r} is not a day.", "Write a day such as 2026-07-01.")
        return to_day(told)

    def amount(self, told: Any, currency: str, place: str) -> int:
        if isinstance(told, bool) or not isinstance(told, int | float | str):
            raise self.wrong(place, f"{told!r} is not an amount.", f"Write {currency}, such as 150.")
        try:
            value = Decimal(str(told)).scaleb(digits(currency))
        except ArithmeticError:
            value = Decimal(-1)
        if value < 0 or value != value.to_integral_value():
            raise self.wrong(place, f"{told!r} is not an amount.", f"Write {currency}, such as 150.")
        return int(value)

    def rates(self, told: Any, place: str) -> dict[str, Dated]:
        made = {}
        for code, rate in self.mapping(told, place).items():
            made[self.prefix(code, place)] = self.dated(rate, f"{place}.{code}")
        return made

    def prefix(self, code: Any, place: str) -> str:
        if not isinstance(code, str) or (code and not code.isdigit()):
            raise self.wrong(
                place, f"{code!r} is not a prefix of a code.", 'Write digits between quotes, such as "6109".'
            )
        return code

    def territory(self, name: str, told: Any) -> Territory:
        place = f"customs.{name}"
        plain = self.mapping(told, place, {"currency", "regimes", "tariff", "tariff_source", "excise", "refuses"})
        currency = str(plain.get("currency", ""))
        if len(currency) != 3:
            raise self.wrong(f"{place}.currency", f"{currency!r} is not a currency.", "Write a code such as EUR.")
        regimes = plain.get("regimes")
        if not isinstance(regimes, list) or not regimes:
            raise self.wrong(
                f"{place}.regimes", "A territory has at least one regime.", "See docs/merchants/cross-border.md."
            )
        tariff = self.rates(plain.get("tariff", {}), f"{place}.tariff")
        return Territory(
            name=name,
            currency=currency,
            regimes=tuple(self.regime(r, currency, f"{place}.regimes[{n}]") for n, r in enumerate(regimes)),
            tariff=tariff if "" in tariff else {**tariff, "": ((-FOREVER, Fraction(0)),)},
            tariff_source=str(plain.get("tariff_source", "")),
            excise=self.rates(plain.get("excise", {}), f"{place}.excise"),
            refuses={
                self.prefix(k, f"{place}.refuses"): str(v)
                for k, v in self.mapping(plain.get("refuses", {}), f"{place}.refuses").items()
            },
        )

    def regime(self, told: Any, currency: str, place: str) -> Regime:
        plain = self.mapping(told, place, _REGIME)
        limit_in = str(plain.get("at_most_in", currency))
        duty = plain.get("duty", "none")
        if isinstance(duty, Mapping):
            duty = self.amount(
                self.mapping(duty, f"{place}.duty", {"each_heading"}).get("each_heading"), currency, place
            )
        elif duty not in ("none", "tariff"):
            raise self.wrong(f"{place}.duty", f"{duty!r} is no duty.", "Write none, tariff or {each_heading: 3}.")
        base = plain.get("base", "none")
        if base not in ("none", "goods", "carriage", "duty"):
            raise self.wrong(f"{place}.base", f"{base!r} is no base.", "Write none, goods, carriage or duty.")
        collected = plain.get("collected", "delivery")
        if collected not in ("checkout", "delivery"):
            raise self.wrong(f"{place}.collected", f"{collected!r} is no moment.", "Write checkout or delivery.")
        return Regime(
            name=str(plain.get("name", "")),
            source=str(plain.get("source", "")),
            first=self.day(plain["from"], f"{place}.from") if "from" in plain else -FOREVER,
            last=self.day(plain["until"], f"{place}.until") if "until" in plain else FOREVER,
            at_most=self.amount(plain["at_most"], limit_in, f"{place}.at_most") if "at_most" in plain else None,
            at_most_in=limit_in,
            each=bool(plain.get("each", False)),
            one_unit=bool(plain.get("one_unit", False)),
            yearly=self.amount(plain["yearly"], currency, f"{place}.yearly") if "yearly" in plain else None,
            excepted=tuple(self.prefix(p, f"{place}.except") for p in plain.get("except", ())),
            duty=duty,
            base=base,
            share=self.percent(plain.get("share", 100), f"{place}.share"),
            waived=self.amount(plain.get("waived", 0), currency, f"{place}.waived"),
            refused=bool(plain.get("refused", False)),
            collected=collected,
        )

    def country(self, code: str, told: Any, territories: Mapping[str, Territory]) -> Country:
        place = f"countries.{code}"
        plain = self.mapping(told, place, {"customs", "tax", "reduced"})
        customs = str(plain.get("customs", ""))
        if customs not in territories:
            raise self.wrong(
                f"{place}.customs", f"There is no customs territory {customs!r}.", "Describe it under customs:."
            )
        return Country(
            code=code,
            customs=customs,
            tax=self.dated(plain.get("tax", 0), f"{place}.tax"),
            reduced=self.rates(plain.get("reduced", {}), f"{place}.reduced"),
        )
