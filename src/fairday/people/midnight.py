"""What a new local day of the shop changes without any happening: windows, ages, RFM, quintiles and price thirds.

The job runs once a local day, catches up after being off, and may be run again at any point of it without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Integer, String, Table, delete, func, select, update

from fairday.kernel import jsons
from fairday.kernel.audience import yearly_day
from fairday.kernel.clock import local_day, to_date
from fairday.kernel.settings import Settings
from fairday.people.audiences import audiences
from fairday.people.tables import profile
from fairday.people.traits import records
from fairday.people.traits.deriving import scored
from fairday.people.traits.rfm import cuts
from fairday.people.traits.tables import thresholds
from fairday.storage.bulk import insert_rows
from fairday.storage.database import Database, alone, col, insert, metadata

days = Table(
    "local_days",
    metadata,
    col("job", String(32), primary_key=True, personal=False),
    col("day", Integer, nullable=False, personal=False),
)
"""The local day each daily job has finished last."""

JOB = "people"
SLICE = 5_000
PRICES_EVERY = 7
"""Days after which prices are cut into thirds anew."""
COMPARED = 5
"""People whose prices paid in a category make its thirds worth cutting."""
SAMPLE = 100_000
"""People whose prices are looked at, at most: every k-th by number."""


def run(db: Database, settings: Settings, now: int, *, force: bool = False) -> bool:
    """Do what a new day asks for, if it has begun since the last run; whether there was anything to do.

    Thresholds are computed anew, RFM scores moved, birthdays counted, and every kept audience is due to be looked at as
    a whole, which the follower "membership" does next.

    Args:
        force: do it all although today's run is over.
    """
    today = local_day(now, settings.zone)
    with db.read() as conn:
        last = conn.execute(select(days.c.day).where(days.c.job == JOB)).scalar()
    if last is not None and last >= today and not force:
        return False
    # One process at a time does a part of it; what another has done already is done once more and changes nothing.
    with db.write() as conn:
        alone(conn, "midnight")
        if not force and (conn.execute(select(days.c.day).where(days.c.job == JOB)).scalar() or 0) >= today:
            return False
        refresh_thresholds(conn, today, force)
        _birthdays(conn, today if last is None else min(last, today), today)
    after: int | None = -(1 << 62)
    while after is not None:
        with db.write() as conn:
            alone(conn, "midnight")
            after = _score(conn, settings, now, after)
    with db.write() as conn:
        conn.execute(update(audiences).values(due=1))
        statement = insert(conn, days).values(job=JOB, day=today)
        conn.execute(statement.on_conflict_do_update(index_elements=["job"], set_={"day": today}))
    return True


class Midnight:
    """Asks, as often as it is called, whether a new local day has begun; cheap until it has."""

    def __init__(self, db: Database, settings: Callable[[], Settings]) -> None:
        self._db = db
        self._settings = settings
        self._done: tuple[str, int] | None = None

    def tick(self, now: int) -> bool:
        """Run the job if its day has come; whether it ran."""
        settings = self._settings()
        day = (settings.zone, local_day(now, settings.zone))
        if self._done == day:
            return False
        ran = run(self._db, settings, now)
        self._done = day
        return ran


def refresh_thresholds(conn: Connection, today: int, force: bool = False) -> None:
    """Cut the shop's buyers into fifths by recency, orders and money; once a week its categories' prices into thirds.

    Where prices were cut anew, the profiles of everyone who bought in a category are written again.
    """
    found: list[tuple[str, str, Sequence[int]]] = []
    values: dict[str, list[int]] = {"last_order_day": [], "order_count": [], "spend_total": []}
    p = profile.c
    for trait, lo in conn.execute(select(p.trait, p.lo).where(p.trait.in_(values))):
        values[trait].append(lo)
    if values["order_count"]:
        found.append(("rfm", "recency", cuts(max(0, today - day) for day in values["last_order_day"])))
        found.append(("rfm", "frequency", cuts(values["order_count"])))
        found.append(("rfm", "monetary", cuts(values["spend_total"])))
    t = thresholds.c
    conn.execute(delete(thresholds).where(t.name == "rfm"))
    cut_on = conn.execute(select(func.min(t.day)).where(t.name == "price")).scalar()
    if force or cut_on is None or cut_on <= today - PRICES_EVERY:
        conn.execute(delete(thresholds).where(t.name == "price"))
        found += [("price", c, thirds) for c, thirds in _price_thirds(conn, len(values["order_count"])).items()]
        records.mark(conn, conn.execute(select(p.person).where(p.trait == "favourite_category")).scalars())
    rows = [(name, of, jsons.dumps(list(c)), today) for name, of, c in found]
    insert_rows(conn, thresholds, ("name", "of", "cuts", "day"), rows)


def _price_thirds(conn: Connection, buyers: int) -> dict[str, tuple[int, ...]]:
    prefix = "bought:category="
    some = f" AND ABS(o.person) % {buyers // SAMPLE + 1} = 0" if buyers > SAMPLE else ""
    # CROSS JOIN has SQLite go by interval, as the table is ordered, so that nothing is sorted on the way.
    rows = conn.exec_driver_sql(
        "SELECT o.person, a.measure, SUM(a.n), SUM(a.amount) FROM ownership o CROSS JOIN activity a"
        f" WHERE o.id = a.interval_id AND {records.prefixed(conn, 'a.measure', prefix)}{some} GROUP BY o.id, a.measure"
    )
    bought: dict[tuple[int, str], tuple[int, int]] = {}
    for person, measure, n, amount in rows:
        before = bought.get((person, measure), (0, 0))
        bought[person, measure] = (before[0] + int(n), before[1] + int(amount))
    paid: dict[str, list[int]] = {}
    for (_, measure), (n, amount) in bought.items():
        if n > 0 and amount > 0:
            paid.setdefault(measure[len(prefix) :], []).append(amount // n)
    return {category: cuts(prices, 3) for category, prices in paid.items() if len(prices) >= COMPARED}


def _birthdays(conn: Connection, last: int, today: int) -> None:
    """Have the profiles written again of whose age may have changed."""
    p = profile.c
    span = [to_date(day) for day in range(max(last, today - 366), today + 1)]
    places = sorted({yearly_day(d.month, d.day) for d in span})
    # Who was born on 29 February is a year older on 1 March.
    if any((d.month, d.day) == (3, 1) for d in span):
        places.append(yearly_day(2, 29))
    records.mark(conn, conn.execute(select(p.person).where(p.trait == "birthday", p.lo.in_(places))).scalars())


def _score(conn: Connection, settings: Settings, now: int, after: int) -> int | None:
    """Move the RFM traits of the next buyers by number; the last one looked at, None when there are no more."""
    p = profile.c
    some = list(
        conn.execute(
            select(p.person).where(p.trait == "order_count", p.person > after).order_by(p.person).limit(SLICE)
        ).scalars()
    )
    if not some:
        return None
    shop = records.shop_of(conn, settings.zone, now)
    known: dict[int, dict[str, tuple[int | None, str | None, int]]] = {}
    wanted = (
        "last_order_day",
        "order_count",
        "spend_total",
        "rfm_recency",
        "rfm_frequency",
        "rfm_monetary",
        "rfm_segment",
    )
    for part in records.chunks(some):
        query = select(p.person, p.trait, p.lo, p.txt, p.at).where(p.person.in_(part), p.trait.in_(wanted))
        for person, trait, lo, txt, at in conn.execute(query):
            known.setdefault(person, {})[trait] = (lo, txt, at)
    changed = []
    for person, has in known.items():
        (last, _, at), (count, *_), (spent, *_) = (has[t] for t in wanted[:3])
        assert last is not None
        assert count is not None
        assert spent is not None
        for fact in scored(last, count, spent, at, shop):
            if has.get(fact.trait, (None, None, 0))[:2] != (fact.lo, fact.txt):
                changed.append((person, *fact))
    records.save_facts(conn, changed)
    return int(some[-1])
