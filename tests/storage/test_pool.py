from __future__ import annotations

import pytest
from sqlalchemy import text

import parts
from fairday.storage import database
from fairday.storage.database import Database


@pytest.fixture
def own_server():
    """A server of this test's own, to be restarted."""
    if parts.postgres_bin() is None:
        parts.missing("PostgreSQL's server", "On Debian or Ubuntu: apt-get install postgresql")
    server = parts.Postgres()
    yield server
    server.stop()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_no_caller_meets_a_restart_of_the_server(own_server, mode):
    db = Database(own_server.database())
    with db.read() as one, db.write() as two:  # two connections that wait in the pool
        assert one.execute(text("SELECT 1")).scalar_one() == two.execute(text("SELECT 1")).scalar_one()
    own_server.restart(mode)
    for _ in range(3):
        with db.glance() as conn:
            assert conn.execute(text("SELECT 1")).scalar_one() == 1
        with db.write() as conn:
            assert conn.execute(text("SELECT 1")).scalar_one() == 1
    db.close()


def test_a_connection_that_rested_long_is_tried_and_one_that_did_not_is_not(postgres_server, monkeypatch):
    db = Database(postgres_server.database())

    def asked() -> int:
        """Transactions the server has seen of this database: each trip for nothing is one."""
        with db.write() as conn:
            conn.execute(text("SELECT pg_stat_force_next_flush()"))
        with db.glance() as conn:
            return int(
                conn.execute(
                    text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
                ).scalar_one()
            )

    asked()
    first, second = asked(), asked()
    monkeypatch.setattr(database, "RESTED", -1.0)
    asked()
    third, fourth = asked(), asked()
    assert fourth - third > second - first
    db.close()


def test_a_glance_leaves_no_transaction_open_and_sees_what_was_committed(db):
    with db.write() as conn:
        conn.execute(text("INSERT INTO people (since) VALUES (1)"))
    with db.glance() as conn:
        cursor = conn.connection.cursor()
        assert cursor.execute("SELECT COUNT(*) FROM people").fetchone() == (1,)
        with db.write() as other:  # nothing of the glance is in its way
            other.execute(text("INSERT INTO people (since) VALUES (2)"))
        assert cursor.execute("SELECT COUNT(*) FROM people").fetchone() == (2,)
    with db.read() as conn:  # the same connection again, in a transaction
        assert conn.execute(text("SELECT COUNT(*) FROM people")).scalar_one() == 2
