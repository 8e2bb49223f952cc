"""Alipay over HTTP: a thin client around ``wire``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from fairday.kernel.clock import to_date
from fairday.kernel.errors import FairdayError, Unavailable
from fairday.trade.payment.alipay import bill, wire
from fairday.trade.payment.http import MOST, fetch
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

_NOT_THERE = "acq.trade_not_exist"
_NO_BILL = ("isp.bill_not_exist", "isv.bill-not-exist", "bill_not_exist")
_UNCLEAR = frozenset({"20000", "10003"})
"""The gateway's own codes for "not available now" and "waiting": what was done is not known."""


@dataclass(frozen=True)
class AlipayAccount:
    """A merchant's application.

    Attributes:
        seller_id: the merchant's account number (2088…), or "" to check the application alone.
        key: the application's private key; ``public_key``: Alipay's own (not the application's).
    """

    app_id: str
    seller_id: str
    key: RSAPrivateKey = field(repr=False)
    public_key: RSAPublicKey = field(repr=False)
    gateway: str = wire.GATEWAY


class Alipay:
    """The provider "alipay"."""

    name = "alipay"
    channels = CHANNELS["alipay"]

    def __init__(self, account: AlipayAccount, now: Callable[[], int]) -> None:
        self.account = account
        self._now = now

    def begin(self, ask: Ask) -> Go:
        """Where to send the shopper. Alipay hears of the payment when they arrive there, so nothing is called."""
        if ask.currency != wire.CURRENCY:
            raise FairdayError("Alipay takes CNY here.", code="currency_not_taken", where="currency",
                               remedy="Offer another method for this currency.")  # fmt: skip
        params = wire.request(
            self.account.key, self.account.app_id, wire.PAY_METHODS[ask.channel], wire.pay_content(ask), self._now(),
            notify_url=ask.notify_url, return_url=ask.return_url,
        )  # fmt: skip
        return Go(kind="redirect", url=wire.address(self.account.gateway, params))

    def query(self, number: str) -> Outcome:
        try:
            node = self._call("alipay.trade.query", {"out_trade_no": number})
        except ProviderRefused as error:
            if error.code == _NOT_THERE:
                return Outcome(number=number, state="pending")
            raise
        return wire.outcome(self._ours(node, number))

    def close(self, number: str) -> None:
        try:
            self._call("alipay.trade.close", {"out_trade_no": number})
        except ProviderRefused as error:
            if error.code != _NOT_THERE:
                raise

    def refund(self, number: str, refund: str, amount: int, whole: int, currency: str, why: str) -> RefundOutcome:
        content = {
            "out_trade_no": number,
            "out_request_no": refund_number(number, refund),
            "refund_amount": wire.yuan(amount),
        } | ({"refund_reason": why} if why else {})
        node = self._ours(self._call("alipay.trade.refund", content), number)
        if node.get("fund_change") == "Y":
            return RefundOutcome(number=number, refund=refund, state="succeeded", amount=amount,
                                 trade=str(node.get("trade_no", "")), at=self._now())  # fmt: skip
        return self.refund_query(number, refund)  # asked before, or not through: the question says which

    def refund_query(self, number: str, refund: str) -> RefundOutcome:
        content = {"out_trade_no": number, "out_request_no": refund_number(number, refund)}
        try:
            node = self._ours(self._call("alipay.trade.fastpay.refund.query", content), number)
        except ProviderRefused as error:
            if error.code == _NOT_THERE:
                return RefundOutcome(number=number, refund=refund, state="unknown")
            raise
        if node.get("refund_status") != "REFUND_SUCCESS":
            return RefundOutcome(number=number, refund=refund, state="unknown")
        back, at = wire.fen(node.get("refund_amount")), wire.instant(str(node.get("gmt_refund_pay", "")))
        trade = str(node.get("trade_no", ""))
        return RefundOutcome(number=number, refund=refund, state="succeeded", amount=back, trade=trade, at=at)

    def bill(self, day: int) -> list[BillLine]:
        """The trade bill of a day (days since 1970-01-01, China's time)."""
        try:
            content = {"bill_type": "trade", "bill_date": str(to_date(day))}
            node = self._call("alipay.data.dataservice.bill.downloadurl.query", content)
        except ProviderRefused as error:
            if error.code.endswith(_NO_BILL):
                raise NoBill("There is no bill of that day.", code="no_bill")
            raise
        url = str(node.get("bill_download_url", ""))
        if not self._trusted(url):
            raise FairdayError("Alipay names an address that is not its own.", code="foreign_address")
        found = fetch("GET", url, b"", {}, MOST * 50)
        if found.status_code != 200:
            raise _unclear("the bill could not be fetched")
        return bill.parse(found.content)

    def notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice:
        """What a notice says.

        Raises:
            Forged: it is not Alipay's, or not for this merchant.
        """
        return wire.notice(body, self.account.public_key, self.account.app_id, self.account.seller_id)

    def _trusted(self, url: str) -> bool:
        asked, known = urlsplit(url), urlsplit(self.account.gateway)
        own = (asked.hostname or "").endswith(".alipay.com") and asked.scheme in ("http", "https")
        return own or (asked.scheme, asked.netloc) == (known.scheme, known.netloc)

    def _ours(self, node: dict[str, Any], number: str) -> dict[str, Any]:
        if node.get("out_trade_no") != number:
            raise _unclear("it answered about another payment")
        return node

    def _call(self, method: str, content: Mapping[str, Any]) -> dict[str, Any]:
        account = self.account
        params = wire.request(account.key, account.app_id, method, content, self._now())
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        found = fetch("POST", f"{account.gateway}?charset=utf-8", urlencode(params).encode(), headers)
        if found.status_code != 200:
            raise _unclear(f"it answered {found.status_code}")
        try:
            node = wire.answer(found.content, method, account.public_key)
        except Forged as error:
            raise _unclear(f"its answer is not to be believed ({error.message})") from error
        code = str(node.get("code"))
        if code in _UNCLEAR or str(node.get("sub_code")) == "ACQ.SYSTEM_ERROR":
            raise _unclear(f"it is not available ({code})")
        if code != "10000":
            sub = str(node.get("sub_code") or f"code_{code}").lower()[:60]
            raise ProviderRefused(f"Alipay says no: {str(node.get('sub_msg') or node.get('msg', ''))[:200]}", code=sub)
        return node


def _unclear(why: str) -> Unavailable:
    return Unavailable(f"Alipay: {why}.", code="provider_unclear", remedy="It is asked again by itself.")
