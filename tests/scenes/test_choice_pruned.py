"""The index gives everybody what asking every live scene would: random scenes, random people."""

from __future__ import annotations

from random import Random

import pytest

import audiences
from fairday.kernel import audience as language
from fairday.kernel.clock import day_start, to_date
from fairday.scenes.choice import Person, choose
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.shelf import Product, Shelf
from fairday.scenes.spec import Floor, Guard, Place, SceneSpec, Span, When, Words
from fairday.scenes.stage import Stage, Staged

WORDS = audiences.vocabulary(language)
GOODS = goods_vocabulary("CNY")
PRODUCTS = [
    Product(product=f"{n:03}", title=f"{n}", category="abc"[n % 3], price=100 * n, currency="CNY") for n in range(60)
]


def whens(random: Random, today: int) -> When:
    around = tuple(Span(name, first, last) for name, first, last in (("before", -40, -1), ("after", 0, 40)))
    return random.choice([
        When(), When(),
        When(first_day=today - random.randint(-2, 9), last_day=today + random.randint(2, 9)),
        When(first_day=today, last_day=today + 9, phases=(Span("start", 0, 3), Span("end", 4, 9))),
        When(festival="own.birthday", phases=around),
        When(festival="own.joined", phases=(Span("week", -3, 3),)),
        When(festival=random.choice(["cn.spring_festival", "easter", "gb.mothers_day"]), phases=around),
    ])  # fmt: skip


def scene(random: Random, n: int, today: int) -> SceneSpec:
    def condition(share: float) -> str | None:
        return audiences.render(audiences.expression(random, depth=2)) if random.random() < share else None

    goods = random.choice(["price > 0", "category = 'a'", "category in ('b', 'c') and price <= 40", "price > 99999"])
    floors = tuple(
        Floor(Words(en="F"), goods, who=condition(0.2), unless=condition(0.2),
              rank=random.choice(["personal", "popular", "newest"]))
        for _ in range(random.randint(0, 3))
    )  # fmt: skip
    when = whens(random, today)
    where = [Place("page"), Place("page", when.names[:1]), Place("feed")]
    return SceneSpec(f"s{n}", Words(en="S"), when, who=condition(0.9), floors=floors,
                     where=tuple(random.sample(where, random.randint(1, 3))),
                     guard=Guard(holdout=random.choice((0, 100, 500))))  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_the_index_leaves_nothing_out_and_lets_nothing_in(seed):
    random = Random(seed)
    of = audiences.world(random, 30, seed)
    shelf = Shelf(PRODUCTS, {p.product: random.randint(0, 9) for p in PRODUCTS}, "CNY")
    specs = [scene(random, n, of.day) for n in range(120)]
    staged = [Staged(s, 1, random.randint(0, 3), shelf, WORDS, GOODS, of.day) for s in specs]
    stage = Stage(staged, shelf, WORDS, of.zone)
    now = day_start(of.day, of.zone) + 3_600_000
    met = 0
    for number, facts in enumerate(audiences.facts(language, of)):
        person = Person(person=number, facts=facts, identifiers=(number + 1,))
        for touchpoint, floors in (("page", None), ("page", 5), ("feed", 0)):
            quick = choose(person, touchpoint, now, stage, per_floor=4, floors=floors)
            plain = choose(person, touchpoint, now, stage, per_floor=4, floors=floors, explain=True)
            assert (quick.shown, quick.withheld) == (plain.shown, plain.withheld), to_date(of.day)
            assert sum(len(m.floors) for m in quick.shown) <= (1_000 if floors is None else floors)
            met += len(quick.shown) + len(quick.withheld)
    assert met > 300
