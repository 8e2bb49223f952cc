"""Ways in from the side: addresses that lead elsewhere, names of other hosts, borrowed sessions, files from the inside
of the network, bills that were tampered with, points spent twice at once."""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError
from fairday.reach import outbox
from fairday.storage.log import Happening
from fairday.storage.runner import stream_state
from fairday.trade.payment.alipay import bill as alipay_bill
from fairday.trade.payment.wechat import bill as wechat_bill
from paying import ready, served
from shopping import Shopper
from webdesk import PASSWORD, Client

ELSEWHERE = ("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
             "\t//evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:a=b", "/x\r\nSet-Cookie: a=b",
             "///evil.example", "/.//evil.example")  # fmt: skip
OUTSIDE = {"reach/smtp.py", "serving.py", "trade/payment/http.py", "trade/payment/wechat/client.py", "demo/shopper.py"}
"""All that ever opens a connection: mail, the server itself, the payment providers, the demo's shoppers."""
CLIENTS = {"httpx", "requests", "urllib3", "aiohttp", "socket", "smtplib", "aiosmtplib", "ftplib", "pywebpush"}


@pytest.fixture
def base(lite: fairday.Shop) -> Iterator[str]:
    with lite.db.write() as conn:
        save_products(conn, [ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], 1)
    with served(ready(lite)) as address:
        yield address


def leads_away(location: str, base: str) -> bool:
    """Whether a browser that stands at ``base`` would leave it."""
    return not str(httpx.URL(base).join(location.replace("\\", "/"))).startswith(f"{base}/")


@pytest.mark.parametrize("to", ELSEWHERE)
def test_no_form_or_page_sends_anybody_elsewhere(base: str, lite: fairday.Shop, to: str) -> None:
    who = Shopper(lite, base)
    asked = [
        who.post("/place", {"to": to, "country": "CN"}),
        who.web.post("/consent", data={"answer": "yes"}, headers={"referer": "".join(to.split())}),
        who.web.post("/consent", data={"answer": "no"}, headers={"referer": f"{base}//evil.example/x"}),
        who.web.post("/country", data={"country": "CN"}, headers={"referer": f"{base}/\\evil.example"}),
        who.web.get("//evil.example/?m=x"), who.web.get("/place", params={"to": to}),
    ]  # fmt: skip
    for answer in asked:
        assert not leads_away(answer.headers.get("location", "/"), base), answer.headers
        assert "a" not in answer.cookies
        assert 'href="//' not in answer.text
        assert 'href="javascript' not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80@127.0.0.1", ""])
