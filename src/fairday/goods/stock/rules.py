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
    """How the steps of an order move stock; holds are made by ``stock_hold`` or ``stock_holds``.

    - place: the units are reserved at the hold's places, all of them or none (``sold_out``).
    - pay: nothing moves; the reservation stands until the units leave. An order that expired and is paid late is placed
      again first, by which its units are retaken or the payment is refused.
    - ship: units of the line leave, from the hold's places in their order; refused where they are not there (a count
      found fewer).
    - cancel: reserved units of the line are free again: those named, or all of the hold where no line is named.
    - refund: units that came back (``units``) are on hand again at the hold's first place; those given up before they
      left (``unshipped``) are free again, from the hold's last place backwards.

    Never keeps time itself: an order that is not paid in time cancels by its own deadline.
    """

    name = "stock"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        parts, line = shares_of(hold), hold.data["line"]
        if turn.step == "place":
            return _reserve(state, hold, turn, parts)
        # Units of the line stand in a row, place after place: they leave from the front, and are given up from the end.
        held = sum(n for _, n in parts)
        sent = int(turn.sent.get(line, 0))
        waiting = int(turn.waiting.get(line, held - sent))
        if turn.step == "ship":
            return _ship(state, hold, turn, window(parts, sent, sent + int(turn.units.get(line, 0))))
        if turn.step not in ("cancel", "refund"):
            return []
        made: list[Event] = []
        back = int(turn.units.get(line, 0 if turn.units or turn.step == "refund" else held))
        given_up = back if turn.step == "cancel" else int(turn.unshipped.get(line, 0))
        freed = window(parts, max(sent, sent + waiting - max(given_up, 0)), sent + waiting)
        # Never refused, never below nothing: it has to be able to give back whatever was taken.
        freed = [(place, min(n, level_of(state, place)[1])) for place, n in freed]
        freed = [(place, n) for place, n in freed if n]
        if freed:
            made.append(_moved("Stock Released", state, turn, line, freed, (0, -1, 0)))
        if turn.step == "refund" and 0 < back <= MOST:
            # On the state the release left: they may be at one place.
            after = state if not made else StockDecider().evolve(state, made[0])
            made.append(_moved("Stock Returned", after, turn, line, [(parts[0][0], back)], (1, 0, 0)))
        return made


def stock_holds(parts: Iterable[tuple[str, str, str, int]]) -> list[Hold]:
    """One hold a line from (line, sku, place, qty), as an allocation gives them (``Part``)."""
    lines: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for line, sku, place, qty in parts:
        lines.setdefault((line, sku), []).append((place, qty))
    made = []
    for (line, sku), shares in lines.items():
        one = stock_hold(sku, shares[0][0], line, sum(n for _, n in shares))
        if len(shares) > 1:
            one = Hold(one.claim, one.stream, {**one.data, "parts": [list(share) for share in shares]})
        made.append(one)
    return made


_Shares = Sequence[tuple[str, int]]


def shares_of(hold: Hold) -> list[tuple[str, int]]:
    """The places a hold's units stand at, in their row: (place, units)."""
    given = hold.data.get("parts") or [(hold.data["place"], hold.data["qty"])]
    return [(place, int(n)) for place, n in given]


def window(parts: _Shares, start: int, end: int) -> list[tuple[str, int]]:
    """The units from ``start`` to ``end`` of a row of places."""
    found, at = [], 0
    for place, n in parts:
        taken = min(end, at + n) - max(start, at)
        if taken > 0:
            found.append((place, taken))
        at += n
    return found


def _reserve(state: State, hold: Hold, turn: Turn, parts: _Shares) -> Sequence[Event] | Refusal:
    if any(not 0 < n <= MOST for _, n in parts) or len({place for place, _ in parts}) < len(parts):
        return _bad_units("a whole number from 1, each place once")
    for place, n in parts:
        free = available_in(state, place)
        if n > free:
            sku = hold.data["sku"]
            told = {"sku": sku, "place": place, "left": free}
            return Refusal("sold_out", f"Only {free} of {sku} are left.", told)
    return [_moved("Stock Reserved", state, turn, hold.data["line"], parts, (0, 1, 0))]


def _ship(state: State, hold: Hold, turn: Turn, leaving: _Shares) -> Sequence[Event] | Refusal:
    for place, n in leaving:
        on_hand, reserved, _ = level_of(state, place)
        if n > min(on_hand, reserved):
            sku = hold.data["sku"]
            return Refusal(
                "not_there",
                f"{n} of {sku} cannot leave {place}: {on_hand} are there, {reserved} promised.",
                {"sku": sku, "place": place, "on_hand": on_hand, "reserved": reserved},
            )
    return [_moved("Stock Shipped", state, turn, hold.data["line"], leaving, (-1, -1, 0))] if leaving else []


def _moved(name: str, state: State, turn: Turn, line: str, shares: _Shares, way: Triple) -> Event:
    """An event of units that move alike at places: each unit changes the three numbers by ``way``."""
    levels = {}
    for place, n in shares:
        levels[place] = tuple(at + n * by for at, by in zip(level_of(state, place), way, strict=True))
    place, qty = shares[0][0], sum(n for _, n in shares)
    data: dict[str, Any] = {"place": place, "qty": qty, "order": turn.order, "line": line}
    if len(shares) > 1:
        data["parts"] = dict(shares)
    if turn.why:
        data["why"] = turn.why
    return Event(name, {**data, "levels": levels})
