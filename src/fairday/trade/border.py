"""Trade across a border: what crossing adds to an order, who pays it when, and what may not be sent.

The rules of duty and tax are ``fairday.goods.duties``; docs/algorithms/landed-cost.md. Here they meet an order: what is
collected at checkout is part of what each line costs, so that it goes back with the goods to the cent; what a country
lets a person spend in a year is a stream that every order of theirs holds a part of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection

from fairday.goods.duties import DutyTable, Goods, Landed, Parcel, duty_table, landed, read_table
from fairday.goods.duties.table import FOREVER, Dated, Regime
from fairday.goods.rates import Rates, rates_on
from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS, local_day, to_date
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.forwarding import forwarding
from fairday.kernel.ids import digest
from fairday.kernel.settings import BorderSettings, Settings
from fairday.storage.runner import stream_state
from fairday.trade.modes import B2C, Share, Terms, pay_ms
from fairday.trade.order import SHIPPING

ALLOWANCE = "allowance"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of goods that is to cross: ``value`` is what the buyer pays for it without tax, minor units; ``names`` are
    what a shop may bar it by, the product's number and tags."""

    line: str
    qty: int
    value: int
    code: str = ""
    names: tuple[str, ...] = ()


class Yearly(msgspec.Struct, frozen=True):
    """What a country lets a person spend in a calendar year, and what is left of it; minor units of ``currency``."""

    limit: int
    left: int
    currency: str


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """What crossing a border means for a cart.

    Attributes:
        country: where it goes.
        landed: duty and tax, None where nothing can be said (``problem`` tells why).
        prepaid: duty and tax are part of what is paid now; otherwise the carrier asks for them on delivery.
        holds: what the order takes of the buyer's yearly allowance.
        problems: why lines may not be sent, by line.
        problem: why the whole may not, or None.
        yearly: what the country lets this buyer spend in a year and what is left of it before this order, minor units
            of its ``currency``; None where it counts nothing.
        number: the shop's number with the country's customs (IOSS, VAT), for papers.
    """

    country: str
    landed: Landed | None = None
    prepaid: bool = False
    holds: tuple[Hold, ...] = ()
    problems: Mapping[str, FairdayError] = {}
    problem: FairdayError | None = None
    yearly: Yearly | None = None
    number: str = ""

    def levied(self, line: str) -> tuple[int, int]:
        """Duty and tax that a line pays now, minor units."""
        if self.landed is None or not self.prepaid:
            return 0, 0
        return next(((x.duty, x.tax) for x in self.landed.lines if x.line == line), (0, 0))

    @property
    def carriage(self) -> tuple[int, int]:
        """Duty and tax that delivery pays now, minor units."""
        if self.landed is None or not self.prepaid:
            return 0, 0
        return self.landed.carriage_duty, self.landed.carriage_tax

    @property
    def now(self) -> int:
        """What is paid now, minor units."""
        return self.landed.duty + self.landed.tax if self.landed is not None and self.prepaid else 0

    @property
    def later(self) -> int:
        """What the carrier will ask for, minor units."""
        return 0 if self.landed is None or self.prepaid else self.landed.duty + self.landed.tax

    def told(self) -> dict[str, Any]:
        """What the order keeps of it."""
        assert self.landed is not None
        return {
            "country": self.country, "regime": self.landed.regime, "duty": self.landed.duty, "tax": self.landed.tax,
            "prepaid": self.prepaid, "certain": self.landed.certain, "version": self.landed.version,
            "number": self.number,
        }  # fmt: skip


@lru_cache(maxsize=8)
def _laid_over(text: str) -> DutyTable:
    return read_table(text, over=duty_table()) if text.strip() else duty_table()


@lru_cache(maxsize=8)
def _with_own(border: bytes) -> DutyTable:
    own = msgspec.json.decode(border, type=BorderSettings)
    table = _laid_over(own.table)
    territories, countries = dict(table.territories), dict(table.countries)
    for name, rates in own.tariffs.items():
        there = territories.get(name)
        if there is not None:
            tariff = dict(there.tariff) | {prefix: always(rate) for prefix, rate in rates.items()}
            territories[name] = msgspec.structs.replace(there, tariff=tariff)
    for code, rate in own.vat.items():
        if code in countries:
            countries[code] = msgspec.structs.replace(countries[code], tax=always(rate))
    version = f"{table.version}+{digest('own duties', border.decode())[:6]}"
    return DutyTable(version=version, countries=countries, territories=territories)


