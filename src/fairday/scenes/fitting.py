"""The fit of a shop's ranking: what people bought out of the database, the model, its files; and when it is due."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from fairday.goods.catalogue import all_products
from fairday.goods.records import variant_homes
from fairday.kernel.clock import local_day
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.settings import Settings
from fairday.models.recommend import Purchases, fit
from fairday.people.privacy import Eraser, Subject
from fairday.people.tables import identifiers, people
from fairday.people.traits.records import prefixed
from fairday.scenes import ranking
from fairday.scenes.ranking import BOUGHT, FORMAT, VIEWED, Manifest, Rankings
from fairday.storage.database import Database, alone

log = logging.getLogger("fairday.scenes")

LEAST_PEOPLE = 50
"""People a shop must have before it is fitted by itself."""

LOCK = "ranking"

STALE = 2 * 3600
"""Seconds without a sign of life after which a fit that has not ended is believed dead."""

VIEW_DAYS = 60
"""Days of views that are read; older ones have decayed."""

Progress = Callable[[str, int, int], None]


class Fitting(msgspec.Struct, frozen=True, kw_only=True):
    """A fit that is running, or that did not end well.

    Attributes:
        state: ``running``, ``failed``.
        step: the name of what is done now (``models.recommend.fit.STEPS``, before them ``reading``).
        done, total: steps.
        at: when this was written, ms.
        error: why it failed.
    """

    state: Literal["running", "failed"]
    step: str
    done: int
    total: int
    at: int
    error: str = ""


def folder_of(db: Database, settings: Settings) -> Path | None:
    """Where a shop's fits are: the setting ``models``, else beside its SQLite file or its lake; None without any."""
    if settings.models:
        return Path(settings.models)
    if db.path is not None:
        return db.path.with_suffix(".models")
    return Path(settings.lake).with_suffix(".models") if settings.lake else None


