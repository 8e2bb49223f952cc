"""Histories told in the case files' own words, one for each rule of docs/algorithms/identity.md."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

import fairday
import identities
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.settings import IdentitySettings
from fairday.people import identity
from fairday.people.identity import carrier, normalise, owner_of, parse_id, person_of
from fairday.people.identity.normal import usable
from fairday.storage.log import Happening

DAY = "2026-06-01T00:{:02d}:00.000Z"
RULES = IdentitySettings()


def track(n: str, minute: int, *ids: str, verified: tuple[str, ...] = ()) -> Happening:
    """A track event with ids written ``u:…`` ``a:…`` ``d:…`` ``e:…`` ``p:…`` or ``type=value``."""
    short = {"u": "user_id", "a": "anonymous_id", "d": "device_id", "e": "email", "p": "phone", "x": "wechat_unionid"}
    pairs = tuple((short[i[0]], i[2:]) if i[1] == ":" else tuple(i.split("=")) for i in ids)
    at = identities.at_of({"timestamp": DAY.format(minute)}, 0)
    return Happening(message_id=n, kind="track", name="Product Viewed", at=at, received=at, source="test", ids=pairs,
                     body={"context": {"verified": list(verified)}})  # fmt: skip


def alias(n: str, minute: int, new: str, old: str) -> Happening:
    made = track(n, minute, f"u:{new}")
    return Happening(
        message_id=n, kind="alias", at=made.at, received=made.at, source="test", ids=made.ids, body={"previousId": old}
    )


def follow(shop: fairday.Shop, *happenings: Happening, **settings: Any) -> None:
    if settings:
        shop.change_settings(identity=IdentitySettings(**settings))
    shop.append(list(happenings)).result()
    shop.followers.catch_up()


def people(shop: fairday.Shop) -> list[str]:
    """Each person as their current ids' values, joined by a space."""
    query = (
        "SELECT o.person, i.value FROM ownership o JOIN identifiers i ON i.id = o.identifier"
        " WHERE o.until_at > 4000000000000000000 ORDER BY i.value"
    )
    found: dict[int, list[str]] = {}
    with shop.db.read() as conn:
        for person, value in conn.execute(text(query)):
            found.setdefault(person, []).append(value)
    return sorted(" ".join(v) for v in found.values())


def owner(shop: fairday.Shop, message_id: str) -> str | None:
    """The user_id of a happening's person; "" when they have none, None when it is nobody's."""
    with shop.db.read() as conn:
        person = owner_of(conn, message_id)
        if person is None:
            return None
        return next((i.value for i in identity.ids_of(conn, person) if i.type == "user_id"), "")


def operate(shop: fairday.Shop, **call: Any) -> None:
    identities.operate(shop, {"timestamp": DAY.format(30), **call})
    shop.followers.catch_up()


# ---- which ids count -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "value", "kept"),
    [
        ("email", " Li@Example.COM\t", "li@example.com"),
        ("email", "ｌｉ＠example.com", "li@example.com"),
        ("email", "li.example.com", "invalid"),
        ("email", "TEST@test.com", "blocked"),
        ("phone", "138 0013 8001", "+8613800138001"),
        ("phone", "0086-138-0013-8001", "+8613800138001"),
        ("phone", "+86 (138) 00138001", "+8613800138001"),
        ("phone", "+1 650 253 0000", "+16502530000"),
        ("phone", "12345", "invalid"),
        ("phone", "call me", "invalid"),
        ("user_id", "0000-0000", "blocked"),
        ("user_id", " Undefined ", "blocked"),
        ("user_id", "U1 ", "U1"),
        ("user_id", "a\x00b", "invalid"),
        ("user_id", "x" * 201, "too_long"),
        ("user_id", "", "blocked"),
    ],
)
def test_an_id_is_kept_in_one_form_or_dropped_with_a_reason(type_, value, kept):
    found, reason = normalise(type_, value, RULES)
    assert (found if found is not None else reason) == kept


