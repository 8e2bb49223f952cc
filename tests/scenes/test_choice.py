from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.audience import STANDARD_TRAITS, Facts, TraitDef, Vocabulary, yearly_day
from fairday.kernel.clock import DAY_MS, to_day
from fairday.kernel.trace import Step, Trace
from fairday.people.contact import Sent, Standing
from fairday.scenes.choice import Channel, Choice, Person
from fairday.scenes.choice import choose as met_by_index
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.grammar import parse_scene
from fairday.scenes.shelf import Product, Shelf
from fairday.scenes.spec import fill
from fairday.scenes.stage import Stage, Staged, own_dates
from fairday.scenes.taste import taste

ZONE = "Asia/Shanghai"
PEOPLE = Vocabulary({**STANDARD_TRAITS, "first_order_day": TraitDef("first_order_day", "day")}, "CNY")
GOODS = goods_vocabulary("CNY")
NEW_YEAR = to_day(date(2026, 2, 17))

CATEGORIES = ("tea", "gifts", "snacks", "drinks")
PRODUCTS = [
    Product(product=f"{c}{i}", title=f"{c} {i}", category=c, brand=f"b{i % 3}", price=1000 + i, currency="CNY",
            new_since=NEW_YEAR - i if i % 2 else None)
    for c in CATEGORIES for i in range(10)
]  # fmt: skip
BUYERS = {"tea1": 40, "tea2": 20, "gifts3": 30, "snacks0": 5}


def instant(day: int, hour: int = 12) -> int:
    return (
        int(datetime.combine(date.fromordinal(719163 + day), datetime.min.time(), ZoneInfo(ZONE)).timestamp() * 1000)
        + hour * 3_600_000
    )


def stage(*texts: str, products=PRODUCTS, buyers=BUYERS, today: int = NEW_YEAR) -> Stage:
    shelf = Shelf(products, buyers, "CNY")
    staged = []
    for n, text in enumerate(texts):
        spec, problems = parse_scene(text, PEOPLE, goods=GOODS)
        assert problems == []
        staged.append(Staged(spec, 1, n, shelf, PEOPLE, GOODS, today))
    return Stage(staged, shelf, PEOPLE, ZONE)


def person(number: int = 7, *, profile=(), activity=(), identifiers=(11, 12), arms=None, taken=None) -> Person:
    return Person(
        person=number, facts=Facts.of(profile, activity), identifiers=identifiers, arms=arms or {}, taken=taken or {}
    )


def exact(trait: str, value: int):
    return (trait, value, value, None, None)


NEW_YEAR_SCENE = """
scene: new-year
title: New Year goods
when: {festival: cn.spring_festival, phases: {warm-up: -28d..-15d, burst: -14d..-4d, encore: -3d..+7d}}
who: "orders(90d) >= 1"
what:
  floors:
    - {title: Gifts, unless: "age < 20", goods: "category in ('gifts', 'tea')"}
    - {title: Dinner, goods: "category in ('snacks', 'drinks', 'tea')"}
    - {title: Members, who: "age >= 60", goods: "price > 0"}
where: [feed, {email: warm-up}]
"""
FOR_YOU = """
scene: for-you
title: For you
when: always
what: {floors: [{title: A, goods: 'price > 0'}]}
where: [feed, page, email]
"""
BUYER = [("Order Completed", NEW_YEAR - 30, 1, 5000)]


def choose(*args, **options) -> Choice:
    """Chosen by the index, and again by asking every scene: nobody meets anything else."""
    quick, found = met_by_index(*args, **options), met_by_index(*args, explain=True, **options)
    assert (quick.shown, quick.withheld) == (found.shown, found.withheld)
    return found


def codes(choice: Choice) -> list[str]:
    return [s.code for s in choice.trace.steps]


def numbers(floor) -> list[str]:
    return [g.product.product for g in floor.goods]


