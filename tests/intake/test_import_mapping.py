"""Mappings: read from YAML, refused with file, line, key and remedy; the docs' examples are mappings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairday.intake.mapping import REQUIRED, builtin_names, load_mapping, parse_mapping
from fairday.kernel.errors import FairdayError

GOOD = """source: till
zone: Europe/Madrid
currency: EUR
tables:
  - kind: orders
    columns:
      order: no
      product: sku
      quantity: qty
      price: price
      time: {column: at, format: "%d/%m/%Y"}
      ids: {user_id: who}
"""


def test_the_builtin_mappings_are_usable() -> None:
    assert builtin_names() == ["complete-journey", "online-retail", "shopify", "woocommerce"]
    for name in builtin_names():
        assert load_mapping(name).source == name


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("source: till", "sorce: till"), 1, "Did you mean 'source'?"),
        (("source: till", "source: My Till!"), 1, "lower-case"),
        (("source: till\n", ""), 1, "Add `source:`"),
        (("Europe/Madrid", "Madrid"), 2, "IANA"),
        (("currency: EUR", "currency: euros"), 3, "three letters"),
        (("kind: orders", "kind: order"), 5, "Did you mean 'orders'?"),
        (("  - kind: orders\n    columns", "  - columns"), 5, "Add kind"),
        (("      order: no\n", ""), 7, "Add `order: Column name`"),
        (("product: sku", "produkt: sku"), 8, "Did you mean 'product'?"),
        (("      price: price\n", ""), 7, "Name `price`"),
        (("price: price", "price: price\n      amount: sum"), 7, "Name `price`"),
        (("      ids: {user_id: who}", "      ids: who"), 12, "key: value"),
        (('"%d/%m/%Y"', "day first"), 11, "strftime"),
        (("{column: at, ", "{"), 11, "Add `column: Name`"),
        (("quantity: qty", "quantity:"), 9, "one word"),
        (("quantity: qty", "quantity: qty\n      quantity: n"), 10, "Keep one"),
        (("quantity: qty", "quantity: a | "), 9, "Other name"),
        (("kind: orders", "kind: orders\n    traits: {age: a}"), 6, "Take it out"),
        (("kind: orders", "kind: orders\n    measure_above: 5"), 6, "beside `amount`"),
        (("zone: ", "decimal: x\nzone: "), 2, "one of: ., ,"),
        (("zone: ", "encoding: utf-9\nzone: "), 2, "gb18030"),
        (("zone: ", "delimiter: ab\nzone: "), 2, "Write"),
        (("zone: Europe/Madrid", "zone: [Europe"), 3, "quotes"),
        (("tables:", "tables: none\nx:"), 5, "There is no key"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_with_its_line_and_what_to_write(
    tmp_path: Path, change: tuple[str, str], line: int, said: str
) -> None:
    assert change[0] in GOOD
    path = tmp_path / "till.yaml"
    path.write_text(GOOD.replace(*change), "utf-8")
    with pytest.raises(FairdayError) as caught:
        load_mapping(path)
    assert caught.value.code == "bad_mapping"
    found = re.match(re.escape(str(path)) + r":(\d+)", caught.value.where)
    assert found is not None, caught.value.where
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert int(found.group(1)) == line


def test_an_empty_mapping_and_an_unknown_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FairdayError, match="empty"):
        parse_mapping("", "x.yaml")
    with pytest.raises(FairdayError, match="Did you mean 'online-retail'"):
        load_mapping("online-retial")
    latin = tmp_path / "x.yaml"
    latin.write_bytes("source: é".encode("latin-1"))
    with pytest.raises(FairdayError, match="UTF-8"):
        load_mapping(latin)


def test_every_example_in_the_docs_is_a_mapping_and_every_field_is_told() -> None:
    text = (Path(__file__).parents[2] / "docs" / "merchants" / "import.md").read_text("utf-8")
    examples = [e for e in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert len(examples) >= 3
    for example in examples:
        parse_mapping(example, "docs")
    from fairday.intake import mapping

    for kind, fields in REQUIRED.items():
        assert f"`{kind}`" in text
        for field in (*fields, *mapping.OPTIONAL[kind]):
            assert f"`{field}`" in text, field
