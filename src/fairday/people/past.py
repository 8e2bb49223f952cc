"""What was known of people on earlier days, without what came later. For replays; see docs/algorithms/foresight.md.

Day buckets say the past by themselves, since nothing after a day is looked at. Told traits are those of the last
telling up to the day, read from the log where a later one has taken their place; computed traits are computed again
from the buckets up to the day. Who is one person is taken from today: a join made later is seen earlier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, text

from fairday.kernel.audience import Audience, Facts
from fairday.kernel.audience.facts import Buckets
from fairday.kernel.clock import day_start
from fairday.kernel.settings import Settings
from fairday.people.tables import OPEN
from fairday.people.traits import DERIVED
from fairday.people.traits.deriving import Fact, Shop, Sums, profile
from fairday.people.traits.folding import ORDERED, REFUNDED
from fairday.people.traits.records import among, carried, chunks, prefixed
from fairday.people.traits.rfm import Thresholds, cuts
from fairday.people.traits.telling import told_by

CUT_EVERY = 7
"""Days for which the shop's RFM fifths of an earlier day are taken as they were."""

UNREPLAYED = frozenset({"price_level"})
"""Computed traits that need the shop's earlier prices; on earlier days they are unknown."""

_OF_SUMS = ("active:", "bought:brand=", "bought:category=")
_UPTO = (OPEN, OPEN)


class Past:
    """One person's past: asked of days in any order.

    Args:
        tellings: what was told, with the ownership interval, in any order.
        activity: day buckets by measure, as in ``Facts``.
        derives: whether computed traits are asked for; then the buckets they stem from are there.
        fifths: the shop's RFM cuts by the day they hold from, ascending; empty where no score is asked for.
    """

    def __init__(
        self,
        tellings: Sequence[tuple[int, Fact]],
        activity: Mapping[str, Buckets],
        zone: str,
        derives: bool,
        fifths: Sequence[tuple[int, Thresholds]] = (),
    ) -> None:
        self._tellings = sorted(tellings, key=lambda t: t[1].at)
        self._activity = activity
        self._zone = zone
        self._derives = derives
        self._fifths = fifths
        self._days = [day for day, _ in fifths]
        # Scores and ages change from day to day, other traits only with what is told and done.
        self._ages = bool(fifths) or any(f.trait == "birth_date" for _, f in tellings)
        self._done = sorted({d for m, b in activity.items() if _summed(m) for d in b[0]}) if derives else []
        self._kept: tuple[tuple[int, int, int], Facts] | None = None

    def on(self, day: int) -> Facts:
        """What was known of them at the end of a local day; activity after it is there and no predicate looks at it."""
        ends = day_start(day + 1, self._zone) if self._tellings else 0
        known = bisect_right(self._tellings, ends - 1, key=lambda t: t[1].at)
        key = (known, bisect_right(self._done, day), day if self._ages else 0)
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        last: dict[tuple[int, str], Fact] = {}
        for interval, fact in self._tellings[:known]:
            last[interval, fact.trait] = fact
        at = bisect_right(self._days, day)
        shop = Shop(self._zone, day, self._fifths[at - 1][1] if at else None)
        rows = profile(last.values(), self._sums(day) if self._derives else None, shop)
        facts = Facts.of([(f.trait, f.lo, f.hi, f.txt, f.p) for f in rows])
        facts = Facts(facts.told, facts.inferred, self._activity)
        self._kept = (key, facts)
        return facts

    def _sums(self, day: int) -> Sums | None:
        sums, any_ = Sums(), False
        for measure, (days, counts, amounts) in self._activity.items():
            upto = bisect_right(days, day)
            if not upto:
                continue
            if measure == ORDERED:
                sums.orders = {days[i]: counts[i + 1] - counts[i] for i in range(upto)}
                sums.spent = amounts[upto]
            elif measure == REFUNDED:
                sums.refunded = amounts[upto]
            elif measure.startswith(_OF_SUMS):
                sums.totals[measure] = (counts[upto], amounts[upto])
            else:
                continue
            sums.last, any_ = max(sums.last, days[upto - 1]), True
        return sums if any_ else None


def _summed(measure: str) -> bool:
    return measure in (ORDERED, REFUNDED) or measure.startswith(_OF_SUMS)


