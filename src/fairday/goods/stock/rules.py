"""The rules of stock: streams ``stock:<sku>`` with a level for each place, and how an order's steps move them. Pure.

Of each place a good has three numbers: ``on_hand`` (there, reserved ones included), ``reserved`` (promised to orders,
not gone yet) and ``incoming`` (on its way to the place). What can be sold there is on_hand less reserved, never below
nothing. See docs/algorithms/stock.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State
from fairday.kernel.errors import FairdayError

KIND = "stock"

MAIN = "main"
"""The place of a shop that has named none."""

MOST = 1_000_000_000
"""Units of a good at a place, and of one movement."""

MAX_NOTE = 200

REASONS = ("damaged", "lost", "found", "sample", "returned", "used", "other")
"""Why units came or went without a purchase or a sale."""

_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")

Triple = Sequence[int]
"""on_hand, reserved, incoming."""

NOTHING: Triple = (0, 0, 0)


def stock_stream(sku: str) -> str:
    """The stream of a good's stock.

    Raises:
        FairdayError: no SKU, or one longer than 190 characters or with control characters.
    """
    if not 0 < len(sku) <= 190 or any(ord(c) < 32 for c in sku):
        raise FairdayError(
            f"{sku[:60]!r} is not a SKU.", code="bad_sku", where="sku", remedy="Write 1 to 190 characters on one line."
        )
    return f"{KIND}:{sku}"


def stock_hold(sku: str, place: str, line: str, qty: int) -> Hold:
    """What an order's line claims of a good at a place."""
    return Hold("stock", stock_stream(sku), {"sku": sku, "place": place, "line": line, "qty": qty})


def level_of(state: State, place: str) -> Triple:
    """on_hand, reserved and incoming at a place."""
    found: Triple = state["places"].get(place, NOTHING)
    return found


def available_in(state: State, place: str) -> int:
    """How many can be promised at a place now."""
    on_hand, reserved, _ = level_of(state, place)
    return max(0, on_hand - reserved)


class StockDecider(BaseDecider):
    """The rules of streams ``stock:<sku>``.

    Commands, all with ``note`` ("" or a few words) beside what is named here; units are whole numbers:

    - ``count`` {place, on_hand}: somebody counted; the number stands whatever it was.
    - ``adjust`` {place, change ≠ 0, reason}: units came or went for one of ``REASONS``.
    - ``expect`` {place, qty ≠ 0}: units ordered from a supplier; a negative number takes an expectation back.
    - ``receive`` {place, qty}: units arrived; as many of those expected are no longer incoming.
    - ``move`` {place, to, qty, arrived}: units leave for another place; reserved ones cannot. Not ``arrived`` yet,
      they are incoming there until received.

    Orders reserve, ship and give back through ``StockClaim``. Every event carries the levels it left (``levels``), so
    that the projection needs nothing else and a reader of the log sees the number each step ended in.
    """

    kind = KIND
    max_state_bytes = 65_536
    """A chain's thousand stores, each with its three numbers."""

    def initial(self) -> State:
        return {"places": {}}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        act = _ACTS.get(command.name)
        if act is None:
            return Refusal("unknown_command", f"A stock knows no command {command.name!r}.")
        data = command.data
        place, note = data.get("place"), data.get("note", "")
        if not isinstance(place, str) or not is_place(place):
            return _bad_place(place)
        if not isinstance(note, str) or len(note) > MAX_NOTE:
            return Refusal("bad_note", f"A note has at most {MAX_NOTE} characters.")
        made = act(state, data, place)
        if isinstance(made, Refusal):
            return made
        name, told, levels = made
        if any(abs(number) > MOST for level in levels.values() for number in level):
            return Refusal("too_many_units", f"A place holds at most {MOST} units of a good.", {"place": place})
        by = {"by": command.actor} if command.actor != "system" else {}
        return [Event(name, {"place": place, **told, **by, **({"note": note} if note else {}), "levels": levels})]

    def evolve(self, state: State, event: Event) -> State:
        places = dict(state["places"])
        for place, level in event.data["levels"].items():
            if any(level):
                places[place] = list(level)
            else:
                places.pop(place, None)
        return {**state, "places": places}

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        sku = stream.partition(":")[2]
        for place, (on_hand, reserved, incoming) in event.data["levels"].items():
            values = {"sku": sku, "place": place, "on_hand": on_hand, "reserved": reserved, "incoming": incoming}
            yield Row("stock_levels", {**values, "changed_at": now})


_Made = tuple[str, dict[str, Any], dict[str, Triple]]


def is_place(text: str) -> bool:
    """Whether a text can be a place's number; stores are numbered so."""
    return _PLACE.fullmatch(text) is not None


def _bad_place(said: object) -> Refusal:
    return Refusal("bad_place", "A place is named by letters, digits, - _ and dots.", {"place": str(said)[:60]})


def _units(value: object, *, signed: bool = False, least: int = 1) -> int | None:
    if type(value) is not int or abs(value) > MOST or (value == 0 and least > 0):
        return None
    return value if signed or value >= least else None


def _bad_units(wanted: str) -> Refusal:
    return Refusal("bad_units", f"Units are {wanted}, at most {MOST}.")


def _count(state: State, data: Mapping[str, Any], place: str) -> _Made | Refusal:
    counted = _units(data.get("on_hand"), least=0)
    if counted is None:
        return _bad_units("a whole number from 0")
    on_hand, reserved, incoming = level_of(state, place)
    return "Stock Counted", {"change": counted - on_hand}, {place: (counted, reserved, incoming)}


