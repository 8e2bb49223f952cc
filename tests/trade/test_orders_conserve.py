"""Whatever is asked of orders in whatever order: no cent and no unit is lost, made or given twice."""

from __future__ import annotations

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.trade import order as rules
from trading import World, line, placing

SKUS = ("mug", "tea", "pot")
FILLED = 12

amounts = st.integers(0, 5000)


@st.composite
def lines(draw):
    made = []
    for n in range(draw(st.integers(1, 3))):
        qty, unit = draw(st.integers(1, 4)), draw(amounts)
        off = draw(st.integers(0, unit * qty))
        tax = draw(st.integers(0, unit * qty - off))
        gift = draw(st.sampled_from([None, None, None, "gift"]))
        if gift:
            unit_value, unit, off, tax = unit, 0, 0, 0
        else:
            unit_value = unit
        sku = draw(st.sampled_from(SKUS))
        made.append(line(str(n + 1), sku, qty, unit, off, tax, gift=gift, value=unit_value))
    return made


NAMES = ("place", "pay", "order.ship", "order.hand_over", "order.receive", "order.cancel", "order.refund",
         "order.ask_return", "exchange", "wait")  # fmt: skip


def some(data, most):
    """Units by line, at times one too many."""
    asked = {part: data.draw(st.integers(0, n + (data.draw(st.integers(0, 9)) == 9))) for part, n in most.items()}
    return {part: n for part, n in asked.items() if n}


def told(name, state, data):
    """What is sent with a command, mostly such as the order could take."""
    if not rules.exists(state):
        return {}
    lines = state["lines"]
    out = {part: x["shipped"] - x["returned"] for part, x in lines.items()}
    waiting = {part: rules.waiting(x) for part, x in lines.items()}
    if name in ("order.ship", "order.hand_over"):
        return {"units": some(data, waiting)}
    if name == "order.ask_return":
        return {"units": some(data, out), "why": "changed_mind"}
    if name == "exchange":
        return {"units": some(data, out)}
    if name == "order.refund":
        units = some(data, out)
        returns = [r for r, x in state["returns"].items() if x["state"] == "asked"]
        return {
            "units": units, "unshipped": some(data, waiting), "shipping": data.draw(st.booleans()),
            "extra": data.draw(st.sampled_from([0, 0, 0, 1, 7, 999])), "why": "damaged",
            "restock": data.draw(st.sampled_from([None, {}, {"1": 1}])),
            "gifts": data.draw(st.sampled_from(["deduct", "leave"])),
            "return": data.draw(st.sampled_from([None, *returns])),
        }  # fmt: skip
    return {}


def check(world):
    held = {sku: 0 for sku in SKUS}
    kept_in = kept = 0
    for stream, state in world.states.items():
        if stream.startswith("till:"):
            assert 0 <= state["back"] <= state["in"]
            kept_in += state["in"] - state["back"]
        if not stream.startswith("order:"):
            continue
        assert rules.status(state) in get_args(rules.Status)
        assert 0 <= state["refunded"] <= state["total"]
        assert rules.kept_paid(state) >= 0
        assert sum(x["refunded"] for _, x in rules.parts(state)) == state["refunded"]
        for part, x in rules.parts(state):
            assert 0 <= x["refunded"] <= x["paid"]
            if part != rules.SHIPPING:
                assert 0 <= x["returned"] <= x["shipped"]
                assert x["shipped"] + x["cancelled"] <= x["qty"]
        if rules.is_paid(state) and state["life"] != "expired":
            assert world.balance(stream) == 0, "money rests on an order"
            kept += state["total"] - state["refunded"]
        for p in state["payments"]:
            assert 0 <= p["back"] <= p["amount"]
    assert world.balance("sales") + world.balance("sales:shipping") + world.balance("tax") == kept
    assert -world.balance("outside") == kept_in
    assert all(world.balance(a) >= 0 for a in ("sales", "sales:shipping", "tax"))
    for sku in SKUS:
        shelf = world.state(f"shelf:{sku}")
        assert shelf["left"] >= 0
        assert all(n >= 0 for n in shelf["held"].values())
        assert shelf["left"] + sum(shelf["held"].values()) + shelf["gone"] == FILLED
    return held


@settings(max_examples=200)
@given(st.lists(st.sampled_from(NAMES), min_size=4, max_size=20), st.data())
def test_whatever_is_asked_nothing_is_lost_and_nothing_is_made(asked, data):
    world = World()
    for sku in SKUS:
        world.ask("fill", f"shelf:{sku}", n=FILLED)
    orders: list[str] = []

    def new():
        orders.append(f"order:{len(orders)}")
        return orders[-1]

    def pay(order, less=0):
        state = world.state(order)
        owed = state["total"] if state["life"] == "expired" else rules.due(state) if rules.exists(state) else 0
        if owed - less > 0:
            till = f"till:{len(world.ledger)}"
            world.ask("till.settle", till, order=order, amount=owed - less)

    def place():
        order = new()
        given_ = {
            "shipping": data.draw(st.sampled_from([0, 800])),
            "way": data.draw(st.sampled_from(["ship", "pickup"])),
        }
        world.ask("order.place", order, **placing(*data.draw(lines()), **given_))
        if data.draw(st.integers(0, 3)):
            pay(order)
            if data.draw(st.integers(0, 3)):
                world.ask("order.hand_over" if given_["way"] == "pickup" else "order.ship", order)

    place()
    for name in asked:
        order = data.draw(st.sampled_from(orders))
        state = world.state(order)
        if name == "place":
            place()
        elif name == "wait":
            world.now += data.draw(st.sampled_from([1, 24, 24 * 30])) * 3_600_000
            world.fire()
        elif name == "pay":
            pay(order, data.draw(st.sampled_from([0, 0, 1, 100, -1])))
        elif name == "exchange":
            if rules.exists(state):
                into, of = new(), data.draw(lines())
                world.ask("order.exchange", order, into=into, placing=placing(*of), **told(name, state, data))
        else:
            world.ask(name, order, **told(name, state, data))
        check(world)


@settings(max_examples=100)
@given(lines(), st.sampled_from([0, 800]), st.data())
def test_refunds_in_any_split_give_back_exactly_what_was_paid(of, shipping, data):
    world = World()
    for sku in SKUS:
        world.ask("fill", f"shelf:{sku}", n=FILLED)
    assert world.ask("order.place", "order:1", **placing(*of, shipping=shipping)) is None
    total = world.state("order:1")["total"]
    if total:
        assert world.ask("till.settle", "till:1", order="order:1", amount=total) is None
    assert world.ask("order.ship", "order:1") is None
    left = {x["line"]: x["qty"] for x in of}
    while any(left.values()):
        part = data.draw(st.sampled_from([k for k, n in left.items() if n]))
        n = data.draw(st.integers(1, left[part]))
        left[part] -= n
        last = not any(left.values())
        refused = world.ask("order.refund", "order:1", units={part: n}, shipping=last, gifts="leave")
        assert refused is None
        check(world)
    state = world.state("order:1")
    assert state["refunded"] == total
    assert rules.kept_paid(state) == 0
    assert not any(world.balance(a) for a in ("sales", "sales:shipping", "tax", "order:1", "outside"))
    assert rules.status(state) == "returned"
