from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

import fairday
from fairday import operators
from fairday.kernel.clock import ManualClock
from fairday.kernel.errors import Conflict, FairdayError, NotFound

EMAIL = "li@example.com"


def test_a_one_time_password_signs_in_and_is_kept_nowhere(shop: fairday.Shop, clock: ManualClock) -> None:
    once = operators.create(shop.db, " Li@Example.com ", "owner", clock.now())
    token = operators.sign_in(shop.db, EMAIL, once, "1.1.1.1", clock.now())
    found = operators.signed_in(shop.db, token, clock.now())
    assert found is not None
    assert (found.email, found.role, found.must_change) == (EMAIL, "owner", True)
    with shop.db.read() as conn:
        kept = str([conn.execute(select(t)).all() for t in (operators.operators, operators.sessions)])
    assert once not in kept
    assert token not in kept
    assert "$argon2id$" in kept


def test_a_session_ends_when_idle_and_when_old_and_at_sign_out(shop: fairday.Shop, clock: ManualClock) -> None:
    once = operators.create(shop.db, EMAIL, "owner", clock.now())
    token = operators.sign_in(shop.db, EMAIL, once, "1.1.1.1", clock.now())
    began = clock.now()
    while clock.now() + operators.IDLE_MS < began + operators.ABSOLUTE_MS:
        clock.move(operators.IDLE_MS)
        assert operators.signed_in(shop.db, token, clock.now()), "used in time, it lives on"
    clock.move(operators.IDLE_MS)
    assert operators.signed_in(shop.db, token, clock.now()) is None, "but not for ever"
    token = operators.sign_in(shop.db, EMAIL, once, "1.1.1.1", clock.now())
    assert operators.signed_in(shop.db, token, clock.now() + operators.IDLE_MS + 1) is None
    operators.sign_out(shop.db, token)
    assert operators.signed_in(shop.db, token, clock.now()) is None
    assert operators.signed_in(shop.db, "made up", clock.now()) is None


def test_setting_a_password_ends_the_other_sessions(shop: fairday.Shop, clock: ManualClock) -> None:
    once = operators.create(shop.db, EMAIL, "owner", clock.now())
    here = operators.sign_in(shop.db, EMAIL, once, "1.1.1.1", clock.now())
    there = operators.sign_in(shop.db, EMAIL, once, "2.2.2.2", clock.now())
    operators.set_password(shop.db, 1, once, "ten letters", here)
    assert operators.signed_in(shop.db, here, clock.now())
    assert operators.signed_in(shop.db, there, clock.now()) is None
    with pytest.raises(FairdayError, match="do not belong"):
        operators.sign_in(shop.db, EMAIL, once, "1.1.1.1", clock.now())
    assert operators.sign_in(shop.db, EMAIL, "ten letters", "1.1.1.1", clock.now())


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("wrong", "ten letters", "wrong_old_password"), ("", "short", "bad_password"), ("", "x" * 201, "bad_password")],
)
def test_a_bad_new_password_is_refused(lite: fairday.Shop, clock: ManualClock, old: str, new: str, code: str) -> None:
    once = operators.create(lite.db, EMAIL, "owner", clock.now())
    with pytest.raises(FairdayError) as caught:
        operators.set_password(lite.db, 1, old or once, new, "")
    assert caught.value.code == code
    with pytest.raises(FairdayError) as caught:
        operators.set_password(lite.db, 1, once, once, "")
    assert caught.value.code == "same_password"


@pytest.mark.parametrize("email", ["", "li", "li@", "@x.com", "li@x", "l i@x.com", "li@x.com\n", "a" * 250 + "@x.com"])
def test_a_bad_address_is_refused(lite: fairday.Shop, email: str) -> None:
    if email.strip() == "li@x.com":
        assert operators.create(lite.db, email, "owner", 0)
        return
    with pytest.raises(FairdayError, match="not an e-mail address"):
        operators.create(lite.db, email, "owner", 0)


