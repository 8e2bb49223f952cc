"""What some files are, before anything is brought in: a built-in mapping's tables, or a guess to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from fairday.intake.drafting import mapping_text
from fairday.intake.guess import Guess, Table, guess, look
from fairday.intake.mapping import builtin_names, load_mapping, parse_mapping
from fairday.intake.shape import Mapping, choose_table
from fairday.kernel.errors import FairdayError


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What files are taken for.

    Attributes:
        tables: the first rows of each table.
        builtin: the name of the built-in mapping that knows all of them, or "".
        guesses: what each table is guessed to be; empty where a built-in mapping knows them.
        meanings: of each table, the field that each column is read for; columns that are not read are not there.
    """

    tables: tuple[Table, ...]
    builtin: str = ""
    guesses: tuple[Guess, ...] = ()
    meanings: tuple[dict[str, str], ...] = ()

    @property
    def usable(self) -> bool:
        """Whether nothing that must be there is missing."""
        known = [g for g in self.guesses if g.kind]
        return bool(self.builtin) or (bool(known) and all(code != "missing" for g in known for code, _ in g.problems))

    def text(self, zone: str = "", currency: str = "") -> str:
        """The guess as a mapping file."""
        return mapping_text(list(zip(self.tables, self.guesses, strict=True)), zone, currency)

    def mapping(self, zone: str = "", currency: str = "") -> Mapping:
        """The mapping to import with.

        Raises:
            FairdayError: the guess lacks something.
        """
        if self.builtin:
            return load_mapping(self.builtin)
        return parse_mapping(self.text(zone, currency), "the guessed mapping")


def understand(paths: Sequence[str | Path]) -> Understood:
    """Say what files are.

    Raises:
        FairdayError: a file cannot be read.
    """
    tables = tuple(look([Path(p) for p in paths]))
    for name in builtin_names():
        mapping = load_mapping(name)
        if _knows(mapping, tables):
            return Understood(tables=tables, builtin=name, meanings=tuple(_meanings(mapping, t) for t in tables))
    return guessed(tables, tuple(guess(t) for t in tables))


def guessed(tables: tuple[Table, ...], guesses: tuple[Guess, ...]) -> Understood:
    """Tables taken for what was guessed or chosen."""
    meanings = tuple({column: field for field, column in g.columns.items()} for g in guesses)
    return Understood(tables=tables, guesses=guesses, meanings=meanings)


def _meanings(mapping: Mapping, table: Table) -> dict[str, str]:
    try:
        taken, found = choose_table(mapping, Path(table.path), list(table.header))
    except FairdayError:
        return {}
    if taken.kind == "skipped":
        return {}
    # One column may be read for several fields; what it says first of all stands first.
    listed = [(name, field) for field, names in found.items() for name in names]
    return {name: field for name, field in reversed(listed)}


def _knows(mapping: Mapping, tables: Sequence[Table]) -> bool:
    known: dict[str, bool] = {}
    for table in tables:
        known.setdefault(table.path, False)
        try:
            choose_table(mapping, Path(table.path), list(table.header))
            known[table.path] = True
        except FairdayError:
            continue
    return bool(known) and all(known.values())
