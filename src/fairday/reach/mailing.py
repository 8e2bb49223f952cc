"""A scene's mail: whom it would meet now, asked of the choice; planned into the outbox; handed to a transport."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
from babel.numbers import format_currency
from sqlalchemy import Connection, select, text

from fairday.kernel.clock import DAY_MS, Clock, local_day
from fairday.kernel.garbage import no_collection
from fairday.kernel.money import digits, major
from fairday.kernel.settings import Settings
from fairday.people.consent import consents
from fairday.people.contact import Standing
from fairday.people.lately import zones
from fairday.people.tables import identifiers, ownership
from fairday.reach import delivery, outbox
from fairday.reach.mail import MailContent, MailFloor, MailGoods, render
from fairday.reach.outbox import Planned
from fairday.scenes import arms
from fairday.scenes.choice import Channel, Choice, Met, Person, choose
from fairday.scenes.life import get_scene
from fairday.scenes.loading import load_people
from fairday.scenes.moment import moment_facts
from fairday.scenes.shelf import Product
from fairday.scenes.spec import SceneSpec, fill
from fairday.scenes.stage import On, Stage, Staged
from fairday.scenes.staging import Staging
from fairday.scenes.words import reason
from fairday.storage.database import Database, alone
from fairday.storage.log import append_happenings

CHANNEL = "email"
SLICE = 100
"""People planned in one transaction."""

GOODS_A_FLOOR = 4


class Address(msgspec.Struct, frozen=True):
    """An address a person owns now."""

    identifier: int
    value: str


class Reachable(msgspec.Struct, frozen=True):
    """A person who can be written to: their addresses, the one that is written to, and what the contact rule asks."""

    addresses: list[Address]
    to: Address
    channel: Channel


class Mailing:
    """Plans and sends the mails of live scenes."""

    def __init__(
        self, db: Database, settings: Callable[[], Settings], clock: Clock, staging: Callable[[], Staging]
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._staging = staging

    def plan(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Counter[str]:
        """Plan a mail for everyone a live scene would meet by mail now and has not met in this phase.

        Whoever is withheld stands in the outbox with the reason and is asked again at the next call.

        Returns:
            How many were ``queued``, or withheld by reason; ``no_address`` counts who has none.
        """
        now = self._clock.now()
        with self._db.read() as conn:
            stage = self._staging().stage(conn, now)
            today = local_day(now, stage.zone)
            todo = [
                (staged, self._eligible(conn, staged, today))
                for staged in stage.scenes
                if any(p.touchpoint == CHANNEL for p in staged.spec.where) and self._may_be(conn, staged, stage, now)
            ]
        total, done = sum(len(people) for _, people in todo), 0
        result: Counter[str] = Counter()
        for staged, people in todo:
            for start in range(0, len(people), SLICE):
                part = people[start : start + SLICE]
                with no_collection(), self._db.write() as conn:
                    result += self._plan_slice(conn, stage, staged, part, now)
                done += len(part)
                progress(done, total)
        return result

    def send(self, transport: delivery.Transport | None) -> int:
        """Hand over what is queued: to the transport, or without one to the local mailbox; how many."""
        now, zone = self._clock.now(), self._settings().zone
        if transport is None:
            return delivery.deliver_locally(self._db, now, zone)
        return delivery.drain(self._db, transport, self._clock, zone)

    def _may_be(self, conn: Connection, staged: Staged, stage: Stage, now: int) -> bool:
        """Whether the scene's moment may be anybody's now, by the clocks of all places where people are."""
        if staged.moment is None:
            return True
        moment, today = staged.moment, local_day(now, stage.zone)
        return any(moment.holds(moment_facts(now, zone), today) is not False for zone in {stage.zone, *zones(conn)})

    def _eligible(self, conn: Connection, staged: Staged, today: int) -> list[int]:
        if staged.who is None:
            return [p for (p,) in conn.execute(text("SELECT person FROM people ORDER BY person"))]
        query = staged.who.sql("sqlite" if conn.dialect.name == "sqlite" else "postgresql", today)
        return sorted(p for (p,) in conn.exec_driver_sql(query))

    def _plan_slice(
        self, conn: Connection, stage: Stage, staged: Staged, persons: Sequence[int], now: int
    ) -> Counter[str]:
        # One planner at a time, in whatever process: a person has several addresses and a limit over all scenes.
        alone(conn, "mailing.plan")
        if get_scene(conn, staged.spec.scene).status != "live":
            return Counter()  # stopped since the round began
        settings = self._settings()
        owned = reachable(conn, persons, settings, now)
        every = [a.identifier for found in owned.values() for a in found.addresses]
        result: Counter[str] = Counter(no_address=len(persons) - len(owned))
        persons = self._unsettled(conn, stage, staged, {p: owned[p] for p in persons if p in owned}, now)
        people = load_people(conn, persons, now)
        choices: list[tuple[Person, Address, Choice, Met]] = []
        for number in persons:
            mine, person = owned[number], people[number]
            choice = choose(
                person, CHANNEL, now, stage, channel=mine.channel, scene=staged.spec.scene, per_floor=GOODS_A_FLOOR
            )
            choices += [(person, mine.to, choice, met) for met in (*choice.shown, *choice.withheld)]
        phases = {arms.occasion_key(met.phase, met.occasion) for _, _, _, met in choices}
        settled = outbox.settled_for(conn, staged.spec.scene, phases, every)
        planned: list[Planned] = []
        left = budget_left(conn, staged.spec, settings)
        for person, to, choice, met in choices:
            phase = arms.occasion_key(met.phase, met.occasion)
            mine = owned[person.person or 0]
            if any((phase, a.identifier) in settled for a in mine.addresses):
                continue
            if left is not None and settings.mail_cost > left:  # the money ended within this slice: ask once more
                spent = msgspec.structs.replace(
                    mine.channel, cost=settings.mail_cost, budget_left={staged.spec.scene: left}
                )
                choice = choose(
                    person, CHANNEL, now, stage, channel=spent, scene=staged.spec.scene, per_floor=GOODS_A_FLOOR
                )
                met = choice.withheld[0]
            arms.record(conn, choice.new_arms(), now)
            if met.withheld in ("holdout", "mixed"):
                append_happenings(conn, choice.exposures((CHANNEL, to.value), now, settings.zone))
            planned.append(self._message(person, to, met, stage, settings, now))
            result[met.withheld or "queued"] += 1
            if left is not None and not met.withheld:
                left -= settings.mail_cost
        outbox.plan(conn, planned, now)
        return +result

    def _unsettled(
        self, conn: Connection, stage: Stage, staged: Staged, owned: Mapping[int, Reachable], now: int
    ) -> list[int]:
        """Those who have no mail of this round yet, so that a later round asks nothing of those who have.

        A scene by people's own days has as many rounds as people; there everybody is asked.
        """
        today = local_day(now, stage.zone)
        phase = None if staged.own_trait else staged.spec.when.phase_on(today, {})
        if phase is None:
            return list(owned)
        on = On(staged, *phase, today)
        key = arms.occasion_key(on.phase, on.occasion)
        every = [a.identifier for found in owned.values() for a in found.addresses]
        settled = {i for _, i in outbox.settled_for(conn, staged.spec.scene, {key}, every)}
        return [p for p, found in owned.items() if not any(a.identifier in settled for a in found.addresses)]

    def _message(self, person: Person, to: Address, met: Met, stage: Stage, settings: Settings, now: int) -> Planned:
        language = language_of(person, settings)
        base = Planned(
            meeting=met.meeting(CHANNEL), channel=CHANNEL, identifier=to.identifier, person=person.person or 0,
            address=to.value, language=language,
        )  # fmt: skip
        if met.withheld:
            return base
        spec, token = met.spec, outbox.new_token()
        values = met.placeholders(local_day(now, settings.zone), language, settings.name, known(person, "name"))
        subject = fill(spec.message.subject.get(language) or spec.title.get(language), values)
        content = MailContent(
            shop=settings.name,
            language=language,
            subject=subject,
            greeting=fill(spec.message.body.get(language), values),
            floors=[
                MailFloor(
                    floor.title.get(language),
                    [
                        MailGoods(
                            id=g.product.product,
                            title=g.product.title,
                            price=price(g.product, language),
                            reason=reason(g.reason, language),
                        )
                        for g in floor.goods
                    ],
                )
                for floor in met.floors
            ],
            public_url=settings.public_url,
            token=token,
        )
        html, plain = render(content)
        return msgspec.structs.replace(base, subject=subject, html=html, text=plain, token=token)


def budget_left(conn: Connection, spec: SceneSpec, settings: Settings) -> int | None:
    """What a scene may still spend on mail, in thousandths of a minor unit, as a mail's cost is; None without a limit.

    What was handed over or waits to be counts as spent.
    """
    budget = spec.guard.budget
    if budget is None or not settings.mail_cost:
        return None
    written = sum(n for (_, status, _), n in outbox.counts(conn, spec.scene).items() if status != "withheld")
    return budget.amount * 1000 - written * settings.mail_cost


def reachable(conn: Connection, persons: Sequence[int], settings: Settings, now: int) -> dict[int, Reachable]:
    """Those of some people who have an address, and how they stand at an instant (ms)."""
    owned = addresses(conn, persons, now)
    every = [a.identifier for found in owned.values() for a in found]
    agreed = consents(conn, persons, CHANNEL)
    lately = outbox.lately(conn, every, now - 8 * DAY_MS)
    bounced = outbox.bounced(conn, every)
    found: dict[int, Reachable] = {}
    for person, mine in owned.items():
        to = next((a for a in mine if a.identifier not in bounced), mine[0])
        said = agreed.get(person)
        standing = Standing(
            consent=None if said is None else said.given,
            suppressed="bounced" if to.identifier in bounced else "",
            zone=settings.zone,
            sent=[s for a in mine for s in lately.get(a.identifier, ())],
        )
        found[person] = Reachable(mine, to, Channel(standing=standing, rules=settings.contact))
    return found


def addresses(conn: Connection, persons: Sequence[int], now: int) -> dict[int, list[Address]]:
    """The mail addresses people own at an instant (ms), the oldest first."""
    i, o = identifiers.c, ownership.c
    query = (
        select(o.person, i.id, i.value)
        .join(identifiers, i.id == o.identifier)
        .where(o.person.in_(persons), i.type == "email", o.from_at <= now, o.until_at > now)
        .order_by(i.id)
    )
    found: dict[int, list[Address]] = {}
    for person, identifier, value in conn.execute(query):
        found.setdefault(person, []).append(Address(identifier, value))
    return found


def known(person: Person, trait: str) -> str:
    """A text that was told of a person, or ""."""
    found = person.facts.told.get(trait)
    return (found[2] or "") if found else ""


def language_of(person: Person, settings: Settings) -> str:
    """The language to write in: the person's where it is one of ours, else the shop's."""
    told = known(person, "language")[:2].lower()
    return told if told in ("zh", "en", "es") else settings.language


def price(product: Product, language: str) -> str:
    """A product's price for a reader, or ""."""
    if product.price is None or product.currency is None:
        return ""
    amount = major(product.price, product.currency)
    return format_currency(amount, product.currency, locale=language, decimal_quantization=digits(product.currency) < 3)


__all__ = ["Address", "Mailing", "Reachable", "addresses", "reachable"]
