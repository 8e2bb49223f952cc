"""Alipay's side: the gateway as the platform answers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fairday.kernel.clock import local_day, to_day
from fairday.kernel.errors import Conflict, NotFound
from fairday.trade.payment import rsa
from fairday.trade.payment.alipay import bill, wire
from fairday.trade.payment.model import BillLine, Forged
from fairday.trade.payment.sandbox.bank import CHINA, Sandbox, fee
from fairday.trade.payment.sandbox.keys import SandboxKeys

_STATE = {"open": "WAIT_BUYER_PAY", "paid": "TRADE_SUCCESS", "failed": "WAIT_BUYER_PAY", "closed": "TRADE_CLOSED"}
_WINDOW = 15 * 60_000


class AlipaySide:
    """Answers what a merchant's application asks at the gateway."""

    def __init__(self, bank: Sandbox) -> None:
        self.bank = bank
        bank.signs["alipay"] = sign_notice

    def enter(self, params: Mapping[str, str]) -> str:
        """A shopper arrives with a signed address (page or wap): the token of the payment's page.

        Raises:
            Forged: not signed by the application, or too old.
            Conflict: it was paid or is over.
        """
        self._check(params)
        channel = next((c for c, method in wire.PAY_METHODS.items() if method == params["method"]), None)
        asked = wire.document(params.get("biz_content", ""))
        if channel is None or asked.get("product_code") != wire.PRODUCTS[channel]:
            raise Forged("it is not a payment")
        amount = wire.fen(asked.get("total_amount"))
        expires = wire.instant(str(asked.get("time_expire", ""))) or self.bank.clock.now() + 7_200_000
        if amount <= 0 or expires <= self.bank.clock.now():
            raise Conflict("This payment is over.", code="sandbox_over")
        number = str(asked.get("out_trade_no", ""))
        kept = self.bank.find("alipay", number)
        if kept is not None and kept["state"] == "paid" and kept["amount"] == amount:
            return str(kept["token"])  # the platform shows a shopper who comes again that it was paid
        trade = self.bank.open(
            "alipay", number, amount=amount, currency="CNY", subject=str(asked.get("subject", ""))[:256],
            notify_url=params.get("notify_url", ""), return_url=params.get("return_url", ""), expires=expires,
            channel=channel, payer="sandbox",
        )  # fmt: skip
        return str(trade["token"])

    def _check(self, params: Mapping[str, str]) -> None:
        keys = self.bank.keys
        if params.get("app_id") != keys.app_id or params.get("sign_type") != "RSA2" or "method" not in params:
            raise Forged("no such application")
        if not rsa.verify(keys.app.public_key(), wire.text_to_sign(params), params.get("sign", "")):
            raise Forged("its signature is not the application's")
        if abs(wire.instant(params.get("timestamp", "")) - self.bank.clock.now()) > _WINDOW:
            raise Forged("its time is not now")

    def answer(self, params: Mapping[str, str], gateway: str) -> bytes:
        """A call of the API, answered and signed."""
        method = params.get("method", "")
        try:
            self._check(params)
            asked = wire.document(params.get("biz_content", ""))
        except Forged as error:
            node = {
                "code": "40002",
                "msg": "Invalid Arguments",
                "sub_code": "isv.invalid-signature",
                "sub_msg": error.message,
            }
            return self._signed("error_response", node)
        routes = {
            "alipay.trade.query": self._query, "alipay.trade.close": self._close, "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._refund_query,
        }  # fmt: skip
        if method == "alipay.data.dataservice.bill.downloadurl.query":
            node = self._bill(asked, gateway)
        elif method in routes:
            try:
                node = routes[method](asked)
            except Forged:
                node = _no("ACQ.INVALID_PARAMETER")
        else:
            return self._signed("error_response", _no("isv.invalid-method"))
        return self._signed(wire.node_name(method), node)

    def _signed(self, name: str, node: dict[str, Any]) -> bytes:
        raw = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        sign = rsa.sign(self.bank.keys.alipay, raw.encode())
        return f'{{"{name}":{raw},"sign":"{sign}"}}'.encode()

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        trade = self.bank.find("alipay", str(asked.get("out_trade_no")))
        return _no("ACQ.TRADE_NOT_EXIST") if trade is None else _YES | trade_of(trade)

    def _close(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        number = str(asked.get("out_trade_no"))
        was = self.bank.close("alipay", number)
        if was == "paid":
            return _no("ACQ.REASON_TRADE_STATUS_INVALID")
        return _YES | {"out_trade_no": number} if was else _no("ACQ.TRADE_NOT_EXIST")

    def _refund(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        number, refund = str(asked.get("out_trade_no")), str(asked.get("out_request_no"))
        amount, before = wire.fen(asked.get("refund_amount")), self.bank.find("alipay", number)
        url = before["notify_url"] if before else ""
        try:
            trade, made = self.bank.refund("alipay", number, refund, amount, url, self._refund_told)
        except NotFound:
            return _no("ACQ.TRADE_NOT_EXIST")
        except Conflict as error:
            known = {"too_much": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "unpaid": "ACQ.TRADE_STATUS_ERROR"}
            return _no(known.get(error.code, "ACQ.DISCORDANT_REPEAT_REQUEST"))
        again = before is not None and refund in before["refunds"]
        return _YES | {
            "trade_no": trade["trade"], "out_trade_no": number, "buyer_logon_id": "san***@sandbox",
            "fund_change": "N" if again else "Y", "refund_fee": wire.yuan(_back(trade)),
            "gmt_refund_pay": wire.time_text(made["at"]),
        }  # fmt: skip

    def _refund_query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        trade = self.bank.find("alipay", str(asked.get("out_trade_no")))
        if trade is None:
            return _no("ACQ.TRADE_NOT_EXIST")
        made = trade["refunds"].get(str(asked.get("out_request_no")))
        said = _YES | {"trade_no": trade["trade"], "out_trade_no": trade["number"]}
        return said if made is None else said | {
            "out_request_no": made["refund"], "total_amount": wire.yuan(trade["amount"]),
            "refund_amount": wire.yuan(made["amount"]), "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": wire.time_text(made["at"]),
        }  # fmt: skip

    # ---- what is told ------------------------------------------------------------------------------------------------

    def told(self, trade: dict[str, Any]) -> dict[str, Any]:
        """What a notice says of a trade."""
        keys = self.bank.keys
        return trade_of(trade) | {
            "notify_type": "trade_status_sync", "app_id": keys.app_id, "seller_id": keys.seller_id,
            "subject": trade["subject"], "gmt_payment": wire.time_text(trade["paid_at"]),
            "charset": "utf-8", "version": "1.0",
            "receipt_amount": wire.yuan(trade["amount"]), "buyer_pay_amount": wire.yuan(trade["amount"]),
        }  # fmt: skip

    def _refund_told(self, trade: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        over = _back(trade) >= trade["amount"]
        return self.told(trade) | {
            "trade_status": "TRADE_CLOSED" if over else "TRADE_SUCCESS", "out_biz_no": made["refund"],
            "refund_fee": wire.yuan(_back(trade)), "gmt_refund": wire.time_text(made["at"]),
        }  # fmt: skip

    def back_to(self, trade: Mapping[str, Any]) -> str:
        """Where the shopper is sent after paying: the return address with signed parameters, as the platform does."""
        keys, now = self.bank.keys, self.bank.clock.now()
        params = {
            "app_id": keys.app_id, "out_trade_no": trade["number"], "trade_no": trade["trade"],
            "seller_id": keys.seller_id,
            "total_amount": wire.yuan(trade["amount"]), "charset": "utf-8", "version": "1.0",
            "timestamp": wire.time_text(now),
            "method": f"{wire.PAY_METHODS[trade['channel']]}.return", "sign_type": "RSA2",
        }  # fmt: skip
        params["sign"] = rsa.sign(keys.alipay, wire.text_to_sign(params, wire.NOTICE_LEFT_OUT))
        joint = "&" if "?" in trade["return_url"] else "?"
        return f"{trade['return_url']}{joint}{urlencode(params)}"

    # ---- the bill ----------------------------------------------------------------------------------------------------

    def _bill(self, asked: Mapping[str, Any], gateway: str) -> dict[str, Any]:
        try:
            day = to_day(date.fromisoformat(str(asked.get("bill_date"))))
        except ValueError:
            return _no("isv.invalid-arguments")
        if day >= local_day(self.bank.clock.now(), CHINA) or not self.bank.lines("alipay", day):
            return _no("isp.bill_not_exist")
        return _YES | {"bill_download_url": f"{gateway.rpartition('/')[0]}/bill?day={day}&mac={self.mac(day)}"}

    def mac(self, day: int) -> str:
        """What makes a bill's address unguessable."""
        return rsa.sign(self.bank.keys.alipay, f"bill:{day}".encode())[:32].replace("+", "-").replace("/", "_")

    def download(self, day: int) -> bytes:
        """A day's bill."""
        lines = []
        for trade, refund in self.bank.lines("alipay", day):
            amount = refund["amount"] if refund else trade["amount"]
            line = BillLine(
                kind="refund" if refund else "payment", number=refund["refund"] if refund else trade["number"],
                amount=amount, currency="CNY", trade=trade["trade"], fee=-fee(amount) if refund else fee(amount),
            )  # fmt: skip
            lines.append((line, wire.time_text(refund["at"] if refund else trade["paid_at"]), trade["subject"]))
        return bill.write(lines, self.bank.keys.seller_id)


def _back(trade: Mapping[str, Any]) -> int:
    return sum(r["amount"] for r in trade["refunds"].values())


def trade_of(trade: Mapping[str, Any]) -> dict[str, Any]:
    """A trade as answered and told."""
    paid = trade["state"] == "paid"
    state = "TRADE_CLOSED" if paid and _back(trade) >= trade["amount"] else _STATE[trade["state"]]
    said = {
        "trade_no": trade["trade"] or f"22{trade['created']}", "out_trade_no": trade["number"],
        "buyer_logon_id": "san***@sandbox", "trade_status": state, "total_amount": wire.yuan(trade["amount"]),
    }  # fmt: skip
    return said | ({"send_pay_date": wire.time_text(trade["paid_at"])} if paid else {})


def sign_notice(keys: SandboxKeys, notice: dict[str, Any], now: int) -> tuple[dict[str, str], bytes]:
    """A notice as it goes out: the same id each time, the time its own."""
    form = {k: str(v) for k, v in notice["told"].items()} | {
        "notify_time": wire.time_text(now), "notify_id": notice["id"], "sign_type": "RSA2",
    }  # fmt: skip
    form["sign"] = rsa.sign(keys.alipay, wire.text_to_sign(form, wire.NOTICE_LEFT_OUT))
    return {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, urlencode(form).encode()


_YES = {"code": "10000", "msg": "Success"}


def _no(sub: str) -> dict[str, Any]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub, "sub_msg": f"sandbox: {sub}"}
