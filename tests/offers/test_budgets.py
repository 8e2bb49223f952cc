"""Budgets and caps: counted with orders, checked inside the write."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import Refusal, State
from fairday.offers.budgets import BudgetClaim, BudgetDecider, holds
from fairday.offers.model import AmountOff, Cart, Facts, Limits, Line, PercentOff, Rule
from fairday.offers.pricing import Book, price

CLAIM, DECIDER = BudgetClaim(), BudgetDecider()
CART = Cart(currency="CNY", lines=(Line(line="1", sku="A", unit=10_000, qty=1),))


def step(state: State, hold: Hold, turn: Turn) -> State | Refusal:
    answer = CLAIM.decide(state, hold, turn, 0)
    if isinstance(answer, Refusal):
        return answer
    for event in answer:
        state = DECIDER.evolve(state, event)
    return state


def test_only_counters_with_a_limit_are_held() -> None:
    rules = [
        Rule(id="free", benefits=(PercentOff(percent=Decimal(10)),)),
        Rule(id="all", benefits=(AmountOff(amount=500),),
             limits=Limits(amount=900, day_uses=3, person_uses=1)),
    ]  # fmt: skip
    priced = price(CART, Book(rules), Facts(), 0, 0)
    assert [(h.stream, dict(h.data)) for h in holds(priced, rules, "A1", 20_000)] == [
        ("budget:all", {"rule": "all", "amount": 500, "uses": 1, "amount_limit": 900}),
        ("budget:all:day:20000", {"rule": "all", "amount": 500, "uses": 1, "uses_limit": 3}),
        ("budget:all:person:A1", {"rule": "all", "amount": 500, "uses": 1, "uses_limit": 1}),
    ]
    assert [h.stream for h in holds(priced, rules, None, 20_000)] == ["budget:all", "budget:all:day:20000"]


def test_a_budget_that_would_be_passed_refuses_the_order_and_says_what_is_left() -> None:
    hold = Hold("budget", "budget:all", {"rule": "all", "amount": 500, "uses": 1, "amount_limit": 900})
    state = step(DECIDER.initial(), hold, Turn(step="place", order="order:1"))
    assert state == {"amount": 500, "uses": 1}
    refused = step(state, hold, Turn(step="place", order="order:2"))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.detail["left"]) == ("budget_used_up", 400)
    back = step(state, hold, Turn(step="cancel", order="order:1"))
    assert back == DECIDER.initial()
    assert step(back, hold, Turn(step="place", order="order:2")) == state


@settings(max_examples=60)
@given(amount=st.integers(0, 10_000), parts=st.lists(st.integers(1, 5_000), min_size=1, max_size=6))
def test_refunds_in_parts_give_back_exactly_what_was_taken(amount: int, parts: list[int]) -> None:
    hold = Hold("budget", "budget:all", {"rule": "all", "amount": amount, "uses": 1})
    state = step(DECIDER.initial(), hold, Turn(step="place", order="order:1"))
    already = 0
    for n, part in enumerate(parts):
        assert not isinstance(state, Refusal)
        turn = Turn(step="refund", order="order:1", n=n, part=part, whole=sum(parts), already=already,
                    final=n == len(parts) - 1)  # fmt: skip
        state = step(state, hold, turn)
        already += part
        assert not isinstance(state, Refusal)
        assert state["amount"] >= 0
    assert state == DECIDER.initial()
