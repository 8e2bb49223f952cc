"""Notices that are not what they seem, and the sandbox asked by somebody else. Each leaves everything as it was."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import fairday
from fairday.kernel import jsons
from fairday.kernel.clock import ManualClock
from fairday.trade.payment import rsa
from fairday.trade.payment.alipay import wire as alipay
from fairday.trade.payment.model import Forged, stream_of
from fairday.trade.payment.sandbox.alipay import sign_notice as alipay_notice
from fairday.trade.payment.sandbox.wechat import sign_notice as wechat_notice
from fairday.trade.payment.wechat import wire as wechat
from paying import AMOUNT, begin, ready, served, token_of
from webdesk import Client

Change = Callable[[dict[str, Any]], dict[str, Any]]


class Attack:
    """A shop with one unpaid payment of each provider, and whoever posts notices to it."""

    def __init__(self, shop: fairday.Shop, base: str) -> None:
        self.shop, self.base = shop, base
        self.keys = shop.payments.sandbox.keys
        self.numbers = {"wechat": begin(shop, "wechat", "native").number}
        started = begin(shop, "alipay", "page", "ticket:2")
        httpx.get(started.go.url)
        self.numbers["alipay"] = started.number
        self.sides = {"wechat": shop.payments.wechat_side, "alipay": shop.payments.alipay_side}

    def trade(self, provider: str) -> dict[str, Any]:
        found = self.shop.payments.sandbox.find(provider, self.numbers[provider])
        assert found is not None
        return found | {"state": "paid", "trade": "4200000001", "paid_at": self.shop.clock.now()}

    def notice(self, provider: str, change: Change = lambda told: told, at: int = 0) -> tuple[dict[str, str], bytes]:
        """A notice properly sealed and signed by the provider, of a success that may have been changed before."""
        told = change(self.sides[provider].told(self.trade(provider)))
        about = {"id": "n1", "kind": "payment", "created": 0, "signed_as": "", "told": told}
        sign = wechat_notice if provider == "wechat" else alipay_notice
        return sign(self.keys, about, at or self.shop.clock.now())

    def post(self, provider: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        return httpx.post(f"{self.base}/pay/notice/{provider}", headers=headers, content=body)

    def refused(self, provider: str, headers: dict[str, str], body: bytes, status: int = 401) -> None:
        answer = self.post(provider, headers, body)
        assert answer.status_code == status, answer.text
        assert "SUCCESS" not in answer.text
        assert answer.text != "success"
        assert self.status(provider) == "pending"

    def status(self, provider: str) -> str:
        state = self.shop.payments.state(self.numbers[provider])
        assert state is not None
        return str(state["status"])


@pytest.fixture
def attack(tmp_path: Path, clock: ManualClock) -> Iterator[Attack]:
    with fairday.open(tmp_path / "attacked.db", clock=clock) as shop:
        with served(ready(shop)) as base:
            made = Attack(shop, base)
            shop.payments.ask(made.numbers["alipay"])
            yield made
            assert set(made.numbers) == {"wechat", "alipay"}


def test_an_honest_notice_is_taken(attack: Attack) -> None:
    assert attack.post("wechat", *attack.notice("wechat")).status_code == 204
    taken = attack.post("alipay", *attack.notice("alipay"))
    assert (taken.status_code, taken.text) == (200, "success")
    assert (attack.status("wechat"), attack.status("alipay")) == ("succeeded", "succeeded")


def test_a_notice_signed_by_somebody_else_is_refused(attack: Attack) -> None:
    headers, body = attack.notice("wechat")
    other = rsa.generate()
    now = attack.shop.clock.now() // 1000
    attack.refused("wechat", wechat.signed_headers(other, attack.keys.public_key_id, body, now, "n" * 32), body)
    attack.refused("wechat", headers | {"Wechatpay-Serial": "7" * 40}, body)
    attack.refused("wechat", headers | {"Wechatpay-Signature": ""}, body)
    attack.refused(
        "wechat", headers | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]}, body
    )
    attack.refused("wechat", headers | {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}, body)
    attack.refused("wechat", {k: v for k, v in headers.items() if "Wechatpay" not in k}, body)
    headers, body = attack.notice("alipay")
    form = dict(parse_qsl(body.decode()))
    forged = form | {"sign": rsa.sign(other, alipay.text_to_sign(form, alipay.NOTICE_LEFT_OUT))}
    attack.refused("alipay", headers, urlencode(forged).encode())
    attack.refused("alipay", headers, urlencode({k: v for k, v in form.items() if k != "sign"}).encode())
    attack.refused("alipay", headers, urlencode(form | {"sign_type": "RSA"}).encode())
    # The merchant's own key is not the provider's.
    own = form | {"sign": rsa.sign(attack.keys.app, alipay.text_to_sign(form, alipay.NOTICE_LEFT_OUT))}
    attack.refused("alipay", headers, urlencode(own).encode())


def test_a_notice_altered_on_the_way_is_refused(attack: Attack) -> None:
    headers, body = attack.notice("wechat")
    told = jsons.loads(body)
    sealed = bytearray(base64.b64decode(told["resource"]["ciphertext"]))
    sealed[5] ^= 1
    told["resource"]["ciphertext"] = base64.b64encode(bytes(sealed)).decode()
    attack.refused("wechat", headers, jsons.encode(told))
    attack.refused("wechat", headers, body + b" ")
    headers, body = attack.notice("alipay")
    for name, value in (("total_amount", "0.01"), ("out_trade_no", "0190ffffffff"), ("trade_status", "TRADE_FINISHED")):
        attack.refused("alipay", headers, urlencode(dict(parse_qsl(body.decode())) | {name: value}).encode())
    attack.refused("alipay", headers, body + b"&total_amount=0.01")


def test_a_notice_sealed_with_another_key_or_none_is_refused(attack: Attack) -> None:
    now = attack.shop.clock.now()

    def signed(body: bytes) -> dict[str, str]:
        return wechat.signed_headers(attack.keys.wechat, attack.keys.public_key_id, body, now // 1000, "n" * 32)

    plain = jsons.encode(attack.sides["wechat"].told(attack.trade("wechat")))
    others = AESGCM(b"k" * 32).encrypt(b"n" * 12, plain, b"transaction")
    resource = {"algorithm": "AEAD_AES_256_GCM", "nonce": "n" * 12, "associated_data": "transaction"}
    for bad in (
        {**resource, "ciphertext": base64.b64encode(others).decode()},
        {**resource, "ciphertext": "not base64"},
        {**resource, "ciphertext": 5},
        {**resource, "algorithm": "none", "ciphertext": base64.b64encode(plain).decode()},
        {**resource, "nonce": "", "ciphertext": base64.b64encode(others).decode()},
        [], None, "x",
    ):  # fmt: skip
        body = jsons.encode({"event_type": "TRANSACTION.SUCCESS", "resource": bad})
        attack.refused("wechat", signed(body), body)
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 5000, jsons.encode({"resource": {}})):
        attack.refused("wechat", signed(body), body)


def test_an_old_notice_is_refused_and_a_fresh_one_said_again_counts_nothing(attack: Attack) -> None:
    now = attack.shop.clock.now()
    attack.refused("wechat", *attack.notice("wechat", at=now - 301_000))
    attack.refused("wechat", *attack.notice("wechat", at=now + 301_000))
    headers, body = attack.notice("wechat")
    for wrong in ("", "yesterday", "-1", "1e9", "9" * 30, "１７８０３１５２００"):
        text = wechat.answer_text(wrong, headers["Wechatpay-Nonce"], body)
        sign = rsa.sign(attack.keys.wechat, text)
        ascii_ = wrong if wrong.isascii() else "1"
        attack.refused("wechat", headers | {"Wechatpay-Timestamp": ascii_, "Wechatpay-Signature": sign}, body)
    for _ in range(3):  # the very same bytes, nonce and all
        assert attack.post("wechat", headers, body).status_code == 204
    with attack.shop.db.read() as conn:
        n = conn.exec_driver_sql("SELECT count(*) FROM transfers").scalar_one()
    assert n == 1


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_a_true_notice_of_another_amount_or_currency_pays_nothing(attack: Attack, provider: str) -> None:
    """Signed by the provider itself: told as taken, kept for people, nothing booked, nothing paid."""

    def cheaper(told: dict[str, Any]) -> dict[str, Any]:
        if provider == "alipay":
            return told | {"total_amount": "0.01"}
        return told | {"amount": told["amount"] | {"total": 1}}

    def foreign(told: dict[str, Any]) -> dict[str, Any]:
        return told | (
            {"trans_currency": "USD"} if provider == "alipay" else {"amount": told["amount"] | {"currency": "USD"}}
        )

    for change, code in ((cheaper, "amount_differs"), (foreign, "amount_differs")):
        assert attack.post(provider, *attack.notice(provider, change)).is_success
        state = attack.shop.payments.state(attack.numbers[provider])
        assert state is not None
        assert (state["status"], state["problem"]["code"]) == ("pending", code)
    with attack.shop.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM transfers").scalar_one() == 0


def test_a_true_notice_for_another_merchant_or_application_is_refused(attack: Attack) -> None:
    for change in ({"mchid": "1900000000"}, {"appid": "wxothers"}):
        attack.refused("wechat", *attack.notice("wechat", lambda told, c=change: told | c))  # type: ignore[misc]
    for change in ({"app_id": "9021"}, {"seller_id": "2088"}, {"seller_id": ""}):
        attack.refused("alipay", *attack.notice("alipay", lambda told, c=change: told | c))  # type: ignore[misc]


def test_a_true_notice_of_a_payment_nobody_asked_for_is_refused(attack: Attack) -> None:
    for number in ("0190ffffffff", "", "x", "../../etc", "a" * 300, "0190 a1"):
        for provider in ("wechat", "alipay"):
            attack.refused(provider, *attack.notice(provider, lambda told, n=number: told | {"out_trade_no": n}), 404)  # type: ignore[misc]


def test_another_payments_notice_pays_only_that_one(attack: Attack) -> None:
    other = begin(attack.shop, "wechat", "native", "ticket:3", amount=1)

    def of_other(told: dict[str, Any]) -> dict[str, Any]:
        return told | {"out_trade_no": other.number, "amount": told["amount"] | {"total": 1}}

    assert attack.post("wechat", *attack.notice("wechat", of_other)).is_success
    assert attack.status("wechat") == "pending"
    # A cheap payment's success cannot be told for a dear one: the amount is the dear one's own.
    assert attack.shop.payments.state(other.number)["status"] == "succeeded"  # type: ignore[index]


def test_what_is_too_long_or_no_provider_is_not_read(attack: Attack) -> None:
    headers, body = attack.notice("wechat")
    attack.refused("wechat", headers, body + b" " * 70_000)
    attack.refused("alipay", {}, b"a=" + b"b" * 70_000)
    attack.refused("alipay", {}, b"&".join(b"a%d=1" % n for n in range(500)))
    attack.refused("alipay", {}, b"\xff\xfe")
    assert attack.post("paypal", headers, body).status_code == 404
    assert httpx.get(f"{attack.base}/pay/notice/wechat").status_code == 405


def test_alipays_answers_are_believed_only_with_their_signature(attack: Attack) -> None:
    key, sign = attack.keys.alipay.public_key(), lambda text: rsa.sign(attack.keys.alipay, text.encode())
    node = '{"code":"10000","out_trade_no":"a"}'
    name = "alipay_trade_query_response"
    good = f'{{"{name}":{node},"sign":"{sign(node)}"}}'
    assert alipay.answer(good.encode(), "alipay.trade.query", key)["code"] == "10000"
    for bad in (
        f'{{"{name}":{node}}}', f'{{"{name}":{node},"sign":""}}', f'{{"{name}":{node} ,"sign":5}}',
        good.replace('"a"', '"b"'), good.replace(name, "alipay_trade_close_response"), "", "[]", "{", '{"sign":"x"}',
        # the signed text inside a string is not the node
        f'{{"x":"{name}","{name}":{{"code":"10000","out_trade_no":"b"}},"sign":"{sign(node)}"}}',
    ):  # fmt: skip
        with pytest.raises(Forged):
            alipay.answer(bad.encode(), "alipay.trade.query", key)


def test_the_sandbox_refuses_whoever_is_not_the_shop(attack: Attack) -> None:
    base, number = attack.base, attack.numbers["wechat"]
    path = f"/v3/pay/transactions/out-trade-no/{number}?mchid={attack.keys.mchid}"
    now = attack.shop.clock.now() // 1000
    for key, at, mchid, asked in (
        (rsa.generate(), now, attack.keys.mchid, path),
        (attack.keys.merchant, now - 400, attack.keys.mchid, path),
        (attack.keys.merchant, now, "1900000000", path),
        (attack.keys.merchant, now, attack.keys.mchid, path + "1"),
    ):
        told = wechat.authorization(key, mchid, attack.keys.serial, "GET", path, b"", at, "n" * 32)
        assert httpx.get(f"{base}/sandbox/wechat{asked}", headers={"Authorization": told}).status_code == 401
    assert httpx.get(f"{base}/sandbox/wechat{path}").status_code == 401
    params = alipay.request(
        rsa.generate(), attack.keys.app_id, "alipay.trade.query", {"out_trade_no": number}, now * 1000
    )
    refused = httpx.post(f"{base}/sandbox/alipay/gateway.do", data=params).json()
    assert refused["error_response"]["sub_code"] == "isv.invalid-signature"
    assert httpx.get(f"{base}/sandbox/pay/guessed").status_code == 404
    assert httpx.get(f"{base}/sandbox/alipay/bill?day=20000&mac=x").status_code == 404
    token = token_of(attack.shop, number)
    assert httpx.post(f"{base}/sandbox/pay/{token}", data={"how": "rob"}).status_code == 422
    assert httpx.post(f"{base}/sandbox/notice/{token}/x").status_code == 404
    away = httpx.get(f"{base}/sandbox/pay/{token}?redirect_url=https://evil.example/").text
    assert "evil.example" not in away


def test_keys_are_neither_shown_nor_logged(attack: Attack, caplog: pytest.LogCaptureFixture) -> None:
    account = attack.shop.payments.providers.get("wechat").account  # type: ignore[attr-defined]
    for shown in (repr(account), str(account), repr(attack.keys), repr(attack.shop.settings)):
        assert attack.keys.apiv3_key.decode() not in shown
        assert "PRIVATE" not in shown
    attack.refused("wechat", *attack.notice("wechat", at=1))
    assert attack.keys.apiv3_key.decode() not in caplog.text


def test_a_public_address_gets_no_payment_through_a_private_one(attack: Attack) -> None:
    """A payment's page tells its amount and state; it takes nothing and names nobody."""
    page = Client(attack.shop).get(f"/pay/{attack.numbers['wechat']}").text
    assert "ticket:" not in page
    assert stream_of(attack.numbers["wechat"]) not in page
    assert f"{AMOUNT // 100}" in page
