"""The ids a row of a file names somebody by, brought to one writing."""

from __future__ import annotations

import duckdb

from fairday.intake.columns import id_of
from fairday.intake.files import Loaded
from fairday.kernel import jsons
from fairday.kernel.ids import digest


def stage_ids(conn: duckdb.DuckDBPyConnection, loaded: Loaded, columns: str) -> None:
    """Make ``typed_<table>``: each row's line, its ids as JSON pairs, and ``columns`` (SQL)."""
    pairs = []
    for kind in loaded.table.ids:
        text = id_of(loaded, f"id:{kind}")
        pairs.append(f"'[\"{kind}\",' || to_json({text}) || ']'")
    conn.execute(
        f"CREATE TABLE typed_{loaded.name} AS SELECT line, '[' || concat_ws(',', {', '.join(pairs)}) || ']' AS ids, "
        f"{columns} FROM {loaded.name}"
    )


def no_ids(loaded: Loaded) -> tuple[str, str, str, str]:
    """The check that sets a row aside which names nobody, as ``set_aside`` takes it."""
    kinds = " or ".join(loaded.table.ids)
    return (
        "ids = '[]'",
        f"id:{next(iter(loaded.table.ids))}",
        f"Whom the row is about is missing ({kinds}).",
        "Fill in the customer's number.",
    )


def key_of(ids: str) -> str:
    """A short text that stands for a customer's ids in a message id."""
    pairs = jsons.loads(ids)
    return str(pairs[0][1]) if len(pairs) == 1 else digest(ids)
