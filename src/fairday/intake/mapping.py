"""Mappings: which column of somebody's table means what. Read from YAML, refused with file, line, key and remedy."""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatch
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import yaml

from fairday.kernel.clock import zone as time_zone
from fairday.kernel.errors import FairdayError

Kind = Literal["orders", "products", "customers", "campaigns", "targets", "redemptions", "skipped"]
Reading = Literal["text", "number", "band", "thousands"]

REQUIRED: dict[str, tuple[str, ...]] = {
    "orders": ("order", "product", "quantity", "time"),
    "products": ("product", "title"),
    "customers": (),
    "campaigns": ("campaign", "starts"),
    "targets": ("campaign",),
    "redemptions": ("coupon", "campaign", "time"),
    "skipped": (),
}
"""The fields each kind of table must name."""

OPTIONAL: dict[str, tuple[str, ...]] = {
    "orders": ("price", "amount", "title", "category", "brand", "department", "country", "currency", "store",
               "channel", "sheet"),
    "products": ("category", "department", "brand", "price", "currency", "image"),
    "customers": ("time",),
    "campaigns": ("type", "ends"),
    "targets": (),
    "redemptions": (),
    "skipped": (),
}  # fmt: skip
"""The fields each kind of table may name besides."""

WITH_IDS = ("orders", "customers", "targets", "redemptions")
TIMES = ("time", "starts", "ends")


class Column(msgspec.Struct, frozen=True):
    """Where a field stands: the first of ``names`` the table has; several ``joined`` columns make one text."""

    names: tuple[str, ...]
    optional: bool = False
    joined: bool = False
    formats: tuple[str, ...] = ()
    zone: str = ""


class TraitColumn(msgspec.Struct, frozen=True):
    """How a column is told as a trait: read ``as_`` a thing, or translated by ``values`` (others are left out)."""

    column: Column
    as_: Reading = "text"
    values: dict[str, Any] | None = None


class TableMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of file holds. ``where`` names the place in the mapping file, for errors."""

    kind: Kind
    where: str
    file: str = ""
    columns: dict[str, Column] = {}
    ids: dict[str, Column] = {}
    traits: dict[str, TraitColumn] = {}
    charges: dict[str, str] = {}
    measure_above: int = 0
    because: str = ""

    def fields(self) -> dict[str, Column]:
        """Every column the table is read for, by a field name unique in the table."""
        return (
            self.columns
            | {f"id:{kind}": column for kind, column in self.ids.items()}
            | {f"trait:{name}": trait.column for name, trait in self.traits.items()}
        )


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """A whole mapping: what its tables hold and in which zone, currency and writing."""

    source: str
    where: str
    zone: str = ""
    currency: str = ""
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    tables: tuple[TableMapping, ...] = ()


def builtin_names() -> list[str]:
    """The names of the mappings that come with Fairday."""
    folder = resources.files("fairday.intake") / "builtin"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def load_mapping(name: str | Path) -> Mapping:
    """A built-in mapping by name, or one from a YAML file.

    Raises:
        FairdayError: no such name or file, or the file is not a usable mapping (says line, key and remedy).
    """
    text = str(name)
    if text in builtin_names():
        return parse_mapping((resources.files("fairday.intake") / "builtin" / f"{text}.yaml").read_text("utf-8"), text)
    path = Path(name)
    if not path.is_file():
        near = _meant(text, builtin_names())
        raise FairdayError(
            f"There is no mapping {text!r}.",
            code="no_mapping",
            remedy=f"{near}Write a mapping file's name, or one of: {', '.join(builtin_names())}.",
        )
    try:
        return parse_mapping(path.read_text("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise FairdayError("The mapping is not UTF-8.", code="bad_mapping", where=text, remedy="Save it as UTF-8.")


def parse_mapping(text: str, where: str) -> Mapping:
    """A mapping from YAML text; ``where`` names it in errors. Raises FairdayError."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FairdayError(
            f"This is not YAML: {error.problem}.",
            code="bad_mapping",
            where=f"{where}:{line}",
            remedy="Check indentation, colons and quotes on that line.",
        )
    if node is None:
        raise FairdayError("The mapping is empty.", code="bad_mapping", where=where, remedy="Name source and tables.")
    return _Reader(where).mapping(node)