def test_operators_are_single_and_have_a_known_role(shop: fairday.Shop) -> None:
    operators.create(shop.db, EMAIL, "owner", 0)
    with pytest.raises(Conflict):
        operators.create(shop.db, EMAIL.upper(), "analyst", 0)
    with pytest.raises(FairdayError, match="not a role"):
        operators.create(shop.db, "x@example.com", "boss", 0)
    with pytest.raises(NotFound):
        operators.reset(shop.db, 99)


def test_the_shop_keeps_an_owner(shop: fairday.Shop) -> None:
    operators.create(shop.db, EMAIL, "owner", 0)
    operators.create(shop.db, "b@example.com", "analyst", 0)
    for change in ({"role": "analyst"}, {"active": False}):
        with pytest.raises(Conflict, match="keep an owner"):
            operators.change(shop.db, 1, **change)  # type: ignore[arg-type]
    operators.change(shop.db, 2, role="owner")
    operators.change(shop.db, 1, active=False)
    with pytest.raises(Conflict):
        operators.change(shop.db, 2, active=False)


def test_a_closed_account_is_out_at_once(shop: fairday.Shop, clock: ManualClock) -> None:
    operators.create(shop.db, EMAIL, "owner", 0)
    once = operators.create(shop.db, "b@example.com", "analyst", 0)
    token = operators.sign_in(shop.db, "b@example.com", once, "1.1.1.1", clock.now())
    operators.change(shop.db, 2, active=False)
    assert operators.signed_in(shop.db, token, clock.now()) is None
    with pytest.raises(FairdayError, match="do not belong"):
        operators.sign_in(shop.db, "b@example.com", once, "1.1.1.1", clock.now())


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few tries, because each costs a hash."""
    monkeypatch.setattr(operators, "LIMITS", {"pair": 3, "address": 40, "account": 120})


@pytest.mark.usefixtures("strict")
def test_guessing_is_slowed_for_the_guesser_and_not_for_the_owner(shop: fairday.Shop, clock: ManualClock) -> None:
    once = operators.create(shop.db, EMAIL, "owner", clock.now())
    for _ in range(operators.LIMITS["pair"]):
        with pytest.raises(FairdayError, match="do not belong"):
            operators.sign_in(shop.db, EMAIL, "guess", "6.6.6.6", clock.now())
    with pytest.raises(operators.TooMany) as caught:
        operators.sign_in(shop.db, EMAIL, once, "6.6.6.6", clock.now())
    assert 0 < caught.value.after <= operators.WINDOW_MS
    assert operators.sign_in(shop.db, EMAIL, once, "1.1.1.1", clock.now()), "the owner, from elsewhere, gets in"
    clock.move(operators.WINDOW_MS + 1)
    assert operators.sign_in(shop.db, EMAIL, once, "6.6.6.6", clock.now())


@pytest.mark.usefixtures("strict")
def test_guesses_at_the_same_moment_are_all_counted(shop: fairday.Shop, clock: ManualClock) -> None:
    operators.create(shop.db, EMAIL, "owner", clock.now())
    seen: list[str] = []

    def guess() -> None:
        try:
            operators.sign_in(shop.db, EMAIL, "guess", "6.6.6.6", clock.now())
        except FairdayError as error:
            seen.append(error.code)

    threads = [threading.Thread(target=guess) for _ in range(operators.LIMITS["pair"] + 6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen.count("wrong_password") <= operators.LIMITS["pair"]
    assert seen.count("too_many_attempts") >= 6


def test_an_unknown_account_is_answered_like_a_wrong_password(shop: fairday.Shop, clock: ManualClock) -> None:
    operators.create(shop.db, EMAIL, "owner", clock.now())
    said = []
    for email in (EMAIL, "nobody@example.com"):
        with pytest.raises(FairdayError) as caught:
            operators.sign_in(shop.db, email, "guess", "1.1.1.1", clock.now())
        said.append((caught.value.code, str(caught.value)))
    assert said[0] == said[1]