def _adjust(state: State, data: Mapping[str, Any], place: str) -> _Made | Refusal:
    change, reason = _units(data.get("change"), signed=True), data.get("reason")
    if change is None:
        return _bad_units("a whole number, not 0")
    if reason not in REASONS:
        return Refusal("bad_reason", f"A reason is one of {', '.join(REASONS)}.")
    on_hand, reserved, incoming = level_of(state, place)
    if on_hand + change < 0:
        return _too_few(place, on_hand)
    return "Stock Adjusted", {"change": change, "reason": reason}, {place: (on_hand + change, reserved, incoming)}


def _expect(state: State, data: Mapping[str, Any], place: str) -> _Made | Refusal:
    qty = _units(data.get("qty"), signed=True)
    if qty is None:
        return _bad_units("a whole number, not 0")
    on_hand, reserved, incoming = level_of(state, place)
    if incoming + qty < 0:
        return Refusal("not_expected", "Fewer than that are on their way.", {"place": place, "incoming": incoming})
    return "Stock Expected", {"qty": qty}, {place: (on_hand, reserved, incoming + qty)}


def _receive(state: State, data: Mapping[str, Any], place: str) -> _Made | Refusal:
    qty = _units(data.get("qty"))
    if qty is None:
        return _bad_units("a whole number from 1")
    on_hand, reserved, incoming = level_of(state, place)
    return "Stock Received", {"qty": qty}, {place: (on_hand + qty, reserved, max(0, incoming - qty))}


def _move(state: State, data: Mapping[str, Any], place: str) -> _Made | Refusal:
    qty, to, arrived = _units(data.get("qty")), data.get("to"), data.get("arrived") is True
    if qty is None:
        return _bad_units("a whole number from 1")
    if not isinstance(to, str) or not is_place(to):
        return _bad_place(to)
    if to == place:
        return Refusal("same_place", "Units move from one place to another.", {"place": to})
    free = available_in(state, place)
    if qty > free:
        return _too_few(place, free)
    on_hand, reserved, incoming = level_of(state, place)
    there, promised, coming = level_of(state, to)
    after = (there + qty, promised, coming) if arrived else (there, promised, coming + qty)
    levels: dict[str, Triple] = {place: (on_hand - qty, reserved, incoming), to: after}
    return "Stock Moved", {"to": to, "qty": qty, "arrived": arrived}, levels


_ACTS = {"count": _count, "adjust": _adjust, "expect": _expect, "receive": _receive, "move": _move}


def _too_few(place: str, left: int) -> Refusal:
    return Refusal("too_few", f"Only {left} are free at {place}.", {"place": place, "left": left})


class StockClaim:
    """How the steps of an order move stock; holds are made by ``stock_hold``.

    - place: ``qty`` are reserved at the hold's place, or the order is refused (``sold_out``).
    - pay: nothing moves; the reservation stands until the units leave. A payment told as late (``why`` "late": the
      reservation had ended) takes the units again, or is refused so that the money goes back.
    - ship: the units of the line leave; refused where they are not there (a count found fewer).
    - cancel: reserved units of the line are free again: those named, or all of the hold where no line is named.
    - refund: units that came back are on hand again.

    Never keeps time itself: an order that is not paid in time cancels by its own deadline.
    """

    name = "stock"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        place, line, qty = hold.data["place"], hold.data["line"], int(hold.data["qty"])
        on_hand, reserved, incoming = level_of(state, place)
        if turn.step == "place" or (turn.step == "pay" and turn.why == "late"):
            free = available_in(state, place)
            if not 0 < qty <= MOST:
                return _bad_units("a whole number from 1")
            if qty > free:
                sku = hold.data["sku"]
                return Refusal(
                    "sold_out", f"Only {free} of {sku} are left.", {"sku": sku, "place": place, "left": free}
                )
            return [_moved("Stock Reserved", turn, line, place, qty, (on_hand, reserved + qty, incoming))]
        if turn.step not in ("ship", "cancel", "refund"):
            return []
        units = int(turn.units.get(line, 0 if turn.units or turn.step != "cancel" else qty))
        if turn.step == "cancel":
            # Never refused, never below nothing: it has to be able to give back whatever was taken.
            freed = min(max(units, 0), qty, reserved)
            after = (on_hand, reserved - freed, incoming)
            return [_moved("Stock Released", turn, line, place, freed, after)] if freed else []
        if not 0 < units <= MOST:
            return []
        if turn.step == "refund":
            return [_moved("Stock Returned", turn, line, place, units, (on_hand + units, reserved, incoming))]
        if units > min(on_hand, reserved):
            sku = hold.data["sku"]
            return Refusal(
                "not_there", f"{units} of {sku} cannot leave {place}: {on_hand} are there, {reserved} promised.",
                {"sku": sku, "place": place, "on_hand": on_hand, "reserved": reserved},
            )  # fmt: skip
        return [_moved("Stock Shipped", turn, line, place, units, (on_hand - units, reserved - units, incoming))]


def _moved(name: str, turn: Turn, line: str, place: str, qty: int, after: Triple) -> Event:
    data: dict[str, Any] = {"place": place, "qty": qty, "order": turn.order, "line": line}
    if turn.why:
        data["why"] = turn.why
    return Event(name, {**data, "levels": {place: after}})