@pytest.mark.parametrize(
    ("offset", "touchpoint", "phase"),
    [(-29, "feed", None), (-28, "feed", "warm-up"), (-28, "email", "warm-up"), (-14, "feed", "burst"),
     (-14, "email", None),
     (0, "feed", "encore"), (7, "feed", "encore"), (8, "feed", None), (0, "page", None)],
)  # fmt: skip
def test_a_scene_meets_people_in_its_phases_and_places_only(offset, touchpoint, phase):
    consenting = Channel(standing=Standing(consent=True, zone=ZONE))
    buyer = person(activity=[("Order Completed", NEW_YEAR - 60, 1, 5000)])
    found = choose(buyer, touchpoint, instant(NEW_YEAR + offset), stage(NEW_YEAR_SCENE), channel=consenting)
    assert [m.phase for m in found.shown] == ([phase] if phase else [])
    if phase:
        assert found.shown[0].occasion == NEW_YEAR
        assert found.shown[0].last_day - NEW_YEAR in (-15, -4, 7)
    else:
        assert codes(found) == ["not_here" if abs(offset) in (14, 0) else "not_now"]


def test_of_whom_it_is_not_known_they_are_not_in():
    assert codes(choose(person(), "feed", instant(NEW_YEAR), stage(NEW_YEAR_SCENE))) == ["not_for_them"]


def test_one_line_keeps_the_gift_floor_from_the_young_and_a_person_of_unknown_age_sees_it():
    now, on = instant(NEW_YEAR), stage(NEW_YEAR_SCENE)

    def floors(*profile):
        return [f.number for _, f in choose(person(profile=profile, activity=BUYER), "feed", now, on).floors]

    assert floors() == [1, 2]
    assert floors(exact("age", 19)) == [2]
    assert floors(exact("age", 20)) == [1, 2]
    assert floors(("age", 18, 25, None, None)) == [1, 2]
    assert floors(("age", 15, 19, None, None)) == [2]
    assert floors(exact("age", 61)) == [1, 2, 3]


def test_no_product_is_shown_twice_and_an_empty_floor_is_left_out():
    found = choose(person(activity=BUYER), "feed", instant(NEW_YEAR), stage(NEW_YEAR_SCENE, FOR_YOU), per_floor=50)
    shown = [n for _, floor in found.floors for n in numbers(floor)]
    assert len(shown) == len(set(shown)) == 40
    assert codes(found) == ["floor_not_for_them", "shown", "floor_empty", "no_goods"]
    assert [f.title.get("en") for _, f in found.floors] == ["Gifts", "Dinner"]


def test_popular_goods_come_first_for_a_stranger_and_say_so():
    found = choose(Person(), "feed", instant(NEW_YEAR), stage(FOR_YOU), per_floor=4)
    ((_, floor),) = found.floors
    assert numbers(floor) == ["tea1", "gifts3", "tea2", "snacks0"]
    assert floor.goods[0].reason == Step("popular", {"buyers": 40, "days": 28})
    assert found.new_arms() == []


def test_what_a_person_bought_lately_comes_before_what_is_popular_and_says_how_often():
    bought = [
        ("bought:category=drinks", NEW_YEAR - 20, 2, 0), ("bought:category=drinks", NEW_YEAR - 12, 1, 0),
        ("bought:product=drinks4", NEW_YEAR - 20, 2, 0), ("bought:product=drinks4", NEW_YEAR - 12, 1, 0),
    ]  # fmt: skip
    ((_, floor),) = choose(person(activity=bought), "feed", instant(NEW_YEAR), stage(FOR_YOU)).floors
    assert numbers(floor)[:3] == ["drinks4", "drinks0", "drinks1"]
    assert floor.goods[0].reason == Step("bought_before", {"times": 2, "days_ago": 12})
    assert floor.goods[1].reason == Step("bought_category", {"category": "drinks", "times": 2, "days_ago": 12})


