"""The follower "traits": folds happenings into day buckets and told values, then writes the profiles they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Table, select

from fairday.kernel.clock import local_day
from fairday.kernel.settings import Settings
from fairday.people.tables import OPEN, activity, profile, told
from fairday.people.traits import records, totals
from fairday.people.traits.deriving import Fact
from fairday.people.traits.deriving import profile as derive
from fairday.people.traits.folding import buckets, is_trigger
from fairday.people.traits.records import Buckets, Told
from fairday.people.traits.tables import stale
from fairday.people.traits.telling import told_by
from fairday.storage.followers import Source, cursors
from fairday.storage.log import Happening

BULK = 2_000
"""Rows of a slice from which a first reading of the log does without the index until its end."""


class Traits:
    """Reads behind identity; see docs/algorithms/traits.md.

    Args:
        settings: gives the shop's settings of the moment. A changed zone or currency asks for a rebuild.
    """

    name = "traits"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)
    tables: tuple[Table, ...] = (activity, told, profile, stale, *totals.TABLES)

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        """Take a slice of the log. Profiles wait until identity's place is reached, so bulk writes each one once."""
        settings = self._settings()
        first, last = min(h.pos for h in rows), max(h.pos for h in rows)
        owned = records.intervals_of(conn, first, last)
        counted: Buckets = {}
        said: Told = {}
        touched: set[int] = set()
        for h in rows:
            owner = owned.get(h.pos)
            if owner is not None and is_trigger(h):
                touched.add(owner[1])
                fold(h, owner[0], settings, counted)
                _hear(h, owner[0], settings.currency, said)
        if len(rows) >= BULK:
            records.drop_window_index(conn)
        records.add(conn, counted)
        records.tell(conn, said)
        upto = (rows[-1].xid, rows[-1].pos)
        for identifier, cut in records.cut(conn, first, last, settings.zone).items():
            recount(conn, identifier, cut, upto, settings)
        records.mark(conn, touched | records.moved(conn, first, last))
        if caught_up(conn, self.after[0], upto):
            self.settle(conn, now, len(rows))

    def settle(self, conn: Connection, now: int, limit: int) -> int:
        """Write the profiles of at most ``limit`` people that wait for it; how many."""
        records.make_window_index(conn)
        if totals.missing(conn):
            totals.refill(conn)
        persons = records.take_stale(conn, limit)
        if persons:
            shop = records.shop_of(conn, self._settings().zone, now)
            for part in records.chunks(persons):
                known, sums = records.told_of(conn, part), records.sums_of(conn, part)
                records.save_profiles(conn, {p: derive(known.get(p, ()), sums.get(p), shop) for p in part})
        return len(persons)

    def waiting(self, conn: Connection) -> bool:
        """Whether anybody's profile waits to be written, or the shop's sums."""
        return conn.execute(select(stale.c.person).limit(1)).first() is not None or totals.missing(conn)


def fold(h: Happening, interval: int, settings: Settings, into: Buckets) -> None:
    """Add a happening to an interval's buckets."""
    day = local_day(h.at, settings.zone)
    own = into.setdefault(interval, {})
    for measure, n, amount in buckets(h, settings.currency, settings.zone):
        cell = own.get((measure, day))
        if cell is None:
            own[measure, day] = [n, amount]
        else:
            cell[0] += n
            cell[1] += amount


def _hear(h: Happening, interval: int, currency: str, into: Told) -> None:
    if h.kind != "identify" and "context" not in h.body:
        return
    for trait, value in told_by(h, currency).items():
        other = into.get((interval, trait))
        if other is None or h.at >= other.at:
            into[interval, trait] = Fact(trait, value.lo, value.hi, value.txt, h.at, h.source)


def recount(conn: Connection, identifier: int, cut: records.Cut, upto: tuple[int, int], settings: Settings) -> None:
    """Count the days of an identifier again whose stretches went to other intervals, up to a place of the log."""
    held = records.intervals(conn, identifier)
    every = cut.intervals | {interval for interval, *_ in held}
    counted: Buckets = {}
    for days in records.joined(cut.days):
        records.forget_days(conn, every, days)
        from_at, until_at = records.instants(days, settings.zone)
        for h in records.carried(conn, identifier, from_at, until_at, upto, telling=False):
            owner = next((i for i, _, a, b in held if a <= h.at < b), None)
            if owner is not None:
                fold(h, owner, settings, counted)
    records.add(conn, counted)
    spans = [records.instants(days, settings.zone) for days in records.joined(cut.days)]
    meets = {i for i, _, a, b in held if any(a < until and from_ < b for from_, until in spans)}
    if records.forget_told(conn, cut.intervals | meets):
        said: Told = {}
        for interval, _, a, b in held:
            if interval in meets:
                for h in records.carried(conn, identifier, max(a, -OPEN), min(b, OPEN), upto, telling=True):
                    _hear(h, interval, settings.currency, said)
        records.tell(conn, said)


def caught_up(conn: Connection, name: str, place: tuple[int, int]) -> bool:
    """Whether a place of the log is as far as the follower of that name has come (or it has never run)."""
    found = conn.execute(select(cursors.c.xid, cursors.c.pos).where(cursors.c.name == name)).one_or_none()
    return found is None or (found[0], found[1]) <= place
