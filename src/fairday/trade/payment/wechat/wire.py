"""WeChat Pay's API v3 as messages: what is signed, what is encrypted, what is asked, what an answer means. Pure.

Source: WeChat Pay merchant documentation, API v3 (pay.weixin.qq.com/doc/v3): "Signature generation", "Signature
verification", "Callback decryption", JSAPI / H5 / Native payment, refunds, trade bill.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fairday.kernel import jsons
from fairday.trade.payment import rsa
from fairday.trade.payment.model import Ask, Forged, Go, Hint, Notice, Outcome, RefundOutcome, refund_number

SCHEME = "WECHATPAY2-SHA256-RSA2048"
GATEWAY = "https://api.mch.weixin.qq.com"
CHINA = timezone(timedelta(hours=8))
"""The time the provider writes its own in."""
WINDOW = 300
"""Seconds by which a message's time may differ from ours, either way."""
CURRENCY = "CNY"

_STATES: Mapping[str, Any] = {
    "SUCCESS": "succeeded", "REFUND": "succeeded", "NOTPAY": "pending", "USERPAYING": "pending", "ACCEPT": "pending",
    "PAYERROR": "failed", "CLOSED": "closed", "REVOKED": "closed",
}  # fmt: skip
_REFUND_STATES: Mapping[str, Any] = {
    "SUCCESS": "succeeded", "PROCESSING": "pending", "ABNORMAL": "failed", "CLOSED": "failed",
}  # fmt: skip
_AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')


# ---- signatures ------------------------------------------------------------------------------------------------------


def request_text(method: str, path: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What a request signs; ``path`` with its query."""
    return f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What an answer or a notice signs."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def authorization(
    key: RSAPrivateKey, mchid: str, serial: str, method: str, path: str, body: bytes, timestamp: int, nonce: str
) -> str:
    """The Authorization header of a request. ``timestamp`` in seconds; ``serial`` of the merchant's certificate."""
    signature = rsa.sign(key, request_text(method, path, str(timestamp), nonce, body))
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",timestamp="{timestamp}",'
        f'serial_no="{serial}"'
    )


def read_authorization(header: str) -> dict[str, str]:
    """The parts of an Authorization header.

    Raises:
        Forged: another scheme, or a part is missing.
    """
    scheme, _, rest = header.partition(" ")
    parts = dict(_AUTHORIZATION.findall(rest))
    if scheme != SCHEME or parts.keys() != {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}:
        raise Forged("the Authorization header is not one of WeChat Pay's")
    return parts


def fresh(timestamp: str, now: int) -> bool:
    """Whether a message's time (seconds, as text) is within the window around ``now`` (ms)."""
    return (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) < 12
        and abs(int(timestamp) - now // 1000) <= WINDOW
    )


