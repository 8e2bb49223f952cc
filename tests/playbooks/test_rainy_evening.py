"""The playbook ``rainy-evening`` through its doors: a moment, met on the page by whoever looks just then."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.playbooks import rows as capability_rows
from playing import Play, customer, order

NOW = 1_790_593_200_000  # 2026-09-28 19:00 in Shanghai, a Monday
HOUR = 3_600_000
TEST = "tests/playbooks/test_rainy_evening.py"
GOODS = {"Tea": ["Oolong tea"], "Soup": ["Miso soup"], "Snacks": ["Sesame crackers"], "Garden": ["Green hose"]}
HOT = "Something hot"


@dataclass
class Outcome:
    dry: str = ""
    raining: str = ""
    feed: str = ""
    at_noon: str = ""
    elsewhere: str = ""
    shown: int = 0


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Play it: a buyer looks before it rains, while it rains, and the next noon; another lives where it is dry."""
    play = Play(shop, clock, NOW)
    if without != "G1":
        play.stock(GOODS)
    play.tell(
        *customer("u1", city="上海"),
        *customer("u2", city="北京"),
        order("u1", "a1", 30, ("Tea", "Oolong tea")),
        order("u2", "a2", 30, ("Tea", "Oolong tea")),
    )

    def edit(text: str) -> str:
        text = text.replace("guard: {holdout: 20%}\n", "")  # two shoppers, both to be looked at
        if without == "S1":
            text = text.replace("{moment: \"hour between 17 and 22 and weather in ('rain', 'storm')\"}", "always")
        if without == "S3":
            text = "\n".join(line for line in text.splitlines() if "look:" not in line)
        return text

    scene = play.start("rainy-evening", edit)
    one, two = play.remembered("u1"), play.remembered("u2")
    found = Outcome(dry=play.see(one))
    rain = {"event": "Weather Observed", "anonymousId": "weather",
            "properties": {"city": "上海", "weather": "Light rain", "temperature": 16}}  # fmt: skip
    play.tell(rain)
    found.raining, found.feed, found.elsewhere = play.see(one), play.see(one, "/feed"), play.see(two)
    found.shown = next(s.shown for s in shop.report().scenes if s.scene == scene)
    clock.move(17 * HOUR)
    play.tell(rain)
    found.at_noon = play.see(one)
    return found


PROMISES = {
    # It holds while it rains in the evening where the shopper is; not before, not elsewhere, not at noon.
    "S1": lambda o: HOT in o.raining and HOT in o.feed and not any(HOT in p for p in (o.dry, o.elsewhere, o.at_noon)),
    # The page has another look and greets while it holds.
    "S3": lambda o: "theme-warm" in o.raining and "It rains." in o.raining and "theme-warm" not in o.elsewhere,
    # With the shop's own goods, each on its floor, and no garden hose.
    "G1": lambda o: "Oolong tea" in o.raining and "Miso soup" in o.raining and "Sesame crackers" in o.raining,
}


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == []
    assert found.shown == 2, "the meeting on the page and that in the feed stand in the report"


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "rainy-evening" in r.playbooks}
    assert named == set(PROMISES)
    assert all(TEST in capability_rows()[i].tests for i in named)
