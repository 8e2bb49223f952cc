"""RFM: the ten segments of buyers, what they spent in the period, and over their life."""

from __future__ import annotations

import msgspec
import numpy as np
from sqlalchemy import Connection

from fairday.insight.asked import Asked
from fairday.insight.trade import trade
from fairday.kernel.settings import Settings
from fairday.people.traits import SEGMENTS


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as it stands today.

    Attributes:
        name: one of ``fairday.people.traits.SEGMENTS``.
        people: how many are in it.
        bought: how many of them ordered in the period.
        net: what they spent in the period, minor units.
        life: what they spent in all.
    """

    name: str
    people: int
    bought: int
    net: int
    life: int


def rfm(conn: Connection, settings: Settings, asked: Asked, now: int) -> list[Segment]:
    """The section: segments that hold anybody, best first; empty before the first midnight after orders came in."""
    rows = conn.exec_driver_sql(
        "SELECT s.person, s.txt, t.lo FROM profile s JOIN profile t ON t.person = s.person AND t.trait = 'spend_total'"
        " WHERE s.trait = 'rfm_segment' ORDER BY s.person"
    ).fetchall()
    if not rows:
        return []
    person = np.array([r[0] for r in rows], dtype=np.int64)
    kind = np.array([SEGMENTS.index(r[1]) for r in rows])
    life = np.array([r[2] or 0 for r in rows], dtype=np.int64)
    traded = trade(conn, asked.first, asked.last)
    place = np.minimum(np.searchsorted(person, traded.person), len(person) - 1)
    scored = person[place] == traded.person
    net = np.zeros(len(person), dtype=np.int64)
    np.add.at(net, place[scored], traded.net[scored])
    bought = np.zeros(len(person), dtype=bool)
    bought[place[scored & (traded.orders > 0)]] = True
    return [
        Segment(
            name=name, people=int(mine.sum()), bought=int(bought[mine].sum()), net=int(net[mine].sum()),
            life=int(life[mine].sum()),
        )
        for i, name in enumerate(SEGMENTS)
        if (mine := kind == i).any()
    ]  # fmt: skip