def normal(name: str) -> str:
    """A column's name as it is compared: without case, spaces and signs ("Customer ID" is "customer_id")."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name.strip()


def find_columns(table: TableMapping, header: list[str]) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, Column]]]:
    """Which of the file's columns each field is, and the fields that have none though they must."""
    by_name = {normal(name): name for name in reversed(header)}
    found: dict[str, tuple[str, ...]] = {}
    lacking: list[tuple[str, Column]] = []
    for field, column in table.fields().items():
        here = tuple(by_name[normal(n)] for n in column.names if normal(n) in by_name)
        if column.joined and len(here) == len(column.names):
            found[field] = here
        elif here and not column.joined:
            found[field] = here[:1]
        elif not column.optional:
            lacking.append((field, column))
    return found, lacking


def choose_table(mapping: Mapping, path: Path, header: list[str]) -> tuple[TableMapping, dict[str, tuple[str, ...]]]:
    """The first table of the mapping that the file can be, and its columns.

    Raises:
        FairdayError: it is none of them; says what the nearest lacks and which column was perhaps meant.
    """
    nearest: tuple[int, TableMapping, list[tuple[str, Column]]] | None = None
    for table in mapping.tables:
        if table.file and not fnmatch(path.name.casefold(), table.file.casefold()):
            continue
        found, lacking = find_columns(table, header)
        if not lacking:
            return table, found
        if table.kind != "skipped" and (nearest is None or len(lacking) < nearest[0]):
            nearest = (len(lacking), table, lacking)
    if nearest is None:
        globs = ", ".join(t.file for t in mapping.tables)
        raise FairdayError(
            "No table of the mapping is for a file of this name.",
            code="no_table",
            where=str(path),
            remedy=f"{mapping.where} takes {globs}: rename the file or change a table's `file`.",
        )
    _, table, lacking = nearest
    said = "; ".join(f"{field} ({' or '.join(column.names)})" for field, column in lacking)
    hints = "".join(_meant(name, header) for _, column in lacking for name in column.names[:1])
    raise FairdayError(
        f"The file lacks columns for {said}.",
        code="missing_column",
        where=str(path),
        remedy=f"{hints}It has: {', '.join(header[:30])}. Change {table.where} or the file's header.",
    )


def _meant(word: str, known: list[str]) -> str:
    by_normal = {normal(k): k for k in known}
    near = difflib.get_close_matches(normal(word), by_normal, 1, 0.6)
    return f"Did you mean {by_normal[near[0]]!r}? " if near else ""