def fit_shop(
    db: Database,
    settings: Settings,
    now: int,
    progress: Progress = lambda step, done, total: None,
    day: int | None = None,
) -> Manifest:
    """Fit the ranking on everything up to today and serve it from then on; needs the followers to have caught up.

    Args:
        now: ms.
        progress: told before each step its name, and how many of all steps are done.
        day: the local day to stand on instead of today.

    Raises:
        FairdayError: the shop has nowhere to keep its fits.
        Conflict: another process is fitting it.
    """
    folder = folder_of(db, settings)
    if folder is None:
        raise FairdayError(
            "This shop has no folder for its fits.",
            code="no_models_folder",
            where="models",
            remedy="Set one: fairday settings models=FOLDER.",
        )
    today = local_day(now, settings.zone) if day is None else day
    began = time.perf_counter()
    with _alone(folder) as note:

        def told(step: str, done: int, total: int) -> None:
            note(Fitting(state="running", step=step, done=done, total=total, at=_wall()))
            progress(step, done, total)

        told("reading", 0, 1)
        with db.read() as conn:
            read = read_shop(conn, today)
        # A shop whose sales come in by file is some days behind: its last four weeks are those of its sales.
        stood = min(today, int(read.bought.day.max())) if len(read.bought) else today
        model = fit(read.bought, stood, views=read.viewed, category=read.category, progress=told)
        manifest = Manifest(
            format=FORMAT,
            day=today,
            at=_wall(),
            seconds=round(time.perf_counter() - began, 3),
            people=read.bought.people,
            goods=read.bought.items,
            purchases=len(read.bought),
            figures=dict(model.figures),
            blends={
                name: (getattr(model, name).weights.tolist(), float(getattr(model, name).intercept))
                for name in ("again", "new", "stranger")
            },
        )
        made = ranking.save(
            folder, model, read.goods, manifest,
            {"person": read.person, "identifier": read.identifier, "identifier_row": read.identifier_row},
        )  # fmt: skip
        # Whoever was erased since the purchases were read must not come back: an erasure takes the same lock.
        with db.write() as conn:
            alone(conn, LOCK)
            left = np.array(conn.execute(select(identifiers.c.id)).scalars().all(), dtype=np.int64)
            gone = read.identifier[~np.isin(read.identifier, left)]
            if len(gone):
                ranking.forget(made, [], gone.tolist())
            ranking.publish(folder, made)
    return manifest


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a fit reads of a shop.

    Attributes:
        goods: product numbers in order; those of the arrays.
        person: (people,) their numbers, ascending.
        identifier, identifier_row: ids of people, ascending, and the place of their owner in ``person``.
        bought, viewed: by place in ``person`` and ``goods``.
        category: (goods,) numbers from 1, 0 where a product has none.
    """

    goods: list[str]
    person: NDArray[np.int64]
    identifier: NDArray[np.int64]
    identifier_row: NDArray[np.int64]
    bought: Purchases
    viewed: Purchases
    category: NDArray[np.int64]


def read_shop(conn: Connection, today: int) -> Read:
    """Purchases and views of everybody up to a local day, and the catalogue."""
    catalogue = {p.product: p.category for p in all_products(conn)}
    # What was bought by a variant's number, before the shop knew whose variant it is, is its product's.
    homes = {sku: product for sku, product in variant_homes(conn) if sku not in catalogue}
    bought = _read(conn, BOUGHT, None, today)
    viewed = _read(conn, VIEWED, today - VIEW_DAYS, today)
    goods = sorted({*catalogue, *(homes.get(p, p) for p in (*bought[3], *viewed[3]))})
    at = {product: i for i, product in enumerate(goods)}
    at |= {sku: at[product] for sku, product in homes.items() if product in at}
    person = np.union1d(bought[0], viewed[0]).astype(np.int64)

    def placed(rows: _Rows) -> Purchases:
        places = np.array([at[product] for product in rows[3]], dtype=np.int64)
        items = places[rows[1]] if len(places) else rows[1]
        return Purchases.of(np.searchsorted(person, rows[0]), items, rows[2], len(person), len(goods))

    owned = np.array(
        [
            (i, p)
            for i, p in conn.exec_driver_sql("SELECT DISTINCT identifier, person FROM ownership ORDER BY identifier")
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    owned = owned[np.isin(owned[:, 1], person)]
    codes: dict[str, int] = {}
    return Read(
        goods=goods,
        person=person,
        identifier=np.ascontiguousarray(owned[:, 0]),
        identifier_row=np.searchsorted(person, owned[:, 1]),
        bought=placed(bought),
        viewed=placed(viewed),
        category=np.array(
            [codes.setdefault(c, len(codes) + 1) if (c := catalogue.get(product)) else 0 for product in goods],
            dtype=np.int64,
        ),
    )


_Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], list[str]]
"""Person, number of the product in the list, day; and the list of products."""

_AT_ONCE = 100_000


def _read(conn: Connection, prefix: str, first: int | None, last: int) -> _Rows:
    since = "" if first is None else f" AND a.day >= {first}"
    query = (
        "SELECT o.person, a.measure, a.day FROM ownership o CROSS JOIN activity a WHERE o.id = a.interval_id"
        f" AND {prefixed(conn, 'a.measure', prefix)} AND a.day <= {last}{since} AND a.n > 0"
    )
    products: dict[str, int] = {}
    parts: list[NDArray[np.int64]] = []
    rows = conn.execution_options(stream_results=True).exec_driver_sql(query)
    # The driver's own rows: there are millions, and SQLAlchemy's cost as much again as reading them.
    while chunk := rows.cursor.fetchmany(_AT_ONCE):
        persons, measures, days = zip(*chunk, strict=True)
        numbers = [products.setdefault(measure, len(products)) for measure in measures]
        parts.append(np.array((persons, numbers, days), dtype=np.int64).T)
    rows.close()
    whole = np.concatenate(parts) if parts else np.zeros((0, 3), dtype=np.int64)
    return whole[:, 0], whole[:, 1], whole[:, 2], [measure[len(prefix) :] for measure in products]


# ---- when it is due --------------------------------------------------------------------------------------------------


def due(db: Database, settings: Settings, now: int) -> bool:
    """Whether a serving shop should fit by itself: it has people, and the last fit is not of today."""
    folder = folder_of(db, settings)
    if folder is None or not _idle(folder):
        return False
    last = latest(folder)
    if last is not None and last.day >= local_day(now, settings.zone):
        return False
    with db.read() as conn:
        return int(conn.execute(select(func.count()).select_from(people)).scalar_one()) >= LEAST_PEOPLE


def latest(folder: Path) -> Manifest | None:
    """What is said of the fit that is served, or None."""
    name = ranking.named(folder)
    try:
        return (
            None if name is None else msgspec.json.decode((folder / name / "manifest.json").read_bytes(), type=Manifest)
        )
    except (OSError, msgspec.DecodeError):
        return None


def running(folder: Path) -> Fitting | None:
    """The fit that is running, or failed last and was not made up for since; None else."""
    try:
        return msgspec.json.decode((folder / "fitting").read_bytes(), type=Fitting)
    except (OSError, msgspec.DecodeError):
        return None


def _idle(folder: Path) -> bool:
    """Whether no fit runs, and none failed within the last hours."""
    found = running(folder)
    return found is None or found.at + STALE * 1000 < _wall()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[Callable[[Fitting], None]]:
    """One process fits at a time; gives what writes down how far it is."""
    folder.mkdir(parents=True, exist_ok=True)
    status = folder / "fitting"

    def note(now: Fitting) -> None:
        fresh = folder / f".fitting-{os.getpid()}"
        fresh.write_bytes(msgspec.json.encode(now))
        fresh.replace(status)

    with (folder / "lock").open("a") as lock:
        if not _held(lock):
            raise Conflict("Another process is fitting this shop.", code="fitting", remedy="Wait for it to end.")
        # What a fit that died left half made.
        served = ranking.named(folder)
        for left in folder.glob("fit-*"):
            if left.name != served:
                shutil.rmtree(left, ignore_errors=True)
        try:
            yield note
        except BaseException as error:
            note(Fitting(state="failed", step="", done=0, total=1, at=_wall(), error=str(error)[:500]))
            raise
        status.unlink(missing_ok=True)


def _held(lock: IO[str]) -> bool:
    """Whether this process holds a file from now on; its end, however it comes, lets go of it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _wall() -> int:
    """The machine's clock: files are compared by it, whatever day the shop stands on."""
    return time.time_ns() // 1_000_000


# ---- erasure ---------------------------------------------------------------------------------------------------------


def eraser(rankings: Rankings) -> Eraser:
    """Takes people out of the fit that is served, in the transaction of their erasure."""

    def erase(conn: Connection, subject: Subject) -> int:
        where = rankings.folder
        if where is None:
            return 0
        alone(conn, LOCK)
        name = ranking.named(where)
        if name is None or not (where / name / "manifest.json").exists():
            return 0
        return ranking.forget(where / name, [subject.person], subject.identifiers)

    return erase