class Pasts:
    """Loads the past of people, for conditions that will be asked on days ``first`` to ``last``.

    Args:
        conditions: what will be asked; only what they look at is read.
        prefixes: beginnings of further measures to read (``bought:``).
        traits: further traits that will be asked for.
        told_today: take told traits as they are known today, whenever they were told; computed ones stay of their day.
    """

    def __init__(
        self,
        conn: Connection,
        settings: Settings,
        conditions: Sequence[Audience],
        first: int,
        last: int,
        prefixes: Collection[str] = (),
        traits: Collection[str] = (),
        *,
        told_today: bool = False,
    ) -> None:
        self._settings = settings
        self._last, self._told_today = last, told_today
        self.told_later = 0
        """Ids of which something asked for was first told after the last day; counted while loading."""
        self._starts = day_start(first + 1, settings.zone)
        self._ends = day_start(last + 1, settings.zone)
        asked = frozenset(traits).union(*(c.traits for c in conditions))
        self.unknown = asked & UNREPLAYED
        derived = asked & DERIVED.keys() - UNREPLAYED
        self._told = (asked - DERIVED.keys()) | ({"birth_date"} if "age" in asked else set())
        self._derives = bool(derived)
        self._measures = frozenset().union(*(c.measures for c in conditions))
        self._prefixes = tuple(prefixes)
        if derived:
            self._measures |= {ORDERED, REFUNDED}
        if any(name.startswith(("usual_", "favourite_", "preferred_")) for name in derived):
            self._prefixes += tuple(p for p in _OF_SUMS if not p.startswith(tuple(prefixes) or ("\0",)))
        self._fifths: list[tuple[int, Thresholds]] = []
        if any(name.startswith("rfm_") for name in derived):
            self._fifths = fifths(conn, [*range(first, last + 1, CUT_EVERY)])

    def load(self, conn: Connection, persons: Sequence[int]) -> dict[int, Past]:
        """The past of some people."""
        found: dict[int, Past] = {}
        for part in chunks(persons):
            tellings, activity = self._tellings(conn, part), self._activity(conn, part)
            for person in part:
                found[person] = Past(
                    tellings.get(person, ()), activity.get(person, {}), self._settings.zone, self._derives, self._fifths
                )
        return found

    def _activity(self, conn: Connection, persons: Sequence[int]) -> dict[int, dict[str, Buckets]]:
        names = sorted(m for m in self._measures if not m.startswith(self._prefixes or ("\0",)))
        tests = [prefixed(conn, "a.measure", p) for p in self._prefixes]
        listed = {f"m{i}": name for i, name in enumerate(names)}
        if names:
            tests.append(f"a.measure IN ({', '.join(f':{m}' for m in listed)})")
        if not tests:
            return {}
        query = text(
            "SELECT o.person, a.measure, a.day, a.n, a.amount FROM ownership o JOIN activity a ON a.interval_id = o.id"
            f" WHERE o.person IN ({among(persons)}) AND a.day <= {self._last} AND ({' OR '.join(tests)})"
        )
        rows: dict[int, list[tuple[str, int, int, int]]] = {}
        for person, measure, day, n, amount in conn.execute(query, listed):
            rows.setdefault(person, []).append((measure, day, n, amount))
        return {p: dict(Facts.of((), sorted(found)).activity) for p, found in rows.items()}

    def _tellings(self, conn: Connection, persons: Sequence[int]) -> dict[int, list[tuple[int, Fact]]]:
        if not self._told:
            return {}
        wanted = ", ".join(f"'{name}'" for name in sorted(self._told))  # declared names: small letters and _
        found: dict[int, list[tuple[int, Fact]]] = {}
        later: dict[tuple[int, int], tuple[int, int, int]] = {}
        rows = conn.exec_driver_sql(
            "SELECT o.person, o.id, o.identifier, o.from_at, o.until_at, t.trait, t.lo, t.hi, t.txt, t.at, t.source,"
            f" t.p FROM ownership o JOIN told t ON t.interval_id = o.id WHERE o.person IN ({among(persons)})"
            f" AND t.trait IN ({wanted}) ORDER BY o.id, t.trait"
        )
        for person, interval, identifier, from_at, until_at, *fact in rows:
            kept = Fact(*fact)
            if self._told_today:
                found.setdefault(person, []).append((interval, kept._replace(at=min(kept.at, self._starts - 1))))
            elif kept.at < self._starts:
                found.setdefault(person, []).append((interval, kept))
            else:
                later[person, interval] = (identifier, from_at, until_at)
        for (person, interval), (identifier, from_at, until_at) in later.items():
            # Something was told after the first day: what stood before it is only in the log. A telling of an interval
            # that is early enough comes twice, and is the same.
            mine = found.setdefault(person, [])
            known_before = len(mine)
            for h in carried(conn, identifier, from_at, min(until_at, self._ends), _UPTO, telling=True):
                mine += [
                    (interval, Fact(trait, known.lo, known.hi, known.txt, h.at, h.source))
                    for trait, known in told_by(h, self._settings.currency).items()
                    if trait in self._told
                ]
            self.told_later += len(mine) == known_before
        return found


def fifths(conn: Connection, days: Sequence[int]) -> list[tuple[int, Thresholds]]:
    """The shop's RFM cuts as they would have been made on some days (ascending), by day."""
    query = text(
        "SELECT o.person, a.measure, a.day, a.n, a.amount FROM activity a JOIN ownership o ON o.id = a.interval_id"
        " WHERE a.measure IN (:ordered, :refunded) AND a.day <= :last ORDER BY a.day"
    )
    rows = conn.execute(query, {"ordered": ORDERED, "refunded": REFUNDED, "last": max(days, default=0)})
    buyers: dict[int, list[int]] = {}
    found: list[tuple[int, Thresholds]] = []
    waiting = list(days)

    def cut(day: int) -> None:
        real = [b for b in buyers.values() if b[1] > 0]
        if real:
            made = [cuts(max(0, day - b[0]) for b in real), cuts(b[1] for b in real), cuts(b[2] for b in real)]
            found.append((day, Thresholds(*made)))

    for person, measure, day, n, amount in rows:
        while waiting and day > waiting[0]:
            cut(waiting.pop(0))
        buyer = buyers.setdefault(person, [0, 0, 0])
        if measure == ORDERED:
            buyer[0] = max(buyer[0], day) if n > 0 else buyer[0]
            buyer[1] += n
            buyer[2] += amount
        else:
            buyer[2] -= amount
    for day in waiting:
        cut(day)
    return found


__all__ = ["Past", "Pasts", "fifths"]
