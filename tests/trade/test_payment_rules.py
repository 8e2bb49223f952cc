"""The rules of a payment, without a database: docs/algorithms/payments.md, rule by rule, and random histories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.decider import BaseDecider, Command, Event, Located, Refusal, State
from fairday.trade.payment.decider import ASK_AFTER, MAX_REFUNDS, PaymentDecider, giving_back, refundable
from fairday.trade.payment.model import Paid
from fairday.trade.payment.settling import settle

NOW = 1_780_000_000_000
PAY = "payment:0190a1b2c3d4"
ORDER = "ticket:o1"
REQUEST: dict[str, Any] = {
    "pays": ORDER, "method": "wechat", "channel": "h5", "amount": 8800, "currency": "CNY", "account": None,
    "expires": NOW + 900_000,
}  # fmt: skip
SUCCESS: dict[str, Any] = {"state": "succeeded", "amount": 8800, "currency": "CNY", "trade": "4200001", "at": NOW}


class Orders:
    """The smallest thing that can be paid for: open, then paid by one payment, or dead."""

    def streams(self, peek: Any, stream: str) -> Located:
        return Located((stream, "stock:mug"), {stream: peek(stream)[0]})

    def paid(self, states: Mapping[str, State], stream: str, paid: Paid, now: int) -> Any:
        if states[stream].get("status", "open") != "open":
            return Refusal("order_closed", "The order is over.")
        return {
            stream: [Event("Order Paid", {"by": paid.payment, "amount": paid.amount})],
            "stock:mug": [Event("Kept")],
        }

    def received(self, state: State, payment: str) -> int | None:
        return state.get("paid", {}).get(payment)


class OrderDecider(BaseDecider):
    kind = "ticket"

    def initial(self) -> State:
        return {"status": "open"}

    def decide(self, state: State, command: Command, now: int) -> Any:
        return [Event("Order Cancelled")]

    def evolve(self, state: State, event: Event) -> State:
        if event.name == "Order Paid":
            return {"status": "paid", "paid": {event.data["by"]: event.data["amount"]}}
        return {"status": "dead"}


class Till:
    """Streams in memory, folded as the runner folds them; the ledger's transfers kept by key."""

    def __init__(self) -> None:
        self.rules = PaymentDecider()
        self.orders = OrderDecider()
        self.states: dict[str, State] = {PAY: self.rules.initial(), ORDER: self.orders.initial(), "stock:mug": {}}
        self.spanning = settle({"ticket": Orders()})
        self.ledger: dict[str, tuple[str, str, int]] = {}
        self.now = NOW

    @property
    def state(self) -> State:
        return self.states[PAY]

    def say(self, name: str, **data: Any) -> list[str] | str:
        """A command to the payment: the names of its events, or the code of the refusal."""
        command = Command(name, PAY, data)
        if name == "payment.settle":
            located = self.spanning.locate(command, lambda s: (1, self.states[s]))
            made = self.spanning.decide({s: self.states[s] for s in located.streams}, command, self.now)
        else:
            one = self.rules.decide(self.state, command, self.now)
            made = one if isinstance(one, Refusal) else {PAY: one}
        if isinstance(made, Refusal):
            return made.code
        for stream, events in made.items():
            for event in events:
                if stream == PAY:
                    for t in self.rules.transfers(stream, event, self.now):
                        assert t.key not in self.ledger, "a business key is used once"
                        self.ledger[t.key] = (t.debit, t.credit, t.amount)
                    list(self.rules.rows(stream, event, self.now))
                    self.states[PAY] = self.rules.evolve(self.state, event)
                elif stream == ORDER:
                    self.states[ORDER] = self.orders.evolve(self.states[ORDER], event)
        return [e.name for e in made[PAY]]

    def held(self) -> int:
        """What the ledger says is receivable from the provider."""
        return sum(a * ((d == "receivable:wechat") - (c == "receivable:wechat")) for d, c, a in self.ledger.values())


def paid() -> Till:
    till = Till()
    till.say("request", **REQUEST)
    till.say("payment.settle", **SUCCESS)
    return till


