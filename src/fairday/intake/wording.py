"""Cells of goods as words: descriptions without markup, weights in grams, yes or no. Pure."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from html.parser import HTMLParser

LONGEST = 20_000
"""Signs a description may have."""
_BREAKS = frozenset(
    ("address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "figure", "footer", "h1", "h2", "h3", "h4",
     "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul")
)  # fmt: skip
_MUTE = frozenset({"script", "style", "template", "iframe", "object", "svg", "head", "noscript"})
_GRAMS = {
    "g": Decimal(1), "gr": Decimal(1), "gram": Decimal(1), "grams": Decimal(1), "gramos": Decimal(1), "克": Decimal(1),
    "kg": Decimal(1000), "kgs": Decimal(1000), "kilo": Decimal(1000), "kilos": Decimal(1000), "千克": Decimal(1000),
    "公斤": Decimal(1000), "斤": Decimal(500), "lb": Decimal("453.59237"), "lbs": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
}  # fmt: skip
_SHOWN = frozenset({"active", "true", "1", "yes", "y", "published", "visible", "上架", "在售", "已上架", "是", "sí",
                    "si", "activo", "publicado"})  # fmt: skip
_HIDDEN = frozenset({"draft", "archived", "unlisted", "false", "0", "-1", "no", "n", "private", "hidden", "下架",
                     "已下架", "停售", "否", "borrador", "oculto"})  # fmt: skip


class _Reader(HTMLParser):
    """Keeps the text of HTML; what runs or only looks is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._mute = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _MUTE:
            self._mute += 1
        elif tag in _BREAKS:
            self.parts.append("\n· " if tag == "li" else "\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _MUTE:
            self._mute = max(self._mute - 1, 0)
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._mute:
            self.parts.append(data)


def plain_text(text: str) -> str:
    """A description as plain text: HTML's words without its markup, paragraphs kept, at most ``LONGEST`` signs.

    What comes out is text and never markup: pages escape it like any other.
    """
    text = text.replace("\0", "")
    if re.search(r"<[a-zA-Z!/]|&[a-zA-Z#]\w*;", text):
        reader = _Reader()
        reader.feed(text[: 20 * LONGEST])
        reader.close()
        # In HTML a line's end is a blank; only its own breaks are kept.
        text = "".join(p if p.startswith("\n") else re.sub(r"\s+", " ", p) for p in reader.parts)
    else:
        text = text.replace("\\n", "\n")  # WooCommerce writes line ends as two signs
    lines = (" ".join(line.split()) for line in text.splitlines())
    kept = re.sub(r"\n{3,}", "\n\n", "\n".join(line if line != "·" else "" for line in lines)).strip()
    return kept[:LONGEST]


def unit_of(heading: str) -> str:
    """The unit that a column's heading names ("Weight (kg)", 重量（克）), or ""."""
    words = re.findall(r"[^\W\d_]+", heading.casefold())
    return next((w for w in reversed(words) if w in _GRAMS), "公斤" if "公斤" in heading else "")


def grams(cell: str, heading: str = "") -> int | None:
    """A weight in grams: by the unit in the cell, else in the heading; without one, whole numbers are grams and
    numbers with decimals kilograms. None: it is no weight."""
    found = re.fullmatch(r"(\d[\d.,]*)\s*([^\W\d_]*)\.?", cell.strip().casefold())
    if found is None:
        return None
    number, unit = found[1], found[2] or unit_of(heading)
    if "," in number:
        number = number.replace(",", "") if "." in number or re.fullmatch(r"\d{1,3}(,\d{3})+", number) else (
            number.replace(",", ".")
        )  # fmt: skip
    try:
        amount = Decimal(number)
        amount.quantize(Decimal(1), ROUND_HALF_UP)  # not of any number of digits
    except InvalidOperation:
        return None
    if unit and unit not in _GRAMS:
        return None
    each = _GRAMS[unit] if unit else Decimal(1000 if amount != amount.to_integral_value() else 1)
    total = int((amount * each).quantize(Decimal(1), ROUND_HALF_UP))
    return total if total <= 50_000_000 else None


def hidden(cell: str) -> bool | None:
    """Whether a state such as "draft" or 下架 hides goods; None where it says neither."""
    word = cell.strip().casefold()
    return False if word in _SHOWN else True if word in _HIDDEN else None


def several(cell: str) -> list[str]:
    """The parts of a cell that lists things by comma, semicolon, bar or line."""
    return list(dict.fromkeys(p for part in re.split(r"[,;|\n，；、]", cell) if (p := " ".join(part.split()))))


def addresses(cell: str) -> list[str]:
    """The addresses in a cell of pictures, in order."""
    return list(dict.fromkeys(re.findall(r"(?:https?:)?//[^\s,;|\"<>\\]+", cell)))
