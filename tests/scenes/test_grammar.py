from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.audience import MOMENT_FUNCTIONS
from fairday.kernel.festivals import all_festivals
from fairday.kernel.yamltree import Problem
from fairday.scenes import spec as specs
from fairday.scenes.grammar import GRAMMAR, parse_scene
from fairday.scenes.moment import MOMENT_TRAITS
from fairday.scenes.spec import to_yaml
from fairday.stores.near import WEATHERS
from scenespecs import EXAMPLES, PAGE, PEOPLE, scene_specs

SMALL = "scene: tea\ntitle: Tea\nwhen: always\n"


def read(text: str | bytes) -> list[Problem]:
    return parse_scene(text, PEOPLE, file="tea.yaml")[1]


def only(text: str | bytes) -> Problem:
    problems = read(text)
    assert len(problems) == 1, [str(p) for p in problems]
    return problems[0]


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_manuals_examples_are_scenes_and_come_back_from_their_yaml(text):
    found, problems = parse_scene(text, PEOPLE)
    assert problems == []
    assert found is not None
    again, problems = parse_scene(to_yaml(found), PEOPLE)
    assert problems == []
    assert again == found


def test_the_manuals_first_example_means_what_it_says():
    found, _ = parse_scene(EXAMPLES[0], PEOPLE)
    assert found is not None
    assert found.title.get("es") == "Productos de Año Nuevo"
    assert found.floors[1].title.get("zh") == "The reunion dinner"
    assert [(p.name, p.first, p.last) for p in found.when.phases] == [
        ("warm-up", -28, -15), ("burst", -14, -4), ("encore", -3, 7),
    ]  # fmt: skip
    assert found.guard.budget == specs.Amount("CNY", 5_000_000)
    assert found.guard.holdout == 100
    assert found.meets_at("email", "warm-up")
    assert not found.meets_at("email", "burst")
    assert found.meets_at("feed", "encore")


def test_every_key_is_in_the_manual_and_every_key_of_the_manual_exists():
    page = PAGE.read_text(encoding="utf-8").split("## Every key")[1].split("## Moments")[0]
    told = re.findall(r"^\| `([a-z_.-]+)` \|", page, re.M)
    keys = [f"{path}.{name}".lstrip(".") for path, names in GRAMMAR.items() for name in names]
    assert sorted(told) == sorted(keys)
    for words in (specs.TOUCHPOINTS, specs.RANKS, specs.METRICS, specs.THEMES):
        assert all(f"`{word}`" in page for word in words)
    assert all(f"`{{{word}}}`" in page for word in specs.PLACEHOLDERS)


def test_every_word_of_a_moment_is_in_the_manual_and_none_besides():
    page = PAGE.read_text(encoding="utf-8").split("## Moments")[1].split("## The calendar")[0]
    assert re.findall(r"^\| `([a-z_]+)` \|", page, re.M) == list(MOMENT_TRAITS)
    for words in (WEATHERS, MOMENT_FUNCTIONS):
        assert all(f"`{w}" in page or f"'{w}'" in page for w in words)


def test_the_manual_lists_the_calendar():
    page = PAGE.read_text(encoding="utf-8")
    for found in all_festivals():
        if "pay_day" not in found.name:
            titles = found.titles
            assert f"| `{found.name}` | {titles['zh']} | {titles['en']} | {titles['es']} |" in page


