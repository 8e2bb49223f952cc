"""Loading for the choice: the stage (live scenes, goods, popularity), kept while nothing changed; and people."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select, text

from fairday.goods.catalogue import ProductRow, all_products, products
from fairday.kernel.audience import AudienceError, Facts, Vocabulary
from fairday.kernel.clock import local_day
from fairday.people.facts import load_facts
from fairday.people.traits.records import prefixed
from fairday.scenes import life
from fairday.scenes.choice import Person, Stage, Staged
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.grammar import parse_scene
from fairday.scenes.shelf import POPULAR_DAYS, Product, Shelf
from fairday.scenes.spec import SceneSpec

log = logging.getLogger("fairday.scenes")

REFRESH = 5.0
"""Seconds for which the catalogue is not looked at again."""

_PREFIX = "bought:product="


class Staging:
    """Keeps the stage of one shop; threads share it.

    A scene that goes live, changes or stops is seen at once, a new day too; a changed catalogue within ``REFRESH``
    seconds.
    """

    def __init__(self, people: Vocabulary, zone: str) -> None:
        self.people = people
        self.zone = zone
        self.goods = goods_vocabulary(people.currency)
        self._key: object = None
        self._stage: Stage | None = None
        self._shelf: tuple[object, Shelf] | None = None
        self._catalogue: tuple[object, ...] = ()
        self._looked = -math.inf
        self._specs: dict[tuple[str, int], SceneSpec | None] = {}
        self._lock = threading.Lock()

    def stage(self, conn: Connection, now: int) -> Stage:
        """The stage of this moment (ms). A live scene whose text is no longer valid is left out and logged."""
        today = local_day(now, self.zone)
        c = life.scenes.c
        live = frozenset((s, v) for s, v in conn.execute(select(c.scene, c.version).where(c.status == "live")))
        with self._lock:
            if time.monotonic() - self._looked > REFRESH:
                self._catalogue = tuple(conn.execute(select(func.count(), func.max(products.c.updated_at))).one())
                self._looked = time.monotonic()
            key = (today, self._catalogue, live)
            if self._stage is None or self._key != key:
                self._stage, self._key = self._build(conn, today), key
            return self._stage

    def forget(self) -> None:
        """Look at the catalogue anew next time."""
        with self._lock:
            self._looked = -math.inf

    def _build(self, conn: Connection, today: int) -> Stage:
        if self._shelf is None or self._shelf[0] != (today, self._catalogue):
            goods = [as_product(row) for row in all_products(conn)]
            self._shelf = (today, self._catalogue), Shelf(goods, popularity(conn, today), self.people.currency)
        shelf = self._shelf[1]
        staged = []
        for row in life.all_scenes(conn, "live"):
            spec = self._spec(row)
            try:
                if spec is not None:
                    ready = Staged(spec, row.version, row.started_at or 0, shelf, self.people, self.goods, today)
                    staged.append(ready)
            except AudienceError as error:
                log.error("scene %s version %s is left out: %s", row.scene, row.version, error)
        return Stage(staged, shelf, self.people, self.zone)

    def _spec(self, row: life.SceneRow) -> SceneSpec | None:
        key = (row.scene, row.version)
        if key not in self._specs:
            spec, problems = parse_scene(row.text, self.people, goods=self.goods, file=row.scene)
            if problems:
                log.error("scene %s version %s is left out: %s", row.scene, row.version, problems[0])
            self._specs[key] = spec
        return self._specs[key]


def as_product(row: ProductRow) -> Product:
    """A product of the catalogue as it is chosen."""
    return Product(
        product=row.product,
        title=row.title or row.product,
        category=row.category,
        department=row.department,
        brand=row.brand,
        price=row.price,
        currency=row.currency,
        image=row.image,
    )


def popularity(conn: Connection, today: int) -> dict[str, int]:
    """How many people bought each product in the last ``POPULAR_DAYS`` days, today included."""
    # CROSS JOIN has SQLite go by interval, as the table is ordered, rather than by a far larger index.
    query = (
        "SELECT a.measure, COUNT(DISTINCT o.person) FROM ownership o CROSS JOIN activity a WHERE o.id = a.interval_id"
        f" AND {prefixed(conn, 'a.measure', _PREFIX)} AND a.day > {today - POPULAR_DAYS} AND a.day <= {today}"
        " AND a.n > 0 GROUP BY a.measure"
    )
    return {measure.removeprefix(_PREFIX): n for measure, n in conn.exec_driver_sql(query)}


_IDENTIFIERS = text(
    "SELECT DISTINCT person, identifier FROM ownership"
    " WHERE person IN :persons AND from_at <= :now AND :now < until_at ORDER BY person, identifier"
).bindparams(bindparam("persons", expanding=True))

# An arm belongs to whoever owned its id when it was recorded, as everything that hangs on an id does.
_ARMS = text(
    "SELECT a.scene, a.identifier, a.arm, owner.person, asked.person"
    " FROM ownership asked JOIN scene_arms a ON a.identifier = asked.identifier"
    " JOIN ownership owner ON owner.identifier = a.identifier AND owner.from_at <= a.at AND a.at < owner.until_at"
    " WHERE asked.person IN :persons"
).bindparams(bindparam("persons", expanding=True))


def load_people(conn: Connection, persons: Sequence[int], now: int) -> dict[int, Person]:
    """People as the choice needs them at an instant (ms), by number."""
    found: dict[int, Person] = {}
    for start in range(0, len(persons), 500):
        found.update(_load(conn, list(persons[start : start + 500]), now))
    return found


def load_person(conn: Connection, person: int | None, now: int) -> Person:
    """One person; None is a visitor of whom nothing is known."""
    return Person() if person is None else load_people(conn, [person], now)[person]


def _load(conn: Connection, persons: list[int], now: int) -> dict[int, Person]:
    facts = load_facts(conn, persons)
    owned: dict[int, list[int]] = {p: [] for p in persons}
    for person, identifier in conn.execute(_IDENTIFIERS, {"persons": persons, "now": now}):
        owned[person].append(identifier)
    arms: dict[int, dict[str, dict[int, str]]] = {p: {} for p in persons}
    taken: dict[int, dict[str, frozenset[int]]] = {p: {} for p in persons}
    for scene, identifier, arm, owner, person in conn.execute(_ARMS, {"persons": persons}):
        if owner == person:
            arms[person].setdefault(scene, {})[identifier] = arm
        else:
            taken[person][scene] = taken[person].get(scene, frozenset()) | {identifier}
    return {
        p: Person(person=p, facts=facts.get(p, Facts()), identifiers=tuple(owned[p]), arms=arms[p], taken=taken[p])
        for p in persons
    }
