"""Trade between companies as a service: ``shop.companies``. Whose word counts is checked here and in the streams."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from fairday.kernel.clock import Clock, local_day
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.ids import digest
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from fairday.storage.runner import Runner
from fairday.trade import order as order_rules
from fairday.trade.b2b import company as company_rules
from fairday.trade.b2b import credit as credit_rules
from fairday.trade.b2b import quotes as quote_rules
from fairday.trade.b2b import requisition as list_rules
from fairday.trade.b2b import tables
from fairday.trade.b2b.buying import Buying, Looked, Member, Role
from fairday.trade.b2b.mode import B2B
from fairday.trade.b2b.needs import Need, needs
from fairday.trade.b2b.statement import Statement, statement
from fairday.trade.checkout import Checkout
from fairday.trade.payment.service import Payments
from fairday.trade.service import Orders

_LISTS = {
    "companies": (tables.companies, tables.companies.c.updated_at),
    "company_orders": (tables.company_orders, tables.company_orders.c.placed_at),
    "requisitions": (tables.requisitions, tables.requisitions.c.updated_at),
    "quotes": (tables.quotes, tables.quotes.c.updated_at),
}


class Companies(Buying):
    """``shop.companies``: members, requisitions, quotes, credit and statements of companies."""

    def __init__(
        self,
        db: Database,
        runner: Runner,
        clock: Clock,
        settings: Callable[[], Settings],
        orders: Orders,
        checkout: Checkout,
        payments: Payments,
    ) -> None:
        super().__init__(db, runner, clock, settings, orders, checkout, payments)
        for decider in (
            company_rules.CompanyDecider(), credit_rules.CreditDecider(), list_rules.RequisitionDecider(),
            quote_rules.QuoteDecider(),
        ):  # fmt: skip
            runner.register(decider)
        for spanning in list_rules.ANSWERS:
            runner.register_spanning(spanning)
        for claim in (
            company_rules.SpendingClaim(), credit_rules.CreditClaim(), list_rules.RequisitionClaim(),
            quote_rules.QuoteClaim(),
        ):  # fmt: skip
            orders.register_claim(claim)
        orders.register_mode(B2B())

    # ---- companies and who belongs to them -------------------------------------------------------------------------

    def open(self, company: str, name: str, tax_number: str, *, actor: str) -> None:
        """Open an account for a company; ``company`` is the word its price lists name it by.

        Raises:
            Conflict: the id is taken, or it or the name cannot be.
        """
        self._ask("open", company_rules.stream_of(company), {"name": name, "tax_number": tax_number}, actor)

    def rename(self, company: str, name: str, tax_number: str, *, actor: str) -> None:
        """Set a company's name and tax number right."""
        self._ask("rename", company_rules.stream_of(company), {"name": name, "tax_number": tax_number}, actor)

    def terms(self, company: str, limit: int, days: int, *, actor: str) -> None:
        """Set what a company may owe at a time (minor units; 0: nothing) and after how many days it pays."""
        self.company(company)
        data = {"limit": limit, "days": days, "currency": self._settings().currency}
        self._ask("terms", credit_rules.stream_of(company), data, actor)

    def invite(self, company: str, role: str, limit: int | None, *, by: str | None = None, actor: str) -> str:
        """An invitation to belong to a company, to be handed to somebody: who opens it signed in has joined.

        Args:
            by: the admin's account; None: the shop invites.

        Returns:
            128 random bits as text; only a digest is kept. It serves once, for two weeks.
        """
        secret = secrets.token_urlsafe(16)
        data = {"digest": digest("invitation", secret), "role": role, "limit": limit, "by": by}
        self._ask("invite", company_rules.stream_of(company), data, actor)
        return f"{company}.{secret}"

    def join(self, invitation: str, account: str) -> Member:
        """Join the company of an invitation.

        Raises:
            Conflict: it has been used, is too old or none; or the account belongs to a company already.
        """
        company, _, secret = invitation.partition(".")
        if not company_rules.COMPANY.fullmatch(company):
            raise Conflict("This invitation has been used, or is too old.", code="b2b_invitation_over")
        here = self.member(account)
        if here is not None and here.company != company:
            raise Conflict(f"You belong to {here.name} already.", code="b2b_other_company")
        data = {"digest": digest("invitation", secret), "account": account}
        self._ask("join", company_rules.stream_of(company), data, account)
        found = self.member(account)
        assert found is not None
        return found

    def appoint(
        self, company: str, account: str, role: str, limit: int | None, *, by: str | None = None, actor: str
    ) -> None:
        """Give a member another role or limit."""
        data = {"account": account, "role": role, "limit": limit, "by": by}
        self._ask("appoint", company_rules.stream_of(company), data, actor)

    def remove(self, company: str, account: str, *, by: str | None = None, actor: str) -> None:
        """Somebody does not belong to a company any more."""
        self._ask("remove", company_rules.stream_of(company), {"account": account, "by": by}, actor)

    # ---- money -----------------------------------------------------------------------------------------------------

    def statement(self, company: str) -> Statement:
        """What a company was invoiced, paid and owes, in the shop's currency."""
        with self._db.read() as conn:
            return statement(conn, company, self._settings().currency)

    def needs(self, company: str, ahead: int) -> list[Need]:
        """What a company will likely need in the days ahead of what it has ordered; see ``fairday.trade.b2b.needs``."""
        zone = self._settings().zone
        with self._db.read() as conn:
            return needs(conn, company, local_day(self._clock.now(), zone), ahead, zone)

    def transferred(self, order: str, reference: str, *, actor: str) -> None:
        """A bank transfer came that pays what is due of an order: by its number on the bank's statement, counted once.

        Raises:
            NotFound: no such order of a company.
            Conflict: nothing is due of it.
        """
        state = self._orders.state(order)
        if state is None or state["mode"] != "b2b":
            raise NotFound("There is no such invoice.", code="no_such_order")
        if not 0 < len(reference.strip()) <= 64:
            raise FairdayError("Write the transfer's number.", code="no_reference", where="reference")
        number = digest("transfer", order, reference.strip())[:26]
        if self._payments.state(number) is None:
            amount = order_rules.due(state)
            if not amount:
                raise Conflict("Nothing is due for this order.", code="b2b_nothing_due")
            self._payments.begin(
                order, "bank_transfer", "", amount, state["currency"], subject="", actor=actor, number=number,
                account=state["account"],
            )  # fmt: skip
        self._payments.confirm(number, reference, actor)

    # ---- lists -----------------------------------------------------------------------------------------------------

    def listed(self, table: str, company: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Rows of ``companies``, ``company_orders``, ``requisitions`` or ``quotes``, the latest first."""
        rows, latest = _LISTS[table]
        query = select(rows).order_by(latest.desc()).limit(limit)
        if company is not None:
            query = query.where(rows.c.company == company)
        with self._db.read() as conn:
            return [dict(row) for row in conn.execute(query).mappings()]


__all__ = ["Companies", "Looked", "Member", "Role"]
