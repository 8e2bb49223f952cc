"""Order, limits and bands of a search go by what the shopper pays: the price list of their country and crowd."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.price_records import delete_list, drop_prices, save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList, Where
from fairday.goods.records import Variant, save_variants
from fairday.goods.search import Asked, Searching
from fairday.goods.search.tariffs import ANYBODY, MOST, Tariff, known
from fairday.kernel.clock import ManualClock

NOW = 1_780_315_200_000


def named(name: str, **terms: Any) -> PriceList:
    return msgspec.convert({"list": name, "title": name, "currency": "CNY"} | terms, PriceList)


@pytest.fixture(params=["folder", "memory"])
def searching(shop: fairday.Shop, clock: ManualClock, tmp_path: Path, request: Any) -> Searching:
    """Three teas at 10, 20 and 30 yuan; the dearest comes in two sizes."""
    clock.at = NOW
    rows = [ProductRow(product=n, title=f"Tea {n}", price=p, currency="CNY") for n, p in
            (("a", 1000), ("b", 2000), ("c", 3000))]  # fmt: skip
    with shop.db.write() as conn:
        save_products(conn, rows, NOW)
        sizes = (("c-s", 3000, "S"), ("c-l", 3500, "L"))
        forms = [Variant(sku=s, product="c", price=p, options={"size": o}) for s, p, o in sizes]
        save_variants(conn, "c", forms, NOW, "CNY")
    folder = tmp_path / "index" if request.param == "folder" else None
    return Searching(shop.db, lambda: shop.settings, shop.clock, folder, lambda conn, day: {})


def lists(shop: fairday.Shop, *told: tuple[PriceList, dict[str, int]]) -> None:
    with shop.db.write() as conn:
        for one, prices in told:
            save_list(conn, one, shop.clock.now())
            set_prices(conn, one.list, [ListPrice(one.list, g, 1, p) for g, p in prices.items()], shop.clock.now())


def order(searching: Searching, country: str | None = None, *crowds: str, **asked: Any) -> str:
    """The numbers of what is found, the cheapest first."""
    index = searching.index()
    tariff, _ = index.tariff(Where(country=country, crowds=crowds, currency="CNY"))
    return "".join(index.search(Asked(text="tea", **{"sort": "price", "tariff": tariff} | asked)).numbers)


def test_each_country_and_crowd_has_its_own_order_and_limits(shop: fairday.Shop, searching: Searching) -> None:
    assert order(searching) == "abc"
    lists(
        shop,
        (named("spain", country="ES"), {"a": 5000, "c-l": 100}),
        (named("students", crowd="students"), {"b": 50}),
        (named("acme", company="acme"), {"c": 1}),
        (named("till", channel="till"), {"c": 1}),
        (named("north", store="n"), {"c": 1}),
        (named("euros", currency="EUR"), {"c": 1}),
    )
    assert order(searching) == order(searching, "CN") == "abc", "not of a company, a till, a store, another currency"
    assert order(searching, "ES") == "cba", "the lowest of a product's variants is its price"
    assert order(searching, "ES", sort="price-down") == "abc"
    assert order(searching, None, "students", "teachers") == "bac"
    assert order(searching, "ES", "students") == "bca", "the more particular list wins, and the country's stands beside"
    assert order(searching, "ES", most=2000) == "cb"
    assert order(searching, "ES", least=5000) == "a"
    assert order(searching, most=1000) == "a"


def test_what_a_list_says_holds_until_it_is_changed_dropped_or_deleted(
    shop: fairday.Shop, searching: Searching
) -> None:
    lists(shop, (named("sale"), {"b": 500, "c-s": 2}))
    assert order(searching) == "cba"
    lists(shop, (named("sale"), {"c-s": 800}))
    assert order(searching) == "bca"
    with shop.db.write() as conn:
        drop_prices(conn, "sale", "c-s", NOW)
    assert order(searching) == "bac"
    lists(shop, (named("sale", factor=100), {}))
    assert order(searching) == "acb", "b has a price of its own in it, 5 yuan; the others cost a hundredth"
    with shop.db.write() as conn:
        delete_list(conn, "sale", NOW)
    assert order(searching) == "abc"


def test_a_list_holds_from_when_it_begins_until_it_ends(
    shop: fairday.Shop, searching: Searching, clock: ManualClock
) -> None:
    hour = 3_600_000
    lists(shop, (named("noon", starts_at=NOW + hour, ends_at=NOW + 2 * hour), {"c": 1}))
    assert order(searching) == "abc"
    clock.at = NOW + hour
    assert order(searching) == "cab"
    clock.at = NOW + 2 * hour
    assert order(searching) == "abc"


def test_bands_are_of_the_shoppers_prices_and_cut_where_they_are_told_to_be(
    shop: fairday.Shop, searching: Searching
) -> None:
    rows = [ProductRow(product=f"n{n}", title="Tea", price=1000, currency="CNY") for n in range(12)]
    with shop.db.write() as conn:
        save_products(conn, rows, NOW)
    lists(shop, (named("spain", country="ES"), {f"n{n}": 100 * n + 7 for n in range(12)}))
    index = searching.index()
    tariff, exact = index.tariff(Where(country="ES", currency="CNY"))
    assert exact
    there = index.search(Asked(text="tea", tariff=tariff), cut=lambda amount: amount // 3 * 3).bands
    assert len(there) > 2
    assert all(high is None or (high + 1) % 3 == 0 for _, high, _ in there)
    assert all(a[1] is not None and b[0] == a[1] + 1 for a, b in pairwise(there))
    assert index.search(Asked(text="tea")).bands != there


def test_more_tariffs_than_an_index_holds_are_answered_by_the_nearest(shop: fairday.Shop, searching: Searching) -> None:
    codes = [f"{a}{b}" for a in "ABC" for b in "ABCDEFGH"]
    lists(shop, *((named(c.lower(), country=c), {"c": 1}) for c in codes))
    index = searching.index()
    first, last = (Where(country=c, currency="CNY") for c in (codes[0], codes[-1]))
    assert index.tariff(first)[0] == 1
    assert index.tariff(last) == (0, False)
    assert order(searching, codes[0]) == "cab"
    assert order(searching, codes[-1]) == "abc"


def test_two_crowds_with_lists_are_told_to_be_not_exact(shop: fairday.Shop, searching: Searching) -> None:
    lists(shop, (named("x", crowd="x"), {"a": 1}), (named("y", crowd="y"), {"a": 2}))
    index = searching.index()
    assert index.tariff(Where(crowds=("x", "y"), currency="CNY")) == (1, False)
    assert index.tariff(Where(crowds=("y",), currency="CNY")) == (2, True)


def test_only_lists_of_all_goods_and_new_tariffs_have_everything_written_again() -> None:
    def of(*listed: PriceList, now: int = NOW) -> Any:
        return known(listed, "CNY", now)

    plain, whole = named("x", starts_at=NOW + 1), named("x", starts_at=NOW + 1, factor=9000)
    assert of(plain).changed(of(plain)) == set()
    assert of(plain, now=NOW + 1).changed(of(plain)) == {"x"}
    assert of(whole, now=NOW + 1).changed(of(whole)) is None
    assert of(plain).changed(of(whole)) is None
    assert of().changed(of(plain)) == {"x"}
    assert of(named("x", country="ES")).changed(of(plain)) is None
    assert of(*(named(c, country=c) for c in ("ES", "FR"))).tariffs == (ANYBODY, Tariff("ES"), Tariff("FR"))
    many = [named(f"{a}{b}", country=f"{a}{b}") for a in "ABCDE" for b in "ABCDE"]
    assert len(of(*many).tariffs) == MOST