def test_a_payment_is_requested_prepared_and_settled_with_its_order() -> None:
    till = Till()
    assert till.say("request", **REQUEST) == ["Payment Requested"]
    assert till.say("request", **REQUEST) == []
    assert till.say("request", **REQUEST | {"amount": 1}) == "payment_exists"
    assert till.say("prepared") == ["Payment Pending"]
    assert till.say("payment.settle", **SUCCESS) == ["Payment Succeeded"]
    assert till.states[ORDER] == {"status": "paid", "paid": {PAY: 8800}}
    assert till.ledger == {"pay:0190a1b2c3d4": ("receivable:wechat", ORDER, 8800)}
    assert till.state["ask_at"] is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"amount": 0}, "bad_amount"), ({"amount": -5}, "bad_amount"), ({"amount": 10**13}, "bad_amount"),
        ({"amount": 1.5}, "bad_amount"), ({"amount": True}, "bad_amount"), ({"currency": "yuan"}, "bad_currency"),
        ({"currency": None}, "bad_currency"), ({"method": "barter"}, "bad_method"), ({"channel": "wap"}, "bad_channel"),
        ({"method": "cash"}, "bad_channel"), ({"pays": "nothing"}, "bad_payable"), ({"expires": NOW}, "bad_expiry"),
        ({"expires": NOW + 31 * 86_400_000}, "bad_expiry"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(wrong: dict[str, Any], code: str) -> None:
    assert Till().say("request", **REQUEST | wrong) == code


def test_before_it_was_requested_nothing_can_happen_to_it() -> None:
    for name in ("prepared", "ask", "hint", "settle", "refund", "refund.outcome", "payment.settle"):
        assert Till().say(name, **SUCCESS) == "payment_unknown"
    assert Till().say("dance") == "unknown_command"


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"amount": 8801}, "amount_differs"), ({"amount": 8799}, "amount_differs"),
        ({"amount": "8800"}, "amount_differs"),
        ({"amount": True}, "amount_differs"), ({"currency": "USD"}, "currency_differs"), ({"trade": ""}, "no_trade"),
    ],
)  # fmt: skip
def test_a_success_of_another_amount_or_currency_pays_nothing_and_is_kept_for_people(
    other: dict[str, Any], code: str
) -> None:
    till = Till()
    till.say("request", **REQUEST)
    assert till.say("payment.settle", **SUCCESS | other) == ["Payment Mismatched"]
    assert till.state["problem"]["code"] == code
    assert till.say("payment.settle", **SUCCESS | other) == []
    assert (till.state["status"], till.states[ORDER]["status"], till.ledger) == ("requested", "open", {})
    assert till.say("payment.settle", **SUCCESS) == ["Payment Succeeded"]


def test_a_second_success_counts_nothing_and_another_trade_number_is_kept_for_people() -> None:
    till = paid()
    assert till.say("payment.settle", **SUCCESS) == []
    assert till.say("payment.settle", **SUCCESS | {"trade": "4200002"}) == ["Payment Mismatched"]
    assert till.state["problem"]["code"] == "paid_twice"
    assert till.held() == 8800


def test_money_for_a_dead_order_goes_back_by_itself() -> None:
    till = Till()
    till.say("request", **REQUEST)
    till.states[ORDER] = {"status": "dead"}
    assert till.say("payment.settle", **SUCCESS) == ["Payment Succeeded", "Refund Requested"]
    assert till.state["for"] == "refund"
    assert till.state["ask_at"] == NOW, "the refund is sent at once"
    assert till.say("refund.outcome", refund="auto", state="succeeded", amount=8800) == ["Refund Succeeded"]
    assert till.held() == 0
    assert till.states[ORDER] == {"status": "dead"}


def test_money_that_comes_after_failing_or_closing_still_counts() -> None:
    for state in ("failed", "closed"):
        till = Till()
        till.say("request", **REQUEST)
        assert till.say("payment.settle", state=state) == [f"Payment {state.title()}"]
        assert till.say("payment.settle", **SUCCESS) == ["Payment Succeeded"]
        assert till.say("payment.settle", state=state) == []
        assert till.state["status"] == "succeeded"


