"""A price that is talked about: ``quote:<id>``, asked for, offered, countered, accepted. Pure.

Each side answers the version it saw, so that nobody agrees to a price that has just been changed; an offer stands
until its day. An accepted quote places an order at its prices, in the order's own transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State
from fairday.trade.b2b.company import COMPANY, MOST
from fairday.trade.b2b.requisition import bad_lines

ASKED_MS = 30 * DAY_MS
"""A request, or a counter, that the shop does not answer for so long is over."""
LONGEST_MS = 180 * DAY_MS
MOST_VERSIONS = 40
OVER = ("accepted", "declined", "expired")


def stream_of(quote: str) -> str:
    """The stream of a quote's id."""
    return f"quote:{quote}"


def total_of(lines: Sequence[Sequence[Any]]) -> int | None:
    """What lines [[sku, qty, unit]] cost, minor units; None where a price is open."""
    return None if any(unit is None for _, _, unit in lines) else sum(qty * unit for _, qty, unit in lines)


class QuoteDecider(BaseDecider):
    """The rules of ``quote:<id>``.

    Commands, each with the ``version`` it answers: ``request`` {company, account, currency, lines [[sku, qty, unit]]}
    (unit: the price hoped for, minor units, or None), ``offer`` {version, units [unit], until} (the shop), ``counter``
    {version, account, units} (the buyer), ``decline`` {version, account or None}. It is accepted by its order.
    """

    kind = "quote"
    max_state_bytes = 32_768

    def initial(self) -> State:
        return {"status": "", "version": 0}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data = command.data
        if command.name == "request":
            return _request(state, data, now)
        if not state["status"]:
            return Refusal("no_such_quote", "There is no such quote.")
        if command.name == "deadline":
            return [Event("Quote Expired", {"at": now})]
        if command.name not in ("offer", "counter", "decline"):
            return Refusal("unknown_command", f"A quote knows no command {command.name!r}.")
        account = data.get("account")
        if command.name == "counter" and account != state["account"]:
            return Refusal("no_such_quote", "There is no such quote.")
        if account is not None and account != state["account"]:
            return Refusal("no_such_quote", "There is no such quote.")
        if state["status"] in OVER:
            return Refusal("quote_over", f"This quote is {state['status']}.", {"status": state["status"]})
        if data.get("version") != state["version"]:
            return Refusal("quote_moved", "The other side has answered meanwhile; look again.",
                           {"version": state["version"]})  # fmt: skip
        if command.name == "decline":
            return [Event("Quote Declined", {"by": account, "at": now})]
        return _offer(state, data, now) if command.name == "offer" else _counter(state, data, now)

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        match event.name:
            case "Quote Requested":
                kept = {k: data[k] for k in ("company", "account", "currency", "lines", "until")}
                return {"status": "requested", "version": 1, **kept, "order": None}
            case "Quote Offered" | "Quote Countered":
                lines = [[sku, qty, unit] for (sku, qty, _), unit in zip(state["lines"], data["units"], strict=True)]
                status = event.name.rpartition(" ")[2].lower()
                return {**state, "status": status, "version": state["version"] + 1, "lines": lines,
                        "until": data["until"]}  # fmt: skip
            case "Quote Accepted":
                return {**state, "status": "accepted", "order": data["order"]}
            case "Quote Moved":
                return {**state, "account": data["account"]}
        return {**state, "status": event.name.rpartition(" ")[2].lower()}

    def deadline(self, state: State) -> int | None:
        return None if not state["status"] or state["status"] in OVER else int(state["until"])

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data = event.data
        row: dict[str, Any] = {"id": stream.partition(":")[2], "updated_at": now}
        row["status"] = event.name.rpartition(" ")[2].lower()
        if event.name == "Quote Moved":
            row |= {"account": data["account"], "status": data["status"]}
        elif event.name == "Quote Requested":
            row |= {k: data[k] for k in ("company", "account", "currency")}
            row |= {"version": 1, "total": total_of(data["lines"]), "until_at": data["until"]}
        elif event.name in ("Quote Offered", "Quote Countered"):
            row |= {"version": data["version"], "total": data["total"], "until_at": data["until"]}
        yield Row("quotes", row)


def _request(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    if state["status"]:
        return Refusal("quote_exists", "There is a quote of that number already.")
    lines = data.get("lines") or []
    wrong = bad_lines([[sku, qty] for sku, qty, _ in lines])
    if wrong is not None:
        return wrong
    if any(unit is not None and not _price(unit) for _, _, unit in lines):
        return Refusal("bad_price", "A price is an amount of money above 0.")
    if not COMPANY.fullmatch(str(data.get("company"))) or not isinstance(data.get("account"), str):
        return Refusal("no_such_company", "There is no such company.")
    kept = {k: data[k] for k in ("company", "account", "currency", "lines")}
    return [Event("Quote Requested", kept | {"until": now + ASKED_MS})]


def _price(unit: Any) -> bool:
    return type(unit) is int and 0 < unit <= MOST


def _units(state: State, data: Mapping[str, Any]) -> list[int] | Refusal:
    units = list(data.get("units") or ())
    if len(units) != len(state["lines"]) or not all(_price(unit) for unit in units):
        return Refusal("bad_price", "Every line has a price, an amount of money above 0.")
    if state["version"] >= MOST_VERSIONS:
        return Refusal("too_many_versions", "This has gone to and fro for long enough; ask for a new quote.")
    return units


def _said(state: State, units: Sequence[int], until: int) -> dict[str, Any]:
    total = sum(qty * unit for (_, qty, _), unit in zip(state["lines"], units, strict=True))
    return {"units": list(units), "until": until, "version": state["version"] + 1, "total": total}


def _offer(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    units, until = _units(state, data), data.get("until")
    if isinstance(units, Refusal):
        return units
    if type(until) is not int or not now < until <= now + LONGEST_MS:
        return Refusal("bad_until", "An offer stands until a day after today, within half a year.")
    return [Event("Quote Offered", _said(state, units, until))]


def _counter(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    if state["status"] != "offered":
        return Refusal("not_offered", "It is the shop's turn.", {"status": state["status"]})
    units = _units(state, data)
    return units if isinstance(units, Refusal) else [Event("Quote Countered", _said(state, units, now + ASKED_MS))]


class QuoteClaim:
    """The quote that an order accepts: ``Hold("quote", "quote:ID", {account, version, lines [[sku, qty, unit]]})``."""

    name = "quote"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        if turn.step != "place" or turn.n:
            return []
        data = hold.data
        if not state["status"] or state["account"] != data["account"]:
            return Refusal("no_such_quote", "There is no such quote.")
        if state["status"] != "offered" or now > state["until"]:
            return Refusal("quote_over", "This offer does not stand any more.", {"status": state["status"]})
        same = [list(x) for x in state["lines"]] == [list(x) for x in data["lines"]]
        if state["version"] != data["version"] or not same:
            return Refusal("quote_moved", "The offer has changed meanwhile; look again.", {"version": state["version"]})
        return [Event("Quote Accepted", {"order": turn.order})]
