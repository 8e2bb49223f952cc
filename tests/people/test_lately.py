from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from conftest import NOON
from fairday.kernel.clock import DAY_MS
from fairday.people import privacy
from fairday.people.identity import person_of
from fairday.people.lately import KEEP_MS, MOST, Lately, Place, lately, latest, words_of
from fairday.scenes.loading import load_person
from fairday.storage.log import Happening

MINUTE = 60_000


def did(id_: str, name: str, at: int, who: tuple[str, str] = ("anonymous_id", "a1"), *more, **body) -> Happening:
    return Happening(message_id=id_, kind="track", name=name, at=at, received=at, source="browser:web",
                     ids=(who, *more), body=body)  # fmt: skip


def viewed(id_: str, at: int, product: str, category: str, who: tuple[str, str] = ("anonymous_id", "a1")) -> Happening:
    return did(id_, "Product Viewed", at, who, properties={"product_id": product, "category": category})


def of(shop, value: str, type_: str = "anonymous_id") -> Lately:
    shop.followers.catch_up()
    with shop.db.read() as conn:
        person = person_of(conn, type_, value)
        assert person is not None
        return load_person(conn, person, NOON).lately


def test_the_last_of_everything_is_kept_however_late_it_comes_in(shop):
    place = {"location": {"latitude": 31.19561, "longitude": 121.43654, "city": "上海"}, "timezone": "Europe/Madrid"}
    shop.append([
        viewed("v2", NOON - MINUTE, "t2", "tea"),
        did("o1", "Order Completed", NOON - 9 * MINUTE, context=place),
        viewed("v1", NOON - 5 * MINUTE, "m1", "milk"),
        did("old", "Product Shared", NOON - KEEP_MS - 1),
        did("ahead", "Cart Viewed", NOON, context={"location": {"latitude": "x"}, "timezone": "Mars/Base"}),
    ]).result()  # fmt: skip
    found = of(shop, "a1")
    assert found.events == {
        "Product Viewed": NOON - MINUTE, "Order Completed": NOON - 9 * MINUTE, "Cart Viewed": NOON,
    }  # fmt: skip
    assert (found.product, found.category, found.zone) == ("t2", "tea", "Europe/Madrid")
    assert found.place == Place(NOON - 9 * MINUTE, 31.196, 121.437, "上海")
    shop.followers.rebuild("lately")
    assert of(shop, "a1") == found


def test_a_person_has_the_last_of_all_their_ids_and_nothing_of_others_on_the_same_device(shop):
    both = (("anonymous_id", "a1"), ("user_id", "u1"))
    shop.append([
        viewed("v1", NOON - 50 * MINUTE, "t1", "tea"),
        did("l1", "Signed In", NOON - 40 * MINUTE, *both),
        viewed("v2", NOON - 30 * MINUTE, "t2", "milk", ("user_id", "u1")),
        did("l2", "Signed In", NOON - 20 * MINUTE, ("anonymous_id", "a1"), ("user_id", "u2")),
        viewed("v3", NOON - 10 * MINUTE, "t3", "wine"),
    ]).result()  # fmt: skip
    assert of(shop, "u1", "user_id").category == "milk"
    assert of(shop, "u2", "user_id").category == "wine"
    assert of(shop, "u1", "user_id").events["Product Viewed"] == NOON - 30 * MINUTE


def test_only_the_last_names_are_kept_and_the_same_after_a_rebuild(shop):
    shop.append([did(f"e{n}", f"Event {n}", NOON - (n * 7 % 60) * MINUTE) for n in range(60)]).result()
    first = of(shop, "a1").events
    assert sorted(first.values(), reverse=True) == [NOON - n * MINUTE for n in range(MOST)]
    shop.followers.rebuild("lately")
    assert of(shop, "a1").events == first


def test_erasure_takes_what_a_shared_device_keeps_of_a_person_and_export_shows_it(shop):
    shop.append([
        did("l1", "Signed In", NOON - 40 * MINUTE, ("user_id", "u1"), ("anonymous_id", "a1")),
        viewed("v1", NOON - 30 * MINUTE, "t1", "tea"),
        did("l2", "Signed In", NOON - 20 * MINUTE, ("user_id", "u2"), ("anonymous_id", "a1")),
    ]).result()  # fmt: skip
    assert of(shop, "u1", "user_id").category == "tea"
    with shop.db.read() as conn:
        person = person_of(conn, "user_id", "u1")
        assert any("tea" in (row["txt"] or "") for row in privacy.export(conn, person)["tables"]["lately"])
    privacy.erase(shop, "user_id:u1")
    with shop.db.read() as conn:
        assert not conn.scalar(select(func.count()).where(lately.c.txt.contains("tea")))
    assert of(shop, "u2", "user_id").events == {"Signed In": NOON - 20 * MINUTE}


def test_what_fairday_writes_itself_is_nothing_anybody_did(shop):
    shop.append([
        viewed("v1", NOON, "t1", "tea"),
        Happening(message_id="s", kind="track", name="Scene Shown", at=NOON, received=NOON, source="fairday",
                  ids=(("anonymous_id", "a1"),)),
    ]).result()  # fmt: skip
    assert list(of(shop, "a1").events) == ["Product Viewed"]


_odd = st.none() | st.booleans() | st.integers(-200, 200) | st.floats() | st.text(max_size=8) | st.just([1])


@given(_odd, _odd, _odd, _odd, _odd)
def test_whatever_a_device_says_nothing_breaks(latitude, longitude, city, zone, product):
    location = {"latitude": latitude, "longitude": longitude, "city": city}
    h = did("x", "Product Viewed", NOON, properties={"product_id": product, "category": city},
            context={"location": location, "timezone": zone})  # fmt: skip
    found = Lately.of(words_of(h))
    place = found.place
    assert place is None or place.city or (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180)


@given(
    st.lists(
        st.dictionaries(st.sampled_from("ab"), st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=2), max_size=5
    )
)
def test_the_order_in_which_things_are_read_does_not_matter(parts):
    words = [{w: (at, pos, None, None, None) for w, (at, pos) in part.items()} for part in parts]
    assert latest(words) == latest(reversed(words))
    assert latest([latest(words[:2]), latest(words[2:])]) == latest(words)


@pytest.mark.parametrize("days", [0, 29])
def test_of_late_is_thirty_days(shop, days):
    shop.append([did("e", "Seen", NOON - days * DAY_MS)]).result()
    assert of(shop, "a1").events == {"Seen": NOON - days * DAY_MS}
