"""Payments in the console: seen, taken and given back by hand; days matched; accounts read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

import fairday
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.errors import FairdayError
from fairday.storage import ledger
from fairday.trade.payment import config, rsa
from fairday.trade.payment.alipay.client import AlipayAccount
from fairday.trade.payment.wechat.client import WechatAccount
from paying import begin, do, ready, served
from webdesk import Client, hard_coded


def test_cash_is_taken_and_given_back_by_hand_once(shop: fairday.Shop) -> None:
    number = begin(ready(shop), "cash", "").number
    desk = Client(shop).sign_in("owner")
    page = desk.get(f"/console/payments/{number}", headers={"accept-language": "en"})
    assert "CN¥88.00 received" in page.text
    assert desk.post(f"/console/payments/{number}/confirm", {"reference": ""}).status_code == 409
    for _ in range(2):
        assert desk.post(f"/console/payments/{number}/confirm", {"reference": "drawer 1, 17"}).status_code == 303
    with shop.db.read() as conn:
        assert -ledger.balance(conn, "receivable:cash", "CNY") == 8800
    for wrong, status in (("88.01", 409), ("-1", 409), ("0", 409), ("many", 409), ("1e20", 409)):
        sent = {"amount": wrong, "why": "", "refund": "r9"}
        assert desk.post(f"/console/payments/{number}/refund", sent).status_code == status, wrong
    back = {"amount": "8.00", "why": "chipped", "refund": "r1"}
    for _ in range(2):
        assert desk.post(f"/console/payments/{number}/refund", back).status_code == 303
    for _ in range(2):
        assert desk.post(f"/console/payments/{number}/refunds/r1", {"reference": "drawer 1, 18"}).status_code == 303
    with shop.db.read() as conn:
        assert -ledger.balance(conn, "receivable:cash", "CNY") == 8000
    assert desk.post(f"/console/payments/{number}/refunds/r7", {"reference": ""}).status_code == 409
    assert "CN¥80.00" in desk.get(f"/console/payments/{number}", headers={"accept-language": "en"}).text
    assert desk.get("/console/payments/0190ffffffff").status_code == 404
    assert desk.post("/console/payments/0190ffffffff/confirm", {"reference": "x"}).status_code == 404


def test_a_machines_payment_is_never_confirmed_by_hand(lite_paid: tuple[fairday.Shop, str]) -> None:
    shop, number = lite_paid
    desk = Client(shop).sign_in("owner")
    desk.get("/console/payments")
    assert desk.post(f"/console/payments/{number}/confirm", {"reference": "x"}).status_code == 409
    assert desk.post(f"/console/payments/{number}/refunds/auto", {"reference": "x"}).status_code == 409


def test_the_pages_say_everything_in_the_readers_language(
    lite_paid: tuple[fairday.Shop, str], clock: ManualClock
) -> None:
    shop, number = lite_paid
    clock.move(DAY_MS)
    desk = Client(shop, pseudo=True).sign_in("owner")
    desk.get("/console/payments")
    done = desk.post("/console/reconciliation", {"method": "wechat", "day": "2026-06-01"})
    assert done.headers["location"].startswith("/console/reconciliation/wechat/")
    paths = ("/console/payments", f"/console/payments/{number}", "/console/reconciliation", done.headers["location"],
             "/console/payments?status=problem&method=cash", f"/pay/{number}")  # fmt: skip
    for path in paths:
        answer = desk.get(f"{path}{'&' if '?' in path else '?'}lang=xx")
        assert answer.status_code == 200
        assert hard_coded(answer.text) == [], path
    for day in ("2026-06-02", "2026-06-31", "soon"):
        assert desk.post("/console/reconciliation", {"method": "wechat", "day": day}).status_code == 422
    assert desk.post("/console/reconciliation", {"method": "cash", "day": "2026-06-01"}).status_code == 422
    assert desk.get("/console/reconciliation/cash/1").status_code == 404


def test_what_is_offered_is_set_in_the_console(lite_paid: tuple[fairday.Shop, str]) -> None:
    shop, _ = lite_paid
    desk = Client(shop).sign_in("owner")
    desk.get("/console/payments")
    sent = {"method_wechat": "yes", "method_cash": "yes", "sandbox": "on", "minutes": "15"}
    assert desk.post("/console/payments/settings", sent).status_code == 303
    assert (shop.payments.methods("CNY", at_till=True), shop.settings.payments.minutes) == (["wechat", "cash"], 15)
    for wrong in ({"sandbox": "maybe"}, {"minutes": "1"}, {"minutes": "-5"}, {"minutes": "9999"}, {"minutes": "x"}):
        assert desk.post("/console/payments/settings", sent | wrong).status_code == 422
    assert shop.settings.payments.sandbox == "on"


@pytest.fixture
def lite_paid(tmp_path: Path, clock: ManualClock) -> Any:
    with fairday.open(tmp_path / "paid.db", clock=clock) as shop, served(ready(shop)) as base:
        number = begin(shop).number
        do(base, shop, number, "pay")
        yield shop, number


# ---- accounts --------------------------------------------------------------------------------------------------------

FILE = """\
[wechat]
mchid = "1900000109"
appid = "wx1"
serial = "AB12"
key = "key.pem"
apiv3_key = "apiv3.key"
public_key_id = "PUB_KEY_ID_1"
public_key = "pub.pem"
[alipay]
app_id = "2021"
seller_id = "2088"
key = "key.b64"
alipay_public_key = "pub.b64"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, key = tmp_path_factory.mktemp("keys"), rsa.generate()
    private, public = rsa.private_pem(key), rsa.public_pem(key.public_key())
    (made / "key.pem").write_text(private)
    (made / "pub.pem").write_text(public)
    (made / "key.b64").write_text("".join(private.splitlines()[1:-1]))
    (made / "pub.b64").write_text("\n".join(public.splitlines()[1:-1]))
    (made / "apiv3.key").write_text("k" * 32 + "\n")
    (made / "payments.toml").write_text(FILE)
    return made


