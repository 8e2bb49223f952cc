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
        taking.sort(key=lambda i: (-(takes[i] % d), i))
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


def by_rule(
    shares: Sequence[Sequence[tuple[int, int]]], d: int, lines: Sequence[int], rules: int
) -> list[dict[int, int]]:
    """Each line's whole discount divided among its rules.

    Args:
        shares: of each line, (rule, exact share times ``d``), one entry a rule.
        lines: each line's whole discount.
        rules: how many rules there are.

    Every share is its exact one rounded down or up where the line's sum allows; a rule that has lost most by rounding
    so
    far gets the next unit to spare, and at the end units are swapped inside a line from rules above to rules below.
    """
    if d == 1:
        return [dict(entries) for entries in shares]
    placed: list[dict[int, int]] = []
    lost = [0] * rules
    """What each rule was given less than exact so far, times ``d``."""
    open_ = []
    for entries, whole in zip(shares, lines, strict=True):
        parts, uneven, spare = {}, [], whole
        for k, t in entries:
            part, rest = divmod(t, d)
            parts[k] = part
            spare -= part
            if rest:
                lost[k] += rest
                uneven.append(k)
        if spare:
            order = sorted(uneven or parts, key=lambda k: (-lost[k], k))
            if spare < 0:
                order.reverse()
            step, at = (1 if spare > 0 else -1), 0
            while spare and order:
                k = order[at % len(order)]
                at += 1
                if parts[k] + step >= 0:
                    parts[k] += step
                    lost[k] -= step * d
                    spare -= step
        if len(uneven) > 1:
            open_.append((parts, {k: t // d for k, t in entries if t % d}))
        placed.append(parts)
    for parts, floors in open_:
        for k, low in floors.items():
            if lost[k] <= -d and parts[k] > low:
                for j, under in floors.items():
                    if lost[j] > 0 and parts[j] <= under:
                        parts[k] -= 1
                        parts[j] += 1
                        lost[k] += d
                        lost[j] -= d
                        break
    return placed
