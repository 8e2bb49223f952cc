"""Exchanges: units of an order come back and other goods go out, the difference paid or given back to the cent.

What is exchanged for the same goods at the same price (another size, another color) costs what the returned units cost,
so that nothing is to be settled; other goods cost what they cost today by the price lists, without promotions. Sending
them costs the buyer nothing. What stands in a price that is kept (points paid with, an offer's counters, a coupon) goes
back to where it was taken from and is taken again by the new order, in one transaction. The rules of the order are in
``deciding``; here the new goods are priced and their stock is looked for. See docs/algorithms/orders.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from fairday.kernel.claims import Hold
from fairday.kernel.decider import Refusal, State
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.money import split
from fairday.people.accounts import account_of
from fairday.storage.runner import stream_state
from fairday.trade.cart import Cart, CartLine
from fairday.trade.charging import Part
from fairday.trade.checkout import Buyer, Checkout, Choice, Quote, QuotedLine
from fairday.trade.deciding.common import turn_of
from fairday.trade.order import EVEN, MAX_QTY, SHIPPING, exists
from fairday.trade.records import contact_of
from fairday.trade.refunds import Refund, preview
from fairday.trade.service import Orders

MOST = 20
"""Articles that one exchange may send."""


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange would do.

    Attributes:
        back: what the returned units give back.
        quote: the goods that go out, priced; their delivery costs nothing.
        due, rest: minor units that are left to pay for them, or that go back beyond them; one of them is 0.
        seen: what to compare when it is made.
    """

    back: Refund
    quote: Quote
    due: int
    rest: int

    @property
    def seen(self) -> str:
        return f"{self.back.money}:{self.quote.seen}"


class Exchanges:
    """``shop.exchanges``."""

    def __init__(self, orders: Orders, checkout: Checkout) -> None:
        self._orders = orders
        self._checkout = checkout

    def takes(self, state: State) -> bool:
        """Whether an order's mode lets its units be exchanged for other goods."""
        return self._orders.steps.mode(state["mode"]).exchanges(state)

    def look(self, order: str, units: Mapping[str, int], wants: Sequence[tuple[str, int]]) -> Swap:
        """Work an exchange out; nothing moves.

        Args:
            units: by line, what comes back.
            wants: (SKU, units) that go out instead.

        Raises:
            NotFound: no such order.
            Conflict: it cannot be; the message says why.
        """
        state = self._known(order)
        return self._swap(order, state, units, wants)[0]

    def make(
        self, order: str, into: str, units: Mapping[str, int], wants: Sequence[tuple[str, int]], *, seen: str,
        actor: str, why: str = "", answers: str = "", restock: Mapping[str, int] | None = None,
    ) -> str:  # fmt: skip
        """Exchange, exactly as it was seen; gives the new order's stream. Asked again it is done once.

        Args:
            into: the new order's stream, that no other order has: by it a request that is sent again is known.
            seen: of ``look``.
            answers: the number of the return that it answers, "" for none.
            restock: returned units by line that are sold again; all where it is None.

        Raises:
            NotFound: no such order.
            Conflict: it cannot be, or is not as it was seen.
        """
        state = self._known(order)
        if self._made(order, into):
            return into
        swap, placing = self._swap(order, state, units, wants)
        if swap.seen != seen:
            raise Conflict("Prices or stock have changed meanwhile; look again.", code="order_changed")
        answer = self._orders.exchange(
            order, into, units, placing, actor=actor, why=why, answers=answers, restock=restock
        )
        if answer.refusal is not None and not self._made(order, into):
            raise Conflict(answer.refusal.message, code=f"order_{answer.refusal.code}")
        return into

    def _made(self, order: str, into: str) -> bool:
        kept = self._orders.state(into)
        return kept is not None and kept["of"] == order

    def _known(self, order: str) -> State:
        state = self._orders.state(order)
        if state is None or not exists(state):
            raise NotFound("There is no such order.", code="no_such_order")
        return state

    def _swap(
        self, order: str, state: State, units: Mapping[str, int], wants: Sequence[tuple[str, int]]
    ) -> tuple[Swap, dict[str, object]]:
        check_wants(wants)
        if not self.takes(state):
            raise Conflict("This order cannot be exchanged: send it back and order anew.", code="order_no_exchange")
        if not any(units.values()):
            raise Conflict("Say which units come back.", code="order_nothing_to_refund")
        back = preview(order, state, units, gifts="leave")
        if isinstance(back, Refusal):
            raise Conflict(back.message, code=f"order_{back.code}")
        with self._orders.db.read() as conn:
            contact, ids = contact_of(conn, order.partition(":")[2])
            account = account_of(conn, state["account"]) if state["account"] is not None else None
        lines = tuple(CartLine(line=n, sku=sku, product=sku, qty=qty) for n, (sku, qty) in enumerate(wants, 1))
        choice = Choice(
            way=state["way"], store=state["store"] or "", country=state["country"] or "", channel=state["channel"],
            payment=state["method"], coupons=(), plain=True,
        )  # fmt: skip
        buyer = Buyer(account=account, ids=tuple(ids))
        quote = self._checkout.quote(Cart(cart="", order="", lines=lines), choice, buyer)
        for line in quote.lines:
            if line.problem is not None:
                known = "order_unknown_article" if line.offer is None else "order_article_short"
                raise Conflict(line.problem.message, code=known, where=line.sku)
        quote, even = _even(_sent_free(quote), state, back)
        if not quote.ready:
            raise Conflict("It cannot be sent or collected there.", code="order_unreachable")
        swap = Swap(back=back, quote=quote, due=max(0, quote.total - back.money), rest=max(0, back.money - quote.total))
        placing = self._checkout.placing(quote, choice, buyer, contact)
        with self._orders.db.read() as conn:
            held = _carried(conn, order, state, back, even)
        placing["holds"] += [[h.claim, h.stream, dict(h.data)] for h in held]
        return swap, placing


