"""What repricing says: last year's carts under a promotion or coupon that is only planned. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fairday.insight.replay.model import LONGEST, Note, Period, same_day
from fairday.kernel.clock import local_day, to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.ids import digest
from fairday.offers.model import Rule, When

Group = Literal["first", "some", "regular", "unknown"]
GROUPS: tuple[Group, ...] = ("first", "some", "regular", "unknown")
"""Buyers by the orders they had before: none, 1 to 4, 5 and more; and those nobody knows."""


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """How a coupon would have been in people's hands.

    Attributes:
        deck: (rule, weight): which one each hand holds, drawn by weight. None: whoever buys holds all of them.
        per_person: how many one person may use.
        most: how many may be used in all, or None.
    """

    deck: tuple[tuple[str, int], ...] | None = None
    per_person: int = 1
    most: int | None = None


class Span(msgspec.Struct, frozen=True):
    """What was, and between what another year like it would be 8 times in 10."""

    was: int
    low: int
    high: int


class RuleShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the planned rules took: carts, minor units off, gifts given."""

    rule: str
    carts: int
    given: int
    gifts: int


class GroupShare(msgspec.Struct, frozen=True, kw_only=True):
    """Of one group of buyers: people, carts it touched, minor units given."""

    group: Group
    people: int
    carts: int
    given: int


class RepricedLine(msgspec.Struct, frozen=True):
    """A line of an example: its title, units, minor units paid and after."""

    title: str
    qty: int
    paid: int
    after: int


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A cart as it was and as it would have been; ``more`` lines are not listed. Nobody is named."""

    day: int
    lines: list[RepricedLine]
    more: int
    paid: int
    after: int
    rules: list[str]


class Repriced(msgspec.Struct, frozen=True, kw_only=True):
    """Last year's carts with and without a draft; amounts in minor units of the shop's currency.

    Attributes:
        rules: ids of what was planned; ``coupon``: whether they ask for one, and then everybody had it.
        carts, paid: all carts of those days, and what they paid for goods.
        touched: carts it would have changed, ``before`` what they paid for goods, ``given`` what it takes off.
        gifts: pieces given; ``gift_cost`` what they cost the shop, as the rules say.
        buyers: different people it would have reached; ``groups`` by the orders they had before.
        margin: percent of the revenue that is margin before the discount, as it was told.
        proven: share of the touched carts whose combination is proven the best.
        stretches: (first day, carts touched, given) of every seven days, or of every day where they are few.
    """

    rules: list[str]
    titles: dict[str, dict[str, str]]
    coupon: bool
    first: int
    last: int
    carts: int
    paid: int
    touched: Span
    before: int
    given: Span
    gifts: int
    gift_cost: int
    buyers: int
    by_rule: list[RuleShare]
    groups: list[GroupShare]
    margin: int
    proven: float
    stretches: list[tuple[int, int, int]]
    examples: list[Example]
    notes: list[Note]

    @property
    def margin_before(self) -> int:
        """Margin of the touched carts as they were."""
        return self.before * self.margin // 100

    @property
    def margin_after(self) -> Span:
        """Margin that is left when the same people buy the same; low where most is given."""
        kept = self.margin_before - self.gift_cost
        return Span(kept - self.given.was, kept - self.given.high, kept - self.given.low)

    @property
    def needed(self) -> float | None:
        """How many more such carts, as a share of them, it would have to bring to pay for itself; None: never."""
        left = self.margin_after.was
        return None if left <= 0 else (self.given.was + self.gift_cost) / left


class Typical(msgspec.Struct, frozen=True):
    """What a rule takes off a cart it applies to.

    Attributes:
        amount: minor units on average.
        low, high: eight of ten carts lie between.
        carts: of how many carts it was worked out; 0: from the rule's own words.
        share: of the carts looked at, how many it applies to.
    """

    amount: int
    low: int
    high: int
    carts: int
    share: float


def usual_days(rules: Sequence[Rule], today: int, zone: str) -> Period:
    """The days a planned rule is asked of: its own a year before, where it has both dates; else the last 365."""
    spans = [(r.when.start, r.when.end) for r in rules]
    if spans and all(a is not None and b is not None for a, b in spans):
        first = min(local_day(a, zone) for a, _ in spans if a is not None)
        last = max(local_day(b - 1, zone) for _, b in spans if b is not None)
        if 0 <= last - first < LONGEST:
            of = to_date(first)
            year = of.year - 1
            while to_day(same_day(of, year)) + last - first >= today:
                year -= 1
            start = to_day(same_day(of, year))
            return Period(start, start + last - first)
    return Period(today - 365, today - 1)


def days_asked(first: int, last: int) -> Period:
    """Days somebody asked for.

    Raises:
        FairdayError: they end before they begin, or are too many.
    """
    if not 0 <= last - first < LONGEST:
        raise FairdayError(
            "The days of a replay are not usable.", code="bad_replay_days", where="first",
            remedy=f"Write the first and the last day, at most {LONGEST} days.",
        )  # fmt: skip
    return Period(first, last)


def undated(rule: Rule) -> tuple[Rule, bool]:
    """A rule without what cannot be asked of a cart of last year, and whether a way of paying was among it.

    The days are said beside it; how an order was paid is not told with it; a scene's arms are of its own time.
    """
    when: When = msgspec.structs.replace(rule.when, start=None, end=None, payment_methods=frozenset(), scene="")
    return msgspec.structs.replace(rule, when=when), bool(rule.when.payment_methods)


def subject_of(name: str) -> str:
    """The name under which a repricing is kept among the replays."""
    return f"={digest('repriced', name)}"


def version_of(rules: Sequence[Rule], handed: Handed) -> int:
    """A number that changes when what was asked does."""
    said = [msgspec.json.encode(r, order="deterministic") for r in rules]
    return int(digest(*said, msgspec.json.encode(handed))[:7], 16)
