from __future__ import annotations

import pytest

import fairday
from conftest import NOON
from fairday.intake.keys import create_key, find_key, list_keys, revoke_key
from fairday.intake.limits import Buckets
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.database import Database


def test_a_key_is_made_found_listed_and_revoked(db: Database) -> None:
    with db.write() as conn:
        page, page_key = create_key(conn, " 官网 ", "browser", NOON)
        till, till_key = create_key(conn, "till", "server", NOON + 1)
        assert (page.source, page.public, page.shown) == ("browser:官网", True, page_key)
        assert (till.source, till.public, till.shown) == ("server:till", False, "…" + till_key[-4:])
        assert find_key(conn, page_key) == page
        assert find_key(conn, till_key) == till
        revoke_key(conn, "till", NOON + 2)
        assert find_key(conn, till_key) is None
        assert [(k.name, k.revoked) for k in list_keys(conn)] == [("官网", None), ("till", NOON + 2)]
        with pytest.raises(NotFound):
            revoke_key(conn, "till", NOON)
        for nobody in ("", "x", "\0" * 20, "fdb_" + "x" * 20):
            assert find_key(conn, nobody) is None


def test_a_servers_key_stands_nowhere_in_the_database(shop: fairday.Shop) -> None:
    with shop.db.write() as conn:
        _, key = create_key(conn, "till", "server", NOON)
    with shop.db.read() as conn:
        row = conn.exec_driver_sql("SELECT * FROM write_keys").one()
    assert key not in str(row)


def test_a_key_of_segment_is_taken_over(db: Database) -> None:
    with db.write() as conn:
        create_key(conn, "page", "browser", NOON, "wk_test_123")
        assert find_key(conn, "wk_test_123") is not None
        with pytest.raises(Conflict):
            create_key(conn, "other", "browser", NOON, "wk_test_123")
        with pytest.raises(Conflict):
            create_key(conn, "page", "server", NOON)


@pytest.mark.parametrize(
    ("name", "kind", "key", "code"),
    [
        ("", "browser", "", "bad_name"),
        ("x" * 49, "browser", "", "bad_name"),
        ("a\nb", "browser", "", "bad_name"),
        ("a", "phone", "", "bad_kind"),
        ("a", "server", "short", "bad_key"),
        ("a", "server", "with spaces in it", "bad_key"),
    ],
)
def test_a_bad_key_is_refused(db: Database, name: str, kind: str, key: str, code: str) -> None:
    with db.write() as conn, pytest.raises(FairdayError) as refused:
        create_key(conn, name, kind, NOON, key)
    assert refused.value.code == code


def test_a_bucket_empties_fills_and_says_how_long() -> None:
    buckets = Buckets(rate=10, burst=20)
    assert buckets.take("a", 20, 100.0) == 0
    assert buckets.take("a", 10, 100.0) == pytest.approx(1.0)
    assert buckets.take("b", 10, 100.0) == 0
    assert buckets.take("a", 10, 100.5) == pytest.approx(0.5)
    assert buckets.take("a", 10, 101.0) == 0


def test_a_request_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_for_after() -> None:
    buckets = Buckets(rate=10, burst=20)
    assert buckets.take("a", 100, 0.0) == 0
    assert buckets.take("a", 1, 0.0) == pytest.approx(8.1)
    assert buckets.take("a", 1, 8.2) == 0


def test_only_so_many_senders_are_remembered() -> None:
    buckets = Buckets(rate=1, burst=1, senders=100)
    for n in range(1_000):
        buckets.take(str(n), 1, 0.0)
    assert len(buckets._left) == 100
