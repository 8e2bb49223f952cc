"""What moves of companies when an account is merged into another: the membership, open lists and open quotes.

Refused where it cannot be decided: the two belong to different companies, or one has approved what the other wants to
buy, which would then be nobody else's word any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from fairday.kernel.decider import Event, Refusal, State, kind_of
from fairday.trade.b2b import quotes, requisition, tables
from fairday.trade.b2b.company import ROLES, stream_of


class CompanyMoves:
    """``people.accounts.Moves`` of who buys for a company."""

    name = "companies"

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        both = (account, into)
        m, r, q = tables.company_members.c, tables.requisitions.c, tables.quotes.c
        companies = conn.execute(select(m.company).where(m.account.in_(both), m.role != "")).scalars()
        lists = conn.execute(select(r.id).where(r.account.in_(both), r.status.not_in(requisition.OVER))).scalars()
        asked = conn.execute(select(q.id).where(q.account == account, q.status.not_in(quotes.OVER))).scalars()
        return [
            *sorted({stream_of(company) for company in companies}),
            *sorted(requisition.stream_of(number) for number in lists),
            *sorted(quotes.stream_of(number) for number in asked),
        ]

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        companies = {s: state["members"] for s, state in states.items() if kind_of(s) == "company" and state["name"]}
        mine = {s for s, members in companies.items() if account in members}
        theirs = {s for s, members in companies.items() if into in members}
        if mine and theirs - mine:
            return Refusal("two_companies", "Each belongs to another company; one of them has to leave theirs first.")
        made: dict[str, Sequence[Event]] = {}
        for stream in mine:
            made[stream] = [Event("Member Moved", {"account": account, "into": into, **_post(companies[stream],
                                                                                         account, into)})]  # fmt: skip
        for stream, state in states.items():
            over = {"requisition": requisition.OVER, "quote": quotes.OVER}.get(kind_of(stream))
            if over is None or not state["status"] or state["status"] in over:
                continue
            if state["status"] == "approved" and {state["account"], state.get("by")} == {account, into}:
                return Refusal("own_approval", "One has approved what the other wants to buy; order or withdraw it.",
                               {"list": stream})  # fmt: skip
            if state["account"] == account:
                name = "Requisition Moved" if kind_of(stream) == "requisition" else "Quote Moved"
                made[stream] = [Event(name, {"account": into, "status": state["status"]})]
        return made

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        return {}


def _post(members: Mapping[str, Any], account: str, into: str) -> dict[str, Any]:
    """The role and limit of the two together: the higher role, the larger limit."""
    posts = [members[who] for who in (account, into) if who in members]
    limits = [limit for _, limit in posts]
    return {
        "role": max((role for role, _ in posts), key=ROLES.index),
        "limit": None if None in limits else max(limits),
    }