def test_a_mails_link_leads_to_the_shop_whatever_host_was_asked(base: str, lite: fairday.Shop, host: str) -> None:
    now = lite.clock.now()
    lite.append([Happening(message_id="met", kind="identify", at=now, received=now, source="shop",
                           ids=(("email", "wei@example.com"),))]).result()  # fmt: skip
    lite.catch_up()
    client = Client(lite)
    headers = {"host": host, "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    client.post("/me/link", {"email": "wei@example.com"}, headers=headers)
    with lite.db.read() as conn:
        (mail,) = outbox.page(conn, scene=outbox.SERVICE)
    assert f"{base}/me/confirm/" in mail.text
    assert "evil" not in mail.text + mail.html + mail.subject
    invited = Client(lite).get("/company/join/x", headers={"host": host or "x"})
    assert "evil" not in invited.text


def test_a_session_or_cart_that_was_there_before_is_nobodys_after_signing_in(base: str, lite: fairday.Shop) -> None:
    operator = Client(lite).sign_in()
    planted = operator.cookies["fairday_session"]
    operator.post("/console/sign-out")
    victim = Client(lite)
    victim.cookies |= {"fairday_session": planted, "fairday_door": "known-to-eve"}
    victim.get("/console/sign-in")
    given = {"email": "owner@example.com", "password": PASSWORD}
    assert victim.post("/console/sign-in", given).status_code == 303
    assert victim.cookies["fairday_session"] != planted
    thief = Client(lite)
    thief.cookies["fairday_session"] = planted
    assert thief.get("/console").headers["location"] == "/console/sign-in"
    eve = Shopper(lite, base).add("tea")
    wei = Shopper(lite, base)
    wei.web.cookies.set("fairday_cart", eve.web.cookies["fairday_cart"])
    wei.sign_in("wei@example.com").add("tea", 5)
    assert "¥119.40" in wei.get("/cart").text, "what was picked before goes along"
    assert "¥119.40" not in eve.get("/cart").text, "and who planted the cart sees nothing of what comes after"
    assert "wei" not in eve.get("/checkout").text


def test_only_known_places_ever_open_a_connection() -> None:
    root = Path(fairday.__file__).parent
    found = set()
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(n.split(".")[0] in CLIENTS or n in ("urllib.request", "http.client") for n in names):
                found.add(str(file.relative_to(root)))
    assert found <= OUTSIDE, "a picture's address in a file of goods must be fetched by nobody"


WECHAT = ",".join(wechat_bill.COLUMNS)
SUMS = ",".join(wechat_bill.SUMS)


def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_业务明细.csv", text.encode("gb18030"))
    return out.getvalue()


@pytest.mark.parametrize("text", [
    "", WECHAT, f"{WECHAT}\n{SUMS}", f"{WECHAT}\n`a,`b\n{SUMS}\n`2,`0", f"{WECHAT}\n{'x' * 200_000}\n{SUMS}\n`1", "\0",
    f"{WECHAT}\n{',`1e999999999' * 27}\n{SUMS}\n`1", f"{WECHAT}\n{',`nan' * 27}\n{SUMS}\n`1", '"' + "a" * 200_000,
    f"{WECHAT}\n{SUMS}\n`1\n{WECHAT}", f"{WECHAT}\n=cmd|x\n{SUMS}\n`0,`0", f"{SUMS}\n`0",
])  # fmt: skip
def test_a_bill_that_was_tampered_with_is_no_bill(text: str) -> None:
    with pytest.raises(FairdayError):
        wechat_bill.parse(text)
    with pytest.raises(FairdayError):
        alipay_bill.parse(zipped(text))
    with suppress(FairdayError):  # a heading alone is a day without trades
        assert alipay_bill.parse(zipped(f"#x\n{text}\n#-----业务明细列表结束-----")) == []


def test_a_damaged_or_swollen_archive_is_no_bill() -> None:
    whole = zipped("#x\n" + "支付宝交易号,商户订单号\n" * 500 + "#业务明细列表结束")
    for at in range(30, len(whole) - 1, 7):
        broken = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        with pytest.raises(FairdayError):
            alipay_bill.parse(broken)
    with pytest.raises(FairdayError):
        alipay_bill.parse(zipped("0" * 210_000_000))


def test_points_spent_by_many_at_once_are_spent_once(shop: fairday.Shop) -> None:
    shop.change_settings(rewards={"on": True, "per": 100})
    account = "account:wei"
    shop.runner.submit(Command("open", account))
    shop.runner.submit(Command("earn", account, {"unit": "points", "amount": 500, "reason": "gift"}))

    def spend(n: int) -> bool:
        try:
            told = {"unit": "points", "amount": 100, "reason": f"order {n}"}
            return shop.runner.submit(Command("spend", account, told, "test", f"spend:{n}")).ok
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(spend, [*range(12), *range(12)]))
    with shop.db.read() as conn:
        found = stream_state(conn, account)
    assert found is not None
    assert found[1]["balances"].get("points", 0) == 0
    assert len([n for n, ok in zip([*range(12), *range(12)], done, strict=True) if ok]) == 10, "five, each told twice"
    for amount in (-1, 0, 10**30, "100", 1.5, True):
        wrong = {"unit": "points", "amount": amount, "reason": "x"}
        with suppress(FairdayError):
            assert not shop.runner.submit(Command("spend", account, wrong)).ok
