"""Facts of people, read from both databases."""

from __future__ import annotations

from sqlalchemy import insert

from fairday.kernel.audience import Facts
from fairday.people.facts import load_facts
from fairday.people.tables import activity, ownership, people, profile
from fairday.storage.database import Database


def _fill(db: Database, persons: int) -> None:
    with db.write() as conn:
        numbers = range(1, persons + 1)
        conn.execute(insert(people), [{"person": p, "since": 0} for p in numbers])
        intervals = [(2 * p + i, p) for p in numbers for i in (0, 1)]
        rows = [{"id": i, "identifier": i, "person": p, "from_at": 0, "until_at": 1} for i, p in intervals]
        conn.execute(insert(ownership), rows)
        days = [(i, m, d) for i, _ in intervals for m in ("b: 'x'", "A", "a") for d in (7, -3, 10 + i % 2)]
        conn.execute(
            insert(activity), [{"interval_id": i, "measure": m, "day": d, "n": 1, "amount": 5} for i, m, d in days]
        )
        told = [("age", 19, 24, None, None), ("city", None, None, "", None), ("size", 3, None, None, 800)]
        conn.execute(
            insert(profile),
            [
                {"person": p, "trait": t, "lo": lo, "hi": hi, "txt": txt, "at": 0, "source": "test", "p": share}
                for p in numbers
                for t, lo, hi, txt, share in told
            ],
        )


def test_facts_join_a_persons_intervals_day_by_day(db: Database) -> None:
    _fill(db, 2)
    with db.read() as conn:
        found = load_facts(conn, [1, 999, 1])
    assert list(found) == [1, 999]
    assert found[999] == Facts()
    assert found[1].told["age"][:2] == (19, 24)
    assert found[1].told["city"][2] == ""
    assert "size" not in found[1].told
    assert found[1].inferred["size"][0] == 800
    assert found[1].inferred["size"][1][0] == 3
    for measure in ("b: 'x'", "A", "a"):
        assert found[1].activity[measure] == ([-3, 7, 10, 11], [0, 2, 4, 5, 6], [0, 10, 20, 25, 30])


def test_only_the_measures_asked_for_are_read(db: Database) -> None:
    _fill(db, 1)
    with db.read() as conn:
        assert set(load_facts(conn, [1], {"A", "zzz"})[1].activity) == {"A"}
        none = load_facts(conn, [1], ())[1]
    assert not none.activity
    assert "age" in none.told


def test_more_people_than_one_statement_reads(db: Database) -> None:
    _fill(db, 1_100)
    with db.read() as conn:
        found = load_facts(conn, range(1, 1_101))
        assert load_facts(conn, []) == {}
    assert len(found) == 1_100
    assert all(f == found[2] for f in found.values())
