from __future__ import annotations

import pytest

from conftest import NOON
from fairday.intake import rejections
from fairday.intake.rejections import (
    RejectionLane,
    count_rejected,
    list_rejected,
    readable,
    rejection,
)
from fairday.kernel.clock import local_day
from fairday.storage.database import Database

ZONE = "Asia/Shanghai"
DAY = local_day(NOON, ZONE)


def test_a_rejection_is_kept_with_its_reason_and_counted(db: Database) -> None:
    lane = RejectionLane(ZONE)
    with db.write() as conn:
        one = rejection(NOON, "browser:page", "no_event_name", "A name!", b'{"x":1}')
        two = rejection(NOON, "server:till", "bad_gzip", "Gzip!", b"\x1f\x8b\x00")
        lane.apply(conn, [[one, one], [two]])
        lane.apply(conn, [[one]])
        found = list_rejected(conn)
        assert [(r.source, r.code, r.message, r.body, r.size) for r in found[:2]] == [
            ("browser:page", "no_event_name", "A name!", '{"x":1}', 7),
            ("server:till", "bad_gzip", "Gzip!", "\x1f\ufffd\ufffd", 3),
        ]
        assert len(list_rejected(conn, source="browser:page")) == 3
        assert len(list_rejected(conn, code="bad_gzip")) == 1
        assert len(list_rejected(conn, before=found[1].id)) == 2
        assert len(list_rejected(conn, limit=2)) == 2
        assert count_rejected(conn, DAY) == [
            (DAY, "browser:page", "no_event_name", 3),
            (DAY, "server:till", "bad_gzip", 1),
        ]
        assert count_rejected(conn, DAY + 1) == []


def test_a_flood_cannot_fill_the_disk_nor_wash_out_another_source(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "KEPT_PER_SOURCE", 100)
    monkeypatch.setattr(rejections, "_PRUNE_EVERY", 50)
    lane = RejectionLane(ZONE)
    with db.write() as conn:
        lane.apply(conn, [[rejection(NOON, "browser:page", "x", "x", b"first")]])
        for n in range(20):
            lane.apply(conn, [[rejection(NOON, "unknown", "y", "y", str(n).encode() * 10_000)] * 40])
        lane.apply(conn, [[rejection(NOON, "unknown", "y", "y", b"last")] * 1_000])
        kept = list_rejected(conn, source="unknown", limit=10_000)
        assert len(kept) <= 150
        assert kept[0].body == "last"
        assert all(len(r.body) <= rejections.KEPT_CHARACTERS for r in kept)
        assert [r.body for r in list_rejected(conn, source="browser:page")] == ["first"]
        assert dict((s, n) for _, s, _, n in count_rejected(conn, DAY)) == {"browser:page": 1, "unknown": 1_800}


def test_what_is_old_is_deleted(db: Database) -> None:
    with db.write() as conn:
        lane = RejectionLane(ZONE)
        lane.apply(conn, [[rejection(NOON - rejections.KEPT_MS - 1, "unknown", "y", "y", b"old")]])
        lane.apply(conn, [[rejection(NOON, "unknown", "y", "y", b"new")]])
        rejections.prune_rejected(conn, "unknown", NOON)
        assert [r.body for r in list_rejected(conn)] == ["new"]


def test_any_bytes_become_text_that_any_database_takes() -> None:
    assert readable(b'"\\u674e\\u96f7 \\ud83d\\ude00"') == '"李雷 😀"'
    assert readable(b"a\x00\xff\\ud800") == "a\ufffd\ufffd\ufffd"
    assert readable(b'"\\u0041\\u0022"') == '"\\u0041\\u0022"'