class _Reader:
    """Walks the YAML nodes, so that every refusal knows its line."""

    def __init__(self, where: str) -> None:
        self.where = where

    def refuse(self, node: yaml.Node, key: str, message: str, remedy: str) -> FairdayError:
        place = f"{self.where}:{node.start_mark.line + 1}"
        return FairdayError(message, code="bad_mapping", where=f"{place}: {key}" if key else place, remedy=remedy)

    def entries(self, node: yaml.Node, key: str, known: tuple[str, ...] | None = None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.refuse(node, key, "Keys with values belong here.", "Write `key: value` lines, indented.")
        result: dict[str, yaml.Node] = {}
        for name_node, value in node.value:
            name = str(name_node.value)
            if known is not None and name not in known:
                hint = _meant(name, list(known)) or f"Known here: {', '.join(known)}. "
                raise self.refuse(name_node, key, f"There is no key {name!r}.", hint.strip())
            if name in result:
                raise self.refuse(name_node, key, f"{name!r} stands here twice.", "Keep one of them.")
            result[name] = value
        return result

    def text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.refuse(node, key, "A text belongs here.", "Write one word or a quoted text.")
        return str(node.value)

    def texts(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode) and node.value:
            return tuple(self.text(item, key) for item in node.value)
        return (self.text(node, key),)

    def one_of(self, node: yaml.Node, key: str, known: tuple[str, ...]) -> str:
        value = self.text(node, key)
        if value not in known:
            hint = _meant(value, list(known))
            raise self.refuse(node, key, f"{value!r} is not known.", f"{hint}Write one of: {', '.join(known)}.")
        return value

    def zone(self, node: yaml.Node, key: str) -> str:
        value = self.text(node, key)
        try:
            time_zone(value)
        except FairdayError as error:
            raise self.refuse(node, key, error.message, error.remedy)
        return value

    def column(self, node: yaml.Node, key: str) -> Column:
        if isinstance(node, yaml.SequenceNode):
            return Column(self.texts(node, key), joined=True)
        text = self.text(node, key).strip()
        optional = text.endswith("?")
        names = tuple(part.strip() for part in text.removesuffix("?").split("|"))
        if not all(names):
            raise self.refuse(node, key, "A column's name is missing.", "Write `Name` or `Name | Other name`.")
        return Column(names, optional=optional)

    def time_column(self, node: yaml.Node, key: str) -> Column:
        if not isinstance(node, yaml.MappingNode):
            return self.column(node, key)
        inside = self.entries(node, key, ("column", "format", "zone"))
        if "column" not in inside:
            raise self.refuse(node, key, "The column is missing.", "Add `column: Name`.")
        formats = self.texts(inside["format"], f"{key}.format") if "format" in inside else ()
        for one in formats:
            if "%" not in one and one not in ("unix", "unix_ms"):
                raise self.refuse(
                    inside["format"], f"{key}.format", f"{one!r} is not a time format.",
                    'Write strftime letters such as "%d/%m/%Y %H:%M", or unix, or unix_ms.',
                )  # fmt: skip
        column = self.column(inside["column"], f"{key}.column")
        zone = self.zone(inside["zone"], f"{key}.zone") if "zone" in inside else ""
        return msgspec.structs.replace(column, formats=formats, zone=zone)

    def trait(self, node: yaml.Node, key: str) -> TraitColumn:
        if not isinstance(node, yaml.MappingNode):
            return TraitColumn(self.column(node, key))
        inside = self.entries(node, key, ("column", "as", "values"))
        if "column" not in inside:
            raise self.refuse(node, key, "The column is missing.", "Add `column: Name`.")
        column = self.column(inside["column"], f"{key}.column")
        values = None
        if "values" in inside:
            self.entries(inside["values"], f"{key}.values")
            built = yaml.SafeLoader("").construct_document(inside["values"])
            values = {str(k).strip().casefold(): v for k, v in built.items()}
        as_: Any = self.one_of(inside["as"], f"{key}.as", get_args(Reading)) if "as" in inside else "text"
        return TraitColumn(column, as_, values)

    def table(self, node: yaml.Node, key: str) -> TableMapping:
        known = ("kind", "file", "columns", "traits", "charges", "measure_above", "because")
        inside = self.entries(node, key, known)
        if "kind" not in inside:
            raise self.refuse(node, key, "The table's kind is missing.", f"Add kind: {', '.join(get_args(Kind))}.")
        kind: Any = self.one_of(inside["kind"], f"{key}.kind", get_args(Kind))
        for name, only in (("charges", "orders"), ("measure_above", "orders"), ("traits", "customers"),
                           ("because", "skipped")):  # fmt: skip
            if name in inside and kind != only:
                raise self.refuse(
                    inside[name], f"{key}.{name}", f"{name!r} belongs to {only}, not to {kind}.", "Take it out."
                )
        if "columns" not in inside:
            raise self.refuse(node, key, "The table's columns are missing.", "Add `columns:`.")
        ids: dict[str, Column] = {}
        columns: dict[str, Column] = {}
        fields = REQUIRED[kind] + OPTIONAL[kind] + (("ids",) if kind in WITH_IDS else ())
        named = self.entries(inside["columns"], f"{key}.columns", None if kind == "skipped" else fields)
        for name, value in named.items():
            path = f"{key}.columns.{name}"
            if name == "ids":
                ids = {t: self.column(c, f"{path}.{t}") for t, c in self.entries(value, path).items()}
            else:
                columns[name] = self.time_column(value, path) if name in TIMES else self.column(value, path)
        for name in REQUIRED[kind]:
            if name not in columns:
                raise self.refuse(
                    inside["columns"], f"{key}.columns", f"A table of {kind} needs {name!r}.",
                    f"Add `{name}: Column name`.",
                )  # fmt: skip
        if kind == "orders" and ("price" in columns) == ("amount" in columns):
            raise self.refuse(
                inside["columns"], f"{key}.columns", "A table of orders needs either 'price' or 'amount'.",
                "Name `price` (of one unit) or `amount` (of the line).",
            )  # fmt: skip
        if kind in ("customers", "targets", "redemptions") and not ids:
            raise self.refuse(
                inside["columns"], f"{key}.columns", f"A table of {kind} needs 'ids'.",
                "Add `ids: {user_id: Column name}`.",
            )  # fmt: skip
        traits = {}
        if "traits" in inside:
            named = self.entries(inside["traits"], f"{key}.traits")
            traits = {n: self.trait(v, f"{key}.traits.{n}") for n, v in named.items()}
        charges = {}
        if "charges" in inside:
            named = self.entries(inside["charges"], f"{key}.charges")
            charges = {n.strip().upper(): self.text(v, f"{key}.charges.{n}") for n, v in named.items()}
        above = 0
        if "measure_above" in inside:
            text = self.text(inside["measure_above"], f"{key}.measure_above")
            if not text.isdecimal() or int(text) < 1 or "amount" not in columns:
                raise self.refuse(
                    inside["measure_above"], f"{key}.measure_above",
                    "A whole number above 0 belongs here, and the lines' amount must be known.",
                    "Write `measure_above: 100` beside `amount`.",
                )  # fmt: skip
            above = int(text)
        return TableMapping(
            kind=kind,
            where=f"{self.where}:{node.start_mark.line + 1}",
            file=self.text(inside["file"], f"{key}.file") if "file" in inside else "",
            columns=columns,
            ids=ids,
            traits=traits,
            charges=charges,
            measure_above=above,
            because=self.text(inside["because"], f"{key}.because") if "because" in inside else "",
        )

    def mapping(self, node: yaml.Node) -> Mapping:
        known = ("source", "zone", "currency", "encoding", "delimiter", "decimal", "tables")
        inside = self.entries(node, "", known)
        for name in ("source", "tables"):
            if name not in inside:
                raise self.refuse(node, "", f"{name!r} is missing.", f"Add `{name}:`.")
        source = self.text(inside["source"], "source")
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,39}", source):
            raise self.refuse(
                inside["source"], "source", f"{source!r} is not a usable name.",
                "Write at most 40 lower-case letters, digits and hyphens, such as my-till.",
            )  # fmt: skip
        currency = self.text(inside["currency"], "currency") if "currency" in inside else ""
        if currency and not re.fullmatch(r"[A-Z]{3}", currency):
            raise self.refuse(
                inside["currency"], "currency", f"{currency!r} is not a currency.", "Write three letters such as EUR."
            )
        encoding = self.text(inside["encoding"], "encoding") if "encoding" in inside else ""
        if encoding:
            try:
                "".encode(encoding)
            except LookupError:
                raise self.refuse(
                    inside["encoding"], "encoding", f"{encoding!r} is not a text encoding.",
                    "Write utf-8, gb18030 or latin-1, or leave the key out.",
                )  # fmt: skip
        delimiter = ""
        if "delimiter" in inside:
            delimiter = inside["delimiter"].value
            if not isinstance(delimiter, str) or len(delimiter) != 1:
                raise self.refuse(
                    inside["delimiter"], "delimiter", "One sign belongs here.", 'Write ",", ";", "|" or "\\t".'
                )
        tables = inside["tables"]
        if not isinstance(tables, yaml.SequenceNode) or not tables.value:
            raise self.refuse(tables, "tables", "A list of tables belongs here.", "Write `- kind: orders` below it.")
        return Mapping(
            source=source,
            where=self.where,
            zone=self.zone(inside["zone"], "zone") if "zone" in inside else "",
            currency=currency,
            encoding=encoding,
            delimiter=delimiter,
            decimal=self.one_of(inside["decimal"], "decimal", (".", ",")) if "decimal" in inside else ".",
            tables=tuple(self.table(t, f"tables[{i}]") for i, t in enumerate(tables.value)),
        )
