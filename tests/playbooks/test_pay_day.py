"""The playbook ``pay-day`` through its doors: what it truly brought, and a small shop that is told no number."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.models import experiments
from fairday.models import power as power_model
from fairday.playbooks import rows as capability_rows
from playing import Play, customer, order

NOW = 1_812_592_800_000  # 2027-06-10 10:00 in Shanghai, a Thursday and pay day
DAY = 86_400_000
TEST = "tests/playbooks/test_pay_day.py"
PEOPLE, FEW = 100, 30
GOODS = {"Coffee": ["House blend"], "Rice": ["Long grain"], "Oil": ["Camellia oil"]}
LIFT = 30.0
"""What each of the treated spends more, as planted."""


@dataclass
class Outcome:
    mails: int = 0
    on_pay_day: bool = False
    a_week_later: bool = True
    money: tuple[float, float] | None = None
    foretold: str = ""
    few_foretold: str = ""
    few_money: object = None


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Play it with a hundred customers, whose treated spend more than they would have by a planted amount."""
    play = Play(shop, clock, NOW)
    play.stock(GOODS)
    people = [f"u{n}" for n in range(PEOPLE)]
    calls = [c for n, user in enumerate(people)
             for c in (*customer(user), order(user, f"a{n}", 5, ("Rice", "Long grain"), price=20 + n % 5))]  # fmt: skip
    play.tell(*calls)

    def edit(text: str) -> str:
        if without == "S1":
            text = text.replace('{festival: "cn.pay_day.10", phases: {treat: 0d..3d}}', "always")
            text = text.replace("{email: treat}", "email")
        if without == "I2":
            text = text.replace(", holdout: 20%", "")
        if without == "R3":
            text = text.replace(", {email: treat}", "")
        return text

    scene = play.start("pay-day", edit)
    found = Outcome()
    play.mail()
    found.mails = len(play.mails(scene))
    both = [shop.choose("user_id:u5", "page", now=at) for at in (NOW, NOW + 8 * DAY)]
    found.on_pay_day, found.a_week_later = (bool([*c.shown, *c.withheld]) for c in both)
    treated = {m.partition("@")[0] for m in play.mails(scene)}
    clock.move(DAY)
    bought = []
    for n, user in enumerate(people):
        spent = 20 + n % 5 + (LIFT if user in treated else 0)
        bought.append(order(user, f"b{n}", 0, ("Coffee", "House blend"), price=spent))
    play.tell(*bought)
    clock.move(14 * DAY)
    (effect,) = [s for s in shop.report().scenes if s.scene == scene]
    found.money = None if effect.money is None else (effect.money.low / 100, effect.money.high / 100)
    return found


def small(shop: fairday.Shop, clock: ManualClock) -> Outcome:
    """The same in a shop of thirty: what its page foretells, and what its report says."""
    play = Play(shop, clock, NOW)
    play.stock(GOODS)
    people = [f"u{n}" for n in range(FEW)]
    play.tell(*[c for n, user in enumerate(people)
                for c in (*customer(user), order(user, f"a{n}", 5, ("Rice", "Long grain"), price=20 + n))])  # fmt: skip
    opened = play.owner.post("/console/gallery/pay-day").headers["location"]
    assert opened.startswith("/console/scenes/pay-day/")
    found = Outcome(few_foretold=play.see(play.owner, "/console/scenes/pay-day"))
    play.owner.get("/console/scenes/pay-day")
    assert play.owner.post("/console/scenes/pay-day/start").status_code == 303
    play.mail()
    clock.move(DAY)
    play.tell(*[order(user, f"b{n}", 0, ("Coffee", "House blend"), price=30 + n) for n, user in enumerate(people)])
    clock.move(14 * DAY)
    (effect,) = [s for s in shop.report().scenes if s.scene == "pay-day"]
    found.few_money = effect.money
    return found


PROMISES = {
    # It holds on pay day, and a week later no more.
    "S1": lambda o: o.on_pay_day and not o.a_week_later,
    # Against its holdout the report finds what was planted, and says how sure it is.
    "I2": lambda o: o.money is not None and 0 < o.money[0] <= LIFT <= o.money[1],
    "R3": lambda o: o.mails > 60,
}


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == [], found


def honest(o: Outcome) -> bool:
    """I6: a shop of thirty is told before and after that there are too few to tell."""
    return "there are too few to tell" in o.few_foretold and o.few_money is None


def test_a_small_shop_runs_it_and_gets_no_number(shop: fairday.Shop, clock: ManualClock) -> None:
    assert honest(small(shop, clock))


def test_without_honesty_a_small_shop_gets_noise(tmp_path, clock: ManualClock, monkeypatch) -> None:
    for module in (experiments.compare, power_model):
        if hasattr(module, "SMALLEST_ARM"):
            monkeypatch.setattr(module, "SMALLEST_ARM", 1)
    monkeypatch.setattr(power_model, "FEWEST_BUYERS", 0)
    with fairday.open(tmp_path / "shop.db", clock=clock) as shop:
        assert not honest(small(shop, clock))


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "pay-day" in r.playbooks}
    assert named == {*PROMISES, "I6"}
    assert all(TEST in capability_rows()[i].tests for i in named)
