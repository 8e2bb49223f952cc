"""A shop's own patterns, as of a day: what sells, what rises, what is bought again, how long regulars stay away."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import msgspec
from sqlalchemy import Connection, text

from fairday.kernel.settings import Settings
from fairday.people.traits.totals import CATEGORY as PREFIX
from fairday.playbooks import Known

SOLD_DAYS = 90
RISING_DAYS = 28
FEWEST = 10
"""People below which a pattern is chance."""
AGAIN_LOOKED = 8
"""Of the best sold categories, how many are looked at for how soon they are bought again."""
SOONEST, LATEST = 10, 120
"""Days between two purchases of a category that make a reminder worth sending."""
CLEARLY = 3.0
"""Standard deviations of a count beyond which a rise is no chance."""
LONGEST_WORD = 120


class Rising(msgspec.Struct, frozen=True):
    """A category of which more was sold in the last ``RISING_DAYS`` days than in as many before: pieces."""

    category: str
    before: int
    now: int


class Again(msgspec.Struct, frozen=True):
    """A category that is bought again after ``usual`` days (the median), and how many have waited longer."""

    category: str
    usual: int
    due: int


def usable(category: str) -> bool:
    """Whether a category can stand in a condition and on a page."""
    return 0 < len(category) <= LONGEST_WORD and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in category)


def sold(conn: Connection, first: int, last: int) -> dict[str, int]:
    """How many pieces of each category the shop sold on some days."""
    query = text(
        "SELECT measure, SUM(n) FROM tally WHERE measure >= :from AND measure < :upto AND day BETWEEN :first AND :last"
        " GROUP BY measure"
    )
    if conn.dialect.name == "postgresql":  # whose order is a locale's
        query = text(
            "SELECT measure, SUM(n) FROM tally WHERE starts_with(measure, :from) AND :upto <> ''"
            " AND day BETWEEN :first AND :last GROUP BY measure"
        )
    asked = {"from": PREFIX, "upto": PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1), "first": first, "last": last}
    rows = conn.execute(query, asked)
    return {c: int(n) for measure, n in rows if n > 0 and usable(c := measure[len(PREFIX) :])}


def categories(conn: Connection, today: int) -> tuple[str, ...]:
    """The categories of the catalogue, the best sold of the last ``SOLD_DAYS`` days first, then by name."""
    listed = conn.execute(text("SELECT DISTINCT category FROM products WHERE category IS NOT NULL")).scalars()
    bought = sold(conn, today - SOLD_DAYS, today - 1)
    return tuple(sorted({c for c in listed if usable(c)}, key=lambda c: (-bought.get(c, 0), c)))


def rising(conn: Connection, today: int, among: Sequence[str]) -> Rising | None:
    """The category that rose most beyond the shop's own growth: by a fifth at least, and clearly more than chance."""
    now = sold(conn, today - RISING_DAYS, today - 1)
    before = sold(conn, today - 2 * RISING_DAYS, today - RISING_DAYS - 1)
    all_now, all_before = sum(now.values()), sum(before.values())
    if not all_before:
        return None
    growth = all_now / all_before
    best: tuple[float, str] | None = None
    for category in among:
        had, has = before.get(category, 0), now.get(category, 0)
        usual = max(had * growth, 1.0)
        if has < 2 * FEWEST or has < 1.2 * usual:
            continue
        score = (has - usual) / (usual + has) ** 0.5
        if score > CLEARLY and (best is None or (-score, category) < (-best[0], best[1])):
            best = (score, category)
    return None if best is None else Rising(best[1], before.get(best[1], 0), now[best[1]])


def again(conn: Connection, today: int, among: Sequence[str]) -> Again | None:
    """Of the best sold categories the one most people are due to buy again."""
    best: Again | None = None
    for category in among[:AGAIN_LOOKED]:
        query = text(
            "SELECT o.person, a.day FROM activity a JOIN ownership o ON o.id = a.interval_id"
            " WHERE a.measure = :m AND a.day BETWEEN :first AND :last AND a.n > 0 ORDER BY o.person, a.day"
        )
        gaps: list[int] = []
        lasts: dict[int, int] = {}
        for person, day in conn.execute(query, {"m": PREFIX + category, "first": today - 365, "last": today - 1}):
            if person in lasts and day > lasts[person]:
                gaps.append(day - lasts[person])
            lasts[person] = day
        if len(gaps) < FEWEST:
            continue
        usual = round(median(gaps))
        due = sum(usual < today - day <= 3 * usual for day in lasts.values())
        if SOONEST <= usual <= LATEST and due >= FEWEST and (best is None or due > best.due):
            best = Again(category, usual, due)
    return best


def lapse(conn: Connection, today: int) -> int | None:
    """Days after which nine of ten orders of regulars (four or more in a year) had been followed by the next."""
    query = text(
        "SELECT DISTINCT o.person, s.day FROM sales s JOIN ownership o ON o.id = s.interval_id"
        " WHERE s.day BETWEEN :first AND :last AND s.orders > 0 ORDER BY o.person, s.day"
    )
    found: dict[int, list[int]] = {}
    for person, day in conn.execute(query, {"first": today - 365, "last": today - 1}):
        found.setdefault(person, []).append(day)
    gaps = sorted(b - a for days in found.values() if len(days) >= 4 for a, b in pairwise(days) if b > a)
    return max(14, gaps[len(gaps) * 9 // 10]) if len(gaps) >= FEWEST else None


def before_festival(conn: Connection, last_year: int, among: Sequence[str]) -> tuple[str, ...]:
    """Categories by how much better than in the month before they sold in the three weeks up to a day last year."""
    then, year = sold(conn, last_year - 21, last_year), sold(conn, last_year - 49, last_year - 22)
    ranked = [
        (-(then[c] - year.get(c, 0) * 22 / 28) / (then[c] + 1) ** 0.5, c)
        for c in among
        if then.get(c, 0) >= FEWEST and then[c] > year.get(c, 0) * 22 / 28
    ]
    return tuple(c for _, c in sorted(ranked))


def known(conn: Connection, settings: Settings, today: int) -> Known:
    """What fills a playbook's blanks for this shop, before any pattern is looked for."""
    abroad = settings.border.countries
    return Known(
        categories=categories(conn, today), currency=settings.currency, today=today, abroad=abroad[0] if abroad else ""
    )


__all__ = ["Again", "Rising", "again", "before_festival", "categories", "known", "lapse", "rising", "sold"]
