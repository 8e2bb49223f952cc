"""WeChat Pay over HTTP: a thin client around ``wire``."""

from __future__ import annotations

import gzip
import hashlib
import secrets
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from fairday.kernel import jsons
from fairday.kernel.clock import to_date
from fairday.kernel.errors import FairdayError, Unavailable
from fairday.trade.payment.http import MOST, Http
from fairday.trade.payment.model import (
    CHANNELS,
    Ask,
    BillLine,
    Forged,
    Go,
    NoBill,
    Notice,
    Outcome,
    ProviderRefused,
    RefundOutcome,
    refund_number,
)
from fairday.trade.payment.wechat import bill, wire

CERTIFICATES = "/v3/certificates"
AGAIN_AFTER = 60_000
"""How long (ms) certificates are not fetched again for a serial that nobody knows: forged notices name such."""
_NOT_THERE = frozenset({"order_not_exist", "ordernotexist", "resource_not_exists", "resource_not_exist"})


@dataclass(frozen=True)
class WechatAccount:
    """A merchant's account. With ``public_key_id`` in public-key mode, without it in platform-certificate mode.

    Attributes:
        mchid, appid: the merchant and the application (official account, mini program).
        serial: of the merchant's certificate, whose private key is ``key``.
        apiv3_key: the 32 bytes set in the merchant platform.
    """

    mchid: str
    appid: str
    serial: str
    key: RSAPrivateKey = field(repr=False)
    apiv3_key: bytes = field(repr=False)
    public_key_id: str = ""
    public_key: RSAPublicKey | None = field(default=None, repr=False)
    gateway: str = wire.GATEWAY