def test_the_strongest_id_carries_and_unknown_types_stand_between_strong_and_weak():
    ids = [("anonymous_id", "a"), ("till_card", "t"), ("email", "x@e.com"), ("device_id", "d"), ("user_id", "null")]
    found, dropped = usable(ids, RULES)
    assert [t for t, _ in found] == ["email", "till_card", "device_id", "anonymous_id"]
    assert dropped == [("user_id", "blocked")]
    assert carrier(ids, RULES) == ("email", "x@e.com")
    assert carrier([("user_id", "null")], RULES) is None
    assert usable([("email", f"x{n}@e.com") for n in range(40)], RULES)[1] == [("email", "too_many")] * 8


def test_what_is_dropped_is_counted_and_not_kept(shop):
    follow(shop, track("m1", 1, "u:null", "a:a1"), track("m2", 2, "u:null"), track("m3", 3, "a:guest"))
    assert people(shop) == ["a1"]
    with shop.db.read() as conn:
        drops = conn.execute(text("SELECT source, type, reason, n FROM identity_drops ORDER BY type")).all()
    assert [tuple(d) for d in drops] == [("test", "anonymous_id", "blocked", 1), ("test", "user_id", "blocked", 2)]


# ---- weak ids ------------------------------------------------------------------------------------------------------


def test_a_browser_follows_the_last_login_and_its_past_stays(shop):
    follow(
        shop,
        track("before", 1, "a:a1"), track("l1", 5, "u:u1", "a:a1"), track("mid", 7, "a:a1"),
        track("l2", 10, "u:u2", "a:a1"), track("after", 12, "a:a1"), track("l1b", 15, "u:u1", "a:a1"),
        track("last", 16, "a:a1"),
    )  # fmt: skip
    assert [owner(shop, m) for m in ("before", "mid", "after", "last")] == ["u1", "u1", "u2", "u1"]
    assert people(shop) == ["a1 u1", "u2"]


def test_with_first_login_a_browser_stays_with_the_earliest_login_by_event_time(shop):
    follow(shop, track("l2", 10, "u:u2", "a:a1"), track("x", 12, "a:a1"), weak_rebind="first_login", shared_threshold=9)
    assert owner(shop, "x") == "u2"
    follow(shop, track("l3", 20, "u:u3", "a:a1"))
    assert people(shop) == ["a1 u2", "u3"]
    follow(shop, track("l1", 5, "u:u1", "a:a1"))
    assert people(shop) == ["a1 u1", "u2", "u3"]
    assert owner(shop, "x") == "u1"


def test_an_event_without_login_moves_no_browser_from_an_account(shop):
    follow(
        shop,
        track("l1", 1, "u:u1", "a:a1", "e:one@e.com"),
        track("l2", 2, "u:u2", "a:a2"),
        track("t", 3, "a:a2", "e:one@e.com"),
    )
    assert people(shop) == ["a1 one@e.com u1", "a2 u2"]


def test_a_device_with_three_accounts_links_nobody_from_the_third_on(shop):
    follow(
        shop,
        track("m0", 0, "d:D"), track("l1", 1, "u:u1", "d:D"), track("m1", 2, "d:D"), track("l2", 3, "u:u2", "d:D"),
        track("m2", 4, "d:D"), track("l3", 5, "u:u3", "d:D"), track("m3", 6, "d:D"), track("n1", 7, "d:D", "a:a9"),
        track("l1b", 8, "u:u1", "d:D"), track("m4", 9, "d:D"),
    )  # fmt: skip
    assert people(shop) == ["a9", "u1", "u2", "u3"]
    assert [owner(shop, m) for m in ("m0", "m1", "m2", "m3", "n1", "m4")] == ["u1", "u1", "u2", None, "", None]


def test_two_names_of_one_person_do_not_make_a_device_shared(shop):
    follow(
        shop,
        track("l1", 1, "u:u1", "d:D"),
        alias("r", 2, "u1new", "u1"),
        track("l2", 3, "u:u1new", "d:D"),
        track("l3", 4, "u:u2", "d:D"),
    )
    assert people(shop) == ["D u2", "u1 u1new"]


