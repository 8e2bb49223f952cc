"""What tests of stock share: whether levels, streams and orders tell one story, and orders that hold stock."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

import fairday
from fairday.goods.stock import StockDecider, stock_hold
from fairday.goods.stock.service import stock_levels
from fairday.kernel import jsons
from fairday.kernel.decider import Event
from fairday.storage.batch import streams
from fairday.storage.log import stream_events
from fairday.trade import order as orders
from trading import line, placing


def assert_levels_agree(shop: fairday.Shop) -> dict[tuple[str, str], list[int]]:
    """The table says what the streams say, and the streams what their events add up to; the levels."""
    rules, told = StockDecider(), {}
    with shop.db.read() as conn:
        for (stream,) in conn.execute(select(streams.c.stream).where(streams.c.stream.like("stock:%"))).all():
            state = rules.initial()
            for event in stream_events(conn, stream):
                state = rules.evolve(state, Event(event.name, event.data))
            assert state == shop.stock.state(conn, stream.partition(":")[2])
            told |= {(stream.partition(":")[2], place): level for place, level in state["places"].items()}
        rows = {(r.sku, r.place): [r.on_hand, r.reserved, r.incoming] for r in conn.execute(select(stock_levels))}
    assert {key: level for key, level in rows.items() if any(level)} == told
    return rows


def assert_orders_agree(shop: fairday.Shop, filled: dict[str, int]) -> Counter[str]:
    """What is promised is what open orders wait for, what is gone is what they sent; how many orders stand how."""
    promised: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    lives: Counter[str] = Counter()
    with shop.db.read() as conn:
        found = conn.execute(select(streams.c.state).where(streams.c.stream.like("order:%"))).scalars().all()
    for raw in found:
        state = jsons.loads(raw)
        lives[orders.status(state)] += 1
        for one in state["lines"].values():
            sent[one["sku"]] += one["shipped"] - one["returned"]
            if state["life"] == "open":
                promised[one["sku"]] += orders.waiting(one)
    for (sku, _), (on_hand, reserved, _) in assert_levels_agree(shop).items():
        assert reserved == promised[sku], f"{sku}: {reserved} promised, orders wait for {promised[sku]}"
        assert on_hand == filled[sku] - sent[sku]
    return lives


def wanting(*goods: tuple[str, int], unit: int = 1000, place: str = "main", **more):
    """The data of ``order.place`` for goods (sku, units), each held at a place."""
    lines = [line(str(n), sku, qty, unit) for n, (sku, qty) in enumerate(goods)]
    held = [stock_hold(sku, place, str(n), qty) for n, (sku, qty) in enumerate(goods)]
    return placing(*lines, holds=[[h.claim, h.stream, dict(h.data)] for h in held], **more)
