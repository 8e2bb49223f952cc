"""What traits read and write: intervals of happenings, buckets, told values, profiles, thresholds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, text

from fairday.kernel import jsons
from fairday.kernel.clock import day_start, local_day
from fairday.people.tables import OPEN, activity, ownership, profile, told
from fairday.people.traits import totals
from fairday.people.traits.deriving import Fact, Shop, Sums
from fairday.people.traits.folding import ORDERED, REFUNDED
from fairday.people.traits.rfm import Thresholds
from fairday.people.traits.tables import stale, thresholds
from fairday.storage.bulk import insert_rows, overwrite
from fairday.storage.log import Happening, happening

CHUNK = 500

MOST_N, MOST_AMOUNT = 10**12, 10**15
"""What a bucket holds at most, either way: whoever sends endless orders must not overflow the sums over buckets."""


def _add(least: str, greatest: str) -> str:
    def within(column: str, most: int) -> str:
        return f"{column} = {least}({most}, {greatest}(-{most}, activity.{column} + excluded.{column}))"

    sums = f"{within('n', MOST_N)}, {within('amount', MOST_AMOUNT)}"
    return f"ON CONFLICT (interval_id, measure, day) DO UPDATE SET {sums}"


_ADD = {"sqlite": _add("min", "max"), "postgresql": _add("least", "greatest")}
_LATER = (
    "ON CONFLICT (interval_id, trait) DO UPDATE SET lo = excluded.lo, hi = excluded.hi, txt = excluded.txt, "
    "at = excluded.at, source = excluded.source, p = excluded.p WHERE excluded.at >= told.at"
)

Buckets = dict[int, dict[tuple[str, int], list[int]]]
"""interval → (measure, day) → [n, amount]."""
Told = dict[tuple[int, str], Fact]
"""(interval, trait) → what was told last."""


def intervals_of(conn: Connection, first: int, last: int) -> dict[int, tuple[int, int]]:
    """By position, the (interval, person) a happening belongs to, for positions first..last; nobody's are left out."""
    rows = conn.exec_driver_sql(
        "SELECT t.pos, o.id, o.person FROM timeline t JOIN ownership o ON o.identifier = t.identifier"
        f" AND o.from_at <= t.at AND o.until_at > t.at WHERE t.pos BETWEEN {int(first)} AND {int(last)}"
    )
    return {pos: (interval, person) for pos, interval, person in rows}


def moved(conn: Connection, first: int, last: int) -> set[int]:
    """People whose intervals changed by the happenings at positions first..last."""
    query = text("SELECT DISTINCT person FROM identity_moves WHERE pos BETWEEN :a AND :b")
    return set(conn.execute(query, {"a": first, "b": last}).scalars())


class Cut:
    """What was cut of one identifier: days to count again, and the intervals that had or have them."""

    def __init__(self) -> None:
        self.days: list[tuple[int | None, int | None]] = []
        self.intervals: set[int] = set()


def cut(conn: Connection, first: int, last: int, zone: str) -> dict[int, Cut]:
    """By identifier, what was cut by the happenings at positions first..last."""
    query = text("SELECT identifier, from_at, until_at, was, now FROM identity_cuts WHERE pos BETWEEN :a AND :b")
    found: dict[int, Cut] = {}
    for identifier, from_at, until_at, was, now in conn.execute(query, {"a": first, "b": last}):
        one = found.setdefault(identifier, Cut())
        one.days.append(
            (
                None if from_at <= -OPEN else local_day(from_at, zone),
                None if until_at >= OPEN else local_day(until_at - 1, zone),
            )
        )
        one.intervals |= {i for i in (was, now) if i is not None}
    return found


def joined(days: Iterable[tuple[int | None, int | None]]) -> list[tuple[int | None, int | None]]:
    """Spans of days (an open end is None) as the fewest spans that do not share a day."""
    result: list[tuple[int | None, int | None]] = []
    for lo, hi in sorted(days, key=lambda d: -(10**9) if d[0] is None else d[0]):
        if result:
            last_lo, last_hi = result[-1]
            if last_hi is None or lo is None or lo <= last_hi + 1:
                result[-1] = (last_lo, None if last_hi is None or hi is None else max(last_hi, hi))
                continue
        result.append((lo, hi))
    return result


