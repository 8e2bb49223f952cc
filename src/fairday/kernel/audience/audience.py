"""An audience: a condition that picks people, compiled both ways from one tree."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from fairday.kernel.audience.access import Keys, keys_of
from fairday.kernel.audience.facts import Facts
from fairday.kernel.audience.parse import Parser
from fairday.kernel.audience.predicate import Predicate, compile_fails, compile_holds
from fairday.kernel.audience.sql import TABLES, Dialect, Layout, Select
from fairday.kernel.audience.tree import Condition, Since, SinceTrait, Trait, UntilTrait, Window, walk
from fairday.kernel.audience.vocabulary import Vocabulary


def parse(text: str, vocabulary: Vocabulary) -> Audience:
    """The audience an expression describes.

    Raises:
        AudienceError: it says something undeclared, malformed or outside the language; ``start`` and ``end`` say where.
    """
    return Audience(text, Parser(text, vocabulary).parse())


class Audience:
    """A parsed condition. ``today`` is always a day number (days since 1970-01-01) in the shop's zone.

    Attributes:
        text: the expression as written.
        tree: what it means.
    """

    def __init__(self, text: str, tree: Condition) -> None:
        self.text = text
        self.tree = tree

    def __repr__(self) -> str:
        return f"Audience({self.text!r})"

    @cached_property
    def traits(self) -> frozenset[str]:
        """The traits it looks at."""
        return frozenset(n.name for n in walk(self.tree) if isinstance(n, Trait))

    @cached_property
    def measures(self) -> frozenset[str]:
        """The activity measures it looks at."""
        found = {part.measure for n in walk(self.tree) if isinstance(n, Window) for part in n.parts}
        return frozenset(found | {n.measure for n in walk(self.tree) if isinstance(n, Since)})

    @cached_property
    def keys(self) -> Keys | None:
        """What must be so where it holds, for ``ConditionIndex``."""
        return keys_of(self.tree)

    @cached_property
    def moves_with_time(self) -> bool:
        """Whether a new day alone may change who is in it."""
        return any(isinstance(n, Window | Since | SinceTrait | UntilTrait) for n in walk(self.tree))

    def test(self, facts: Facts, today: int) -> bool:
        """Whether the person is in: the condition is definitely true of them."""
        return self._holds(facts, today)

    def holds(self, facts: Facts, today: int) -> bool | None:
        """True or False where the condition is definitely so, None where that is unknown.

        A rule's ``unless`` keeps back only whom it is definitely true of: ``unless.holds(facts, today) is True``.
        """
        if self._holds(facts, today):
            return True
        return False if self._fails(facts, today) else None

    def sql(
        self, dialect: Dialect, today: int, *, persons: Iterable[int] | None = None, layout: Layout = TABLES
    ) -> str:
        """A SELECT of ``person`` of everyone in the audience, in no order.

        Args:
            persons: look at these people only (none at all when empty).
            layout: where the data lies.

        The text holds no escapes, binds or percent signs: it may go through SQLAlchemy's ``text()`` or straight to the
        driver.
        """
        return Select(dialect, today, persons, layout).statement(self.tree, "p.person")

    def count_sql(
        self, dialect: Dialect, today: int, *, persons: Iterable[int] | None = None, layout: Layout = TABLES
    ) -> str:
        """A SELECT of how many people are in the audience; arguments as for ``sql``."""
        return Select(dialect, today, persons, layout).statement(self.tree, "COUNT(*)")

    @cached_property
    def _holds(self) -> Predicate:
        return compile_holds(self.tree)

    @cached_property
    def _fails(self) -> Predicate:
        return compile_fails(self.tree)
