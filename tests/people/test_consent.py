from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel.settings import IdentitySettings
from fairday.people import consent, identity
from fairday.people.consent import Consent, Told, decide
from fairday.storage.log import Happening


def said(n: int, name: str, ids, at: int = 0, **properties) -> Happening:
    return Happening(
        message_id=f"m{n}", kind="track", name=name, at=at or n, received=n, source="web", ids=tuple(ids),
        body={"properties": properties},
    )  # fmt: skip


ANN = ("user_id", "ann")
MAIL = ("email", "ann@example.com")


def state(shop, who=MAIL, channel="email"):
    shop.catch_up()
    with shop.db.read() as conn:
        person = identity.person_of(conn, *who)
        return None if person is None else consent.consent_of(conn, person, channel)


def test_nothing_said_is_nothing_agreed(shop):
    shop.append([said(1, "Product Viewed", [ANN, MAIL])]).result()
    assert state(shop) is None


def test_the_last_statement_by_event_time_stands(shop):
    shop.append([said(1, "Consent Given", [ANN, MAIL], at=10, channel="email")]).result()
    assert state(shop) == Consent(True, 10, "web")
    shop.append([said(2, "Email Unsubscribed", [MAIL], at=20)]).result()
    assert state(shop) == Consent(False, 20, "web")
    shop.append([said(3, "Consent Given", [ANN, MAIL], at=15, channel="email")]).result()  # came late
    assert state(shop) == Consent(False, 20, "web")
    shop.append([said(4, "Consent Given", [ANN, MAIL], at=30, channel="Email ")]).result()
    assert state(shop) == Consent(True, 30, "web")


def test_an_unsubscribed_address_stays_so_for_whoever_owns_it(shop):
    shop.append([said(1, "Email Unsubscribed", [MAIL])]).result()
    shop.append([said(2, "Consent Given", [ANN], channel="email"), said(3, "Product Viewed", [ANN, MAIL])]).result()
    assert state(shop, ANN).given is False


def test_withdrawing_without_a_channel_is_for_all_of_them(shop):
    shop.append([said(1, "Consent Given", [ANN, MAIL], channel="email"), said(2, "Consent Withdrawn", [ANN])]).result()
    assert state(shop).given is False
    assert state(shop, channel="sms").given is False


def test_nobody_agrees_to_every_channel(shop):
    shop.append([said(1, "Consent Given", [ANN, MAIL])]).result()
    assert state(shop) is None


def test_merging_takes_the_strictest(shop, clock):
    bob = ("user_id", "bob")
    shop.append(
        [said(1, "Consent Given", [ANN], channel="email"), said(2, "Consent Withdrawn", [bob], channel="email")]
    ).result()
    assert state(shop, ANN).given is True
    with shop.db.read() as conn:
        merge = identity.merge(conn, "user_id:ann", "user_id:bob", shop.settings.identity, clock.now())
    shop.append([merge]).result()
    assert state(shop, ANN).given is False


def test_a_banner_says_purposes_of_the_web(shop):
    row = Happening(
        message_id="m1", kind="page", at=5, received=5, source="web", ids=(("anonymous_id", "a1"),),
        body={"context": {"consent": {"categoryPreferences": {"Advertising": False, "Analytics": True, "x": "yes"}}}},
    )  # fmt: skip
    shop.append([row]).result()
    shop.catch_up()
    with shop.db.read() as conn:
        person = identity.person_of(conn, "anonymous_id", "a1")
        found = consent.all_consents(conn, person)
    assert [(c, p, s.given) for c, p, s in found] == [("web", "advertising", False), ("web", "analytics", True)]


def test_a_rebuild_gives_the_same_and_any_slices_too(shop):
    rows = [
        said(n, ["Consent Given", "Consent Withdrawn", "Email Unsubscribed"][n % 3], [("user_id", f"u{n % 4}")],
             at=100 - n % 7, channel="email")
        for n in range(1, 60)
    ]  # fmt: skip
    shop.append(rows).result()
    shop.catch_up()
    with shop.db.read() as conn:
        once = sorted(conn.execute(consent.consent_statements.select()).all())
    for limit in (1, 7, 1000):
        shop.followers.rebuild("consent")
        while shop.followers.step("consent", limit):
            pass
        with shop.db.read() as conn:
            assert sorted(conn.execute(consent.consent_statements.select()).all()) == once


def test_nobody_agrees_with_somebody_elses_address(shop):
    shop.append([said(1, "Product Viewed", [ANN, MAIL])]).result()
    shop.append([said(2, "Consent Given", [("user_id", "eve"), MAIL], channel="email")]).result()
    assert state(shop, ANN) is None
    shop.append([said(3, "Email Unsubscribed", [MAIL])]).result()
    shop.append([said(4, "Consent Given", [("user_id", "eve"), MAIL], channel="email")]).result()
    assert state(shop, ANN) == Consent(False, 3, "web")


def test_an_agreement_does_not_follow_a_phone_to_its_next_owner(shop):
    phone = ("phone", "+8613800138000")
    shop.append([said(1, "Consent Given", [ANN, phone], channel="sms")]).result()
    assert state(shop, ANN, "sms").given
    moved = Happening(
        message_id="m2", kind="identify", at=2, received=2, source="web", ids=(("user_id", "bob"), phone),
        body={"context": {"verified": ["phone"]}},
    )  # fmt: skip
    shop.append([moved]).result()
    assert state(shop, ("user_id", "bob"), "sms") is None


told = st.builds(
    Told, st.integers(0, 2), st.integers(0, 2), st.builds(Consent, st.booleans(), st.integers(0, 9), st.just("x")),
    st.booleans(),
)  # fmt: skip


@given(st.lists(told), st.lists(told))
def test_joining_people_never_adds_a_consent(one, other):
    # The two have no id in common: what one says lifts nothing of the other's.
    apart = [msgspec.structs.replace(t, about=t.about + 10, speaker=t.speaker + 10) for t in other]
    joined, parts = decide([*one, *apart]), [decide(one), decide(apart)]
    if any(p is not None and not p.given for p in parts):
        assert joined is not None
        assert not joined.given
    else:
        assert joined == max((p for p in parts if p), key=lambda c: (c.at, c.source), default=None)


@given(st.lists(told), st.randoms())
def test_the_order_of_statements_does_not_matter(found, random):
    mixed = list(found)
    random.shuffle(mixed)
    assert decide(found) == decide(mixed)


@pytest.mark.parametrize(
    "body", [{}, {"properties": {"channel": 7}}, {"properties": None}, {"context": {"consent": 1}}]
)
def test_what_is_malformed_breaks_nothing(body):
    row = Happening(
        message_id="m", kind="track", name="Consent Given", at=1, received=1, source="w", ids=(ANN,), body=body
    )
    assert consent.statements(row, IdentitySettings()) == []
