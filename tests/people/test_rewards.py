"""Points that expire, tiers with grace, and what orders do to both: docs/algorithms/rewards.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
from fairday.kernel import jsons
from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.decider import Command, Event, Refusal, State
from fairday.kernel.errors import FairdayError
from fairday.people import accounts
from fairday.people.accounts import AccountDecider, EarningClaim, Level, PointsClaim, Program, tiers
from fairday.people.accounts.lots import MOST, give_back, normal, take, total
from fairday.people.accounts.rules import BACK_DAYS, MAX_OVER
from fairday.storage import ledger
from fairday.storage.runner import stream_state

NOW = 1_800_000_000_000
RULES = AccountDecider()
STARS = Program(levels=(Level("green", 100), Level("gold", 400)), keep_days=365, grace_days=30)


class Account:
    """An account played in memory, its ledger summed beside it."""

    def __init__(self) -> None:
        self.state: State = RULES.initial()
        self.ledger: dict[str, int] = {}
        self.take(RULES.decide(self.state, Command("open", "account:a"), NOW))

    def take(self, made: Any) -> Any:
        if isinstance(made, Refusal):
            return made
        for event in made:
            for transfer in RULES.transfers("account:a", event, NOW):
                for name, sign in ((transfer.debit, -1), (transfer.credit, 1)):
                    self.ledger[name] = self.ledger.get(name, 0) + sign * transfer.amount
            self.state = RULES.evolve(self.state, msgspec.json.decode(msgspec.json.encode(event), type=Event))
        return made

    def do(self, name: str, now: int = NOW, **data: Any) -> Any:
        return self.take(RULES.decide(self.state, Command(name, "account:a", data), now))

    def turn(self, claim: Any, step: str, data: dict[str, Any], now: int = NOW, **more: Any) -> Any:
        turn = Turn(step=step, order=more.pop("order", "order:1"), account="account:a", **more)
        return self.take(claim.decide(self.state, Hold(claim.name, "account:a", data), turn, now))

    def due(self) -> int:
        now = RULES.deadline(self.state)
        assert now is not None
        self.take(
            accounts.DEADLINE_COMMAND.decide({"account:a": self.state}, Command("deadline", "account:a"), now)[
                "account:a"
            ]
        )
        return now

    @property
    def points(self) -> int:
        assert self.ledger.get("account:a", 0) == sum(self.state["balances"].values())
        return int(self.state["balances"].get("points", 0))


def member(*lots: tuple[int, int | None]) -> Account:
    found = Account()
    for amount, days in lots:
        found.do(
            "earn", unit="points", amount=amount, reason="test", expires=None if days is None else NOW + days * DAY_MS
        )
    return found


# ---- lots ------------------------------------------------------------------------------------------------------------


def test_what_expires_first_is_spent_first_and_the_rest_expires_on_its_day():
    one = member((100, 30), (50, 10), (20, None))
    one.do("spend", unit="points", amount=60, reason="gift")
    assert one.state["lots"]["points"] == [[NOW + 30 * DAY_MS, 90], [None, 20]]
    assert one.due() == NOW + 30 * DAY_MS
    assert one.points == 20
    assert RULES.deadline(one.state) is None


LOTS = st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 50)), st.integers(1, 1000)), max_size=12)


@given(LOTS, st.integers(0, 5000))
def test_taking_conserves_and_never_takes_what_expires_later_first(lots: Any, asked: int):
    amount = min(asked, total(lots))
    taken, left = take(lots, amount)
    assert total(taken) == amount
    assert normal([*taken, *left]) == normal(lots)
    ends = [e for e, _ in left if e is not None]
    assert (
        all(e is not None and e <= min(ends, default=10**9) for e, _ in taken)
        or not ends
        or all(e is None for e, _ in left)
    )


@given(LOTS, LOTS, st.integers(0, 5000), st.integers(0, 60))
def test_giving_back_conserves_and_nothing_comes_back_nearly_expired(lots: Any, taken: Any, asked: int, soon: int):
    amount = min(asked, total(taken))
    after = give_back(normal(lots), normal(taken), amount, soon)
    assert total(after) == total(lots) + amount


def test_very_many_lots_become_fewer_and_none_ends_sooner():
    lots = [(day * DAY_MS, 1) for day in range(1, MOST + 60)]
    found = normal(lots)
    assert len(found) == MOST
    assert total(found) == len(lots)
    assert all(sum(a for e, a in found if e <= end) <= sum(a for e, a in lots if e <= end) for end, _ in lots)


@pytest.mark.parametrize("expires", [NOW, NOW - 1, 1.5, "soon", True])
def test_value_that_would_have_expired_already_is_refused(expires: object):
    assert member().do("earn", unit="points", amount=1, reason="x", expires=expires).code == "bad_expiry"


def test_an_account_of_an_earlier_version_goes_on():
    old = {"open": True, "into": None, "n": 3, "balances": {"points": 70}}
    event = RULES.decide(old, Command("spend", "account:a", {"unit": "points", "amount": 30, "reason": "x"}), NOW)
    assert RULES.evolve(old, event[0])["balances"] == {"points": 40}
    before = Event("Value Spent", {"n": 4, "unit": "points", "change": -30, "reason": "x"})
    assert RULES.evolve(old, before)["balances"] == {"points": 40}


# ---- orders ----------------------------------------------------------------------------------------------------------

PAID = {"unit": "points", "amount": 100}


def test_points_paid_with_come_back_when_the_order_is_cancelled_good_for_a_month_at_least():
    one = member((80, 5), (80, 90))
    one.turn(PointsClaim(), "place", PAID)
    assert one.points == 60
    one.turn(PointsClaim(), "cancel", PAID, now=NOW + 4 * DAY_MS)
    assert one.points == 160
    assert one.state["lots"]["points"] == [[NOW + 34 * DAY_MS, 80], [NOW + 90 * DAY_MS, 80]]
    assert one.state["held"] == {}
    one.turn(PointsClaim(), "cancel", PAID)
    assert one.points == 160


@given(st.lists(st.tuples(st.integers(1, 99), st.one_of(st.none(), st.integers(1, 400))), min_size=1, max_size=8),
       st.integers(1, 700), st.integers(1, 1_000))  # fmt: skip
def test_points_come_back_as_the_lots_they_were_also_after_the_order_was_over(lots: Any, asked: int, part: int):
    """Of what never ends what comes back never ends; the rest ends when it did, no sooner than a month from then."""
    one = member(*lots)
    paid = {"unit": "points", "amount": min(asked, one.points), "days": 365}
    taken, kept = take([(e, a) for e, a in one.state["lots"]["points"]], paid["amount"])
    one.turn(PointsClaim(), "place", paid)
    one.turn(PointsClaim(), "complete", paid, whole=1_000)
    assert one.points == sum(a for a, _ in lots) - paid["amount"]
    now = NOW + DAY_MS // 2
    one.turn(PointsClaim(), "refund", paid, now=now, part=part, whole=1_000, completed=True, final=part == 1_000)
    amount = paid["amount"] * part // 1_000
    expected = give_back(kept, taken, amount, now + BACK_DAYS * DAY_MS)
    assert [tuple(x) for x in one.state["lots"].get("points", [])] == expected
    rest = {"part": 1_000 - part, "already": part, "whole": 1_000, "completed": True, "final": True}
    if part < 1_000:
        one.turn(PointsClaim(), "refund", paid, now=now, **rest)
    assert one.points == sum(a for a, _ in lots)
    assert one.state["held"] == {}


@pytest.mark.parametrize(("days", "end"), [(365, NOW + 365 * DAY_MS), (10, NOW + 30 * DAY_MS), (None, None)])
def test_points_of_an_order_long_over_come_back_as_good_as_those_that_are_earned(days: int | None, end: int | None):
    """The account no longer knows the lots of an order so long ago."""
    one = member((10_000, 1))
    for n in range(MAX_OVER + 2):
        paid = {"unit": "points", "amount": 10, "days": days}
        one.turn(PointsClaim(), "place", paid, order=f"order:{n:03}")
        one.turn(PointsClaim(), "complete", paid, order=f"order:{n:03}", whole=10)
    assert len(one.state["held"]) == MAX_OVER
    more = {"part": 10, "whole": 10, "final": True, "completed": True}
    one.turn(PointsClaim(), "refund", paid, order="order:000", **more)
    assert [end, 10] in one.state["lots"]["points"]
    one.turn(PointsClaim(), "refund", paid, order=f"order:{MAX_OVER:03}", **more)
    assert [NOW + 30 * DAY_MS, 10 + 10 * (end == NOW + 30 * DAY_MS)] in one.state["lots"]["points"], "as it was"


def test_orders_that_are_over_leave_room_for_others_and_the_account_stays_small():
    one = Account()
    for n in range(MAX_OVER + 10):
        for day in range(40):
            one.do("earn", unit="points", amount=1, reason="x", expires=NOW + (1 + day + 40 * n) * DAY_MS)
        paid = {"unit": "points", "amount": 40, "days": None}
        for step in ("place", "complete"):
            assert not isinstance(one.turn(PointsClaim(), step, paid, order=f"order:{n:026}", whole=10), Refusal)
    assert len(jsons.encode(one.state)) < RULES.max_state_bytes // 2


def test_an_order_that_asks_for_more_points_than_there_are_is_refused():
    assert member((99, None)).turn(PointsClaim(), "place", PAID).code == "insufficient"


@settings(max_examples=60)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(1, 500), st.booleans())
def test_refunds_in_any_split_give_all_points_back_and_take_all_earned_ones(parts: list[int], amount: int, over: bool):
    whole, earning = sum(parts), {"unit": "points", "amount": amount, "days": 30, "program": None}
    one = member((amount, 60))
    one.turn(PointsClaim(), "place", {"unit": "points", "amount": amount})
    one.turn(EarningClaim(), "place", earning)
    if over:
        for claim, data in ((PointsClaim(), {"unit": "points", "amount": amount}), (EarningClaim(), earning)):
            one.turn(claim, "complete", data, whole=whole)
        assert one.points == amount
    already = 0
    for part in parts:
        more: dict[str, Any] = {
            "part": part,
            "whole": whole,
            "already": already,
            "final": already + part == whole,
            "completed": over,
        }
        one.turn(PointsClaim(), "refund", {"unit": "points", "amount": amount}, **more)
        one.turn(EarningClaim(), "refund", earning, **more)
        already += part
    assert one.points == amount
    assert one.state["held"] == {}
    assert not any(one.state["owed"].values())


def test_what_was_earned_and_spent_before_its_goods_came_back_is_owed_and_paid_by_the_next():
    one = member()
    data = {"unit": "points", "amount": 50, "days": None, "program": None}
    one.turn(EarningClaim(), "complete", data, whole=1000)
    one.do("spend", unit="points", amount=40, reason="gift")
    one.turn(EarningClaim(), "refund", data, part=1000, whole=1000, final=True, completed=True)
    assert (one.points, one.state["owed"]) == (0, {"points": 40})
    one.do("earn", unit="points", amount=45, reason="order")
    assert (one.points, one.state["owed"]) == (5, {})


def test_before_an_order_is_over_nothing_is_earned_and_only_for_the_money_that_stayed():
    one = member()
    data = {"unit": "points", "amount": 99, "days": 30, "program": None}
    for step in ("place", "pay", "ship"):
        one.turn(EarningClaim(), step, data, whole=1000)
    one.turn(EarningClaim(), "refund", data, part=500, whole=1000)
    assert one.points == 0
    one.turn(EarningClaim(), "complete", data, whole=1000, already=500)
    assert one.points == 49
    assert one.state["lots"]["points"] == [[NOW + 30 * DAY_MS, 49]]


# ---- tiers -----------------------------------------------------------------------------------------------------------


def qualify(one: Account, amount: int, now: int = NOW) -> None:
    one.do("qualify", now=now, amount=amount, at=now, program=msgspec.to_builtins(STARS))


def test_a_tier_is_reached_at_once_kept_a_year_and_lost_after_its_grace():
    one = member()
    qualify(one, 399)
    assert one.state["tier"]["name"] == "green"
    qualify(one, 1)
    assert one.state["tier"]["name"] == "gold"
    assert one.due() == NOW + 365 * DAY_MS
    assert (one.state["tier"]["name"], one.state["tier"]["grace"]) == ("gold", True)
    assert one.due() == NOW + 395 * DAY_MS
    assert one.state["tier"]["name"] == ""
    assert RULES.deadline(one.state) is None


def test_who_earns_it_again_in_the_grace_keeps_it_for_a_year_from_then():
    one = member()
    qualify(one, 400)
    late = one.due() + DAY_MS
    qualify(one, 400, late)
    assert one.state["tier"] | {"days": 0, "program": 0} == {
        "name": "gold", "until": late + 365 * DAY_MS, "grace": False, "days": 0, "program": 0,
    }  # fmt: skip


def test_who_earned_less_falls_to_what_was_reached():
    one = member()
    qualify(one, 400)
    qualify(one, 150, NOW + 200 * DAY_MS)
    one.due()
    one.due()
    assert one.state["tier"]["name"] == "green"


def test_goods_that_come_back_count_no_more():
    one = member()
    data = {"unit": "points", "amount": 400, "days": None, "program": msgspec.to_builtins(STARS)}
    one.turn(EarningClaim(), "complete", data, whole=100)
    assert one.state["tier"]["name"] == "gold"
    one.turn(EarningClaim(), "refund", data, part=100, whole=100, final=True, completed=True)
    assert tiers.earned(one.state["tier"], NOW) == 0


@pytest.mark.parametrize(
    "levels", [(Level("a", 5), Level("b", 5)), (Level("a", 5), Level("a", 6)), (Level("", 5),), (Level("a", 0),)]
)
def test_tiers_that_do_not_rise_are_refused(levels: tuple[Level, ...]):
    with pytest.raises(FairdayError, match="Tiers rise"):
        Program(levels=levels)


@pytest.mark.parametrize("data", [{"amount": 0}, {"amount": 1, "at": NOW + 1}, {"amount": 1, "program": {"levels": 3}}])
def test_what_cannot_count_is_refused(data: dict[str, Any]):
    assert isinstance(member().do("qualify", **({"program": msgspec.to_builtins(STARS)} | data)), Refusal)


# ---- in a shop -------------------------------------------------------------------------------------------------------


def test_value_expires_by_itself_and_stands_in_the_ledger(shop: fairday.Shop, clock: ManualClock):
    clock.at = NOW
    for name, data in (
        ("open", {}),
        ("earn", {"unit": "points", "amount": 70, "reason": "x", "expires": NOW + DAY_MS}),
    ):
        assert shop.runner.submit(Command(name, "account:a", data)).ok
    clock.at = NOW + DAY_MS
    assert shop.fire_due() == 1
    with shop.db.read() as conn:
        assert accounts.balances(conn, "account:a") == {}
        assert ledger.balance(conn, "account:a", "points") == 0
        assert ledger.balance(conn, "house:points", "points") == 0


def test_what_comes_back_to_a_merged_account_moves_on_to_the_other(shop: fairday.Shop, clock: ManualClock):
    clock.at = NOW
    for account in ("account:a", "account:b", "account:c"):
        shop.runner.submit(Command("open", account))
    shop.runner.submit(
        Command("earn", "account:a", {"unit": "points", "amount": 100, "reason": "x", "expires": NOW + 90 * DAY_MS})
    )
    shop.runner.submit(Command("qualify", "account:a", {"amount": 150, "program": msgspec.to_builtins(STARS)}))
    shop.runner.submit(Command("qualify", "account:b", {"amount": 260, "program": msgspec.to_builtins(STARS)}))
    assert shop.runner.submit(accounts.merge_command("account:a", "account:b", "test")).ok
    assert shop.runner.submit(accounts.merge_command("account:b", "account:c", "test")).ok
    with shop.db.read() as conn:
        assert accounts.balances(conn, "account:c") == {"points": 100}
        assert accounts.account_of(conn, "account:a") == "account:c"
        kept = stream_state(conn, "account:c")
    assert kept is not None
    assert kept[1]["tier"]["name"] == "gold"
    assert kept[1]["lots"] == {"points": [[NOW + 90 * DAY_MS, 100]]}


class Giving(AccountDecider):
    """Accounts to which an order can give back."""

    def decide(self, state: State, command: Command, now: int) -> Any:
        if command.name not in ("place", "cancel"):
            return super().decide(state, command, now)
        turn = Turn(step=command.name, order="order:1")
        return PointsClaim().decide(state, Hold("points", command.stream, PAID), turn, now)


def test_what_an_order_gives_back_to_a_merged_account_moves_on_by_itself(shop: fairday.Shop, clock: ManualClock):
    clock.at = NOW
    shop.runner.register(Giving())
    for account in ("account:a", "account:b", "account:c"):
        shop.runner.submit(Command("open", account))
    shop.runner.submit(Command("earn", "account:a", {"unit": "points", "amount": 130, "reason": "x"}))
    assert shop.runner.submit(Command("place", "account:a")).ok
    for one, other in (("a", "b"), ("b", "c")):
        assert shop.runner.submit(accounts.merge_command(f"account:{one}", f"account:{other}", "test")).ok
    assert shop.runner.submit(Command("cancel", "account:a")).ok
    assert shop.fire_due() == 1
    with shop.db.read() as conn:
        assert [accounts.balances(conn, f"account:{one}") for one in "abc"] == [{}, {}, {"points": 130}]
        assert [ledger.balance(conn, f"account:{one}", "points") for one in "abc"] == [0, 0, 130]
    assert shop.fire_due() == 0


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 300)), min_size=1, max_size=12), st.integers(0, 4_000))
def test_what_was_earned_and_given_back_counts_no_longer_whenever_it_is_given_back(
    earned: list[tuple[int, int]], back: int
):
    """An order of weeks ago is given back: what it counted goes, though nothing was counted today."""
    standing = tiers.fresh()
    for day, amount in sorted(earned):
        standing = tiers.count(standing, amount, NOW + day * DAY_MS, NOW + day * DAY_MS, STARS)
    now = NOW + 520 * DAY_MS
    before = tiers.earned(standing, now)
    after = tiers.count(standing, -back, now, now, STARS)
    assert tiers.earned(after, now) == max(0, before - back)


def test_a_tier_bought_and_given_back_is_not_kept_at_its_end():
    one = member()
    earning = {"unit": "points", "amount": 400, "days": None, "program": msgspec.to_builtins(STARS)}
    one.turn(EarningClaim(), "complete", earning, whole=40_000)
    assert one.state["tier"]["name"] == "gold"
    more = {"part": 40_000, "whole": 40_000, "completed": True, "final": True}
    one.turn(EarningClaim(), "refund", earning, now=NOW + 20 * DAY_MS, **more)
    assert tiers.earned(one.state["tier"], NOW + 20 * DAY_MS) == 0
    assert one.points == 0
    assert one.due() == NOW + 365 * DAY_MS
    assert one.state["tier"]["grace"]
    assert one.due() == NOW + 395 * DAY_MS
    assert one.state["tier"]["name"] == ""


@pytest.mark.parametrize("begin", ["2026-12-31T23:59:59", "2027-12-31T12:00:00", "2028-02-29T00:00:00"])
def test_a_tier_and_its_grace_run_over_the_end_of_a_year(begin: str):
    """So many days whatever the calendar: 365 kept, 30 of grace, and back within them it is kept for as long again."""
    at = int(datetime.fromisoformat(begin).replace(tzinfo=UTC).timestamp() * 1000)
    standing = tiers.count(tiers.fresh(), 120, at, at, STARS)
    assert (standing["name"], standing["until"]) == ("green", at + 365 * DAY_MS)
    standing = tiers.review(standing, standing["until"] + 3 * DAY_MS)
    assert (standing["name"], standing["grace"]) == ("green", True)
    again = standing["until"] - 1
    kept = tiers.count(standing, 100, again, again, STARS)
    assert (kept["name"], kept["grace"], kept["until"]) == ("green", False, again + 365 * DAY_MS)
    assert tiers.review(standing, standing["until"])["name"] == ""