def test_accounts_are_read_from_a_file_and_go_live(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = config.accounts(folder / "payments.toml")
    assert isinstance(found["wechat"], WechatAccount)
    assert isinstance(found["alipay"], AlipayAccount)
    assert found["wechat"].public_key is not None
    monkeypatch.setenv(config.ENVIRONMENT, str(folder / "payments.toml"))
    with fairday.open(tmp_path / "live.db") as shop:
        ready(shop)
        assert shop.payments.providers.live == ("wechat", "alipay")
        with pytest.raises(FairdayError) as error:
            begin(shop)
        assert error.value.code == "not_public", "a live provider could not tell a shop at home"
        shop.change_settings(public_url="https://tea.example.com")
        assert shop.payments.methods("CNY") == ["wechat", "alipay", "bank_transfer"]
        assert shop.payments.methods("EUR", at_till=True) == ["cash", "bank_transfer", "card_present"]
        url = httpx.URL(begin(shop, "alipay", "wap").go.url)
        assert (url.host, url.params["app_id"]) == ("openapi.alipay.com", "2021")
        assert url.params["notify_url"] == "https://tea.example.com/pay/notice/alipay"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('mchid = "1900000109"\n', "", "mchid is missing"),
        ('appid = "wx1"', 'appid = "wx1"\ncolour = "red"', "colour is not known"),
        ('appid = "wx1"', "appid = 5", "a text in quotes"),
        ('public_key_id = "PUB_KEY_ID_1"\n', "", "public_key and public_key_id"),
        ('key = "key.pem"', 'key = "pub.pem"', "no RSA private key"),
        ('key = "key.pem"', 'key = "nothing.pem"', "cannot be read"),
        ('apiv3_key = "apiv3.key"', 'apiv3_key = "key.pem"', "32 letters and digits"),
        ('alipay_public_key = "pub.b64"', 'alipay_public_key = "apiv3.key"', "no RSA public key"),
        ("[alipay]", "[paypal]", "no provider 'paypal'"),
        ("[wechat]", "[wechat", "not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_tells_no_key(folder: Path, old: str, new: str, said: str) -> None:
    path = folder / "bad.toml"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(FairdayError) as error:
        config.accounts(path)
    assert said in str(error.value)
    assert "PRIVATE KEY" not in str(error.value)
    assert "k" * 32 not in str(error.value)
    assert config.from_environment() == {}
    with pytest.raises(FairdayError):
        config.accounts(folder / "none.toml")
