"""Facts of people out of the database, in one round trip, for predicates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from fairday.kernel.audience import Facts

_MOST = 500
"""People read by one statement."""


def load_facts(conn: Connection, persons: Sequence[int], measures: Collection[str] | None = None) -> dict[int, Facts]:
    """What is known of some people, by person; somebody of whom nothing is known has empty facts.

    Args:
        measures: read these activity measures only (those an audience needs: ``Audience.measures``); None reads all.
    """
    found: dict[int, Facts] = {}
    wanted = list(dict.fromkeys(persons))
    names = None if measures is None else sorted(measures)
    for start in range(0, len(wanted), _MOST):
        found.update(_load(conn, wanted[start : start + _MOST], names))
    return found


def _load(conn: Connection, persons: Sequence[int], measures: Sequence[str] | None) -> dict[int, Facts]:
    statement = _statement(conn.dialect.name, len(persons), None if measures is None else len(measures))
    listed = [*persons, *persons, *(measures or ())]
    # The driver's own cursor, in the connection's transaction: a choice asks for one person, and SQLAlchemy's result
    # costs as much again as the query.
    cursor = conn.connection.cursor()
    try:
        cursor.execute(statement, tuple(listed))
        rows: Sequence[Any] = cursor.fetchall()
    finally:
        cursor.close()
    # One result for both tables: kind 0 is a trait (name, lo, hi, txt, p), kind 1 a bucket (measure, day, n, amount).
    # PostgreSQL sorts by its locale elsewhere, so the order the buckets need is made here.
    profiles: dict[int, list[Any]] = {}
    buckets: dict[int, list[Any]] = {}
    for kind, person, name, a, b, txt, c in rows:
        if kind:
            buckets.setdefault(person, []).append((name, a, b, c))
        else:
            profiles.setdefault(person, []).append((name, a, b, txt, c))
    for listed_buckets in buckets.values():
        listed_buckets.sort()
    return {p: Facts.of(profiles.get(p, ()), buckets.get(p, ())) for p in persons}


@lru_cache(maxsize=256)
def _statement(dialect: str, persons: int, measures: int | None) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    among = ", ".join([mark] * persons)
    only = "" if measures is None else f" AND a.measure IN ({', '.join([mark] * measures) or 'NULL'})"
    return (
        "SELECT 0 AS kind, person, trait AS name, lo AS a, hi AS b, txt, p AS c FROM profile"
        f" WHERE person IN ({among})"
        " UNION ALL SELECT 1, o.person, a.measure, a.day, a.n, NULL, a.amount FROM ownership o"
        f" JOIN activity a ON a.interval_id = o.id WHERE o.person IN ({among}){only}"
    )
