"""The playbook ``new-year-goods`` through its doors, and once without each row's capability."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.playbooks import rows as capability_rows
from playing import Play, customer, order

NOW = 1_800_064_800_000  # 2027-01-16 10:00 in Shanghai: the warm-up of Spring Festival, 6 February 2027
DAY = 86_400_000
TEST = "tests/playbooks/test_new_year_goods.py"
PEOPLE = 60
GOODS = {
    "Tea": ["Jasmine tea", "Puer tea"],
    "Gift boxes": ["Red box"],
    "Meat": ["Cured meat", "Pork belly"],
    "Cat food": ["Tuna bites"],
}


@dataclass
class Outcome:
    mails: dict[str, int] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    feed: str = ""
    by_email: dict[str, int] = field(default_factory=dict)
    in_warm_up: list[str] = field(default_factory=list)
    in_spring: list[str] = field(default_factory=list)
    categories: tuple[float, float] | None = None
    steps: bool = False
    reported: bool = False
    arms: tuple[int, int] = (0, 0)


def run(shop: fairday.Shop, clock: ManualClock, without: str = "", read: bool = False) -> Outcome:
    """Play it: sixty customers of tea, some of them sixteen; the mail, the page, and what the treated buy then."""
    play = Play(shop, clock, NOW)
    if without == "I1":
        del shop.followers._followers["touches"]
    if without != "G1":
        play.stock(GOODS)
    people = [f"u{n}" for n in range(PEOPLE)]
    calls = []
    for n, user in enumerate(people):
        known = {} if without == "P2" else {"age": 16 if n % 10 == 1 else 34, "name": f"Li {n}"}
        calls += [*customer(user, **known), order(user, f"a{n}", 40, ("Tea", "Jasmine tea"))]
    play.tell(*calls)

    def edit(text: str) -> str:
        text = text.replace("holdout: 10%", "holdout: 30%")
        if without == "S1":
            text = text.replace('{festival: "cn.spring_festival", phases: {warm-up: -28d..-15d, burst: -14d..-1d, '
                                "encore: 0d..7d}}", "always").replace("{email: [warm-up, burst]}", "email")  # fmt: skip
        if without == "S2":
            text = text.replace(", holdout: 30%", "")
        if without == "S3":
            text = text.replace('      unless: "age < 20"\n', "").replace(
                'who: "age < 20", theme: young', "theme: young"
            )
        if without == "S4":
            text = text.replace("where: [feed, ", "where: [")
        if without == "R3":
            text = text.replace(", {email: [warm-up, burst]}", "")
        return text

    scene = play.start("new-year-goods", edit)
    play.mail()
    play.mail()
    found = Outcome()
    mails = play.mails(scene)
    for address in mails:
        found.mails[address] = found.mails.get(address, 0) + 1
    for crowd, some in (("young", people[1::10]), ("grown", people[::10])):
        told = next((m for u in some if (m := mails.get(f"{u}@example.com")) is not None and "m=" in m.text), None)
        shopper = play.remembered(some[-1]) if told is None else play.by_mail(told)
        found.pages[crowd] = play.see(shopper)
    found.feed = play.see(shopper, "/feed")
    now, spring = (shop.choose("user_id:u3", "page", now=NOW + days * DAY) for days in (0, 60))
    found.in_warm_up = [m.spec.scene for m in (*now.shown, *now.withheld)]
    found.in_spring = [m.spec.scene for m in (*spring.shown, *spring.withheld)]
    # Whoever was written to tries the dinner; whoever was held out buys tea, as before.
    clock.move(DAY)
    bought = []
    for n, user in enumerate(people):
        line = ("Meat", "Pork belly") if f"{user}@example.com" in mails else ("Tea", "Jasmine tea")
        bought.append(order(user, f"b{n}", 0, line))
    play.tell(*bought)
    clock.move(DAY)
    report = shop.report()
    channels = [row.channel for row in report.sources.rows]
    for model in report.sources.models:
        found.by_email[model.model] = dict(zip(channels, model.revenue, strict=True)).get("email", 0)
    (effect,) = [s for s in report.scenes if s.scene == scene]
    found.arms = (effect.treated.people, effect.holdout.people)
    if effect.categories is not None:
        found.categories = (effect.categories.treated, effect.categories.held)
        found.steps = effect.days is not None and effect.meetings is not None
    found.reported = read and effect.titles["en"] in play.report()
    return found


PROMISES = {
    # What was told of a person speaks: the sixteen-year-old has no gift floor.
    "P2": lambda o: "To visit with" not in o.pages["young"],
    # It holds in the weeks before New Year, and not in spring.
    "S1": lambda o: o.in_warm_up == ["new-year-goods"] and o.in_spring == [],
    # Against its holdout the report counts categories bought for the first time, and the steps to the purchase.
    "S2": lambda o: o.categories is not None and o.categories[0] > o.categories[1] == 0 and o.steps,
    # The same page has other floors and another look for the young, in one line.
    "S3": lambda o: "To visit with" in o.pages["grown"] and "To visit with" not in o.pages["young"]
    and "theme-festive" in o.pages["grown"] and "theme-young" in o.pages["young"],
    # Its own goods stand on its floors, cat food does not.
    "G1": lambda o: "Puer tea" in o.pages["grown"] and "Pork belly" in o.pages["grown"],
    # The feed holds the scene's floor between goods of the person's own, each with its reason.
    "S4": lambda o: "To visit with" in o.feed and "You often buy Tea" in o.feed and o.feed.count("/goods/") > 5,
    # Whoever came by the mail and bought is credited to mail, by every model.
    "I1": lambda o: len(o.by_email) >= 9 and min(o.by_email.values()) > 0,
    # One mail each.
    "R3": lambda o: len(o.mails) > 30 and set(o.mails.values()) == {1},
}  # fmt: skip


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock, read=True)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == [], found.arms
    assert min(found.arms) >= 10
    assert found.reported


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "new-year-goods" in r.playbooks}
    assert named == set(PROMISES)
    assert all(TEST in capability_rows()[i].tests for i in named)
