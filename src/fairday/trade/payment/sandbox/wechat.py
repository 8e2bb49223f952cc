"""WeChat Pay's side: API v3 as the provider answers it."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fairday.kernel import jsons
from fairday.kernel.clock import local_day, to_day
from fairday.kernel.errors import Conflict, NotFound
from fairday.trade.payment import rsa
from fairday.trade.payment.model import BillLine, Forged
from fairday.trade.payment.sandbox.bank import CHINA, Sandbox, fee
from fairday.trade.payment.sandbox.keys import SandboxKeys
from fairday.trade.payment.wechat import bill, wire
from fairday.trade.payment.wechat.client import CERTIFICATES, zipped

Reply = tuple[int, dict[str, str], bytes]

_PREPAY = re.compile(r"/v3/pay/transactions/(jsapi|h5|native)")
_BY_NUMBER = re.compile(r"/v3/pay/transactions/out-trade-no/([0-9A-Za-z_\-|*]{1,32})(/close)?")
_REFUND = re.compile(r"/v3/refund/domestic/refunds/([0-9A-Za-z_\-|*@]{1,64})")
_STATE = {"open": "NOTPAY", "paid": "SUCCESS", "failed": "PAYERROR", "closed": "CLOSED"}
_TYPE = {"jsapi": "JSAPI", "h5": "MWEB", "native": "NATIVE"}


class WechatSide:
    """Answers what a merchant asks. ``page`` gives the address of a payment's page from the address asked."""

    def __init__(self, bank: Sandbox) -> None:
        self.bank = bank
        bank.signs["wechat"] = sign_notice

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, gateway: str, pages: str
    ) -> Reply:
        """Answer one request.

        Args:
            path: with its query, below the gateway.
            headers: by lower-case name.
            gateway, pages: where this side and its shoppers' pages are reached.
        """
        keys, now = self.bank.keys, self.bank.clock.now()
        try:
            self._check(method, path, headers, body)
        except Forged as error:
            return _refuse(401, "SIGN_ERROR", error.message)
        url = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        public = headers.get("wechatpay-serial", "")
        serial = keys.public_key_id if public else keys.platform_serial
        if public not in ("", keys.public_key_id):
            return _refuse(400, "PARAM_ERROR", "Wechatpay-Serial")
        if url.path == "/v3/billdownload/file":
            return self._download(asked.get("token", ""))
        status, data = self._route(method, url.path, asked, body, gateway, pages, serial)
        raw = b"" if data is None else jsons.encode(data)
        signed = wire.signed_headers(keys.wechat, serial, raw, now // 1000, secrets.token_hex(16))
        return status, signed | {"Content-Type": "application/json; charset=utf-8"}, raw

    def _check(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        keys = self.bank.keys
        parts = wire.read_authorization(headers.get("authorization", ""))
        text = wire.request_text(method, path, parts["timestamp"], parts["nonce_str"], body)
        if parts["mchid"] != keys.mchid or parts["serial_no"] != keys.serial:
            raise Forged("no such merchant or certificate")
        if not wire.fresh(parts["timestamp"], self.bank.clock.now()):
            raise Forged("its time is not now")
        if not rsa.verify(keys.merchant.public_key(), text, parts["signature"]):
            raise Forged("its signature is not the merchant's")

    def _route(
        self, method: str, path: str, asked: Mapping[str, str], body: bytes, gateway: str, pages: str, serial: str
    ) -> tuple[int, dict[str, Any] | None]:
        if method == "GET" and path == CERTIFICATES:
            return 200, self._certificates()
        if method == "GET" and path == "/v3/bill/tradebill":
            return self._bill(asked, gateway)
        if method == "POST" and (found := _PREPAY.fullmatch(path)):
            return self._prepay(found[1], body, pages, serial)
        if found := _BY_NUMBER.fullmatch(path):
            return self._close(found[1]) if found[2] else self._query(found[1], asked)
        if method == "POST" and path == wire.REFUNDS:
            return self._refund(body)
        if method == "GET" and (found := _REFUND.fullmatch(path)):
            return self._refund_query(found[1])
        return _no(404, "NOT_FOUND")

    def _prepay(self, channel: str, body: bytes, pages: str, serial: str) -> tuple[int, dict[str, Any]]:
        keys = self.bank.keys
        try:
            asked = wire.document(body)
            amount, number = asked["amount"], str(asked["out_trade_no"])
            about = {
                "amount": amount["total"], "currency": amount.get("currency", "CNY"), "subject": asked["description"],
                "notify_url": str(asked["notify_url"]), "expires": wire.instant(asked.get("time_expire")),
                "return_url": "",
                "channel": channel, "payer": "sandbox-openid",
                "signed_as": serial,
            }  # fmt: skip
        except (Forged, KeyError, TypeError):
            return _no(400, "PARAM_ERROR")
        if asked.get("mchid") != keys.mchid or asked.get("appid") != keys.appid:
            return _no(400, "APPID_MCHID_NOT_MATCH")
        if channel == "jsapi" and not asked.get("payer", {}).get("openid"):  # asked for, and not kept: it is somebody's
            return _no(400, "PARAM_ERROR")
        usable = type(about["amount"]) is int and 0 < about["amount"] <= 10**10 and about["currency"] == "CNY"
        if not usable or not re.fullmatch(r"[0-9A-Za-z_\-|*]{6,32}", number):
            return _no(400, "PARAM_ERROR")
        about["expires"] = about["expires"] or self.bank.clock.now() + 7_200_000
        try:
            trade = self.bank.open("wechat", number, **about)
        except Conflict as error:
            known = {"paid": "ORDERPAID", "closed": "ORDER_CLOSED"}
            return _no(400, known.get(error.code, "OUT_TRADE_NO_USED"))
        url = f"{pages}/pay/{trade['token']}"
        return 200, {"prepay_id": f"wx{trade['token']}"} if channel == "jsapi" else {
            "h5_url" if channel == "h5" else "code_url": url
        }

    def _query(self, number: str, asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        trade = self.bank.find("wechat", number)
        if asked.get("mchid") != self.bank.keys.mchid:
            return _no(403, "NO_AUTH")
        return (200, transaction(self.bank.keys, trade)) if trade is not None else _no(404, "ORDER_NOT_EXIST")

    def _close(self, number: str) -> tuple[int, dict[str, Any] | None]:
        was = self.bank.close("wechat", number)
        if was == "paid":
            return _no(400, "ORDERPAID")
        return (204, None) if was else _no(404, "ORDER_NOT_EXIST")

    def _refund(self, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            asked = wire.document(body)
            amount, number, refund = asked["amount"], str(asked["out_trade_no"]), str(asked["out_refund_no"])
            trade = self.bank.find("wechat", number)
            if trade is not None and (amount["total"], amount["currency"]) != (trade["amount"], trade["currency"]):
                return _no(400, "PARAM_ERROR")
            if type(amount["refund"]) is not int:
                return _no(400, "PARAM_ERROR")
            url = str(asked.get("notify_url", ""))
            trade, made = self.bank.refund("wechat", number, refund, amount["refund"], url, self._refund_told)
        except (Forged, KeyError, TypeError):
            return _no(400, "PARAM_ERROR")
        except NotFound:
            return _no(404, "RESOURCE_NOT_EXISTS")
        except Conflict as error:
            return _no(
                403 if error.code == "too_much" else 400,
                "NOT_ENOUGH" if error.code == "too_much" else "INVALID_REQUEST",
            )
        return 200, refund_of(trade, made, self.bank.clock.now())

    def _refund_query(self, refund: str) -> tuple[int, dict[str, Any]]:
        trade = self.bank.find("wechat", refund.partition("-")[0])
        made = None if trade is None else trade["refunds"].get(refund)
        if trade is None or made is None:
            return _no(404, "RESOURCE_NOT_EXISTS")
        return 200, refund_of(trade, made, self.bank.clock.now())

    def _refund_told(self, trade: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        said = refund_of(trade, made, made["at"])
        amount = {k: v for k, v in said["amount"].items() if k != "currency"}
        left_out = ("status", "channel", "create_time")
        return {k: v for k, v in said.items() if k not in left_out} | {
            "mchid": self.bank.keys.mchid, "refund_status": said["status"], "amount": amount,
        }  # fmt: skip

    def told(self, trade: dict[str, Any]) -> dict[str, Any]:
        """What a notice says of a trade."""
        return transaction(self.bank.keys, trade)

    def bridge(self, params: Mapping[str, str]) -> str:
        """The token of the payment that WeChat's bridge (JSAPI) was handed.

        Raises:
            Forged: its paySign is not the merchant's, or it is another application's.
        """
        keys = self.bank.keys
        try:
            text, package = wire.bridge_text(params), params["package"]
        except KeyError:
            raise Forged("a parameter is missing") from None
        if params["appId"] != keys.appid or not rsa.verify(keys.merchant.public_key(), text, params.get("paySign", "")):
            raise Forged("its paySign is not the merchant's")
        return package.removeprefix("prepay_id=wx")

    def _certificates(self) -> dict[str, Any]:
        from cryptography import x509

        keys = self.bank.keys
        found = x509.load_pem_x509_certificate(keys.certificate.encode())
        sealed = wire.encrypt(keys.apiv3_key, keys.certificate.encode(), secrets.token_hex(6), "certificate")
        return {"data": [{
            "serial_no": keys.platform_serial, "effective_time": found.not_valid_before_utc.isoformat(),
            "expire_time": found.not_valid_after_utc.isoformat(), "encrypt_certificate": sealed,
        }]}  # fmt: skip

    # ---- the bill ----------------------------------------------------------------------------------------------------

    def _bill(self, asked: Mapping[str, str], gateway: str) -> tuple[int, dict[str, Any]]:
        try:
            day = to_day(date.fromisoformat(asked.get("bill_date", "")))
        except ValueError:
            return _no(400, "PARAM_ERROR")
        if day >= local_day(self.bank.clock.now(), CHINA) or not self.bank.lines("wechat", day):
            return _no(400, "NO_STATEMENT_EXIST")
        digest = hashlib.sha1(self._written(day), usedforsecurity=False).hexdigest()
        token = rsa.sign(self.bank.keys.wechat, f"bill:{day}".encode())[:32].replace("+", "-").replace("/", "_")
        url = f"{gateway}/v3/billdownload/file?token={day}.{token}"
        return 200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    def _download(self, token: str) -> Reply:
        day, _, mac = token.partition(".")
        good = day.isascii() and day.isdigit() and len(day) < 7
        known = rsa.sign(self.bank.keys.wechat, f"bill:{day}".encode())[:32].replace("+", "-").replace("/", "_")
        if not good or mac != known:
            return _refuse(400, "PARAM_ERROR", "token")
        return 200, {"Content-Type": "application/octet-stream"}, zipped(self._written(int(day)))

    def _written(self, day: int) -> bytes:
        keys = self.bank.keys
        lines = []
        for trade, refund in self.bank.lines("wechat", day):
            at = wire.time_text(refund["at"] if refund else trade["paid_at"])[:19].replace("T", " ")
            amount = refund["amount"] if refund else trade["amount"]
            line = BillLine(
                kind="refund" if refund else "payment", number=refund["refund"] if refund else trade["number"],
                amount=amount, currency=trade["currency"], trade=refund["id"] if refund else trade["trade"],
                fee=-fee(amount) if refund else fee(amount),
            )  # fmt: skip
            lines.append((line, at, trade["trade"], _TYPE[trade["channel"]]))
        return bill.write(lines, keys.mchid, keys.appid).encode()


def transaction(keys: SandboxKeys, trade: Mapping[str, Any]) -> dict[str, Any]:
    """A trade as answered and told."""
    state = "REFUND" if trade["state"] == "paid" and trade["refunds"] else _STATE[trade["state"]]
    said = {
        "appid": keys.appid, "mchid": keys.mchid, "out_trade_no": trade["number"], "trade_state": state,
        "trade_state_desc": "sandbox", "trade_type": _TYPE[trade["channel"]], "attach": "",
        "amount": {"total": trade["amount"], "currency": trade["currency"]},
    }  # fmt: skip
    if trade["state"] == "paid":
        said |= {
            "transaction_id": trade["trade"], "bank_type": "OTHERS", "success_time": wire.time_text(trade["paid_at"]),
            "payer": {"openid": trade["payer"]},
            "amount": {"total": trade["amount"], "payer_total": trade["amount"], "currency": trade["currency"],
                       "payer_currency": trade["currency"]},
        }  # fmt: skip
    return said


def refund_of(trade: Mapping[str, Any], made: Mapping[str, Any], now: int) -> dict[str, Any]:
    """A refund as answered."""
    done = now >= made["at"]
    amount = {"total": trade["amount"], "refund": made["amount"], "payer_total": trade["amount"],
              "payer_refund": made["amount"], "currency": trade["currency"]}  # fmt: skip
    return {
        "refund_id": made["id"], "out_refund_no": made["refund"], "transaction_id": trade["trade"],
        "out_trade_no": trade["number"], "channel": "ORIGINAL", "user_received_account": "sandbox",
        "create_time": wire.time_text(made["asked"]), "status": "SUCCESS" if done else "PROCESSING", "amount": amount,
    } | ({"success_time": wire.time_text(made["at"])} if done else {})  # fmt: skip


def sign_notice(keys: SandboxKeys, notice: dict[str, Any], now: int) -> tuple[dict[str, str], bytes]:
    """A notice as it goes out: the same id each time, sealed and signed anew."""
    refund = notice["kind"].startswith("refund")
    plain = jsons.encode(notice["told"])
    body = jsons.encode({
        "id": notice["id"], "create_time": wire.time_text(notice["created"]), "resource_type": "encrypt-resource",
        "event_type": "REFUND.SUCCESS" if refund else "TRANSACTION.SUCCESS", "summary": "sandbox",
        "resource": {"original_type": "refund" if refund else "transaction"}
        | wire.encrypt(keys.apiv3_key, plain, secrets.token_hex(6), "refund" if refund else "transaction"),
    })  # fmt: skip
    serial = notice["signed_as"] or keys.public_key_id
    headers = wire.signed_headers(keys.wechat, serial, body, now // 1000, secrets.token_hex(16))
    return headers | {"Content-Type": "application/json"}, body


def _no(status: int, code: str) -> tuple[int, dict[str, Any]]:
    return status, {"code": code, "message": f"sandbox: {code.replace('_', ' ').lower()}"}


def _refuse(status: int, code: str, message: str) -> Reply:
    return status, {"Content-Type": "application/json"}, jsons.encode({"code": code, "message": message})
