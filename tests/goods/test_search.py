"""Words, filters, counts and order over an index; the same rules on whatever database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday.rooms  # noqa: F401
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.naming import Group, save_group, save_texts
from fairday.goods.records import Details, Variant, save_details, save_variants
from fairday.goods.search import DEEPEST, Asked, Found, SearchIndex, Searching
from fairday.goods.words import fold, pairs, stems, tokens
from fairday.kernel.clock import ManualClock
from fairday.kernel.settings import Settings
from fairday.storage.database import Database

GOODS = [
    ProductRow(product="1", title="西湖龙井绿茶 明前 礼盒装", category="茶叶", brand="狮峰", price=26800),
    ProductRow(product="2", title="正山小种红茶", category="茶叶", brand="正山堂", price=9900),
    ProductRow(product="3", title="Green tea, loose leaf", category="Tea", brand="Leaf & Co", price=1290),
    ProductRow(product="4", title="Black tea bags", category="Tea", brand="Leaf & Co", price=490),
    ProductRow(product="5", title="Jamón ibérico", category="Charcutería", brand="Sierra", price=8900),
    ProductRow(product="6", title="Flores secas", category="Casa", brand=None, price=None),
    ProductRow(product="7", title="绿色茶杯", category="茶具", brand="景德", price=4500),
    ProductRow(product="AB-8", title="Gift box", category="Gifts", department="Tea", brand="Leaf & Co", price=2000),
]
BUYERS = {"2": 100, "3": 10}


def opened(folder: Path, goods: list[ProductRow], buyers: dict[str, int]) -> tuple[Database, Searching]:
    db = Database(str(folder / "shop.db"))
    db.create_all()
    with db.write() as conn:
        save_products(conn, goods, 1)
    return db, Searching(db, Settings, ManualClock(1_780_315_200_000), folder / "search", lambda conn, day: buyers)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    db, searching = opened(tmp_path_factory.mktemp("search"), GOODS, BUYERS)
    yield searching.index()
    db.close()


@pytest.fixture
def found(index: SearchIndex):  # type: ignore[no-untyped-def]
    return lambda text, **more: index.search(Asked(text=text, **more)).numbers


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
        ("balck", ["4"]),  # two letters in each other's place
        ("gren tea", ["3"]),
        ("iberrico", ["5"]),
        ("龙进绿茶", ["1"]),  # one wrong sign
        ("flowers", []),
        ("te", ["3", "4", "AB-8"]),
        ("'; DROP TABLE products; --", []),
        ("%", ["2", "3", "1", "4", "5", "6", "7", "AB-8"]),
    ],
)
def test_words_of_three_languages_find(index: SearchIndex, text: str, numbers: list[str]) -> None:
    assert sorted(index.search(Asked(text=text)).numbers) == sorted(numbers)


def test_a_title_goes_before_a_category_and_popular_before_unknown(index: SearchIndex, found) -> None:  # type: ignore[no-untyped-def]
    assert found("tea")[-1] == "AB-8"
    assert found("茶")[0] == "2"
    assert found("")[:2] == found("", sort="popular")[:2] == ["2", "3"]
    assert found("tea", sort="price") == ["4", "3", "AB-8"]
    assert found("tea", sort="price-down") == ["AB-8", "3", "4"]
    assert found("", sort="price")[-1] == "6", "without a price last"
    assert found("", sort="price-down")[-1] == "6"


def test_what_a_person_likes_goes_further_up_and_finds_nothing_else(index: SearchIndex) -> None:
    liked = {"4": 1.5, "5": 1.5, "3": 0.0}
    assert index.search(Asked(text="tea"), liked).numbers == ["4", "3", "AB-8"]
    assert index.search(Asked(text="tea"), liked).total == 3
    assert set(index.search(Asked(), liked).numbers[:2]) == {"4", "5"}


def test_every_word_added_narrows(index: SearchIndex) -> None:
    typed = st.lists(st.sampled_from(["tea", "茶", "green", "leaf", "box", "礼盒", "绿", "co", "x", "e"]), max_size=8)

    @settings(max_examples=60)
    @given(typed)
    def narrows(typed: list[str]) -> None:
        before = set(index.search(Asked()).numbers)
        for n in range(1, len(typed) + 1):
            now = set(index.search(Asked(text=" ".join(typed[:n]))).numbers)
            assert now <= before
            before = now

    narrows()


def test_typing_errors_are_forgiven_and_it_is_said_how_the_words_were_taken(index: SearchIndex) -> None:
    assert index.search(Asked(text="balck tea")).understood == "black tea"
    assert index.search(Asked(text="black tea")).understood == ""
    assert index.search(Asked(text="qqqqq")).understood == ""


def test_filters_and_counts_agree_with_what_is_found(index: SearchIndex, found) -> None:  # type: ignore[no-untyped-def]
    every = index.search(Asked(text="tea"))
    assert dict(every.categories) == {"Tea": 2, "Gifts": 1}
    assert found("tea", category="Gifts") == ["AB-8"]
    assert found("", brand="Leaf & Co", least=490, most=1290) == ["3", "4"]
    assert found("", category="no such") == []
    assert index.count(Asked(text="tea", category="Tea")) == 2
    within = index.search(Asked(text="tea", category="Gifts"))
    assert dict(within.categories) == {"Tea": 2, "Gifts": 1}, "another choice stays open"


def test_nothing_found_says_what_to_drop(index: SearchIndex) -> None:
    ways = index.mend(Asked(text="green tea bags"))
    assert {(w.kind, w.what, w.total) for w in ways} == {("without", "green", 1), ("without", "bags", 1)}
    alone = index.mend(Asked(text="green flores bags"))
    assert [(w.kind, w.what, w.total) for w in alone] == [("only", w, 1) for w in ("green", "flores", "bags")]
    dear = index.mend(Asked(text="tea", least=100_000, options=(("colour", "red"),), brand="Leaf & Co"))
    assert dear == []
    assert ("filter", "price", 3) in {(w.kind, w.what, w.total) for w in index.mend(Asked(text="tea", least=100_000))}
    for way in ways:
        assert index.count(way.asked) == way.total


def test_what_is_typed_is_completed_and_what_is_found_can_be_narrowed(index: SearchIndex) -> None:
    assert index.suggest("gr") == ["green"]
    assert index.suggest("tea le") == ["tea leaf"]
    assert index.suggest("正山") == ["正山小种红茶"]
    assert index.suggest("") == []
    words = dict(index.search(Asked(text="")).narrower)
    assert words.get("tea") == 2


def test_paging_covers_everything_once_and_is_bounded(tmp_path: Path) -> None:
    luck = random.Random(3)
    many = [
        ProductRow(product=str(n), title=f"thing {luck.choice('abcdefgh')}", price=luck.randrange(900))
        for n in range(3000)
    ]
    db, searching = opened(tmp_path, many, {})
    index = searching.index()
    for sort in ("best", "price", "price-down", "popular"):
        paged = [p for s in range(0, 5000, 24) for p in index.search(Asked(text="thing", sort=sort, start=s)).numbers]  # type: ignore[arg-type]
        assert len(paged) == len(set(paged)) == DEEPEST
    price = {row.product: row.price for row in many}
    prices = [price[p] for s in range(0, 960, 24) for p in index.search(Asked(sort="price", start=s)).numbers]
    assert prices == sorted(p.price for p in many)[:DEEPEST]  # type: ignore[type-var]
    assert sum(n for _, _, n in index.search(Asked()).bands) == 3000
    db.close()


def test_an_empty_catalogue_finds_nothing(tmp_path: Path) -> None:
    db, searching = opened(tmp_path, [], {})
    empty = searching.index()
    assert empty.search(Asked(text="tea")).total == 0
    assert (empty.mend(Asked(text="tea")), empty.suggest("t"), empty.largest) == ([], [], [])
    db.close()


def test_variants_translations_attributes_and_category_trees_are_found_and_counted(tmp_path: Path) -> None:
    goods = [
        ProductRow(product="shirt", title="Linen shirt", category="Shirts", brand="Costa", price=5000),
        ProductRow(product="scarf", title="Scarf", category="Scarves", brand="Costa", price=3000),
        ProductRow(product="gone", title="Shirt out of season", category="Shirts", price=100),
    ]
    db, searching = opened(tmp_path, goods, {})
    with db.write() as conn:
        save_variants(
            conn, "shirt",
            [Variant(sku=f"S-{c}-{s}", product="shirt", options={"colour": c, "size": s}, price=price)
             for c in ("red", "blue") for s, price in (("M", 4000), ("L", None))],
            1, "CNY",
        )  # fmt: skip
        save_variants(conn, "scarf", [Variant(sku="F-red", product="scarf", options={"colour": "red"})], 1, "CNY")
        told = Details(
            product="shirt", attributes={"material": "linen"}, tags=("summer",), description="Airy and light."
        )
        save_details(conn, [told, Details(product="gone", hidden=True)], 2)
        for name in ("Shirts", "Scarves"):
            save_group(conn, Group(kind="category", name=name, parent="Clothes"))
        save_texts(conn, "product", "shirt", "title", {"zh": "亚麻衬衫", "es": "Camisa de lino"})
        save_texts(conn, "word", "red", "title", {"zh": "红色", "es": "rojo"})
        save_texts(conn, "category", "Clothes", "title", {"es": "Ropa"})
    index = searching.index()

    def of(text: str = "", **more: object) -> Found:
        return index.search(msgspec.convert({"text": text} | more, Asked))

    for text in ("camisas", "亚麻", "衬衫 红色", "shirt rojo", "ropa lino", "summer", "airy", "S-red-M"):
        assert of(text).numbers == ["shirt"], text
    assert of("gone").total == 0
    assert sorted(of(category="Clothes").numbers) == ["scarf", "shirt"]
    both = of(options=[("colour", "red")])
    assert sorted(both.numbers) == ["scarf", "shirt"]
    assert dict(both.options)["colour"] == [("red", 2), ("blue", 1)], "another choice stays open"
    assert of(options=[("colour", "blue"), ("size", "M")]).numbers == ["shirt"]
    assert of(options=[("colour", "green")]).total == 0
    assert of(most=4500).numbers == ["scarf", "shirt"] or of(most=4500).numbers == ["shirt", "scarf"]
    assert of(sort="price").numbers == ["scarf", "shirt"]
    assert index.suggest("cam", "es") == ["camisa"]
    db.close()


def test_no_text_breaks_the_search(index: SearchIndex) -> None:
    @settings(max_examples=60)
    @given(st.text(max_size=120), st.text(max_size=10))
    def holds(text: str, other: str) -> None:
        asked = Asked(text=text, category=other or None, options=((other, text),) if other else ())
        index.search(asked)
        index.search(Asked(text=text, least=-5, most=2**63))
        index.mend(asked)
        index.suggest(text)

    holds()


def test_texts_are_cut_as_said() -> None:
    assert fold("ＪＡＭÓＮ") == "jamon"
    assert pairs("龙井茶") == ["龙井", "井茶"]
    assert tokens("龙井 tea-bags") == ("龙井", "井", "tea", "bags")
    assert set(stems("flores")) & set(stems("flor"))
    assert set(stems("teas")) & set(stems("tea"))
    assert stems("m3") == stems("茶") == ()
