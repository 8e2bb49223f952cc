"""A shop in one file, and out of it again: ``fairday backup`` and ``fairday restore``.

The file is a SQLite database, whatever the shop is kept in: of one moment, checked, and itself a shop that reports can
be asked of. What can be made again is not in it (the lake, the ranking of goods, the search index), nor what is not in
the database on purpose (payment keys, the mail server's secret).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, inspect, select, text, update

from fairday.kernel.clock import Clock
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people.identity.tables import operations
from fairday.reach.outbox import messages
from fairday.rooms import metadata
from fairday.shop import Shop
from fairday.shop import open as open_shop
from fairday.shop.keeping import migrate
from fairday.storage.database import Database, shown
from fairday.storage.followers import Source, cursors
from fairday.storage.ledger import transfers
from fairday.storage.log import events, happenings
from fairday.trade.records import orders

SLICE = 5_000
"""Rows that are carried at once."""

Progress = Callable[[int, int], None]
_SIDE = ("-wal", "-shm", "-journal")


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy must have in common with what it was made of.

    Attributes:
        rows: by table.
        ledger: by unit, all that transfers have moved.
        orders: by currency, how many orders, what they came to and what went back, minor units.
    """

    rows: Mapping[str, int]
    ledger: Mapping[str, int]
    orders: Mapping[str, tuple[int, int, int]]


def sums(conn: Connection) -> Sums:
    """Count a shop's tables and add its money up."""
    total, back = func.coalesce(func.sum(orders.c.total), 0), func.coalesce(func.sum(orders.c.refunded), 0)
    by_unit = select(transfers.c.unit, func.sum(transfers.c.amount)).group_by(transfers.c.unit)
    by_currency = select(orders.c.currency, func.count(), total, back).group_by(orders.c.currency)
    return Sums(
        rows={t.name: _count(conn, t) for t in _tables(conn)},
        ledger={unit: int(n) for unit, n in conn.execute(by_unit)},
        orders={c or "": (int(n), int(t), int(b)) for c, n, t, b in conn.execute(by_currency)},
    )


def _tables(conn: Connection) -> list[Table]:
    """The rooms' tables, as the database was migrated to them."""
    there = set(inspect(conn).get_table_names())
    return [table for table in metadata.sorted_tables if table.name in there]


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


# ---- out ----------------------------------------------------------------------------------------------------------


def backup(db: Database, to: Path, progress: Progress = lambda done, total: None) -> Sums:
    """Write a shop into a new file, beside whoever serves it. It appears whole or not at all, for its owner alone.

    Raises:
        Conflict: the file is there.
        FairdayError: it cannot be written, or the copy is damaged.
    """
    if to.exists():
        raise Conflict(f"{to} is there.", code="file_exists", where=str(to), remedy="Name a new file.")
    fresh = to.with_name(to.name + ".writing")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        _remove(fresh)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # personal data
    except OSError as error:
        raise FairdayError(
            f"The file cannot be written: {error.strerror}.", code="no_file", where=str(to),
            remedy="Name one in a folder that you may write to.",
        ) from None  # fmt: skip
    try:
        if db.path is not None:
            _copy(db.path, fresh, progress)
        else:
            with _opened(fresh) as copy:
                migrate(copy)
                with db.read() as source, copy.write() as conn:
                    _carry(source.execution_options(yield_per=SLICE), conn, progress)
                    _keep_numbers(source, conn)
        _check(fresh)
        with _opened(fresh) as copy, copy.read() as conn:
            found = sums(conn)
        _to_disk(fresh)
        fresh.replace(to)
        _to_disk(to.parent)
    except BaseException:
        _remove(fresh)
        raise
    return found


def _copy(source: Path, to: Path, progress: Progress) -> None:
    """Copy a SQLite database by its own backup, under one lock to read; writers go on."""
    given, made = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True), sqlite3.connect(to)
    try:
        # All pages in one step: a copy in several begins anew whenever somebody else writes.
        given.backup(made, pages=-1, progress=lambda _, left, total: progress(total - left, total))
        made.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise FairdayError(
            f"The copy could not be made: {error}.", code="no_copy", where=str(source),
            remedy="See that the disk has room and the file is a shop.",
        ) from None  # fmt: skip
    finally:
        made.close()
        given.close()


