from __future__ import annotations

import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import fairday
from fairday.rooms import metadata


def test_the_migrations_give_the_declared_tables(empty_url):
    """Alembic's upgrade equals what the rooms declare, on both databases; test tables aside."""
    with fairday.open(empty_url) as shop, shop.db.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": _ours})
        differences = [d for d in compare_metadata(context, metadata) if not _of_a_test(d)]
    assert differences == [], "write the migration: python scripts/migration.py"


def test_opening_again_changes_nothing(empty_url):
    for _ in range(2):
        with fairday.open(empty_url) as shop, shop.db.read() as conn:
            assert MigrationContext.configure(conn).get_current_revision() == _newest()


def _newest() -> str:
    found = Path(fairday.__file__).parent / "migrations" / "versions"
    return max(p.name for p in found.glob("*.py")).split("_")[0]


def _ours(name, kind, parents) -> bool:
    return not (kind == "table" and name == "alembic_version")


def _of_a_test(difference) -> bool:
    """Other tests of the same run declare tables on the shared metadata."""
    what = difference[1] if isinstance(difference, tuple) and len(difference) > 1 else None
    table = getattr(what, "name", None) if difference[0] == "add_table" else getattr(what, "table", None)
    name = table if isinstance(table, str) else getattr(table, "name", "")
    return name.startswith(("test_", "bench_")) and "pytest" in sys.modules
