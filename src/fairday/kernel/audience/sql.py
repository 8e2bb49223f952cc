"""The audience as SQL over everyone, for SQLite, PostgreSQL and DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fairday.kernel.audience.facts import SEPARATOR, Facts, year_starts
from fairday.kernel.audience.formula import Formula
from fairday.kernel.audience.predicate import compile_holds
from fairday.kernel.audience.tree import (
    And,
    Compare,
    Condition,
    Const,
    Contains,
    Has,
    Known,
    Since,
    TextIn,
    Trait,
    Window,
    walk,
)
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


class Select:
    """One SELECT for one tree, dialect, day and layout.

    A conjunction narrows step by step: first by its parts over traits alone, then by each measure that must have
    happened, whose days are summed only for who is left; what is not such a part is asked of the rest in the end.
    """

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
        self._steps: list[str] = []

    def statement(self, condition: Condition, columns: str) -> str:
        """``SELECT columns`` of everyone the condition is definitely true of; ``p.person`` is the person."""
        traits, measures, rest = _split(condition, self.today)
        if not measures and not rest:
            traits, rest = [], traits
        if traits:
            self._steps.append(self._of_people("p.person", traits))
        for parts in measures.values():
            writer = _Writer(self, [n for p in parts for n in walk(p) if isinstance(n, Window | Since)])
            having = writer.holds(_all(parts))
            self._steps.append(writer.summed(f"HAVING {having}"))
        if self._steps and not rest and traits:
            last = f"SELECT {columns} FROM fit{len(self._steps) - 1} p"
        else:
            last = self._of_people(columns, rest)
        steps = ", ".join(f"fit{i} AS MATERIALIZED ({step})" for i, step in enumerate(self._steps))
        return f"WITH {steps} {last}" if steps else last

    def among(self, person: str) -> list[str]:
        """What a person must meet already: be one of those asked about, and have passed the step before."""
        tests = []
        if self._persons is not None:
            tests.append(f"{person} IN ({self._persons})" if self._persons else "1 = 0")
        if self._steps:
            tests.append(f"{person} IN (SELECT person FROM fit{len(self._steps) - 1})")
        return tests

    def _of_people(self, columns: str, parts: list[Condition]) -> str:
        writer = _Writer(self)
        where = " AND ".join([*self.among("p.person"), *(writer.holds(p) for p in parts)])
        return f"SELECT {columns} FROM {self.layout.people} p{writer.joins()} WHERE {where}"


class _Writer(Formula):
    """Writes conditions over joined people, or over the sums of one group of activity: those of ``summed``."""

    equals = "="

    def __init__(self, select: Select, summed: Sequence[Window | Since] = ()) -> None:
        self.select = select
        self.dialect = select.dialect
        self.today = select.today
        self.layout = select.layout
        self._summed = summed
        self._traits: dict[Trait, str] = {}
        self._groups: dict[tuple[str, ...], list[Window | Since]] = {}
        self._zero_fails = False

    def joins(self) -> str:
        """The joins that what was written so far needs."""
        found = [f" LEFT JOIN {self._profile(t, a)}" for t, a in self._traits.items()]
        for index, (measures, group) in enumerate(self._groups.items()):
            longest = _longest(group)
            sums = "".join(f", {self._sum(w, measures, longest)} AS c{i}" for i, w in enumerate(group))
            inner = self._activity(measures, longest, sums)
            found.append(f" LEFT JOIN ({inner}) g{index} ON g{index}.person = p.person")
        return "".join(found)

    def summed(self, having: str) -> str:
        """A SELECT of the persons whose sums of the one group meet ``having``."""
        ((measures, group),) = self._groups.items()
        return f"{self._activity(measures, _longest(group), '')} {having}"

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
        column = self._column(_measures(window), window)
        return column if self._zero_fails or self._summed else f"COALESCE({column}, 0)"

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
        if self._summed:
            return f"({self._sum(wanted, measures, _longest(self._summed))})"
        return f"g{list(self._groups).index(measures)}.c{group.index(wanted)}"

    def _activity(self, measures: tuple[str, ...], longest: int | None, sums: str) -> str:
        names = [literal(m, self.dialect) for m in measures]
        tests = [f"a.measure = {names[0]}" if len(names) == 1 else f"a.measure IN ({', '.join(names)})"]
        tests.append(f"a.day <= {self.today}")
        if longest is not None:
            tests.append(f"a.day >= {self.today - longest + 1}")
        person, source = "a.person", f"{self.layout.activity} a"
        if self.layout.ownership is not None:
            person, source = "o.person", f"{source} JOIN {self.layout.ownership} o ON o.id = a.interval_id"
        where = " AND ".join([*tests, *self.select.among(person)])
        return f"SELECT {person} AS person{sums} FROM {source} WHERE {where} GROUP BY {person}"

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


def _split(
    condition: Condition, today: int
) -> tuple[list[Condition], dict[tuple[str, ...], list[Condition]], list[Condition]]:
    """The parts of a conjunction: over traits alone; by measures, over one group that must have happened; the rest."""
    traits: list[Condition] = []
    grouped: dict[tuple[str, ...], list[Condition]] = {}
    rest: list[Condition] = []
    for part in condition.parts if isinstance(condition, And) else (condition,):
        looks = [n for n in walk(part) if isinstance(n, Trait | Window | Since)]
        groups = {_measures(n) for n in looks if isinstance(n, Window | Since)}
        if not groups:
            traits.append(part)
        elif len(groups) == 1 and not any(isinstance(n, Trait) for n in looks):
            grouped.setdefault(groups.pop(), []).append(part)
        else:
            rest.append(part)
    steps = {measures: parts for measures, parts in grouped.items() if _needs_activity(_all(parts), today)}
    return traits, steps, [p for measures, parts in grouped.items() if measures not in steps for p in parts] + rest


def _needs_activity(part: Condition, today: int) -> bool:
    """Whether the part does not hold of somebody who never did anything."""
    return not compile_holds(part)(Facts(), today)


def _measures(of: Window | Since) -> tuple[str, ...]:
    return (of.measure,) if isinstance(of, Since) else tuple(dict.fromkeys(p.measure for p in of.parts))


def _longest(group: Sequence[Window | Since]) -> int | None:
    spans = [w.span if isinstance(w, Window) else None for w in group]
    return None if None in spans else max(s for s in spans if s is not None)


def _all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


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
