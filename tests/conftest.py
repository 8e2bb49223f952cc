from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import fairday
import parts
from fairday.kernel.clock import ManualClock
from fairday.storage.database import Database

hypothesis.settings.register_profile(
    "fairday", deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
hypothesis.settings.load_profile("fairday")

NOON = 1_780_315_200_000  # 2026-06-01 12:00 UTC


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[parts.Postgres]:
    if parts.postgres_bin() is None:
        parts.missing("PostgreSQL's server", "On Debian or Ubuntu: apt-get install postgresql")
    server = parts.Postgres()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "shop.db")
    return request.getfixturevalue("postgres_server").database()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """A database with all tables, on both kinds."""
    import fairday.rooms  # noqa: F401

    database = Database(url)
    database.create_all()
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
