"""Files as attackers, and old programs, write them: each is read or refused with a line, by every reader of tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairday.goods import sheets
from fairday.goods.customs import read_customs
from fairday.goods.observed import read_seen
from fairday.goods.rates import read_rates
from fairday.intake.wording import grams
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import minor
from fairday.kernel.sheets import inert, meant, whole
from fairday.stores.records import read_csv
from fairday.trade.b2b.lists import checked, read_list

READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "seen": ("goods,place,day,price,currency\n", lambda t: read_seen(t, "CNY", "x", 20605)),
    "customs": ("product,hs_code\n", read_customs),
    "rates": ("date,base,currency,rate\n", read_rates),
    "stores": ("store,name\n", lambda t: read_csv(t.encode("utf-8", "replace"))),
    "prices": ("sku,price\n", lambda t: sheets.read_prices(t, "l", "CNY")),
    "variants": ("sku,price\n", lambda t: sheets.read_variants(t, "p", "CNY")),
    "words": ("word,zh\n", sheets.read_words),
    "groups": ("kind,name\n", sheets.read_groups),
    "list": ("", lambda t: checked(read_list(t), set(), t)),
}
NASTY = ['"' + "a" * 140_000, "x" * 140_000, '"' * 200, "a\0b,1", "," * 150_000, "a\ra\ra", '"a\nb', "\ufeff" * 10,
         "٣,٣", "a," + "9" * 5000, "a,1e999999999", "a,nan", "a,-0", "a,１２", "=1+1,5", "[" * 9,
         "a,1e-999999999"]  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("head", [True, False])
def test_no_file_breaks_what_reads_it(name: str, head: bool) -> None:
    first, reads = READERS[name]
    for nasty in NASTY:
        try:
            reads((first if head else "") + nasty)
        except FairdayError as error:
            assert str(error)


def test_a_file_of_an_old_machine_is_read() -> None:
    assert [c.product for c in read_customs("product,hs_code\rtea,0902.10\rmug,6912.00\r")] == ["tea", "mug"]
    assert whole("\ufeffa,b\r\nc,d\r", "x.csv") == "a,b\nc,d\n"
    with pytest.raises(FairdayError, match="cannot be read"):
        whole("a\n" + "x" * 140_000, "x.csv")


@pytest.mark.parametrize(
    "text", ["1e999999999", "-1e999999999", "1e16", "nan", "inf", "-inf", "0x10", "", "1;2", "sNaN"]
)
def test_amounts_that_are_none_are_refused_however_large(text: str) -> None:
    with pytest.raises(FairdayError):
        minor(text, "CNY")


def test_a_weight_of_endless_digits_is_none() -> None:
    assert grams("9" * 60 + "kg", "weight") is None


@pytest.mark.parametrize("cell", ["-2", "+3.5", "-1,234.50", "+8613800000000", "+86 138 0000 0000", "+1 (555) 123-4567",
                                  "2-3", ""])  # fmt: skip
def test_a_number_is_no_formula(cell: str) -> None:
    assert inert(cell) == cell


@pytest.mark.parametrize("cell", ["-2+3", "-2-3", "+86-138", "-2*A1", "-(2)", "-A1", "-", "-2\n=1", "+1 2=3", "-2;=1",
                                  "\n=1", "\t=1", "＝1", "－2", "+٣"])  # fmt: skip
def test_what_a_spreadsheet_would_reckon_is_made_a_text(cell: str) -> None:
    assert inert(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["=1", "tea", "'=1", "-5", "'tea", "@x", "''=1"])
def test_a_cell_that_went_out_comes_back_as_it_was(cell: str) -> None:
    assert meant(inert(cell)) == cell or cell.startswith("'=")
