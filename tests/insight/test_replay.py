"""Had this run last year: the walk against SQL of each day, and nothing later known."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.insight.replay import Replay, last_time, period_of, replay
from fairday.insight.replay.face import face_value
from fairday.kernel.audience import parse
from fairday.kernel.clock import DAY_MS, ManualClock, day_start, local_day, to_date
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.people import audiences
from fairday.people.traits import vocabulary
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import Offer, SceneSpec
from fairday.storage.log import Happening

PEOPLE = 40
SCENE = """\
scene: tea
title: Tea
when: {dates: 2026-05-10..2026-05-23, phases: {first: 0d..6d, second: 7d..13d}}
who: "orders(30d) >= 1 and not (age < 20)"
what:
  floors:
    - {title: Tea, goods: "category = 'tea'"}
    - {title: Gifts, goods: "category = 'gifts'", unless: "order_count >= 3"}
offer: [{spend: 20, off: 5}]
where: [page, {email: first}]
guard: {holdout: 20%, budget: CNY 400}
goal: {metric: revenue, within: 14d}
"""


def said(id_: str, kind: str, name: str, at: int, who: int, **body: Any) -> Happening:
    ids = (("user_id", f"u{who}"), ("email", f"p{who}@example.com"))
    return Happening(message_id=id_, kind=kind, name=name, at=at, received=at, source="server:till", ids=ids, body=body)


def order(id_: str, at: int, who: int, product: str, price: float = 30.0) -> Happening:
    lines = [{"product_id": product, "category": product.partition("-")[0], "price": price, "quantity": 1}]
    return said(
        id_, "track", "Order Completed", at, who, properties={"order_id": id_, "total": price, "products": lines}
    )


def fill(shop: fairday.Shop) -> None:
    """Half a year of forty people up to 23 May; the youngest are told young, every tenth agreed to no mail."""
    luck, end, rows = random.Random(3), day_start(local_day(shop.clock.now(), "Asia/Shanghai") - 8, "Asia/Shanghai"), []
    for n in range(400):
        rows.append(
            order(
                f"o{n}",
                end - luck.randrange(180 * DAY_MS),
                luck.randrange(PEOPLE),
                f"{luck.choice(['tea', 'gifts', 'pots'])}-{luck.randrange(4)}",
            )
        )
    for who in range(PEOPLE):
        rows.append(said(f"i{who}", "identify", "", end - 170 * DAY_MS, who, traits={"age": 16 + who}))
        if who % 10:
            rows.append(
                said(
                    f"c{who}",
                    "track",
                    "Consent Given",
                    end - (160 - who * 4) * DAY_MS,
                    who,
                    properties={"channel": "email"},
                )
            )
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.catch_up()
    with shop.db.write() as conn:
        goods = [
            ProductRow(product=f"{c}-{n}", title=f"{c} {n}", category=c, price=3000, currency="CNY")
            for c in ("tea", "gifts", "pots") for n in range(4)
        ]  # fmt: skip
        save_products(conn, goods, shop.clock.now())


def spec_of(shop: fairday.Shop, text: str = SCENE) -> SceneSpec:
    spec, problems = parse_scene(text, shop.vocabulary)
    assert spec is not None, problems
    return spec


def run(shop: fairday.Shop, text: str = SCENE, **more: Any) -> Replay:
    spec = spec_of(shop, text)
    day = spec.when.first_day
    assert day is not None
    return replay(
        shop.db, shop.settings, spec, shop.clock.now(), period_of(spec, day, spec.when.last_day or day), **more
    )


def test_each_day_is_what_sql_of_that_day_says(shop: fairday.Shop) -> None:
    fill(shop)
    told: list[tuple[int, int]] = []
    found = run(shop, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > PEOPLE
    who = parse("orders(30d) >= 1 and not (age < 20)", shop.vocabulary)
    with shop.db.read() as conn:
        for day in found.days:
            inside = audiences.pick(conn, who, day.day)
            came = {
                p for (p,) in conn.exec_driver_sql(
                    "SELECT DISTINCT o.person FROM activity a JOIN ownership o ON o.id = a.interval_id"
                    f" WHERE a.day = {day.day} AND substr(a.measure, 1, 12) = 'active:hour='"
                )
            }  # fmt: skip
            assert day.audience == len(inside), to_date(day.day)
            assert day.met + day.held == len(inside & came)
    assert {d.phase for d in found.days} == {"first", "second"}
    assert sum(d.mailed for d in found.days) == found.mails == found.mailed > 0
    assert all(d.mailed == 0 for d in found.days if d.phase == "second")
    assert 0 < found.held < found.people <= found.reached
    assert found.mails_at_most >= found.mails
    assert found.cost.total == min(found.cost.offers, 40_000) > 0
    assert [f.number for f in found.floors] == [1, 2]
    assert {g.product.split("-")[0] for g in found.floors[0].goods} == {"tea"}
    assert found.floors[0].units > 0
    assert found.sampled > 0


def test_what_comes_later_changes_no_earlier_day(shop: fairday.Shop) -> None:
    fill(shop)
    shop.change_settings(mail_cost=5000)
    rfm = SCENE.replace("not (age < 20)", "not (age < 20) and rfm_frequency >= 2 and known(favourite_category)")
    before, scored = run(shop), run(shop, rfm)
    assert scored.people > 0
    later = day_start(local_day(shop.clock.now(), "Asia/Shanghai") - 5, "Asia/Shanghai")
    rows = [order(f"late{n}", later + n * 1000, n % PEOPLE, "pots-1", 900.0) for n in range(200)]
    for who in range(PEOPLE):
        rows.append(said(f"young{who}", "identify", "", later, who, traits={"age": 12}))
        name = "Consent Withdrawn" if who % 10 else "Consent Given"
        rows.append(said(f"said{who}", "track", name, later, who, properties={"channel": "email"}))
    shop.append(rows).result()
    shop.catch_up()
    shop.midnight.tick(shop.clock.now())
    shop.catch_up()
    for old, text in ((before, SCENE), (scored, rfm)):
        # What everyone has agreed to by today is said beside it, and is not what is asked here.
        plain = [
            msgspec.structs.replace(
                r, mails_at_most=0, notes=[], cost=msgspec.structs.replace(r.cost, mails=0, total=0)
            )
            for r in (old, run(shop, text))
        ]
        assert plain[0] == plain[1]
    # Taken as told today, everybody is twelve.
    assert run(shop, told_today=True).people == 0


def test_the_same_days_a_year_before_the_next_run() -> None:
    with_ = lambda when: parse_scene(f"scene: x\ntitle: x\nwhen: {when}\n", fairday_words())[0]  # noqa: E731
    today = 20_605  # 2026-06-01
    assert last_time(with_("{dates: 2026-05-10..2026-05-23}"), today).first == 20_583 - 365
    assert last_time(with_("{dates: 2026-05-10..2026-05-23}"), today).shift == 365
    valentine = last_time(with_("{festival: valentines_day, phases: {warm-up: -21d..-8d, burst: -7d..0d}}"), today)
    assert (str(to_date(valentine.first)), str(to_date(valentine.last))) == ("2026-01-24", "2026-02-14")
    always = last_time(with_("always"), today)
    assert (always.first, always.last) == (today - 365, today - 1)
    pay = last_time(with_("{festival: cn.pay_day.10}"), today)
    assert (pay.first, pay.last) == (today - 365, today - 1)
    leap = last_time(with_("{dates: 2028-02-29..2028-03-01}"), today + 700)
    assert str(to_date(leap.first)) == "2027-02-28"


def fairday_words() -> Any:
    from fairday.kernel.settings import Settings
    from fairday.people.traits import vocabulary

    return vocabulary(Settings())


def test_days_that_make_no_period_are_refused() -> None:
    spec = parse_scene("scene: x\ntitle: x\nwhen: always\n", fairday_words())[0]
    assert spec is not None
    for first, last in ((10, 9), (0, 400)):
        with pytest.raises(FairdayError, match="not usable"):
            period_of(spec, first, last)


def test_a_festival_and_an_own_day_are_replayed_too(tmp_path, clock: ManualClock) -> None:
    with fairday.open(tmp_path / "shop.db", clock=clock) as shop:
        fill(shop)
        own = "scene: first\ntitle: x\nwhen: {festival: own.last_order_day}\nwhere: [page]\n"
        found = replay(shop.db, shop.settings, spec_of(shop, own), clock.now())
        assert found.people == 0  # nobody's last order is a year ago
        day = "scene: kids\ntitle: x\nwhen: {festival: cn.childrens_day, phases: {week: -6d..0d}}\nwhere: [page]\n"
        found = replay(shop.db, shop.settings, spec_of(shop, day), clock.now() + 300 * DAY_MS)
        assert (str(to_date(found.first)), str(to_date(found.last))) == ("2026-05-26", "2026-06-01")
        assert found.days[0].audience == PEOPLE
        assert found.people == 0  # nobody came in those days


def offers_of(text: str) -> tuple[Offer, ...]:
    found, problems = parse_scene(f"scene: x\ntitle: x\nwhen: always\noffer: {text}\n", vocabulary(Settings()))
    assert found is not None, problems
    return found.offers


def test_offers_are_counted_at_their_full_value() -> None:
    off, percent = offers_of("[{off: 5, spend: 20}, {percent_off: 10}]")
    assert face_value([off], 2, 3000) == 500  # 30 in two orders: one of them at most reached 20
    assert face_value([off], 2, 1999) == 0
    assert face_value([off, percent], 2, 9000) == 1000  # the dearer one
    assert face_value(offers_of("[{off: 5, spend: 20, stack: all}, {percent_off: 10, stack: all}]"), 2, 9000) == 1900
    assert face_value(offers_of("{off: 50}"), 1, 3000) == 3000  # never more than was paid
    assert face_value(offers_of("{points: 10}"), 1, 3000) == 0
    assert face_value(offers_of("{tiers: [{spend: 20, off: 3}, {spend: 50, off: 10}]}"), 1, 6000) == 1000
    assert face_value(offers_of("{spend: 20, off: 3, repeat: true}"), 1, 6100) == 900
