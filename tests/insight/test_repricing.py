"""Last year's carts under a planned promotion: against what a calculator says, from the log and from the lake."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

import fairday
from fairday.cli import main
from fairday.goods.catalogue import ProductRow, save_products
from fairday.insight.replay import Handed, Repriced, days_asked, reprice, repriced_in_words, usual_days
from fairday.kernel.clock import DAY_MS, ManualClock, day_start, local_day
from fairday.kernel.errors import FairdayError
from fairday.offers.model import (
    AmountOff,
    Gift,
    Goods,
    Limits,
    Need,
    PercentOff,
    Rule,
    ShippingOff,
    When,
)
from fairday.storage.lake import Lake, LakeFollower
from fairday.storage.log import Happening

ZONE = "Asia/Shanghai"
PEOPLE = 12
TEA = Goods(categories=frozenset({"tea"}))
TENTH = Rule(id="tenth", benefits=(PercentOff(percent=Decimal(10), goods=TEA),), title={"en": "Tea"})


def off(id_: str, amount: int, spend: int = 0, **when: Any) -> Rule:
    needs = (Need(spend=spend),) if spend else ()
    return Rule(id=id_, benefits=(AmountOff(amount=amount),), when=When(needs=needs, **when), layer="order")


def fill(shop: fairday.Shop) -> list[tuple[int, int, list[tuple[str, int, int]]]]:
    """Two hundred orders of a year; (at, who, [(product, qty, fen)]) in order of time."""
    luck, now = random.Random(5), shop.clock.now()
    made = []
    for _ in range(200):
        at = day_start(local_day(now, ZONE), ZONE) - luck.randrange(1, 364 * DAY_MS)
        who = luck.randrange(PEOPLE)
        goods = luck.sample([("tea-1", 6800), ("tea-2", 4555), ("cup-1", 3990), ("pot-1", 25900)], luck.randrange(1, 4))
        made.append((at, who, [(p, luck.randrange(1, 4), price) for p, price in goods]))
    made.sort()
    rows = []
    for n, (at, who, goods) in enumerate(made):
        lines = [
            {"product_id": p, "category": p.partition("-")[0], "price": price / 100, "quantity": qty}
            for p, qty, price in goods
        ]
        rows.append(_told(f"o{n}", at, who, {"order_id": f"o{n}", "products": lines, "shipping": 12}))
    for who in range(0, PEOPLE, 3):
        rows.append(
            Happening(message_id=f"i{who}", kind="identify", at=made[0][0] - 1000, received=now, source="server:till",
                      ids=(("user_id", f"u{who}"),), body={"traits": {"city": "Suzhou"}})
        )  # fmt: skip
    # What is no cart of ours, and one that is told again.
    rows.append(_told("dollars", made[150][0], made[0][1], {"order_id": "x", "currency": "USD", "products": lines}))
    rows.append(_told("bare", made[160][0], made[0][1], {"order_id": "y", "total": 5}))
    again = rows[7].body["properties"]
    rows.append(_told("again", made[7][0] + 5, made[7][1], again))
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.catch_up()
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="tea-1", title="Oolong", category="tea")], now)
    return made


def _told(id_: str, at: int, who: int, properties: dict[str, Any]) -> Happening:
    return Happening(message_id=id_, kind="track", name="Order Completed", at=at, received=at, source="server:till",
                     ids=(("user_id", f"u{who}"),), body={"properties": properties})  # fmt: skip


def test_a_tenth_off_tea_is_what_a_calculator_says_and_the_lake_says_the_same(
    shop: fairday.Shop, clock: ManualClock, tmp_path: Path
) -> None:
    made = fill(shop)
    found = shop.repricings.reprice([TENTH], margin=40)
    assert found.carts == len(made)
    assert found.paid == sum(qty * fen for _, _, goods in made for _, qty, fen in goods)
    given = before = touched = 0
    for _, _, goods in made:
        tea = [qty * fen for p, qty, fen in goods if p.startswith("tea")]
        if tea:
            touched += 1
            before += sum(qty * fen for _, qty, fen in goods)
            given += (sum(tea) + 5) // 10  # half up, all lines of a cart together
    assert (found.touched.was, found.before, found.given.was) == (touched, before, given)
    assert found.touched.low < touched < found.touched.high
    assert sum(n for _, n, _ in found.stretches) == touched == sum(g.carts for g in found.groups)
    assert sum(n for _, _, n in found.stretches) == given == found.by_rule[0].given
    assert found.margin_after.was == before * 40 // 100 - given
    assert found.needed == pytest.approx(given / (before * 40 // 100 - given))
    assert {n.code for n in found.notes} >= {"same_baskets", "paid_prices", "orders_bare", "orders_foreign",
                                             "orders_doubled"}  # fmt: skip
    assert any(line.title == "Oolong" for e in found.examples for line in e.lines)
    for example in found.examples:
        if not example.more:
            assert sum(x.paid for x in example.lines) == example.paid
            assert sum(x.after for x in example.lines) == example.after
    lake = Lake(tmp_path / "lake")
    shop.followers.register(LakeFollower(lake))
    shop.catch_up()
    again = reprice(shop.db, shop.settings, lake, [TENTH], shop.repricings.usual([TENTH]), clock.now(), margin=40)
    assert again == found
    assert "Margin at 40 %" in "\n".join(repriced_in_words(found, "CNY"))


def test_days_hours_and_first_orders_are_those_of_the_order(shop: fairday.Shop) -> None:
    made = fill(shop)
    days = shop.repricings.usual([TENTH])
    week = days_asked(days.last - 6, days.last)
    everything = off("all", 100)
    inside = [m for m in made if week.first <= local_day(m[0], ZONE) <= week.last]
    assert shop.repricings.reprice([everything], week).touched.was == len(inside)
    first = shop.repricings.reprice([off("first", 100, first_order=True)])
    assert first.touched.was == len({who for _, who, _ in made}) == first.buyers
    assert [g.group for g in first.groups] == ["first"]
    evening = shop.repricings.reprice([off("evening", 100, hours=((18 * 60, 24 * 60),))])
    assert evening.touched.was == sum((at // 3_600_000 + 8) % 24 >= 18 for at, _, _ in made)
    paying = shop.repricings.reprice([off("wallet", 100, payment_methods=frozenset({"wechat"}))])
    assert paying.touched.was == len(made)
    assert "paying_untold" in {n.code for n in paying.notes}


def test_whom_it_is_for_is_asked_of_each_day_and_limits_hold_in_the_order_of_time(shop: fairday.Shop) -> None:
    made = fill(shop)
    suzhou = shop.repricings.reprice([off("suzhou", 500, who="city = 'Suzhou'")])
    assert suzhou.touched.was == sum(who % 3 == 0 for _, who, _ in made)
    third = shop.repricings.reprice([off("third", 500, who="order_count >= 3")])
    assert third.touched.was < len(made)
    limited = off("few", 500)
    limited = msgspec.structs.replace(limited, limits=Limits(amount=2_200, person_uses=1))
    found = shop.repricings.reprice([limited])
    assert found.given.was == 2_000
    assert found.buyers == 4
    seen: list[int] = []
    for at, who, _ in made:
        if who not in seen:
            seen.append(who)
        if len(seen) == 4:
            assert found.stretches[(local_day(at, ZONE) - found.first) // 7][1] >= 1
            break


def test_a_coupon_is_in_everybodys_hand_or_drawn_from_a_pack_and_used_once(shop: fairday.Shop) -> None:
    made = fill(shop)
    five, twenty = off("five", 500, coupon=True), off("twenty", 2_000, spend=5_000, coupon=True)
    all_of_it = shop.repricings.reprice([five])
    assert all_of_it.touched.was == len(made)
    assert all_of_it.coupon
    pack = Handed(deck=(("five", 8), ("twenty", 2)), per_person=1)
    drawn = shop.repricings.reprice([five, twenty], handed=pack)
    assert drawn.buyers == drawn.touched.was == len({who for _, who, _ in made})
    assert {r.rule: r.carts for r in drawn.by_rule}["five"] > 0
    assert drawn.given.was == sum(r.given for r in drawn.by_rule)
    few = shop.repricings.reprice([five], handed=Handed(deck=(("five", 1),), per_person=20, most=30))
    assert few.touched.was == 30
    assert few.given.was == 15_000


def test_beside_the_promotions_of_today_only_what_it_adds_counts(shop: fairday.Shop, clock: ManualClock) -> None:
    made = fill(shop)
    better = msgspec.structs.replace(
        TENTH, id="better", group="tea", benefits=(PercentOff(percent=Decimal(15), goods=TEA),)
    )
    planned = msgspec.structs.replace(TENTH, group="tea", benefits=(PercentOff(percent=Decimal(20), goods=TEA),))
    with shop.db.write() as conn:
        shop.offers.save(conn, better, clock.now())
    alone, beside = shop.repricings.reprice([planned]), shop.repricings.reprice([planned], beside=True)
    assert beside.touched == alone.touched
    assert alone.given.was > beside.given.was > alone.given.was // 5
    less = msgspec.structs.replace(planned, benefits=(PercentOff(percent=Decimal(5), goods=TEA),))
    assert shop.repricings.reprice([less], beside=True).touched.was == 0, "the better one is taken"
    # The version in the book does not stand beside its own draft.
    assert shop.repricings.reprice([msgspec.structs.replace(better, priority=1)], beside=True).given.was > 0
    assert len(made) == alone.carts


def test_gifts_and_delivery_count_at_what_they_are(shop: fairday.Shop) -> None:
    made = fill(shop)
    gift = Rule(id="cup", benefits=(Gift(sku="cup-1", value=3990, cost=1500),), when=When(needs=(Need(spend=30_000),)))
    found = shop.repricings.reprice([gift])
    rich = sum(sum(q * n for _, q, n in goods) >= 30_000 for _, _, goods in made)
    assert (found.gifts, found.gift_cost, found.given.was) == (rich, rich * 1500, 0)
    free = Rule(id="free", benefits=(ShippingOff(),), layer="shipping")
    assert shop.repricings.reprice([free]).given.was == 1200 * len(made)


def test_it_runs_in_the_background_and_is_kept_without_anybody(shop: fairday.Shop) -> None:
    fill(shop)
    number = shop.repricings.start("tea", [TENTH], margin=25)
    shop.repricings.wait()
    with shop.db.read() as conn:
        run = shop.repricings.latest(conn, "tea")
        kept = conn.exec_driver_sql("SELECT said FROM replays").scalar_one()
        assert shop.repricings.latest(conn, "other") is None
    assert run is not None
    assert (run.id, run.status) == (number, "done")
    assert run.result is not None
    assert run.result.margin == 25
    assert run.result == msgspec.json.decode(kept, type=Repriced)
    assert '"u1"' not in kept
    assert "person" not in kept


def test_what_one_use_takes_off_is_told_by_the_latest_carts(shop: fairday.Shop, clock: ManualClock) -> None:
    rule = off("twenty", 2_000, coupon=True)
    assert shop.repricings.typical(rule).amount == 2_000, "no cart tells: its own words"
    made = fill(shop)
    told = shop.repricings.typical(msgspec.structs.replace(TENTH, when=When(coupon=True)))
    sums = [s for _, _, goods in made if (s := sum(q * n for p, q, n in goods if p.startswith("tea")))]
    assert told.carts == len(sums)
    assert abs(told.amount - sum(sums) / len(sums) / 10) <= 1
    assert told.low < told.amount < told.high
    assert told.share == pytest.approx(len(sums) / len(made))


def test_what_makes_no_sense_is_refused(shop: fairday.Shop) -> None:
    with pytest.raises(FairdayError) as none:
        shop.repricings.reprice([])
    assert none.value.code == "no_rules"
    with pytest.raises(FairdayError) as bad:
        shop.repricings.start("bad", [off("bad", -5)])
    assert bad.value.where is not None
    assert bad.value.where.startswith("bad")
    for first, last in ((10, 9), (0, 400)):
        with pytest.raises(FairdayError) as days:
            days_asked(first, last)
        assert days.value.code == "bad_replay_days"
    assert shop.repricings.reprice([TENTH]).carts == 0


def test_a_rule_with_dates_is_asked_of_the_same_days_a_year_before() -> None:
    start, end = day_start(20_600, ZONE), day_start(20_614, ZONE)
    days = usual_days([off("dated", 100, start=start, end=end)], 20_590, ZONE)
    assert days.last - days.first == 13
    assert days.first == 20_600 - 365
    assert usual_days([TENTH], 20_590, ZONE).first == 20_590 - 365


def test_the_command_line_says_it(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.db")
    with fairday.open(path, name="Tea", zone=ZONE, currency="CNY") as shop:
        fill(shop)
        with shop.db.write() as conn:
            shop.offers.save(conn, TENTH, shop.clock.now())
    said = CliRunner().invoke(main, ["reprice", "-s", path, "tenth", "--margin", "40"], catch_exceptions=False)
    assert said.exit_code == 0
    assert "It would have touched" in said.output
    whole = CliRunner().invoke(main, ["reprice", "-s", path, "tenth", "--json", "--beside"], catch_exceptions=False)
    assert msgspec.json.decode(whole.output, type=Repriced).carts == 200
    unknown = CliRunner().invoke(main, ["reprice", "-s", path, "tenht"])
    assert unknown.exit_code != 0
