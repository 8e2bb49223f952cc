"""Every playbook is a scene in any shop: its blanks are filled from the shop's own categories."""

from __future__ import annotations

import re

import pytest
import yaml

from fairday.kernel.audience import parse
from fairday.kernel.clock import to_day
from fairday.kernel.settings import Settings
from fairday.people.traits import vocabulary
from fairday.playbooks import Known, all_playbooks, category_name, fill, load, playbook
from fairday.playbooks.library import COLOURS
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.grammar import parse_scene

TODAY = 20_605
ODD = ('DIPS "N" CHIPS', "L'eau", "100% juice {x}", "茶叶：绿茶", "Té y café", "baby\\food", "Wine & beer")
SHOPS = {
    "grocer": Known(categories=("CHEESE", "BABY FOODS", "BEEF", "CANDY - PACKAGED"), currency="USD", today=TODAY),
    "odd": Known(categories=ODD, currency="CNY", today=TODAY, asked={"again": ODD[0], "rising": ODD[2]},
                 festival="cn.mid_autumn", numbers={"lapse": 33, "usual": 20, "longest": 50}),
    "empty": Known(categories=(), currency="EUR", today=TODAY),
}  # fmt: skip
NAMES = [p.name for p in all_playbooks()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shop", [None, *SHOPS])
def test_a_playbook_is_a_scene_in_any_shop(name: str, shop: str | None) -> None:
    known = None if shop is None else SHOPS[shop]
    text = playbook(name) if known is None else fill(load(name), known, "my-copy")
    currency = "CNY" if known is None else known.currency
    words = vocabulary(Settings(currency=currency))
    spec, problems = parse_scene(text, words, goods=goods_vocabulary(currency))
    assert problems == [], text
    assert spec is not None
    assert spec.scene == ("my-copy" if known is not None else name if name != "festival" else "next-festival")
    assert set(yaml.safe_load(text)) <= {
        "scene",
        "title",
        "when",
        "who",
        "what",
        "offer",
        "where",
        "guard",
        "goal",
        "message",
    }
    left = set(re.findall(r"\{([a-z_.]+)\}", text)) - {"name", "shop", "festival", "days_left", "x"}
    assert left == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_playbooks_card_is_whole(name: str) -> None:
    head = load(name).head
    assert set(head.does) == {"zh", "en", "es"}
    assert head.art.colour in COLOURS
    assert all("example" in how or "bought" in how for how in head.blanks.values())


def test_words_find_the_shops_own_categories_and_the_best_sold_stand_in() -> None:
    text = fill(load("young-parents"), SHOPS["grocer"])
    assert "bought('category', 'BABY FOODS', 180d) >= 1" in text
    assert "category in ('BABY FOODS')" in text
    none = Known(categories=("Pots", "Pans", "Lids", "Tongs"), currency="USD", today=TODAY)
    assert "category in ('Pots', 'Pans', 'Lids')" in fill(load("rainy-evening"), none)
    assert 'goods: "true"' in fill(load("rainy-evening"), SHOPS["empty"])


def test_a_word_is_found_where_a_word_begins() -> None:
    goods = Known(categories=("Steak", "Tea", "Green tea", "Instant"), currency="USD", today=TODAY)
    assert "category in ('Tea', 'Green tea')" in fill(load("rainy-evening"), goods)
    chinese = Known(categories=("绿茶叶", "电器"), currency="CNY", today=TODAY)
    assert "category in ('绿茶叶')" in fill(load("rainy-evening"), chinese)


def test_country_day_and_numbers_are_the_shops() -> None:
    assert "cn.spring_festival" in fill(load("new-year-goods"), SHOPS["odd"])
    assert 'festival: "new_year"' in fill(load("new-year-goods"), SHOPS["grocer"])
    assert "us.pay_day.15" in fill(load("pay-day"), SHOPS["grocer"])
    assert "days_since('Order Completed') > 33" in fill(load("win-back"), SHOPS["odd"])
    first, last = (to_day(d) for d in re_dates(fill(load("win-back"), SHOPS["odd"])))
    assert (first, last) == (TODAY, TODAY + 27)
    assert category_name("CANDY - PACKAGED") == "Candy - packaged"
    assert category_name("Té") == "Té"


def re_dates(text: str) -> list:  # type: ignore[type-arg]
    from datetime import date

    return [date.fromisoformat(d) for d in re.findall(r"\d{4}-\d{2}-\d{2}", text)[:2]]


def test_a_filled_condition_means_those_categories() -> None:
    text = fill(load("buy-again"), SHOPS["odd"])
    spec, _ = parse_scene(text, vocabulary(Settings()))
    assert spec is not None
    assert parse(spec.who or "", vocabulary(Settings())).measures == {'bought:category=DIPS "N" CHIPS'}
    assert spec.title.en == 'Running out of Dips "n" chips?'
