"""Mappings read from YAML: refused with file, line, key and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TypeVar, get_args

import msgspec
import yaml

from fairday.goods.naming import LANGUAGES
from fairday.intake.shape import (
    CONSENTS,
    OPTIONAL,
    REQUIRED,
    STATUSES,
    TIMES,
    WITH_IDS,
    Carried,
    Column,
    Kind,
    Mapping,
    Named,
    Packing,
    Reading,
    TableMapping,
    TraitColumn,
    meant,
)
from fairday.kernel.clock import zone as time_zone
from fairday.kernel.errors import FairdayError

_T = TypeVar("_T")
_Word = TypeVar("_Word", bound=str)

_ONLY_OF: dict[str, Kind] = {
    "charges": "orders", "measure_above": "orders", "traits": "customers", "because": "skipped", "statuses": "orders",
    "packed": "orders", "consent": "customers", "options": "products", "attributes": "products", "titles": "products",
    "descriptions": "products",
}  # fmt: skip
"""Keys of a table that only one kind of table has."""


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
        near = meant(text, builtin_names())
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
                hint = meant(name, list(known)) or f"Known here: {', '.join(known)}. "
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

    def one_of(self, node: yaml.Node, key: str, known: tuple[_Word, ...]) -> _Word:
        value = self.text(node, key)
        if value not in known:
            hint = meant(value, list(known))
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
        if isinstance(node, yaml.MappingNode):
            return self.several(node, key)
        text = self.text(node, key).strip()
        optional = text.endswith("?")
        names = tuple(part.strip() for part in text.removesuffix("?").split("|"))
        if not all(names):
            raise self.refuse(node, key, "A column's name is missing.", "Write `Name` or `Name | Other name`.")
        return Column(names, optional=optional)

    def several(self, node: yaml.Node, key: str) -> Column:
        inside = self.entries(node, key, ("first", "join", "with", "optional"))
        if ("first" in inside) == ("join" in inside):
            raise self.refuse(node, key, "Which columns?", "Write {first: [A, B]} or {join: [A, B], with: ' '}.")
        optional = "optional" in inside and self.text(inside["optional"], f"{key}.optional") == "true"
        if "first" in inside:
            return Column(self.texts(inside["first"], f"{key}.first"), first=True, optional=optional)
        joiner = str(inside["with"].value) if "with" in inside else ", "
        return Column(self.texts(inside["join"], f"{key}.join"), joined=True, joiner=joiner, optional=optional)

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
        as_: Reading = self.one_of(inside["as"], f"{key}.as", get_args(Reading)) if "as" in inside else "text"
        return TraitColumn(column, as_, values)

    def named(self, node: yaml.Node, key: str) -> tuple[Named, ...]:
        """``{colour: Column}``, or a list of ``{name: Column, value: Column}``."""
        if isinstance(node, yaml.MappingNode):
            told = self.entries(node, key)
            return tuple(Named(self.column(v, f"{key}.{n}"), n.strip()) for n, v in told.items())
        if not isinstance(node, yaml.SequenceNode):
            raise self.refuse(node, key, "Keys with columns belong here.", "Write {colour: Column}, or a list.")
        found = []
        for item in node.value:
            inside = self.entries(item, key, ("name", "value"))
            if set(inside) != {"name", "value"}:
                raise self.refuse(item, key, "Which columns?", "Write {name: Column, value: Column}.")
            name, value = (self.column(inside[n], f"{key}.{n}") for n in ("name", "value"))
            found.append(Named(value, name=name))
        return tuple(found)

    def table(self, node: yaml.Node, key: str) -> TableMapping:
        inside = self.entries(node, key, ("kind", "file", "columns", "carried", "rows_with", *_ONLY_OF))
        if "kind" not in inside:
            raise self.refuse(node, key, "The table's kind is missing.", f"Add kind: {', '.join(get_args(Kind))}.")
        kind: Kind = self.one_of(inside["kind"], f"{key}.kind", get_args(Kind))
        for name, only in _ONLY_OF.items():
            if name in inside and kind != only:
                raise self.refuse(
                    inside[name], f"{key}.{name}", f"{name!r} belongs to {only}, not to {kind}.", "Take it out."
                )
        if "columns" not in inside:
            raise self.refuse(node, key, "The table's columns are missing.", "Add `columns:`.")
        columns, ids = self.columns(inside["columns"], f"{key}.columns", kind)
        packed = None
        if "packed" in inside:
            columns["packed"], packed = self.packed(inside["packed"], f"{key}.packed")
        self.complete(inside["columns"], f"{key}.columns", kind, columns, ids)

        def each(name: str, read: Callable[[yaml.Node, str], _T], of: tuple[str, ...] | None = None) -> dict[str, _T]:
            """What stands under a key of the table that has keys of its own; nothing where it is missing."""
            named = self.entries(inside[name], f"{key}.{name}", of) if name in inside else {}
            return {n: read(v, f"{key}.{name}.{n}") for n, v in named.items()}

        def one(name: str, read: Callable[[yaml.Node, str], _T], otherwise: _T) -> _T:
            return read(inside[name], f"{key}.{name}") if name in inside else otherwise

        statuses = each("statuses", lambda v, path: self.one_of(v, path, STATUSES))
        options: tuple[Named, ...] = one("options", self.named, ())
        carried = None
        if "carried" in inside:
            carried = self.carried(inside["carried"], f"{key}.carried", columns, ids, options)
        return TableMapping(
            kind=kind,
            where=f"{self.where}:{node.start_mark.line + 1}",
            file=one("file", self.text, ""),
            columns=columns,
            ids=ids,
            traits=each("traits", self.trait),
            charges={n.strip().upper(): v for n, v in each("charges", self.text).items()},
            measure_above=one("measure_above", partial(self.above, amounts="amount" in columns), 0),
            because=one("because", self.text, ""),
            carried=carried,
            rows_with=one("rows_with", self.texts, ()),
            statuses={n.strip().casefold(): v for n, v in statuses.items()},
            packed=packed,
            consent=each("consent", self.column, CONSENTS),
            options=options,
            attributes=one("attributes", self.named, ()),
            titles=each("titles", self.column, LANGUAGES),
            descriptions=each("descriptions", self.column, LANGUAGES),
        )

    def columns(self, node: yaml.Node, key: str, kind: Kind) -> tuple[dict[str, Column], dict[str, Column]]:
        """A table's columns by field, and those that name somebody by type of id."""
        ids: dict[str, Column] = {}
        columns: dict[str, Column] = {}
        fields = REQUIRED[kind] + OPTIONAL[kind] + (("ids",) if kind in WITH_IDS else ())
        for name, value in self.entries(node, key, None if kind == "skipped" else fields).items():
            path = f"{key}.{name}"
            if name == "ids":
                ids = {t: self.column(c, f"{path}.{t}") for t, c in self.entries(value, path).items()}
            else:
                columns[name] = self.time_column(value, path) if name in TIMES else self.column(value, path)
        for name in REQUIRED[kind]:
            if name not in columns:
                raise self.refuse(node, key, f"A table of {kind} needs {name!r}.", f"Add `{name}: Column name`.")
        return columns, ids

    def complete(self, node: yaml.Node, key: str, kind: Kind, columns: Collection[str], ids: Collection[str]) -> None:
        """Refuse a table of which nothing could be made, though each of its columns is right."""
        if kind in ("customers", "targets", "redemptions") and not ids:
            raise self.refuse(node, key, f"A table of {kind} needs 'ids'.", "Add `ids: {user_id: Column name}`.")
        whole = "packed" in columns or ("total" in columns and "product" not in columns)
        if kind != "orders" or whole:
            return
        for name in ("product", "quantity"):
            if name not in columns:
                raise self.refuse(
                    node, key, f"A table of orders needs {name!r}.",
                    f"Add `{name}: Column name`, or name the order's `total` alone.",
                )  # fmt: skip
        if ("price" in columns) == ("amount" in columns):
            raise self.refuse(
                node, key, "A table of orders needs either 'price' or 'amount'.",
                "Name `price` (of one unit) or `amount` (of the line).",
            )  # fmt: skip

    def packed(self, node: yaml.Node, key: str) -> tuple[Column, Packing]:
        told = self.entries(node, key, ("columns", "as"))
        if set(told) != {"columns", "as"}:
            raise self.refuse(node, key, "Which columns, packed how?", "Write {columns: line_item_*, as: pairs}.")
        how: Packing = self.one_of(told["as"], f"{key}.as", get_args(Packing))
        return Column((self.text(told["columns"], f"{key}.columns"),), glob=True), how

    def carried(
        self, node: yaml.Node, key: str, columns: Collection[str], ids: Collection[str], options: Sequence[Named]
    ) -> Carried:
        told = self.entries(node, key, ("by", "fields"))
        if set(told) != {"by", "fields"}:
            raise self.refuse(
                node, key, "By which column, and which fields?", "Write {by: Order, fields: [time, ids]}."
            )
        known = (*columns, *(f"id:{t}" for t in ids), "ids", "options")
        names = self.texts(told["fields"], f"{key}.fields")
        for name in names:
            if name not in known:
                raise self.refuse(told["fields"], f"{key}.fields", f"The table names no {name!r}.",
                                  f"Write of: {', '.join(known)}.")  # fmt: skip
        called = [f"option_name:{i}" for i, option in enumerate(options) if option.name]
        several = {"ids": [f"id:{t}" for t in ids], "options": called}  # of options what they are called
        return Carried(self.text(told["by"], f"{key}.by"), tuple(f for n in names for f in several.get(n, [n])))

    def above(self, node: yaml.Node, key: str, amounts: bool) -> int:
        text = self.text(node, key)
        if not text.isdecimal() or int(text) < 1 or not amounts:
            raise self.refuse(
                node, key, "A whole number above 0 belongs here, and the lines' amount must be known.",
                "Write `measure_above: 100` beside `amount`.",
            )  # fmt: skip
        return int(text)

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


__all__ = ["OPTIONAL", "REQUIRED", "Mapping", "builtin_names", "load_mapping", "parse_mapping"]