def test_the_question_that_is_due_is_taken_by_one_and_the_next_waits_longer() -> None:
    till = Till()
    till.say("request", **REQUEST)
    at = till.state["ask_at"]
    assert at == NOW + ASK_AFTER[0]
    assert till.say("ask", at=at) == "asked_already", "not before it is due"
    for gap in (*ASK_AFTER[1:], ASK_AFTER[-1], ASK_AFTER[-1]):
        till.now = at = till.state["ask_at"]
        assert till.say("ask", at=at) == ["Payment Asked"]
        assert till.say("ask", at=at) == "asked_already", "nobody else asks the same"
        assert till.state["ask_at"] == at + gap
    till.say("payment.settle", state="closed")
    assert till.state["ask_at"] is None
    assert till.say("hint") == [], "nothing is asked of what is over"


def test_a_hint_asks_at_once() -> None:
    till = Till()
    till.say("request", **REQUEST)
    assert till.say("hint") == ["Payment Hinted"]
    assert till.state["ask_at"] == NOW
    assert till.say("hint") == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"amount": 0}, "bad_amount"), ({"amount": -1}, "bad_amount"), ({"amount": 8801}, "refund_exceeds_payment"),
        ({"amount": 10**30}, "bad_amount"), ({"refund": "a b"}, "bad_refund_id"),
        ({"refund": "r" * 25}, "bad_refund_id"),
        ({"why": "w" * 101}, "bad_reason"), ({"why": None}, "bad_reason"),
    ],
)  # fmt: skip
def test_a_refund_that_makes_no_sense_is_refused(asked: dict[str, Any], code: str) -> None:
    assert paid().say("refund", **{"refund": "r1", "amount": 100, "why": "x"} | asked) == code


def test_refunds_in_parts_never_pass_what_was_paid_and_a_failed_one_frees_its_part() -> None:
    till = paid()
    assert till.say("refund", refund="r1", amount=8000, why="broken") == ["Refund Requested"]
    assert till.say("refund", refund="r1", amount=8000, why="broken") == []
    assert till.say("refund", refund="r1", amount=7999, why="broken") == "refund_exists"
    assert till.say("refund", refund="r2", amount=801, why="") == "refund_exceeds_payment"
    assert till.say("refund.outcome", refund="r1", state="unknown") == []
    assert till.say("refund.outcome", refund="r1", state="pending") == ["Refund Pending"]
    assert till.say("refund.outcome", refund="r1", state="failed") == ["Refund Failed"]
    assert till.state["ask_at"] is None
    assert refundable(till.state) == 8800
    assert till.say("refund", refund="r2", amount=8800, why="") == ["Refund Requested"]
    assert till.say("refund.outcome", refund="r2", state="succeeded", amount=8800) == ["Refund Succeeded"]
    assert till.say("refund.outcome", refund="r2", state="succeeded", amount=8800) == []
    assert till.say("refund.outcome", refund="r1", state="succeeded", amount=8000) == ["Payment Mismatched"]
    assert till.held() == 0


def test_a_refund_of_another_amount_is_not_booked() -> None:
    till = paid()
    till.say("refund", refund="r1", amount=100, why="")
    assert till.say("refund.outcome", refund="r1", state="succeeded", amount=101) == ["Payment Mismatched"]
    assert till.say("refund.outcome", refund="r9", state="succeeded", amount=100) == "refund_unknown"
    assert till.held() == 8800


def test_unpaid_is_not_refunded_and_refunds_are_bounded() -> None:
    till = Till()
    till.say("request", **REQUEST)
    assert till.say("refund", refund="r1", amount=1, why="") == "not_paid"
    till = paid()
    for n in range(MAX_REFUNDS):
        assert till.say("refund", refund=f"r{n}", amount=1, why="w" * 100) == ["Refund Requested"]
    assert till.say("refund", refund="last", amount=1, why="") == "too_many_refunds"


