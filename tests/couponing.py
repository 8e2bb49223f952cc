"""What coupon tests share: terms, open accounts, and an order's steps as one spanning command over what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import fairday
from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Answer, BaseDecider, Command, Event, Located, Refusal, Spanning, State
from fairday.offers.coupons import CouponClaim, Terms
from fairday.offers.model import AmountOff, Rule, When
from fairday.storage.runner import Runner


def terms(now: int, **changes: Any) -> Terms:
    given: dict[str, Any] = {
        "title": "Spring tea", "kind": "public", "deck": (("ten-off", 1),), "size": 100, "opens": now,
        "closes": now + 10 * DAY_MS, "until": now + 20 * DAY_MS, "word": "SPRING20",
    }  # fmt: skip
    given |= changes
    if given["kind"] != "public":
        given["word"] = ""
    return Terms(**given)


def open_batch(shop: fairday.Shop, name: str, given: Terms) -> None:
    """Open a batch; promotions of its deck that the book does not hold are put in, a cent off for who has a coupon."""
    with shop.db.write() as conn:
        known = shop.offers.asking(conn)
        for rule in dict.fromkeys(rule for rule, _ in given.deck):
            if rule and len(rule) <= 80 and rule not in known:
                made = Rule(id=rule, benefits=(AmountOff(amount=1),), when=When(coupon=True), layer="coupon")
                shop.offers.save(conn, made, shop.clock.now())
    shop.coupons.open(name, given)


def account(shop: fairday.Shop, name: str) -> str:
    stream = f"account:{name}"
    assert shop.runner.submit(Command("open", stream)).ok
    return stream


class OrderDecider(BaseDecider):
    """An order that only remembers its steps; the real one is ``trade``'s."""

    kind = "paper"

    def initial(self) -> State:
        return {"steps": []}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return []

    def evolve(self, state: State, event: Event) -> State:
        return {"steps": [*state["steps"], event.data["step"]]}


def _locate(command: Command, peek: Any) -> Located:
    return Located((command.stream, *[h["stream"] for h in command.data["holds"]]))


def _step(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    turn = Turn(order=command.stream, **command.data["turn"])
    made: dict[str, Sequence[Event]] = {command.stream: [Event("Stepped", {"step": turn.step})]}
    for hold in command.data["holds"]:
        decided = CouponClaim().decide(states[hold["stream"]], Hold(**hold), turn, now)
        if isinstance(decided, Refusal):
            return decided
        made[hold["stream"]] = decided
    return made


def register(runner: Runner) -> None:
    runner.register(OrderDecider())
    runner.register_spanning(Spanning("paper.step", _locate, _step))


def step(shop: fairday.Shop, order: str, name: str, *holds: Hold, **turn: Any) -> Answer:
    """One step of an order that holds coupons, in one transaction."""
    told = [{"claim": h.claim, "stream": h.stream, "data": dict(h.data)} for h in holds]
    data = {"holds": told, "turn": {"step": name, **turn}}
    return shop.runner.submit(Command("paper.step", f"paper:{order}", data))