def test_a_purchase_counts_half_after_sixty_days_and_tomorrows_not_at_all():
    found = taste(
        Facts.of((), [("bought:brand=b", 940, 2, 0), ("bought:brand=b", 1001, 5, 0), ("viewed:brand=b", 990, 1, 0)]),
        1000,
    )
    assert found.brand["b"].weight == pytest.approx(1.0)
    assert (found.brand["b"].times, found.brand["b"].days_ago) == (1, 60)
    assert taste(Facts.of((), [("bought:brand=b", 990, -2, 0), ("bought:colour=b", 990, 1, 0)]), 1000).brand == {}


def test_variety_takes_each_next_from_another_category():
    varied = FOR_YOU.replace("'price > 0'", "'price > 0', variety: 1")
    ((_, floor),) = choose(Person(), "feed", instant(NEW_YEAR), stage(varied), per_floor=4).floors
    assert sorted(g.product.category for g in floor.goods) == sorted(CATEGORIES)
    assert numbers(floor)[0] == "tea1"


def test_newest_goods_come_by_their_day_and_undated_ones_last():
    newest = FOR_YOU.replace("'price > 0'", "\"category = 'tea'\", rank: newest")
    ((_, floor),) = choose(Person(), "feed", instant(NEW_YEAR), stage(newest)).floors
    assert numbers(floor)[:5] == ["tea1", "tea3", "tea5", "tea7", "tea9"]
    assert numbers(floor)[5:] == ["tea0", "tea2", "tea4", "tea6", "tea8"]
    assert floor.goods[0].reason == Step("new", {"day": NEW_YEAR - 1})


def test_goods_of_unknown_price_or_another_currency_meet_no_condition_on_price():
    odd = [Product(product="a", title="A"), Product(product="b", title="B", price=5, currency="USD"),
           Product(product="c", title="C", price=5, currency="CNY", tags=("red",))]  # fmt: skip
    ((_, floor),) = choose(Person(), "feed", instant(NEW_YEAR), stage(FOR_YOU, products=odd, buyers={})).floors
    assert numbers(floor) == ["c"]
    assert floor.goods[0].reason == Step("in_scene")
    tagged = FOR_YOU.replace("'price > 0'", "\"has(tags, 'red')\"")
    assert len(choose(Person(), "feed", instant(NEW_YEAR), stage(tagged, products=odd)).floors) == 1
    assert choose(Person(), "feed", instant(NEW_YEAR), stage(tagged, products=[])).floors == []


HELD = FOR_YOU + "guard: {holdout: 50%, per_person: 1/week}\n"


def test_a_held_out_person_meets_nothing_and_what_they_would_have_met_is_written_down():
    found = choose(person(arms={"for-you": {11: "holdout"}}), "feed", instant(NEW_YEAR), stage(HELD), per_floor=2)
    assert found.shown == []
    assert found.new_arms() == []
    (happening,) = found.exposures(("user_id", "u"), instant(NEW_YEAR), ZONE)
    assert happening.name == "Scene Withheld"
    assert happening.properties["goods"] == ["tea1", "gifts3"]
    assert happening.properties["reason"] == "holdout"
    mixed = choose(person(arms={"for-you": {11: "holdout", 12: "treated"}}), "feed", instant(NEW_YEAR), stage(HELD))
    assert [m.withheld for m in mixed.withheld] == ["mixed"]


def test_an_arm_is_new_once_and_hangs_on_the_oldest_free_id():
    first = choose(person(identifiers=(30, 20)), "feed", instant(NEW_YEAR), stage(HELD))
    ((scene, identifier, arm),) = first.new_arms()
    assert (scene, identifier) == ("for-you", 20)
    again = choose(person(identifiers=(30, 20), arms={"for-you": {20: arm}}), "feed", instant(NEW_YEAR), stage(HELD))
    assert again.new_arms() == []
    assert [m.arm for m in (*again.shown, *again.withheld)] == [arm]
    taken = choose(
        person(identifiers=(30, 20), taken={"for-you": frozenset({20})}), "feed", instant(NEW_YEAR), stage(HELD)
    )
    assert taken.new_arms()[0][1] == 30