def always(rate: Decimal) -> Dated:
    """A rate in percent that holds on every day."""
    return ((-FOREVER, Fraction(rate) / 100),)


def table_of(settings: Settings) -> DutyTable:
    """The table of duties with the shop's own laid over it; its version says so.

    Raises:
        FairdayError: the shop's own cannot be read.
    """
    border = settings.border
    if not border.tariffs and not border.vat:
        return _laid_over(border.table)
    return _with_own(
        msgspec.json.encode(BorderSettings(tariffs=border.tariffs, vat=border.vat, table=border.table), order="sorted")
    )


def number_of(settings: Settings, country: str) -> str:
    """The shop's number with a country's customs, or ""."""
    there = table_of(settings).countries.get(country)
    numbers = settings.border.numbers
    return numbers.get(country) or (numbers.get(there.customs, "") if there is not None else "")


def crosses(settings: Settings, country: str) -> bool:
    """Whether goods sent to a country leave the shop's own tax: abroad, and not sold there as at home.

    Inside one customs territory a shop that is registered in the buyer's country charges that country's tax itself; of
    a territory that the table does not know its own registration is all there is to go by.
    """
    home = settings.country
    if not home or not country or home == country:
        return False
    countries = table_of(settings).countries
    there, here = countries.get(country), countries.get(home)
    inside = there is None or (here is not None and here.customs == there.customs)
    return not (inside and country in settings.taxes)


def crossed(
    conn: Connection,
    settings: Settings,
    sent: Sequence[Sent],
    country: str,
    carriage: int,
    account: str | None,
    now: int,
) -> Crossing:
    """What crossing means for lines of goods, by the table, the rates and the buyer's allowance as they stand.

    Args:
        account: the buyer's member account's stream; None for a guest, who has no yearly allowance.
    """
    day = local_day(now, settings.zone)
    stream = allowance_stream(account, country, day) if account is not None else None
    spent = spent_of(conn, stream) if stream is not None else 0
    return cross(sent, settings, country, carriage, stream, spent, day, table_of(settings), rates_on(conn, day))


def allowance_stream(account: str, country: str, day: int) -> str:
    """The stream of what a member account spends in a country's calendar year."""
    return f"{ALLOWANCE}:{country}:{to_date(day).year}:{account.partition(':')[2]}"


def spent_of(conn: Connection, stream: str) -> int:
    """What an allowance's account has spent, minor units of the country's money."""
    found = stream_state(conn, stream)
    return int(found[1]["spent"]) if found is not None else 0


def cross(
    sent: Sequence[Sent], settings: Settings, country: str, carriage: int, stream: str | None, spent: int, day: int,
    table: DutyTable, rates: Rates,
) -> Crossing:  # fmt: skip
    """As ``crossed``, of values alone. ``stream`` is the buyer's allowance of the year and ``spent`` what it holds."""
    if not settings.border.sells_to(country):
        closed = Conflict("The shop does not sell there.", code="border_closed", where=country)
        return Crossing(country=country, problem=closed, problems={x.line: closed for x in sent})
    barred = settings.border.refuses.get(country, ())
    lines = tuple(
        Goods(line=x.line, value=x.value, qty=x.qty, code=x.code,
              banned=frozenset([country]) if any(n in barred for n in x.names) else frozenset())
        for x in sent
    )  # fmt: skip
    parcel = Parcel(lines=lines, currency=settings.currency, sent_from=settings.country, sent_to=country, day=day,
                    carriage=carriage, spent=spent)  # fmt: skip
    try:
        made = landed(parcel, table, rates)
        rules = _rules(table, country, made.regime, day)
        holds = _allowance(parcel, table, rates, rules, stream)
        yearly = _yearly(table, country, day, spent)
    except FairdayError as error:
        return Crossing(country=country, problem=Conflict(error.message, code="border_no_rate", where=error.where))
    problems = {line: Conflict(f"It may not be sent there: {why}.", code="border_refused", where=why)
                for line, why in made.refused if line}  # fmt: skip
    problem = None
    if any(not line for line, _ in made.refused):
        problem = Conflict("The order is over what the country lets in.", code="border_limit", where=country)
    elif rules is not None and rules.yearly is not None and stream is None:
        problem = Conflict("The country counts what a person spends in a year.", code="border_sign_in", where=country)
    return Crossing(
        country=country, landed=made, holds=holds, problems=problems, problem=problem,
        prepaid=made.collected == "checkout" or settings.border.prepaid, yearly=yearly,
        number=number_of(settings, country) if made.collected == "checkout" else "",
    )  # fmt: skip


