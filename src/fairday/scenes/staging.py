"""Loading for the choice: the stage (live scenes, goods, popularity), kept while nothing changed."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Any

import msgspec
from sqlalchemy import Connection, case, func, select

from fairday.goods.catalogue import ProductRow, products, sold_products
from fairday.goods.stock import goods_on_hand
from fairday.kernel.audience import Audience, AudienceError, Vocabulary, parse
from fairday.kernel.clock import local_day
from fairday.people.traits.records import prefixed
from fairday.scenes import life
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.grammar import parse_scene
from fairday.scenes.moment import NOWHERE, Around
from fairday.scenes.ranking import Rankings
from fairday.scenes.shelf import POPULAR_DAYS, Product, Shelf
from fairday.scenes.spec import SceneSpec
from fairday.scenes.stage import Stage, Staged
from fairday.storage.database import Database
from fairday.storage.log import events
from fairday.stores.records import all_stores
from fairday.stores.weather import weather_by_city

log = logging.getLogger("fairday.scenes")

REFRESH, SHARE = 5.0, 20
"""Seconds for which the catalogue is not looked at again; and so many times as long as it took to read."""

PATIENCE = 10.0
"""Seconds without a refresh after which the watcher is believed gone, and every look asks the database again."""

CONDITIONS = 50_000
"""Conditions remembered as read."""

_Live = tuple[str, int, int]
"""A live scene: name, version, when it first went live."""

_PREFIX = "bought:product="


class _Kept(msgspec.Struct, frozen=True):
    """A stage, and what it was made of."""

    shelf: tuple[Any, Shelf]
    stamp: tuple[Any, ...]
    live: tuple[_Live, ...]
    staged: dict[_Live, Staged | None]
    stage: Stage


class Staging:
    """Keeps the stage of one shop; threads share it.

    Nobody watching (a library's or a command's use), every look at the stage asks the database: a scene that goes live,
    changes or stops is seen at once, a new day too, and a changed catalogue within ``REFRESH`` seconds. Watched
    (``refresh`` called about every second, as a serving shop does), a look costs nothing: a scene changed by this
    process (``changed``) is seen from when that is answered, anything else when the watcher has made it ready.
    """

    def __init__(self, people: Vocabulary, zone: str, rankings: Rankings | None = None) -> None:
        self.people = people
        self.rankings = rankings or Rankings(None)
        self.zone = zone
        self.goods = goods_vocabulary(people.currency)
        self._kept: _Kept | None = None
        self._catalogue: tuple[object, ...] = ()
        self._look_at = -math.inf
        self._around: Around = NOWHERE
        self._around_at = -math.inf
        self._stocked = False
        self._specs: dict[tuple[str, int], SceneSpec | None] = {}
        self._conditions: dict[tuple[str, int], Audience] = {}
        self._watched = -math.inf
        self._lock = threading.Lock()

    @property
    def ready(self) -> Stage | None:
        """The stage that somebody watches and keeps ready; None where a look must ask the database."""
        kept = self._kept
        return kept.stage if kept is not None and self._is_watched else None

    def stage(self, conn: Connection, now: int) -> Stage:
        """The stage of this moment (ms). A live scene whose text is no longer valid is left out and logged."""
        ready = self.ready
        if ready is not None:
            return ready
        with self._lock:
            self._kept = self._made(conn, self._look(conn, local_day(now, self.zone)))
            return self._kept.stage

    def refresh(self, db: Database, now: int) -> None:
        """Make ready what has changed, out of any shopper's way; to be called about every second."""
        today = local_day(now, self.zone)
        with self._lock:
            self._watched = math.inf  # however long it takes, nobody waits for it who has a stage
            try:
                with db.read() as conn:
                    made = self._made(conn, self._look(conn, today))
                if self._kept is None or made.stage is not self._kept.stage:
                    made.stage.warm(today)
                self._kept = made
            finally:
                self._watched = time.monotonic()

    def changed(self, db: Database, now: int) -> None:
        """A scene was changed in this process: whoever changed it makes it ready, and shoppers meet it from then on."""
        if self._is_watched:
            self.refresh(db, now)

    @property
    def live(self) -> tuple[_Live, ...]:
        """What was live at the last look, by name, version and when it first went live; empty before the first."""
        kept = self._kept
        return () if kept is None else kept.live

    def forget(self) -> None:
        """Look at the catalogue, the stores and the weather anew next time."""
        self._look_at = self._around_at = -math.inf

    @property
    def _is_watched(self) -> bool:
        return time.monotonic() - self._watched < PATIENCE

    def _look(self, conn: Connection, today: int) -> tuple[Any, Shelf]:
        """The day's shelf; whether the catalogue changed is asked every ``REFRESH`` seconds, or more rarely."""
        if time.monotonic() > self._look_at:
            self._catalogue = tuple(conn.execute(select(func.count(), func.max(products.c.updated_at))).one())
            self._look_at = time.monotonic() + REFRESH
        ranking = self.rankings.current()
        key = (today, self._catalogue, None if ranking is None else ranking.folder.name)
        if self._kept is not None and self._kept.shelf[0] == key:
            return self._kept.shelf
        started = time.monotonic()
        rows = sold_products(conn)
        oldest = min((row.first_day or 0 for row in rows), default=0)
        goods = [as_product(row, oldest) for row in rows]
        shelf = Shelf(goods, popularity(conn, today), self.people.currency, ranking)
        self._look_at = time.monotonic() + max(REFRESH, SHARE * (time.monotonic() - started))
        return key, shelf

    def _made(self, conn: Connection, shelf: tuple[Any, Shelf]) -> _Kept:
        """What is live now made ready; of what was kept over the same shelf, only what is new or changed."""
        kept = self._kept
        c = life.scenes.c
        # Every change of a scene leaves an event; the sums are for one that was written before but seen after another.
        stamp: tuple[Any, ...] = tuple(
            conn.execute(
                select(
                    select(func.max(events.c.pos)).scalar_subquery(),
                    func.count(case((c.status == "live", 1))),
                    func.sum(c.version),
                    func.sum(c.changed_at),
                )
            ).one()
        )
        if kept is not None and kept.shelf[0] == shelf[0] and kept.stamp == stamp:
            self._surround(conn, kept.stage)
            return kept
        query = select(c.scene, c.version, c.started_at).where(c.status == "live").order_by(c.scene)
        live = tuple((scene, version, started or 0) for scene, version, started in conn.execute(query))
        before = kept.staged if kept is not None and kept.shelf[1] is shelf[1] else {}
        if kept is not None and kept.shelf[0] == shelf[0] and kept.live == live:
            self._surround(conn, kept.stage)
            return msgspec.structs.replace(kept, stamp=stamp)
        missing = {one[0] for one in live if one not in before}
        rows = {(row.scene, row.version, row.started_at or 0): row for row in life.live_scenes(conn, missing)}
        staged = {
            one: before[one] if one in before else self._ready(rows[one], shelf)
            for one in live
            if one in before or one in rows  # else it has changed since the list was read
        }
        names = {one[:2] for one in live}
        self._specs = {key: spec for key, spec in self._specs.items() if key in names}
        stage = Stage([s for s in staged.values() if s is not None], shelf[1], self.people, self.zone)
        self._surround(conn, stage)
        return _Kept(shelf, stamp, live, staged, stage)

    def _surround(self, conn: Connection, stage: Stage) -> None:
        """Tell a stage the stores, what they have where a floor asks for it, and the weather; read every ``REFRESH``
        seconds, or more rarely."""
        asks = any(floor.floor.in_store for one in stage.scenes for floor in one.floors)
        if time.monotonic() > self._around_at or asks > self._stocked:
            started = time.monotonic()
            stores = all_stores(conn)
            on_hand = goods_on_hand(conn, [s.store for s in stores]) if asks else {}
            kept = self._around.on_hand
            # What has not changed stays the same object: floors keep what they found in it.
            same = {s: kept[s] if kept.get(s) == goods else goods for s, goods in on_hand.items()}
            self._around = Around(stores, weather_by_city(conn), same)
            self._around_at = time.monotonic() + max(REFRESH, SHARE * (time.monotonic() - started))
            self._stocked = asks
        stage.around = self._around

    def _ready(self, row: life.SceneRow, shelf: tuple[Any, Shelf]) -> Staged | None:
        spec = self._spec(row)
        if spec is None:
            return None
        try:
            return Staged(
                spec, row.version, row.started_at or 0, shelf[1], self.people, self.goods, shelf[0][0], self._compiled
            )
        except AudienceError as error:
            log.error("scene %s version %s is left out: %s", row.scene, row.version, error)
            return None

    def _compiled(self, condition: str, words: Vocabulary) -> Audience:
        """A condition read once, however many scenes write it."""
        key = (condition, id(words))
        found = self._conditions.get(key)
        if found is None:
            if len(self._conditions) > CONDITIONS:
                self._conditions = {}
            found = self._conditions[key] = parse(condition, words)
        return found

    def _spec(self, row: life.SceneRow) -> SceneSpec | None:
        key = (row.scene, row.version)
        if key not in self._specs:
            spec, problems = parse_scene(row.text, self.people, goods=self.goods, file=row.scene)
            if problems:
                log.error("scene %s version %s is left out: %s", row.scene, row.version, problems[0])
            self._specs[key] = spec
        return self._specs[key]


def as_product(row: ProductRow, oldest: int | None = None) -> Product:
    """A product of the catalogue as it is chosen; new since the day it came in, if after the ``oldest`` of them."""
    came = row.first_day
    return Product(
        product=row.product,
        title=row.title or row.product,
        category=row.category,
        department=row.department,
        brand=row.brand,
        price=row.price,
        currency=row.currency,
        image=row.image,
        new_since=came if came is not None and oldest is not None and came > oldest else None,
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
