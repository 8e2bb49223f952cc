"""What some files are, before anything is brought in: a built-in mapping's tables, or a guess to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from fairday.intake.guess import Guess, Table, guess, look, mapping_text
from fairday.intake.mapping import builtin_names, load_mapping, parse_mapping
from fairday.intake.shape import Mapping, choose_table
from fairday.kernel.errors import FairdayError


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What files are taken for.

    Attributes:
        tables: the first rows of each table.
        builtin: the name of the built-in mapping that knows all of them, or "".
        guesses: what each table is guessed to be; empty where a built-in mapping knows them.
    """

    tables: tuple[Table, ...]
    builtin: str = ""
    guesses: tuple[Guess, ...] = ()

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
        if _knows(load_mapping(name), tables):
            return Understood(tables=tables, builtin=name)
    return Understood(tables=tables, guesses=tuple(guess(t) for t in tables))


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
