"""Tables as text: read whole or refused, and written so that a spreadsheet program, which takes some texts for
formulas, runs none. Pure."""

from __future__ import annotations

import csv
import io
import re

from fairday.kernel.errors import FairdayError

_RUNS = tuple("=+-@\t\r\n＝＋－＠")
# A number, or a telephone number in groups: with a space in it nothing is reckoned, while two numbers with only
# a hyphen between them would be subtracted.
_NUMBER = re.compile(r"[+-][0-9][0-9.,]*|\+[0-9]+ \(?[0-9]+\)?(?:[ -]\(?[0-9]+\)?)*")


def inert(cell: str) -> str:
    """The cell, with an apostrophe before what would be run; a number or a spaced telephone number stays as it is."""
    return f"'{cell}" if cell.startswith(_RUNS) and not _NUMBER.fullmatch(cell) else cell


def meant(cell: str) -> str:
    """The cell as it was before ``inert``."""
    return cell[1:] if cell.startswith("'") and inert(cell[1:]) == cell else cell


def whole(text: str, file: str, mark: str = ",") -> str:
    """A CSV text that can be read to its end, without a byte order mark, its line ends those of the ``csv`` module.

    Raises:
        FairdayError: broken quotes or an endless cell; ``where`` is the file and line.
    """
    plain = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.reader(io.StringIO(plain), delimiter=mark)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        raise FairdayError(
            f"The table cannot be read: {error}.", code="bad_sheet", where=f"{file}:{reader.line_num}",
            remedy="Check its quotes.",
        ) from None  # fmt: skip
    return plain
