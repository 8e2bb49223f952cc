"""Goods, their forms and categories are called in the reader's language wherever they are bought."""

from __future__ import annotations

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.naming import save_texts
from fairday.goods.records import Variant, save_variants
from paying import ready, served
from shopping import Shopper

WORDS = {"zh": ("青瓷杯", "梅子", "杯盏"), "en": ("Celadon cup", "Plum", "Cups"),
         "es": ("Taza de celadón", "Ciruela", "Tazas")}  # fmt: skip


def test_cart_checkout_orders_and_papers_say_what_the_reader_calls_it(shop: fairday.Shop) -> None:
    now = shop.clock.now()
    shop.change_settings(country="CN", currency="CNY", language="zh")
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="cup", title="CUP 7", price=3990, currency="CNY", category="K1")], now)
        save_variants(conn, "cup", [Variant(sku="cup-p", product="cup", options={"colour": "plum-3"})], now, "CNY")
        for language, (title, colour, category) in WORDS.items():
            save_texts(conn, "product", "cup", "title", {language: title})
            save_texts(conn, "word", "plum-3", "title", {language: colour})
            save_texts(conn, "category", "K1", "title", {language: category})
    shop.stock.count("cup-p", "main", 9)
    shop.catch_up()
    with served(ready(shop)) as base:
        who = Shopper(shop, base).sign_in("li@example.com")
        who.add("cup-p")
        for language, (title, colour, category) in WORDS.items():
            for path in ("/cart", "/checkout"):
                page = who.get(f"{path}?lang={language}").text
                assert title in page
                assert colour in page
            goods = who.get(f"/goods/cup?lang={language}").text
            assert title in goods
            assert category in goods
            assert ">K1<" not in goods
        who.pay(who.buy())
        order = who.order()
        for language, (title, colour, _) in WORDS.items():
            assert title in who.get(f"/orders?lang={language}").text
            page = who.get(f"{order}?lang={language}").text
            assert title in page
            assert colour in page
            assert "CUP 7" not in page
            assert who.get(f"{order}/receipt.pdf?lang={language}").status_code == 200
