"""A scene's effect over guests' orders beside a plain telling of the rule, for random orders, refunds and arms."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.insight.placed import Placed, began, moved
from fairday.insight.trade import Trade
from fairday.kernel.clock import DAY_MS, local_day
from fairday.people.identity import ids_of, person_of
from fairday.scenes import arms
from fairday.storage.log import Happening
from fairday.trade.records import Contact
from trading import fill, line, pay, placing, register, state

SCENE = """\
scene: plain
title: {zh: 平, en: Plain, es: Llano}
when: always
what: {floors: [{title: {en: Fresh}, goods: "category = 'tea'"}]}
where: [page]
guard: {holdout: 50%}
goal: {metric: revenue, within: 7d}
"""
WITHIN = 7
DEVICES = [("anonymous_id", f"device-{n}") for n in range(4)]
ADDRESSES = [("email", f"a{n}@example.com") for n in range(3)]


@pytest.mark.parametrize("seed", range(2))
def test_the_effect_of_guests_orders_is_that_of_a_plain_telling(shop, clock, seed):
    luck = random.Random(seed)
    register(shop)
    fill(shop, "tea", 10_000)
    shop.save_scene(SCENE)
    shop.move_scene("start", "plain")
    shop.append([Happening(message_id=str(i), kind="page", name="", at=clock.now(), received=clock.now(),
                           source="server:web", ids=(i,)) for i in (*DEVICES, *ADDRESSES)]).result()  # fmt: skip
    shop.catch_up()
    with shop.db.read() as conn:
        people = {i: person_of(conn, *i) for i in (*DEVICES, *ADDRESSES)}
        numbers = {i: ids_of(conn, people[i])[0].number for i in people}
    arm: dict[tuple[str, str], str] = {}
    since: dict[tuple[str, str], int] = {}
    placed: dict[str, tuple[tuple[str, str], tuple[str, str] | None, int]] = {}
    lines: list[tuple[str, int, int, int]] = []  # order, day, orders, net

    def today():
        return local_day(clock.now(), shop.settings.zone)

    def refunded(order):
        return state(shop, order)["refunded"]

    for n in range(30):
        clock.move(luck.randrange(DAY_MS // 2))
        who = luck.choice([*DEVICES, *ADDRESSES])
        if who not in since and luck.random() < 0.5:
            since[who], arm[who] = today(), luck.choice(["treated", "holdout"])
            with shop.db.write() as conn:
                arms.record(conn, [("plain", numbers[who], arm[who])], clock.now())
        told, by, order = luck.choice(ADDRESSES), luck.choice([None, *DEVICES]), f"order:{seed}-{n}"
        given = placing(line("1", "tea", 2, luck.randrange(1, 5000)), shipping=luck.choice([0, 799]))
        assert shop.orders.place(order, given, Contact(), (told,), actor="b", by=by).ok
        placed[order] = told, by, today()
        clock.move(luck.randrange(20 * 60_000))  # paid after midnight, now and then
        if luck.random() < 0.8:
            assert pay(shop, order, given["total"], f"till:{order}").ok
            lines.append((order, today(), 1, given["total"]))
        old = luck.choice(list(placed))
        before = refunded(old)
        step, data = luck.choice([("refund", {"unshipped": {"1": 1}, "extra": luck.choice([0, 7])}), ("cancel", {})])
        if shop.orders.act(f"order.{step}", old, data, actor="clerk").ok:
            lines.append((old, today(), 0, before - refunded(old)))
    shop.catch_up()
    shop.catch_up()
    (found,) = shop.report().scenes
    net, orders, buyers = Counter(), Counter(), set()
    for order, day, count, money in lines:
        who, by, then = placed[order]
        if by is not None and since.get(by, then + 1) <= then:
            who = by
        if who in since and since[who] <= day <= since[who] + WITHIN:
            net[arm[who]] += money
            orders[arm[who]] += count
            buyers |= {who} if count else set()
    for name, told in (("treated", found.treated), ("holdout", found.holdout)):
        assert told.people == sum(a == name for a in arm.values())
        assert (told.net, told.orders) == (net[name], orders[name])
        assert told.buyers == sum(arm[w] == name for w in buyers)


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 4), st.integers(5, 8), st.integers(0, 6), st.booleans(),
              st.integers(1, 500)),
    max_size=12,
)  # fmt: skip
"""Orders of guests: day, told, by, day it was placed, whether it is one or something given back, money."""


def _placed(rows):
    arrays = [[], [], [], [], [], [], []]
    for day, told, by, since, whole, money in rows:
        row = (max(day, since), told, by, since, int(whole), money if whole else -money, 0)
        for into, value in zip(arrays, row, strict=True):
            into.append(value)
    return Placed(*(np.array(a, dtype=np.int64) for a in arrays))


def _trade(some, own):
    """The trade that was told: of the guests' orders, and of some that are people's own."""
    sums = Counter()
    counts = Counter()
    for day, told, orders, net in zip(some.day, some.told, some.orders, some.net, strict=True):
        sums[int(day), int(told)] += int(net)
        counts[int(day), int(told)] += int(orders)
    for day, person, money in own:
        sums[day, person] += money
        counts[day, person] += 1
    keys = sorted(sums)
    columns = [[k[0] for k in keys], [k[1] for k in keys], [counts[k] for k in keys], [sums[k] for k in keys]]
    return Trade(*(np.array(c, dtype=np.int64) for c in columns))


@given(ROWS, st.lists(st.tuples(st.integers(0, 6), st.integers(1, 8), st.integers(1, 500)), max_size=8),
       st.dictionaries(st.integers(5, 8), st.integers(0, 6)))  # fmt: skip
@settings(max_examples=150)
def test_moving_orders_makes_and_loses_none_and_moves_each_whole(rows, own, eligible):
    some = _placed(rows)
    before = _trade(some, own)
    part = some.for_those(eligible, 8)
    after = moved(before, part)
    assert (after.orders.sum(), after.net.sum()) == (before.orders.sum(), before.net.sum())
    assert (after.orders >= 0).all() or not len(after.day)
    assert len(set(zip(after.day.tolist(), after.person.tolist(), strict=True))) == len(after.day)
    for by, since in zip(part.by.tolist(), part.since.tolist(), strict=True):
        assert eligible[by] <= since
    left = Counter(dict.fromkeys(range(1, 9), 0))
    for _, told, by, since, whole, money in rows:
        left[by if by in eligible and eligible[by] <= since else told] += money if whole else -money
    for _, person, money in own:
        left[person] += money
    for person, money in left.items():
        assert after.net[after.person == person].sum() == money

    bought = [(int(p), int(d)) for p, d, n in zip(before.person, before.day, before.orders, strict=True) if n > 0]
    first = {p: min(d for q, d in bought if q == p) for p, _ in bought}
    ordered = sorted(first)
    arrays = np.array(ordered, dtype=np.int64), np.array([first[p] for p in ordered], dtype=np.int64)
    person, day = began(*arrays, after, part)
    still = {int(p) for p, n in zip(after.person, after.orders, strict=True) if n > 0}
    assert set(person.tolist()) <= still, "who has no order left has no first one"
    assert (np.diff(person) > 0).all()
    assert all(d >= 0 for d in day.tolist())
