from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import fairday
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.people import audiences, identity, midnight
from fairday.storage.log import Happening, read_happenings

NOON = 1_780_315_200_000


def said(shop: fairday.Shop) -> list[tuple[str, str, str]]:
    with shop.db.read() as conn:
        return [
            (h.name, h.properties["audience"], h.ids[0][1])
            for h in read_happenings(conn, (-1, -1), None, 10_000)
            if h.name.startswith("Audience ")
        ]


def order(
    user: str, message_id: str, at: int = NOON, total: float = 10, ids: Sequence[tuple[str, str]] = ()
) -> Happening:
    body: dict[str, Any] = {"properties": {"total": total, "products": []}}
    return Happening(
        message_id=message_id, kind="track", name="Order Completed", at=at, received=at, source="server:till",
        ids=(("user_id", user), *ids), body=body,
    )  # fmt: skip


def keep(shop: fairday.Shop, name: str, expression: str) -> None:
    with shop.db.write() as conn:
        audiences.save(conn, name, expression, shop.settings, shop.clock.now())


def members(shop: fairday.Shop, name: str) -> list[int]:
    with shop.db.read() as conn:
        return [p for p, _ in audiences.members(conn, name, 1000)]


def until(shop: fairday.Shop, expected: list[tuple[str, str, str]], seconds: float) -> float:
    began = time.monotonic()
    while said(shop) != expected:
        assert time.monotonic() - began < seconds, said(shop)
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_happening_moves_membership_by_itself_and_so_does_midnight(shop: fairday.Shop, clock: ManualClock) -> None:
    keep(shop, "recent", "orders(7d) >= 1")
    shop.start()
    shop.append([order("u1", "o1")]).result()
    entered = [("Audience Entered", "recent", "u1")]
    assert until(shop, entered, 10) < 2
    clock.move(6 * DAY_MS)
    time.sleep(0.6)
    assert said(shop) == entered
    clock.move(DAY_MS)
    assert until(shop, [*entered, ("Audience Left", "recent", "u1")], 10) < 2


def test_a_rebuild_announces_nothing_again(shop: fairday.Shop) -> None:
    keep(shop, "buyers", "order_count >= 1")
    shop.append([order("u1", "o1"), order("u2", "o2")]).result()
    shop.followers.catch_up()
    before = said(shop)
    assert len(before) == 2
    for name in ("traits", "membership"):
        shop.followers.rebuild(name)
    shop.followers.catch_up()
    assert said(shop) == before
    assert len(members(shop, "buyers")) == 2


def test_a_new_audience_takes_in_whoever_belongs_and_a_changed_one_lets_go(shop: fairday.Shop) -> None:
    shop.append([order("u1", "o1"), order("u2", "o2", total=500)]).result()
    shop.followers.catch_up()
    keep(shop, "rich", "spend_total >= 100")
    shop.followers.catch_up()
    assert said(shop) == [("Audience Entered", "rich", "u2")]
    keep(shop, "rich", "spend_total between 1 and 99")
    shop.followers.catch_up()
    assert said(shop)[1:] == [("Audience Left", "rich", "u2"), ("Audience Entered", "rich", "u1")]
    keep(shop, "rich", "spend_total >= 100")
    shop.followers.catch_up()
    assert len(said(shop)) == 5


def test_merged_people_are_not_greeted_again_and_split_ones_not_forgotten(
    shop: fairday.Shop, clock: ManualClock
) -> None:
    keep(shop, "buyers", "order_count >= 1")
    shop.append([order("u1", "o1"), order("u2", "o2")]).result()
    shop.followers.catch_up()
    before = said(shop)
    with shop.db.read() as conn:
        call = identity.merge(conn, "user_id:u1", "user_id:u2", shop.settings.identity, clock.now(), "merge")
    shop.append([call]).result()
    shop.followers.catch_up()
    assert said(shop) == before
    assert len(members(shop, "buyers")) == 1
    with shop.db.read() as conn:
        call = identity.split(conn, "user_id:u1", "user_id:u2", shop.settings.identity, clock.now(), "split")
    shop.append([call]).result()
    shop.followers.catch_up()
    assert len(members(shop, "buyers")) == 2
    assert len(said(shop)) == 3  # one of the two was in without an announcement of their own


def test_an_audience_counting_what_fairday_says_of_audiences_is_refused(shop: fairday.Shop) -> None:
    error = audiences.validate("count('Audience Entered', 7d) >= 1", shop.settings)
    assert error is not None
    assert error.code == "own_event"


def test_large_slices_are_looked_at_by_sql_and_small_ones_by_predicate_alike(shop: fairday.Shop) -> None:
    keep(shop, "twice", "orders(30d) >= 2")
    rows = [order(f"u{i}", f"o{i}-{k}") for i in range(300) for k in range(1 + i % 2)]
    shop.append(rows).result()
    shop.followers.catch_up()
    assert len(members(shop, "twice")) == 150
    with shop.db.read() as conn:
        assert audiences.count(conn, "orders(30d) >= 2", shop.settings, shop.clock.now()) == 150


def test_midnight_runs_once_a_day_and_catches_up(shop: fairday.Shop, clock: ManualClock) -> None:
    assert midnight.run(shop.db, shop.settings, clock.now())
    assert not midnight.run(shop.db, shop.settings, clock.now())
    clock.move(40 * DAY_MS)
    assert midnight.run(shop.db, shop.settings, clock.now())
    assert not midnight.run(shop.db, shop.settings, clock.now())
