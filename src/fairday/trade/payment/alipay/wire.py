"""Alipay's open platform as messages: sorted parameters, RSA2, the response node, notices. Pure.

Source: Alipay open platform documentation (opendocs.alipay.com): "Signing and verifying", "Asynchronous notification",
alipay.trade.wap.pay / page.pay / query / close / refund / fastpay.refund.query,
alipay.data.dataservice.bill.downloadurl.query.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from fairday.kernel import jsons
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major, minor
from fairday.trade.payment import rsa
from fairday.trade.payment.model import Ask, Forged, Hint, Notice, Outcome

GATEWAY = "https://openapi.alipay.com/gateway.do"
CHINA = timezone(timedelta(hours=8))
CURRENCY = "CNY"
MOST_FIELDS = 100
PAY_METHODS = {"wap": "alipay.trade.wap.pay", "page": "alipay.trade.page.pay"}
PRODUCTS = {"wap": "QUICK_WAP_WAY", "page": "FAST_INSTANT_TRADE_PAY"}
_STATES: Mapping[str, Any] = {
    "WAIT_BUYER_PAY": "pending", "TRADE_SUCCESS": "succeeded", "TRADE_FINISHED": "succeeded", "TRADE_CLOSED": "closed",
}  # fmt: skip


# ---- signatures ------------------------------------------------------------------------------------------------------


def text_to_sign(params: Mapping[str, str], left_out: tuple[str, ...] = ("sign",)) -> bytes:
    """Parameters that have a value, sorted by name, as ``a=1&b=2``."""
    return "&".join(f"{k}={params[k]}" for k in sorted(params) if k not in left_out and params[k] != "").encode()


NOTICE_LEFT_OUT = ("sign", "sign_type")


def time_text(at: int) -> str:
    """An instant (ms) as the platform writes it: China's time without a zone."""
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def instant(text: str) -> int:
    """An instant (ms) from such a text; 0 where it is none."""
    try:
        return int(datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA).timestamp() * 1000)
    except ValueError:
        return 0


def request(
    key: RSAPrivateKey, app_id: str, method: str, content: Mapping[str, Any], now: int, **more: str
) -> dict[str, str]:
    """All parameters of a call, signed. ``more``: notify_url, return_url."""
    params = {
        "app_id": app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": time_text(now),
        "version": "1.0",
        "biz_content": jsons.dumps(content),
        **{k: v for k, v in more.items() if v},
    }
    return params | {"sign": rsa.sign(key, text_to_sign(params))}


def node_name(method: str) -> str:
    """The member of an answer that holds what was asked for."""
    return method.replace(".", "_") + "_response"


def answer(body: bytes, method: str, key: RSAPublicKey) -> dict[str, Any]:
    """The response node of an answer, whose signature is checked over its very bytes.

    A refusal of the gateway itself (error_response) is signed too. An answer that is not signed is not believed,
    whatever it says.

    Raises:
        Forged: no such node, or its signature is not the platform's.
    """
    text = _text(body)
    for name in (node_name(method), "error_response"):
        found = _node(text, name)
        if found is not None:
            raw, sign = found
            if not rsa.verify(key, raw.encode(), sign):
                raise Forged("its signature is not the platform's")
            node = json.loads(raw)
            if isinstance(node, dict):
                return node
    raise Forged("it has not the node that was asked for")


def _node(text: str, name: str) -> tuple[str, str] | None:
    """The text of a top-level member and the answer's sign, or None; read as JSON, so nothing inside a string fits."""
    decoder = json.JSONDecoder()
    try:
        whole = decoder.decode(text)
        if not isinstance(whole, dict) or name not in whole or not isinstance(whole.get("sign"), str):
            return None
        at = text.index("{") + 1
        while True:
            at = _skip(text, at)
            key, at = decoder.raw_decode(text, at)
            at = _skip(text, at) + 1  # the colon
            at = _skip(text, at)
            _, end = decoder.raw_decode(text, at)
            if key == name:
                return text[at:end], whole["sign"]
            at = _skip(text, end) + 1  # the comma
    except (ValueError, RecursionError, IndexError):
        return None


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Forged("it is not UTF-8") from None


# ---- what is asked ---------------------------------------------------------------------------------------------------


def yuan(amount: int) -> str:
    """Minor units as the platform writes money: 88.80."""
    return f"{major(amount, CURRENCY):.2f}"


def fen(text: Any) -> int:
    """Minor units of what the platform writes.

    Raises:
        Forged: it is no amount.
    """
    try:
        return minor(str(text), CURRENCY)
    except FairdayError:
        raise Forged("it names no amount") from None


def pay_content(ask: Ask) -> dict[str, Any]:
    """The content of a payment by page or phone."""
    content: dict[str, Any] = {
        "out_trade_no": ask.number,
        "total_amount": yuan(ask.amount),
        "subject": ask.subject[:85],
        "product_code": PRODUCTS[ask.channel],
        "time_expire": time_text(ask.expires),
    }
    return content | ({"quit_url": ask.return_url} if ask.channel == "wap" and ask.return_url else {})


def address(gateway: str, params: Mapping[str, str]) -> str:
    """The address that the shopper is sent to."""
    return f"{gateway}?{urlencode(params)}"


# ---- what answers and notices say ------------------------------------------------------------------------------------


def outcome(node: Mapping[str, Any]) -> Outcome:
    """A trade as answered.

    Raises:
        Forged: it is not a trade.
    """
    number, state = str(node.get("out_trade_no", "")), _STATES.get(str(node.get("trade_status")))
    if state is None:
        raise Forged("it is not a trade")
    if state != "succeeded":
        # A trade that was paid and given back whole is TRADE_CLOSED as well; only one never paid has no payment date.
        paid = bool(node.get("send_pay_date") or node.get("gmt_payment"))
        if state != "closed" or not paid:
            return Outcome(number=number, state=state)
    at = instant(str(node.get("send_pay_date") or node.get("gmt_payment") or ""))
    amount, currency = fen(node.get("total_amount")), str(node.get("trans_currency") or CURRENCY)
    trade = str(node.get("trade_no", ""))
    return Outcome(number=number, state="succeeded", amount=amount, currency=currency, trade=trade, at=at)


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form.

    Raises:
        Forged: it is none, or names a field twice.
    """
    try:
        pairs = parse_qsl(_text(body), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Forged("it is not a form") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise Forged("it names a field twice")
    return dict(pairs)


def notice(body: bytes, key: RSAPublicKey, app_id: str, seller_id: str) -> Notice:
    """What a notice says, its signature checked.

    A notice that speaks of a refund tells the sum of all refunds and not which: it is a hint to ask.

    Raises:
        Forged: it is not the platform's, or not for this merchant.
    """
    form = read_form(body)
    if form.get("sign_type") != "RSA2" or not rsa.verify(
        key, text_to_sign(form, NOTICE_LEFT_OUT), form.get("sign", "")
    ):
        raise Forged("its signature is not the platform's")
    if form.get("app_id") != app_id or (seller_id and form.get("seller_id") != seller_id):
        raise Forged("it is of another merchant")
    number = form.get("out_trade_no", "")
    if form.get("notify_type") != "trade_status_sync" or form.get("refund_fee") or form.get("gmt_refund"):
        return Hint(number=number)
    return outcome(form)


def document(text: str) -> dict[str, Any]:
    """JSON text as an object.

    Raises:
        Forged: it is none.
    """
    try:
        data = jsons.loads(text)
    except (msgspec.DecodeError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Forged("it is not a JSON object")
    return data
