"""The one rounding: exact discounts to whole minor units that sum exactly, by a named remainder policy."""

from __future__ import annotations

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
    takes: list[int], d: int, caps: list[int], remainder: str = "largest", half: str = "up", total: int = -1
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


Column = tuple[int, list[tuple[int, int]], int, int]
"""What a rule takes: (rule, (line, take), times, d); of a line ``take × times / d``."""


CLOSE = 2.0**-38
"""How near to a whole unit a share may be in floating point before it is computed exactly."""
NEARLY = 2.0**-20
"""How far what a rule lost may be off."""


class Shares:
    """What a line's discount is made of: its ``rules``, the whole units of each (``parts``), and what their exact
    shares have above the whole units below (``rests``)."""

    __slots__ = ("parts", "rests", "rules")

    def __init__(self) -> None:
        self.rules: list[int] = []
        self.parts: list[int] = []
        self.rests: list[float] = []


def by_rule(
    columns: list[Column], lines: list[int], names: list[str]
) -> tuple[list[tuple[tuple[str, int], ...]], dict[int, int]]:
    """Each line's whole discount divided among its rules, as (name, amount), and each rule's sum.

    Args:
        columns: one of each rule.
        lines: each line's whole discount; names: of the rules.

    Every share is its exact one rounded down or up where the line's sum allows; a rule that lost most by rounding so
    far gets the next unit to spare, and at the end units are swapped inside a line from rules above to rules below.
    Whole units are exact; what was lost is told in floating point, good to a billionth of a share.
    """
    placed, sums = _below(columns, len(lines))
    lost = [0.0] * (max(sums, default=-1) + 1)
    """What each rule was given less than exact so far."""
    for i, shares in enumerate(placed):
        rules, parts, rests, spare = shares.rules, shares.parts, shares.rests, lines[i]
        uneven: list[int] = []
        for place, rule in enumerate(rules):
            spare -= parts[place]
            rest = rests[place]
            if rest:
                lost[rule] += rest
                uneven.append(place)
        while spare > 0:
            place = _most(uneven or list(range(len(rules))), rules, lost)
            parts[place] += 1
            sums[rules[place]] += 1
            lost[rules[place]] -= 1.0
            spare -= 1
        while spare < 0:
            place = min([k for k, part in enumerate(parts) if part], key=lambda k: lost[rules[k]])
            parts[place] -= 1
            sums[rules[place]] -= 1
            lost[rules[place]] += 1.0
            spare += 1
    above = {rule for rule, less in enumerate(lost) if less <= NEARLY - 1.0}
    if above:
        _swap(columns, placed, sums, lost, above)
    told = []
    for shares in placed:
        parts = shares.parts
        told.append(tuple([(names[rule], parts[place]) for place, rule in enumerate(shares.rules) if parts[place]]))
    return told, sums


def _most(places: list[int], rules: list[int], lost: list[float]) -> int:
    """The place whose rule lost most, the first among equals."""
    best, most = -1, 0.0
    for place in places:
        less = lost[rules[place]]
        if best < 0 or less > most:
            best, most = place, less
    return best


def _below(columns: list[Column], lines: int) -> tuple[list[Shares], dict[int, int]]:
    """By line the whole units of each share and what it has above them, and rules' sums of whole units."""
    placed = [Shares() for _ in range(lines)]
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
            shares = placed[i]
            shares.rules.append(rule)
            shares.parts.append(part)
            shares.rests.append(rest)
            whole += part
        sums[rule] = whole
    return placed, sums


def _swap(
    columns: list[Column], placed: list[Shares], sums: dict[int, int], lost: list[float], above: set[int]
) -> None:
    """Move units inside lines from rules that got a unit too much to rules that got too little."""
    below, _ = _below(columns, len(placed))
    for shares, least in zip(placed, below, strict=True):
        rules, parts = shares.rules, shares.parts
        for place, rule in enumerate(rules):
            if rule not in above or lost[rule] > NEARLY - 1.0 or parts[place] <= least.parts[place]:
                continue
            for there, other in enumerate(rules):
                if lost[other] > NEARLY and parts[there] < least.parts[there] + (1 if least.rests[there] else 0):
                    for at, one, more in ((place, rule, -1), (there, other, 1)):
                        parts[at] += more
                        sums[one] += more
                        lost[one] -= more
                    break
