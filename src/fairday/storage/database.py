"""One database: SQLite (WAL, synchronous FULL, one writer at a time) or PostgreSQL, through one code path."""

from __future__ import annotations

import hashlib
import select
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError
from sqlalchemy.pool import QueuePool

from fairday.kernel.errors import FairdayError

metadata = MetaData()
"""Every room declares its tables here; the migration and the erasure of a person walk it."""

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer that may be an autoincrementing primary key on both databases."""

SQLITE_PRAGMAS: dict[str, str] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "busy_timeout": "20000",
    "foreign_keys": "ON",
    "secure_delete": "ON",
    "temp_store": "MEMORY",
    "cache_size": "-65536",
    "mmap_size": "268435456",
    "wal_autocheckpoint": "4000",
}


def col(name: str, type_: Any, *args: Any, personal: bool | str, **kwargs: Any) -> Column[Any]:
    """A column marked personal or not, as every column must be.

    Args:
        personal: False, True (holds what is known of a person, erased with them), or a word for how it points at
            a person: ``"person"`` (a person number), ``"identifier"`` (an identifier number), ``"interval"`` (an
            ownership interval), ``"happening"`` (a position in the log), ``"ids"`` (a JSON list of [type, value]),
            ``"of TABLE.COLUMN"`` (whose row of that table has the same value there). Export and erasure walk these.
    """
    info = {"personal": personal}
    return Column(name, type_, *args, info=info, **kwargs)


class Turns:
    """A lock that is handed over in the order it was asked for, so that a busy writer never keeps out another."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()  # released by the one before, who leaves it held for us

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class Database:
    """A connection pool and the rules of writing.

    ``read()`` gives a snapshot that sees one state, ``glance()`` one for a single statement; ``write()`` one
    transaction, which on SQLite is the only one.
    Services take the connection of a transaction and never commit.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self.dialect = self.engine.dialect.name
        self._turn = Turns()

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL."""
        return Path(self.engine.url.database or "") if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: everything read in it is of one moment."""
        with self.engine.connect() as conn:
            if not self.is_sqlite:
                conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with conn.begin():
                yield conn

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """A connection for one statement that only reads: it sees one state without a transaction about it.

        On PostgreSQL that spares BEGIN and COMMIT, each of them a trip to the server.
        """
        with self.engine.connect() as conn:
            yield conn if self.is_sqlite else conn.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed when the block ends and rolled back when it raises.

        On SQLite, writers of this process take turns here and writers of other processes wait in BEGIN IMMEDIATE.
        """
        if not self.is_sqlite:
            with self.engine.begin() as conn:
                yield conn
            return
        with self._turn, self.engine.connect() as conn:
            conn = conn.execution_options(fairday_immediate=True)
            with conn.begin():
                yield conn

    def insert(self, table: Table) -> Any:
        """A dialect insert that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def greet(self) -> None:
        """Connect once, so that an address that cannot work is told in words.

        Raises:
            FairdayError: the file is no database or cannot be opened, or the server does not let us in.
        """
        try:
            with self.engine.connect():
                pass
        except DBAPIError as error:
            shown = self.engine.url.render_as_string(hide_password=True)
            if not self.is_sqlite:
                said = str(error.orig).strip().splitlines()[0]
                raise FairdayError(
                    f"The PostgreSQL server does not let us in: {said}.",
                    code="no_database",
                    where=shown,
                    remedy="Check that it runs, and the user, password, host and name of the address.",
                ) from error
            if isinstance(error.orig, sqlite3.Error) and _sqlite_code(error.orig) in _DAMAGED:
                raise FairdayError(
                    "This is not a SQLite database, or it is damaged.",
                    code="not_a_database",
                    where=str(self.path),
                    remedy="Name a shop's file, or put a backup back.",
                ) from error
            raise FairdayError(
                f"The file cannot be opened: {error.orig}.",
                code="no_database",
                where=str(self.path),
                remedy="Name a file in a folder that exists and that you may write to.",
            ) from error

    def create_all(self) -> None:
        """Create the tables directly, for scratch databases; shops are migrated (``fairday.open``)."""
        with self.write() as conn:
            metadata.create_all(conn)

    def close(self) -> None:
        self.engine.dispose()


def shown(url: str) -> str:
    """A database's address as it may be printed: without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True) if "://" in url else url
    except (ArgumentError, ValueError):
        return url.partition("://")[0] + "://…"


