"""Toys that tests of trade share: a shelf with so many goods, a till that takes and gives back money, orders."""

from __future__ import annotations

from fairday.kernel.decider import BaseDecider, Command, Event, Located, Refusal, Spanning, Transfer
from fairday.trade.payment.model import Paid
from fairday.trade.records import Contact


class Shelf(BaseDecider):
    """A stock of so many: what orders hold of it, what left, what was let go."""

    kind = "shelf"

    def initial(self):
        return {"left": 0, "held": {}, "final": [], "gone": 0}

    def decide(self, state, command, now):
        return [Event("Shelf Filled", {"n": command.data["n"]})]

    def evolve(self, state, event):
        data = event.data
        held = dict(state["held"])
        if event.name == "Shelf Filled":
            return {**state, "left": state["left"] + data["n"]}
        key = data["key"]
        if event.name == "Shelf Held":
            return {**state, "left": state["left"] - data["n"], "held": held | {key: held.get(key, 0) + data["n"]}}
        if event.name == "Shelf Sold":
            return {**state, "final": sorted({*state["final"], key})}
        if event.name == "Shelf Sent":
            return {**state, "gone": state["gone"] + data["n"], "held": held | {key: held[key] - data["n"]}}
        if event.name == "Shelf Freed":
            return {**state, "left": state["left"] + data["n"], "held": held | {key: held[key] - data["n"]}}
        assert event.name == "Shelf Restocked"
        return {**state, "left": state["left"] + data["n"], "gone": state["gone"] - data["n"]}


class ShelfClaim:
    """Takes of a shelf: {line, qty}."""

    name = "shelf"

    def decide(self, state, hold, turn, now):
        line, qty = hold.data["line"], hold.data["qty"]
        key = f"{turn.order}/{line}"
        mine = state["held"].get(key, 0)
        n = turn.units.get(line, 0)
        if turn.step == "place":
            if state["left"] < qty:
                return Refusal("sold_out", "Too few are left.", {"line": line})
            return [Event("Shelf Held", {"key": key, "n": qty})]
        if turn.step == "pay":
            return [Event("Shelf Sold", {"key": key})]
        if turn.step == "ship" and n:
            return [Event("Shelf Sent", {"key": key, "n": n})]
        if turn.step == "cancel":
            return [Event("Shelf Freed", {"key": key, "n": mine})]
        if turn.step == "refund":
            free = turn.unshipped.get(line, 0)
            made = [Event("Shelf Freed", {"key": key, "n": free})] if free else []
            return [*made, Event("Shelf Restocked", {"key": key, "n": n})] if n else made
        return []


class Till(BaseDecider):
    """A payment that has come in, and what of it went back."""

    kind = "till"

    def initial(self):
        return {"in": 0, "back": 0, "refused": ""}

    def decide(self, state, command, now):
        return Refusal("unknown_command", "A till knows no such command.")

    def evolve(self, state, event):
        if event.name == "Till Took":
            return {**state, "in": state["in"] + event.data["amount"]}
        after = {**state, "back": state["back"] + event.data["amount"], "refused": event.data.get("why", "")}
        assert after["back"] <= after["in"], "more went back than came in"
        return after

    def transfers(self, stream, event, now):
        data = event.data
        pair = ("outside", data["order"]) if event.name == "Till Took" else (data["order"], "outside")
        yield Transfer(f"{stream}:{event.name}:{data['order']}:{data['n']}", *pair, data["currency"], data["amount"])


class TillClaim:
    """Gives money back through the till it came by."""

    name = "payment"

    def decide(self, state, hold, turn, now):
        if turn.step != "refund":
            return []
        data = {"order": turn.order, "n": turn.n, "amount": turn.part, "currency": "CNY"}
        return [Event("Till Gave Back", data)]


def settle(shop):
    """The spanning command of a till: money comes in for an order; what the order refuses goes back at once."""

    def locate(command, peek):
        found = shop.orders.payable.streams(peek, command.data["order"])
        return Located((*found.streams, command.stream), found.relied)

    def decide(states, command, now):
        order, amount = command.data["order"], command.data["amount"]
        if states[command.stream]["in"]:
            return {}
        took = Event("Till Took", {"order": order, "n": 0, "amount": amount, "currency": "CNY"})
        paid = Paid(payment=command.stream, method="toy", amount=amount, currency="CNY", account=None)
        made = shop.orders.payable.paid(states, order, paid, now)
        if isinstance(made, Refusal):
            why = {"why": made.code}
            gave = Event("Till Gave Back", {"order": order, "n": 0, "amount": amount, "currency": "CNY", **why})
            return {command.stream: [took, gave]}
        return {**made, command.stream: [took]}

    return Spanning("till.settle", locate, decide)


def register(shop):
    """Give a shop the toys."""
    shop.runner.register(Shelf())
    shop.runner.register(Till())
    shop.orders.register_claim(ShelfClaim())
    shop.orders.register_claim(TillClaim())
    shop.runner.register_spanning(settle(shop))


def line(id_, sku, qty, unit, off=0, tax=0, **more):
    """A line of an order; tax inside the price."""
    gross = unit * qty
    net = gross - off
    given = {"line": id_, "sku": sku, "product": sku, "title": sku, "qty": qty, "unit": unit, "unit_digits": 0,
             "gross": gross, "discounts": [["rule", off]] if off else [], "net": net, "tax": tax, "paid": net,
             "gift": None, "value": unit}  # fmt: skip
    return {**given, **more}


def placing(*lines, shipping=0, **more):
    """The data of ``order.place``: B2C, each line held of the shelf of its sku."""
    post = {"gross": shipping, "discounts": [], "net": shipping, "tax": 0, "paid": shipping} if shipping else None
    holds = [["shelf", f"shelf:{x['sku']}", {"line": x["line"], "qty": x["qty"]}] for x in lines]
    given = {
        "mode": "b2c", "account": None, "currency": "CNY", "country": "CN", "channel": "web", "store": None,
        "way": "ship", "method": "toy", "lines": list(lines), "shipping": post, "savings": [], "holds": holds,
        "total": sum(x["paid"] for x in lines) + shipping, "credit": None, "data": {}, "source": "fairday",
    }  # fmt: skip
    return {**given, **more}


def fill(shop, sku, n):
    """Put goods on a shelf."""
    assert shop.runner.submit(Command("fill", f"shelf:{sku}", {"n": n})).ok


def place(shop, order, *lines, actor="buyer", key=None, **more):
    """Place an order; the answer."""
    return shop.orders.place(order, placing(*lines, **more), Contact(), (), actor=actor, key=key)


def pay(shop, order, amount, till="till:1"):
    """Let money come in for an order; the answer."""
    return shop.runner.submit(Command("till.settle", till, {"order": order, "amount": amount}, "till", till))


def state(shop, stream):
    """A stream's state."""
    from fairday.storage.runner import stream_state

    with shop.db.read() as conn:
        return stream_state(conn, stream)[1]
