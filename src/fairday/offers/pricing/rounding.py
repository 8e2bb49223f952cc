"""The one rounding: exact discounts to whole minor units that sum exactly, by a named remainder policy."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ldexp


def half_up(value: Fraction) -> int:
    """A fraction to the nearest integer, halves up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def rounded(top: int, bottom: int, half: str = "up") -> int:
    """``top / bottom`` to the nearest integer, halves up or down."""
    return (2 * top + bottom) // (2 * bottom) if half == "up" else -((bottom - 2 * top) // (2 * bottom))


def quotient(top: int, bottom: int) -> float:
    """``top / bottom`` in floating point, the same whether this is compiled or not: compiled division rounds integers
    beyond 2**53 before it divides."""
    if top < 2**53 and bottom < 2**53:
        return top / bottom
    more = max(0, 64 + bottom.bit_length() - top.bit_length())
    return ldexp((top << more) // bottom, -more)


def share_out(
    takes: Sequence[int], d: int, caps: Sequence[int], remainder: str = "largest", half: str = "up", total: int = -1
) -> list[int]:
    """Whole units for exact amounts ``takes[i] / d``: they sum to the rounded sum (or to ``total``), none beyond its
    cap.

    Args:
        caps: integers at least as large as each amount.
        remainder: who gets what does not divide; see docs/algorithms/pricing.md.
    """
    if total < 0:
        total = rounded(sum(takes), d, half)
    if remainder == "half down, first":
        parts = [rounded(t, d, "down") for t in takes]
    elif remainder == "half up, last":
        parts = [min(rounded(t, d), c) for t, c in zip(takes, caps, strict=True)]
    else:
        parts = [t // d for t in takes]
    spare = total - sum(parts)
    if not spare:
        return parts
    taking = [i for i, t in enumerate(takes) if t]
    if remainder.endswith("last"):
        for i in reversed(taking):
            moved = max(-parts[i], min(spare, caps[i] - parts[i]))
            parts[i] += moved
            spare -= moved
            if not spare:
                break
        return parts
    if remainder == "largest":
        taking.sort(key=lambda i: takes[i] % d, reverse=True)
    step = 1 if spare > 0 else -1
    while spare:
        before = spare
        for i in taking:
            if spare and 0 <= parts[i] + step <= caps[i]:
                parts[i] += step
                spare -= step
        if spare == before:
            break
    return parts


Column = tuple[int, Sequence[tuple[int, int]], int, int]
"""What a rule takes: (rule, (line, take), times, d); of a line ``take × times / d``."""


CLOSE = 2.0**-38
"""How near to a whole unit a share may be in floating point before it is computed exactly."""
NEARLY = 2.0**-20
"""How far what a rule lost may be off."""


def by_rule(columns: Sequence[Column], lines: Sequence[int]) -> tuple[list[dict[int, int]], dict[int, int]]:
    """Each line's whole discount divided among its rules, and each rule's sum.

    Args:
        columns: one of each rule.
        lines: each line's whole discount.

    Every share is its exact one rounded down or up where the line's sum allows; a rule that lost most by rounding so
    far gets the next unit to spare, and at the end units are swapped inside a line from rules above to rules below.
    Whole units are exact; what was lost is told in floating point, good to a billionth of a share.
    """
    placed, uneven, sums = _below(columns, len(lines))
    lost = [0.0] * (max(sums, default=-1) + 1)
    """What each rule was given less than exact so far."""
    for at, parts in enumerate(placed):
        rests = uneven[at]
        for rule, rest in rests.items():
            lost[rule] += rest
        spare = lines[at] - sum(parts.values())
        while spare > 0:
            ranked = sorted(rests or parts, key=lost.__getitem__, reverse=True)
            again = lost[ranked[0]] - 1.0
            for rule in ranked[:spare]:
                if lost[rule] <= again:
                    break
                parts[rule] += 1
                sums[rule] += 1
                lost[rule] -= 1.0
                spare -= 1
        while spare < 0:
            rule = min([rule for rule in parts if parts[rule]], key=lost.__getitem__)
            parts[rule] -= 1
            sums[rule] -= 1
            lost[rule] += 1.0
            spare += 1
    above = {rule for rule, less in enumerate(lost) if less <= NEARLY - 1.0}
    if above:
        _swap(columns, placed, sums, lost, above)
    return placed, sums


def _below(
    columns: Sequence[Column], lines: int
) -> tuple[list[dict[int, int]], list[dict[int, float]], dict[int, int]]:
    """By line and rule the whole units of each share, what it has above them (where it has any), and rules' sums."""
    placed: list[dict[int, int]] = [{} for _ in range(lines)]
    uneven: list[dict[int, float]] = [{} for _ in range(lines)]
    sums: dict[int, int] = {}
    for rule, takes, times, bottom in columns:
        shift = max(0, bottom.bit_length() - times.bit_length() - 48)
        ratio, whole = quotient(times << shift, bottom), 0
        for i, take in takes:
            share = float(take >> shift) * ratio
            part = int(share)
            rest = share - part
            near = CLOSE + share * 1e-15
            if rest < near or rest > 1.0 - near:
                part, over = divmod(take * times, bottom)
                rest = max(CLOSE, share - part) if over else 0.0
            placed[i][rule] = part
            whole += part
            if rest:
                uneven[i][rule] = rest
        sums[rule] = whole
    return placed, uneven, sums


def _swap(
    columns: Sequence[Column], placed: list[dict[int, int]], sums: dict[int, int], lost: list[float], above: set[int]
) -> None:
    """Move units inside lines from rules that got a unit too much to rules that got too little."""
    below, uneven, _ = _below(columns, len(placed))
    for i, parts in enumerate(placed):
        least = below[i]
        for rule in above.intersection(parts):
            if lost[rule] > NEARLY - 1.0 or parts[rule] <= least[rule]:
                continue
            for other, part in least.items():
                if lost[other] > NEARLY and parts[other] < part + (1 if other in uneven[i] else 0):
                    for one, more in ((rule, -1), (other, 1)):
                        parts[one] += more
                        sums[one] += more
                        lost[one] -= more
                    break
