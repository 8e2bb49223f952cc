"""What people of a company want to buy and at which prices: requisitions and quotes, as a service.

Prices of a list are worked out when it is looked at; those of an accepted quote are the quote's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from fairday.kernel.claims import Hold
from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer, Command, State
from fairday.kernel.errors import Conflict, NotFound
from fairday.kernel.ids import new_id
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state
from fairday.trade.b2b import company as company_rules
from fairday.trade.b2b import credit as credit_rules
from fairday.trade.b2b import quotes as quote_rules
from fairday.trade.b2b import requisition as list_rules
from fairday.trade.b2b import tables
from fairday.trade.cart import Cart, CartLine
from fairday.trade.checkout import Buyer, Checkout, Choice, Moved, Placed, Quote
from fairday.trade.order import MAX_QTY
from fairday.trade.payment.service import Payments
from fairday.trade.records import Contact
from fairday.trade.service import Orders

Role = company_rules.Role


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of a company; ``limit`` minor units an order without approval, None: no limit."""

    company: str
    name: str
    account: str
    role: Role
    limit: int | None


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A requisition as it stands now.

    Attributes:
        quote: its lines priced at the company's prices.
        must_ask: it is above the buyer's limit and not approved at this amount.
        credit: why it may not go on account, a code, or "" where it may.
    """

    id: str
    state: State
    quote: Quote
    must_ask: bool
    credit: str


class Buying:
    """What ``shop.companies`` does for people who buy: their lists, from draft to order, and their quotes."""

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
        self._db, self._runner, self._clock, self._settings = db, runner, clock, settings
        self._orders, self._checkout, self._payments = orders, checkout, payments

    def member(self, account: str) -> Member | None:
        """What somebody is in their company, None where they belong to none."""
        c = tables.company_members.c
        with self._db.read() as conn:
            for company in conn.execute(select(c.company).where(c.account == account, c.role != "")).scalars():
                state = self._read(conn, company_rules.stream_of(company))
                if state is not None and (role := company_rules.role_of(state, account)) is not None:
                    return Member(
                        company=company, name=state["name"], account=account, role=role,
                        limit=company_rules.limit_of(state, account),
                    )  # fmt: skip
        return None

    def company(self, company: str) -> State:
        """A company's state.

        Raises:
            NotFound: there is none of that id.
        """
        return self._known(company_rules.stream_of(company), "There is no such company.", "no_such_company")

    def credit(self, company: str) -> State:
        """A company's credit: limit, days, currency, what is open by order."""
        with self._db.read() as conn:
            found = self._read(conn, credit_rules.stream_of(company))
        return found if found is not None else credit_rules.CreditDecider().initial()

    # ---- requisitions ----------------------------------------------------------------------------------------------

    def draft(self, member: Member, lines: Sequence[tuple[str, int]]) -> str:
        """Begin a list of goods (sku, quantity) to buy; its id."""
        number = new_id(self._clock.now())
        self._draft(number, member, [list(x) for x in lines], None, None)
        return number

    def _draft(self, number: str, member: Member, lines: list[list[Any]], quote: str | None, version: Any) -> None:
        data = {"company": member.company, "account": member.account, "lines": lines, "quote": quote,
                "version": version}  # fmt: skip
        self._ask("draft", list_rules.stream_of(number), data, member.account)

    def change(self, number: str, member: Member, lines: Sequence[tuple[str, int]]) -> None:
        """Change a list; what was approved of it is not any more."""
        data = {"account": member.account, "lines": [list(x) for x in lines]}
        self._ask("change", list_rules.stream_of(number), data, member.account)

    def put(self, member: Member, sku: str, qty: int) -> str:
        """Put goods on a member's latest draft that is no quote's, or on a new one; the list's id.

        Raises:
            Conflict: no goods, or no quantity.
        """
        rows = tables.requisitions
        query = (
            select(rows.c.id)
            .where(rows.c.account == member.account, rows.c.company == member.company, rows.c.status == "draft",
                   rows.c.quote.is_(None))
            .order_by(rows.c.updated_at.desc())
            .limit(1)
        )  # fmt: skip
        if not 1 <= qty <= MAX_QTY:
            raise Conflict(f"A quantity is 1 to {MAX_QTY}.", code="b2b_bad_quantity", where=sku)
        with self._db.read() as conn:
            number = conn.execute(query).scalar()
            state = None if number is None else self._read(conn, list_rules.stream_of(number))
        if state is None:
            return self.draft(member, [(sku, qty)])
        lines = dict(state["lines"])
        self.change(str(number), member, [*(lines | {sku: lines.get(sku, 0) + qty}).items()])
        return str(number)

    def look(self, number: str, member: Member, country: str = "", postcode: str = "") -> Looked:
        """A list with its prices of now, for those of its company.

        Raises:
            NotFound: no such list of the member's company.
        """
        state = self._of(member, list_rules.stream_of(number), "There is no such list.", "no_such_requisition")
        buyer = Buyer(account=state["account"])
        quote = self._checkout.quote(self._cart(number, state), self._choice(state, country, postcode), buyer)
        company, credit = self.company(member.company), self.credit(member.company)
        here = company_rules.role_of(company, state["account"]) is not None
        limit = company_rules.limit_of(company, state["account"]) if here else 0
        approved = state["status"] == "approved" and quote.total <= state["total"]
        wrong = credit_rules.refused(credit, quote.total, self._clock.now())
        return Looked(
            id=number, state=state, quote=quote, credit="" if wrong is None else wrong.code,
            must_ask=limit is not None and quote.total > limit and not approved,
        )  # fmt: skip

    def submit(self, number: str, member: Member, country: str = "", postcode: str = "") -> None:
        """Send a list to the company's approvers, at what it costs now."""
        looked = self.look(number, member, country, postcode)
        if not looked.quote.ready:
            raise Conflict("Some of it cannot be ordered; look again.", code="b2b_not_ready")
        data = {"account": member.account, "total": looked.quote.total}
        self._ask("submit", list_rules.stream_of(number), data, member.account)

    def answer(self, number: str, member: Member, yes: bool, total: int) -> None:
        """Approve or refuse a list at the amount that was seen."""
        name = "requisition.approve" if yes else "requisition.refuse"
        self._of(member, list_rules.stream_of(number), "There is no such list.", "no_such_requisition")
        self._ask(name, list_rules.stream_of(number), {"by": member.account, "total": total}, member.account)

    def withdraw(self, number: str, member: Member) -> None:
        """Give a list up."""
        self._ask("withdraw", list_rules.stream_of(number), {"account": member.account}, member.account)

    def order(
        self, number: str, member: Member, contact: Contact, seen: str, *, on_account: bool, buyer: Buyer
    ) -> Placed | Moved:
        """Order a list at what was seen; one that was ordered before gives that order.

        Args:
            on_account: pay by invoice, within the company's credit; else before it is sent.
            buyer: the member, with the ids they proved.
        """
        stream = list_rules.stream_of(number)
        state = self._of(member, stream, "There is no such list.", "no_such_requisition")
        if state["account"] != member.account or buyer.account != member.account:
            raise NotFound("There is no such list.", code="no_such_requisition")
        credit = self.credit(member.company)
        offered = self._quoted(state)

        def holding(quote: Quote) -> tuple[Mapping[str, Any], Sequence[Hold]]:
            amount, now = quote.total, self._clock.now()
            days = credit["days"] if on_account else None
            due_at = None if days is None else credit_rules.due_after(now, days)
            # An order within the limit needs no approval, even where one was given.
            approved = state["status"] == "approved" and (member.limit is not None and amount > member.limit)
            told = {"account": member.account, "amount": amount, "approved": approved}
            held = [
                Hold("requisition", stream, told | {"lines": state["lines"]}),
                Hold("spending", company_rules.stream_of(member.company), told | {"due_at": due_at}),
            ]
            if offered is not None:
                terms = {"account": member.account, "version": state["version"], "lines": offered["lines"]}
                held.append(Hold("quote", quote_rules.stream_of(state["quote"]), terms))
            if due_at is not None:
                terms = {"amount": amount, "currency": quote.currency, "due_at": due_at}
                held.append(Hold("credit", credit_rules.stream_of(member.company), terms))
            return {"company": member.company, "requisition": number, "days": days}, held

        return self._checkout.place(
            self._cart(number, state), self._choice(state, contact.country, contact.postcode), contact, buyer, seen,
            actor=member.account, holding=holding,
        )  # fmt: skip

    def _choice(self, state: State, country: str, postcode: str) -> Choice:
        offered = self._quoted(state)
        agreed = {} if offered is None else {sku: unit for sku, _, unit in offered["lines"]}
        return Choice(
            country=country, postcode=postcode, payment="bank_transfer", coupons=(), mode="b2b",
            company=state["company"], agreed=agreed,
        )  # fmt: skip

    def _quoted(self, state: State) -> State | None:
        """The quote of a list, where it is one."""
        if not state["quote"]:
            return None
        return self._known(quote_rules.stream_of(state["quote"]), "There is no such quote.", "no_such_quote")

    @staticmethod
    def _cart(number: str, state: State) -> Cart:
        lines = tuple(CartLine(line=n, sku=sku, product=sku, qty=qty) for n, (sku, qty) in enumerate(state["lines"], 1))
        return Cart(cart=number, order=f"order:{number}", account=state["account"], lines=lines)

    # ---- quotes ----------------------------------------------------------------------------------------------------

    def ask_quote(self, member: Member, lines: Sequence[tuple[str, int, int | None]]) -> str:
        """Ask for a price of goods (sku, quantity, the price hoped for or None); the quote's id."""
        number = new_id(self._clock.now())
        data = {"company": member.company, "account": member.account, "currency": self._settings().currency,
                "lines": [list(x) for x in lines]}  # fmt: skip
        self._ask("request", quote_rules.stream_of(number), data, member.account)
        return number

    def quote(self, number: str, member: Member | None) -> State:
        """A quote's state, for those of its company; None: for the shop.

        Raises:
            NotFound: no such quote of the member's company.
        """
        stream = quote_rules.stream_of(number)
        if member is None:
            return self._known(stream, "There is no such quote.", "no_such_quote")
        return self._of(member, stream, "There is no such quote.", "no_such_quote")

    def offer(self, number: str, version: int, units: Sequence[int], until: int, *, actor: str) -> None:
        """The shop's prices (minor units a piece, by line), which stand until an instant (ms)."""
        data = {"version": version, "units": list(units), "until": until}
        self._ask("offer", quote_rules.stream_of(number), data, actor)

    def counter(self, number: str, member: Member, version: int, units: Sequence[int]) -> None:
        """The buyer would pay these prices instead."""
        data = {"version": version, "account": member.account, "units": list(units)}
        self._ask("counter", quote_rules.stream_of(number), data, member.account)

    def decline(self, number: str, version: int, *, member: Member | None, actor: str) -> None:
        """Either side gives a quote up."""
        data = {"version": version, "account": member.account if member is not None else None}
        self._ask("decline", quote_rules.stream_of(number), data, actor)

    def accept(self, number: str, member: Member) -> str:
        """A list of the quote's goods at its prices, to be ordered (and approved, where it is above a limit); its id.

        Raises:
            NotFound: no such quote of the member's.
            Conflict: it is not offered, or not any more.
        """
        state = self.quote(number, member)
        if state["account"] != member.account:
            raise NotFound("There is no such quote.", code="no_such_quote")
        if state["status"] != "offered" or self._clock.now() > state["until"]:
            raise Conflict("This offer does not stand any more.", code="b2b_quote_over")
        made = f"{number}v{state['version']}"  # the same offer accepted twice is one list
        with self._db.read() as conn:
            known = self._read(conn, list_rules.stream_of(made))
        if known is None:
            self._draft(made, member, [[sku, qty] for sku, qty, _ in state["lines"]], number, state["version"])
        return made

    # ---- the parts -------------------------------------------------------------------------------------------------

    def _read(self, conn: Connection, stream: str) -> State | None:
        found = stream_state(conn, stream)
        return None if found is None else found[1]

    def _known(self, stream: str, message: str, code: str) -> State:
        with self._db.read() as conn:
            found = self._read(conn, stream) if len(stream) <= 200 else None
        if found is None:
            raise NotFound(message, code=code)
        return found

    def _of(self, member: Member, stream: str, message: str, code: str) -> State:
        """A stream's state where it is of the member's company: another's is as if it were not there."""
        state = self._known(stream, message, code)
        if state["company"] != member.company:
            raise NotFound(message, code=code)
        return state

    def _ask(self, name: str, stream: str, data: Mapping[str, Any], actor: str) -> Answer:
        answer = self._runner.submit(Command(name, stream, data, actor))
        if answer.refusal is not None:
            kind = NotFound if answer.refusal.code.startswith("no_such_") else Conflict
            raise kind(answer.refusal.message, code=f"b2b_{answer.refusal.code}")
        return answer
