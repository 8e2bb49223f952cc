"""An order's papers, invoice and receipt, as PDF: one font for Latin and one for Chinese, both without files.

Chinese is set in ``STSong-Light`` of the PDF standard's CID fonts, which readers bring along. The same facts
stand on the order's page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import msgspec
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

CJK, LATIN, BOLD = "STSong-Light", "Helvetica", "Helvetica-Bold"
LEFT, RIGHT, TOP, BOTTOM = 20 * mm, A4[0] - 20 * mm, A4[1] - 22 * mm, 22 * mm
TITLE_WIDTH = 92 * mm


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a paper, in the reader's words already.

    Attributes:
        title: "Invoice", "Receipt".
        shop: who sells; ``seller``: lines of who that is by law.
        facts: (label, value): number, date, how it was paid.
        buyer: lines of whom it is for.
        head: the columns: goods, quantity, price of one, amount.
        rows: (goods, quantity, price of one, amount) as texts; discounts have quantity "".
        sums: (label, amount, whether it is the last line).
        bank: where to transfer what is owed: a heading and lines under it.
        note: at the foot.
    """

    title: str
    shop: str
    facts: Sequence[tuple[str, str]]
    buyer: Sequence[str]
    head: tuple[str, str, str, str]
    rows: Sequence[tuple[str, str, str, str]]
    sums: Sequence[tuple[str, str, bool]]
    seller: Sequence[str] = ()
    bank: Sequence[str] = ()
    note: str = ""


def font_of(text: str, bold: bool = False) -> str:
    """The font that has a text's signs."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        if CJK not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont(CJK))
        return CJK
    return BOLD if bold else LATIN


def folded(text: str, size: float, width: float) -> list[str]:
    """A text in lines no wider than ``width`` points; Chinese breaks anywhere, words where they end."""
    font, lines, line = font_of(text), [], ""
    for piece in _pieces(text):
        if line and pdfmetrics.stringWidth(line + piece, font, size) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines or [""]


def _pieces(text: str) -> list[str]:
    made: list[str] = []
    for sign in text:
        if made and sign.isascii() and made[-1][-1:].isascii() and not made[-1].endswith(" "):
            made[-1] += sign
        else:
            made.append(sign)
    # A word longer than a line is broken where it must be.
    return [p[i : i + 40] for p in made for i in range(0, len(p), 40)]


def drawn(paper: Paper) -> bytes:
    """The paper as PDF, on as many pages as it needs."""
    out = BytesIO()
    page = _Page(Canvas(out, pagesize=A4, pageCompression=1, invariant=True), paper)
    page.header()
    for goods, qty, unit, amount in paper.rows:
        page.row(goods, qty, unit, amount)
    page.rule()
    for label, amount, last in paper.sums:
        page.total(label, amount, last)
    page.account()
    page.foot()
    page.canvas.save()
    return out.getvalue()


class _Page:
    def __init__(self, canvas: Canvas, paper: Paper) -> None:
        self.canvas = canvas
        self.paper = paper
        self.y = TOP
        self.number = 1
        canvas.setTitle(f"{paper.title} {paper.facts[0][1] if paper.facts else ''}".strip())
        canvas.setAuthor(paper.shop)

    def text(self, x: float, text: str, size: float = 10, *, bold: bool = False, right: bool = False) -> None:
        self.canvas.setFont(font_of(text, bold), size)
        if right:
            self.canvas.drawRightString(x, self.y, text)
        else:
            self.canvas.drawString(x, self.y, text)

    def down(self, points: float) -> None:
        self.y -= points
        if self.y < BOTTOM:
            self.foot()
            self.canvas.showPage()
            self.number += 1
            self.y = TOP
            self.columns()

    def header(self) -> None:
        self.text(LEFT, self.paper.title, 20, bold=True)
        self.text(RIGHT, self.paper.shop, 12, bold=True, right=True)
        for one in self.paper.seller[:6]:
            self.y -= 12
            self.text(RIGHT, folded(one, 8, 90 * mm)[0], 8, right=True)
        self.y -= 26
        top = self.y
        for label, value in self.paper.facts:
            self.text(LEFT, label, 9)
            self.text(LEFT + 34 * mm, value, 9)
            self.y -= 14
        low, self.y = self.y, top
        for one in self.paper.buyer:
            for part in folded(one, 9, 70 * mm):
                self.text(RIGHT - 70 * mm, part, 9)
                self.y -= 14
        self.y = min(low, self.y) - 14
        self.columns()

    def columns(self) -> None:
        goods, qty, unit, amount = self.paper.head
        self.text(LEFT, goods, 9, bold=True)
        self.text(LEFT + TITLE_WIDTH + 16 * mm, qty, 9, bold=True, right=True)
        self.text(LEFT + TITLE_WIDTH + 46 * mm, unit, 9, bold=True, right=True)
        self.text(RIGHT, amount, 9, bold=True, right=True)
        self.y -= 5
        self.rule()

    def rule(self) -> None:
        self.canvas.setLineWidth(0.5)
        self.canvas.line(LEFT, self.y, RIGHT, self.y)
        self.y -= 15

    def row(self, goods: str, qty: str, unit: str, amount: str) -> None:
        indent = 0 if qty else 5 * mm
        parts = folded(goods, 9, TITLE_WIDTH - indent)
        for n, part in enumerate(parts):
            self.text(LEFT + indent, part, 9)
            if n == 0:
                self.text(LEFT + TITLE_WIDTH + 16 * mm, qty, 9, right=True)
                self.text(LEFT + TITLE_WIDTH + 46 * mm, unit, 9, right=True)
                self.text(RIGHT, amount, 9, right=True)
            self.down(14)

    def total(self, label: str, amount: str, last: bool) -> None:
        self.text(LEFT + TITLE_WIDTH, label, 11 if last else 9, bold=last)
        self.text(RIGHT, amount, 11 if last else 9, bold=last, right=True)
        self.down(18 if last else 14)

    def account(self) -> None:
        for n, one in enumerate(self.paper.bank):
            for part in folded(one, 9, RIGHT - LEFT):
                self.down(14)
                self.text(LEFT, part, 9, bold=n == 0)

    def foot(self) -> None:
        kept, self.y = self.y, BOTTOM - 20
        self.text(LEFT, self.paper.note, 8)
        self.text(RIGHT, str(self.number), 8, right=True)
        self.y = kept


def sums_of(state: Mapping[str, Any]) -> dict[str, int]:
    """What stands under an order's lines, minor units: goods at list price, discount, shipping, duty, tax on top,
    tax that is in the prices, total."""
    lines = list(state["lines"].values())
    shipping = state["shipping"]
    off = sum(n for x in lines for _, n in x["discounts"])
    taxed = [x for x in [*lines, *([shipping] if shipping is not None else [])] if x["tax"]]
    ship_off = sum(n for _, n in shipping["discounts"]) if shipping is not None else 0
    return {
        "goods": sum(x["gross"] for x in lines),
        "discount": off + ship_off,
        "shipping": shipping["gross"] if shipping is not None else 0,
        "duty": sum(x.get("duty", 0) for x in taxed),
        "tax": sum(x["tax"] - x.get("duty", 0) for x in taxed if x["paid"] > x["net"]),
        "tax_inside": sum(x["tax"] for x in taxed if x["paid"] == x["net"]),
        "total": state["total"],
        "refunded": state["refunded"],
    }