def intervals(conn: Connection, identifier: int) -> list[tuple[int, int, int, int]]:
    """An identifier's (interval, person, from, until)."""
    o = ownership.c
    rows = conn.execute(select(o.id, o.person, o.from_at, o.until_at).where(o.identifier == identifier))
    return [(a, b, c, d) for a, b, c, d in rows]


def carried(
    conn: Connection, identifier: int, from_at: int, until_at: int, upto: tuple[int, int], telling: bool
) -> list[Happening]:
    """The happenings an identifier carries with ``at`` in [from, until) up to a place of the log, by time.

    Args:
        telling: only those that may tell a trait.
    """
    only = " AND (h.kind = 'identify' OR h.body LIKE '%\"context\"%')" if telling else ""
    query = text(
        "SELECT h.* FROM timeline t JOIN happenings h ON h.pos = t.pos WHERE t.identifier = :i AND t.at >= :a"
        f" AND t.at < :b AND (h.xid, h.pos) <= (:x, :p){only} ORDER BY t.at, h.xid, h.pos"
    )
    given = {"i": identifier, "a": from_at, "b": until_at, "x": upto[0], "p": upto[1]}
    return [happening(row) for row in conn.execute(query, given).mappings()]


def instants(days: tuple[int | None, int | None], zone: str) -> tuple[int, int]:
    """A span of days as instants [from, until)."""
    lo, hi = days
    return (-OPEN if lo is None else day_start(lo, zone), OPEN if hi is None else day_start(hi + 1, zone))


def forget_days(conn: Connection, among: Collection[int], days: tuple[int | None, int | None]) -> None:
    """Delete the buckets of intervals in a span of days."""
    totals.withdraw(conn, among, days)
    statement = delete(activity).where(activity.c.interval_id.in_(sorted(among)))
    if days[0] is not None:
        statement = statement.where(activity.c.day >= days[0])
    if days[1] is not None:
        statement = statement.where(activity.c.day <= days[1])
    conn.execute(statement)


def forget_told(conn: Connection, among: Collection[int]) -> bool:
    """Delete what was told in intervals; whether there was any."""
    return conn.execute(delete(told).where(told.c.interval_id.in_(sorted(among)))).rowcount > 0


def add(conn: Connection, buckets: Buckets) -> None:
    """Add buckets to those that are there. In the order of the key: neighbours share pages."""
    rows = [
        (i, measure, day, max(-MOST_N, min(MOST_N, n)), max(-MOST_AMOUNT, min(MOST_AMOUNT, amount)))
        for i, own in sorted(buckets.items())
        for measure, day in sorted(own)
        for n, amount in (own[measure, day],)
    ]
    insert_rows(conn, activity, ("interval_id", "measure", "day", "n", "amount"), rows, _ADD[conn.dialect.name])
    totals.add(conn, rows)


def drop_window_index(conn: Connection) -> None:
    """On SQLite, do without the index over windows while the table is filled from empty: sorted once it is quicker."""
    if conn.dialect.name == "sqlite" and conn.execute(select(activity.c.day).limit(1)).first() is None:
        conn.exec_driver_sql("DROP INDEX IF EXISTS activity_window")


def make_window_index(conn: Connection) -> None:
    """Make that index where it is missing."""
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("CREATE INDEX IF NOT EXISTS activity_window ON activity (measure, day)")


def tell(conn: Connection, said: Told) -> None:
    """Keep what was told where nothing later is."""
    rows = [(i, t, f.lo, f.hi, f.txt, f.at, f.source, f.p) for (i, t), f in sorted(said.items())]
    insert_rows(conn, told, ("interval_id", "trait", "lo", "hi", "txt", "at", "source", "p"), rows, _LATER)


def mark(conn: Connection, persons: Iterable[int]) -> None:
    """Note people whose profile is to be written."""
    insert_rows(conn, stale, ("person",), [(p,) for p in sorted(persons)], "ON CONFLICT (person) DO NOTHING")


def take_stale(conn: Connection, limit: int) -> list[int]:
    """Take at most ``limit`` noted people off the list."""
    found = list(conn.execute(select(stale.c.person).order_by(stale.c.person).limit(limit)).scalars())
    for part in chunks(found):
        conn.execute(delete(stale).where(stale.c.person.in_(part)))
    return found


def chunks(persons: Sequence[int], size: int = CHUNK) -> list[Sequence[int]]:
    """The people in parts of at most ``size``."""
    return [persons[i : i + size] for i in range(0, len(persons), size)]


