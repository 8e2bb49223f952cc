"""The follower "touches": every way in that the log tells of, and every order, small enough to read for a report.

Rows hang on their place in the log. Whose they are is asked of identity when they are read, so that joining and
splitting people moves nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, Table

from fairday.insight.channels import MAX_WORD, host_of, touch_by
from fairday.kernel.settings import Settings
from fairday.people.traits.folding import ORDERED, UPDATED, amount_of, buckets, clean
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata
from fairday.storage.followers import Source
from fairday.storage.log import Happening

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
"""An order (``n`` 1), or what was added to one of that ``number`` (``n`` 0), in minor units of the shop's currency."""


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

    def handle(self, conn: Any, rows: Sequence[Happening], now: int) -> None:
        settings = self._settings()
        own = frozenset({host_of(settings.public_url)} - {""})
        came: list[tuple[Any, ...]] = []
        bought: list[tuple[Any, ...]] = []
        for h in rows:
            simulated = h.source == SIMULATED
            if h.kind == "track" and h.name in (ORDERED, UPDATED):
                number = clean(str(h.properties.get("order_id") or ""))[:MAX_NUMBER]
                bought += [(h.pos, h.at, number, n, amount, simulated) for n, amount in _order(h, settings)]
            found = touch_by(h, own)
            if found is not None:
                came.append((h.pos, h.at, found.channel, found.source, found.campaign, simulated))
        insert_rows(conn, touches, tuple(c.name for c in touches.columns), came)
        insert_rows(conn, purchases, tuple(c.name for c in purchases.columns), bought)


def _order(h: Happening, settings: Settings) -> list[tuple[int, int]]:
    """How many orders a happening is and what they are worth, as traits count them."""
    properties = h.properties
    if h.name == ORDERED and properties.get("currency") in (None, settings.currency):
        # What most orders state; their lines, of which there may be many, need not be read.
        amount = amount_of(properties.get("total"), settings.currency)
        if amount is not None:
            return [(1, amount)]
    return [(n, amount) for measure, n, amount in buckets(h, settings.currency, settings.zone) if measure == ORDERED]
