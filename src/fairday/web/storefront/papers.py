"""An order's papers, invoice and receipt: as a page to read and as PDF to print, with the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.decider import State
from fairday.kernel.settings import Settings
from fairday.trade import order as rules
from fairday.trade.documents import Paper, drawn, sums_of
from fairday.trade.links import order_number as number_of
from fairday.trade.records import contact_of
from fairday.web.called import Called, called_of
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.buying import order_of
from fairday.web.storefront.front import router, shown, visitor_of
from fairday.web.storefront.landing import abroad_drawn
from fairday.web.storefront.prefer import address_lines


@router.get("/order/{token}/{paper}.pdf")
def papers(request: Request, token: str, paper: str) -> Response:
    """The invoice or the receipt, to print and to keep."""
    order, made = _paper(request, token, paper)
    name = re.sub(r"[^A-Z0-9-]", "", number_of(order))
    headers = {"content-disposition": f'inline; filename="{paper}-{name}.pdf"', "cache-control": "no-store"}
    return Response(drawn(made), media_type="application/pdf", headers=headers)


@router.get("/order/{token}/{paper}")
def paper_page(request: Request, token: str, paper: str) -> Response:
    """The same, to read."""
    _, made = _paper(request, token, paper)
    response = shown(
        request, "shop_paper.html", visitor_of(request), here="me", paper=made, token=token, pdf=f"{paper}.pdf"
    )
    response.headers["cache-control"] = "no-store"
    return response


def _paper(request: Request, token: str, kind: str) -> tuple[str, Paper]:
    """An order's stream and its paper.

    Raises:
        HTTPException: 404, no such order or paper, or a receipt of what is not paid.
    """
    order, state = order_of(request, token)
    if kind not in ("invoice", "receipt") or (kind == "receipt" and not rules.is_paid(state)):
        raise HTTPException(404)
    with shop_of(request).db.read() as conn:
        contact, _ = contact_of(conn, order.partition(":")[2])
        called = called_of(request).read(
            conn,
            {x["product"] for x in state["lines"].values()},
            {v for x in state["lines"].values() for v in (x.get("form") or {}).values()},
        )
    return order, paper_of(tongue_of(request), shop_of(request).settings, kind, order, state, contact, called)


def paper_of(
    tongue: Tongue, settings: Settings, kind: str, order: str, state: State, contact: Any, called: Called
) -> Paper:
    """An order's paper in a reader's language."""

    def money(n: int) -> str:
        return tongue.money(n, state["currency"]).replace("\u00a0", " ").replace("\u202f", " ")

    plain = tongue.plain
    facts = [(plain("order.number"), number_of(order)), (plain("order.date"), tongue.date(state["placed_at"]))]
    if state["paid_at"] is not None:
        facts.append((plain("order.paid_on"), tongue.date(state["paid_at"])))
    abroad = abroad_drawn(tongue, state) or {}
    if abroad.get("number"):
        facts.append((abroad["regime"], abroad["number"]))
    rows: list[tuple[str, str, str, str]] = []
    for x in state["lines"].values():
        title = " · ".join([called.goods(x["product"], x["title"]), *map(called.word, (x.get("form") or {}).values())])
        unit = money(round(x["unit"] / 10 ** x["unit_digits"])) if x["gift"] is None else plain("buy.gift")
        rows.append((title, str(x["qty"]), unit, money(x["gross"])))
        off = sum(n for _, n in x["discounts"])
        if off:
            rows.append((plain("order.discount"), "", "", money(-off)))
    sums = sums_of(state)
    listed = [
        (
            plain("order.goods"),
            money(sums["goods"] - sum(n for x in state["lines"].values() for _, n in x["discounts"])),
            False,
        )
    ]
    if state["shipping"] is not None:
        listed.append((plain("buy.shipping"), money(state["shipping"]["net"]), False))
    if sums["duty"]:
        listed.append((plain("border.duty"), money(sums["duty"]), False))
    if sums["tax"]:
        label = plain("border.tax", country=abroad["country"]) if abroad.get("country") else plain("order.tax")
        listed.append((label, money(sums["tax"]), False))
    listed.append((plain("buy.total"), money(sums["total"]), True))
    if sums["tax_inside"]:
        listed.append((plain("order.tax_inside"), money(sums["tax_inside"]), False))
    if sums["refunded"]:
        listed.append((plain("order.refunded"), money(-sums["refunded"]), False))
    buyer = [contact.name, *address_lines(tongue, contact)]
    bank = settings.bank.splitlines() if kind == "invoice" and (rules.due(state) or state["on_account"]) else []
    return Paper(
        title=plain(f"order.{kind}"), shop=settings.name, seller=settings.seller.splitlines(), facts=facts,
        buyer=list(dict.fromkeys(b for b in buyer if b)),
        head=(plain("order.col.goods"), plain("order.col.qty"), plain("order.col.unit"), plain("order.col.amount")),
        rows=rows, sums=listed, bank=[plain("order.transfer_to"), *bank] if bank else [],
        note=" ".join([plain("order.note", shop=settings.name), *_notes(tongue, abroad)]),
    )  # fmt: skip


def _notes(tongue: Tongue, abroad: Mapping[str, str]) -> list[str]:
    """What a paper says of a border: what the carrier will ask for, and the rate an order was charged by."""
    found = []
    if abroad.get("later"):
        later = abroad["later"].replace("\u00a0", " ").replace("\u202f", " ")
        found.append(tongue.plain("border.order_later", amount=later))
    if abroad.get("rate"):
        found.append(f"{abroad['rate']}.")
    return found
