from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel.clock import to_day
from fairday.scenes.conflicts import Sizes, by_scene, conflicts, messages, plan, stretches
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec
from scenespecs import PEOPLE, scene_specs

JAN, DEC = to_day(date(2026, 1, 1)), to_day(date(2026, 12, 31))


def day(text: str) -> int:
    return to_day(date.fromisoformat(text))


def spec(name: str, rest: str) -> SceneSpec:
    found, problems = parse_scene(f"scene: {name}\ntitle: {name}\n{rest}\n", PEOPLE)
    assert found is not None, [str(p) for p in problems]
    return found


def of(*specs: SceneSpec, per_week: int = 5, people: int | None = 10, status: str = "live"):
    def size(_: Sequence[SceneSpec]) -> int | None:
        return people

    plans = plan([(s, status) for s in specs], JAN, DEC)
    return conflicts(plans, per_week, size=size)


def kinds(*specs: SceneSpec, **known) -> list[str]:
    return [c.kind for c in of(*specs, **known)]


def test_stretches_are_the_phases_within_the_days_looked_at():
    festival = spec("a", "when: {festival: new_year, phases: {before: -3d..-1d, on: 0d..+1d}}").when
    assert [(s.first - JAN, s.last - JAN, s.phase) for s in stretches(festival, JAN, DEC)] == [
        (0, 1, "on"), (362, 364, "before"),
    ]  # fmt: skip
    dates = spec("a", "when: {dates: 2025-12-30..2026-01-02}").when
    assert [(s.first, s.last, s.phase) for s in stretches(dates, JAN, DEC)] == [(JAN, JAN + 1, "run")]
    assert stretches(spec("a", "when: {festival: own.birthday}").when, JAN, DEC) == ()
    assert [(s.first, s.last) for s in stretches(spec("a", "when: always").when, JAN, DEC)] == [(JAN, DEC)]
    assert [s.phase for s in stretches(spec("a", "when: {festival: easter}").when, JAN, DEC)] == ["day"]


@given(scene_specs(), st.integers(20_000, 21_000), st.integers(0, 500))
def test_on_every_day_a_scene_holds_exactly_where_its_stretches_say(found, first, span):
    if found.when.festival and found.when.festival.startswith("own."):
        return
    holds = {d: s.phase for s in stretches(found.when, first, first + span) for d in range(s.first, s.last + 1)}
    for d in range(first, first + span + 1, 7):
        phase = found.when.phase_on(d, {})
        assert holds.get(d) == (None if phase is None else phase[0]), d


def test_two_scenes_meet_the_same_people_at_one_place_on_the_same_days():
    one = spec("a", "when: {dates: 2026-03-01..2026-03-10}\nwhere: [page, email]")
    two = spec("b", "when: {dates: 2026-03-08..2026-03-20}\nwhere: [page]")
    found = of(one, two)
    assert [(c.kind, c.scenes, c.first, c.last, c.places, c.people) for c in found] == [
        ("overlap", ("a", "b"), day("2026-03-08"), day("2026-03-10"), ("page",), 10)
    ]
    assert kinds(one, two, people=0) == [], "nobody is in both"
    assert kinds(one, two, people=None) == ["overlap"]
    assert kinds(one, two, status="ended") == []
    assert kinds(one, spec("b", "when: {dates: 2026-03-11..2026-03-20}\nwhere: [page]")) == []
    assert kinds(one, spec("b", "when: {dates: 2026-03-08..2026-03-20}\nwhere: [feed]")) == []
    assert kinds(one, spec("b", "when: always\nwhere: [page]")) == [], "what is always there is the ground of the rest"
    phased = spec("b", "when: {dates: 2026-03-08..2026-03-20, phases: {x: 0d..4d, y: 5d..9d}}\nwhere: [{page: y}]")
    assert kinds(one, phased) == []


def test_offers_under_one_word_add_up():
    offers = "offer: [{off: 5, stack: spring}]"
    one = spec("a", f"when: {{dates: 2026-03-01..2026-03-10}}\n{offers}")
    two = spec("b", f"when: always\n{offers}")
    found = of(one, two)
    assert [(c.kind, c.word, c.first, c.last) for c in found] == [
        ("stack", "spring", day("2026-03-01"), day("2026-03-10"))
    ]
    assert kinds(one, spec("b", f"when: {{dates: 2026-04-01..2026-04-10}}\n{offers}")) == []


def test_more_mails_in_a_week_than_anybody_may_get():
    many = [spec(f"s{n}", f"when: {{dates: 2026-03-0{n}..2026-03-20}}\nwhere: [email]") for n in (1, 2, 3)]
    found = [c for c in of(*many, per_week=2) if c.kind == "mails"]
    assert [(c.number, c.first, c.scenes) for c in found] == [(3, day("2026-03-01"), ("s1", "s2", "s3"))]
    assert "mails" not in kinds(*many, per_week=3)
    daily = spec("rain", "when: {moment: \"weather = 'rain'\"}\nwhere: [email]")
    assert messages(plan([(daily, "live")], JAN, DEC)[0], JAN, JAN + 6) == 7
    rare = spec("rain", "when: {moment: \"weather = 'rain'\"}\nwhere: [email]\nguard: {per_person: 1/week}")
    assert messages(plan([(rare, "live")], JAN, DEC)[0], JAN, JAN + 6) == 1
    assert kinds(daily, per_week=5) == ["mails"]


def test_a_budget_that_cannot_reach_its_audience():
    rest = "when: {dates: 2026-03-01..2026-03-10}\noffer: [{off: 30}]\nguard: {budget: CNY 100}"
    found = of(spec("a", rest))
    assert [(c.kind, c.number, c.people) for c in found] == [("budget", 3, 10)]
    assert kinds(spec("a", rest.replace("CNY 100", "CNY 300"))) == []
    assert kinds(spec("a", rest.replace("off: 30", "percent_off: 10, spend: 300"))) == ["budget"]
    assert kinds(spec("a", rest.replace("off: 30", "coupon: x"))) == []
    assert kinds(spec("a", rest), people=None) == []


def test_holdouts_that_together_keep_many_from_something():
    held = [spec(f"s{n}", "when: {dates: 2026-03-01..2026-03-10}\nguard: {holdout: 20%}") for n in (1, 2)]
    found = of(*held)
    assert [(c.kind, c.number) for c in found] == [("holdout", 360)]
    assert kinds(held[0]) == []
    plans = plan([(s, "live") for s in held], JAN, DEC)
    assert conflicts(plans, 5, size=lambda specs: 10, only="s2") == found
    assert conflicts(plans, 5, size=lambda specs: 10, only="other") == []
    assert by_scene(found) == {"s1": 1, "s2": 1}


def test_people_are_counted_once_and_remembered(full_of_people):
    shop = full_of_people
    one, two = spec("a", "when: always\nwho: age < 30"), spec("b", "when: always\nwho: age >= 20")
    sizes = Sizes(most=2)
    with shop.db.read() as conn:
        size = sizes.over(conn, shop.vocabulary, JAN)
        assert size([one, two]) == 10
        assert size([two, one]) == 10
        assert size([one]) == 30
        assert size([two]) is None, "no more than so many queries at one look"
        assert size([one]) == 30
        assert sizes.over(conn, shop.vocabulary, JAN)([spec("c", "when: always")]) == 40
        long = [spec("d", f"when: always\nwho: {' or '.join([f'age < {n}'] * 200)}") for n in (30, 31)]
        assert sizes.over(conn, shop.vocabulary, JAN)(long) is None
