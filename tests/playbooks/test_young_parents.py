"""The playbook ``young-parents`` through its doors, and once without each row's capability."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.playbooks import rows as capability_rows
from playing import Play, customer, order

NOW = 1_780_365_600_000  # 2026-06-02 10:00 in Shanghai
TEST = "tests/playbooks/test_young_parents.py"
GOODS = {"Baby food": ["Pear puree"], "Snacks": ["Rice crackers", "Nut mix"], "Tea": ["White tea"]}
BABY, FAMILY, SELF = "For the baby", "For the whole family", "And for you"


@dataclass
class Outcome:
    mailed: set[str] = field(default_factory=set)
    pages: dict[str, str] = field(default_factory=dict)
    measured: int = 0


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Play it: one told to be a new parent, one who buys baby food and has three children, one who has nothing to do
    with it."""
    play = Play(shop, clock, NOW)
    play.stock(GOODS)
    told = {} if without == "P2" else {"life_stage": "new_parent", "children": 1}
    many = {} if without == "P2" else {"children": 3}
    play.tell(
        *customer("told", **told),
        *customer("buyer", **many),
        *customer("other"),
        order("told", "a1", 20, ("Tea", "White tea")),
        order("buyer", "a2", 20, ("Baby food", "Pear puree"), ("Snacks", "Nut mix")),
        order("other", "a3", 20, ("Tea", "White tea"), ("Snacks", "Rice crackers")),
    )

    def edit(text: str) -> str:
        text = text.replace(", holdout: 20%", "")  # three shoppers, all to be looked at
        if without == "P3":
            text = re.sub(r"(?m)^who: .*\n", "", text)
        if without == "S3":
            text = re.sub(r'(?m)^ +(who|unless): "children >= 2"\n', "", text)
        if without == "R3":
            text = text.replace("where: [feed, page, email]", "where: [feed, page]")
        return text

    scene = play.start("young-parents", edit)
    play.mail()
    mails = play.mails(scene)
    found = Outcome(mailed={address.partition("@")[0] for address in mails})
    for user in ("told", "buyer", "other"):
        mail = mails.get(f"{user}@example.com")
        found.pages[user] = play.see(play.by_mail(mail) if mail is not None else play.remembered(user))
    found.measured = next(s.treated.people for s in shop.report().scenes if s.scene == scene)
    return found


PROMISES = {
    # What was told of a life counts beside what is bought: a new parent who never bought for a baby is met.
    "P2": lambda o: BABY in o.pages["told"] and FAMILY in o.pages["buyer"],
    # Who is neither is not met, by mail or on the page.
    "P3": lambda o: "other" not in o.mailed and BABY not in o.pages["other"],
    # One page: a floor for the family of many, another for those with one child.
    "S3": lambda o: (FAMILY in o.pages["buyer"], SELF in o.pages["buyer"]) == (True, False)
    and (FAMILY in o.pages["told"], SELF in o.pages["told"]) == (False, True),
    # Both get a mail.
    "R3": lambda o: {"told", "buyer"} <= o.mailed,
}  # fmt: skip


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == []
    assert found.measured == 2


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "young-parents" in r.playbooks}
    assert named == set(PROMISES)
    assert all(TEST in capability_rows()[i].tests for i in named)