def test_a_refund_that_fails_again_and_again_can_still_be_asked_for() -> None:
    """A provider may be without money for weeks; what is owed is not stuck after four tries."""
    till, refund = paid(), "0123456789abcdef0123"
    till.say("refund", refund=refund, amount=800, why="")
    for _ in range(30):
        assert till.say("refund.outcome", refund=refund, state="failed") == ["Refund Failed"]
        known = set(till.state["refunds"])
        assert till.say("refund.again", refund=refund) == ["Refund Requested"]
        (refund,) = set(till.state["refunds"]) - known
    assert till.say("refund.outcome", refund=refund, state="succeeded", amount=800) == ["Refund Succeeded"]
    assert till.held() == 8000
    assert refundable(till.state) == 8000


def test_by_hand_nobody_elsewhere_is_asked() -> None:
    till = Till()
    till.say("request", **REQUEST | {"method": "cash", "channel": ""})
    assert till.state["ask_at"] is None
    till.say("payment.settle", **SUCCESS)
    till.say("refund", refund="r1", amount=100, why="")
    assert till.state["ask_at"] is None
    assert till.say("hint") == []


def test_what_has_been_promised_back_is_never_refused() -> None:
    till = paid()
    made = giving_back(till.state, "r1", 800, "w" * 300, NOW)
    assert [(e.name, e.data["amount"]) for e in made] == [("Refund Requested", 800)]
    assert giving_back(till.rules.evolve(till.state, made[0]), "r1", 800, "", NOW) == [], (
        "the same step, the same refund"
    )
    more = giving_back(till.state, "r2", 8801, "", NOW)
    assert [(e.name, e.data["code"]) for e in more] == [("Payment Mismatched", "refund_exceeds_payment")]


AMOUNTS = st.sampled_from([1, 100, 4400, 8800, 8801])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("payment.settle"), st.sampled_from(["pending", "succeeded", "failed", "closed"]), AMOUNTS),
        st.tuples(st.just("payment.settle"), st.just("succeeded"), st.just(8800)),
        st.tuples(st.just("refund"), st.sampled_from(["r1", "r2", "r3"]), AMOUNTS),
        st.tuples(st.just("refund.outcome"), st.sampled_from(["r1", "r2", "r3", "auto"]),
                  st.sampled_from(["unknown", "pending", "succeeded", "failed"])),
        st.tuples(st.sampled_from(["prepared", "ask", "hint", "die", "wait"]), st.none(), st.none()),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(steps=STEPS)
def test_whatever_comes_in_whatever_order_each_counts_once_and_the_ledger_follows(steps: list[Any]) -> None:
    till = Till()
    till.say("request", **REQUEST)
    succeeded = False
    for name, one, two in steps:
        before = till.state
        if name == "die" and till.states[ORDER]["status"] == "open":
            till.states[ORDER] = {"status": "dead"}
        elif name == "wait":
            till.now += 45_000
        elif name == "payment.settle":
            till.say(name, **SUCCESS | {"state": one, "amount": two})
            succeeded |= one == "succeeded" and two == 8800
        elif name == "refund":
            till.say(name, refund=one, amount=two, why="")
        elif name == "refund.outcome":
            known = till.state["refunds"].get(one, {"amount": 5})
            till.say(name, refund=one, state=two, amount=known["amount"])
        elif name in ("prepared", "hint", "ask"):
            till.say(name, at=till.state["ask_at"])
        state = till.state
        back = [r for r in state["refunds"].values() if r["status"] == "succeeded"]
        assert (state["status"] == "succeeded") == succeeded
        assert till.held() == (8800 if succeeded else 0) - sum(r["amount"] for r in back)
        assert till.held() >= 0
        if before["status"] == "succeeded":
            assert state["status"] == "succeeded", "nothing undoes money that came"
        if succeeded:
            assert (state["for"] == "order") == (till.states[ORDER].get("paid") is not None)
            assert state["for"] == "order" or "auto" in state["refunds"]
        waits = state["status"] in ("requested", "pending", "failed") or any(
            r["status"] in ("requested", "pending") for r in state["refunds"].values()
        )
        assert (state["ask_at"] is not None) == waits, "asked as long as something is not known, and no longer"
