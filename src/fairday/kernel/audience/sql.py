"""The audience as SQL over everyone, for SQLite, PostgreSQL and DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairday.kernel.audience.facts import SEPARATOR, year_starts
from fairday.kernel.audience.formula import Formula
from fairday.kernel.audience.tree import Compare, Condition, Const, Contains, Has, Known, Since, TextIn, Trait, Window
from fairday.kernel.audience.vocabulary import NUMBERED
from fairday.kernel.errors import FairdayError

Dialect = Literal["sqlite", "postgresql", "duckdb"]

DIALECTS = ("sqlite", "postgresql", "duckdb")

_PLAIN = frozenset(" _-.,=")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a wide table of people holds a trait. ``lo`` and ``hi`` name one column where it is always exact."""

    lo: str | None = None
    hi: str | None = None
    text: str | None = None
    p: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the data lies. Relations are names or table functions that the developer writes, never a merchant.

    Attributes:
        people: a relation with a column ``person``.
        activity: a relation with ``day``, ``measure``, ``n``, ``amount``, and ``interval_id`` or ``person``.
        ownership: a relation from ``id`` (the interval) to ``person``, or None where activity has ``person`` itself.
        profile: a relation with one row a person and trait, or None.
        columns: traits that are columns of ``people`` instead.
    """

    people: str = "people"
    activity: str = "activity"
    ownership: str | None = "ownership"
    profile: str | None = "profile"
    columns: Mapping[str, Columns] = field(default_factory=dict)


TABLES = Layout()
"""The shop's own tables."""


def literal(text: str, dialect: Dialect) -> str:
    """A text as an SQL expression without quotes to close, colons to bind, percent signs or backslashes to expand.

    So it reads the same to SQLAlchemy's ``text()``, to a driver and to the database.
    """
    chr_ = "char" if dialect == "sqlite" else "chr"
    pieces: list[str] = []
    plain = ""
    for c in text:
        if c.isalnum() or c in _PLAIN:
            plain += c
            continue
        if plain:
            pieces.append(f"'{plain}'")
            plain = ""
        pieces.append(f"{chr_}({ord(c)})")
    if plain or not pieces:
        pieces.append(f"'{plain}'")
    return pieces[0] if len(pieces) == 1 else f"({' || '.join(pieces)})"


