"""Two accounts become one: everything of the one is the other's, once, or nothing of it; what comes later follows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import couponing
import fairday
import parts
import selling
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people import accounts
from fairday.storage import ledger
from fairday.storage.runner import stream_state
from fairday.trade import cart as carts
from fairday.trade.b2b import requisition
from fairday.trade.c2c import records
from trading import fill, line, pay, place, register

ANN, BOB = "account:anna", "account:ben"
USED = "budget:welcome:person:"
YEAR = "allowance:CN:2026:"


@pytest.fixture
def two(shop: fairday.Shop) -> fairday.Shop:
    register(shop)
    fill(shop, "mug", 1_000)
    for account in (ANN, BOB):
        shop.runner.submit(Command("open", account))
    return shop


def state(shop, stream):
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return None if found is None else found[1]


def counting(shop, order, account, uses=1, amount=700, spent=10_000):
    """An order that a person's budget and a country's yearly allowance count."""
    held = [["budget", USED + account, {"rule": "welcome", "amount": amount, "uses": uses}],
            ["allowance", YEAR + account.partition(":")[2], {"amount": spent, "limit": 10**9}]]  # fmt: skip
    return place(shop, order, line("1", "mug", 2, 5_000), account=account, holds=held, actor=account)


def counted(shop, account):
    found = state(shop, USED + account) or {"amount": 0, "uses": 0}
    year = state(shop, YEAR + account.partition(":")[2]) or {"spent": 0}
    return found["amount"], found["uses"], year["spent"]


def test_everything_of_the_one_is_the_others_and_a_repeat_changes_nothing(two, clock):
    shop = two
    shop.runner.submit(Command("earn", ANN, {"unit": "points", "amount": 50, "reason": "x"}))
    couponing.open_batch(shop, "spring", couponing.terms(clock.now()))
    coupon = shop.coupons.give("spring", ANN)
    assert counting(shop, "order:a1", ANN).ok
    assert counting(shop, "order:b1", BOB).ok
    with shop.db.write() as conn:
        mine = carts.add_line(conn, carts.new_cart(conn, ANN, clock.now()), "mug", "mug", 3, {}, clock.now())
        theirs = carts.add_line(conn, carts.new_cart(conn, BOB, clock.now()), "mug", "mug", 1, {}, clock.now())
    assert mine.cart != theirs.cart
    foreseen = shop.merging.foresee(ANN, BOB).merged
    assert counted(shop, ANN) == (700, 1, 10_000)  # foreseeing did nothing
    done = shop.merging.merge(ANN, BOB, actor="operator:1")
    assert done == foreseen
    assert done.value == {"points": 50}
    assert done.moved == {"coupon": 1, "budget": 1, "allowance": 1, "cart": 1}
    assert counted(shop, BOB) == (1_400, 2, 20_000)
    assert counted(shop, ANN) == (0, 0, 0)
    with shop.db.read() as conn:
        cart = carts.find_cart(conn, None, BOB)
        assert cart is not None
        assert [(x.sku, x.qty) for x in cart.lines] == [("mug", 4)]
        assert carts.find_cart(conn, None, ANN) is None
        assert accounts.accounts_in(conn, BOB) == [BOB, ANN]
    assert [c for c, _ in shop.coupons.usable(BOB, clock.now())] == [coupon.claim]
    again = shop.merging.merge(ANN, BOB)
    assert again.before
    assert (again.value, again.moved) == ({}, {})
    assert counted(shop, BOB) == (1_400, 2, 20_000)


def test_what_an_order_gives_back_later_follows_through_however_many_merges(two, clock):
    shop = two
    shop.runner.submit(Command("open", "account:cem"))
    assert counting(shop, "order:a1", ANN).ok
    shop.merging.merge(ANN, BOB)
    shop.merging.merge(BOB, "account:cem")
    assert counted(shop, "account:cem") == (700, 1, 10_000)
    assert shop.orders.act("order.cancel", "order:a1", {"why": "changed_mind"}, actor="x").ok
    shop.fire_due()
    shop.fire_due()
    assert counted(shop, "account:cem") == (0, 0, 0)
    assert counted(shop, ANN) == counted(shop, BOB) == (0, 0, 0)


def test_what_was_left_behind_by_a_plain_merge_is_swept_by_asking_again(two):
    shop = two
    assert counting(shop, "order:a1", ANN).ok
    assert shop.runner.submit(accounts.merge_command(ANN, BOB, "test")).ok
    done = shop.merging.merge(ANN, BOB)
    assert done.before
    assert done.moved == {"budget": 1, "allowance": 1}
    assert counted(shop, BOB) == (700, 1, 10_000)


def test_an_account_that_went_elsewhere_or_is_none_is_refused(two):
    shop = two
    shop.runner.submit(Command("open", "account:cem"))
    shop.merging.merge(ANN, BOB)
    for account, into, code in (
        (ANN, "account:cem", "account_merged"), (BOB, BOB, "same_account"), ("account:none", BOB, "account_unknown"),
        (BOB, ANN, "same_account"),
    ):  # fmt: skip
        with pytest.raises(Conflict) as no:
            shop.merging.merge(account, into)
        assert no.value.code == code
        assert shop.merging.foresee(account, into).code == code
    with pytest.raises(FairdayError) as no:
        shop.merging.merge("stock:mug", BOB)
    assert no.value.code == "bad_account"


def test_a_room_registers_what_moves_once(shop):
    with pytest.raises(FairdayError) as no:
        shop.merging.register(next(iter(shop.merging._moves.values())))
    assert no.value.code == "moves_twice"


# ---- companies -------------------------------------------------------------------------------------------------------


def company(shop, name, *members):
    shop.companies.open(name, name.title(), "", actor="shop")
    return [shop.companies.join(shop.companies.invite(name, role, limit, actor="shop"), account)
            for account, role, limit in members]  # fmt: skip


def test_a_membership_goes_along_with_its_lists_and_quotes(two):
    shop = two
    (ann,) = company(shop, "acme", (ANN, "buyer", 5_000))
    number, quote = shop.companies.draft(ann, [("mug", 2)]), shop.companies.ask_quote(ann, [("mug", 9, None)])
    done = shop.merging.merge(ANN, BOB)
    assert done.moved == {"company": 1, "requisition": 1, "quote": 1}
    bob = shop.companies.member(BOB)
    assert bob is not None
    assert (bob.company, bob.role, bob.limit) == ("acme", "buyer", 5_000)
    assert shop.companies.member(ANN) is None
    shop.companies.change(number, bob, [("mug", 3)])
    assert shop.companies.quote(quote, bob)["account"] == BOB
    assert {row["account"] for row in shop.companies.listed("requisitions", "acme")} == {BOB}


def test_two_members_of_one_company_are_one_with_the_higher_role_and_the_larger_limit(two):
    shop = two
    company(shop, "acme", (ANN, "admin", 1_000), (BOB, "buyer", 9_000))
    shop.merging.merge(ANN, BOB)
    bob = shop.companies.member(BOB)
    assert bob is not None
    assert (bob.role, bob.limit) == ("admin", 9_000)


def test_members_of_two_companies_are_not_made_one_and_nothing_moves(two):
    shop = two
    company(shop, "acme", (ANN, "buyer", None))
    company(shop, "bolt", (BOB, "buyer", None))
    shop.runner.submit(Command("earn", ANN, {"unit": "points", "amount": 5, "reason": "x"}))
    assert shop.merging.foresee(ANN, BOB).code == "two_companies"
    with pytest.raises(Conflict) as no:
        shop.merging.merge(ANN, BOB)
    assert no.value.code == "two_companies"
    with shop.db.read() as conn:
        assert accounts.balances(conn, ANN) == {"points": 5}
    shop.companies.remove("bolt", BOB, actor="shop")
    assert shop.merging.merge(ANN, BOB).value == {"points": 5}


def test_whoever_approved_what_the_other_wants_to_buy_does_not_become_them(two):
    shop = two
    ann, bob = company(shop, "acme", (ANN, "buyer", 0), (BOB, "approver", None))
    number = shop.companies.draft(ann, [("mug", 2)])
    shop.runner.submit(Command("submit", requisition.stream_of(number), {"account": ANN, "total": 100}))
    shop.companies.answer(number, bob, True, 100)
    for account, into in ((ANN, BOB), (BOB, ANN)):
        with pytest.raises(Conflict) as no:
            shop.merging.merge(account, into)
        assert no.value.code == "own_approval"
    shop.companies.withdraw(number, ann)
    assert shop.merging.merge(ANN, BOB).moved == {"company": 1}


# ---- the market ------------------------------------------------------------------------------------------------------


def test_a_seller_goes_along_and_what_a_deal_brings_later_follows_to_the_cent(shop, clock):
    selling.opened(shop)
    cem = "account:cem"
    shop.runner.submit(Command("open", cem))
    first, second = selling.sent(shop, "bike01"), selling.sent(shop, "lamp01")
    shop.market.received(first, BOB)
    earned = shop.market.earned(ANN)["CNY"]
    assert earned > 0
    shop.market.ask_payout(ANN, (), "payout01", 100, "Bank 1")
    done = shop.merging.merge(ANN, cem)
    assert done.moved == {"seller": 1, "listing": 2}
    assert shop.market.earned(cem) == {"CNY": earned - 100}
    assert (selling.held(shop, "seller:cem"), selling.held(shop, "seller:anna")) == (earned - 100, 0)
    assert shop.market.deal(first, cem)[0] == "seller"  # the deal is theirs
    shop.market.rate(first, cem, (), 5)
    shop.market.rate(first, BOB, (), 4)
    with shop.db.read() as conn:
        assert records.stars_of(conn, [cem]) == {cem: (4.0, 1)}
        assert [p["id"] for p in records.payouts_of(conn, seller="seller:cem")] == ["payout01"]
    shop.market.received(second, BOB)
    shop.market.refuse_payout("payout01", "wrong_details", actor="operator:1")
    shop.fire_due()
    assert shop.market.earned(cem) == {"CNY": 2 * earned}
    assert (selling.held(shop, "seller:cem"), selling.held(shop, "seller:anna")) == (2 * earned, 0)
    assert shop.market.earned(ANN) == {}


def test_a_buyer_who_becomes_another_account_can_still_dispute(shop, clock):
    selling.opened(shop)
    cem = "account:cem"
    shop.runner.submit(Command("open", cem))
    number = selling.sent(shop)
    shop.merging.merge(BOB, cem)
    shop.market.dispute(number, cem, (), "damaged", "The frame is broken.")
    shop.market.decide(number, 0, by=cem, actor=cem)
    orders = shop.orders.state(f"order:{number}")
    assert orders is not None
    assert orders["life"] == "completed"


def test_who_is_buying_from_the_other_does_not_become_them_until_it_is_over(shop):
    selling.opened(shop)
    number = selling.sent(shop)
    with pytest.raises(Conflict) as no:
        shop.merging.merge(BOB, ANN)
    assert no.value.code == "deal_between"
    shop.market.received(number, BOB)
    assert shop.merging.merge(BOB, ANN).into == ANN


# ---- whatever happens, whenever --------------------------------------------------------------------------------------

STEP = st.tuples(st.sampled_from(["earn", "order", "cancel", "pay", "merge"]), st.booleans(), st.integers(1, 900))


@given(st.lists(STEP, min_size=3, max_size=12))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_or_made_whenever_two_accounts_become_one(shop, steps):
    if state(shop, "shelf:mug") is None:
        register(shop)
        fill(shop, "mug", 100_000)
    run = f"{time.monotonic_ns():x}"
    ann, bob = f"account:a{run}", f"account:b{run}"
    for account in (ann, bob):
        shop.runner.submit(Command("open", account))
    earned = uses = spent = 0
    standing: list[tuple[str, int]] = []
    merged = False
    for n, (what, first, size) in enumerate(steps):
        who = ann if first and not merged else bob
        if what == "earn":
            assert shop.runner.submit(Command("earn", who, {"unit": "points", "amount": size, "reason": "x"})).ok
            earned += size
        elif what == "order":
            order = f"order:{run}{n:02d}"
            assert counting(shop, order, who, spent=size).ok
            standing.append((order, size))
            uses, spent = uses + 1, spent + size
        elif standing and what == "cancel":
            order, took = standing.pop()
            if shop.orders.act("order.cancel", order, {"why": "changed_mind"}, actor="x").ok:
                uses, spent = uses - 1, spent - took
        elif standing and what == "pay":
            pay(shop, standing[-1][0], 10_000, till=f"till:{run}{n}")
        elif what == "merge":
            assert shop.merging.merge(ann, bob).before == merged
            merged = True
    shop.fire_due()
    both = [counted(shop, account) for account in (ann, bob)]
    assert [sum(x) for x in zip(*both, strict=True)] == [700 * uses, uses, spent]
    assert not merged or both[0] == (0, 0, 0)
    with shop.db.read() as conn:
        held = [accounts.balances(conn, account).get("points", 0) for account in (ann, bob)]
        assert held == [ledger.balance(conn, account, "points") for account in (ann, bob)]
    assert sum(held) == earned
    assert not merged or held[0] == 0


def test_a_shop_killed_while_accounts_become_one_has_moved_all_of_an_account_or_nothing(url, clock):
    with fairday.open(url, clock=clock) as shop:
        register(shop)
        fill(shop, "mug", 1_000)
        couponing.open_batch(shop, "spring", couponing.terms(clock.now(), size=1_000))
        for n in range(60):
            for account in (f"account:a{n}", f"account:b{n}"):
                shop.runner.submit(Command("open", account))
            shop.runner.submit(Command("earn", f"account:a{n}", {"unit": "points", "amount": 9, "reason": "x"}))
            shop.coupons.give("spring", f"account:a{n}")
            assert counting(shop, f"order:{n:03d}", f"account:a{n}").ok
    code = (
        "import sys, fairday\n"
        "with fairday.open(sys.argv[1]) as shop:\n"
        " print('ready', flush=True)\n"
        " for n in range(60):\n"
        "  shop.merging.merge(f'account:a{n}', f'account:b{n}')\n"
        "  print(n, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(parts.ROOT / "src"), *sys.path])}
    child = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True, env=environment)
    told = []
    assert child.stdout
    for said in child.stdout:
        told.append(said.strip())
        if len(told) == 20:
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    with fairday.open(url, clock=clock) as shop:
        moved = 0
        for n in range(60):
            ann, bob = f"account:a{n}", f"account:b{n}"
            with shop.db.read() as conn:
                points = [accounts.balances(conn, account).get("points", 0) for account in (ann, bob)]
            wallet = [len(shop.coupons.usable(account, clock.now())) for account in (ann, bob)]
            stands = (points, wallet, [counted(shop, account) for account in (ann, bob)])
            whole = ([0, 9], [0, 1], [(0, 0, 0), (700, 1, 10_000)])
            nothing = ([9, 0], [1, 0], [(700, 1, 10_000), (0, 0, 0)])
            done = state(shop, ann)["into"] == bob
            moved += done
            assert done or str(n) not in told  # what was answered is done
            assert stands == (whole if done else nothing), n
            shop.merging.merge(ann, bob)
            assert counted(shop, bob) == (700, 1, 10_000)
        assert 19 <= moved < 60
