"""What people did on their way to an order after they could first meet a scene: new categories, and steps."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from fairday.insight.placed import Placed
from fairday.insight.trade import VIEWS
from fairday.people.traits.totals import CATEGORY
from fairday.scenes.arms import SHOWN

_FIRSTS = text(
    # CROSS JOIN has SQLite go measure by measure, each a narrow stretch of the index over measures and days.
    "SELECT g.person, g.first FROM (SELECT o.person AS person, t.measure AS measure, min(a.day) AS first"
    " FROM (SELECT DISTINCT measure FROM tally WHERE measure LIKE :kind AND day BETWEEN :a AND :b) t"
    " CROSS JOIN activity a JOIN ownership o ON o.id = a.interval_id"
    " WHERE a.measure = t.measure AND a.day BETWEEN :a AND :b GROUP BY o.person, t.measure) g"
    # The same here: by the person's intervals, not through everybody who ever bought of the category.
    " WHERE NOT EXISTS (SELECT 1 FROM ownership w CROSS JOIN activity e"
    " WHERE w.person = g.person AND e.interval_id = w.id AND e.measure = g.measure AND e.day < :a AND e.n > 0)"
)


def new_categories(
    conn: Connection, since: Mapping[int, int], until: Mapping[int, int], placed: Placed
) -> dict[int, int]:
    """How many categories each person bought for the first time ever between two days of their own.

    Args:
        since, until: by person, the first and last day that count; both have the same people.
        placed: orders that count for another than they are told of; so do the categories of their days.
    """
    found: dict[int, int] = {}
    others = placed.days
    if not since:
        return found
    span = {"a": min(since.values()), "b": max(until.values()), "kind": f"{CATEGORY}%"}
    for told, first in conn.execute(_FIRSTS, span):
        person = others.get((told, first), told)
        if person in since and since[person] <= first <= until[person]:
            found[person] = found.get(person, 0) + 1
    return found


def steps(
    conn: Connection, since: Mapping[int, int], ordered: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """How often each person looked at pages, and met scenes, from a day of their own to that of their first order.

    Args:
        since: by person, the first day that counts.
        ordered: by person, the day of their order; people who are not in it are left out.
    """
    views: dict[int, int] = dict.fromkeys(ordered, 0)
    met: dict[int, int] = dict.fromkeys(ordered, 0)
    if ordered:
        names = ", ".join(f"'{v}'" for v in (*VIEWS, SHOWN))
        first, last = min(since[p] for p in ordered), max(ordered.values())
        rows = conn.exec_driver_sql(
            "SELECT o.person, a.measure, a.day, a.n FROM activity a JOIN ownership o ON o.id = a.interval_id"
            f" WHERE a.measure IN ({names}) AND a.day BETWEEN {first} AND {last}"
        )
        for person, measure, day, n in rows:
            if person in ordered and since[person] <= day <= ordered[person]:
                into = met if measure == SHOWN else views
                into[person] += n
    return views, met