# Each: the text below scene and title, the key, the line and column, a word of the message or remedy.
WRONG = [
    ("whn: always", "whn", 3, 1, "Did you mean when"),
    ("when: allways", "when", 3, 7, "Write always"),
    ("when: {festival: cn.springfestival}", "when.festival", 3, 18, "cn.spring_festival"),
    ("when: {festival: own.wedding}", "when.festival", 3, 18, "known of people"),
    ("when: {festival: easter, dates: 2026-01-01}", "when", 3, 7, "Exactly one"),
    ("when: {phases: {a: 0d..1d}}", "when", 3, 7, "Exactly one"),
    ("when: {moment: 'hour >= 18', phases: {a: 0d..1d}}", "when.phases", 3, 38, "count from"),
    ("when: {moment: 'huor >= 18'}", "when.moment", 3, 17, "'hour'"),
    ("when: {moment: 'hour >= 18 and age < 30'}", "when.moment", 3, 32, "write it in who"),
    ("when: {moment: 'orders(30d) >= 1'}", "when.moment", 3, 17, "write it in who"),
    ("when: {moment: \"count('Product Viewed', 7d) >= 1\"}", "when.moment", 3, 17, "minutes_since"),
    ("when: {moment: \"known(days_since('Product Viewed'))\"}", "when.moment", 3, 23, "minutes_since"),
    ("when: {moment: \"weekday = 'sunny'\"}", "when.moment", 3, 27, "'sunday'"),
    ("when: {moment: \"weather = 'drizzle'\"}", "when.moment", 3, 27, "'rain'"),
    ("when: {moment: }", "when.moment", 3, 15, "condition"),
    ("when: always\nwho: hour >= 18", "who", 4, 6, "when.moment"),
    ("when: always\nwho: minutes_since('Product Viewed') < 9", "who", 4, 6, "moment"),
    ("when: {dates: soon}", "when.dates", 3, 15, "2026-12-01"),
    ("when: {dates: 2026-02-30}", "when.dates", 3, 15, "does not exist"),
    ("when: {dates: 2026-03-02..2026-03-01}", "when.dates", 3, 15, "end before"),
    ("when: {dates: 2026-03-01..2026-03-05, phases: {a: 0d..9d}}", "when.phases", 3, 47, "0d..4d"),
    ("when: {festival: easter, phases: {a: -3..-1}}", "when.phases.a", 3, 38, "-28d..-15d"),
    ("when: {festival: easter, phases: {a: 0d..3d, b: 2d..5d}}", "when.phases.b", 3, 49, "+4d"),
    ("when: {festival: easter, phases: {b: 2d..5d, a: 0d..1d}}", "when.phases.a", 3, 49, "order"),
    ("when: {festival: easter, phases: {B!: 2d..5d}}", "when.phases.B!", 3, 39, "small letters"),
    ("when: always\nwho: \"age < twenty\"", "who", 4, 13, "twenty"),
    ("when: always\nwho: aeg < 20", "who", 4, 6, "age"),
    ("when: always\nwho: [age]", "who", 4, 6, "list"),
    ("when: always\nwho:", "who", 4, 5, "condition"),
    ("when: always\nwho: |\n  age >= 20 and\n  aeg < 30", "who", 6, 3, "age"),
    ("when: always\nwho: >-\n    age >= 20 and\n    gender = 'x' and\n    aeg < 30", "who", 6, 14, "female"),
    ("when: always\nwho: 'gender = ''female'' and aeg < 30'", "who", 4, 31, "age"),
    ("when: always\nwhat: {floor: []}", "what.floor", 4, 8, "floors"),
    ("when: always\nwhat: {}", "what.floors", 4, 7, "missing"),
    ("when: always\nwhat: {look: [{who: age < 30}]}", "what.look[1]", 4, 15, "changes nothing"),
    ("when: always\nwhat: {look: {theme: festiv}}", "what.look[1].theme", 4, 22, "festive"),
    ("when: always\nwhat: {look: [{theme: calm, greting: Hi}]}", "what.look[1].greting", 4, 29, "greeting"),
    ("when: always\nwhat: {look: [{theme: calm, unless: aeg < 30}]}", "what.look[1].unless", 4, 37, "age"),
    ("when: always\nwhat: {floors: [{title: A}]}", "what.floors[1].goods", 4, 17, "missing"),
    ("when: always\nwhat: {floors: [{title: A, goods: \"colour = 'red'\"}]}", "what.floors[1].goods", 4, 36, "colour"),
    ("when: always\nwhat: {floors: [{title: A, goods: \"price>1\", rank: best}]}", "what.floors[1].rank", 4, 52, "popular"),
    ("when: always\nwhat: {floors: [{title: A, goods: \"price>1\", variety: 2}]}", "what.floors[1].variety", 4, 55, "0 to 1"),
    ("when: always\ntitle: B", "title", 4, 1, "twice"),
    ("when: always\noffer: [{spend: 5}]", "offer[1]", 4, 9, "exactly one"),
    ("when: always\noffer: [{off: 5, percent_off: 3}]", "offer[1]", 4, 31, "exactly one"),
    ("when: always\noffer: [{off: -5}]", "offer[1].off", 4, 15, "number"),
    ("when: always\noffer: [{coupon: Ny Pack}]", "offer[1].coupon", 4, 18, "small letters"),
    ("when: always\noffer: [{free_shipping: maybe}]", "offer[1].free_shipping", 4, 25, "true"),
    ("when: always\noffer: {off: 5, items: 1.5}", "offer[1].items", 4, 24, "whole"),
    ("when: always\nplay: {groupbuy: {}}", "play.groupbuy", 4, 8, "group-buy"),
    ("when: always\nplay: {group-buy: {size: 3, hours: 2}}", "play.group-buy.price", 4, 19, "missing"),
    ("when: always\nplay: {group-buy: {size: 1, hours: 2, price: {off: 1}}}", "play.group-buy.size", 4, 26, "2 to 1000"),
    ("when: always\nplay: {group-buy: {size: 3, hours: 2, price: {off: 1, becomes: 2}}}", "play.group-buy.price", 4, 46, "one way"),
    ("when: always\nwhere: [fed]", "where[1]", 4, 9, "feed"),
    ("when: always\nwhere: [{emial: run}]", "where[1].emial", 4, 10, "email"),
    ("when: {festival: easter, phases: {burst: 0d..1d}}\nwhere: [{email: brust}]", "where[1].email", 4, 17, "burst"),
    ("when: always\nwhere: [feed, feed]", "where[2]", 4, 15, "twice"),
    ("when: always\nguard: {budget: lots}", "guard.budget", 4, 17, "CNY 50000"),
    ("when: always\nguard: {budget: XQX 5}", "guard.budget", 4, 17, "XQX"),
    ("when: always\nguard: {budget: JPY 5.5}", "guard.budget", 4, 17, "0 decimals"),
    ("when: always\nguard: {per_person: often}", "guard.per_person", 4, 21, "3/week"),
    ("when: always\nguard: {per_person: 0/day}", "guard.per_person", 4, 21, "3/week"),
    ("when: always\nguard: {holdout: 0.1}", "guard.holdout", 4, 18, "10%"),
    ("when: always\nguard: {holdout: 95%}", "guard.holdout", 4, 18, "90%"),
    ("when: always\ngoal: {metric: fame, within: 14d}", "goal.metric", 4, 16, "revenue"),
    ("when: always\ngoal: {metric: revenue, within: 14}", "goal.within", 4, 33, "14d"),
    ("when: always\ngoal: {metric: revenue}", "goal.within", 4, 7, "missing"),
    ("when: always\nmessage: {subject: 'Hi {nmae}'}", "message.subject", 4, 24, "name"),
    ("when: always\nmessage: {subject: {en: \"a\\nb\"}}", "message.subject.en", 4, 25, "one line"),
    ("when: always\nmessage: {body: {fr: Salut}}", "message.body.fr", 4, 18, "zh, en, es"),
    ("when: always\nmessage: {body: {}}", "message.body", 4, 17, "zh, en or es"),
    ("when：always", "", 3, 1, "': '"),
]  # fmt: skip
# ruff: noqa: E501


