"""Toys that tests of trade share: a shelf with so many goods, a till that takes and gives back money, orders."""

from __future__ import annotations

from fairday.kernel.decider import BaseDecider, Command, Event, Located, Refusal, Spanning, Transfer
from fairday.trade.cart import add_line, new_cart
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
        return {"in": 0, "back": 0, "refused": "", "currency": "CNY"}

    def decide(self, state, command, now):
        return Refusal("unknown_command", "A till knows no such command.")

    def evolve(self, state, event):
        if event.name == "Till Took":
            return {**state, "in": state["in"] + event.data["amount"], "currency": event.data["currency"]}
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
        data = {"order": turn.order, "n": turn.n, "amount": turn.part, "currency": state["currency"]}
        return [Event("Till Gave Back", data)]


def settle(shop):
    """The spanning command of a till: money comes in for an order; what the order refuses goes back at once."""

    def locate(command, peek):
        found = shop.orders.payable.streams(peek, command.data["order"])
        return Located((*found.streams, command.stream), found.relied)

    def decide(states, command, now):
        order, amount = command.data["order"], command.data["amount"]
        currency = command.data.get("currency", "CNY")
        if states[command.stream]["in"]:
            return {}
        took = Event("Till Took", {"order": order, "n": 0, "amount": amount, "currency": currency})
        paid = Paid(payment=command.stream, method="toy", amount=amount, currency=currency, account=None)
        made = shop.orders.payable.paid(states, order, paid, now)
        if isinstance(made, Refusal):
            why = {"why": made.code}
            gave = Event("Till Gave Back", {"order": order, "n": 0, "amount": amount, "currency": currency, **why})
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


def pay(shop, order, amount, till="till:1", currency="CNY"):
    """Let money come in for an order; the answer."""
    data = {"order": order, "amount": amount, "currency": currency}
    return shop.runner.submit(Command("till.settle", till, data, "till", till))


def state(shop, stream):
    """A stream's state."""
    from fairday.storage.runner import stream_state

    with shop.db.read() as conn:
        return stream_state(conn, stream)[1]


class World:
    """Streams in memory, folded as the runner folds them: what a property test can run thousands of commands on."""

    def __init__(self):
        from fairday.trade.modes import B2C
        from fairday.trade.paying import OrderPayable
        from fairday.trade.steps import Steps

        self.now = 1_780_315_200_000
        self.rules, self.spanning, self.states, self.versions = {}, {}, {}, {}
        self.ledger, self.events = {}, []
        self.orders = self
        self.runner = self
        self.steps = Steps(self)
        self.steps.register()
        self.steps.modes["b2c"] = B2C()
        self.payable = OrderPayable(self.steps)
        self.register_claim = self.steps.claims.register
        register(self)

    def register(self, decider):
        self.rules[decider.kind] = decider

    def register_spanning(self, spanning):
        self.spanning[spanning.name] = spanning

    def evolve(self, stream, state, event):
        return self.rules[stream.partition(":")[0]].evolve(state, event)

    def peek(self, stream):
        return self.versions.get(stream, 0), self.state(stream)

    def state(self, stream):
        return self.states.get(stream) or self.rules[stream.partition(":")[0]].initial()

    def ask(self, name, stream, **data):
        """Run a command: None, or why not."""
        command = Command(name, stream, data)
        spanning = self.spanning.get(name)
        if spanning is None:
            made = self.rules[stream.partition(":")[0]].decide(self.state(stream), command, self.now)
            made = made if isinstance(made, Refusal) else {stream: made}
        else:
            located = spanning.locate(command, self.peek)
            made = spanning.decide({s: self.state(s) for s in located.streams}, command, self.now)
            assert isinstance(made, Refusal) or set(made) <= set(located.streams)
        if isinstance(made, Refusal):
            return made
        for one, events in made.items():
            for event in events:
                self.states[one] = self.evolve(one, self.state(one), event)
                self.versions[one] = self.versions.get(one, 0) + 1
                self.events.append((one, event))
                for t in self.rules[one.partition(":")[0]].transfers(one, event, self.now):
                    assert t.amount > 0
                    assert t.key not in self.ledger, f"{t.key} twice"
                    self.ledger[t.key] = t
        return None

    def balance(self, account):
        return sum(t.amount * ((t.credit == account) - (t.debit == account)) for t in self.ledger.values())

    def fire(self):
        """Let every deadline that has come fire; how many."""
        fired = 0
        for stream, state in list(self.states.items()):
            at = self.rules[stream.partition(":")[0]].deadline(state)
            if at is not None and at <= self.now:
                assert self.ask(f"{stream.partition(':')[0]}.deadline", stream, at=at) is None
                assert self.rules[stream.partition(":")[0]].deadline(self.states[stream]) != at
                fired += 1
        return fired


def picked(shop, **skus):
    """A guest's cart with so many of each SKU."""
    with shop.db.write() as conn:
        cart = new_cart(conn, None, 1)
        for sku, qty in skus.items():
            cart = add_line(conn, cart, sku, sku, qty, {}, 1)
    return cart