def _check(file: Path) -> None:
    """Read a copy from end to end.

    Raises:
        FairdayError: it is no whole database, or none of a shop.
    """
    try:
        conn = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            said = conn.execute("PRAGMA quick_check").fetchone()[0]
            shop = conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'happenings'").fetchone() is not None
        finally:
            conn.close()
    except sqlite3.Error as error:
        said, shop = str(error), False
    if said != "ok" or not shop:
        why = "" if said == "ok" else f" ({said})"
        raise FairdayError(
            f"That is no backup of a shop{why}.", code="no_backup", where=str(file),
            remedy="Name a file that fairday backup wrote.",
        )  # fmt: skip


# ---- and in again -------------------------------------------------------------------------------------------------


def restore(
    source: Path,
    url: str,
    *,
    lake: Path | None = None,
    clock: Clock | None = None,
    progress: Progress = lambda done, total: None,
) -> tuple[Shop, Sums]:
    """Bring a backup back as the shop of an address where there is none; the shop, open, and its sums.

    The copy believes that it is then. So that it does nothing twice and nothing to the shop it was made of: mail that
    waited is *unsure* and not sent (the shop may have sent it since), and the lake is another folder.

    Args:
        lake: where the lake goes; None: beside a SQLite file, if the shop had one; on PostgreSQL the shop is without.

    Raises:
        Conflict: there is something at the address.
        FairdayError: the file is no backup, or what came in is not what is in it.
    """
    if not source.is_file():
        raise FairdayError(f"There is no file {source}.", code="no_backup", where=str(source), remedy="Name a backup.")
    with tempfile.TemporaryDirectory(prefix="fairday-") as folder:
        db = Database(url)
        path = db.path
        _must_be_empty(db, url)
        try:
            copy = (path or Path(folder) / "copy.db").with_suffix(".restoring")
            _remove(copy)
            _copy(source, copy, progress)
            _check(copy)
            with open_shop(copy) as taken:  # as this version has it
                with taken.db.write() as conn:
                    found = sums(conn)
                    if path is not None:
                        _in_one_row(conn, {f.name: f.source for f in taken.followers})
                if path is None:
                    migrate(db)
                    with taken.db.read() as given, db.write() as conn:
                        _carry(given, conn, progress)
                        _set_numbers(given, conn)
            if path is not None:
                _one_file(copy)
                copy.replace(path)
                _to_disk(path.parent)
            return _settled(db, found, lake, clock), found
        except BaseException:
            db.close()
            if path is not None:
                _remove(path.with_suffix(".restoring"))
            raise


def _must_be_empty(db: Database, url: str) -> None:
    if db.path is not None:
        there = [str(p) for p in (db.path, *(db.path.with_name(db.path.name + s) for s in _SIDE)) if p.exists()]
        if not db.path.parent.is_dir():
            raise FairdayError(
                "The file cannot be written.", code="no_file", where=str(db.path), remedy="Make its folder first."
            )
    else:
        db.greet()
        there = inspect(db.engine).get_table_names()[:1]
    if there:
        db.close()
        raise Conflict(
            f"There is something at {shown(url)}.", code="not_empty", where=there[0],
            remedy="Restore into a new file or an empty database, and move what is there away first.",
        )  # fmt: skip


def _settled(db: Database, found: Sums, lake: Path | None, clock: Clock | None) -> Shop:
    """The restored shop, open, without what would happen twice or elsewhere.

    Raises:
        FairdayError: it is not what the backup holds.
    """
    with db.write() as conn:
        now = sums(conn)
        if now != found:
            raise FairdayError(
                "What came in is not what the backup holds.", code="restore_differs",
                where=", ".join(t for t, n in now.rows.items() if found.rows[t] != n) or "money",
                remedy="Remove what was restored, and look at the disk before you try again.",
            )  # fmt: skip
        waiting = update(messages).where(messages.c.status.in_(("queued", "sending")))
        conn.execute(waiting.values(status="unsure", reason="restored"))
    if db.path is not None:
        shutil.rmtree(db.path.with_suffix(".search"), ignore_errors=True)  # of whatever was there before
    url, path = db.url, db.path
    db.close()
    with open_shop(url, create=False, clock=clock) as before:
        kept = lake or (path.with_suffix(".lake") if path is not None and before.settings.lake else None)
        before.change_settings(lake=str(kept.absolute()) if kept is not None else "", models="")
    shop = open_shop(url, create=False, clock=clock)
    if shop.lake is not None:
        shop.followers.rewind("lake")
    return shop


