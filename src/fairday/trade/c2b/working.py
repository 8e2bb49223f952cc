"""Commands on an answer that take other streams too: writing it, and the work with the order that pays for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairday.kernel.clock import local_day
from fairday.kernel.decider import Command, Event, Located, Peek, Refusal, Spanning, State
from fairday.trade import deciding
from fairday.trade import order as rules
from fairday.trade.c2b import brief as briefs
from fairday.trade.c2b.answer import answer_id, belongs, moved, written
from fairday.trade.c2b.mode import BRIEF
from fairday.trade.c2c.dispute import disputed
from fairday.trade.c2c.mode import seller_stream
from fairday.trade.c2c.seller import counted
from fairday.trade.deciding import Plan
from fairday.trade.holds import Evolve
from fairday.trade.steps import Result, Steps


class Working:
    """The spanning commands ``answer.write``, ``answer.deliver``, ``answer.accept`` and an answer's deadline."""

    def __init__(self, steps: Steps, evolve: Evolve, zone: Callable[[], str]) -> None:
        self._steps, self._evolve, self._zone = steps, evolve, zone

    def spanning(self) -> list[Spanning]:
        """For the runner."""
        return [
            Spanning("answer.write", _to_write, self._write),
            Spanning("answer.deliver", self._with_order, self._deliver),
            Spanning("answer.accept", self._with_order, self._accept),
            Spanning("answer.deadline", self._with_order, self._deadline),
        ]

    def _write(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """``data``: brief (its id), account, price."""
        data, stream = command.data, command.stream
        brief = states[f"brief:{data['brief']}"]
        if stream != f"answer:{answer_id(data['brief'], data['account'])}":
            return Refusal("no_such_answer", "There is no such answer.")
        wrong = briefs.takes(brief, data["price"], now)
        if wrong is not None:
            return wrong
        if brief["by"] != briefs.SHOP and belongs(states[brief["by"]], data["account"]):
            return Refusal("own_brief", "Nobody answers their own company's brief.")
        made = written(states[stream], data, now)
        if isinstance(made, Refusal) or states[stream]["life"] != "none":
            return made if isinstance(made, Refusal) else {stream: made}
        seller = seller_stream(data["account"])
        more = briefs.answered(brief, now)
        sent = counted(states[seller], local_day(now, self._zone()))
        for found in (more, sent):
            if isinstance(found, Refusal):
                return found
        assert not isinstance(more, Refusal)
        assert not isinstance(sent, Refusal)
        return {stream: made, f"brief:{data['brief']}": more, seller: sent}

    def _with_order(self, command: Command, peek: Peek) -> Located:
        version, state = peek(command.stream)
        if not state["order"]:
            return Located((command.stream,), {command.stream: version})
        found = self._steps.streams(peek, state["order"])
        streams = tuple(dict.fromkeys([command.stream, *found.streams]))
        return Located(streams, {**found.relied, command.stream: version})

    def _deliver(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """The seller ``account`` has delivered."""
        state, order = states[command.stream], states[command.stream]["order"]
        if state["account"] != command.data.get("account"):
            return Refusal("no_such_answer", "There is no such answer.")
        if state["life"] not in ("begun", "again") or order not in states:
            return moved(state)
        said = Event("Answer Delivered", {"due": now + state["accept_ms"], "at": now})
        if states[order]["shipped_at"] is not None:
            return {command.stream: [said]}
        plan = deciding.ship(order, states[order], {"parcel": str(command.data.get("parcel", ""))}, now)
        return self._fold(states, command.stream, said, plan, now)

    def _accept(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """The company says that it is well."""
        if states[command.stream]["life"] != "delivered":
            return moved(states[command.stream])
        return self._accepted(states, command.stream, "company", now)

    def _accepted(self, states: Mapping[str, State], stream: str, by: str, now: int) -> Result:
        order = states[stream]["order"]
        state = states[order]
        if disputed(state):
            return Refusal("disputed", "There is an open dispute; it decides.")
        said = Event("Answer Accepted", {"by": by, "at": now})
        if not rules.is_paid(state):  # on credit: the money is theirs when the invoice is paid
            return {stream: [said]}
        return self._fold(states, stream, said, deciding.complete(order, state, self._steps.mode(BRIEF), now), now)

    def _deadline(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """Time has come: not delivered, it is called off; nothing said of what was delivered, it is accepted."""
        stream, state = command.stream, states[command.stream]
        order = state["order"]
        if state["due"] is None or now < state["due"] or order not in states:
            return moved(state)
        later = {"due": now + state["accept_ms"], "at": now}
        if state["life"] == "begun":
            plan = deciding.cancel(order, states[order], {"why": "not_delivered"}, now)
            return self._fold(states, stream, None, plan, now)
        if state["life"] == "again":
            return {stream: [Event("Answer Round Over", later)]}
        if state["life"] == "accepted" and not disputed(states[order]):
            plan = deciding.complete(order, states[order], self._steps.mode(BRIEF), now)
            return self._fold(states, stream, None, plan, now)
        found = self._accepted(states, stream, "silence", now)
        if isinstance(found, Refusal) and found.code == "disputed":
            return {stream: [Event("Answer Waits", later)]}
        return found

    def _fold(
        self, states: Mapping[str, State], stream: str, said: Event | None, plan: Plan | Refusal, now: int
    ) -> Result:
        if isinstance(plan, Refusal):
            return plan
        made: dict[str, list[Any]] = {states[stream]["order"]: list(plan.events)}
        if said is not None:
            made[stream] = [said]
        return self._steps.claims.fold(states, plan.turns, now, self._evolve, made)


def _to_write(command: Command, peek: Peek) -> Located:
    brief = f"brief:{command.data['brief']}"
    by = peek(brief)[1]["by"]
    found = [command.stream, brief, seller_stream(command.data["account"])]
    return Located(tuple(found if by in (None, briefs.SHOP) else [*found, by]))