class Wechat:
    """The provider "wechat". ``notify_url`` gives where refunds are told of; a payment brings its own."""

    name = "wechat"
    channels = CHANNELS["wechat"]

    def __init__(self, account: WechatAccount, now: Callable[[], int], notify_url: str = "") -> None:
        self.account = account
        self._now = now
        self._notify_url = notify_url
        self._http = Http(account.gateway)
        self._certificates: dict[str, tuple[RSAPublicKey, int]] = {}
        self._fetched: int | None = None
        self._fetching = threading.Lock()

    def begin(self, ask: Ask) -> Go:
        account = self.account
        if ask.currency != wire.CURRENCY:
            raise _currency()
        if ask.channel == "jsapi" and not ask.payer:
            raise FairdayError("Inside WeChat the payer's openid is needed.", code="no_openid", where="payer",
                               remedy="Ask WeChat for it (snsapi_base), or use h5 or native.")  # fmt: skip
        path, body = wire.prepay(ask, account.mchid, account.appid)
        data = self._call("POST", path, body)
        try:
            return wire.prepared(
                ask.channel, data, account.appid, account.key, self._now() // 1000, _nonce(), ask.return_url
            )
        except KeyError:
            raise _unclear("the answer says not how to go on")

    def query(self, number: str) -> Outcome:
        account = self.account
        try:
            data = self._call("GET", wire.query_path(number, account.mchid))
        except ProviderRefused as error:
            if error.code in _NOT_THERE:
                return Outcome(number=number, state="pending")
            raise
        return _ours(wire.outcome(data, account.mchid, account.appid), number)

    def close(self, number: str) -> None:
        try:
            self._call("POST", wire.close_path(number), {"mchid": self.account.mchid})
        except ProviderRefused as error:
            if error.code not in _NOT_THERE:
                raise

    def refund(self, number: str, refund: str, amount: int, whole: int, currency: str, why: str) -> RefundOutcome:
        body = wire.refund_body(number, refund, amount, whole, currency, why, self._notify_url)
        data = self._call("POST", wire.REFUNDS, body)
        return wire.refund_outcome(data, str(data.get("status")))

    def refund_query(self, number: str, refund: str) -> RefundOutcome:
        try:
            data = self._call("GET", f"{wire.REFUNDS}/{refund_number(number, refund)}")
        except ProviderRefused as error:
            if error.code in _NOT_THERE:
                return RefundOutcome(number=number, refund=refund, state="unknown")
            raise
        return wire.refund_outcome(data, str(data.get("status")))

    def bill(self, day: int) -> list[BillLine]:
        """The trade bill of a day (days since 1970-01-01, China's time)."""
        try:
            told = self._call("GET", f"/v3/bill/tradebill?bill_date={to_date(day)}&bill_type=ALL&tar_type=GZIP")
        except ProviderRefused as error:
            if error.code == "no_statement_exist":
                raise NoBill("There is no bill of that day.", code="no_bill")
            raise
        path = self._http.path_of(str(told.get("download_url", "")))
        answer = self._http.send("GET", path, b"", self._headers("GET", path, b""), most=MOST * 50)
        if answer.status_code != 200:
            raise _unclear("the bill could not be fetched")
        raw = _unzipped(answer.content)
        if hashlib.sha1(raw, usedforsecurity=False).hexdigest() != str(told.get("hash_value", "")).lower():
            raise Forged("the bill's content is not what was announced")
        return bill.parse(raw.decode("utf-8"))

    def notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice:
        """What a notice says; may fetch the provider's certificates.

        Raises:
            Forged: it is not the provider's, not of now, or not for this merchant.
        """
        wire.verify(self._keys(wire.serial_of(headers)), headers, body, now)
        return wire.notice(body, self.account.apiv3_key, self.account.mchid, self.account.appid)

    # ---- the call ----------------------------------------------------------------------------------------------------

    def _headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        account = self.account
        headers = {
            "Authorization": wire.authorization(
                account.key, account.mchid, account.serial, method, path, body, self._now() // 1000, _nonce()
            ),
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        return headers | ({"Wechatpay-Serial": account.public_key_id} if account.public_key_id else {})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        raw = b"" if body is None else jsons.encode(body)
        answer = self._http.send(method, path, raw, self._headers(method, path, raw))
        if answer.status_code >= 500 or answer.status_code == 429:
            raise _unclear(f"it answered {answer.status_code}")
        if answer.status_code >= 400:
            # Refusals before the request is understood are not signed; nothing but a refusal follows from one.
            raise refused(answer)
        keys = self._keys(wire.serial_of(answer.headers)) if path != CERTIFICATES else {}
        try:
            if path == CERTIFICATES:
                self._take_certificates(answer)
            else:
                wire.verify(keys, answer.headers, answer.content, self._now())
            return wire.document(answer.content) if answer.content else {}
        except Forged as error:
            raise _unclear(f"its answer is not to be believed ({error.message})") from error

    # ---- the provider's keys -----------------------------------------------------------------------------------------

    def _keys(self, serial: str) -> Mapping[str, RSAPublicKey]:
        account = self.account
        if account.public_key is not None:
            return {account.public_key_id: account.public_key}
        now = self._now()
        if serial in self._certificates and self._certificates[serial][1] > now:
            return {serial: self._certificates[serial][0]}  # nobody waits while others fetch
        with self._fetching:
            stale = self._fetched is None or now - self._fetched >= AGAIN_AFTER
            if stale and (serial not in self._certificates or self._certificates[serial][1] <= now):
                self._fetched = now
                self._call("GET", CERTIFICATES)
        return {known: key for known, (key, until) in self._certificates.items() if until > now}

    def _take_certificates(self, answer: httpx.Response) -> None:
        """Keep the platform's certificates. They come sealed with our API v3 key, and sign their own answer."""
        now, found = self._now(), {}
        for entry in wire.document(answer.content).get("data", []):
            pem = wire.decrypt(self.account.apiv3_key, entry["encrypt_certificate"])
            try:
                certificate = x509.load_pem_x509_certificate(pem)
            except ValueError:
                raise Forged("it holds no certificate") from None
            key, until = certificate.public_key(), int(certificate.not_valid_after_utc.timestamp() * 1000)
            begins = int(certificate.not_valid_before_utc.timestamp() * 1000)
            if isinstance(key, RSAPublicKey) and begins <= now < until:
                found[f"{certificate.serial_number:X}"] = (key, until)
        wire.verify({serial: key for serial, (key, _) in found.items()}, answer.headers, answer.content, now)
        self._certificates = found


def refused(answer: httpx.Response) -> ProviderRefused:
    """A refusal as an error."""
    try:
        data = wire.document(answer.content)
    except Forged:
        data = {}
    code = str(data.get("code") or f"http_{answer.status_code}").lower()[:60]
    return ProviderRefused(f"WeChat Pay says no: {str(data.get('message', ''))[:200]}", code=code)


def _ours(found: Outcome, number: str) -> Outcome:
    if found.number != number:
        raise _unclear("it answered about another payment")
    return found


def _unclear(why: str) -> Unavailable:
    return Unavailable(f"WeChat Pay: {why}.", code="provider_unclear", remedy="It is asked again by itself.")


def _currency() -> FairdayError:
    return FairdayError("WeChat Pay takes CNY here.", code="currency_not_taken", where="currency",
                        remedy="Offer another method for this currency.")  # fmt: skip


def _unzipped(raw: bytes) -> bytes:
    """A bill out of its compression; refused when it would fill the memory."""
    if raw[:2] != b"\x1f\x8b":
        return raw
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        out = inflate.decompress(raw, MOST * 200)
    except zlib.error:
        raise _unclear("the bill is damaged") from None
    if inflate.unconsumed_tail:
        raise FairdayError("The bill is too large.", code="bad_bill")
    return out


def zipped(raw: bytes) -> bytes:
    """A bill compressed as the provider's side sends it."""
    return gzip.compress(raw, mtime=0)


def _nonce() -> str:
    return secrets.token_hex(16).upper()
