"""Briefs when an account is merged into another: answers and designs stay where they are, found by both.

Refused while one of the two works for the company of the other, who would then accept and pay their own work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from fairday.kernel.decider import Event, Refusal, State, kind_of
from fairday.people.accounts import accounts_in
from fairday.trade.b2b.tables import company_members
from fairday.trade.c2b.mode import BRIEF
from fairday.trade.c2b.tables import answers, briefs
from fairday.trade.c2c.moving import OVER
from fairday.trade.records import orders


class BriefMoves:
    """``people.accounts.Moves`` of work for briefs."""

    name = "briefs"

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        return [
            f"order:{number}"
            for seller, other in ((account, into), (into, account))
            for number in conn.execute(
                select(answers.c.order_id)
                .join(briefs, briefs.c.id == answers.c.brief)
                .join(company_members, briefs.c.by == "company:" + company_members.c.company)
                .join(orders, orders.c.id == answers.c.order_id)
                .where(
                    answers.c.account.in_(accounts_in(conn, seller)), company_members.c.account == other,
                    company_members.c.role != "", orders.c.status.not_in(OVER),
                )
            ).scalars()
        ]  # fmt: skip

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        # Of all orders with work only those between the two are asked for.
        for stream, state in states.items():
            if kind_of(stream) == "order" and state["life"] == "open" and state["mode"] == BRIEF:
                return Refusal("deal_between", "One of them works for the other's company; that has to end first.")
        return {}

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        return {}
