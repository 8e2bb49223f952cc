"""What tests of scenes share: the manual's examples, random specs, and the words of a shop."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from hypothesis import strategies as st

from fairday.kernel import festivals
from fairday.kernel.audience import STANDARD_TRAITS, Vocabulary
from fairday.offers.model import Rule
from fairday.scenes import spec as specs
from rulespecs import rules

PAGE = Path(__file__).parents[1] / "docs" / "merchants" / "scenes.md"
PEOPLE = Vocabulary(STANDARD_TRAITS, "CNY")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
MOMENTS = ["hour between 18 and 22 and weather = 'rain'", "minutes_since('Product Viewed') <= 30", "km_to_store <= 1"]

_words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), min_size=1).filter(
    str.strip
)
_texts = st.builds(specs.Words, zh=_words, en=st.just("") | _words)
_number = st.decimals("0.01", "99999", places=2).map(lambda d: d.normalize() + 0)


def _of_a_scene(rule: Rule) -> Rule:
    """A rule without what its scene says."""
    replace = msgspec.structs.replace
    return replace(rule, id="", source="", limits=replace(rule.limits, amount=None, uses=None, purse=""),
                   when=replace(rule.when, scene="", start=None, end=None))  # fmt: skip


@st.composite
def scene_specs(draw):
    """Random scenes, every one of them valid."""
    phases, at = [], draw(st.integers(-60, 0))
    for name in draw(st.lists(st.sampled_from(["warm-up", "burst", "encore", "no", "on"]), unique=True, max_size=3)):
        last = at + draw(st.integers(0, 9))
        phases.append(specs.Span(name, at, last))
        at = last + draw(st.integers(1, 5))
    name = draw(st.sampled_from([f.name for f in festivals.all_festivals() if f.own_trait != "first_order_day"]))
    when = draw(
        st.sampled_from([specs.When(), specs.When(name, phases=tuple(phases)), specs.When(None, 20_000, 20_050)])
    )
    if draw(st.booleans()):
        when = msgspec.structs.replace(when, moment=draw(st.sampled_from(MOMENTS)))
    where = tuple(
        specs.Place(t, tuple(draw(st.lists(st.sampled_from(when.names), unique=True))))
        for t in draw(st.lists(st.sampled_from(specs.TOUCHPOINTS), unique=True))
    )
    conditions = st.none() | st.sampled_from(["age < 20", "gender = 'female' and orders(90d) >= 1"])
    floor = st.builds(
        specs.Floor, title=_texts, goods=st.sampled_from(["category in ('tea', 'gifts')", specs.ALL_GOODS]),
        who=conditions, unless=conditions, moment=st.none() | st.just("hour >= 18"),
        rank=st.sampled_from(specs.RANKS), in_store=st.booleans(),
        variety=st.decimals("0", "1", places=2).map(lambda d: d.normalize() + 0),
    )  # fmt: skip
    look = st.builds(
        specs.Look, conditions, conditions, st.sampled_from(specs.THEMES), st.just(specs.Words()) | _texts,
    )  # fmt: skip
    offer = st.one_of(st.builds(specs.Offer, rule=rules().map(_of_a_scene)), st.just(specs.Offer(coupon="pack")))
    return specs.SceneSpec(
        draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)), draw(_texts), when, draw(conditions),
        tuple(draw(st.lists(look, max_size=2))), tuple(draw(st.lists(floor, max_size=3))),
        tuple(draw(st.lists(offer, max_size=3))),
        draw(st.none() | st.builds(specs.GroupBuy, st.integers(2, 9), st.integers(1, 99), becomes=_number)), where,
        draw(st.builds(specs.Guard, st.none() | st.builds(specs.Amount, st.sampled_from(["CNY", "JPY", "KWD"]),
                                                          st.integers(1, 10**9)),
                       st.none() | st.builds(specs.Rate, st.integers(1, 99), st.sampled_from(["day", "week"])),
                       st.integers(0, 900))),
        draw(st.none() | st.builds(specs.Goal, st.sampled_from(specs.METRICS), st.integers(1, 366))),
        draw(st.builds(specs.Message, st.just(specs.Words()) | st.just(specs.Words(en="Hi {name}")),
                       st.just(specs.Words(zh="第一行\n第二行 {festival}\n")))),
    )  # fmt: skip
