"""Exposures of pages: arms and meetings in one piece, durable when acknowledged, bounded while they wait."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import Unavailable
from fairday.people.tables import OPEN
from fairday.scenes.exposures import Exposure, Exposures
from fairday.scenes.loading import load_people
from fairday.storage.groupcommit import Lane
from fairday.storage.log import Happening


def shown(n: int) -> Happening:
    return Happening(message_id=f"scene-{n}", kind="track", name="Scene Shown", at=5, received=5, source="fairday",
                     ids=(("user_id", "u"),))  # fmt: skip


def kept(shop) -> tuple[list[tuple], list[str]]:
    with shop.db.read() as conn:
        arms = conn.execute(text("SELECT scene, identifier, arm, at FROM scene_arms ORDER BY scene, identifier")).all()
        rows = conn.execute(text("SELECT message_id FROM happenings ORDER BY message_id")).scalars().all()
    return [tuple(a) for a in arms], list(rows)


def test_what_is_acknowledged_is_kept_and_a_repeat_changes_nothing(shop):
    shop.exposures.queue(Exposure([shown(1), shown(2)], [("a", 7, "treated"), ("b", 7, "holdout")], 5)).result()
    first = kept(shop)
    assert first == ([("a", 7, "treated", 5), ("b", 7, "holdout", 5)], ["scene-1", "scene-2"])
    again = [
        shop.exposures.queue(Exposure([shown(2)], [("a", 7, "holdout")], 9)),
        shop.exposures.queue(Exposure([shown(3), shown(3)], [], 9)),
    ]
    assert [f.result() for f in again] == [None, None]
    assert kept(shop) == (first[0], [*first[1], "scene-3"])


def test_of_two_pages_in_one_batch_the_first_gives_the_arm(shop):
    lane = shop.exposures
    with shop.db.write() as conn:
        lane.apply(conn, [Exposure([], [("a", 7, "treated")], 5), Exposure([], [("a", 7, "holdout")], 6)])
    assert kept(shop)[0] == [("a", 7, "treated", 5)]


def test_days_of_limited_scenes_are_kept_for_a_week_and_read_back(shop):
    for day in (100, 106, 107, 107):
        shop.exposures.queue(Exposure([], [], 5, [("a", 7, day), ("b", 7, day)])).result()
    shop.exposures.queue(Exposure([], [], 5, [("a", 8, 90)])).result()
    with shop.db.read() as conn:
        rows = conn.execute(text("SELECT identifier, scene, day FROM scene_days ORDER BY 1, 2, 3")).all()
    assert [tuple(r) for r in rows] == [(7, s, d) for s in "ab" for d in (106, 107)] + [(8, "a", 90)]
    with shop.db.write() as conn:
        conn.execute(text("INSERT INTO people (person, since) VALUES (1, 0), (2, 0)"))
        conn.execute(text(f"INSERT INTO ownership VALUES (1, 7, 1, {-OPEN}, {OPEN}), (2, 8, 2, {-OPEN}, {OPEN})"))
    with shop.db.read() as conn:
        found = load_people(conn, [1, 2], 107 * DAY_MS)
    assert found[1].days == {"a": frozenset({106, 107}), "b": frozenset({106, 107})}
    assert found[2].days == {}


class _Stuck(Lane):
    def __init__(self, shop) -> None:
        self.shop = shop

    def apply(self, conn, items):
        for ready, go in items:
            ready.set()
            go.wait(10)
        return items


def test_only_so_many_wait_and_there_is_room_again_afterwards(shop):
    import threading

    few = Exposures(shop.writer, most=3)
    ready, go = threading.Event(), threading.Event()
    shop.writer.submit(_Stuck(shop), (ready, go))
    ready.wait(10)
    waiting = [few.queue(Exposure([shown(n)], [], 5)) for n in range(3)]
    with pytest.raises(Unavailable):
        few.queue(Exposure([shown(9)], [], 5))
    go.set()
    for future in waiting:
        future.result(10)
    few.queue(Exposure([shown(10)], [], 5)).result(10)
    assert kept(shop)[1] == ["scene-0", "scene-1", "scene-10", "scene-2"]


def test_a_writer_that_is_closing_takes_no_place(shop):
    few = Exposures(shop.writer, most=1)
    shop.writer.close()
    for _ in range(3):
        with pytest.raises(Unavailable, match="closing"):
            few.queue(Exposure([shown(1)], [], 5))
