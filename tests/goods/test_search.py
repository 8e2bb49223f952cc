from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.goods.search import DEEPEST, Asked, SearchIndex
from fairday.goods.words import fold, pairs, tokens
from fairday.scenes.shelf import Product

GOODS = [
    Product(product="1", title="西湖龙井绿茶 明前 礼盒装", category="茶叶", brand="狮峰", price=26800),
    Product(product="2", title="正山小种红茶", category="茶叶", brand="正山堂", price=9900),
    Product(product="3", title="Green tea, loose leaf", category="Tea", brand="Leaf & Co", price=1290),
    Product(product="4", title="Black tea bags", category="Tea", brand="Leaf & Co", price=490),
    Product(product="5", title="Jamón ibérico", category="Charcutería", brand="Sierra", price=8900),
    Product(product="6", title="Flores secas", category="Casa", brand=None, price=None),
    Product(product="7", title="绿色茶杯", category="茶具", brand="景德", price=4500),
    Product(product="AB-8", title="Gift box", category="Gifts", department="Tea", brand="Leaf & Co", price=2000),
]
INDEX = SearchIndex(GOODS, np.array([0.0, 1, 0.5, 0, 0, 0, 0, 0]))


def found(text: str, **more: object) -> list[str]:
    return [GOODS[i].product for i in INDEX.search(Asked(text=text, **more)).places]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("龙井", ["1"]),
        ("绿茶礼盒", ["1"]),  # two words, written without a space, in another order
        ("礼盒绿茶", ["1"]),
        ("茶", ["2", "1", "7"]),
        ("红茶 正山", ["2"]),
        ("绿茶", ["1"]),  # 绿色茶杯 has both signs, not the word
        ("tea", ["3", "4", "AB-8"]),
        ("TEA green", ["3"]),
        ("ｔｅａ　ｂａｇｓ", ["4"]),  # full width
        ("jamon", ["5"]),
        ("JAMÓN", ["5"]),
        ("iber", ["5"]),
        ("flor", ["6"]),
        ("teas", ["3", "4", "AB-8"]),
        ("ab-8", ["AB-8"]),
        ("tea -- !", ["3", "4", "AB-8"]),
        ("tea coffee", []),
        ("'; DROP TABLE products; --", []),
        ("%", ["2", "3", "1", "4", "5", "6", "7", "AB-8"]),
    ],
)
def test_words_of_three_languages_find(text: str, numbers: list[str]) -> None:
    assert sorted(found(text)) == sorted(numbers)


def test_a_title_goes_before_a_category_and_popular_before_unknown() -> None:
    assert found("tea")[-1] == "AB-8"
    assert found("茶")[0] == "2"
    assert found("tea", sort="price") == ["4", "3", "AB-8"]
    assert found("tea", sort="price-down") == ["AB-8", "3", "4"]
    assert found("", sort="price")[-1] == "6", "without a price last"
    assert found("", sort="price-down")[-1] == "6"
    prefer = np.zeros(len(GOODS))
    prefer[3] = 1.5
    assert INDEX.search(Asked(text="tea"), prefer).places[0] == 3


@given(st.lists(st.sampled_from(["tea", "茶", "green", "leaf", "box", "礼盒", "绿", "co", "x", "e"]), max_size=8))
def test_every_word_added_narrows(typed: list[str]) -> None:
    before = set(found(""))
    for n in range(1, len(typed) + 1):
        now = set(found(" ".join(typed[:n])))
        assert now <= before
        before = now


def test_filters_and_counts_agree_with_what_is_found() -> None:
    every = INDEX.search(Asked(text="tea"))
    assert dict(every.categories) == {"Tea": 2, "Gifts": 1}
    assert found("tea", category="Gifts") == ["AB-8"]
    assert found("", brand="Leaf & Co", least=490, most=1290) == ["3", "4"]
    assert found("", category="no such") == []
    assert INDEX.count(Asked(text="tea", category="Tea")) == 2
    within = INDEX.search(Asked(text="tea", category="Gifts"))
    assert dict(within.categories) == {"Tea": 2, "Gifts": 1}, "another choice stays open"


def test_nothing_found_says_what_to_drop() -> None:
    ways = INDEX.mend(Asked(text="green tea bags"))
    assert {(w.kind, w.what, w.total) for w in ways} == {("without", "green", 1), ("without", "bags", 1)}
    mended = INDEX.mend(Asked(text="grean tea"))
    assert [(w.kind, w.what) for w in mended] == [("instead", "green tea"), ("without", "grean")]
    mended = INDEX.mend(Asked(text="grean flors"))
    assert [(w.kind, w.what, w.total) for w in mended] == [("only", "green", 1), ("only", "flores", 1)]
    dear = INDEX.mend(Asked(text="tea", least=100_000))
    assert ("filter", "price", 3) in {(w.kind, w.what, w.total) for w in dear}
    for way in ways:
        assert INDEX.count(way.asked) == way.total


def test_what_is_typed_is_completed_and_what_is_found_can_be_narrowed() -> None:
    assert INDEX.suggest("gr") == ["green"]
    assert INDEX.suggest("tea le") == ["tea leaf"]
    assert INDEX.suggest("正山") == ["正山小种红茶"]
    assert INDEX.suggest("") == []
    words = dict(INDEX.search(Asked(text="")).narrower)
    assert words.get("tea") == 2


def test_paging_covers_everything_once_and_is_bounded() -> None:
    luck = random.Random(3)
    many = [
        Product(product=str(n), title=f"thing {luck.choice('abcdefgh')}", price=luck.randrange(900))
        for n in range(3000)
    ]
    index = SearchIndex(many)
    for sort in ("best", "price", "price-down", "popular"):
        paged = [p for s in range(0, 5000, 24) for p in index.search(Asked(text="thing", sort=sort, start=s)).places]  # type: ignore[arg-type]
        assert len(paged) == len(set(paged)) == DEEPEST
    prices = [many[p].price for s in range(0, 960, 24) for p in index.search(Asked(sort="price", start=s)).places]
    assert prices == sorted(p.price for p in many)[:DEEPEST]  # type: ignore[type-var]
    assert sum(n for _, _, n in index.search(Asked()).bands) == 3000


def test_an_empty_catalogue_finds_nothing() -> None:
    empty = SearchIndex([])
    assert empty.search(Asked(text="tea")).total == 0
    assert (empty.mend(Asked(text="tea")), empty.suggest("t"), empty.largest) == ([], [], [])


@given(st.text(max_size=120))
def test_no_text_breaks_the_search(text: str) -> None:
    INDEX.search(Asked(text=text))
    INDEX.mend(Asked(text=text))
    INDEX.suggest(text)


def test_texts_are_cut_as_said() -> None:
    assert fold("ＪＡＭÓＮ") == "jamon"
    assert pairs("龙井茶") == ["龙井", "井茶"]
    assert tokens("龙井 tea-bags") == ("龙井", "井", "tea", "bags")
