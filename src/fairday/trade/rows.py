"""From which places an order's units leave: each line's units stand in a row, place after place. Pure.

A line that is served from several places holds its stock in a row; units leave from its front (``goods.stock``). A
parcel from a place of its own puts that place's units to the front first, so that every place sends what is there.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairday.goods.stock.rules import StockClaim, shares_of, window
from fairday.kernel.decider import Refusal, State
from fairday.trade.order import holds, waiting

Row = list[tuple[str, int]]


def waiting_at(state: State) -> dict[str, dict[str, int]]:
    """By place, the units by line that wait to leave there; "" for goods whose stock nobody counts."""
    found: dict[str, dict[str, int]] = {}
    rows = _rows(state)
    for part, line in state["lines"].items():
        n = waiting(line)
        for place, units in window(rows[part], line["shipped"], line["shipped"] + n) if part in rows else [("", n)]:
            if units:
                at = found.setdefault(place, {})
                at[part] = at.get(part, 0) + units
    return found


def rows_from(state: State, place: str, units: Mapping[str, int]) -> dict[str, Row] | Refusal:
    """The rows of the lines, so turned that ``units`` leave from ``place`` next; or why they cannot."""
    made, rows = {}, _rows(state)
    for part, n in units.items():
        line = state["lines"][part]
        if part not in rows:
            if place:
                return Refusal("not_there", f"The units of line {part} are not counted at any place.", {"line": part})
            continue
        start, end = line["shipped"], line["shipped"] + waiting(line)
        waits = window(rows[part], start, end)
        there = sum(m for at, m in waits if at == place)
        if n > there:
            return Refusal("too_many_units", f"Of line {part} at most {there} wait at that place.", {"line": part})
        rest, taken = [], n
        for at, m in waits:
            less = min(m, taken) if at == place else 0
            taken -= less
            if m > less:
                rest.append((at, m - less))
        whole = sum(m for _, m in rows[part])
        made[part] = _joined([*window(rows[part], 0, start), (place, n), *rest, *window(rows[part], end, whole)])
    return made


def _rows(state: State) -> dict[str, Row]:
    return {str(h.data["line"]): shares_of(h) for h in holds(state) if h.claim == StockClaim.name}


def _joined(row: Row) -> Row:
    made: Row = []
    for place, n in row:
        if made and made[-1][0] == place:
            made[-1] = (place, made[-1][1] + n)
        else:
            made.append((place, n))
    return made


__all__ = ["rows_from", "waiting_at"]
