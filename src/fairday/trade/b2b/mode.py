"""The mode "b2b": a company buys, at its prices, on account where it has credit. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Refusal, State
from fairday.trade.modes import B2C, Terms

PREPAID_MS = 14 * DAY_MS
"""A company without credit pays by transfer within that time, or the order expires."""


class B2B(B2C):
    """A shop sells to companies; the money is the shop's sales and its tax, as with people.

    ``data`` of the placing: {company, requisition, days: int | None}. The claims of ``company``, ``requisition``,
    ``quotes`` and ``credit`` each judge their own stream; that they speak of one and the same order is judged here.
    """

    name = "b2b"
    retail = False

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        data, account, total = placing["data"], placing["account"], placing["total"]
        held: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for claim, stream, told in placing["holds"]:
            if claim in ("spending", "requisition", "quote", "credit"):
                if claim in held:
                    return _bad(f"two holds of {claim}")
                held[claim] = (stream, told)
        company = data.get("company")
        if "spending" not in held or "requisition" not in held or not company or not account:
            return _bad("no company, member or list")
        spending, requisition = held["spending"], held["requisition"]
        if spending[0] != f"company:{company}" or requisition[0] != f"requisition:{data.get('requisition')}":
            return _bad("another company or list")
        for _, told in (spending, requisition):
            if told["account"] != account or told["amount"] != total:
                return _bad("another member or amount")
        if spending[1]["approved"] != requisition[1]["approved"]:
            return _bad("approved and not")
        wanted = sorted([x["sku"], x["qty"]] for x in placing["lines"] if x["gift"] is None)
        if wanted != sorted(list(x) for x in requisition[1]["lines"]):
            return _bad("other goods than on the list")
        return _bad_quote(held.get("quote"), placing) or _bad_credit(held.get("credit"), placing, data.get("days"))

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        if placing["data"].get("days") is not None:
            return Terms(pay_ms=0, on_account=True)
        return Terms(pay_ms=PREPAID_MS)

    def exchanges(self, state: State) -> bool:
        """Its goods and prices were agreed on."""
        return False


def _bad_quote(quote: tuple[str, Mapping[str, Any]] | None, placing: Mapping[str, Any]) -> Refusal | None:
    if quote is None:
        return None
    lines = sorted([x["sku"], x["qty"], x["unit"]] for x in placing["lines"] if x["gift"] is None)
    if any(x["unit_digits"] for x in placing["lines"]) or lines != sorted(list(x) for x in quote[1]["lines"]):
        return _bad("other goods or prices than quoted")
    return _bad("another member's quote") if quote[1]["account"] != placing["account"] else None


def _bad_credit(credit: tuple[str, Mapping[str, Any]] | None, placing: Mapping[str, Any], days: Any) -> Refusal | None:
    if (credit is None) != (days is None):
        return _bad("credit that was not asked for")
    if credit is None:
        return None
    stream, told = credit
    right = stream == f"credit:{placing['data']['company']}" and told["amount"] == placing["total"]
    return None if right and told["currency"] == placing["currency"] else _bad("another credit or amount")


def _bad(what: str) -> Refusal:
    return Refusal("bad_order", f"An order of a company does not hold together: {what}.")
