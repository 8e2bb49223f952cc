"""The sections of a report beside a plain telling of the same orders, on both databases."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from sqlalchemy import text

from fairday.insight.asked import METRICS, Asked, ask
from fairday.insight.changes import changes
from fairday.insight.cohorts import cohorts
from fairday.insight.figures import figures
from fairday.insight.rfm import rfm
from fairday.insight.trade import trade
from fairday.kernel.clock import DAY_MS, local_day, to_date
from fairday.people import identity
from fairday.people.identity import person_of
from fairday.scenes import arms
from fairday.storage.log import Happening

SCENE = """\
scene: spring
title: {zh: 春天, en: Spring, es: Primavera}
when: {dates: 2026-05-20..2026-06-10}
what: {floors: [{title: {en: Fresh}, goods: "category = 'tea'"}]}
where: [page]
guard: {holdout: 50%}
goal: {metric: revenue, within: 7d}
"""


def bought(who: str, at: int, total: float, n: object, name: str = "Order Completed", **more: object) -> Happening:
    lines = more.pop("lines", [])
    properties = {"order_id": f"o{n}", "total": total, "products": lines, **more}
    return Happening(
        message_id=f"b{n}", kind="track", name=name, at=at, received=at, source=str(more.get("source", "server:till")),
        ids=(("user_id", who),), body={"properties": properties},
    )  # fmt: skip


def line(category: str, price: float = 10, product: str = "") -> dict[str, object]:
    return {"product_id": product or f"{category}-1", "category": category, "price": price, "quantity": 1}


def test_figures_cohorts_and_segments_are_those_of_a_plain_telling(shop):
    luck, now = random.Random(3), shop.clock.now()
    rows, told = [], []
    for n in range(400):
        who = f"u{int(40 * luck.random() ** 2)}"
        at = now - luck.randrange(200 * DAY_MS)
        back = n % 12 == 0
        total = luck.randrange(1000, 90000) / 100
        rows.append(bought(who, at, total, n, "Order Refunded" if back else "Order Completed"))
        cents = round(total * 100) * (-1 if back else 1)
        told.append((who, local_day(at, shop.settings.zone), not back, cents))
    seen = [(f"u{luck.randrange(40)}", now - luck.randrange(60 * DAY_MS)) for _ in range(80)]
    rows += [
        Happening(
            message_id=f"v{i}", kind="page", name="", at=at, received=at, source="browser:w", ids=(("user_id", who),)
        )
        for i, (who, at) in enumerate(seen)
    ]
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.catch_up()
    shop.midnight.tick(now)
    shop.catch_up()
    asked = ask({"period": "28d"}, local_day(now, shop.settings.zone))
    first: dict[str, int] = {}
    for who, day, ordered, _ in told:
        if ordered:
            first[who] = min(first.get(who, day), day)
    with shop.db.read() as conn:
        found = figures(conn, shop.settings, asked, now)
        for side, one in (("now", asked), ("before", asked.earlier)):
            inside = [t for t in told if one.first <= t[1] <= one.last]
            expected = {
                "revenue": sum(t[3] for t in inside),
                "orders": sum(t[2] for t in inside),
                "buyers": len({t[0] for t in inside if t[2]}),
                "new-buyers": sum(one.first <= day <= one.last for day in first.values()),
                "visits": len(
                    {(w, d) for w, at in seen if one.first <= (d := local_day(at, shop.settings.zone)) <= one.last}
                ),
            }
            assert {m: getattr(found.of(m), side) for m in METRICS} == expected
        revenue = Counter()
        for _, day, _, cents in told:
            revenue[day] += cents
        assert found.of("revenue").days == [revenue[d] for d in range(asked.first, asked.last + 1)]

        month = lambda day: to_date(day).strftime("%Y-%m")  # noqa: E731
        table = cohorts(conn, shop.settings, asked, now)
        assert sum(c.people for c in table.cohorts) + table.elder == len(first)
        for c in table.cohorts:
            mine = {w for w, d in first.items() if month(d) == c.month}
            months = sorted({month(d) for d in range(min(first[w] for w in mine), asked.last + 1)})
            assert len(c.cells) == len(months)
            for name, cell in zip(months, c.cells, strict=True):
                assert cell.people == len({t[0] for t in told if t[0] in mine and t[2] and month(t[1]) == name})
                assert cell.net == sum(t[3] for t in told if t[0] in mine and month(t[1]) == name)
                assert cell.low <= cell.share <= cell.high
        parts = rfm(conn, shop.settings, asked, now)
        assert sum(s.people for s in parts) == len(first)
        assert sum(s.net for s in parts) == found.of("revenue").now - sum(
            t[3] for t in told if asked.first <= t[1] <= asked.last and t[0] not in first
        )
        assert sum(s.bought for s in parts) == found.of("buyers").now


def test_an_empty_shop_has_a_report_that_says_so(shop):
    found = shop.report()
    assert [s.code for s in found.sayings] == ["nothing", "no_scene"]
    assert found.cohorts.cohorts == []
    assert found.rfm == []
    assert found.changes.changes == []


def test_what_changed_is_told_with_the_goods_that_moved_it_and_noise_is_not(shop):
    luck, now, rows = random.Random(5), shop.clock.now(), []
    for day in range(56):
        for n in range(24):
            category = f"c{n % 8}"
            if n % 8 == 0:  # doubles, by one product alone
                lines = [line("c0", 10 + luck.random(), "steady")] + [line("c0", 30, "rising")] * (day >= 28)
            else:
                lines = [line(category, 8 + 4 * luck.random())]
            total = sum(round(float(i["price"]), 2) for i in lines)
            rows.append(bought(f"u{n}", now - (55 - day) * DAY_MS, total, f"{day}-{n}", lines=lines))
    shop.append(rows).result()
    shop.catch_up()
    from fairday.goods.catalogue import ProductRow, save_products

    today = local_day(now, shop.settings.zone)
    with shop.db.write() as conn:
        save_products(
            conn, [ProductRow(product=p, title=f"The {p} one", category="c0") for p in ("steady", "rising")], now
        )
        found = changes(conn, shop.settings, ask({}, today), now)
        assert [c.name for c in found.changes] == ["c0"]
        assert [g.title for g in found.changes[0].goods] == ["The rising one"]
        assert found.changes[0].low <= found.changes[0].now - found.changes[0].before <= found.changes[0].high
        assert found.looked == 8
        assert changes(conn, shop.settings, Asked("orders", today - 2, today), now).few


# ---- scenes ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def measured(shop):
    """400 people, half held out; the treated spend more, of a category new to them."""
    luck, now = random.Random(9), shop.clock.now()
    start = now - 5 * DAY_MS
    rows = [
        bought(f"u{n}", start - (2 + k) * 9 * DAY_MS, 20 + n % 50, f"p{n}-{k}", lines=[line("old")])
        for n in range(400)
        for k in range(2)
    ]
    for n in range(400):
        if luck.random() < 0.6:
            extra = 15 if n % 2 else 0
            lines = [line("old")] + ([line("new")] if n % 2 else [])
            rows.append(bought(f"u{n}", start + (1 + n % 3) * DAY_MS, 20 + n % 50 + extra, f"a{n}", lines=lines))
        rows.append(bought(f"u{n}", start + 9 * DAY_MS, 500, f"late{n}"))
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.save_scene(SCENE)
    shop.clock.at = start
    shop.move_scene("start", "spring")
    shop.catch_up()
    with shop.db.write() as conn:
        numbers = {n: _number(conn, f"u{n}") for n in range(400)}
        arms.record(conn, [("spring", i, "treated" if n % 2 else "holdout") for n, i in numbers.items()], start)
    shop.clock.at = now
    return shop


def _number(conn, who):
    return conn.execute(
        text("SELECT id FROM identifiers WHERE type = 'user_id' AND value = :w"), {"w": who}
    ).scalar_one()


def _scene(shop, **given):
    return shop.report(ask(given, local_day(shop.clock.now(), shop.settings.zone))).scenes[0]


def test_a_running_scene_is_measured_on_its_people_within_their_days_by_the_sequence(measured):
    found = _scene(measured, metric="orders")
    assert (found.treated.people, found.holdout.people, found.mixed) == (200, 200, 0)
    with measured.db.read() as conn:
        today = local_day(measured.clock.now(), measured.settings.zone)
        treated = {person_of(conn, "user_id", f"u{n}") for n in range(1, 400, 2)}
        every = trade(conn, today - 5, today + 2)
        assert found.treated.net == sum(v for p, v in zip(every.person, every.net, strict=True) if p in treated)
    assert not found.final
    assert found.money.peeking
    assert found.money.sure
    assert found.narrowed > 0.03
    assert found.adjusted.width < found.money.width
    assert abs(found.total.estimate - 200 * found.money.estimate) < 1e-6
    assert found.chosen.low < 0 < found.chosen.high
    assert found.lift.low > 0
    assert (found.categories.treated, found.categories.held) == (1, 0)
    assert found.days.treated == pytest.approx(2, abs=0.3)
    assert not found.balance.alarm
    assert found.simulated == 0


def test_when_it_ends_as_planned_there_is_one_look_and_by_hand_there_is_not(measured):
    measured.clock.move(20 * DAY_MS)
    measured.fire_due()
    over = _scene(measured)
    assert (over.status, over.final, over.stopped) == ("ended", True, False)
    assert not over.money.peeking
    assert over.treated.people == 200


def test_a_scene_ended_by_hand_keeps_the_sequence(measured):
    measured.move_scene("end", "spring")
    measured.clock.move(20 * DAY_MS)
    found = _scene(measured)
    assert (found.final, found.stopped, found.money.peeking) == (False, True, True)


def test_people_joined_across_arms_are_left_out_and_counted(measured):
    now = measured.clock.now()
    ids = (("user_id", "u1"), ("user_id", "u2"))
    with measured.db.read() as conn:
        a, b = (person_of(conn, *i) for i in ids)
        assert a != b
        joined = identity.merge(conn, "user_id:u1", "user_id:u2", measured.settings.identity, now)
    measured.append([joined]).result()
    measured.catch_up()
    found = _scene(measured)
    assert (found.mixed, found.treated.people, found.holdout.people) == (1, 199, 199)


def test_uneven_arms_raise_the_alarm_before_anything_else_is_said(measured):
    with measured.db.write() as conn:
        conn.execute(text("DELETE FROM scene_arms WHERE arm = 'holdout' AND identifier % 3 = 0"))
    found = measured.report()
    assert found.scenes[0].balance.alarm
    assert found.sayings[1].code == "scene_uneven"


def test_simulated_orders_are_named(measured):
    now = measured.clock.now()
    made = bought("u7", now - DAY_MS, 10, "sim", source="simulated")
    measured.append([made]).result()
    measured.catch_up()
    assert _scene(measured).simulated == 1


def test_too_few_people_say_nothing(shop):
    shop.save_scene(SCENE)
    shop.move_scene("start", "spring")
    found = _scene(shop)
    assert (found.money, found.best_total, found.buying, found.since) == (None, None, None, None)
    assert shop.report().sayings[1].code == "scene_early"