def test_nobody_falls_in_an_arm_before_they_are_eligible():
    held = NEW_YEAR_SCENE + "guard: {holdout: 10%}\n"
    assert choose(person(), "feed", instant(NEW_YEAR), stage(held)).new_arms() == []
    assert choose(person(activity=BUYER), "feed", instant(NEW_YEAR - 40), stage(held)).new_arms() == []
    assert len(choose(person(activity=BUYER), "feed", instant(NEW_YEAR), stage(held)).new_arms()) == 1


def test_what_is_held_back_takes_no_goods_from_the_floors_below():
    press = HELD.replace("for-you", "press").replace("when: always", "when: {dates: 2026-02-01..2026-02-20}")
    now, on = instant(NEW_YEAR), stage(press, FOR_YOU)
    held = choose(person(arms={"press": {11: "holdout"}}), "feed", now, on, per_floor=3)
    alone = choose(person(), "feed", now, stage(FOR_YOU), per_floor=3)
    assert [numbers(f) for _, f in held.floors] == [numbers(f) for _, f in alone.floors]


@pytest.mark.parametrize(
    ("standing", "hour", "reason"),
    [
        (None, 12, "no_consent"),
        (Standing(consent=True, zone=ZONE, suppressed="bounced"), 12, "suppressed"),
        (Standing(consent=True, zone=ZONE), 23, "quiet_hours"),
        (Standing(consent=True, zone=ZONE, sent=[Sent("for-you", instant(NEW_YEAR - 1))]), 12, "scene_frequency"),
        (Standing(consent=True, zone=ZONE), 12, "holdout"),
    ],
)
def test_a_message_asks_the_contact_rule_and_a_page_does_not(standing, hour, reason):
    channel = None if standing is None else Channel(standing=standing)
    held = person(arms={"for-you": {11: "holdout"}})
    found = choose(held, "email", instant(NEW_YEAR, hour), stage(HELD), channel=channel)
    assert [m.withheld for m in found.withheld] == [reason]
    assert (found.withheld[0].until is not None) == (reason in ("quiet_hours", "scene_frequency"))
    assert len(found.exposures(("email", "a@b.c"), instant(NEW_YEAR, hour), ZONE)) == (reason == "holdout")
    assert (
        len(choose(person(arms={"for-you": {11: "treated"}}), "page", instant(NEW_YEAR, hour), stage(HELD)).shown) == 1
    )


def test_a_message_whose_cost_exceeds_the_budget_left_is_withheld():
    channel = Channel(standing=Standing(consent=True, zone=ZONE), cost=5, budget_left={"for-you": 4})
    found = choose(person(), "email", instant(NEW_YEAR), stage(FOR_YOU), channel=channel)
    assert [m.withheld for m in found.withheld] == ["budget"]


def test_the_most_pressing_scene_comes_first():
    birthday = FOR_YOU.replace("for-you", "birthday").replace(
        "always", "{festival: own.birthday, phases: {week: -7d..0d}}"
    )
    soon = FOR_YOU.replace("for-you", "soon").replace("always", "{dates: 2026-02-01..2026-02-18}")
    on = stage(FOR_YOU, NEW_YEAR_SCENE, soon, birthday)
    born = person(profile=[exact("birthday", yearly_day(2, 20))], activity=BUYER)
    found = choose(born, "feed", instant(NEW_YEAR), on, per_floor=1)
    assert [m.spec.scene for m in found.shown] == ["birthday", "soon", "new-year", "for-you"]
    assert [m.spec.scene for m in choose(born, "feed", instant(NEW_YEAR), on, scene="soon").shown] == ["soon"]


