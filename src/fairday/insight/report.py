"""The report: one goal, one period, and what people, goods and scenes did for it; each part says how sure it is."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from fairday.insight.asked import Asked
from fairday.insight.campaigns import RedemptionReport, redemption
from fairday.insight.changes import Changes, changes
from fairday.insight.cohorts import Cohorts, cohorts
from fairday.insight.effects import SceneEffect, effects
from fairday.insight.figures import Figures, figures
from fairday.insight.headline import Saying, headline
from fairday.insight.rfm import Segment, rfm
from fairday.insight.sources import Sources, sources
from fairday.kernel.clock import local_day
from fairday.kernel.settings import Settings


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report; amounts are minor units of ``currency``, days are the shop's.

    Attributes:
        sayings: what to say first.
        campaigns: redemption of past campaigns, of all time.
    """

    shop: str
    currency: str
    today: int
    asked: Asked
    sayings: list[Saying]
    figures: Figures
    sources: Sources
    changes: Changes
    scenes: list[SceneEffect]
    cohorts: Cohorts
    rfm: list[Segment]
    campaigns: RedemptionReport

    @property
    def ran(self) -> list[tuple[SceneEffect, int, int]]:
        """Scenes that met anybody in the period, with the first and last day of it they did."""
        first, last = self.asked.first, self.asked.last
        return [
            (s, max(s.since, first), min(last if s.until is None else s.until, last))
            for s in self.scenes
            if s.since is not None and s.since <= last and (s.until is None or s.until >= first)
        ]


def report(conn: Connection, settings: Settings, asked: Asked, now: int) -> Report:
    """The report as of an instant (ms)."""
    told = figures(conn, settings, asked, now)
    scenes = effects(conn, settings, asked, now)
    return Report(
        shop=settings.name,
        currency=settings.currency,
        today=local_day(now, settings.zone),
        asked=asked,
        sayings=headline(asked, told, scenes),
        figures=told,
        sources=sources(conn, settings, asked, now),
        changes=changes(conn, settings, asked, now),
        scenes=scenes,
        cohorts=cohorts(conn, settings, asked, now),
        rfm=rfm(conn, settings, asked, now),
        campaigns=redemption(conn),
    )
