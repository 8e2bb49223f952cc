"""The cells of a row of goods: read, or left out with a remark where they cannot be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from fairday.goods.records import HTTPS, valid_barcode
from fairday.intake import wording
from fairday.intake.files import Loaded
from fairday.intake.setaside import Fault
from fairday.kernel.money import digits


class Row(msgspec.Struct):
    """A row as read; ``options`` without those of a product that has none."""

    line: int
    text: dict[str, str]
    price: Decimal | None
    cost: Decimal | None
    options: dict[str, str]
    attributes: dict[str, str]
    said: dict[str, str]

    @property
    def own(self) -> str:
        return self.text.get("product", "").lstrip("'")


class Cells:
    """Reads cells of one file; ``remarks`` are those that the goods come in without.

    Args:
        currency: where a row names none.
    """

    def __init__(self, loaded: Loaded, currency: str) -> None:
        self._loaded, self._currency = loaded, currency
        self.remarks: list[Fault] = []

    def remark(self, row: Row, field: str, reason: str, remedy: str) -> None:
        self.remarks.append(Fault(row.line, field, reason, remedy))

    def minor(self, row: Row, amount: Decimal | None) -> int | None:
        if amount is None:
            return None
        places = digits((row.text.get("currency") or self._currency).upper())
        value = int(amount.scaleb(places).quantize(Decimal(1), ROUND_HALF_UP))
        return value if value >= 0 else None

    def barcode(self, row: Row) -> str | None:
        said = row.text.get("barcode", "").lstrip("'").replace(" ", "").replace("-", "")
        if said and not valid_barcode(said):
            self.remark(row, "barcode", f"{said[:20]!r} is not a barcode: it comes in without.",
                         "Check its digits: the last one is a checksum.")  # fmt: skip
            return None
        return said or None

    def weight(self, row: Row) -> int | None:
        said = row.text.get("weight")
        if said is None:
            return None
        found = wording.grams(said, self._loaded.column("weight"))
        if found is None:
            self.remark(row, "weight", f"{said[:20]!r} is not a weight: it comes in without.",
                         "Write a number with g or kg.")  # fmt: skip
        return found

    def pictures(self, row: Row, field: str) -> list[str]:
        said = row.text.get(field, "")
        if not said:
            return []
        found = [("https:" + u if u.startswith("//") else u) for u in wording.addresses(said)]
        good = [u for u in found if HTTPS.fullmatch(u)]
        if len(good) < len(found) or not found:
            self.remark(row, field, f"{said[:60]!r} is not an https address: the goods come in without this picture.",
                         "Write https://…")  # fmt: skip
        return good

    def description(self, row: Row, said: str | None) -> str | None:
        if said is None:
            return None
        text = wording.plain_text(said)
        if len(text) >= wording.LONGEST:
            self.remark(row, "description", "The description is cut at 20,000 signs.", "Shorten it.")
        return text or None

    def tags(self, row: Row, said: str | None) -> tuple[str, ...] | None:
        if said is None:
            return None
        found = wording.several(said)
        good = [t for t in found if len(t) <= 60][:60]
        if len(good) < len(found):
            self.remark(row, "tags", "Not all tags come in.", "At most 60 of up to 60 signs.")
        return tuple(good)

    def hs_code(self, words: Sequence[Row]) -> str | None:
        for row in words:
            if said := row.text.get("hs_code", "").lstrip("'"):
                code = re.sub(r"[.\s]", "", said)
                if re.fullmatch(r"\d{6,12}", code):
                    return code
                self.remark(row, "hs_code", f"{said[:20]!r} is not an HS code: it comes in without.",
                             "Write 6 to 12 digits.")  # fmt: skip
                return None
        return None

    def origin(self, words: Sequence[Row]) -> str | None:
        for row in words:
            if said := row.text.get("origin", "").strip().upper():
                if re.fullmatch("[A-Z]{2}", said):
                    return said
                self.remark(row, "origin", f"{said[:20]!r} is not a country: it comes in without.",
                             "Write two letters, such as CN.")  # fmt: skip
                return None
        return None
