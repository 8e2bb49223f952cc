"""The rules of ``payment:<id>``: what is asked, what counts as paid, what may go back. Pure.

Written down in docs/algorithms/payments.md and tested against that text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State, Transfer, kind_of
from fairday.kernel.ids import digest
from fairday.trade.payment.model import (
    BALANCE,
    CHANNELS,
    MANUAL,
    MAX_AMOUNT,
    METHODS,
    NUMBER,
    PROVIDERS,
    REFUND_ID,
    number_of,
)

SECOND = 1000
ASK_AFTER = tuple(s * SECOND for s in (10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600))
"""How long (ms) after one question the next is due; the last repeats."""
LONGEST = 30 * 86_400 * SECOND
MAX_REFUNDS = 40
MAX_WHY = 100
OPEN_REFUND = ("requested", "pending")


class PaymentDecider(BaseDecider):
    """One payment: asked for once, settled by what the provider says, refunded in parts with their own ids.

    Commands: ``request`` {pays, method, channel, amount, currency, account, expires}, ``prepared``,
    ``settle`` (an outcome that touches nothing else), ``ask`` {at}, ``hint``, ``refund`` {refund, amount, why} of what
    is no order's, ``refund.again`` {refund} of one that failed,
    ``refund.outcome`` {refund, state, amount, trade, at}. The spanning ``payment.settle`` is in ``settling``.
    """

    kind = "payment"
    max_state_bytes = 16_384

    def initial(self) -> State:
        return {"status": "", "refunds": {}, "tries": 0, "ask_at": None, "problem": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        rule = _RULES.get(command.name)
        if rule is None:
            return Refusal("unknown_command", f"A payment knows no command {command.name!r}.")
        if command.name == "request":
            return _request(state, {**command.data, "id": number_of(command.stream)}, now)
        if not state["status"]:
            return Refusal("payment_unknown", "There is no such payment.")
        if command.name == "refund" and through_order(state):
            return Refusal("through_order", "Money of an order goes back through its order.", {"order": state["pays"]})
        return rule(state, command.data, now)

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        after: State = {**state, "ask_at": data.get("ask_at"), "tries": data.get("tries", 0)}
        match event.name:
            case "Payment Requested":
                kept = ("pays", "method", "channel", "amount", "currency", "account", "expires")
                return {**after, "status": "requested", **{k: data[k] for k in kept}}
            case "Payment Pending":
                return {**after, "status": "pending"}
            case "Payment Succeeded":
                more = {k: data[k] for k in ("lots", "books") if k in data}
                return {**after, **more, "status": "succeeded", "trade": data["trade"], "paid_at": data["paid_at"],
                        "for": data["for"]}  # fmt: skip
            case "Payment Failed":
                return {**after, "status": "failed"}
            case "Payment Closed":
                return {**after, "status": "closed"}
            case "Payment Mismatched":
                return {**after, "problem": {k: data[k] for k in ("code", "amount", "currency", "trade")}}
            case "Refund Requested" | "Refund Pending" | "Refund Succeeded" | "Refund Failed":
                status = event.name.removeprefix("Refund ").lower()
                refund = {"amount": data["amount"], "status": status}
                refund |= {"books": data["books"]} if "books" in data else {}
                return {**after, "refunds": {**state["refunds"], data["refund"]: refund}}
        return after

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data = event.data
        row: dict[str, Any] = {"stream": stream, "ask_at": data.get("ask_at")}
        match event.name:
            case "Payment Requested":
                kept = ("pays", "method", "channel", "amount", "currency", "expires")
                row |= {k: data[k] for k in kept} | {"status": "requested", "created": now, "refunded": 0}
            case "Payment Succeeded":
                row |= {"status": "succeeded", "trade": data["trade"], "paid_at": data["paid_at"], "made": data["for"]}
            case "Payment Pending" | "Payment Failed" | "Payment Closed":
                row["status"] = event.name.removeprefix("Payment ").lower()
            case "Payment Mismatched":
                row["problem"] = data["code"]
            case "Refund Succeeded":
                row["refunded"] = data["refunded"]
        made = [Row("payments", row)]
        if event.name.startswith("Refund "):
            status = event.name.removeprefix("Refund ").lower()
            refund: dict[str, Any] = {"payment": stream, "refund": data["refund"], "amount": data["amount"],
                                      "status": status}  # fmt: skip
            if status == "requested":
                refund |= {"asked_at": now, "why": data["why"]}
            elif status == "succeeded":
                refund |= {"done_at": data["at"] or now, "trade": data["trade"]}
            made.append(Row("payment_refunds", refund))
        return made

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        data = event.data
        if event.name == "Payment Succeeded":
            held, into = _purse(data), data.get("books") or data["pays"]
            return [Transfer(f"pay:{number_of(stream)}", held, into, data["currency"], data["amount"])]
        if event.name == "Refund Succeeded":
            held, key = _purse(data), f"refund:{number_of(stream)}:{data['refund']}"
            return [Transfer(key, data.get("books") or data["pays"], held, data["currency"], data["amount"])]
        return ()


def receivable(method: str) -> str:
    """The ledger's account of what was paid by a method and has not reached the bank: debited by payments, credited by
    refunds, fees and payouts. What is owed to the shop is debits less credits."""
    return f"receivable:{method}"


def _purse(data: Mapping[str, Any]) -> str:
    """Where a payment's money comes from in the ledger: a balance from the member's account."""
    return str(data["account"]) if data["method"] == BALANCE else receivable(data["method"])


def through_order(state: State) -> bool:
    """Whether the payment is money of an order, whose refunds settle its shares, goods, coupons and points too."""
    return state.get("for") == "order" and kind_of(state["pays"]) == "order"


def reserved(state: State) -> int:
    """What has gone back or is on its way back."""
    return sum(r["amount"] for r in state["refunds"].values() if r["status"] != "failed")


def refundable(state: State) -> int:
    """What may still be refunded of a payment, in minor units; 0 where nothing was paid."""
    return int(state["amount"]) - reserved(state) if state["status"] == "succeeded" else 0


def refunding(state: State, refund: str, amount: int, why: str, now: int, books: str = "") -> list[Event] | Refusal:
    """The events that set a refund going; for commands that span the payment and what was paid for.

    The same refund asked again is no event.

    Args:
        books: whose ledger account the money leaves, where that is no longer what was paid for: an exchange moved it.
    """
    asked = _refund(state, {"refund": refund, "amount": amount, "why": why, "books": books}, now)
    return asked if isinstance(asked, Refusal) else list(asked)


def giving_back(state: State, refund: str, amount: int, why: str, now: int, books: str = "") -> list[Event]:
    """The same for what has been promised already and cannot be refused: what the payment cannot give back (somebody
    refunded it by hand) is kept for people to look at."""
    made = refunding(state, refund, amount, why[:MAX_WHY], now, books)
    if not isinstance(made, Refusal):
        return made
    return noted(state, made.code, {"amount": amount, "currency": state.get("currency", "")})


# ---- the rules -------------------------------------------------------------------------------------------------------


def _request(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    asked = {k: data.get(k) for k in ("pays", "method", "channel", "amount", "currency", "account", "expires")}
    if state["status"]:
        same = all(state.get(k) == v for k, v in asked.items())
        return [] if same else Refusal("payment_exists", "There is another payment of that id.")
    wrong = _bad_request(str(data["id"]), asked, now)
    if wrong is not None:
        return wrong
    asks = asked["method"] in PROVIDERS
    return [Event("Payment Requested", {**asked, "tries": 0, "ask_at": now + ASK_AFTER[0] if asks else None})]


def _bad_request(number: str, asked: Mapping[str, Any], now: int) -> Refusal | None:
    amount, currency, method, expires = asked["amount"], asked["currency"], asked["method"], asked["expires"]
    if not NUMBER.fullmatch(number):
        return Refusal("bad_payment_id", "A payment's id has 6 to 32 letters and digits.")
    if type(amount) is not int or not 0 < amount <= MAX_AMOUNT:
        return Refusal("bad_amount", "A payment is of a whole number of minor units, above zero.")
    if not isinstance(currency, str) or len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        return Refusal("bad_currency", "A currency is written as CNY, EUR, USD.")
    if method not in METHODS:
        return Refusal("bad_method", f"Known methods: {', '.join(METHODS)}.")
    if asked["channel"] not in CHANNELS.get(str(method), ("",)):
        return Refusal("bad_channel", f"Known ways of {method}: {', '.join(CHANNELS.get(str(method), ('none',)))}.")
    if not isinstance(asked["pays"], str) or ":" not in asked["pays"] or len(asked["pays"]) > 120:
        return Refusal("bad_payable", "A payment is for a stream, such as order:ID.")
    if type(expires) is not int or not now < expires <= now + LONGEST:
        return Refusal("bad_expiry", "A payment expires after now and within 30 days.")
    return None


def _prepared(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event]:
    if state["status"] != "requested":
        return []
    return [Event("Payment Pending", {"tries": state["tries"], "ask_at": state["ask_at"]})]


def _ask(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    """Take the question that was due ``at``: whoever takes it asks the provider, and the next one is set."""
    if state["ask_at"] is None or state["ask_at"] != data.get("at") or now < state["ask_at"]:
        return Refusal("asked_already", "Somebody else asks.")
    tries = state["tries"] + 1
    return [Event("Payment Asked", {"tries": tries, "ask_at": now + ASK_AFTER[min(tries, len(ASK_AFTER) - 1)]})]


def _hint(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event]:
    """Something changed at the provider: ask now."""
    if state["method"] not in PROVIDERS or (state["ask_at"] is not None and state["ask_at"] <= now) or not _open(state):
        return []
    return [Event("Payment Hinted", {"tries": 0, "ask_at": now})]


def _settle(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    """An outcome that sets no money in motion. One that does needs what was paid for: ``payment.settle``."""
    said, status = data.get("state"), state["status"]
    waiting = {"tries": state["tries"], "ask_at": state["ask_at"]}
    if said == "succeeded":
        if status != "succeeded":
            return Refusal("needs_payable", "Money for something is settled with it: payment.settle.")
        wrong = mismatch(state, data)
        return [] if wrong is None else noted(state, wrong, data)
    if said == "pending":
        return [Event("Payment Pending", waiting)] if status == "requested" else []
    if said == "failed":
        # The shopper may still try again until it expires; the provider is asked on.
        return [Event("Payment Failed", waiting)] if status in ("requested", "pending") else []
    if said == "closed":
        return [Event("Payment Closed", {})] if status in ("requested", "pending", "failed") else []
    return Refusal("bad_outcome", "An outcome is pending, succeeded, failed or closed.")


def mismatch(state: State, data: Mapping[str, Any]) -> str | None:
    """What of a success is not as it was asked for, by code."""
    if data.get("amount") != state["amount"] or type(data.get("amount")) is not int:
        return "amount_differs"
    if data.get("currency") != state["currency"]:
        return "currency_differs"
    if not isinstance(data.get("trade"), str) or not data["trade"]:
        return "no_trade"
    if state["status"] == "succeeded" and data["trade"] != state["trade"]:
        return "paid_twice"
    return None


def noted(state: State, code: str, data: Mapping[str, Any]) -> list[Event]:
    """A contradiction is kept once, for people to look at; nothing is booked."""
    if state["problem"] is not None:
        return []
    amount = data.get("amount")
    told = {"code": code, "amount": amount if type(amount) is int else 0,
            "currency": str(data.get("currency", ""))[:3], "trade": str(data.get("trade", ""))[:64]}  # fmt: skip
    return [Event("Payment Mismatched", {**told, "tries": state["tries"], "ask_at": state["ask_at"]})]


def _refund(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    refund, amount, why = data.get("refund"), data.get("amount"), data.get("why")
    if not isinstance(refund, str) or not REFUND_ID.fullmatch(refund):
        return Refusal("bad_refund_id", "A refund's id has 1 to 24 letters and digits.")
    if type(amount) is not int or not 0 < amount <= MAX_AMOUNT:
        return Refusal("bad_amount", "A refund is of a whole number of minor units, above zero.")
    if not isinstance(why, str) or len(why) > MAX_WHY:
        return Refusal("bad_reason", f"A reason has at most {MAX_WHY} characters.")
    known = state["refunds"].get(refund)
    if known is not None:
        same = known["amount"] == amount
        return [] if same else Refusal("refund_exists", "There is another refund of that id.")
    if state["status"] != "succeeded":
        return Refusal("not_paid", "Only what was paid can be refunded.")
    if kind_of(state["pays"]) == "account" and state["for"] != "refund":
        return Refusal("topped_up", "This is a member's balance now: take it from there, then pay it back by hand.")
    if amount > refundable(state):
        return Refusal("refund_exceeds_payment", "A refund may not exceed what was paid.", {"left": refundable(state)})
    if len(state["refunds"]) >= MAX_REFUNDS:
        return Refusal("too_many_refunds", f"A payment has at most {MAX_REFUNDS} refunds.")
    ask_at = None if state["method"] in MANUAL else now
    said = {"refund": refund, "amount": amount, "why": why, "tries": 0, "ask_at": ask_at}
    books = data.get("books") or state["pays"]
    return [Event("Refund Requested", said | ({"books": books} if books != state["pays"] else {}))]


def _refund_again(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    """A refund that the provider would not make is asked for once more, under a number of its own."""
    refund = str(data.get("refund"))
    failed = state["refunds"].get(refund)
    if failed is None or failed["status"] != "failed":
        return Refusal("refund_unknown", "There is no such refund that failed.")
    number = f"{refund}a"
    if not REFUND_ID.fullmatch(number):  # asked so often that letters no longer fit
        number = digest("again", refund)[:20]
    again = {"refund": number, "amount": failed["amount"], "why": "again", "books": failed.get("books", "")}
    return _refund(state, again, now)


def _refund_outcome(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    refund = str(data.get("refund"))
    known, said = state["refunds"].get(refund), data.get("state")
    if known is None:
        return Refusal("refund_unknown", "There is no such refund of this payment.")
    if known["status"] == "succeeded" or said in ("unknown", known["status"]):
        return []
    about = {"refund": refund, "amount": known["amount"], **({"books": known["books"]} if "books" in known else {})}
    if said == "pending":
        waiting = {"tries": state["tries"], "ask_at": state["ask_at"]}
        return [Event("Refund Pending", about | waiting)] if known["status"] == "requested" else []
    others = {**state, "refunds": {k: v for k, v in state["refunds"].items() if k != refund}}
    still = {"tries": state["tries"], "ask_at": state["ask_at"]} if _open(others) else {}
    if said == "failed":
        return [Event("Refund Failed", about | still)] if known["status"] in OPEN_REFUND else []
    if said != "succeeded":
        return Refusal("bad_outcome", "A refund's outcome is pending, succeeded or failed.")
    done = sum(r["amount"] for r in state["refunds"].values() if r["status"] == "succeeded") + known["amount"]
    if data.get("amount") != known["amount"] or done > state["amount"]:
        return noted(state, "refund_differs", data)
    booked = {"method": state["method"], "pays": state["pays"], "currency": state["currency"], "refunded": done,
              "trade": str(data.get("trade", ""))[:64], "at": data.get("at"), "account": state["account"]}  # fmt: skip
    if "books" in state:  # money that an account did not take is no order's
        booked["books"] = state["books"]
    return [Event("Refund Succeeded", about | booked | still)]


def _open(state: State) -> bool:
    """Whether the provider may still have something to say."""
    if state["status"] in ("requested", "pending", "failed"):
        return True
    return any(r["status"] in OPEN_REFUND for r in state["refunds"].values())


_RULES = {
    "request": _request,
    "prepared": _prepared,
    "ask": _ask,
    "hint": _hint,
    "settle": _settle,
    "refund": _refund,
    "refund.again": _refund_again,
    "refund.outcome": _refund_outcome,
}