# ---- strong ids ----------------------------------------------------------------------------------------------------


def test_a_verified_phone_moves_and_its_past_stays(shop):
    follow(
        shop,
        track("g", 1, "u:u1", "p:13900139001"), track("sms1", 2, "p:13900139001"),
        track("v", 5, "u:u2", "p:13900139001", verified=("phone",)), track("sms2", 6, "p:13900139001"),
    )  # fmt: skip
    assert people(shop) == ["+8613900139001 u2", "u1"]
    assert [owner(shop, m) for m in ("sms1", "sms2")] == ["u1", "u2"]
    follow(
        shop, track("late", 3, "u:u1", "p:13900139001", verified=("phone",)), track("again", 7, "u:u1", "p:13900139001")
    )
    assert people(shop) == ["+8613900139001 u2", "u1"]


def test_a_verified_phone_moves_only_where_there_is_room(shop):
    limits = {**RULES.limits, "phone": 1}
    follow(shop, track("1", 1, "u:u1", "p:13900139001"), track("2", 2, "u:u2", "p:13800138001"), limits=limits)
    follow(shop, track("3", 3, "u:u2", "p:13900139001", verified=("phone",)))
    assert people(shop) == ["+8613800138001 u2", "+8613900139001 u1"]


def test_an_alias_shares_the_slot_of_the_first_name(shop):
    limits = {**RULES.limits, "user_id": 2}
    follow(
        shop, track("1", 1, "u:old", "a:a1"), alias("r", 2, "new", "old"), alias("r2", 3, "newer", "new"), limits=limits
    )
    assert people(shop) == ["a1 new newer old"]
    follow(shop, track("4", 4, "x:UX", "u:new"), track("5", 5, "x:UX", "u:other"))
    assert people(shop) == ["UX a1 new newer old other"]


def test_an_alias_of_a_browser_is_a_login_on_it(shop):
    follow(shop, track("1", 1, "a:a1"), alias("r", 2, "u1", "a1"), track("2", 3, "a:a1"))
    assert people(shop) == ["a1 u1"]
    follow(shop, alias("r2", 4, "u2", "a1"))
    assert people(shop) == ["a1 u2", "u1"]
    assert owner(shop, "2") == "u1"


def test_an_alias_before_either_name_was_seen_holds(shop):
    follow(shop, alias("r", 1, "new", "old"), track("2", 2, "u:old"), track("3", 3, "u:new"))
    assert people(shop) == ["new old"]
    follow(shop, alias("junk", 4, "new", "null"))
    assert people(shop) == ["new old"]


# ---- operators -----------------------------------------------------------------------------------------------------


def test_an_operator_merges_over_the_limits_and_takes_it_back(shop):
    follow(shop, track("1", 1, "u:u1", "e:a@e.com"), track("2", 2, "u:u2", "p:13900139001"), track("3", 3, "u:u3"))
    operate(shop, type="merge", messageId="op1", ids=["user_id:u1", "user_id:u2"])
    operate(shop, type="merge", messageId="op2", ids=["user_id:u2", "user_id:u3"])
    assert people(shop) == ["+8613900139001 a@e.com u1 u2 u3"]
    follow(shop, track("4", 4, "u:u1", "e:b@e.com"), track("5", 5, "u:u9", "e:b@e.com"))
    assert people(shop) == ["+8613900139001 a@e.com b@e.com u1 u2 u3", "u9"]
    operate(shop, type="unmerge", merge_of="op1")
    assert people(shop) == ["+8613900139001 u2 u3", "a@e.com b@e.com u1", "u9"]
    operate(shop, type="unmerge", merge_of="op2")
    assert people(shop) == ["+8613900139001 u2", "a@e.com b@e.com u1", "u3", "u9"]


