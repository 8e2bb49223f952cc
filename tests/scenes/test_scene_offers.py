"""Offers of live scenes in the book: there while the scene is on, for whom it is, out of one purse."""

from __future__ import annotations

from decimal import Decimal

import pytest

import fairday
from fairday.kernel.errors import Conflict
from fairday.offers.model import AmountOff, Cart, Line, Rule
from fairday.scenes.grammar import parse_scene
from fairday.scenes.selling import rules_of

CART = Cart(currency="CNY", shipping=800, lines=(Line(line="1", sku="A", unit=10_000, qty=2, category="tea"),))
SCENE = """\
scene: spring
title: {zh: 春, en: Spring, es: Primavera}
when: WHEN
offer: OFFER
"""


def save(shop: fairday.Shop, offer: str, when: str = "always", rest: str = "") -> None:
    shop.save_scene(SCENE.replace("OFFER", offer).replace("WHEN", when) + rest)


def priced(shop: fairday.Shop, cart: Cart = CART):
    return shop.offers.price(cart, None, None, shop.clock.now())


def saved(shop: fairday.Shop) -> int:
    found = priced(shop)
    return found.discount + sum(n for _, n in found.shipping_discounts)


def test_an_offer_is_there_exactly_while_its_scene_is_live(shop: fairday.Shop) -> None:
    save(shop, "{spend: 200, off: 30}")
    assert saved(shop) == 0
    shop.move_scene("start", "spring")
    assert saved(shop) == 3_000
    with shop.db.read() as conn:
        assert [(r.id, r.source) for r in shop.offers.live(conn)] == [("scene/spring/1", "scene:spring")]
    save(shop, "{spend: 200, off: 40}")
    assert saved(shop) == 4_000
    before = priced(shop)
    assert shop.offers.holds(before, None, shop.clock.now()) == []
    shop.move_scene("pause", "spring")
    assert saved(shop) == 0
    with pytest.raises(Conflict):
        shop.offers.holds(before, None, shop.clock.now())
    shop.move_scene("resume", "spring")
    assert saved(shop) == 4_000
    shop.move_scene("end", "spring")
    assert saved(shop) == 0


@pytest.mark.parametrize(
    ("offer", "off"),
    [("{percent_off: 12.5}", 2_500), ("{off: 30, items: 3}", 0), ("{free_shipping: true}", 800),
     ("{off: 30, goods: category = 'tea'}", 3_000), ("{off: 30, goods: category = 'cups'}", 0),
     ("{tiers: [{spend: 100, off: 10}, {spend: 150, off: 25, free_shipping: true}]}", 3_300),
     ("{spend: 50, off: 5, repeat: true}", 2_000), ("{off: 30, person_uses: 3, first_order: true}", 0),
     ("{coupon: some-batch}", 0), ("{points: 50}", 0)],
)  # fmt: skip
def test_each_kind_of_offer_means_in_the_cart_what_the_scene_says(shop: fairday.Shop, offer: str, off: int) -> None:
    save(shop, offer)
    shop.move_scene("start", "spring")
    assert saved(shop) == off
    assert priced(shop).points_extra == (50 if "points" in offer else 0)


def test_offers_under_one_word_add_up_and_others_go_with_nothing(shop: fairday.Shop) -> None:
    save(shop, "[{off: 30, stack: spring}, {off: 5, stack: spring}, {off: 20}]")
    shop.move_scene("start", "spring")
    assert saved(shop) == 3_500
    with shop.db.write() as conn:
        shop.offers.save(conn, Rule(id="own", benefits=(AmountOff(amount=100),)), 1)
    assert saved(shop) == 3_500
    with shop.db.write() as conn:
        shop.offers.save(conn, Rule(id="own", benefits=(AmountOff(amount=100),), tags=frozenset({"spring"})), 1)
    assert saved(shop) == 3_600


def test_an_offer_holds_on_the_days_of_its_scene_and_for_its_people(shop: fairday.Shop) -> None:
    save(shop, "{off: 30}", "{festival: us.mothers_day, phases: {burst: 0d..0d}}")
    shop.move_scene("start", "spring")
    assert [t.code for t in priced(shop).refused] == ["not_now"]
    save(shop, "{off: 30}", "{dates: 2026-01-01..2030-12-31}", "who: age >= 60\n")
    assert [t.code for t in priced(shop).refused] == ["who"], "a stranger is in no audience"
    save(shop, "{off: 30}", "{dates: 2026-01-01..2030-12-31}")
    assert saved(shop) == 3_000
    save(shop, "{off: 30}", "{dates: 2029-01-01..2030-12-31}")
    assert [t.code for t in priced(shop).refused] == ["not_yet"]


def test_a_scenes_budget_is_one_purse_for_all_its_offers() -> None:
    text = SCENE.replace("WHEN", "always").replace("OFFER", "[{off: 30, stack: a}, {off: 5, stack: a}]")
    from fairday.kernel.settings import Settings
    from fairday.people.traits import vocabulary

    spec, problems = parse_scene(text + "guard: {budget: CNY 60}", vocabulary(Settings()))
    assert spec is not None, problems
    one, two = rules_of(spec, "Asia/Shanghai", "CNY")
    assert one.limits == two.limits
    assert (one.limits.amount, one.limits.purse) == (6_000, "scene/spring")
    assert one.benefits == (AmountOff(amount=3_000),)
    assert Decimal(two.benefits[0].amount) == 500


def test_uses_of_one_offer_are_not_told_in_the_purse_of_all() -> None:
    from fairday.kernel.settings import Settings
    from fairday.people.traits import vocabulary

    text = SCENE.replace("WHEN", "always").replace("OFFER", "{off: 30, uses: 3}")
    assert parse_scene(text, vocabulary(Settings()))[1] == []
    (problem,) = parse_scene(text + "guard: {budget: CNY 60}", vocabulary(Settings()))[1]
    assert problem.key == "offer[1].uses"
    assert "day_uses" in problem.remedy


def test_an_offer_narrows_the_people_of_its_scene() -> None:
    from fairday.kernel.settings import Settings
    from fairday.people.traits import vocabulary

    text = SCENE.replace("WHEN", "always").replace("OFFER", "{off: 30, who: age < 30}") + "who: city_tier = 1\n"
    spec, problems = parse_scene(text, vocabulary(Settings()))
    assert spec is not None, problems
    (rule,) = rules_of(spec, "Asia/Shanghai", "CNY")
    assert rule.when.who == "(city_tier = 1) and (age < 30)"


def test_a_purse_with_too_little_for_two_offers_of_one_cart_gives_one(shop: fairday.Shop) -> None:
    save(shop, "[{off: 30, stack: a}, {off: 25, stack: a}]", rest="guard: {budget: CNY 40}\n")
    shop.move_scene("start", "spring")
    found = priced(shop)
    assert found.discount == 3_000
    assert [(h.stream, h.data["amount"]) for h in shop.offers.holds(found, None, shop.clock.now())] == [
        ("budget:scene/spring", 3_000)
    ]
