"""The messages of both providers against code that is not ours: the wechatpayv3 package and the openssl program."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType

import fairday
from fairday.kernel.clock import DAY_MS, SystemClock, local_day
from fairday.trade.payment import rsa
from fairday.trade.payment.alipay import wire as alipay
from fairday.trade.payment.config import sandbox_account
from fairday.trade.payment.model import NoBill
from fairday.trade.payment.sandbox.alipay import sign_notice as alipay_notice
from fairday.trade.payment.sandbox.wechat import sign_notice as wechat_notice
from fairday.trade.payment.wechat import wire as wechat
from fairday.trade.payment.wechat.client import Wechat, WechatAccount
from parts import missing
from paying import AMOUNT, begin, do, ready, served, token_of


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[fairday.Shop, str]]:
    """A served shop whose clock is the machine's, which the package's is too."""
    with fairday.open(tmp_path / "live.db", clock=SystemClock()) as shop:
        with served(ready(shop)) as base:
            yield shop, base


def theirs(shop: fairday.Shop, base: str, certificates: bool, monkeypatch: pytest.MonkeyPatch) -> WeChatPay:
    """The package as a merchant's client of our sandbox; only the gateway's address is another."""
    from wechatpayv3.core import Core

    keys = shop.payments.sandbox.keys
    given = Core.__init__

    def here(self: Any, *args: Any, **kwargs: Any) -> None:
        type(self)._gate_way = property(lambda _: f"{base}/sandbox/wechat", lambda *_: None)
        given(self, *args, **kwargs)

    monkeypatch.setattr(Core, "__init__", here)
    monkeypatch.setattr(Core, "_gate_way", None, raising=False)
    public = {} if certificates else {
        "public_key": rsa.public_pem(keys.wechat.public_key()), "public_key_id": keys.public_key_id,
    }  # fmt: skip
    return WeChatPay(
        WeChatPayType.NATIVE, keys.mchid, rsa.private_pem(keys.merchant), keys.serial, keys.appid,
        keys.apiv3_key.decode(),
        notify_url="http://127.0.0.1:9/nobody", **public,
    )  # fmt: skip


@pytest.mark.parametrize("certificates", [True, False], ids=["certificates", "public-key"])
def test_the_wechatpayv3_package_works_with_our_sandbox_and_believes_it(
    live: tuple[fairday.Shop, str], monkeypatch: pytest.MonkeyPatch, certificates: bool
) -> None:
    """It signs, we verify; we sign (answers, notices, certificates, bills), it verifies and decrypts."""
    shop, base = live
    client = theirs(shop, base, certificates, monkeypatch)
    bank = shop.payments.sandbox
    code, said = client.pay(
        "tea", "0190a1b2c3d4", {"total": AMOUNT}, time_expire=wechat.time_text(shop.clock.now() + 60_000)
    )
    assert (code, "code_url" in json.loads(said)) == (200, True)
    assert json.loads(client.query(out_trade_no="0190a1b2c3d4")[1])["trade_state"] == "NOTPAY"
    bank.act(token_of(shop, "0190a1b2c3d4"), "hold", shop.payments.wechat_side.told)
    paid = json.loads(client.query(out_trade_no="0190a1b2c3d4")[1])
    assert (paid["trade_state"], paid["amount"]["total"]) == ("SUCCESS", AMOUNT)
    assert client.close("0190a1b2c3d4")[0] == 400
    money = {"refund": 800, "total": AMOUNT, "currency": "CNY"}
    code, said = client.refund("0190a1b2c3d4-r1", money, out_trade_no="0190a1b2c3d4")
    assert (code, json.loads(said)["status"]) == (200, "PROCESSING")
    assert client.query_refund("0190a1b2c3d4-r1")[0] == 200
    notices = bank.notices("wechat", "0190a1b2c3d4")
    told = [client.callback(*wechat_notice(bank.keys, n, shop.clock.now())) for n in notices]
    assert [(t["event_type"], t["resource"]["out_trade_no"]) for t in told if t] == [
        ("TRANSACTION.SUCCESS", "0190a1b2c3d4"), ("REFUND.SUCCESS", "0190a1b2c3d4"),
    ]  # fmt: skip
    headers, body = wechat_notice(bank.keys, notices[0], shop.clock.now())
    assert client.callback(headers, body.replace(b"TRANSACTION", b"TRANSACTIOM")) is None


def test_our_client_believes_what_the_package_signs_and_signs_what_it_would(live: tuple[fairday.Shop, str]) -> None:
    from wechatpayv3.utils import aes_decrypt, build_authorization, rsa_verify

    shop, _ = live
    keys, body = shop.payments.sandbox.keys, '{"amount":{"total":1},"备注":"茶"}'
    their = build_authorization("/v3/x?y=1", "POST", keys.mchid, keys.serial, keys.merchant, body)
    parts = wechat.read_authorization(their)
    text = wechat.request_text("POST", "/v3/x?y=1", parts["timestamp"], parts["nonce_str"], body.encode())
    assert rsa.verify(keys.merchant.public_key(), text, parts["signature"])
    ours = wechat.authorization(
        keys.merchant, keys.mchid, keys.serial, "POST", "/v3/x?y=1", body.encode(), int(parts["timestamp"]),
        parts["nonce_str"],
    )  # fmt: skip
    assert ours == their, "byte for byte the same header"
    said = wechat.signed_headers(keys.wechat, keys.platform_serial, body.encode(), 1_780_000_000, "n" * 32)
    assert rsa_verify("1780000000", "n" * 32, body, said["Wechatpay-Signature"], keys.wechat.public_key())
    sealed = wechat.encrypt(keys.apiv3_key, body.encode(), "n" * 12, "transaction")
    assert aes_decrypt(sealed["nonce"], sealed["ciphertext"], "transaction", keys.apiv3_key.decode()) == body


def test_in_certificate_mode_our_client_fetches_the_platforms_certificate_once(live: tuple[fairday.Shop, str]) -> None:
    shop, base = live
    account = sandbox_account(shop.payments.sandbox, "wechat", f"{base}/sandbox", certificates=True)
    assert isinstance(account, WechatAccount)
    client = Wechat(account, shop.clock.now)
    number = begin(shop).number
    assert client.query(number).state == "pending"
    assert list(client._certificates) == [shop.payments.sandbox.keys.platform_serial]
    fetched = client._fetched
    assert client.query(number).state == "pending"
    assert client._fetched == fetched


def test_bills_are_fetched_and_read_by_our_clients(tmp_path: Path) -> None:
    from fairday.kernel.clock import ManualClock

    clock = ManualClock(1_780_315_200_000)
    with fairday.open(tmp_path / "bills.db", clock=clock) as shop, served(ready(shop)) as base:
        number = begin(shop).number
        started = begin(shop, "alipay", "wap", "ticket:2")
        httpx.get(started.go.url)
        do(base, shop, number, "pay")
        do(base, shop, started.number, "pay", "alipay")
        for n in (number, started.number):
            shop.payments.refund(n, "r1", 800, "", "anna")
        shop.payments.tick()
        clock.move(DAY_MS)
        day = local_day(clock.now(), "Asia/Shanghai") - 1
        for name, paid in (("wechat", number), ("alipay", started.number)):
            lines = shop.payments.providers.get(name).bill(day)
            assert [(x.kind, x.number, x.amount, x.fee) for x in lines] == [
                ("payment", paid, AMOUNT, 53), ("refund", f"{paid}-r1", 800, -5),
            ]  # fmt: skip
            with pytest.raises(NoBill):
                shop.payments.providers.get(name).bill(day + 1)


# ---- openssl ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        missing("the openssl program", "On Debian or Ubuntu: apt-get install openssl")
    assert found is not None
    return found


def openssl_believes(program: str, folder: Path, public: str, text: bytes, signature: str) -> bool:
    (folder / "key.pem").write_text(public)
    (folder / "text").write_bytes(text)
    (folder / "sign").write_bytes(base64.b64decode(signature))
    command = [program, "dgst", "-sha256", "-verify", "key.pem", "-signature", "sign", "text"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=20).stdout.strip() == b"Verified OK"


def openssl_signs(program: str, folder: Path, private: str, text: bytes) -> str:
    (folder / "private.pem").write_text(private)
    command = [program, "dgst", "-sha256", "-sign", "private.pem"]
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, timeout=20, check=True)
    return base64.b64encode(done.stdout).decode()


def test_openssl_believes_what_we_sign_and_we_what_it_signs(
    live: tuple[fairday.Shop, str], openssl: str, tmp_path: Path
) -> None:
    shop, _ = live
    keys = shop.payments.sandbox.keys
    params = dict(parse_qsl(urlsplit(begin(shop, "alipay", "page").go.url).query))
    by_hand = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if k != "sign" and v).encode()
    assert openssl_believes(openssl, tmp_path, rsa.public_pem(keys.app.public_key()), by_hand, params["sign"])
    assert not openssl_believes(
        openssl, tmp_path, rsa.public_pem(keys.app.public_key()), by_hand + b" ", params["sign"]
    )
    text = wechat.request_text("GET", "/v3/certificates", "1780000000", "abc", b"")
    assert text == b"GET\n/v3/certificates\n1780000000\nabc\n\n"
    signed = openssl_signs(openssl, tmp_path, rsa.private_pem(keys.merchant), text)
    assert rsa.verify(keys.merchant.public_key(), text, signed)
    assert rsa.sign(keys.merchant, text) == signed, "PKCS #1 v1.5 has one signature of a text"

    node = '{"code":"10000","msg":"Success","out_trade_no":"0190a1","note":"a \\"sign\\":\\"x\\" within, 茶 {"}'
    sign = openssl_signs(openssl, tmp_path, rsa.private_pem(keys.alipay), node.encode())
    body = f'{{"alipay_trade_query_response":{node},"sign":"{sign}"}}'.encode()
    assert alipay.answer(body, "alipay.trade.query", keys.alipay.public_key())["out_trade_no"] == "0190a1"
    said = alipay_notice(
        keys, {"told": {"out_trade_no": "0190a1", "a b": "茶", "empty": ""}, "id": "n1"}, 1_780_000_000_000
    )
    form = dict(parse_qsl(said[1].decode(), keep_blank_values=True))
    by_hand = "&".join(f"{k}={v}" for k, v in sorted(form.items()) if k not in ("sign", "sign_type") and v).encode()
    assert openssl_believes(openssl, tmp_path, rsa.public_pem(keys.alipay.public_key()), by_hand, form["sign"])
