from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import text

import fairday
from couponing import account, open_batch, register, step, terms
from fairday.kernel.claims import Hold
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.offers.coupons import TooMany
from fairday.offers.coupons.claim import GRACE_MS
from fairday.offers.model import AmountOff, Rule, When
from fairday.people import accounts
from fairday.storage.log import Happening
from fairday.storage.runner import stream_state

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def orders(shop):
    register(shop.runner)


def state(shop: fairday.Shop, stream: str) -> dict:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return found[1] if found else {}


def refused(call, *args, **kwargs) -> str:
    with pytest.raises(Conflict) as error:
        call(*args, **kwargs)
    return error.value.code


# ---- batches and claims ----------------------------------------------------------------------------------------------


def test_a_public_word_is_claimed_once_by_each_account_until_all_are_given(shop, clock):
    open_batch(shop, "spring", terms(clock.now(), size=2))
    ann, bob, eve = (account(shop, n) for n in ("ann", "bob", "eve"))
    got = shop.coupons.enter(" spring20 ", ann)
    assert (got.batch, got.rule, got.until) == ("spring", "ten-off", clock.now() + 20 * DAY_MS)
    assert refused(shop.coupons.enter, "SPRING20", ann) == "already_claimed"
    shop.coupons.enter("spring20", bob)
    assert refused(shop.coupons.enter, "spring20", eve) == "all_given"
    assert shop.coupons.usable(ann, clock.now()) == [(got.claim, "ten-off")]
    assert shop.coupons.batch("spring").given == 2


def test_a_code_is_good_once_and_only_its_hash_is_kept(shop, clock):
    open_batch(shop, "codes", terms(clock.now(), kind="codes", size=50, per_person=2))
    printed = shop.coupons.print_codes("codes", 20)
    assert len(set(printed)) == 20
    ann, bob, eve = (account(shop, n) for n in ("ann", "bob", "eve"))
    shop.coupons.enter(printed[0].lower().replace("-", " "), ann)
    assert refused(shop.coupons.enter, printed[0], bob) == "code_used"
    assert refused(shop.coupons.give, "codes", eve) == "needs_code"
    shop.coupons.enter(printed[1], ann)
    assert refused(shop.coupons.enter, printed[2], ann) == "already_claimed"
    shop.coupons.enter(printed[2], bob)  # the one refused was not used up
    plain = [c.replace("-", "") for c in printed]
    with shop.db.read() as conn:
        for table in ("coupon_codes", "streams", "events", "answers"):
            for row in conn.execute(text(f"SELECT * FROM {table}")):
                assert not any(p in str(row) for p in (*plain, *printed))


def test_no_more_codes_are_printed_than_the_batch_has_unless_a_lost_list_is_made_worthless(shop, clock):
    open_batch(shop, "codes", terms(clock.now(), kind="codes", size=10))
    lost = shop.coupons.print_codes("codes", 10)
    assert refused(shop.coupons.print_codes, "codes", 1) == "too_many_codes"
    ann, bob = account(shop, "ann"), account(shop, "bob")
    shop.coupons.enter(lost[0], ann)
    shop.coupons.void_run("codes", 1)
    assert refused(shop.coupons.enter, lost[1], bob) == "code_void"
    assert len(shop.coupons.print_codes("codes", 9)) == 9
    assert refused(shop.coupons.print_codes, "codes", 1) == "too_many_codes"
    assert refused(shop.coupons.void_run, "codes", 7) == "no_run"
    with pytest.raises(FairdayError):
        shop.coupons.print_codes("codes", 0)