def _in_one_row(conn: Connection, sources: Mapping[str, Source]) -> None:
    """Number the log of a shop that stood on PostgreSQL as SQLite does: by position alone.

    Raises:
        Conflict: transactions crossed at the moment of the copy, so that a follower has read what stands behind what
            it has not.
    """
    for name, xid, pos in conn.execute(select(cursors.c.name, cursors.c.xid, cursors.c.pos)).all():
        if xid <= 0:
            continue
        table, at = sources.get(name, "happenings"), {"x": xid, "p": pos}
        last = conn.execute(text(f"SELECT MAX(pos) FROM {table} WHERE (xid, pos) <= (:x, :p)"), at).scalar()
        left = f"SELECT 1 FROM {table} WHERE (xid, pos) > (:x, :p) AND pos < :last LIMIT 1"
        if last is not None and conn.execute(text(left), at | {"last": last}).first() is not None:
            raise Conflict(
                "This backup was made while much came in, and goes back into PostgreSQL alone.",
                code="crossed", where=name, remedy="Restore it there, or make another in a quiet moment.",
            )  # fmt: skip
        conn.execute(update(cursors).where(cursors.c.name == name).values(xid=0, pos=-1 if last is None else last))
    for numbered in (happenings, events, operations):
        conn.execute(update(numbered).where(numbered.c.xid > 0).values(xid=0))


# ---- tables -------------------------------------------------------------------------------------------------------


def _carry(source: Connection, to: Connection, progress: Progress) -> None:
    """Bring every table's rows over; what a new shop's tables hold of themselves goes first."""
    tables = _tables(to)
    for n, table in enumerate(tables):
        progress(n, len(tables))
        to.execute(delete(table))
        rows = source.execution_options(yield_per=SLICE).execute(select(table))
        if to.dialect.name == "sqlite":
            for part in rows.mappings().partitions():
                to.execute(table.insert(), [dict(row) for row in part])
        else:
            names = ", ".join(f'"{c.name}"' for c in table.columns)
            driver: Any = to.connection.dbapi_connection
            with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copying:
                for row in rows:
                    copying.write_row(tuple(row))
    progress(len(tables), len(tables))


def _numbered(conn: Connection) -> Iterator[tuple[Table, str, str]]:
    """Tables whose rows PostgreSQL numbers, with the column and the sequence."""
    for table in _tables(conn):
        column = table.autoincrement_column
        if column is not None:
            asked = {"t": f'"{table.name}"', "c": column.name}
            sequence = conn.execute(text("SELECT pg_get_serial_sequence(:t, :c)"), asked).scalar()
            if sequence is not None:
                yield table, column.name, sequence


def _keep_numbers(source: Connection, to: Connection) -> None:
    """How far rows are numbered, so that no number is given twice: what is erased keeps its own."""
    for table, _, sequence in _numbered(source):
        last, called = source.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()
        if called and table.dialect_options["sqlite"].get("autoincrement"):
            to.execute(text("DELETE FROM sqlite_sequence WHERE name = :t"), {"t": table.name})
            to.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :n)"), {"t": table.name, "n": last})


def _set_numbers(source: Connection, to: Connection) -> None:
    told = source.execute(text("SELECT name, seq FROM sqlite_sequence")).all()
    counted: dict[str, int] = {name: seq for name, seq in told}
    for table, column, sequence in _numbered(to):
        highest = to.execute(select(func.max(table.c[column]))).scalar() or 0
        if last := max(highest, counted.get(table.name, 0)):
            to.execute(text("SELECT setval(:s, :n)"), {"s": sequence, "n": last})


# ---- files --------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(file: Path) -> Iterator[Database]:
    """A SQLite database that is one file again when the block ends."""
    db = Database(str(file))
    try:
        yield db
    finally:
        db.close()
        _one_file(file)


def _one_file(file: Path) -> None:
    """Bring what stands in a SQLite file's log into it."""
    conn = sqlite3.connect(file)
    try:
        conn.execute("PRAGMA journal_mode=DELETE")
    finally:
        conn.close()


def _remove(file: Path) -> None:
    for name in (file.name, *(file.name + side for side in _SIDE)):
        file.with_name(name).unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["Sums", "backup", "restore", "sums"]