def insert(conn: Connection, table: Table) -> Any:
    """A dialect insert for that connection; knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def _engine(url: str) -> Engine:
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise FairdayError(
            f"{shown(url)!r} is not a database address.",
            code="bad_url",
            remedy="Write a file name such as shop.db, or postgresql://user@host/name.",
        )
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise FairdayError("A shop needs a file.", code="bad_url", remedy="Write a file name such as shop.db.")
        engine = create_engine(
            parsed,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=32,
            connect_args={"check_same_thread": False},
            hide_parameters=True,  # an error's text goes to logs, which no erasure reaches
        )
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise FairdayError(
                "The PostgreSQL driver is not installed.",
                code="no_driver",
                remedy="pip install 'fairday[postgres]'",
            )
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=8,
            max_overflow=32,
            pool_use_lifo=True,  # the connection that has prepared the statements asked most
            hide_parameters=True,
        )
        event.listen(engine, "checkin", _rests)
        event.listen(engine, "checkout", _still_there)
        return engine
    raise FairdayError(
        f"Fairday keeps its records in SQLite or PostgreSQL, not {parsed.get_backend_name()}.", code="bad_url"
    )


def _sqlite_connect(dbapi: sqlite3.Connection, _record: Any) -> None:
    dbapi.isolation_level = None  # transactions are begun by _sqlite_begin, not by the driver
    for name, value in SQLITE_PRAGMAS.items():
        dbapi.execute(f"PRAGMA {name}={value}")


def _sqlite_begin(conn: Connection) -> None:
    immediate = conn.get_execution_options().get("fairday_immediate", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


RESTED = 30.0
"""Seconds after which a pooled connection is tried before it is used, whatever it looks like."""


def _rests(_dbapi: Any, record: Any) -> None:
    record.info["rests"] = time.monotonic()


def _still_there(dbapi: Any, record: Any, _fairy: Any) -> None:
    """Pass a pooled connection on only if its server has not gone: a restart is met by the pool and not by callers.

    A server that goes says so, or its system closes the connection: either way there is something to read. Only
    then, and after a long rest (a firewall forgets in silence), is the connection tried by a trip to the server.
    """
    rests = record.info.pop("rests", None)
    if rests is None or (time.monotonic() - rests < RESTED and not _said_something(dbapi.fileno())):
        return
    try:
        dbapi.autocommit = True
        dbapi.execute("SELECT 1")
        dbapi.autocommit = False
    except Exception as error:
        raise InvalidatePoolError from error


def _said_something(socket: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def passing(error: BaseException) -> bool:
    """Whether the same transaction may succeed later: a deadlock, a lock held too long, a server gone or restarting.

    On PostgreSQL a unique violation in the runner's own tables is one too: another process created the same stream
    or answered the same key a moment before, and the next try sees it. Any other is a genuine duplicate.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    state = _sqlstate(cause)
    if state is None:
        return type(cause).__name__ == "OperationalError"
    if state == "23505":
        return getattr(getattr(cause, "diag", None), "table_name", None) in ("streams", "events", "answers")
    return state in _PASSING or state.startswith("08")


_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")

_PASSING = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300"}


def outcome_unknown(error: BaseException) -> bool:
    """Whether a COMMIT that raised this may have happened all the same: the connection or the disk failed under it."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return not _sqlite_code(cause).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CONSTRAINT"))
    state = _sqlstate(cause)
    return state is None or state.startswith(("08", "57"))


def broken_constraint(error: BaseException) -> bool:
    """Whether the rows written are at fault: a duplicate, a missing or a malformed value."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause).startswith(("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG"))
    return (_sqlstate(cause) or "").startswith(("22", "23")) and not passing(error)


def of_database(error: BaseException) -> bool:
    """Whether the database or its driver raised this."""
    return isinstance(error, DBAPIError) or isinstance(_cause(error), sqlite3.Error) or _sqlstate(error) is not None


def _cause(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _sqlite_code(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _sqlstate(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return str(state) if state else None


def alone(conn: Connection, what: str) -> None:
    """Hold a lock of that name until the transaction ends; on SQLite a writing transaction is the only one anyway."""
    if conn.dialect.name != "sqlite":
        key = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest(), signed=True)
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def current_xid(conn: Connection) -> int:
    """This transaction's number on PostgreSQL (assigns one), 0 on SQLite where positions commit in order."""
    if conn.dialect.name == "sqlite":
        return 0
    return int(conn.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one())


def finished_below(conn: Connection) -> int | None:
    """Every transaction numbered below this has ended (PostgreSQL); None on SQLite, where all that is seen has."""
    if conn.dialect.name == "sqlite":
        return None
    return int(conn.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one())
