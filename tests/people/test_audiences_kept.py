from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

import fairday
from fairday.kernel.audience import AudienceError
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.errors import FairdayError, NotFound
from fairday.people import audiences, midnight
from fairday.people.traits import profile_of, rfm_counts, timeline_of
from fairday.people.traits.tables import thresholds
from fairday.storage.log import Happening

NOON = 1_780_315_200_000


def order(user: int, k: int, at: int, **properties: Any) -> Happening:
    return Happening(
        message_id=f"{user}-{k}", kind="track", name="Order Completed", at=at, received=at, source="import:till",
        ids=(("user_id", f"u{user}"),), body={"properties": properties},
    )  # fmt: skip


def test_an_audience_is_kept_changed_listed_and_removed(shop: fairday.Shop) -> None:
    with shop.db.write() as conn:
        first = audiences.save(conn, "young", "age < 30", shop.settings, 5, {"en": "Young"})
        assert (first.version, first.created, first.title) == (1, 5, {"en": "Young"})
        assert audiences.save(conn, "young", "age < 30", shop.settings, 9).version == 1
        changed = audiences.save(conn, "young", "age < 25", shop.settings, 9)
        assert (changed.version, changed.created, changed.title) == (2, 5, {"en": "Young"})
        assert [a.name for a in audiences.kept(conn)] == ["young"]
        assert audiences.sizes(conn) == {"young": 0}
        audiences.remove(conn, "young")
        assert audiences.kept(conn) == []
        with pytest.raises(NotFound):
            audiences.remove(conn, "young")


@pytest.mark.parametrize("name", ["", "Young", "a b", "-a", "x" * 65])
def test_a_malformed_name_is_refused(shop: fairday.Shop, name: str) -> None:
    with shop.db.write() as conn, pytest.raises(FairdayError, match="not an audience's name"):
        audiences.save(conn, name, "age < 30", shop.settings, 5)


def test_a_malformed_expression_is_refused_at_its_word(shop: fairday.Shop) -> None:
    with shop.db.write() as conn, pytest.raises(AudienceError) as caught:
        audiences.save(conn, "young", "aeg < 30", shop.settings, 5)
    assert caught.value.text[caught.value.start : caught.value.end] == "aeg"
    assert audiences.validate("age < 30", shop.settings) is None


def test_count_and_sample_answer_for_an_expression_nobody_kept(shop: fairday.Shop) -> None:
    shop.append([order(i, 0, NOON, total=i) for i in range(20)]).result()
    shop.followers.catch_up()
    with shop.db.read() as conn:
        assert audiences.count(conn, "spend_total >= 10", shop.settings, NOON) == 10
        picked = audiences.sample(conn, "spend_total >= 10", shop.settings, NOON, 3)
        assert len(picked) == 3
        assert picked == audiences.sample(conn, "spend_total >= 10", shop.settings, NOON, 3)


def test_rfm_segments_follow_the_nights_quintiles_and_move_without_happenings(
    shop: fairday.Shop, clock: ManualClock
) -> None:
    rows = [order(i, k, NOON - i * 3 * DAY_MS, total=10 + i) for i in range(20) for k in range(1 + i % 4)]
    shop.append(rows).result()
    shop.followers.catch_up()
    with shop.db.read() as conn:
        assert sum(rfm_counts(conn).values()) == 0
    assert midnight.run(shop.db, shop.settings, clock.now())
    with shop.db.read() as conn:
        first = rfm_counts(conn)
    assert sum(first.values()) == 20
    shop.append([order(i, 9, NOON + 39 * DAY_MS, total=5) for i in range(5)]).result()
    clock.move(40 * DAY_MS)
    shop.followers.catch_up()
    midnight.run(shop.db, shop.settings, clock.now())
    with shop.db.read() as conn:
        second = rfm_counts(conn)
        person = audiences.sample(conn, "rfm_recency <= 2", shop.settings, clock.now(), 1)
    assert sum(second.values()) == 20
    assert second != first
    assert person
    before = _profiles(shop)
    shop.followers.rebuild("traits")
    assert _profiles(shop) == before


def _profiles(shop: fairday.Shop) -> list[tuple[Any, ...]]:
    with shop.db.read() as conn:
        return sorted(map(tuple, conn.exec_driver_sql("SELECT * FROM profile")), key=repr)


def test_price_thirds_are_cut_at_night_and_level_people(shop: fairday.Shop, clock: ManualClock) -> None:
    rows = [
        order(i, 0, NOON, products=[{"category": "tea", "product_id": "p", "price": 10 * (i + 1), "quantity": 1}])
        for i in range(9)
    ]
    shop.append(rows).result()
    shop.followers.catch_up()
    midnight.run(shop.db, shop.settings, clock.now())
    with shop.db.read() as conn:
        assert dict(
            tuple(r)
            for r in conn.execute(select(thresholds.c.of, thresholds.c.cuts).where(thresholds.c.name == "price"))
        ) == {"tea": "[3000,6000]"}
    shop.followers.catch_up()
    with shop.db.read() as conn:
        sizes = [audiences.count(conn, f"price_level = '{x}'", shop.settings, NOON) for x in ("low", "mid", "high")]
    assert sizes == [3, 3, 3]
    before = _profiles(shop)
    shop.followers.rebuild("traits")
    assert _profiles(shop) == before


def test_a_persons_page_tells_traits_with_source_and_date_and_the_timeline_in_pages(shop: fairday.Shop) -> None:
    told = Happening(
        message_id="i", kind="identify", at=NOON - 5, received=NOON, source="server:crm", ids=(("user_id", "u1"),),
        body={"traits": {"age": "19-24", "interests": ["tea", "cups"]}},
    )  # fmt: skip
    shop.append([told, *(order(1, k, NOON + k, total=3) for k in range(4))]).result()
    shop.followers.catch_up()
    with shop.db.read() as conn:
        person = audiences.sample(conn, "order_count = 4", shop.settings, NOON)[0]
        known = {k.trait.name: k for k in profile_of(conn, person)}
        assert (known["age"].lo, known["age"].hi, known["age"].source) == (19, 24, "server:crm")
        assert (known["age"].basis, known["order_count"].basis) == ("told", "derived")
        assert known["age"].at == NOON - 5
        assert known["interests"].texts == ("cups", "tea")
        page = timeline_of(conn, person, 3)
        assert [h.message_id for h in page] == ["1-3", "1-2", "1-1"]
        rest = timeline_of(conn, person, 3, (page[-1].at, page[-1].pos))
        assert [h.message_id for h in rest] == ["1-0", "i"]