class Select(Formula):
    """One SELECT for one tree, dialect, day and layout."""

    equals = "="

    def __init__(
        self, dialect: Dialect, today: int, persons: Iterable[int] | None = None, layout: Layout = TABLES
    ) -> None:
        if dialect not in DIALECTS:
            raise FairdayError(
                f"Audiences are not written for {dialect!r}.", code="bad_dialect", remedy=f"One of {DIALECTS}."
            )
        self.dialect = dialect
        self.today = today
        self.layout = layout
        self._persons = None if persons is None else ", ".join(str(int(p)) for p in persons)
        self._traits: dict[Trait, str] = {}
        self._groups: dict[tuple[str, ...], list[Window | Since]] = {}
        self._zero_fails = False

    def statement(self, condition: Condition, columns: str) -> str:
        """``SELECT columns`` of everyone the condition is definitely true of; ``p.person`` is the person."""
        where = self.holds(condition)
        joins = [f" LEFT JOIN {self._profile(t, a)}" for t, a in self._traits.items()]
        joins += [f" LEFT JOIN {self._activity(m, i)}" for i, m in enumerate(self._groups)]
        only = "" if self._persons is None else f"{self._among('p.person')} AND "
        return f"SELECT {columns} FROM {self.layout.people} p{''.join(joins)} WHERE {only}{where}"

    # Values

    def compare(self, node: Compare, sought: bool) -> str:
        # A person without activity has no row to join, which reads NULL and means 0. Where the comparison does not
        # hold for 0, NULL says so by itself, and the database is free to join inward.
        self._zero_fails = not _holds_at_zero(node, sought)
        text = super().compare(node, sought)
        self._zero_fails = False
        return text

    def add(self, left: str, right: str) -> str:
        return f"(CAST({left} AS BIGINT) + {right})"

    def times(self, factor: int, value: str) -> str:
        return f"(CAST({factor} AS BIGINT) * {value})"

    def from_today(self, day: str) -> str:
        return f"(CAST({self.today} AS BIGINT) - {day})"

    def to_day(self, day: str) -> str:
        return f"({day} - CAST({self.today} AS BIGINT))"

    def until_return(self, trait: Trait) -> tuple[str, str]:
        lo, hi = self.trait(trait)
        this_year, next_year = (
            f"({start - self.today} + {lo} - CASE WHEN {lo} >= 60 THEN {short} ELSE 0 END)"
            for start, short in year_starts(self.today)
        )
        text = f"CASE WHEN {lo} = {hi} THEN CASE WHEN {this_year} >= 0 THEN {this_year} ELSE {next_year} END END"
        return text, text

    def trait(self, trait: Trait) -> tuple[str, str]:
        columns = self.layout.columns.get(trait.name)
        if columns is None:
            alias = self._alias(trait)
            return f"{alias}.lo", f"{alias}.hi"
        return self._wide(trait, columns, columns.lo), self._wide(trait, columns, columns.hi)

    def window(self, window: Window) -> str:
        column = self._column(tuple(dict.fromkeys(p.measure for p in window.parts)), window)
        return column if self._zero_fails else f"COALESCE({column}, 0)"

    def since(self, since: Since) -> tuple[str, str]:
        text = self.from_today(self._column((since.measure,), since))
        return text, text

    # Conditions

    def truth(self, value: bool) -> str:
        return "1 = 1" if value else "1 = 0"

    def text_in(self, node: TextIn, sought: bool) -> str:
        values = ", ".join(literal(v, self.dialect) for v in node.values)
        return f"{self._text(node.trait)} {'IN' if sought else 'NOT IN'} ({values})"

    def contains(self, node: Contains, sought: bool) -> str:
        piece = literal(node.piece, self.dialect)
        if node.where == "start":
            return f"substr({self._text(node.trait)}, 1, {len(node.piece)}) {'=' if sought else '!='} {piece}"
        return self._within(piece, node.trait, sought)

    def has(self, node: Has, sought: bool) -> str:
        return self._within(literal(SEPARATOR + node.member + SEPARATOR, self.dialect), node.trait, sought)

    def known(self, node: Known, sought: bool) -> str:
        if isinstance(node.of, Trait) and node.of.type not in NUMBERED:
            ends = [self._text(node.of)]
        else:
            ends = list(dict.fromkeys(self.bounds(node.of)))
        tests = [f"{end} IS {'NOT NULL' if sought else 'NULL'}" for end in ends]
        return f"({(' OR ' if sought else ' AND ').join(tests)})"

    def _within(self, piece: str, trait: Trait, sought: bool) -> str:
        function = "instr" if self.dialect == "sqlite" else "strpos"
        return f"{function}({self._text(trait)}, {piece}) {'>' if sought else '='} 0"

    def _text(self, trait: Trait) -> str:
        columns = self.layout.columns.get(trait.name)
        text = f"{self._alias(trait)}.txt" if columns is None else self._wide(trait, columns, columns.text)
        return f'{text} COLLATE "C"' if self.dialect == "postgresql" else text

    # Joins

    def _alias(self, trait: Trait) -> str:
        if self.layout.profile is None:
            raise FairdayError(f"This layout holds no trait {trait.name!r}.", code="bad_layout")
        return self._traits.setdefault(trait, f"t{len(self._traits)}")

    def _wide(self, trait: Trait, columns: Columns, column: str | None) -> str:
        if column is None:
            raise FairdayError(f"This layout has no column for {trait.name!r}.", code="bad_layout")
        if columns.p is None:
            return f"p.{column}"
        counts = f"p.{columns.p} IS NULL"
        if trait.threshold is not None:
            counts += f" OR p.{columns.p} >= {trait.threshold}"
        return f"CASE WHEN {counts} THEN p.{column} END"

    def _profile(self, trait: Trait, alias: str) -> str:
        counts = f"{alias}.p IS NULL"
        if trait.threshold is not None:
            counts = f"({counts} OR {alias}.p >= {trait.threshold})"
        name = literal(trait.name, self.dialect)
        return f"{self.layout.profile} {alias} ON {alias}.person = p.person AND {alias}.trait = {name} AND {counts}"

    def _column(self, measures: tuple[str, ...], wanted: Window | Since) -> str:
        # Windows over the same measures are summed in one pass, whatever their spans.
        group = self._groups.setdefault(measures, [])
        if wanted not in group:
            group.append(wanted)
        return f"g{list(self._groups).index(measures)}.c{group.index(wanted)}"

    def _activity(self, measures: tuple[str, ...], index: int) -> str:
        group = self._groups[measures]
        spans = [w.span if isinstance(w, Window) else None for w in group]
        longest = None if None in spans else max(s for s in spans if s is not None)
        names = [literal(m, self.dialect) for m in measures]
        only = f"a.measure = {names[0]}" if len(names) == 1 else f"a.measure IN ({', '.join(names)})"
        only += f" AND a.day <= {self.today}"
        if longest is not None:
            only += f" AND a.day >= {self.today - longest + 1}"
        sums = [f"{self._sum(w, measures, longest)} AS c{i}" for i, w in enumerate(group)]
        person, source = "a.person", f"{self.layout.activity} a"
        if self.layout.ownership is not None:
            person, source = "o.person", f"{source} JOIN {self.layout.ownership} o ON o.id = a.interval_id"
        if self._persons is not None:
            only += f" AND {self._among(person)}"
        inner = f"SELECT {person} AS person, {', '.join(sums)} FROM {source} WHERE {only} GROUP BY {person}"
        return f"({inner}) g{index} ON g{index}.person = p.person"

    def _sum(self, wanted: Window | Since, measures: tuple[str, ...], longest: int | None) -> str:
        if isinstance(wanted, Since):
            return "MAX(a.day)"
        cases: list[str] = []
        for part in wanted.parts:
            tests = []
            if len(measures) > 1:
                tests.append(f"a.measure = {literal(part.measure, self.dialect)}")
            if wanted.span is not None and wanted.span != longest:
                tests.append(f"a.day >= {self.today - wanted.span + 1}")
            value = f"a.{part.column}" if part.sign > 0 else f"-a.{part.column}"
            cases.append(f"SUM(CASE WHEN {' AND '.join(tests)} THEN {value} ELSE 0 END)" if tests else f"SUM({value})")
        return " + ".join(cases)

    def _among(self, person: str) -> str:
        return f"{person} IN ({self._persons})" if self._persons else "1 = 0"


def _holds_at_zero(node: Compare, sought: bool) -> bool:
    """Whether a comparison of a bare window with a number would hold for 0; True for any other comparison."""
    match node.left, node.right:
        case Window(), Const(right):
            left = 0
        case Const(left), Window():
            right = 0
        case _:
            return True
    holds = {"<": left < right, "<=": left <= right, "=": left == right}[node.op]
    return holds is sought