def test_a_split_holds_until_the_very_ids_are_merged_again(shop):
    follow(shop, track("1", 1, "u:u1", "a:a1", "e:x@e.com"), track("2", 2, "u:u1", "p:13900139001"))
    operate(shop, type="unmerge", messageId="s", split=["user_id:u1", "email:x@e.com"])
    assert people(shop) == ["+8613900139001 a1 u1", "x@e.com"]
    follow(shop, track("3", 3, "u:u1", "e:x@e.com", verified=("email",)), track("4", 4, "a:a1", "e:x@e.com"))
    assert people(shop) == ["+8613900139001 a1 u1", "x@e.com"]
    with pytest.raises(Conflict, match="were split"):
        operate(shop, type="merge", messageId="no", ids=["phone:13900139001", "email:x@e.com"])
    operate(shop, type="merge", messageId="yes", ids=["email:x@e.com", "user_id:u1"])
    assert people(shop) == ["+8613900139001 a1 u1 x@e.com"]
    operate(shop, type="unmerge", merge_of="yes")
    assert people(shop) == ["+8613900139001 a1 u1", "x@e.com"]


def test_operators_calls_that_cannot_be_done_say_so(shop):
    follow(shop, track("1", 1, "u:u1"))
    for call, error, words in (
        ({"type": "merge", "ids": ["user_id:u1", "user_id:zz"]}, NotFound, "nobody's"),
        ({"type": "merge", "ids": ["user_id:u1", "user_id: u1"]}, FairdayError, "itself"),
        ({"type": "merge", "ids": ["u1", "user_id:u1"]}, FairdayError, "type:value"),
        ({"type": "merge", "ids": ["user_id:null", "user_id:u1"]}, FairdayError, "blocked"),
        ({"type": "unmerge", "split": ["user_id:u1", "user_id:u1"]}, FairdayError, "itself"),
        ({"type": "unmerge", "split": ["user_id:u1", "email:q@e.com"]}, NotFound, "Nobody"),
        ({"type": "unmerge", "merge_of": "none"}, NotFound, "take back"),
    ):
        with pytest.raises(error, match=words):
            operate(shop, **call)
    with pytest.raises(FairdayError):
        parse_id(":x", RULES)


def test_every_join_says_why(shop):
    follow(shop, track("1", 1, "u:u1", "a:a1"), track("2", 2, "u:u2", "a:a1"), track("3", 3, "u:u2", "e:x@e.com"))
    with shop.db.read() as conn:
        reasons = identity.why(conn, person_of(conn, "user_id", "u2"))
    assert [(w.code, w.params["value"], w.params["other_value"], w.message_id) for w in reasons] == [
        ("same", "a1", "u1", "1"),
        ("login", "a1", "u2", "2"),
        ("same", "x@e.com", "u2", "3"),
    ]


# ---- what others read ----------------------------------------------------------------------------------------------


def test_a_cut_tells_which_stretch_went_where_and_keeps_the_number_of_what_stays(shop):
    follow(shop, track("1", 5, "u:u1", "a:a1"), track("2", 20, "u:u1", "a:a1"))
    with shop.db.read() as conn:
        before = conn.execute(
            text("SELECT o.id FROM ownership o JOIN identifiers i ON i.id = o.identifier WHERE value = 'a1'")
        ).scalar()
    follow(shop, track("3", 10, "u:u2", "a:a1"))
    with shop.db.read() as conn:
        cuts = [
            tuple(c)
            for c in conn.execute(text("SELECT from_at, until_at, was, now FROM identity_cuts ORDER BY from_at"))
        ]
        moved = {p for (p,) in conn.execute(text("SELECT person FROM identity_moves WHERE pos = 3"))}
        both = {person_of(conn, "user_id", u) for u in ("u1", "u2")}
    minute = identities.at_of({"timestamp": DAY.format(10)}, 0)
    assert [(c[0], c[1]) for c in cuts] == [(minute, minute + 600_000), (minute + 600_000, 1 << 62)]
    assert all(c[2] == before for c in cuts)
    assert len({before, *(c[3] for c in cuts)}) == 3
    assert moved == both
