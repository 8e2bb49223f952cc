"""The walk of a replay: people in slices, each day by what was known then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, text

from fairday.goods.catalogue import ProductRow, all_products
from fairday.insight.replay.consents import Consents, Owned, owned_by
from fairday.insight.replay.face import PRICED, face_value
from fairday.insight.replay.model import Cost, Note, Period, Replay, ReplayDay, ReplayFloor, Shown, last_time
from fairday.kernel import ids
from fairday.kernel.audience import parse
from fairday.kernel.clock import DAY_MS, day_start, local_day
from fairday.kernel.festivals import NOBODY, Own, festival
from fairday.kernel.settings import Settings
from fairday.people.contact import Asked, Sent, Standing, Withheld, may_contact
from fairday.people.past import Past, Pasts
from fairday.people.tables import OPEN
from fairday.people.traits import vocabulary
from fairday.people.traits.folding import ORDERED
from fairday.people.traits.records import among, prefixed
from fairday.scenes.arms import assign
from fairday.scenes.choice import Person, choose
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.moment import moment_condition, moment_facts
from fairday.scenes.shelf import Shelf
from fairday.scenes.spec import Guard, Place, SceneSpec, When
from fairday.scenes.stage import Stage, Staged, own_dates
from fairday.scenes.staging import as_product, popularity
from fairday.storage.database import Database

SLICE = 500
"""People looked at in one transaction."""
SAMPLED_DAYS, SAMPLED_PEOPLE = 6, 40
"""On how many days, and of how many people on each, the goods they would have seen are worked out."""
TOP = 5
"""Goods named a floor."""
PAGES = ("page", "feed")

Progress = Callable[[int, int], None]


def replay(
    db: Database,
    settings: Settings,
    spec: SceneSpec,
    now: int,
    period: Period | None = None,
    progress: Progress = lambda done, total: None,
    *,
    told_today: bool = False,
) -> Replay:
    """Ask a scene of the log, in slices of people, each in a transaction of its own.

    Args:
        period: the days; by default those of ``last_time``.
        progress: told (people done, people).
        told_today: take what people told of themselves as it is known today (files that were imported later tell of
            earlier days too); nothing else looks ahead.
    """
    today = local_day(now, settings.zone)
    asked = period or last_time(spec, today)
    # A day that is not over yet would look different tomorrow.
    asked = Period(asked.first, min(asked.last, today - 1), asked.shift)
    return _Walk(db, settings, spec, asked, progress, told_today).run()


class _Walk:
    """One replay as it goes on."""

    def __init__(
        self, db: Database, settings: Settings, spec: SceneSpec, period: Period, progress: Progress, told_today: bool
    ) -> None:
        self.db, self.settings, self.spec, self.period, self.progress = db, settings, spec, period, progress
        self.people_words, self.told_today = vocabulary(settings), told_today
        self.who = None if spec.who is None else parse(spec.who, self.people_words)
        self.days = {d: ReplayDay(day=d) for d in range(period.first, period.last + 1)}
        self.moment = None if spec.when.moment is None else moment_condition(spec.when.moment)
        self._hours: dict[tuple[int, int], bool] = {}
        own = festival(spec.when.festival).own_trait if spec.when.festival else None
        self.own_trait = own
        self.holding = [] if own else self._holding(NOBODY)
        for day, phase, _ in self.holding:
            self.days[day].phase = phase
        usual = [d for d, _, _ in self.holding] or list(self.days)
        step = max(1, -(-len(usual) // SAMPLED_DAYS))
        self.samples: dict[int, list[tuple[str, int]]] = {d: [] for d in usual[step // 2 :: step]}
        self.met, self.held, self.mailed, self.reached = 0, 0, 0, 0
        self.mails, self.mails_at_most = 0, 0
        self.orders, self.revenue, self.offers = 0, 0, 0
        self.bought: dict[int, list[int]] = {n: [0, 0, 0] for n, _ in enumerate(spec.floors, 1)}
        self.notes = [Note("joined_today")]

    def _holding(self, own: Own) -> list[tuple[int, str, int]]:
        """(day, phase, occasion) on which the scene holds."""
        found = []
        for day in self.days:
            phase = self.spec.when.phase_on(day + self.period.shift, own)
            if phase is not None:
                # Each day of a moment is a round of its own, as it is when the scene runs.
                occasion = day if self.moment is not None else phase[1] if self.spec.when.festival else 0
                found.append((day, phase[0], occasion))
        return found

    def _could(self, day: int, hour: int) -> bool:
        """Whether the scene's moment may have been in an hour: its clock fits, and nothing else was ever known."""
        if self.moment is None:
            return True
        if (day, hour) not in self._hours:
            at = day_start(day, self.settings.zone) + hour * 3_600_000
            facts = moment_facts(at, self.settings.zone)
            self._hours[day, hour] = self.moment.holds(facts, day) is not False
        return self._hours[day, hour]

    def run(self) -> Replay:
        with self.db.read() as conn:
            conditions = [] if self.who is None else [self.who]
            traits = () if self.own_trait is None else (self.own_trait,)
            self.pasts = Pasts(
                conn, self.settings, conditions, self.period.first, self.period.last, (), traits,
                told_today=self.told_today,
            )  # fmt: skip
            everyone = [p for (p,) in conn.execute(text("SELECT person FROM people ORDER BY person"))]
            self.consents = Consents(conn, self.settings) if self._sends() else None
            catalogue = all_products(conn) if self.spec.floors else []
        self.shelved = on_floors(self.spec, catalogue, self.settings, self.period.last)
        total = len(everyone) + sum(SAMPLED_PEOPLE for _ in self.samples)
        for start in range(0, len(everyone), SLICE):
            with self.db.read() as conn:
                self._slice(conn, everyone[start : start + SLICE])
            self.progress(min(start + SLICE, len(everyone)), total)
        shown, pages = self._goods(catalogue, len(everyone), total)
        self.progress(total, total)
        return self._result({p.product: p.title or p.product for p in catalogue}, shown, pages)

    def _sends(self) -> bool:
        return any(p.touchpoint == "email" for p in self.spec.where)

    # ---- whom ------------------------------------------------------------------------------------------------------

    def _slice(self, conn: Connection, persons: Sequence[int]) -> None:
        pasts = self.pasts.load(conn, persons)
        owned = owned_by(conn, persons)
        came = came_on(conn, persons, self.period)
        reached: dict[int, int] = {}
        for person in persons:
            first = self._person(person, pasts[person], came.get(person, {}), owned.get(person, []))
            if first is not None:
                reached[person] = first
        self.reached += len(reached)
        self._anyway(conn, reached)

    def _person(self, person: int, past: Past, came: Mapping[int, set[int]], owned: Sequence[Owned]) -> int | None:
        """Walk one person's days; the day of their first meeting, or None."""
        current = [o for o in owned if o.until_at == OPEN]
        spec = self.spec
        arm = assign(spec.scene, spec.guard.holdout, [o.identifier for o in current], {}).arm
        holding = self.holding
        if self.own_trait is not None:
            holding = self._holding(own_dates(past.on(self.period.first), self.people_words))
        mailable = self.consents is not None and any(o.type == "email" for o in current)
        first: int | None = None
        met = held = mailed = False
        done: set[tuple[str, int]] = set()
        at_most: set[tuple[str, int]] = set()
        sent: list[Sent] = []
        for day, phase, occasion in holding:
            if self.who is not None and not self.who.test(past.on(day), day):
                continue
            found = self.days[day]
            found.audience += 1
            found.phase = found.phase or phase
            here = any(spec.meets_at(p, phase) for p in PAGES)
            if here and any(self._could(day, hour) for hour in came.get(day, ())):
                if arm == "treated":
                    found.met += 1
                    met = True
                    first = day if first is None else first
                    if day in self.samples:
                        self.samples[day].append((ids.digest(spec.scene, str(person), str(day)), person))
                else:
                    found.held += 1
                    held = True
            if mailable and arm == "treated" and spec.meets_at("email", phase) and (phase, occasion) not in done:
                if not any(self._could(day, hour) for hour in range(24)):
                    continue
                if (phase, occasion) not in at_most and self._agreed(owned, None):
                    at_most.add((phase, occasion))
                if self._may(owned, day, sent):
                    done.add((phase, occasion))
                    found.mailed += 1
                    mailed = True
                    first = day if first is None else first
        self.met, self.held, self.mailed = self.met + met, self.held + held, self.mailed + mailed
        self.mails += len(done)
        self.mails_at_most += len(done | at_most)
        return first

    def _agreed(self, owned: Sequence[Owned], before: int | None) -> bool | None:
        assert self.consents is not None
        return self.consents.given(owned, before)

    def _may(self, owned: Sequence[Owned], day: int, sent: list[Sent]) -> bool:
        """Whether the contact rule would have let the mail go some time that day; notes it when so."""
        zone = self.settings.zone
        standing = Standing(consent=self._agreed(owned, day_start(day + 1, zone)), zone=zone, sent=sent)
        rate = self.spec.guard.per_person
        wish = Asked(scene=self.spec.scene, rate=None if rate is None else (rate.count, rate.per))
        at = day_start(day, zone) + DAY_MS // 2
        verdict = may_contact(standing, wish, at, self.settings.contact)
        if isinstance(verdict, Withheld) and verdict.reason == "quiet_hours" and verdict.until is not None:
            at = verdict.until
            verdict = may_contact(standing, wish, at, self.settings.contact)
        if isinstance(verdict, Withheld):
            return False
        sent.append(Sent(self.spec.scene, at))
        return True

    # ---- what they did anyway, and what the offers would have cost -------------------------------------------------

    def _anyway(self, conn: Connection, reached: dict[int, int]) -> None:
        if not reached:
            return
        holds = {d for d, _, _ in self.holding} if not self.own_trait else set(self.days)
        base = (
            "SELECT o.person, a.measure, a.day, a.n, a.amount FROM ownership o JOIN activity a ON a.interval_id = o.id"
            f" WHERE o.person IN ({among(reached)}) AND a.day BETWEEN {self.period.first} AND {self.period.last} AND "
        )
        for person, _, day, n, amount in conn.exec_driver_sql(f"{base}a.measure = '{ORDERED}'"):
            if day >= reached[person]:
                self.orders += n
                self.revenue += amount
                if day in holds:
                    self.offers += face_value(self.spec.offers, n, amount)
        if not self.shelved:
            return
        prefix = "bought:product="
        buyers: dict[int, set[int]] = {}
        for person, measure, day, n, amount in conn.exec_driver_sql(base + prefixed(conn, "a.measure", prefix)):
            if day < reached[person]:
                continue
            for number in self.shelved.get(measure[len(prefix) :], ()):
                self.bought[number][1] += n
                self.bought[number][2] += amount
                if n > 0:
                    buyers.setdefault(number, set()).add(person)
        for number, found in buyers.items():
            self.bought[number][0] += len(found)

    # ---- with which goods ------------------------------------------------------------------------------------------

    def _goods(self, catalogue: Sequence[ProductRow], done: int, total: int) -> tuple[dict[int, Counter[str]], int]:
        """On a sample of days and people, how often each product would have stood on a floor; and how many pages."""
        shown: dict[int, Counter[str]] = {n: Counter() for n in self.bought}
        pages = 0
        goods = [p for p in catalogue if p.product in self.shelved]
        people_words, goods_words = self.people_words, goods_vocabulary(self.settings.currency)
        bare = msgspec.structs.replace(self.spec, when=When(), where=(Place("page"),), guard=Guard())
        conditions = [parse(c, people_words) for f in self.spec.floors for c in (f.who, f.unless) if c is not None]
        if self.who is not None:
            conditions.append(self.who)
        for at, (day, came) in enumerate(self.samples.items(), 1):
            persons = sorted(person for _, person in sorted(came)[:SAMPLED_PEOPLE])
            self.progress(done + at * SAMPLED_PEOPLE, total)
            if not persons or not goods:
                continue
            with self.db.read() as conn:
                buyers = popularity(conn, day)
                loads = Pasts(conn, self.settings, conditions, day, day, ("bought:",), told_today=self.told_today)
                pasts = loads.load(conn, persons)
            most = max(buyers, key=lambda p: (buyers[p], p), default=None)
            # What is bought most sets the scale of popularity, whether the scene shows it or not.
            more = [p for p in catalogue if p.product == most and p.product not in self.shelved]
            shelf = Shelf([as_product(p) for p in (*goods, *more)], buyers, self.settings.currency)
            staged = Staged(bare, 0, 0, shelf, people_words, goods_words, day)
            stage = Stage([staged], shelf, people_words, self.settings.zone)
            noon = day_start(day, self.settings.zone) + DAY_MS // 2
            for person in persons:
                choice = choose(Person(person=person, facts=pasts[person].on(day)), "page", noon, stage, floors=None)
                pages += bool(choice.floors)
                for _, floor in choice.floors:
                    shown[floor.number].update(g.product.product for g in floor.goods)
        return shown, pages

    # ---- the whole -------------------------------------------------------------------------------------------------

    def _result(self, titles: Mapping[str, str], shown: Mapping[int, Counter[str]], pages: int) -> Replay:
        spec, settings = self.spec, self.settings
        floors = [
            ReplayFloor(
                number=number,
                title=floor.title,
                goods=[
                    Shown(product, titles.get(product, product), times)
                    for product, times in sorted(shown[number].items(), key=lambda s: (-s[1], s[0]))[:TOP]
                ],
                people=self.bought[number][0],
                units=self.bought[number][1],
                amount=self.bought[number][2],
            )
            for number, floor in enumerate(spec.floors, 1)
        ]
        mails = -(-self.mails_at_most * settings.mail_cost // 1000)
        budget = spec.guard.budget
        limit = budget.amount if budget is not None and budget.currency == settings.currency else None
        total = mails + self.offers
        cost = Cost(mails=mails, offers=self.offers, budget=limit, total=total if limit is None else min(total, limit))
        return Replay(
            scene=spec.scene, first=self.period.first, last=self.period.last, days=list(self.days.values()),
            people=self.met, held=self.held, mailed=self.mailed, mails=self.mails, mails_at_most=self.mails_at_most,
            reached=self.reached, floors=floors, sampled=pages, cost=cost, orders=self.orders, revenue=self.revenue,
            notes=self._notes(pages),
        )  # fmt: skip

    def _notes(self, pages: int) -> list[Note]:
        spec, notes = self.spec, list(self.notes)
        if self.moment is not None:
            notes.append(Note("moment"))
        if any(p.touchpoint in PAGES for p in spec.where):
            notes.append(Note("came"))
        if self._sends():
            notes.append(Note("mail_rule"))
            if self.mails_at_most > self.mails:
                notes.append(Note("consent_since", {"n": self.mails_at_most - self.mails}))
        if spec.floors:
            notes.append(Note("catalogue_today"))
            notes.append(Note("goods_sample", {"n": pages}))
        if self.told_today:
            notes.append(Note("told_today"))
        elif self.pasts.told_later:
            notes.append(Note("told_later", {"n": self.pasts.told_later}))
        for trait in sorted(self.pasts.unknown):
            notes.append(Note("trait_unknown", {"trait": trait}))
        unpriced = any(o.rule is None or not all(isinstance(b, PRICED) for b in o.rule.benefits) for o in spec.offers)
        if unpriced or spec.group_buy is not None:
            notes.append(Note("offers_unpriced"))
        return notes


def came_on(conn: Connection, persons: Sequence[int], period: Period) -> dict[int, dict[int, set[int]]]:
    """By person and day of a period, the hours in which they did anything we did not write ourselves."""
    found: dict[int, dict[int, set[int]]] = {}
    prefix = "active:hour="
    for person, measure, day in conn.exec_driver_sql(
        "SELECT o.person, a.measure, a.day FROM ownership o JOIN activity a ON a.interval_id = o.id"
        f" WHERE o.person IN ({among(persons)}) AND {prefixed(conn, 'a.measure', prefix)}"
        f" AND a.day BETWEEN {period.first} AND {period.last}"
    ):
        found.setdefault(person, {}).setdefault(day, set()).add(int(measure[len(prefix) :]))
    return found


def on_floors(
    spec: SceneSpec, catalogue: Sequence[ProductRow], settings: Settings, day: int
) -> dict[str, tuple[int, ...]]:
    """Which floors (numbers from 1) each product of the catalogue fits; products that fit none are left out."""
    shelf = Shelf([as_product(p) for p in catalogue], {}, settings.currency)
    found: dict[str, tuple[int, ...]] = {}
    for number, floor in enumerate(spec.floors, 1):
        for at in shelf.matching(parse(floor.goods, goods_vocabulary(settings.currency)), day).all_places():
            product = shelf.products[at].product
            found[product] = (*found.get(product, ()), number)
    return found
