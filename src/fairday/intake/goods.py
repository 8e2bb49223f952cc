"""Goods of a file: its rows gathered into products with their variants, pictures, words and numbers.

Rows of one ``group`` are one product, rows that name a ``parent`` are its variants, and rows that repeat one number
with other options are variants of it. A row that can be used but for one cell comes in without it, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import duckdb
import msgspec

from fairday.goods.bringing import Form, Told
from fairday.goods.catalogue import ProductRow
from fairday.goods.records import DEAREST, MOST_AXES, MOST_MEDIA, MOST_VARIANTS, NUMBER, Medium
from fairday.intake import wording
from fairday.intake.cells import Cells, Row
from fairday.intake.columns import number_of, text_of
from fairday.intake.files import Loaded
from fairday.intake.setaside import Fault, set_aside_rows
from fairday.intake.shape import Mapping

ONLY_VARIANT = ("Title", "Default Title")
"""What Shopify calls the option and the variant of a product that has none."""
_TEXTS = ("product", "title", "category", "department", "brand", "image", "own_image", "alt", "description", "tags",
          "shown", "weight", "barcode", "hs_code", "origin", "currency", "group", "parent", "price",
          "cost")  # fmt: skip
_AT_ONCE = 2000
Spool = Callable[[Told], None]


def gather(conn: duckdb.DuckDBPyConnection, loaded: Loaded, mapping: Mapping, currency: str, keep: Spool) -> None:
    """Gather a file's goods and hand each product to ``keep``; rows that cannot be used are set aside.

    Raises:
        FairdayError: no row can be used.
    """
    _Gathering(conn, loaded, mapping, currency, keep).run()


class _Gathering:
    def __init__(
        self, conn: duckdb.DuckDBPyConnection, loaded: Loaded, mapping: Mapping, currency: str, keep: Spool
    ) -> None:
        self.conn, self.loaded, self.currency, self.keep = conn, loaded, currency, keep
        self.decimal = {f: _decimal(conn, loaded, f, mapping.decimal) for f in ("price", "cost")}
        self.cells = Cells(loaded, currency)
        self.bad: list[Fault] = []
        self.numbers: set[str] = set()

    def run(self) -> None:
        fields = [f for f in _TEXTS if f in self.loaded.fields]
        pairs = [f for f in self.loaded.fields if f.partition(":")[0] in _PAIRED]
        self._stage([*fields, *pairs])
        self.numbers = {
            str(n) for (n,) in self.conn.execute("SELECT DISTINCT own FROM staged WHERE own IS NOT NULL").fetchall()
        }
        for family, rows in groupby(self._rows(fields, pairs), key=lambda one: one[0]):
            self._family(family, [row for _, row in rows])
        self.conn.execute("DROP TABLE staged")
        set_aside_rows(self.conn, self.loaded, self.bad, self.cells.remarks)

    def _stage(self, fields: Sequence[str]) -> None:
        """Table ``staged``: the rows with the family each belongs to, families in the order of their first rows."""
        loaded = self.loaded

        def of(field: str) -> str:
            return text_of(loaded, field)

        title = of("title")
        if "variant" in loaded.fields:
            title = f"{title} || coalesce(' - ' || nullif(rtrim({of('variant')}, ' /'), ''), '')"
        category, department = of("category"), of("department")
        if "categories" in loaded.fields:
            category, department = _of_path(of("categories"), category, department)
        words = {"title": title, "category": category, "department": department}
        # Without a number goods go by their whole name, as the lines of orders name them then.
        own = f"nullif(ltrim({of('product')}, chr(39)), '')"
        if "variant" in loaded.fields:
            own = f"coalesce({own}, {title})"
        picked = ", ".join(f'{words.pop(f, None) or of(f)} AS "{f}"' for f in fields)
        picked += "".join(f', {sql} AS "{f}"' for f, sql in words.items())
        self.conn.execute(
            f"CREATE TABLE raw AS SELECT line, {own} AS own, {of('parent')} AS up, {of('number')} AS nr, "
            f"{of('group')} AS grp, {self._number('price')} AS money, {self._number('cost')} AS spent, {picked} "
            f"FROM {loaded.name}"
        )
        # A parent may be told by its number in the other system: "id:12". One that is not in the file is no parent.
        self.conn.execute(
            "CREATE TABLE staged AS SELECT *, min(line) OVER (PARTITION BY coalesce(family, 'line ' || line)) AS place "
            "FROM (SELECT r.*, coalesce(r.grp, p.key, CASE WHEN r.up NOT LIKE 'id:%' THEN r.up END, r.own, r.title) AS "
            "family FROM raw r LEFT JOIN (SELECT 'id:' || nr AS ref, any_value(coalesce(own, title)) AS key FROM raw "
            "WHERE nr IS NOT NULL AND up IS NULL GROUP BY nr) p ON r.up = p.ref)"
        )
        self.conn.execute("DROP TABLE raw")

    def _number(self, field: str) -> str:
        return number_of(self.loaded, field, self.decimal[field])

    def _rows(self, fields: Sequence[str], pairs: Sequence[str]) -> Iterator[tuple[str | None, Row]]:
        words = list(dict.fromkeys([*fields, "title", "category", "department"]))
        listed = ", ".join(f'"{f}"' for f in [*words, *pairs])
        result = self.conn.cursor().execute(
            f"SELECT family, line, own, up, money, spent, {listed} FROM staged ORDER BY place, line"
        )
        table = self.loaded.table
        while part := result.fetchmany(_AT_ONCE):
            for family, line, own, up, money, spent, *cells in part:
                text = {f: str(c) for f, c in zip(words, cells, strict=False) if c is not None}
                text["product"], text["parent"] = own or "", up or ""
                paired = {f: str(c) for f, c in zip(pairs, cells[len(words) :], strict=True) if c is not None}
                options = _named(paired, "option", [n.said for n in table.options])
                if tuple(options.items()) == (ONLY_VARIANT,):
                    options = {}
                attributes = _named(paired, "attribute", [n.said for n in table.attributes])
                said = {f: c for f, c in paired.items() if f.startswith(("title:", "description:"))}
                yield family, Row(int(line), text, money, spent, options, attributes, said)

    # ---- families --------------------------------------------------------------------------------------------------

    def _family(self, family: str | None, rows: list[Row]) -> None:
        rows = [row for row in rows if not self._unusable(row, family)]
        if not rows or family is None:
            return
        grouped = "group" in self.loaded.fields and bool(rows[0].text.get("group"))
        children = rows if grouped else [r for r in rows if r.text["parent"]]
        forms = [r for r in children if r.options]
        if not children and len({tuple(r.options.items()) for r in rows if r.options}) > 1:
            forms = [r for r in rows if r.options]  # one number, row by row with other options
        if forms:
            self._product(family, rows, forms, grouped)
            return
        # Rows that only bring a further picture belong to the row before them.
        pictures = [r for r in rows if grouped and not r.own and r.price is None]
        flat = [r for r in rows if r not in pictures] or rows[:1]
        head = next((r for r in rows if not r.text["parent"]), rows[0])
        by_number: dict[str, list[Row]] = {}
        for row in flat:
            by_number.setdefault(row.own or row.text.get("title") or family, []).append(row)
        for number, some in by_number.items():
            # What stands twice is as its last row says; a variation is its parent where it says nothing itself.
            words = [*reversed(some), *([] if head in some else [head])]
            self._tell(number, words, some[-1], [*some, *(pictures if len(by_number) == 1 else [])], ())

    def _unusable(self, row: Row, family: str | None) -> bool:
        number = row.own or family
        if not number:
            return self._refuse(row, "product", "The product's number is missing.",
                                "Fill in the product's number or SKU.")  # fmt: skip
        if not NUMBER.fullmatch(number) or not NUMBER.fullmatch(family or number):
            return self._refuse(row, "product", "The product's number is longer than 200 signs.", "Shorten it.")
        if row.price is None and row.text.get("price"):
            return self._refuse(row, "price", f"The price {row.text['price']!r} is not a number.",
                                "Write a number such as 12.50.")  # fmt: skip
        if row.price is not None and not 0 <= row.price * 100 <= DEAREST:
            return self._refuse(row, "price", f"The price {row.text['price']!r} cannot be.",
                                "Write a price from 0.")  # fmt: skip
        if not re.fullmatch("[A-Za-z]{3}", row.text.get("currency") or self.currency):
            return self._refuse(row, "currency", f"The currency {row.text['currency']!r} is not known.",
                                "Write three letters such as EUR.")  # fmt: skip
        return False

    def _refuse(self, row: Row, field: str, reason: str, remedy: str) -> bool:
        self.bad.append(Fault(row.line, field, reason, remedy))
        return True

    def _product(self, family: str, rows: list[Row], forms: list[Row], grouped: bool) -> None:
        number = family
        if grouped and any(r.own == number for r in forms) and any(r.own != number for r in forms):
            number = f"{family}-all"  # the number is one of its variants' too
        elif grouped and family in self.numbers and not any(r.own == family for r in rows):
            number = f"{family}-all"  # or another product's
        heads = [r for r in rows if r not in forms]
        title = next((t for r in (*heads, *forms) if (t := r.text.get("title"))), "")
        axes = list(dict.fromkeys(a for r in forms for a in r.options))
        if len(axes) > MOST_AXES or any(len(a) > 60 for a in axes):
            for row in forms:
                self._refuse(row, "option:0", f"It differs in {len(axes)} things: {', '.join(axes)[:80]}.",
                             f"Keep at most {MOST_AXES}, of up to 60 signs.")  # fmt: skip
            return
        made: dict[str, Form] = {}
        seen: dict[tuple[str, ...], str] = {}
        for row in forms:
            lacking = next((a for a in axes if a not in row.options), None)
            if lacking is not None:
                self._refuse(row, "option:0", f"It does not say its {lacking}, as the others of {family} do.",
                             f"Fill in {lacking}.")  # fmt: skip
                continue
            values = tuple(row.options[a] for a in axes)
            if any(len(v) > 60 for v in values):
                self._refuse(row, "option:0", "What it differs in is longer than 60 signs.", "Shorten it.")
                continue
            sku = self._sku(row, family, number, title, values, grouped)
            if seen.get(values, sku) != sku:
                self._refuse(row, "option:0", f"It is the same as {seen[values]}: {', '.join(values)}.",
                             "Leave one of them out.")  # fmt: skip
                continue
            if sku in made and dict(made[sku].options) != row.options:
                self._refuse(row, "product", f"The number {sku} stands at two variants.", "Give each its own.")
                continue
            if len(made) >= MOST_VARIANTS:
                self._refuse(row, "product", f"{family} has more than {MOST_VARIANTS} variants.",
                             "Make several products of it.")  # fmt: skip
                continue
            seen[values] = sku
            made[sku] = self._form(row, sku, {a: row.options[a] for a in axes})
        if made:
            # Rows without options: the parent's own, and further pictures.
            self._tell(number, [*heads, *forms], None, rows, tuple(made.values()))

    def _sku(self, row: Row, family: str, number: str, title: str, values: tuple[str, ...], grouped: bool) -> str:
        own, name = row.own, row.text.get("title", "")
        if own and own != number:
            return own
        if grouped and "product" in self.loaded.fields and title:
            return f"{title} - {' / '.join(values)}"[:200]
        if row.text["parent"] and name and name != title:
            return name
        return f"{family}-{'-'.join(values)}"[:200]

    def _form(self, row: Row, sku: str, options: dict[str, str]) -> Form:
        picture = self.cells.pictures(row, "own_image") or (
            self.cells.pictures(row, "image")[:1] if "own_image" not in self.loaded.fields else []
        )
        return Form(
            row=row.line, sku=sku, options=options, price=self.cells.minor(row, row.price),
            cost=self.cells.minor(row, row.cost), image=picture[0] if picture else None,
            barcode=self.cells.barcode(row), weight_g=self.cells.weight(row),
            hidden=wording.hidden(row.text["shown"]) if row.text["parent"] and "shown" in row.text else None,
        )  # fmt: skip

    def _tell(
        self, number: str, words: Sequence[Row], priced: Row | None, rows: Sequence[Row], forms: tuple[Form, ...]
    ) -> None:
        def first(field: str) -> str | None:
            return next((t for r in words if (t := r.text.get(field))), None)

        head = words[0]
        rows = rows if any(r.text.get("image") for r in rows) else [*rows, *words[-1:]]
        price = None if priced is None else self.cells.minor(priced, priced.price)
        paid_in = (first("currency") or self.currency).upper()
        media: dict[str, Medium] = {}
        for row in rows:
            for url in self.cells.pictures(row, "image"):
                media.setdefault(url, Medium(url=url, alt=row.text.get("alt", "")[:200]))
        pictures = list(media.values())
        if len(pictures) > MOST_MEDIA:
            self.cells.remark(head, "image", f"{len(pictures)} pictures are too many: the first {MOST_MEDIA} come in.",
                         "Keep the best.")  # fmt: skip
        own = [] if forms or priced is None else self.cells.pictures(priced, "own_image")
        image = own[0] if own else pictures[0].url if pictures else next((f.image for f in forms if f.image), None)
        axes = set(forms[0].options) if forms else set()
        sold = {row.line for row in rows if forms and row.options and (row.text["parent"] or row.text.get("group"))}
        attributes: dict[str, str] = {}
        for row in reversed(words):
            attributes |= row.attributes | (row.options if row.line not in sold else {})
        attributes = {k: v for k, v in attributes.items() if k not in axes}
        self.keep(
            Told(
                row=head.line,
                product=ProductRow(
                    product=number, title=first("title") or "", category=first("category"),
                    department=first("department"), brand=first("brand"), price=price,
                    currency=paid_in if price is not None or forms else None, image=image,
                ),
                description=self.cells.description(head, first("description")),
                attributes={k[:60]: v[:200] for k, v in list(attributes.items())[:60]},
                tags=self.cells.tags(head, first("tags")),
                hidden=None if (shown := first("shown")) is None else wording.hidden(shown),
                weight_g=None if priced is None else self.cells.weight(priced),
                hs_code=self.cells.hs_code(words), origin=self.cells.origin(words),
                cost=None if priced is None else self.cells.minor(priced, priced.cost),
                barcode=None if priced is None else self.cells.barcode(priced),
                forms=forms, media=tuple(pictures[:MOST_MEDIA]),
                titles={f[6:]: v for r in reversed(words) for f, v in r.said.items() if f.startswith("title:")},
                descriptions={
                    f[12:]: wording.plain_text(v)
                    for r in reversed(words) for f, v in r.said.items() if f.startswith("description:")
                },
            )
        )  # fmt: skip


_PAIRED = ("option", "option_name", "attribute", "attribute_name", "title", "description")


def _named(cells: dict[str, str], kind: str, said: Sequence[str]) -> dict[str, str]:
    """What paired columns say by name; one without a name or a value says nothing."""
    found = {}
    for i, fixed in enumerate(said):
        name = fixed or cells.get(f"{kind}_name:{i}", "")
        value = cells.get(f"{kind}:{i}", "")
        if name and value:
            found[name] = value
    return found


def _of_path(path: str, category: str, department: str) -> tuple[str, str]:
    """SQL of (category, department) of "Food > Tea, Gifts": the first that is named; its last part and its first."""
    # A comma inside a name is written "\\,".
    first = f"string_split(replace({path}, '\\,', chr(31)), ',')[1]"
    parts = f"string_split(replace({first}, chr(31), ','), '>')"
    last = f"coalesce({category}, nullif(trim({parts}[-1]), ''))"
    top = f"coalesce({department}, CASE WHEN len({parts}) > 1 THEN nullif(trim({parts}[1]), '') END)"
    return last, top


def _decimal(conn: duckdb.DuckDBPyConnection, loaded: Loaded, field: str, said: str) -> str:
    """The sign before a column's decimals: as the mapping says, or a comma where the column itself shows it."""
    if field not in loaded.fields or said == "," or loaded.types[field] != "VARCHAR":
        return said
    column = loaded.fields[field]
    commas, points = conn.execute(
        f"SELECT count(*) FILTER (regexp_matches({column}, ',\\d\\d?\\D*$')), "
        f"count(*) FILTER (regexp_matches({column}, '\\.\\d\\d?\\D*$')) FROM {loaded.name}"
    ).fetchall()[0]
    return "," if commas > points else said


def spooled(path: Path) -> Iterator[list[Told]]:
    """Products that were kept in a file, in parts."""
    decoder = msgspec.json.Decoder(Told)
    with path.open("rb") as f:
        part: list[Told] = []
        for line in f:
            part.append(decoder.decode(line))
            if len(part) >= 100:
                yield part
                part = []
        if part:
            yield part


__all__ = ["gather", "spooled"]
