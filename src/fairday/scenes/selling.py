"""The offers of live scenes as rules of the book, and buyers as the book asks for them.

Nothing is copied: the rules are made of the scenes as they stand in the transaction that asks, so an offer is there
from the commit that starts or resumes its scene to the one that pauses, ends or changes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Sequence

import msgspec
from sqlalchemy import Connection, select

from fairday.kernel.audience import Facts as Traits
from fairday.kernel.audience import parse
from fairday.kernel.clock import day_start, local_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.offers.model import Facts, Rule
from fairday.offers.pricing import Book
from fairday.people.accounts import accounts_in
from fairday.people.traits import vocabulary
from fairday.people.traits.folding import ORDERED
from fairday.scenes import life
from fairday.scenes.arms import Arm, Assigned
from fairday.scenes.choice import Person
from fairday.scenes.grammar import parse_scene
from fairday.scenes.loading import load_person
from fairday.scenes.moment import Around, moment_condition, moment_facts
from fairday.scenes.spec import SceneSpec
from fairday.scenes.stage import own_dates
from fairday.stores.records import all_stores
from fairday.stores.weather import weather_by_city
from fairday.trade.records import orders

log = logging.getLogger("fairday")

NOT_NOW = "not_now"
"""What stands for an arm where the scene is not on for a person."""

MOST = 12
"""Scenes that an order says it was priced by."""


def rules_of(spec: SceneSpec, zone: str, currency: str) -> list[Rule]:
    """A scene's offers as rules ``scene/NAME/1``, ``scene/NAME/2`` …; coupons are given out, not priced, and left out.

    Offers under one word in ``stack`` add up (and with rules of the book that carry it as a tag); others that say
    nothing go with nothing. The scene's budget is one purse for all of them; its days and people are theirs too.

    Raises:
        FairdayError: the scene was read in another currency.
    """
    found = []
    first, last, budget = spec.when.first_day, spec.when.last_day, spec.guard.budget
    for number, offer in enumerate(spec.offers, 1):
        rule = offer.rule
        if rule is None:
            continue
        if offer.currency != currency:
            raise FairdayError(f"Scene {spec.scene} is in {offer.currency}, the shop in {currency}.", code="currency",
                               where=spec.scene, remedy="Read it in the shop's currency.")  # fmt: skip
        found.append(msgspec.structs.replace(
            rule, id=f"scene/{spec.scene}/{number}", source=f"scene:{spec.scene}",
            title=rule.title or {language: spec.title.get(language) for language in ("zh", "en", "es")},
            limits=rule.limits if budget is None else msgspec.structs.replace(
                rule.limits, amount=budget.amount, purse=f"scene/{spec.scene}"
            ),
            when=msgspec.structs.replace(
                rule.when, scene=spec.scene, who=_both(spec.who or "", rule.when.who),
                start=None if first is None else day_start(first, zone),
                end=None if last is None else day_start(last + 1, zone),
            ),
        ))  # fmt: skip
    return found


def _both(one: str, other: str) -> str:
    return f"({one}) and ({other})" if one and other else one or other


class SceneOffers:
    """What the book of offers asks of scenes and of those who meet them; ``offers.book.Beyond``."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._read: dict[tuple[str, int, str], SceneSpec | None] = {}

    def version(self, conn: Connection) -> Hashable:
        """Another one whenever the live scenes, or a version of them, are others."""
        c = life.scenes.c
        rows = conn.execute(select(c.scene, c.version).where(c.status == "live").order_by(c.scene))
        return self._settings().zone, tuple((scene, version) for scene, version in rows)

    def rules(self, conn: Connection) -> list[Rule]:
        """The offers of the scenes that are live, the older scene's first."""
        settings, found = self._settings(), []
        rows = life.all_scenes(conn, "live")
        for row in sorted(rows, key=lambda r: (r.started_at or 0, r.scene)):
            spec = self._spec(row)
            for rule in rules_of(spec, settings.zone, settings.currency) if spec is not None else ():
                try:
                    Book([rule], people=vocabulary(settings), currency=settings.currency)
                except FairdayError as error:
                    log.error("offer %s is left out: %s", rule.id, error)
                else:
                    found.append(rule)
        return found

    def facts(
        self, conn: Connection, account: str | None, person: int | None, scenes: Collection[str], now: int
    ) -> Facts:
        """What is known of a buyer; see ``offers.book.Beyond``.

        Whether an order is the first is known of members only: the orders of the account are looked at as they stand
        in the transaction, and what the person bought before by any other door.
        """
        known = load_person(conn, person, now)
        first = account is not None and not _bought(known.facts) and not _ordered(conn, account)
        rows = life.live_scenes(conn, scenes)
        specs = [spec for spec in map(self._spec, rows) if spec is not None]
        around = _around(conn, specs)
        return Facts(
            person=None if person is None else known.facts,
            first_order=first,
            arms={s.scene: known.arm(s).arm if self._on(s, known, now, around) else NOT_NOW for s in specs},
        )

    def may_have(self, conn: Connection, batch: str, account: str, person: int | None, now: int) -> bool:
        """Whether a buyer may have coupons of a batch: where scenes give it out, while one of these is on for them.

        What no scene names is for everybody.
        """
        settings = self._settings()
        named = [
            (row, spec)
            for row in life.all_scenes(conn)
            if row.status != "draft" and (spec := self._spec(row)) is not None
            if any(offer.coupon == batch for offer in spec.offers)
        ]
        live = {row.scene: spec for row, spec in named if row.status == "live"}
        facts = self.facts(conn, account, person, list(live), now)
        today = local_day(now, settings.zone)
        for scene, spec in live.items():
            who = None if spec.who is None else parse(spec.who, vocabulary(settings))
            if facts.arms.get(scene) == "treated" and (who is None or who.test(facts.person or Traits(), today)):
                return True
        return not named

    def dealt(self, conn: Connection, person: int, now: int, batch: str | None = None) -> list[tuple[str, int, Arm]]:
        """The arms (scene, id, arm) that somebody falls in here for the first time, for ``arms.record``.

        Whoever looks at what a scene's offers make of a cart is eligible for it, as on its pages: held out, too, and
        whether or not they ever saw one of them.

        Args:
            batch: look at the scenes that give out these coupons, not at those whose offers are priced.
        """
        return [
            (spec.scene, assigned.identifier, assigned.arm)
            for spec, assigned in self._met(conn, person, now, batch)
            if assigned.identifier is not None
        ]

    def arms(self, conn: Connection, person: int, now: int) -> dict[str, str]:
        """By which arms somebody's cart is priced now: of scenes that are on and meant for them, ``MOST`` at most."""
        return {spec.scene: assigned.arm for spec, assigned in self._met(conn, person, now)[:MOST]}

    def _met(
        self, conn: Connection, person: int, now: int, batch: str | None = None
    ) -> list[tuple[SceneSpec, Assigned]]:
        """The live scenes whose offers are priced (or that give out a batch) and somebody's arms in them."""
        specs = [
            spec for row in life.all_scenes(conn, "live")
            if (spec := self._spec(row)) is not None
            and any(o.rule is not None if batch is None else o.coupon == batch for o in spec.offers)
        ]  # fmt: skip
        if not specs:
            return []
        known, around = load_person(conn, person, now), _around(conn, specs)
        people, today = vocabulary(self._settings()), local_day(now, self._settings().zone)
        return [
            (spec, known.arm(spec)) for spec in specs
            if self._on(spec, known, now, around)
            and (spec.who is None or parse(spec.who, people).test(known.facts, today))
        ]  # fmt: skip

    def _on(self, spec: SceneSpec, person: Person, now: int, around: Around | None) -> bool:
        settings = self._settings()
        today = local_day(now, settings.zone)
        if spec.when.phase_on(today, own_dates(person.facts, vocabulary(settings))) is None:
            return False
        if spec.when.moment is None or around is None:
            return True
        home = person.facts.told.get("city")
        moment = moment_facts(now, settings.zone, person.lately, home=home and home[2], around=around)
        return moment_condition(spec.when.moment).test(moment, today)

    def _spec(self, row: life.SceneRow) -> SceneSpec | None:
        settings = self._settings()
        key = (row.scene, row.version, settings.currency)
        if key not in self._read:
            spec, problems = parse_scene(row.text, vocabulary(settings), file=row.scene)
            if problems:
                log.error("offers of scene %s version %s are left out: %s", row.scene, row.version, problems[0])
            self._read = {k: v for k, v in self._read.items() if k[0] != row.scene} | {key: spec}
        return self._read[key]


def _around(conn: Connection, specs: Sequence[SceneSpec]) -> Around | None:
    if not any(spec.when.moment for spec in specs):
        return None
    return Around(all_stores(conn), weather_by_city(conn))


def _bought(facts: Traits) -> bool:
    days = facts.activity.get(ORDERED)
    return days is not None and days[1][-1] > 0


def _ordered(conn: Connection, account: str) -> bool:
    stands = orders.c.status.not_in(("cancelled", "expired"))
    mine = orders.c.account.in_(accounts_in(conn, account))
    return conn.execute(select(orders.c.id).where(mine, stands).limit(1)).first() is not None