def among(persons: Iterable[int]) -> str:
    """Person numbers as an SQL list; they are ours and whole, so they need no binding."""
    return ", ".join(str(int(p)) for p in persons) or "NULL"


def prefixed(conn: Connection, column: str, prefix: str) -> str:
    """SQL of a column beginning with a plain prefix: a range on SQLite; PostgreSQL's order is a locale's."""
    if conn.dialect.name == "sqlite":
        return f"{column} >= '{prefix}' AND {column} < '{prefix[:-1]}{chr(ord(prefix[-1]) + 1)}'"
    return f"starts_with({column}, '{prefix}')"


def sums_of(conn: Connection, persons: Sequence[int]) -> dict[int, Sums]:
    """What people's buckets sum to; somebody without any is left out."""
    found: dict[int, Sums] = {}
    owned = conn.exec_driver_sql(f"SELECT id, person FROM ownership WHERE person IN ({among(persons)})")
    owner: dict[int, int] = {interval: person for interval, person in owned}
    # By interval, as the table is ordered: nothing is sorted on the way, and a person's few intervals add up here.
    base = f"FROM activity WHERE interval_id IN ({among(owner)}) AND"
    ordered = conn.exec_driver_sql(
        f"SELECT interval_id, measure, day, n, amount {base} measure IN ('{ORDERED}', '{REFUNDED}')"
    )
    for interval, measure, day, n, amount in ordered:
        mine = found.setdefault(owner[interval], Sums())
        if measure == ORDERED:
            mine.orders[day] = mine.orders.get(day, 0) + n
            mine.spent += amount
        else:
            mine.refunded += amount
        mine.last = max(mine.last, day)
    for prefix in ("active:", "bought:brand=", "bought:category="):
        rows = conn.exec_driver_sql(
            f"SELECT interval_id, measure, SUM(n), SUM(amount), MAX(day) {base}"
            f" {prefixed(conn, 'measure', prefix)} GROUP BY interval_id, measure"
        )
        for interval, measure, n, amount, last in rows:
            mine = found.setdefault(owner[interval], Sums())
            before = mine.totals.get(measure, (0, 0))
            mine.totals[measure] = (before[0] + int(n), before[1] + int(amount))
            mine.last = max(mine.last, last)
    return found


def told_of(conn: Connection, persons: Sequence[int]) -> dict[int, list[Fact]]:
    """What was told of people, from all their intervals in the order of their numbers."""
    found: dict[int, list[Fact]] = {}
    rows = conn.exec_driver_sql(
        "SELECT o.person, t.trait, t.lo, t.hi, t.txt, t.at, t.source, t.p FROM ownership o"
        f" JOIN told t ON t.interval_id = o.id WHERE o.person IN ({among(persons)}) ORDER BY o.id, t.trait"
    )
    for person, *fact in rows:
        found.setdefault(person, []).append(Fact(*fact))
    return found


def save_profiles(conn: Connection, facts: Mapping[int, Iterable[Fact]]) -> None:
    """Write people's profiles anew; somebody without facts has none afterwards."""
    conn.exec_driver_sql(f"DELETE FROM profile WHERE person IN ({among(facts)})")
    rows = [(person, *fact) for person, found in facts.items() for fact in found]
    insert_rows(conn, profile, _PROFILE, rows)


def save_facts(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write single facts (person, trait, lo, hi, txt, at, source, p) over what was there."""
    insert_rows(conn, profile, _PROFILE, rows, overwrite(profile, _PROFILE))


_PROFILE = ("person", "trait", "lo", "hi", "txt", "at", "source", "p")


def load_thresholds(conn: Connection) -> tuple[Thresholds | None, dict[str, tuple[int, ...]]]:
    """The quintiles of RFM (None before they were computed) and the price cuts by category."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for name, of, listed in conn.execute(select(thresholds.c.name, thresholds.c.of, thresholds.c.cuts)):
        found[name, of] = tuple(jsons.loads(listed))
    parts = [cuts for of in ("recency", "frequency", "monetary") if (cuts := found.get(("rfm", of)))]
    rfm = Thresholds(*parts) if len(parts) == 3 else None
    return rfm, {of: listed for (name, of), listed in found.items() if name == "price"}


def shop_of(conn: Connection, zone: str, now: int) -> Shop:
    """What profiles depend on at the instant ``now``."""
    rfm, prices = load_thresholds(conn)
    return Shop(zone, local_day(now, zone), rfm, prices)
