"""Last year's carts priced with and without planned rules, by the very engine that prices carts today."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from math import sqrt

from msgspec.structs import replace
from sqlalchemy import Connection, text

from fairday.insight.replay.baskets import Basket, Baskets
from fairday.insight.replay.model import Note, Period
from fairday.insight.replay.repriced import (
    GROUPS,
    Example,
    Group,
    GroupShare,
    Handed,
    Repriced,
    RepricedLine,
    RuleShare,
    Span,
    undated,
)
from fairday.kernel.audience import Audience, parse
from fairday.kernel.clock import local_day, local_minute
from fairday.kernel.errors import FairdayError
from fairday.kernel.ids import digest
from fairday.kernel.settings import Settings
from fairday.offers import budgets
from fairday.offers.model import Facts, Gift, Limits, Policy, Priced, Rule
from fairday.offers.pricing import Book, price
from fairday.people.past import Past, Pasts
from fairday.people.traits import vocabulary
from fairday.people.traits.folding import ORDERED
from fairday.people.traits.records import among
from fairday.storage.database import Database
from fairday.storage.lake import Lake

EXAMPLES = 5
LINES_SHOWN = 8
KEPT = 20_000
"""People whose past is kept in memory at once."""
REGULAR = 5
FEW_DAYS = 56
"""Below so many days they are told one by one, else by weeks."""
WITHIN = 1.2816
"""Standard deviations within which eight of ten draws lie."""
_NO_LIMITS = Limits()

Progress = Callable[[int, int], None]


def reprice(
    db: Database,
    settings: Settings,
    lake: Lake | None,
    rules: Sequence[Rule],
    period: Period,
    now: int,
    *,
    beside: Sequence[Rule] = (),
    handed: Handed | None = None,
    margin: int = 30,
    policy: Policy | None = None,
    progress: Progress = lambda done, total: None,
) -> Repriced:
    """Price the carts of some days as they were, and again with planned rules.

    The same people buy the same goods at the prices they paid; nobody buys more, or comes because of it.

    Args:
        lake: where the orders are read from; None: from the log.
        rules: what is planned; their dates are not asked, ``period`` says the days.
        beside: rules that are taken to have been in the book, with and without the planned ones.
        handed: for coupons, in whose hands they would have been.
        margin: percent of the revenue that is margin.
        progress: told (orders read, orders).

    Raises:
        FairdayError: no rule, or one that cannot be.
    """
    if not rules:
        raise FairdayError("Nothing is planned.", code="no_rules", where="rules", remedy="Name a promotion.")
    today = local_day(now, settings.zone)
    days = Period(period.first, min(period.last, today - 1))
    return _Till(db, settings, lake, rules, days, beside, handed or Handed(), margin, policy, progress).run()


class _Till:
    """One repricing as it goes on."""

    def __init__(
        self, db: Database, settings: Settings, lake: Lake | None, rules: Sequence[Rule], days: Period,
        beside: Sequence[Rule], handed: Handed, margin: int, policy: Policy | None, progress: Progress,
    ) -> None:  # fmt: skip
        self.db, self.settings, self.days, self.progress, self.margin = db, settings, days, progress, margin
        self.asked, self.handed, self.policy = list(rules), handed, policy
        cleaned = [undated(rule) for rule in rules]
        self.rules = {rule.id: rule for rule, _ in cleaned}
        self.untold = any(paying for _, paying in cleaned)
        self.beside = [
            undated(r)[0] for r in beside if r.id not in self.rules and not r.when.scene and not r.when.coupon
        ]
        self.baskets = Baskets(db, settings, lake, days.first, days.last)
        self.words = vocabulary(settings)
        planned = list(self.rules.values())
        early = [r for r in self.beside if r.layer == "catalogue"]
        # Whatever is taken beside others can be taken without them: who gets nothing here gets nothing at all.
        self.narrow = self._book([*early, *planned])
        self.full = self._book([*self.beside, *planned]) if len(self.beside) > len(early) else self.narrow
        self.without = self._book(self.beside) if self.beside else None
        both = [*self.beside, *planned]
        self.limited = [r for r in both if r.when.first_order or r.limits != _NO_LIMITS]
        self.counted: dict[str, dict[str, int]] = {}
        self.conditions: list[Audience] = [
            parse(c, self.words) for r in both for c in (r.when.who, r.when.unless) if c
        ]  # fmt: skip
        self.people: OrderedDict[int, tuple[list[int], Past | None]] = OrderedDict()
        self.bought_in: dict[int, int] = {}
        self.coupons = [r.id for r in planned if r.when.coupon]
        self.used: dict[int, int] = {}
        self.handed_out = 0
        self.carts = self.paid = self.touched = self.before = self.given = self.gifts = self.gift_cost = 0
        self.proven = 0
        self.by_rule = {rule: [0, 0, 0] for rule in self.rules}
        self.groups: dict[Group, list[int]] = {g: [0, 0] for g in GROUPS}
        self.reached: dict[Group, set[int]] = {g: set() for g in GROUPS}
        self.daily: dict[int, list[int]] = {d: [0, 0] for d in range(days.first, days.last + 1)}
        self.examples: list[tuple[str, Example]] = []

    def _book(self, rules: Sequence[Rule]) -> Book:
        return Book(rules, self.policy, people=self.words, currency=self.settings.currency)

    def run(self) -> Repriced:
        if self.days.first <= self.days.last:
            with self.db.read() as conn:
                self.pasts = Pasts(conn, self.settings, self.conditions, self.days.first, self.days.last)
            for some in self.baskets:
                self._load(some)
                for basket in some:
                    self._basket(basket)
                self.progress(self.baskets.read, self.baskets.total)
        return self._result()

    # ---- who ---------------------------------------------------------------------------------------------------------

    def _load(self, some: Sequence[Basket]) -> None:
        """Read what was known of the people of some carts, where it is not at hand."""
        here = {b.person for b in some if b.person is not None}
        for person in here & self.people.keys():
            self.people.move_to_end(person)
        new = sorted(here - self.people.keys())
        if new:
            with self.db.read() as conn:
                pasts = self.pasts.load(conn, new) if self.conditions else {}
                days = _order_days(conn, new)
            for person in new:
                self.people[person] = (days.get(person, []), pasts.get(person))
            while len(self.people) > KEPT:
                self.people.popitem(last=False)

    def _orders_before(self, person: int, day: int) -> int:
        """Orders a person had before a day, and on it before this one."""
        days, _ = self.people[person]
        return sum(d < day for d in days)

    def _facts(self, basket: Basket) -> Facts:
        person, first, known = basket.person, False, None
        if person is not None:
            days, past = self.people[person]
            first = not (days and days[0] < basket.day) and person not in self.bought_in
            known = past.on(basket.day) if past is not None else None
        return Facts(person=known, first_order=first, minute=local_minute(basket.at, self.settings.zone))

    # ---- one cart ----------------------------------------------------------------------------------------------------

    def _basket(self, basket: Basket) -> None:
        self.carts += 1
        paid = sum(_gross(basket))
        self.paid += paid
        facts = self._facts(basket)
        try:
            self._priced(basket, facts, paid)
        finally:
            if basket.person is not None:
                self.bought_in[basket.person] = self.bought_in.get(basket.person, 0) + 1

    def _priced(self, basket: Basket, facts: Facts, paid: int) -> None:
        held = self._held(basket)
        basket = basket if not held else with_coupons(basket, held)
        account = None if basket.person is None else f"account:{basket.person}"
        priced = self._price(self.narrow, basket, facts, account)
        if not self._took(priced):
            return
        base = 0
        if self.full is not self.narrow:
            priced = self._price(self.full, basket, facts, account)
        if self.without is not None:
            base = saved(self._price(self.without, basket, facts, account))
        taken = self._took(priced)
        if not taken:
            return
        self._count(priced, account, basket.day)
        self._add(basket, priced, taken, paid, saved(priced) - base)

    def _price(self, book: Book, basket: Basket, facts: Facts, account: str | None) -> Priced:
        if not self.limited:
            return price(basket.cart, book, facts, basket.at, basket.day)
        out: dict[str, str] = budgets.barred(self.limited, self.counted, account, basket.day)
        while True:
            priced = price(basket.cart, book, replace(facts, barred=out), basket.at, basket.day)
            more = budgets.barred(self.limited, self.counted, account, basket.day, priced)
            if more.keys() <= out.keys():
                return priced
            out = out | more

    def _held(self, basket: Basket) -> tuple[str, ...]:
        """The coupons that the buyer of a cart would have had in hand."""
        if not self.coupons:
            return ()
        deck, used = self.handed.deck, 0
        if basket.person is not None:
            used = self.used.get(basket.person, 0)
        if (self.handed.most is not None and self.handed_out >= self.handed.most) or (
            deck is not None and used >= self.handed.per_person
        ):
            return ()
        if deck is None:
            return tuple(self.coupons)
        who = f"pos:{basket.pos}" if basket.person is None else str(basket.person)
        return (_drawn(deck, digest("hand", who, str(used))),)

    def _took(self, priced: Priced) -> list[str]:
        return [told.rule for told in priced.applied if told.rule in self.rules]

    def _count(self, priced: Priced, account: str | None, day: int) -> None:
        rules = {r.id: r for r in self.limited}
        for told in priced.applied:
            if told.rule in rules:
                amount = int(told.values.get("amount", 0)) + int(told.values.get("shipping", 0))
                for _, stream, _, _ in budgets.counters(rules[told.rule], account, day):
                    state = self.counted.setdefault(stream, {"amount": 0, "uses": 0})
                    state["amount"] += amount
                    state["uses"] += 1

    # ---- sums --------------------------------------------------------------------------------------------------------

    def _add(self, basket: Basket, priced: Priced, taken: Sequence[str], paid: int, given: int) -> None:
        person = basket.person
        if any(rule in self.coupons for rule in taken):
            self.handed_out += 1
            if person is not None:
                self.used[person] = self.used.get(person, 0) + 1
        self.touched += 1
        self.before += paid
        self.given += given
        self.proven += priced.certificate.gap == 0
        gifts = {rule: qty for rule, _, qty in priced.gifts if rule in self.rules}
        self.gifts += sum(gifts.values())
        for rule in gifts:
            self.gift_cost += sum(b.cost * b.qty for b in self.rules[rule].benefits if isinstance(b, Gift))
        for told in priced.applied:
            if told.rule in self.by_rule:
                share = self.by_rule[told.rule]
                share[0] += 1
                share[1] += int(told.values.get("amount", 0)) + int(told.values.get("shipping", 0))
                share[2] += gifts.get(told.rule, 0)
        day = self.daily[basket.day]
        day[0] += 1
        day[1] += given
        group: Group = "unknown"
        if person is not None:
            before = max(self._orders_before(person, basket.day), self.bought_in.get(person, 0))
            group = "first" if before == 0 else "some" if before < REGULAR else "regular"
            self.reached[group].add(person)
        self.groups[group][0] += 1
        self.groups[group][1] += given
        self._example(basket, priced, taken, paid, given)

    def _example(self, basket: Basket, priced: Priced, taken: Sequence[str], paid: int, given: int) -> None:
        key = digest("example", str(basket.pos))
        if len(self.examples) >= EXAMPLES and key >= self.examples[-1][0]:
            return
        lines = [
            RepricedLine(basket.titles[x.line][:80], line.qty, x.gross, x.price)
            for line, x in zip(basket.cart.lines, priced.lines, strict=True)
        ]
        lines.sort(key=lambda x: x.after - x.paid)
        made = Example(
            day=basket.day, lines=lines[:LINES_SHOWN], more=max(0, len(lines) - LINES_SHOWN), paid=paid,
            after=paid - given, rules=list(taken),
        )  # fmt: skip
        self.examples = sorted([*self.examples, (key, made)], key=lambda e: e[0])[:EXAMPLES]

    def _result(self) -> Repriced:
        stretches = _stretches(self.daily)
        groups = [
            GroupShare(group=g, people=len(self.reached[g]), carts=self.groups[g][0], given=self.groups[g][1])
            for g in GROUPS
            if self.groups[g][0]
        ]
        return Repriced(
            rules=[r.id for r in self.asked], titles={r.id: dict(r.title) for r in self.asked},
            coupon=bool(self.coupons), first=self.days.first, last=self.days.last, carts=self.carts, paid=self.paid,
            touched=_span(self.touched, [n for _, n, _ in stretches]), before=self.before,
            given=_span(self.given, [n for _, _, n in stretches]), gifts=self.gifts, gift_cost=self.gift_cost,
            buyers=len(set().union(*self.reached.values())), groups=groups, margin=self.margin,
            by_rule=[RuleShare(rule=r, carts=n, given=off, gifts=g) for r, (n, off, g) in self.by_rule.items()],
            proven=self.proven / self.touched if self.touched else 1.0, stretches=stretches,
            examples=[e for _, e in self.examples], notes=self._notes(),
        )  # fmt: skip

    def _notes(self) -> list[Note]:
        skipped, notes = self.baskets.skipped, [Note("same_baskets"), Note("paid_prices")]
        notes.append(Note("beside", {"n": len(self.beside)}) if self.beside else Note("alone"))
        if self.coupons:
            notes.append(Note("everybody_held"))
        if self.conditions:
            notes.append(Note("known_then"))
        if any(r.limits != _NO_LIMITS for r in self.rules.values()):
            notes.append(Note("limits_held"))
        if self.untold:
            notes.append(Note("paying_untold"))
        for code, n in (("bare", skipped.bare), ("foreign", skipped.foreign), ("doubled", skipped.doubled)):
            if n:
                notes.append(Note(f"orders_{code}", {"n": n}))
        if self.days.first <= self.days.last:
            notes += [Note("trait_unknown", {"trait": trait}) for trait in sorted(self.pasts.unknown)]
        return notes


# ---- parts -----------------------------------------------------------------------------------------------------------


def _order_days(conn: Connection, persons: Sequence[int]) -> dict[int, list[int]]:
    """The local days on which people ordered, each as often as they did, ascending."""
    found: dict[int, list[int]] = {}
    for start in range(0, len(persons), 500):
        query = text(
            "SELECT o.person, a.day, SUM(a.n) FROM ownership o JOIN activity a ON a.interval_id = o.id"
            f" WHERE o.person IN ({among(persons[start : start + 500])}) AND a.measure = :ordered"
            " GROUP BY o.person, a.day ORDER BY o.person, a.day"
        )
        for person, day, n in conn.execute(query, {"ordered": ORDERED}):
            found.setdefault(person, []).extend([day] * min(max(int(n), 0), REGULAR))
    return found


def with_coupons(basket: Basket, coupons: tuple[str, ...]) -> Basket:
    """A basket whose buyer puts coupons in."""
    return replace(basket, cart=replace(basket.cart, coupons=coupons))


def _gross(basket: Basket) -> list[int]:
    """What each line cost, as the engine rounds it."""
    return [(2 * x.unit * x.qty + 10**x.unit_digits) // (2 * 10**x.unit_digits) for x in basket.cart.lines]


def saved(priced: Priced) -> int:
    """What offers took off a cart, delivery included."""
    return priced.discount + sum(n for _, n in priced.shipping_discounts)


def _drawn(deck: Sequence[tuple[str, int]], seed: str) -> str:
    """One of a deck by weight."""
    place = int(seed[:8], 16) % sum(n for _, n in deck)
    for rule, n in deck:
        if place < n:
            return rule
        place -= n
    raise AssertionError("a deck holds at least one")


def _stretches(daily: Mapping[int, Sequence[int]]) -> list[tuple[int, int, int]]:
    """(first day, carts, given) of every seven days, of every day where they are few."""
    days = sorted(daily)
    step = 1 if len(days) < FEW_DAYS else 7
    return [
        (days[at], sum(daily[d][0] for d in days[at : at + step]), sum(daily[d][1] for d in days[at : at + step]))
        for at in range(0, len(days), step)
    ]


def _span(was: int, parts: Sequence[int]) -> Span:
    """A sum of stretches of time with what it would be in others that differ as these do among each other."""
    n = len(parts)
    if n < 2:
        return Span(was, 0, 2 * was)
    mean = sum(parts) / n
    spread = WITHIN * sqrt(n * sum((p - mean) ** 2 for p in parts) / (n - 1))
    return Span(was, max(0, round(was - spread)), round(was + spread))
