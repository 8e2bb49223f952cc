"""The follower "touches": every way in that the log tells of, and every order, small enough to read for a report.

Rows hang on their place in the log. Whose they are is asked of identity when they are read, so that joining and
splitting people moves nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Index, Integer, String, Table, select

from fairday.insight.channels import MAX_WORD, host_of, touch_by
from fairday.kernel.settings import Settings
from fairday.people.traits.folding import CANCELLED, ORDERED, REFUNDED, UPDATED, amount_of, buckets, clean
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata
from fairday.storage.followers import Source
from fairday.storage.log import OURS, Happening, happening, happenings
from fairday.trade.placers import ENTERED, PLACED_IN

SIMULATED = "simulated"
"""The source of happenings that a simulation wrote."""

MAX_NUMBER = 100

touches = Table(
    "touches",
    metadata,
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("at", BigInteger, nullable=False, personal=False),
    col("channel", String(16), nullable=False, personal=False),
    col("source", String(MAX_WORD), nullable=False, personal=True),
    col("campaign", String(MAX_WORD), nullable=False, personal=True),
    col("simulated", Boolean, nullable=False, personal=False),
    Index("touches_at", "at"),
)
"""A way in: the happening (``pos``, ``at`` ms), its channel, source and campaign (``fairday.insight.channels``)."""

purchases = Table(
    "purchases",
    metadata,
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("at", BigInteger, nullable=False, personal=False),
    col("number", String(MAX_NUMBER), nullable=False, personal=True),
    col("n", Integer, nullable=False, personal=False),
    col("amount", BigInteger, nullable=False, personal=True),
    col("simulated", Boolean, nullable=False, personal=False),
    Index("purchases_at", "at"),
)
"""What orders were worth, minor units of the shop's currency: an order (``n`` is ``WHOLE``), what was added to one of
that ``number`` (``MORE``) or given back of it (``BACK``, below 0), each as traits count it; and the happening in which
whoever it was priced for placed it (``BY``), where that is not whom it is told of."""

WHOLE, MORE, BACK, BY = 1, 0, -1, 2


class Touches:
    """See the module.

    Args:
        settings: gives the shop's settings of the moment. A changed currency asks for a rebuild.
    """

    name = "touches"
    source: Source = "happenings"
    after: tuple[str, ...] = ()
    tables: tuple[Table, ...] = (touches, purchases)

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        settings = self._settings()
        own = frozenset({host_of(settings.public_url)} - {""})
        came: list[tuple[Any, ...]] = []
        bought: list[tuple[Any, ...]] = []
        placed: dict[str, str] = {}
        for h in rows:
            simulated = h.source == SIMULATED
            if h.kind == "track" and h.name in _COUNTED:
                number = clean(str(h.properties.get("order_id") or ""))[:MAX_NUMBER]
                bought += [(h.pos, h.at, number, n, amount, simulated) for n, amount in _order(h, settings)]
                if isinstance(h.properties.get(PLACED_IN), str) and number:
                    placed[h.properties[PLACED_IN]] = number
            found = touch_by(h, own)
            if found is not None:
                came.append((h.pos, h.at, found.channel, found.source, found.campaign, simulated))
        insert_rows(conn, touches, tuple(c.name for c in touches.columns), came)
        insert_rows(conn, purchases, _PURCHASED, bought)
        # Told twice, by whomever, it is there once.
        insert_rows(conn, purchases, _PURCHASED, _placers(conn, placed), "ON CONFLICT (pos) DO NOTHING")


_COUNTED = frozenset({ORDERED, UPDATED, REFUNDED, CANCELLED})
_PURCHASED = tuple(c.name for c in purchases.columns)


def _placers(conn: Connection, placed: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """The rows ``BY`` of orders that say in which happening they were placed: of ours, and about that very order."""
    found: list[tuple[Any, ...]] = []
    named = [x for x in placed if len(x) <= 128]
    for start in range(0, len(named), 500):
        query = select(happenings).where(happenings.c.message_id.in_(named[start : start + 500]))
        for h in map(happening, conn.execute(query).mappings()):
            number = placed[h.message_id]
            if (h.source, h.name, h.properties.get("order_id")) == (OURS, ENTERED, number):
                found.append((h.pos, h.at, number, BY, 0, False))
    return sorted(found)


def _order(h: Happening, settings: Settings) -> list[tuple[int, int]]:
    """What a happening is to orders (``WHOLE``, ``MORE``, ``BACK``) and worth, as traits count it."""
    properties = h.properties
    if h.name == ORDERED and properties.get("currency") in (None, settings.currency):
        # What most orders state; their lines, of which there may be many, need not be read.
        amount = amount_of(properties.get("total"), settings.currency)
        if amount is not None:
            return [(WHOLE, amount)]
    told = buckets(h, settings.currency, settings.zone)
    if h.name in (REFUNDED, CANCELLED):
        back = sum(amount for measure, _, amount in told if measure == REFUNDED)
        return [(BACK, -back)] if back else []
    return [(n, amount) for measure, n, amount in told if measure == ORDERED]
