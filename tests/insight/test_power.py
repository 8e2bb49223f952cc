"""What your fans can tell you: from the audience's own past windows, and honest where they are few."""

from __future__ import annotations

import statistics

import pytest

import fairday
import patterned
from fairday.insight.power import in_words, members, power, values_of
from fairday.kernel.audience import parse
from fairday.kernel.clock import ManualClock, local_day
from fairday.models.power import detectable
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec

SCENE = """\
scene: tea
title: Tea
when: always
who: "orders(365d) >= 4"
where: [email]
guard: {holdout: 20%}
goal: {metric: orders, within: 14d}
"""


def spec_of(shop: fairday.Shop, text: str) -> SceneSpec:
    spec, problems = parse_scene(text, shop.vocabulary)
    assert spec is not None, problems
    return spec


def test_it_stands_on_what_the_audience_did_before(shop: fairday.Shop, clock: ManualClock) -> None:
    patterned.fill(shop)
    today = local_day(clock.now(), shop.settings.zone)
    with shop.db.read() as conn:
        found = power(conn, shop.settings, spec_of(shop, SCENE), clock.now())
        then = members(conn, shop.settings, parse("orders(365d) >= 4", shop.vocabulary), today - 15)
        values = values_of(conn, "orders", today - 14, today - 1)
    each = [values.get(p, 0.0) for p in then]
    assert found.people == found.audience == 130
    assert found.mean == pytest.approx(statistics.mean(each))
    spread = statistics.variance(each) / statistics.mean(each) ** 2
    assert found.lift == pytest.approx(detectable(spread, 130, 0.2))
    assert found.enough
    lifts = [lift for _, row in found.table for lift in row if lift is not None]
    assert lifts
    assert found.smaller is not None
    assert found.smaller.lift < (found.lift or 0)
    assert "you will see a lift of" in in_words(found)[0]


def test_a_small_shop_is_told_so(shop: fairday.Shop, clock: ManualClock) -> None:
    patterned.fill(shop)
    few = SCENE.replace("orders(365d) >= 4", "orders(36500d) = 1 and bought('category', 'coffee', 20d) >= 1")
    with shop.db.read() as conn:
        found = power(conn, shop.settings, spec_of(shop, few.replace("20%", "10%")), clock.now())
        nobody = power(conn, shop.settings, spec_of(shop, SCENE.replace("orders(365d) >= 4", "false")), clock.now())
        none_held = power(conn, shop.settings, spec_of(shop, SCENE.replace("guard: {holdout: 20%}\n", "")), clock.now())
    assert not found.enough
    assert found.lift is None
    assert "do not expect a number" in "\n".join(in_words(found))
    assert (nobody.people, nobody.lift) == (0, None)
    assert not none_held.holds
    assert none_held.holdout == 0.1
    assert "holds nobody out" in "\n".join(in_words(none_held))


@pytest.mark.parametrize("metric", ["revenue", "orders", "buyers", "new-buyers", "visits"])
def test_every_metric_is_counted(shop: fairday.Shop, clock: ManualClock, metric: str) -> None:
    patterned.fill(shop)
    today = local_day(clock.now(), shop.settings.zone)
    with shop.db.read() as conn:
        values = values_of(conn, metric, today - 30, today - 1)
    if metric == "visits":  # orders at the till are none
        assert values == {}
    elif metric == "new-buyers":
        assert set(values.values()) == {1.0}
        assert len(values) < len(patterned.FIRST_TIMERS) + 1
    else:
        assert len(values) > 90


def test_computed_traits_are_those_of_the_day(shop: fairday.Shop, clock: ManualClock) -> None:
    patterned.fill(shop)
    today = local_day(clock.now(), shop.settings.zone)
    with shop.db.read() as conn:
        by_trait = members(conn, shop.settings, parse("order_count = 1", shop.vocabulary), today - 20)
        by_window = members(conn, shop.settings, parse("orders(36500d) = 1", shop.vocabulary), today - 20)
    assert by_trait == by_window != set()