@pytest.mark.parametrize(("rest", "key", "line", "column", "word"), WRONG, ids=[w[0][:60] for w in WRONG])
def test_a_wrong_value_is_named_with_line_column_key_and_remedy(rest, key, line, column, word):
    found = [p for p in read(f"scene: tea\ntitle: Tea\n{rest}\n") if p.code != "missing_key" or "missing" in word]
    found = [p for p in found if p.key == key] or found
    assert len(found) == 1, [str(p) for p in found]
    problem = found[0]
    assert (problem.key, problem.line, problem.column) == (key, line, column), str(problem)
    assert word in f"{problem.message} {problem.remedy}"
    assert str(problem).startswith(f"tea.yaml:{line}:{column}: ")


NOT_YAML = [
    ("", 1, "empty"),
    ("# only a comment", 1, "empty"),
    ("- a\n- b", 1, "keys"),
    ("scene: tea\n\ttitle: Tea", 2, "tab"),
    ("scene: tea\ntitle: a: b", 2, "quotes"),
    ("scene: 'tea\ntitle: Tea", 2, "not YAML"),
    ("scene: tea\ntitle: [a", 2, "not YAML"),
    ("scene: \x07", 1, "U+0007"),
    (b"scene: tea\ntitle: \xff", 2, "UTF-8"),
    (SMALL + "---\nscene: b", 4, "second document"),
    ("scene: " + "[" * 5000, 1, "nested"),
    ("x" * 1_000_001, 1, "1 MB"),
]


@pytest.mark.parametrize(("text", "line", "word"), NOT_YAML, ids=range(len(NOT_YAML)))
def test_what_is_not_a_page_of_yaml_is_one_clear_problem(text, line, word):
    problem = only(text)
    assert problem.line == line
    assert word in f"{problem.message} {problem.remedy}"


def test_aliases_anchors_and_tags_are_refused_before_they_unfold():
    bomb = "scene: tea\ntitle: &a Tea\nwhen: !!str always\nwho: *a\n" + "".join(
        f"x{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]\n" for i in range(1, 9)
    )
    problems = read(bomb)
    assert sum("anchor" in p.message for p in problems) == 9
    assert sum("alias" in p.message for p in problems) == 73
    assert any("tag" in p.message for p in problems)


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    problems = read("scene: Tea Time\nwhen: {festival: x.y}\nwho: aeg < 1\nguard: {holdout: 1}\ngaol: 3\n")
    assert [p.key for p in problems] == ["title", "scene", "when.festival", "who", "guard.holdout", "gaol"]
    assert "tea-time" in problems[1].remedy


@given(st.text("scen: {}[]'\"&*!|>-\n\t#,%@：，é🙂\\0", max_size=80))
@settings(max_examples=200)
def test_any_text_gives_a_spec_or_problems_and_never_an_exception(text):
    found, problems = parse_scene(SMALL + text, PEOPLE)
    assert (found is None) == bool(problems)
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in problems)


@given(scene_specs())
@settings(max_examples=40)
def test_every_spec_comes_back_equal_from_its_yaml(spec):
    text = to_yaml(spec)
    found, problems = parse_scene(text, PEOPLE)
    assert problems == [], text
    assert found == spec
    assert to_yaml(found) == text


def test_an_unknown_value_leaves_no_hole_in_a_message():
    fill = specs.fill
    assert fill("Hello {name}, hi", {"name": "Li"}) == "Hello Li, hi"
    assert fill("Hello {name}, hi", {}) == "Hello, hi"
    assert fill("{name}，年货节", {}) == "年货节"
    assert fill("{festival} in {days_left} days", {"festival": "Qixi", "days_left": "3"}) == "Qixi in 3 days"
