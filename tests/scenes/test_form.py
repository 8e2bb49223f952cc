from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.scenes import form as forms
from fairday.scenes.grammar import GRAMMAR, parse_scene
from scenespecs import EXAMPLES, PEOPLE, scene_specs


@given(scene_specs())
@settings(max_examples=60)
def test_every_spec_comes_back_equal_from_its_form(spec):
    form = forms.read(forms.pairs(forms.of(spec)))
    assert form == forms.of(spec)
    text = forms.text(forms.without_blanks(form), "CNY")
    found, problems = parse_scene(text, PEOPLE)
    assert problems == [], text
    assert found == spec


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_manuals_scenes_come_back_equal_from_their_forms(text):
    spec, _ = parse_scene(text, PEOPLE)
    assert spec is not None
    assert parse_scene(forms.text(forms.of(spec), "CNY"), PEOPLE)[0] == spec


def _filled(**fields: str) -> forms.Form:
    spec, _ = parse_scene(EXAMPLES[0], PEOPLE)
    assert spec is not None
    given = dict(forms.pairs(forms.of(spec))) | {name.replace("__", "."): v for name, v in fields.items()}
    return forms.read(given.items())


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("scene", "Year Goods", "scene"),
        ("title.en", "x" * 300, "title.en"),
        ("when.festival", "cn.springfestival", "when.festival"),
        ("when.kind", "dates", "when.first"),
        ("when.moment", "huor > 3", "when.moment"),
        ("when.phases[2].last", "x", "when.phases[2].name"),
        ("when.phases[2].name", "Burst!", "when.phases[2].name"),
        ("who", "aeg < 3", "who"),
        ("what.look[1].theme", "bright", "what.look[1].theme"),
        ("what.look[1].unless", "aeg < 3", "what.look[1].unless"),
        ("what.floors[2].goods", "", "what.floors[2].goods"),
        ("what.floors[2].title.en", "", "what.floors[2].title.zh"),
        ("what.floors[2].variety", "3", "what.floors[2].variety"),
        ("offer[1].benefit", "", "offer[1].benefit"),
        ("offer[1].value", "-3", "offer[1].value"),
        ("offer[2].value", "Ny Pack", "offer[2].value"),
        ("offer[1].spend", "much", "offer[1].spend"),
        ("play.size", "1", "play.size"),
        ("play.amount", "", "play.amount"),
        ("where.email.phases", "warm", "where.email"),
        ("guard.budget", "lots", "guard.budget"),
        ("guard.count", "often", "guard.count"),
        ("guard.holdout", "95", "guard.holdout"),
        ("goal.within", "", "goal.within"),
        ("message.subject.en", "Hi {nmae}", "message.subject.en"),
    ],
)
def test_a_problem_stands_at_its_field(name, value, field):
    form = _filled(**{name: value})
    _, problems = parse_scene(forms.text(form, "CNY"), PEOPLE)
    found = forms.named([*problems, *forms.doubled(form)], form)
    assert field in found, (list(found), problems)
    known = {n for n, _ in forms.pairs(_filled())} | {"what.floors"}
    assert set(found) <= known


def test_two_phases_of_one_name_are_told():
    form = _filled(**{"when.phases[2].name": "warm-up"})
    assert list(forms.named(forms.doubled(form), form)) == ["when.phases[1].name"]
    form.single["when.kind"] = "always"
    assert forms.doubled(form) == []


def test_every_key_of_the_grammar_has_a_field():
    known = {f"{path}.{f.split('.')[0]}" for path, fields in forms.ROWS.items() for f in fields} | set(forms.SINGLE)
    known |= {f.removesuffix(f".{lang}") for f in forms.SINGLE for lang in ("zh", "en", "es")}
    for path, names in GRAMMAR.items():
        for name in names:
            key = f"{path}.{name}".lstrip(".")
            if key in GRAMMAR or key in ("where", "offer", "offer.coupon"):
                continue
            for listed in ("what.floors", "what.look", "offer"):
                key = key.replace(f"{listed}.", f"{listed}[1].")
            at = forms.field_of(key, _filled())
            plain = at.replace("[1]", "").removesuffix(".zh")
            assert plain in known or plain.startswith("when.phases"), key


def test_rows_are_added_removed_and_moved():
    form = _filled()
    two = [row["goods"] for row in form.rows["what.floors"]]
    assert [r.get("goods") for r in forms.changed(form, "add:what.floors").rows["what.floors"]] == [*two, None]
    assert [r["goods"] for r in forms.changed(form, "up:what.floors:2").rows["what.floors"]] == two[::-1]
    assert [r["goods"] for r in forms.changed(form, "down:what.floors:1").rows["what.floors"]] == two[::-1]
    assert [r["goods"] for r in forms.changed(form, "remove:what.floors:1").rows["what.floors"]] == two[1:]
    for nothing in ("up:what.floors:1", "down:what.floors:2", "remove:what.floors:9", "remove:what.floors", "fly",
                    "add:x", "remove:what.floors:-1", ":::::"):  # fmt: skip
        assert forms.changed(form, nothing).rows == form.rows
    full = form
    for _ in range(40):
        full = forms.changed(full, "add:offer")
    assert len(full.rows["offer"]) == forms.MOST_ROWS
    assert forms.without_blanks(full).rows == form.rows


_NAMES = [*forms.SINGLE, "where.email", "where.x", "what.floors[1].goods", "offer[0].value", "offer[999].value",
          "when.phases[1].name", "csrf"]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(_NAMES), st.text(max_size=12)), max_size=12))
def test_whatever_is_posted_gives_a_spec_or_problems_at_some_field(given_):
    form = forms.without_blanks(forms.read(given_))
    spec, problems = parse_scene(forms.text(form, "CNY"), PEOPLE)
    assert (spec is None) == bool(problems)
    forms.named(problems, form)


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("scene: a # b", True),
        ("# a\nscene: b", True),
        ("who: \"a = '#b'\"", False),
        ("title: a#b", False),
        ("scene: a", False),
    ],
)
def test_comments_are_seen(text, has):
    assert forms.comments(text) is has