def _rules(table: DutyTable, country: str, regime: str, day: int) -> Regime | None:
    there = table.countries.get(country)
    if there is None:
        return None
    regimes = table.territories[there.customs].regimes
    return next((r for r in regimes if r.name == regime and r.first <= day <= r.last), None)


def _yearly(table: DutyTable, country: str, day: int, spent: int) -> Yearly | None:
    """The country's yearly limit, whichever of its regimes this parcel comes under."""
    there = table.countries.get(country)
    territory = table.territories[there.customs] if there is not None else None
    limits = [r.yearly for r in (territory.regimes if territory else ()) if r.yearly and r.first <= day <= r.last]
    if territory is None or not limits:
        return None
    return Yearly(max(limits), max(0, max(limits) - spent), territory.currency)


def _allowance(
    parcel: Parcel, table: DutyTable, rates: Rates, rules: Regime | None, stream: str | None
) -> tuple[Hold, ...]:
    if rules is None or rules.yearly is None or stream is None:
        return ()
    currency = table.territories[table.countries[parcel.sent_to].customs].currency
    value = sum(g.value for g in parcel.lines) + parcel.carriage
    exact = rates.exact(value, parcel.currency, currency, parcel.day)
    amount = -((-exact.numerator) // exact.denominator)
    return (Hold(ALLOWANCE, stream, {"amount": amount, "limit": rules.yearly}),)


# ---- the mode --------------------------------------------------------------------------------------------------------


class CrossBorder(B2C):
    """A shop sells to people abroad: as B2C, with duty and tax of the buyer's country kept apart from its own sales."""

    name = "cross-border"

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        if "border" not in placing["data"]:
            return Refusal("bad_order", "An order across a border says what crossing costs.")
        return None

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        """Parcels from abroad are long on their way: received after 30 days unless the buyer says so before."""
        return Terms(pay_ms=pay_ms(placing), receive_ms=30 * DAY_MS)

    def shares(self, part: str, line: Mapping[str, Any], placing: Mapping[str, Any]) -> Sequence[Share]:
        duty = line.get("duty", 0)
        country = placing["data"]["border"]["country"]
        sales = "sales:shipping" if part == SHIPPING else "sales"
        found = [
            Share(part, "sales", sales, line["paid"] - line["tax"]),
            Share(part, "duty", f"duty:{country}", duty),
            Share(part, "tax", f"import-tax:{country}", line["tax"] - duty),
        ]
        return [share for share in found if share.amount]

    def exchanges(self, state: State) -> bool:
        """Duty was paid on these very goods."""
        return False


# ---- what a person may spend in a year -------------------------------------------------------------------------------


class AllowanceDecider(BaseDecider):
    """The rules of streams ``allowance:COUNTRY:YEAR:ACCOUNT``: what was spent, minor units of the country's money."""

    kind = ALLOWANCE

    def initial(self) -> State:
        return {"spent": 0}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return Refusal("unknown_command", "An allowance changes only with its orders.")

    def evolve(self, state: State, event: Event) -> State:
        into = {"into": event.data["into"]} if event.name == "Allowance Moved" else {}
        return {**state, **into, "spent": state["spent"] + event.data["change"]}

    def deadline(self, state: State) -> int | None:
        """At once, where an order gave back to an allowance that was moved."""
        return 0 if state.get("into") and state["spent"] else None


def moved(stream: str, state: State, into: str, other: State, now: int) -> dict[str, list[Event]]:
    """What an account has spent is spent by another from now on, which is the same person's."""
    gone = Event("Allowance Moved", {"into": into, "change": -state["spent"]})
    return {stream: [gone], into: [Event("Allowance Received", {"from": stream, "change": state["spent"]})]}


FORWARD = forwarding(ALLOWANCE, moved)
"""What an order gives back to the allowance of an account that was merged goes on to the other's."""


class AllowanceClaim:
    """An order's part of its buyer's yearly allowance; what goes back of the order's price gives as much of it back."""

    name = ALLOWANCE

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        amount, limit = hold.data["amount"], hold.data["limit"]
        if turn.step == "place":
            if state["spent"] + amount > limit:
                return Refusal("border_limit", "It is more than the country lets a person spend in a year.")
            return _changed("Allowance Taken", turn, amount)
        return _changed("Allowance Given Back", turn, -turn.back(amount))


def _changed(name: str, turn: Turn, change: int) -> list[Event]:
    return [Event(name, {"order": turn.order, "change": change})] if change else []
