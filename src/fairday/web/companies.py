"""What both sides of a company's account take home: the statement as PDF and CSV, and what it will likely need."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.goods.offering import Wanted
from fairday.insight.sheets import as_csv
from fairday.kernel.clock import local_day, to_date
from fairday.kernel.decider import State
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major
from fairday.kernel.settings import Settings
from fairday.trade.b2b.needs import HORIZONS, Need
from fairday.trade.b2b.statement import Statement
from fairday.trade.documents import Paper, drawn
from fairday.trade.links import order_number
from fairday.web.called import called_of
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of

MEDIA = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


def statement_file(request: Request, company: str, kind: str) -> Response:
    """A company's statement as a file; the caller has made sure that whoever asks may see it."""
    if kind not in MEDIA:
        raise HTTPException(404)
    shop, tongue = shop_of(request), tongue_of(request)
    state, told = shop.companies.company(company), shop.companies.statement(company)
    now = shop.clock.now()
    made = (as_csv(rows(tongue, told, shop.settings.currency, shop.settings.zone)) if kind == "csv"
            else drawn(paper(tongue, shop.settings, state, told, now)))  # fmt: skip
    name = f"statement-{company}-{to_date(local_day(now, shop.settings.zone))}.{kind}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(made, media_type=MEDIA[kind], headers=headers)


def rows(tongue: Tongue, told: Statement, currency: str, zone: str) -> list[list[Any]]:
    """The statement's entries for a spreadsheet: dates as ISO, amounts in major units."""
    head = ["date", "entry", "number", "order", "due", "amount", "balance", "currency"]
    made: list[list[Any]] = [head]
    for x in told.entries:
        due = "" if x.due_at is None else str(to_date(local_day(x.due_at, zone)))
        made.append([
            str(to_date(local_day(x.at, zone))), tongue.plain(f"company.entry.{x.kind}"), order_number(x.order),
            x.order.partition(":")[2], due, major(x.amount, currency), major(x.balance, currency), currency,
        ])  # fmt: skip
    return made


def paper(tongue: Tongue, settings: Settings, state: State, told: Statement, now: int) -> Paper:
    """The statement as a paper in a reader's language, the newest entry last."""
    plain = tongue.plain

    def money(n: int) -> str:
        return str(tongue.money(n)).replace("\u00a0", " ").replace("\u202f", " ")

    lines = []
    for x in told.entries:
        title = f"{tongue.date(x.at)}  {plain(f'company.entry.{x.kind}')}  {order_number(x.order)}"
        lines.append((title, str(tongue.date(x.due_at)) if x.due_at else "–", money(x.amount), money(x.balance)))
    facts = [(plain("order.date"), str(tongue.date(now)))]
    bank = settings.bank.splitlines() if told.owed > 0 else []
    overdue = sum(x.owed for x in told.open if x.due_at is not None and x.due_at < now)
    sums = [(plain("company.overdue"), money(overdue), False)] if overdue else []
    return Paper(
        title=plain("company.statement"), shop=settings.name, seller=settings.seller.splitlines(), facts=facts,
        buyer=[state["name"], *([state["tax_number"]] if state["tax_number"] else [])],
        head=(plain("company.entry"), plain("company.due.head"), plain("order.col.amount"), plain("company.balance")),
        rows=lines, sums=[*sums, (plain("company.owed"), money(told.owed), True)],
        bank=[plain("order.transfer_to"), *bank] if bank else [],
    )  # fmt: skip


def needed(request: Request, company: str) -> dict[str, Any]:
    """For the page of what a company will likely need: the days ahead that were asked for, and each article."""
    asked = request.query_params.get("days", "")
    ahead = int(asked) if asked in {str(n) for n in HORIZONS} else HORIZONS[0]
    found = _called(request, company, shop_of(request).companies.needs(company, ahead))
    return {"ahead": ahead, "horizons": HORIZONS, "needs": [x for x in found if x.expected is not None],
            "few": [x for x in found if x.expected is None]}  # fmt: skip


def _called(request: Request, company: str, found: list[Need]) -> list[Need]:
    """The same, each article by its name in the reader's language as long as it is sold."""
    shop = shop_of(request)
    wanted = [Wanted(sku=x.sku, qty=1) for x in found]
    with shop.db.read() as conn:
        offers = shop.goods.offers(conn, wanted, shop.goods.where(company=company), shop.clock.now())
        called = called_of(request).read_offers(conn, offers)
    return [
        x if isinstance(offer, FairdayError) else msgspec.structs.replace(x, title=called.offer(offer, x.sku))
        for x, offer in zip(found, offers, strict=True)
    ]
