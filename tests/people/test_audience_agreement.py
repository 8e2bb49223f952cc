"""The predicate, SQLite, PostgreSQL and DuckDB say the same of everybody, and it is what the expression means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text

import audiences
from fairday.kernel import audience as language
from fairday.kernel.audience import FUNCTIONS, OPERATORS, STANDARD_MEASURES, Columns, Layout
from fairday.people.facts import load_facts
from fairday.people.tables import activity, ownership, people, profile
from fairday.storage.database import Database

WORLDS, PEOPLE, EXPRESSIONS = 22, 56, 50  # and each expression's negation: 2,200 questions of 56 people

WIDE = Layout(
    people="wide",
    activity="wide_activity",
    ownership=None,
    profile=None,
    columns={n: Columns(f"{n}_lo", f"{n}_hi", f"{n}_txt", f"{n}_p") for n in audiences.TRAITS},
)


@dataclass
class Made:
    of: audiences.World
    expressions: list[audiences.Expr]
    asked: list[audiences.Asked]


@pytest.fixture(scope="module")
def made() -> list[Made]:
    """Worlds with questions whose answers the predicate and the meaning agree about."""
    found = []
    for seed in range(WORLDS):
        random = Random(seed)
        of = audiences.world(random, PEOPLE, seed)
        expressions = [audiences.expression(random) for _ in range(EXPRESSIONS)]
        found.append(Made(of, expressions, audiences.ask(language, of, expressions)))
    return found


def test_the_questions_cover_every_operator_function_type_and_truth(made: list[Made]) -> None:
    texts = [a.text for m in made for a in m.asked]
    assert len(texts) >= 2_000
    words = Counter(w for t in texts for w in t.replace("(", " ( ").replace(",", " ").split())
    for operator in OPERATORS:
        assert words[operator] >= 10 or (operator == "-" and any("-(" in t for t in texts)), operator
    for function in (*FUNCTIONS, *STANDARD_MEASURES):
        assert words[function] >= 10, function
    for trait in audiences.TRAITS:
        assert words[trait] >= 10, trait
    truths = Counter(audiences.meaning(e, p, m.of) for m in made for e in m.expressions for p in m.of.people)
    assert min(truths[True], truths[False], truths[None]) > 0.15 * truths.total(), truths
    assert {m.of.zone for m in made} == {zone for zone, _ in audiences.SWITCHES}


def test_the_databases_agree(db: Database, made: list[Made]) -> None:
    with db.write() as conn:
        for one in made:
            for table in (people, ownership, activity, profile):
                conn.execute(delete(table))
            numbers = range(1, len(one.of.people) + 1)
            conn.execute(insert(people), [{"person": p, "since": 0} for p in numbers])
            conn.execute(insert(ownership), list(audiences.ownership_rows(one.of)))
            conn.execute(insert(activity), list(audiences.activity_rows(one.of)))
            conn.execute(insert(profile), list(audiences.profile_rows(one.of)))
            for statement, some in audiences.batches(one.asked, one.of, db.dialect, 25):
                audiences.compare(conn.execute(text(statement)).fetchall(), some, one.of)
            loaded = load_facts(conn, numbers)
            assert [loaded[p] for p in numbers] == audiences.facts(language, one.of)
            _ask_some(conn, db.dialect, one)


def _ask_some(conn: Any, dialect: Any, one: Made) -> None:
    for asked in one.asked[:4]:
        few = [1, 3, 5, 999]
        rows = conn.execute(text(asked.audience.sql(dialect, one.of.day, persons=few))).scalars().all()
        assert sorted(rows) == sorted(asked.expected & set(few))
        assert conn.execute(text(asked.audience.count_sql(dialect, one.of.day))).scalar_one() == len(asked.expected)
        assert conn.execute(text(asked.audience.sql(dialect, one.of.day, persons=[]))).fetchall() == []


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as conn:
        yield conn


def test_duckdb_agrees_over_rows_and_over_a_column_a_trait(duck: duckdb.DuckDBPyConnection, made: list[Made]) -> None:
    for one in made:
        _fill(duck, one.of)
        for layout, asked in ((language.TABLES, one.asked), (WIDE, one.asked[::2] + one.asked[1::6])):
            for statement, some in audiences.batches(asked, one.of, "duckdb", 20, layout=layout):
                audiences.compare(duck.execute(statement).fetchall(), some, one.of)


def _fill(duck: duckdb.DuckDBPyConnection, of: audiences.World) -> None:
    duck.execute(
        "CREATE OR REPLACE TABLE people AS SELECT unnest(?::BIGINT[]) AS person", [list(range(1, len(of.people) + 1))]
    )
    shapes = {
        "ownership": ("id BIGINT, person BIGINT", audiences.ownership_rows, ("id", "person")),
        "activity": (
            "interval_id BIGINT, measure VARCHAR, day INTEGER, n BIGINT, amount BIGINT",
            audiences.activity_rows,
            ("interval_id", "measure", "day", "n", "amount"),
        ),
        "profile": (
            "person BIGINT, trait VARCHAR, lo BIGINT, hi BIGINT, txt VARCHAR, p INTEGER",
            audiences.profile_rows,
            ("person", "trait", "lo", "hi", "txt", "p"),
        ),
    }
    for table, (columns, rows, names) in shapes.items():
        duck.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
        listed = list(rows(of))
        marks = ", ".join("unnest(?)" for _ in names)
        duck.execute(f"INSERT INTO {table} SELECT {marks}", [[row[n] for row in listed] for n in names])
    columns = ", ".join(
        f"MAX({c}) FILTER (trait = '{t}') AS {t}_{c}" for t in audiences.TRAITS for c in ("lo", "hi", "txt", "p")
    )
    duck.execute(
        f"CREATE OR REPLACE TABLE wide AS SELECT person, {columns}"
        " FROM people LEFT JOIN profile USING (person) GROUP BY 1"
    )
    duck.execute(
        "CREATE OR REPLACE TABLE wide_activity AS SELECT person, measure, day, n, amount"
        " FROM activity JOIN ownership ON id = interval_id"
    )


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_new_people_and_new_expressions_agree_each_time(seed: int, random: Random) -> None:
    of = audiences.world(Random(seed), 20)
    asked = audiences.ask(language, of, [audiences.expression(random) for _ in range(3)])
    conn = audiences.memory(of)
    for statement, some in audiences.batches(asked, of, "sqlite", 25):
        audiences.compare(conn.execute(statement).fetchall(), some, of)
    conn.close()