def check_wants(wants: Sequence[tuple[str, int]]) -> None:
    """Refuse what can be no wish.

    Raises:
        FairdayError: no article, too many, or a number of units that is none.
    """
    if not 0 < len(wants) <= MOST or len({sku for sku, _ in wants}) < len(wants):
        raise FairdayError(f"Say 1 to {MOST} articles that go out instead, each once.", code="order_bad_wants")
    for sku, qty in wants:
        if not isinstance(sku, str) or not 0 < len(sku) <= 200 or type(qty) is not int or not 0 < qty <= MAX_QTY:
            raise FairdayError("An article has its number and units above 0.", code="order_bad_wants", where=str(sku))


def _sent_free(quote: Quote) -> Quote:
    parts = {name: part for name, part in quote.parts.items() if name != SHIPPING}
    if SHIPPING in quote.parts:
        parts[SHIPPING] = Part(gross=0, paid=0)
    return msgspec.structs.replace(quote, parts=parts)


def _even(quote: Quote, state: State, back: Refund) -> tuple[Quote, int]:
    """The quote with what the same goods at the same price cost the buyer the first time; and how much that is."""
    left, even = {part: n for part, n in back.units.items() if n}, 0
    worth = {part: back.parts.get(part, 0) for part in left}
    parts, lines = dict(quote.parts), []
    for line in quote.lines:
        part = next((p for p, n in left.items() if n >= line.qty and _same(state["lines"][p], line)), None)
        if part is not None:
            old, n = state["lines"][part], left.pop(part)
            paid = split(worth[part], (line.qty, n - line.qty))[0]
            tax = split(old["tax"], (paid, old["paid"] - paid))[0] if old["paid"] else 0
            net = paid if old["paid"] == old["net"] else paid - tax
            off = parts[line.line].gross - net
            if off >= 0:
                even += paid
                discounts = _as_before(old, line.qty, off)
                parts[line.line] = Part(gross=parts[line.line].gross, discounts=discounts, tax=tax, paid=paid)
                line = msgspec.structs.replace(line, discounts=discounts, tax=tax, paid=paid)
            if n > line.qty:
                left[part], worth[part] = n - line.qty, worth[part] - paid
        lines.append(line)
    # What it earns is reckoned by what its goods cost the buyer.
    goods = sum(part.net for name, part in parts.items() if name != SHIPPING)
    priced = msgspec.structs.replace(quote.priced, goods=goods, total=quote.priced.total - quote.priced.goods + goods)
    return msgspec.structs.replace(quote, priced=priced, parts=parts, lines=tuple(lines)), even


def _as_before(old: Mapping[str, Any], qty: int, off: int) -> tuple[tuple[str, int], ...]:
    """What took ``off`` from units: the rules that did so the first time, and what none of them did."""
    before = [(rule, split(n, (qty, old["qty"] - qty))[0]) for rule, n in old["discounts"]]
    took = sum(n for _, n in before)
    if took > off:
        shares = split(off, [n for _, n in before])
        before = [(rule, n) for (rule, _), n in zip(before, shares, strict=True)]
    return tuple((rule, n) for rule, n in [*before, (EVEN, max(0, off - took))] if n)


def _carried(conn: Connection, order: str, state: State, back: Refund, even: int) -> list[Hold]:
    """What the old order gives back though it stands in the price of goods that are kept: the new one takes it again.

    Args:
        even: minor units of what the returned units cost that the new goods cost as well.
    """
    turn = turn_of(order, state, "refund", part=back.amount, final=back.final)
    if not even or turn.over:
        return []

    def share(amount: int) -> int:
        return turn.back(amount) * even // back.amount

    found = []
    for claim, stream, data in state["holds"]:
        if claim == "points" and (amount := share(data["amount"])):
            found.append(Hold(claim, stream, {**data, "amount": amount, "carried": True}))
        elif claim == "budget":  # its limits were looked at when it was taken
            counts = {"rule": data["rule"], "amount": share(data["amount"]), "uses": data["uses"] if back.final else 0}
            found += [Hold(claim, stream, counts)] if counts["amount"] or counts["uses"] else []
        elif claim == "coupon" and back.final:
            kept = stream_state(conn, stream)
            mine = kept is not None and kept[1]["order"] == order
            if kept is not None and mine and (kept[1]["restore"] == "full" or kept[1]["status"] == "locked"):
                told = {"account": kept[1]["account"], "worth": share(data.get("worth", 0))}
                found.append(Hold(claim, stream, told))
    return found


def _same(old: Mapping[str, object], new: QuotedLine) -> bool:
    offer = new.offer
    return offer is not None and (offer.product, offer.unit, offer.unit_digits) == (
        old["product"], old["unit"], old["unit_digits"],
    )  # fmt: skip
