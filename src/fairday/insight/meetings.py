"""The follower "meetings": keeps what a report asks of scenes' meetings and past campaigns, so that it reads no log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, text

from fairday.insight.tables import campaign_targets, scene_meetings
from fairday.kernel.clock import local_day
from fairday.kernel.settings import Settings
from fairday.scenes.arms import SHOWN, WITHHELD
from fairday.storage.bulk import insert_rows
from fairday.storage.followers import Source
from fairday.storage.log import OURS, Happening, happenings_at

TARGETED, REDEEMED = "Campaign Targeted", "Coupon Redeemed"
_WANTED = frozenset({SHOWN, WITHHELD, TARGETED, REDEEMED})

_COUNT = (
    "ON CONFLICT (scene, day, touchpoint) DO UPDATE SET shown = scene_meetings.shown + excluded.shown,"
    " withheld = scene_meetings.withheld + excluded.withheld"
)
_EITHER = (
    "ON CONFLICT (campaign, identifier) DO UPDATE SET"
    " kind = CASE WHEN excluded.targeted THEN excluded.kind ELSE campaign_targets.kind END,"
    " targeted = campaign_targets.targeted OR excluded.targeted,"
    " redeemed = campaign_targets.redeemed OR excluded.redeemed"
)


class Meetings:
    """Reads behind identity, heads only: it asks the bodies of the few happenings it keeps something of.

    Args:
        settings: gives the shop's settings of the moment. A changed zone asks for a rebuild.

    Meetings of people who were erased since stay counted; a rebuild no longer finds them.
    """

    name = "meetings"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)
    heads = True
    tables: tuple[Table, ...] = (scene_meetings, campaign_targets)

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        """Take a slice of the log."""
        wanted = [h.pos for h in rows if h.kind == "track" and h.name in _WANTED]
        found = happenings_at(conn, wanted)
        self._meet(conn, [h for h in found if h.source == OURS and h.name in (SHOWN, WITHHELD)])
        self._target(conn, [h for h in found if h.name in (TARGETED, REDEEMED)])

    def _meet(self, conn: Connection, met: Sequence[Happening]) -> None:
        zone = self._settings().zone
        sums: dict[tuple[str, int, str], list[int]] = {}
        for h in met:
            scene, touchpoint = (str(h.properties.get(k, "")) for k in ("scene", "touchpoint"))
            cell = sums.setdefault((scene[:60], local_day(h.at, zone), touchpoint[:40]), [0, 0])
            cell[h.name == WITHHELD] += 1
        columns = ("scene", "day", "touchpoint", "shown", "withheld")
        insert_rows(conn, scene_meetings, columns, [(*k, *v) for k, v in sorted(sums.items())], _COUNT)

    def _target(self, conn: Connection, told: Sequence[Happening]) -> None:
        if not told:
            return
        query = text("SELECT pos, identifier FROM timeline WHERE pos BETWEEN :a AND :b")
        span = {"a": min(h.pos for h in told), "b": max(h.pos for h in told)}
        carriers: dict[int, int] = {pos: identifier for pos, identifier in conn.execute(query, span)}
        pairs: dict[tuple[str, int], tuple[str, bool, bool]] = {}
        for h in told:
            campaign, identifier = h.properties.get("campaign_id"), carriers.get(h.pos)
            if campaign is None or identifier is None:
                continue
            key = (_word(campaign), identifier)
            kind, targeted, redeemed = pairs.get(key, ("", False, False))
            if h.name == TARGETED:
                kind, targeted = _word(h.properties.get("campaign_type", "")), True
            pairs[key] = (kind, targeted, redeemed or h.name == REDEEMED)
        columns = ("campaign", "identifier", "kind", "targeted", "redeemed")
        insert_rows(conn, campaign_targets, columns, [(*k, *v) for k, v in sorted(pairs.items())], _EITHER)


def _word(value: Any) -> str:
    return str(value).replace("\0", "")[:64]
