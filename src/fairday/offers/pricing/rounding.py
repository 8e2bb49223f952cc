"""The one rounding: exact discounts to whole minor units that sum exactly, by a named remainder policy."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def half_up(value: Fraction) -> int:
    """A fraction to the nearest integer, halves up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def rounded(top: int, bottom: int, half: str = "up") -> int:
    """``top / bottom`` to the nearest integer, halves up or down."""
    return (2 * top + bottom) // (2 * bottom) if half == "up" else -((bottom - 2 * top) // (2 * bottom))


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


def by_rule(columns: Sequence[Column], d: int, lines: Sequence[int]) -> tuple[list[dict[int, int]], dict[int, int]]:
    """Each line's whole discount divided among its rules, and each rule's sum.

    Args:
        columns: one of each rule, over denominators that divide ``d``.
        lines: each line's whole discount.

    Every share is its exact one rounded down or up where the line's sum allows; a rule that lost most by rounding so
    far gets the next unit to spare, and at the end units are swapped inside a line from rules above to rules below.
    """
    placed: list[dict[int, int]] = [{} for _ in lines]
    rests: list[dict[int, int]] = [{} for _ in lines]
    """Of shares that are not whole what is above the whole units below, times ``d``."""
    sums: dict[int, int] = {}
    lost: dict[int, int] = {}
    """What each rule was given less than exact so far, times ``d``."""
    for rule, takes, times, bottom in columns:
        factor, whole = d // bottom, 0
        for i, take in takes:
            part, rest = divmod(take * times, bottom)
            placed[i][rule] = part
            whole += part
            if rest:
                rests[i][rule] = rest * factor
        sums[rule], lost[rule] = whole, 0
    for parts, uneven, whole in zip(placed, rests, lines, strict=True):
        for rule, rest in uneven.items():
            lost[rule] += rest
        spare = whole - sum(parts.values())
        while spare > 0:
            ranked = sorted(uneven or parts, key=lost.__getitem__, reverse=True)
            again = lost[ranked[0]] - d
            for rule in ranked[:spare]:
                if lost[rule] <= again:
                    break
                parts[rule] += 1
                sums[rule] += 1
                lost[rule] -= d
                spare -= 1
        while spare < 0:
            rule = min([rule for rule in parts if parts[rule]], key=lost.__getitem__)
            parts[rule] -= 1
            sums[rule] -= 1
            lost[rule] += d
            spare += 1
    above = {rule for rule, less in lost.items() if less <= -d}
    if above:
        _swap(columns, d, placed, sums, lost, above)
    return placed, sums


def _swap(
    columns: Sequence[Column], d: int, placed: list[dict[int, int]], sums: dict[int, int], lost: dict[int, int],
    above: set[int],
) -> None:  # fmt: skip
    """Move units inside lines from rules that got a unit too much to rules that got too little."""
    exact: list[dict[int, int]] = [{} for _ in placed]
    for rule, takes, times, bottom in columns:
        for i, take in takes:
            exact[i][rule] = take * times * (d // bottom)
    for parts, entries in zip(placed, exact, strict=True):
        for rule in above.intersection(parts):
            if lost[rule] > -d or parts[rule] * d <= entries[rule]:
                continue
            for other, t in entries.items():
                if lost[other] > 0 and parts[other] * d < t:
                    for one, more in ((rule, -1), (other, 1)):
                        parts[one] += more
                        sums[one] += more
                        lost[one] -= more * d
                    break