def test_own_dates_are_exact_days_and_yearly_ones():
    facts = Facts.of(
        [
            exact("birthday", yearly_day(2, 29)),
            exact("first_order_day", 20_000),
            exact("age", 3),
            ("member_since", 1, 9, None, None),
        ]
    )
    assert own_dates(facts, PEOPLE) == {"birthday": to_day(date(1904, 2, 29)), "first_order_day": 20_000}


def test_a_trace_is_plain_json_and_back():
    trace = choose(person(), "feed", instant(NEW_YEAR), stage(NEW_YEAR_SCENE, FOR_YOU)).trace
    assert Trace.of(trace.plain()) == trace
    assert Trace().then("shown", scene="a").plain() == [{"code": "shown", "params": {"scene": "a"}}]


_measures = [f"bought:{m}" for m in ("product=tea1", "product=gone", "category=tea", "category=cheese", "brand=b1")]
_buckets = st.dictionaries(
    st.tuples(st.sampled_from(_measures), st.integers(-100, 10)), st.integers(-3, 9), max_size=12
).map(lambda found: sorted((m, NEW_YEAR + d, n, 0) for (m, d), n in found.items()))


@given(
    _buckets, st.sampled_from(["personal", "popular", "newest"]), st.integers(0, 10), st.integers(1, 60), st.booleans()
)
@settings(max_examples=40)
def test_a_floor_is_ordered_by_score_holds_only_its_goods_and_is_the_same_every_time(
    bought, rank, tenths, count, shuffled
):
    text = FOR_YOU.replace("'price > 0'", f"\"category in ('tea', 'gifts')\", rank: {rank}, variety: {tenths / 10}")
    who, now = person(activity=bought), instant(NEW_YEAR)
    products = PRODUCTS[::-1] if shuffled else PRODUCTS
    ((_, floor),) = choose(who, "feed", now, stage(text, products=products), per_floor=count).floors
    assert len(floor.goods) == min(count, 20)
    assert {g.product.category for g in floor.goods} <= {"tea", "gifts"}
    assert len(set(numbers(floor))) == len(floor.goods)
    if not tenths:
        assert [g.score for g in floor.goods] == sorted((g.score for g in floor.goods), reverse=True)
        shorter = choose(who, "feed", now, stage(text, products=products), per_floor=max(1, count // 2)).floors
        assert numbers(floor)[: max(1, count // 2)] == numbers(shorter[0][1])
    again = choose(who, "feed", now, stage(text), per_floor=count).floors
    assert numbers(again[0][1]) == numbers(floor)


def test_a_day_is_the_shops_own():
    last = NEW_YEAR + 7
    buyer = person(activity=BUYER)
    assert choose(buyer, "feed", instant(last, 23), stage(NEW_YEAR_SCENE)).shown
    assert not choose(buyer, "feed", instant(last, 24), stage(NEW_YEAR_SCENE)).shown
    assert instant(last, 24) == instant(last) + DAY_MS // 2


def test_a_message_is_filled_with_the_festival_and_the_days_left():
    buyer, on = person(activity=BUYER), stage(NEW_YEAR_SCENE)
    (met,) = choose(buyer, "feed", instant(NEW_YEAR - 5), on).shown
    assert met.placeholders(NEW_YEAR - 5, "zh", "茶店", "李") == {
        "name": "李", "shop": "茶店", "festival": "春节", "days_left": "5",
    }  # fmt: skip
    assert met.placeholders(NEW_YEAR, "en", "Tea")["days_left"] == "0"
    assert met.placeholders(NEW_YEAR + 1, "en", "Tea")["days_left"] == ""
    dated = FOR_YOU.replace("when: always", "when: {dates: 2026-02-01..2026-02-20}")
    (met,) = choose(buyer, "feed", instant(NEW_YEAR), stage(dated)).shown
    assert met.placeholders(NEW_YEAR, "en", "Tea") == {
        "name": "", "shop": "Tea", "festival": "For you", "days_left": "3",
    }  # fmt: skip
    (met,) = choose(buyer, "feed", instant(NEW_YEAR), stage(FOR_YOU)).shown
    assert met.placeholders(NEW_YEAR, "en", "Tea")["days_left"] == ""


@pytest.mark.parametrize(
    ("rate", "met", "reason", "until"),
    [
        ("2/week", (-6, -1), "scene_frequency", 1),
        ("2/week", (-7, -1), "", None),
        ("2/week", (-6, 0), "", None),  # met today already: it stays today
        ("2/week", (-6, -3, -1), "scene_frequency", 4),
        ("3/week", (-6, -1), "", None),
        ("1/day", (-1,), "", None),
    ],
)
def test_a_limit_per_person_holds_on_pages_by_days_and_before_the_holdout(rate, met, reason, until):
    limited = FOR_YOU + f"guard: {{holdout: 50%, per_person: {rate}}}\n"
    days = {"for-you": frozenset(NEW_YEAR + d for d in met)}
    for arm in ("treated", "holdout"):
        who = Person(person=1, identifiers=(12, 11), arms={"for-you": {11: arm}}, days=days)
        for touchpoint in ("page", "feed"):
            found = choose(who, touchpoint, instant(NEW_YEAR), stage(limited))
            (one,) = (*found.shown, *found.withheld)
            assert one.withheld == reason or (arm == "holdout" and not reason and one.withheld == "holdout")
            assert one.until == (None if until is None else instant(NEW_YEAR + until, 0))
            exposure = found.exposure(("user_id", "u"), instant(NEW_YEAR), ZONE)
            assert len(exposure.happenings) == (not reason)
            new = not reason and rate.endswith("week") and 0 not in met
            assert list(exposure.days) == ([("for-you", 11, NEW_YEAR)] if new else [])


def test_a_page_has_room_for_so_many_floors_and_nobody_falls_in_an_arm_below_it():
    texts = [
        FOR_YOU.replace("for-you", f"s{n}").replace("'price > 0'", f"\"category = '{category}'\"")
        + "guard: {holdout: 10%}"
        for n, category in enumerate(CATEGORIES)
    ]
    arms = {"s0": {11: "treated"}, "s1": {11: "holdout"}, "s2": {11: "treated"}}
    found = choose(person(arms=arms), "feed", instant(NEW_YEAR), stage(*texts), floors=2)
    assert [m.spec.scene for m in found.shown] == ["s0", "s2"]  # what is held back takes no room
    assert [m.spec.scene for m in found.withheld] == ["s1"]
    assert found.new_arms() == []
    assert found.trace.steps[-1] == Step("no_room", {"scene": "s3", "phase": "run"})
    three = FOR_YOU.replace("[{title: A, goods: 'price > 0'}]", "[" + ", ".join(
        f"{{title: {c}, goods: \"category = '{c}'\"}}" for c in CATEGORIES) + "]")  # fmt: skip
    found = choose(person(), "feed", instant(NEW_YEAR), stage(three), floors=3)
    assert [f.number for _, f in found.floors] == [1, 2, 3]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Enough for the baby, {name}?", "Enough for the baby?"),
        ("{name}, it has been a while.", "It has been a while."),
        ("Hello {name}, look at {shop}", "Hello, look at Tea"),
        ("{name}，上次买已经有一阵了。", "上次买已经有一阵了。"),
        ("发薪了，{name}！", "发薪了！"),
        ("¿Queda bastante para el bebé, {name}?", "¿Queda bastante para el bebé?"),
        ("iced tea", "iced tea"),
    ],
)
def test_a_mail_to_somebody_without_a_name_reads_as_if_none_was_meant(template: str, said: str):
    assert fill(template, {"name": "", "shop": "Tea"}) == said
    assert fill(template.replace("{name}", "Li"), {"shop": "Tea"}) == template.replace("{name}", "Li").replace(
        "{shop}", "Tea"
    )
