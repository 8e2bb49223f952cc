from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import fairday
import lending
import parts
from fairday.kernel.clock import ManualClock
from fairday.storage.database import Database, metadata

hypothesis.settings.register_profile(
    "fairday", deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
hypothesis.settings.load_profile("fairday")

if sys.dont_write_bytecode:
    # Where nothing may be written beside the sources, every process that a test starts would compile them all anew,
    # for most of its time. They share what is compiled in pytest's own cache instead.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(parts.ROOT / ".pytest_cache" / "pycache")
    sys.dont_write_bytecode = False

NOON = 1_780_315_200_000  # 2026-06-01 12:00 UTC


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[parts.Postgres]:
    if parts.postgres_bin() is None:
        parts.missing("PostgreSQL's server", "On Debian or Ubuntu: apt-get install postgresql")
    # No test cuts this machine's power, so the disk need not be waited for; where a crash matters a test has its own.
    server = parts.Postgres("fsync=off", "full_page_writes=off")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_shops(tmp_path_factory: pytest.TempPathFactory) -> lending.SQLiteShops:
    return lending.SQLiteShops(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def postgres_shops(postgres_server: parts.Postgres) -> lending.PostgresShops:
    return lending.PostgresShops(postgres_server)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "shop.db")
    return request.getfixturevalue("postgres_server").database()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with an empty shop, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_shops").lend(tmp_path / "shop.db")
        return
    shops = request.getfixturevalue("postgres_shops")
    lent = shops.lend()
    yield lent
    shops.give_back(lent)


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """A database with all tables, on both kinds; those that test files declare too."""
    database = Database(url)
    own = [table for name, table in metadata.tables.items() if name.startswith("test_")]
    with database.write() as conn:
        metadata.create_all(conn, own)
    yield database
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon UTC, 1 June 2026."""
    return ManualClock(NOON)


@pytest.fixture
def shop(url: str, clock: ManualClock) -> Iterator[fairday.Shop]:
    """An empty shop in Shanghai whose clock stands, on both databases; nothing runs in its background."""
    with fairday.open(url, clock=clock) as opened:
        yield opened


@pytest.fixture
def lite(tmp_path: Path, clock: ManualClock, sqlite_shops: lending.SQLiteShops) -> Iterator[fairday.Shop]:
    """An empty shop on SQLite alone, for what has nothing to do with where things are kept."""
    with fairday.open(sqlite_shops.lend(tmp_path / "lite.db"), clock=clock) as opened:
        yield opened
