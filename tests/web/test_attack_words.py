"""Export and erasure as an attacker uses them: with ids made up to be found in other people's rows."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.intake.keys import list_keys
from fairday.intake.rejections import keep_rejected, rejection
from fairday.trade.c2c.records import words, words_of
from paying import ready, served
from shopping import Shopper


@pytest.fixture
def base(shop: fairday.Shop) -> Iterator[str]:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY")], 1)
    with served(ready(shop)) as address:
        yield address


def called(shop: fairday.Shop, base: str, email: str, anonymous: str) -> None:
    """A browser says with the shop's public key that somebody is called like that."""
    with shop.db.read() as conn:
        key = next(k.shown for k in list_keys(conn) if k.name == "storefront")
    told = {"type": "identify", "messageId": f"called-{anonymous}", "anonymousId": anonymous,
            "traits": {"email": email}}  # fmt: skip
    assert httpx.post(f"{base}/v1/identify", auth=(key, ""), json=told).status_code == 200
    shop.append([]).result()
    shop.catch_up()


def contacts(shop: fairday.Shop) -> int:
    with shop.db.read() as conn:
        return int(conn.exec_driver_sql("SELECT count(*) FROM order_contacts").scalar_one())


@pytest.mark.parametrize("name", ["@example.com", "Shanghai", '"email"', "contact", "上海市上海市", "+8613800138000",
                                  "wei@example.com", "anonymousId"])  # fmt: skip
def test_whoever_calls_themselves_like_a_part_of_others_rows_gets_and_wipes_none(
    base: str, shop: fairday.Shop, name: str
) -> None:
    wei = Shopper(shop, base).sign_in("wei@example.com").add("mug")
    wei.pay(wei.buy(email="wei@example.com", city="Shanghai"))
    with shop.db.write() as conn:
        body = b'{"type":"page","anonymousId":"other","context":{"page":"Shanghai @example.com contact"}}'
        keep_rejected(conn, [rejection(shop.clock.now(), "web", "no_id", "No id.", body)], shop.settings.zone)
    eve = Shopper(shop, base).sign_in("eve@evil.net")
    called(shop, base, "eve@evil.net", name)
    answer = eve.get("/me/export.json")
    assert answer.status_code == 200
    tables = answer.json()["tables"]
    assert not {"order_contacts", "rejected_events", "cart_lines"} & set(tables), tables
    assert "南京路" not in answer.text
    assert eve.post("/me/erase", {"sure": "yes"}).status_code == 303
    assert contacts(shop) == 1
    with shop.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM rejected_events").scalar_one() == 1


def test_an_address_within_a_longer_one_is_somebody_elses(base: str, shop: fairday.Shop) -> None:
    for who in ("joann@example.com", "ann@example.com.mx"):
        other = Shopper(shop, base).sign_in(who).add("mug")
        other.pay(other.buy(email=who))
    ann = Shopper(shop, base).sign_in("ann@example.com").add("mug")
    ann.pay(ann.buy(email="ann@example.com", phone="13900139000"))
    record = ann.get("/me/export.json")
    assert [r["ids"] for r in record.json()["tables"]["order_contacts"]] == ['[["email","ann@example.com"]]']
    assert "joann" not in record.text
    assert ann.post("/me/erase", {"sure": "yes"}).status_code == 303
    assert contacts(shop) == 2


def test_what_others_wrote_of_somebody_stays_theirs_and_loses_the_address(base: str, shop: fairday.Shop) -> None:
    ann = Shopper(shop, base).sign_in("ann@example.com")
    with shop.db.write() as conn:
        for n, (who, said) in enumerate((("ben", "Ask ann@example.com for it."), ("ann", "I sent it."))):
            row = {"key": f"w{n}", "about": "dispute:1", "by": who, "text": said, "photo": "", "at": n}
            conn.execute(words.insert(), row | {"ids": f'[["email","{who}@example.com"]]'})
    record = ann.get("/me/export.json")
    assert [w["text"] for w in record.json()["tables"]["deal_words"]] == ["I sent it."]
    assert ann.post("/me/erase", {"sure": "yes"}).status_code == 303
    with shop.db.read() as conn:
        assert [w["text"] for w in words_of(conn, "dispute:1")] == ["Ask … for it."]