def signed_headers(key: RSAPrivateKey, serial: str, body: bytes, timestamp: int, nonce: str) -> dict[str, str]:
    """The headers under which the provider's side signs an answer or a notice."""
    return {
        "Wechatpay-Serial": serial,
        "Wechatpay-Timestamp": str(timestamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": rsa.sign(key, answer_text(str(timestamp), nonce, body)),
        "Wechatpay-Signature-Type": SCHEME,
    }


def serial_of(headers: Mapping[str, str]) -> str:
    """The serial of the key an answer or notice says it is signed with; "" where it says none."""
    return headers.get("wechatpay-serial", "")


def verify(keys: Mapping[str, RSAPublicKey], headers: Mapping[str, str], body: bytes, now: int) -> None:
    """Check an answer or a notice. ``headers`` by lower-case name; ``keys`` of the provider by serial.

    Raises:
        Forged: signed by nobody we know, too old or too new, altered.
    """
    key = keys.get(serial_of(headers))
    if key is None:
        raise Forged("its key is not the provider's")
    timestamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise Forged("it is signed in another way")
    if not fresh(timestamp, now):
        raise Forged("its time is not now")
    if not rsa.verify(key, answer_text(timestamp, nonce, body), headers.get("wechatpay-signature", "")):
        raise Forged("its signature is not the provider's")


# ---- encryption ------------------------------------------------------------------------------------------------------


def encrypt(apiv3_key: bytes, plain: bytes, nonce: str, associated: str) -> dict[str, str]:
    """A text as the provider's side encrypts it: AES-256-GCM under the merchant's API v3 key."""
    sealed = AESGCM(apiv3_key).encrypt(nonce.encode(), plain, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": associated,
        "ciphertext": base64.b64encode(sealed).decode(),
    }


def decrypt(apiv3_key: bytes, sealed: Mapping[str, Any]) -> bytes:
    """The text of what ``encrypt`` gives.

    Raises:
        Forged: another algorithm, or not sealed with that key.
    """
    parts = [sealed.get(name, "") for name in ("nonce", "ciphertext", "associated_data")]
    if sealed.get("algorithm") != "AEAD_AES_256_GCM" or not all(isinstance(part, str) for part in parts):
        raise Forged("it is not encrypted with AES-256-GCM")
    nonce, ciphertext, associated = parts
    try:
        raw = base64.b64decode(ciphertext, validate=True)
        return AESGCM(apiv3_key).decrypt(nonce.encode(), raw, associated.encode())
    except (InvalidTag, ValueError, binascii.Error):
        raise Forged("it is not encrypted with our API v3 key") from None


# ---- requests --------------------------------------------------------------------------------------------------------


def time_text(at: int) -> str:
    """An instant (ms) as the API writes it: RFC 3339 in China's time."""
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(CHINA).isoformat()


def instant(text: Any) -> int:
    """An instant (ms) from RFC 3339; 0 where it is none."""
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def prepay(ask: Ask, mchid: str, appid: str) -> tuple[str, dict[str, Any]]:
    """The path and body of a payment request, by its channel."""
    body: dict[str, Any] = {
        "appid": appid,
        "mchid": mchid,
        "description": ask.subject[:42],
        "out_trade_no": ask.number,
        "time_expire": time_text(ask.expires),
        "notify_url": ask.notify_url,
        "amount": {"total": ask.amount, "currency": ask.currency},
    }
    if ask.channel == "jsapi":
        body["payer"] = {"openid": ask.payer}
    elif ask.channel == "h5":
        body["scene_info"] = {"payer_client_ip": ask.address or "127.0.0.1", "h5_info": {"type": "Wap"}}
    return f"/v3/pay/transactions/{ask.channel}", body


def prepared(
    channel: str, data: Mapping[str, Any], appid: str, key: RSAPrivateKey, timestamp: int, nonce: str, return_url: str
) -> Go:
    """How the shopper goes on, from the answer to ``prepay``."""
    if channel == "native":
        return Go(kind="qr", url=str(data["code_url"]))
    if channel == "h5":
        url = str(data["h5_url"])
        joint = "&" if "?" in url else "?"
        return Go(kind="redirect", url=f"{url}{joint}redirect_url={quote(return_url, safe='')}" if return_url else url)
    package = f"prepay_id={data['prepay_id']}"
    params = {"appId": appid, "timeStamp": str(timestamp), "nonceStr": nonce, "package": package, "signType": "RSA"}
    return Go(kind="jsapi", params=params | {"paySign": rsa.sign(key, bridge_text(params))})


def bridge_text(params: Mapping[str, str]) -> bytes:
    """What the parameters for WeChat's bridge (JSAPI) sign."""
    return "".join(f"{params[name]}\n" for name in ("appId", "timeStamp", "nonceStr", "package")).encode()


def query_path(number: str, mchid: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}"


def close_path(number: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{number}/close"


REFUNDS = "/v3/refund/domestic/refunds"


def refund_body(
    number: str, refund: str, amount: int, whole: int, currency: str, why: str, notify_url: str
) -> dict[str, Any]:
    """The body of a refund request."""
    body: dict[str, Any] = {
        "out_trade_no": number,
        "out_refund_no": refund_number(number, refund),
        "amount": {"refund": amount, "total": whole, "currency": currency},
    }
    if why:
        body["reason"] = why[:26]
    return body | ({"notify_url": notify_url} if notify_url else {})


# ---- what answers and notices say ------------------------------------------------------------------------------------


def outcome(data: Mapping[str, Any], mchid: str, appid: str) -> Outcome:
    """A transaction as answered or told.

    Raises:
        Forged: it is of another merchant or application, or not a transaction.
    """
    state = _STATES.get(str(data.get("trade_state")))
    if data.get("mchid") != mchid or data.get("appid") != appid:
        raise Forged("it is of another merchant")
    if state is None:
        raise Forged("it is not a transaction")
    number = str(data.get("out_trade_no", ""))
    if state != "succeeded":
        return Outcome(number=number, state=state)
    total, currency = _amount(data, "total"), data["amount"].get("currency", CURRENCY)
    return Outcome(number=number, state=state, amount=total, currency=str(currency),
                   trade=str(data.get("transaction_id", "")), at=instant(data.get("success_time")))  # fmt: skip


def refund_outcome(data: Mapping[str, Any], status: str) -> RefundOutcome:
    """A refund as answered (``status`` is its status) or told (its refund_status).

    Raises:
        Forged: it is not a refund of ours.
    """
    number, refund = str(data.get("out_trade_no", "")), str(data.get("out_refund_no", ""))
    payment, _, own = refund.partition("-")
    state = _REFUND_STATES.get(status)
    if state is None or payment != number or not own:
        raise Forged("it is not a refund of ours")
    return RefundOutcome(number=number, refund=own, state=state, amount=_amount(data, "refund"),
                         trade=str(data.get("refund_id", "")), at=instant(data.get("success_time")))  # fmt: skip


def _amount(data: Mapping[str, Any], name: str) -> int:
    amounts = data.get("amount")
    amount = amounts.get(name) if isinstance(amounts, dict) else None
    if type(amount) is not int:
        raise Forged("it names no amount")
    return amount


def notice(body: bytes, apiv3_key: bytes, mchid: str, appid: str) -> Notice:
    """What a notice, whose signature has been checked, says.

    Raises:
        Forged: it is none, or of another merchant.
    """
    told = document(body)
    kind, sealed = str(told.get("event_type", "")), told.get("resource")
    if not isinstance(sealed, dict):
        raise Forged("it has no resource")
    data = document(decrypt(apiv3_key, sealed))
    if kind.startswith("REFUND."):
        if data.get("mchid") != mchid:
            raise Forged("it is of another merchant")
        return refund_outcome(data, str(data.get("refund_status")))
    if kind.startswith("TRANSACTION."):
        return outcome(data, mchid, appid)
    return Hint(number=str(data.get("out_trade_no", "")))


def document(body: bytes) -> dict[str, Any]:
    """A body as a JSON object.

    Raises:
        Forged: it is none.
    """
    try:
        data = jsons.loads(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Forged("it is not a JSON object")
    return data