def test_claiming_opens_and_closes_and_stops(shop, clock):
    now = clock.now()
    open_batch(shop, "later", terms(now, opens=now + HOUR_MS, closes=now + 2 * HOUR_MS, until=now + 3 * HOUR_MS))
    ann, bob = account(shop, "ann"), account(shop, "bob")
    assert refused(shop.coupons.enter, "SPRING20", ann) == "claims_not_open"
    clock.move(HOUR_MS)
    shop.coupons.enter("SPRING20", ann)
    clock.move(HOUR_MS)
    assert refused(shop.coupons.enter, "SPRING20", bob) == "claims_over"
    open_batch(shop, "again", terms(clock.now()))  # the word is free again
    shop.coupons.enter("SPRING20", bob)
    assert refused(shop.coupons.open, "third", terms(clock.now())) == "word_taken"
    shop.coupons.stop("again")
    shop.coupons.stop("again")
    assert refused(shop.coupons.enter, "SPRING20", ann) == "coupons_stopped"
    assert len(shop.coupons.usable(bob, clock.now())) == 1  # what is held stays good
    assert refused(shop.coupons.open, "again", terms(clock.now())) == "batch_exists"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": " "}, "bad_coupon_title"),
        ({"size": 0}, "bad_coupon_size"),
        ({"size": -5}, "bad_coupon_size"),
        ({"size": 10**12}, "bad_coupon_size"),
        ({"per_person": 0}, "bad_coupon_per_person"),
        ({"closes": 5}, "bad_coupon_dates"),
        ({"until": 2**60}, "bad_coupon_dates"),
        ({"days": -1}, "bad_coupon_days"),
        ({"deck": ()}, "bad_coupon_deck"),
        ({"deck": (("a", 1), ("b", 1))}, "bad_coupon_deck"),
        ({"kind": "share", "deck": (("a", 101),)}, "bad_coupon_deck"),
        ({"kind": "share", "deck": (("a", -1),)}, "bad_coupon_deck"),
        ({"share_hours": 0}, "bad_coupon_share_hours"),
        ({"labels": ("a", "b")}, "bad_coupon_labels"),
        ({"labels": ("x" * 41,)}, "bad_coupon_labels"),
        ({"word": "a b"}, "bad_coupon_word"),
        ({"word": "2" * 18}, "bad_coupon_word"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_name(shop, clock, changes, code):
    with pytest.raises(FairdayError) as error:
        open_batch(shop, "bad", terms(clock.now(), **changes))
    assert error.value.code == code
    assert error.value.remedy


def test_a_batch_needs_a_name_that_can_stand_in_an_address(shop, clock):
    for name in ("", "A", "a b", "../x", "x" * 61, "spring:1"):
        with pytest.raises(FairdayError) as error:
            open_batch(shop, name, terms(clock.now()))
        assert error.value.code == "bad_batch"


# ---- tries -----------------------------------------------------------------------------------------------------------


def test_wrong_codes_are_counted_and_right_ones_and_typing_errors_are_not(shop, clock):
    open_batch(shop, "spring", terms(clock.now(), kind="codes"))
    printed = shop.coupons.print_codes("spring", 3)
    ann, bob = account(shop, "ann"), account(shop, "bob")
    wrong = printed[0][:-1] + ("2" if printed[0][-1] != "2" else "3")
    for _ in range(40):
        with pytest.raises(FairdayError) as error:
            shop.coupons.enter(wrong, ann, address="192.0.2.1")
        assert error.value.code == "mistyped_code"
    shop.coupons.enter(printed[0], ann, address="192.0.2.1")
    for n in range(10):
        with pytest.raises(NotFound):
            shop.coupons.enter(f"GUESS{n}", ann, address="192.0.2.1")
    with pytest.raises(TooMany) as over:
        shop.coupons.enter(printed[1], ann, address="192.0.2.1")  # a right one too: nothing is looked up any more
    assert 0 < over.value.after <= HOUR_MS
    shop.coupons.enter(printed[1], bob, address="192.0.2.1")
    clock.move(HOUR_MS)
    assert refused(shop.coupons.enter, printed[2], ann, address="192.0.2.1") == "already_claimed"


def test_many_accounts_of_one_address_share_its_tries(shop, clock):
    for n in range(30):
        with pytest.raises(NotFound):
            shop.coupons.enter("WRONG", f"account:{n}", address="192.0.2.7")
    with pytest.raises(TooMany):
        shop.coupons.enter("WRONG", "account:99", address="192.0.2.7")
    with pytest.raises(NotFound):
        shop.coupons.enter("WRONG", "account:99", address="192.0.2.8")


@pytest.mark.parametrize("typed", ["", "a", "<script>", "\0" * 10, "x" * 10_000, "🎁🎁🎁🎁"])
def test_what_is_no_code_is_said_to_be_none(shop, typed):
    with pytest.raises(FairdayError) as error:
        shop.coupons.enter(typed, "account:x")
    assert error.value.code == "bad_code"


def test_nobody_claims_for_an_account_that_is_not_open(shop, clock):
    open_batch(shop, "spring", terms(clock.now()))
    assert refused(shop.coupons.enter, "SPRING20", "account:nobody") == "account_unknown"


# ---- an order's steps ------------------------------------------------------------------------------------------------


def held(shop, clock, **changes) -> tuple[str, str, Hold]:
    open_batch(shop, "spring", terms(clock.now(), **changes))
    ann = account(shop, "ann")
    claim = shop.coupons.enter("SPRING20", ann).claim
    return ann, claim, shop.coupons.hold(claim, ann, 1000)


def test_a_coupon_is_locked_while_paying_and_used_once(shop, clock):
    ann, claim, hold = held(shop, clock)
    assert step(shop, "1", "place", hold).ok
    assert shop.coupons.usable(ann, clock.now()) == []
    assert step(shop, "2", "place", hold).refusal.code == "coupon_locked"
    assert step(shop, "2", "pay", hold).refusal.code == "coupon_gone"
    clock.move(30 * DAY_MS)  # past its end: the order holds it
    shop.fire_due()
    assert step(shop, "1", "pay", hold).ok
    assert step(shop, "1", "pay", hold).ok
    assert state(shop, f"coupon:{claim}")["status"] == "redeemed"
    assert step(shop, "3", "place", hold).refusal.code == "coupon_used"
    for late in ("ship", "complete"):
        assert step(shop, "1", late, hold).ok
    assert state(shop, f"coupon:{claim}") | {"changed_at": 0} == {
        "status": "redeemed", "batch": "spring", "title": "Spring tea", "account": ann, "rule": "ten-off",
        "until": clock.now() - 10 * DAY_MS, "restore": "full", "order": "paper:1", "worth": 1000, "pack": "",
        "claimed_at": clock.now() - 30 * DAY_MS, "changed_at": 0,
    }  # fmt: skip


def test_an_order_given_up_gives_the_coupon_back_good_for_three_days_at_least(shop, clock):
    ann, claim, hold = held(shop, clock)
    assert step(shop, "1", "place", hold).ok
    clock.move(25 * DAY_MS)
    assert step(shop, "1", "cancel", hold, why="expired").ok
    assert step(shop, "1", "cancel", hold).ok  # twice gives back once
    assert state(shop, f"coupon:{claim}")["until"] == clock.now() + GRACE_MS
    assert shop.coupons.usable(ann, clock.now()) == [(claim, "ten-off")]
    assert step(shop, "2", "place", hold).ok
    assert step(shop, "1", "cancel", hold).ok  # another order's end changes nothing
    assert state(shop, f"coupon:{claim}")["order"] == "paper:2"


@pytest.mark.parametrize(("restore", "after"), [("full", "claimed"), ("never", "redeemed")])
def test_a_refund_gives_it_back_by_the_terms_and_only_when_nothing_is_left(shop, clock, restore, after):
    _, claim, hold = held(shop, clock, restore=restore)
    assert step(shop, "1", "place", hold).ok
    assert step(shop, "1", "pay", hold).ok
    assert step(shop, "1", "refund", hold, part=10, whole=100).ok
    assert state(shop, f"coupon:{claim}")["status"] == "redeemed"
    assert step(shop, "1", "refund", hold, part=90, whole=100, already=10, final=True).ok
    assert state(shop, f"coupon:{claim}")["status"] == after


def test_it_expires_at_its_end_and_cannot_be_used_then(shop, clock):
    ann, claim, hold = held(shop, clock, days=2)
    clock.move(2 * DAY_MS)
    assert shop.coupons.usable(ann, clock.now()) == []
    assert step(shop, "1", "place", hold).refusal.code == "coupon_expired"
    assert shop.fire_due() == 1
    assert state(shop, f"coupon:{claim}")["status"] == "expired"
    assert step(shop, "1", "place", hold).refusal.code == "coupon_expired"
    assert refused(shop.coupons.enter, "SPRING20", ann) == "already_claimed"  # it was had


def test_somebody_elses_coupon_cannot_be_used(shop, clock):
    _, claim, _ = held(shop, clock)
    eve = account(shop, "eve")
    with pytest.raises(NotFound):
        shop.coupons.hold(claim, eve, 1000)
    with pytest.raises(NotFound):
        shop.coupons.hold("f" * 32, eve, 1000)
    forged = Hold("coupon", f"coupon:{claim}", {"account": eve, "worth": 1})
    assert step(shop, "1", "place", forged).refusal.code == "no_coupon"


def test_the_merchant_takes_back_what_is_held_and_not_in_use(shop, clock):
    ann, claim, hold = held(shop, clock)
    assert step(shop, "1", "place", hold).ok
    assert refused(shop.coupons.take_back, claim, "fraud") == "not_held"
    assert step(shop, "1", "cancel", hold).ok
    shop.coupons.take_back(claim, "fraud")
    assert shop.coupons.usable(ann, clock.now()) == []
    assert step(shop, "2", "place", hold).refusal.code == "coupon_void"


# ---- packs -----------------------------------------------------------------------------------------------------------


DECK = (("twenty-off", 1), ("ten-off", 3), ("five-off", 6))


def test_ten_friends_draw_exactly_what_lay_in_the_pack_one_each(shop, clock):
    labels = ("¥20 off", "¥10 off", "¥5 off")
    open_batch(shop, "pack", terms(clock.now(), kind="share", deck=DECK, labels=labels, size=2))
    pack = shop.coupons.share("pack", account(shop, "buyer"), "order:1")
    assert shop.coupons.share("pack", "account:buyer", "order:1") == pack  # once an order
    sealed = shop.coupons.pack(pack)
    assert (sealed.size, sealed.taken, sealed.open, sealed.order, sealed.secret) == (10, 0, True, [], "")
    drawn = []
    for n in range(10):
        friend = account(shop, f"friend{n}")
        had = shop.coupons.draw(pack, friend)
        drawn.append(had.rule)
        assert (
            had.title
            == {"twenty-off": "¥20 off", "ten-off": "¥10 off", "five-off": "¥5 off"}[had.rule] + " · Spring tea"
        )
        assert refused(shop.coupons.draw, pack, friend) == "drawn_already"
    assert sorted(drawn) == sorted(rule for rule, n in DECK for _ in range(n))
    assert refused(shop.coupons.draw, pack, account(shop, "late")) == "pack_empty"
    over = shop.coupons.pack(pack)
    assert not over.open
    from fairday.offers.coupons.packs import seal

    assert seal(over.order, over.secret) == sealed.seal == over.seal
    assert [over.rules[place] for place in over.order] == drawn


def test_packs_are_limited_close_in_time_and_belong_to_who_opened_them(shop, clock):
    open_batch(shop, "pack", terms(clock.now(), kind="share", deck=DECK, size=1, share_hours=1))
    buyer, eve = account(shop, "buyer"), account(shop, "eve")
    pack = shop.coupons.share("pack", buyer, "order:1")
    with pytest.raises(NotFound):
        shop.coupons.share("pack", eve, "order:1")
    assert refused(shop.coupons.share, "pack", buyer, "order:2") == "all_given"
    assert refused(shop.coupons.give, "pack", eve) == "all_given"
    clock.move(HOUR_MS)
    assert refused(shop.coupons.draw, pack, eve) == "pack_over"
    shop.fire_due()
    assert refused(shop.coupons.draw, pack, eve) == "pack_over"
    assert not shop.coupons.pack(pack).open
    with pytest.raises(NotFound):
        shop.coupons.draw("f" * 32, eve)
    with pytest.raises(NotFound):
        shop.coupons.pack("x" * 500)


def test_a_stopped_batch_is_drawn_from_no_more(shop, clock):
    open_batch(shop, "pack", terms(clock.now(), kind="share", deck=DECK))
    pack = shop.coupons.share("pack", account(shop, "buyer"), "order:1")
    assert refused(shop.coupons.give, "pack", "account:buyer") == "only_shared"
    shop.coupons.stop("pack")
    assert refused(shop.coupons.draw, pack, account(shop, "friend")) == "coupons_stopped"


def test_who_became_another_account_draws_once_of_a_pack_and_opens_their_orders_pack(shop, clock):
    open_batch(shop, "pack", terms(clock.now(), kind="share", deck=DECK))
    buyer, friend, member = (account(shop, name) for name in ("buyer", "friend", "member"))
    pack = shop.coupons.share("pack", buyer, "order:1")
    shop.coupons.draw(pack, friend)
    shop.merging.merge(friend, member)
    assert refused(shop.coupons.draw, pack, member) == "drawn_already"
    shop.merging.merge(buyer, member)
    assert shop.coupons.share("pack", buyer, "order:1") == pack
    second = shop.coupons.share("pack", buyer, "order:2")
    assert shop.coupons.pack(second).account == member
    assert shop.coupons.share("pack", member, "order:2") == second == shop.coupons.share("pack", buyer, "order:2")


def test_the_order_of_a_pack_is_uniform():
    from collections import Counter

    from fairday.offers.coupons.packs import shuffled

    firsts = Counter(shuffled((("big", 1), ("small", 9))).index(0) for _ in range(4000))
    assert all(300 < firsts[n] < 500 for n in range(10))  # 400 each; 5.3 standard deviations


# ---- merging accounts and telling ------------------------------------------------------------------------------------


def test_merging_two_wallets_moves_the_coupons_and_the_value_in_one_command(shop, clock):
    ann, claim, _ = held(shop, clock)
    bob = account(shop, "bob")
    shop.runner.submit(Command("earn", ann, {"unit": "points", "amount": 5, "reason": "welcome"}))
    shop.merging.merge(ann, bob)
    assert shop.coupons.usable(bob, clock.now()) == [(claim, "ten-off")]
    assert shop.coupons.wallet(ann) == []
    with shop.db.read() as conn:
        assert accounts.balances(conn, bob) == {"points": 5}
    assert step(shop, "1", "place", shop.coupons.hold(claim, bob, 1)).ok
    assert refused(shop.coupons.enter, "SPRING20", ann) == "account_merged"
    assert refused(shop.coupons.enter, "SPRING20", bob) == "already_claimed"  # what came along counts


def test_coupons_of_an_account_merged_by_the_plain_command_are_not_lost(shop, clock):
    ann, claim, _ = held(shop, clock)
    bob = account(shop, "bob")
    assert shop.runner.submit(accounts.merge_command(ann, bob, "system")).ok
    assert shop.coupons.usable(bob, clock.now()) == [(claim, "ten-off")]
    assert step(shop, "1", "place", shop.coupons.hold(claim, bob, 1)).ok


def test_what_coupons_do_is_told_of_who_holds_them(shop, clock):
    said = Happening(message_id="i", kind="identify", at=clock.now(), received=clock.now(), source="shop",
                     ids=(("user_id", "ann"),))  # fmt: skip
    shop.append([said]).result()
    shop.catch_up()
    ann, claim, hold = held(shop, clock)
    with shop.db.write() as conn:
        accounts.attach(conn, ann, "user_id", "ann")
    step(shop, "1", "place", hold)
    step(shop, "1", "pay", hold)
    shop.coupons.enter("SPRING20", account(shop, "unsigned"))
    shop.catch_up()
    shop.catch_up()
    exported = shop.export("user_id:ann")["happenings"]
    told = [(h["name"], h["properties"]) for h in exported if h["name"].startswith("Coupon")]
    assert [name for name, _ in told] == ["Coupon Claimed", "Coupon Redeemed"]
    assert told[1][1] == {
        "coupon_id": claim, "coupon_name": "Spring tea", "batch": "spring", "rule": "ten-off", "order_id": "1",
        "discount": 10.0, "currency": shop.settings.currency,
    }  # fmt: skip
    from fairday.people.audiences import count

    with shop.db.read() as conn:
        assert count(conn, "count('Coupon Redeemed', 7d) >= 1", shop.settings, clock.now()) == 1


def test_a_batch_is_of_promotions_that_the_book_holds_and_that_ask_for_a_coupon(shop, clock) -> None:
    def refused() -> FairdayError:
        with pytest.raises(FairdayError) as none:
            shop.coupons.open("spring", terms(clock.now(), deck=(("ten-of", 1),)))
        assert (none.value.code, none.value.where) == ("unknown_coupon_rule", "rule0")
        return none.value

    assert refused().remedy == "Known: none yet."
    ten = Rule(id="ten-off", benefits=(AmountOff(amount=1000),))
    with shop.db.write() as conn:
        shop.offers.save(conn, ten, clock.now())
    assert refused().remedy == "Known: none yet.", "it asks for no coupon"
    with shop.db.write() as conn:
        shop.offers.save(conn, msgspec.structs.replace(ten, when=When(coupon=True)), clock.now())
    assert refused().remedy == "Did you mean ten-off?"
    assert not shop.coupons.batches()
    shop.coupons.open("spring", terms(clock.now()))
