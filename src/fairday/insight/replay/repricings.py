"""Repricing for a shop: at once, or in the background for the console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice

import msgspec
from sqlalchemy import Connection

from fairday.insight.replay.baskets import Basket, Baskets
from fairday.insight.replay.model import Period
from fairday.insight.replay.reprice import reprice
from fairday.insight.replay.repriced import Handed, Repriced, Typical, subject_of, usual_days, version_of
from fairday.insight.replay.runs import Jobs, latest_row
from fairday.insight.replay.typical import LOOKED_AT, SAMPLED, typical
from fairday.insight.replay.walk import Progress
from fairday.kernel.clock import Clock, local_day
from fairday.kernel.settings import Settings
from fairday.offers.book import Offers
from fairday.offers.model import Rule
from fairday.storage.database import Database
from fairday.storage.lake import Lake


class RepricedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A repricing as the console shows it; ``result`` is None unless it is done."""

    id: int
    version: int
    status: str
    done: int
    of: int
    started_at: int
    result: Repriced | None


class Repricings(Jobs):
    """``shop.repricings``.

    Args:
        lake: where orders are read from; None: from the log.
    """

    def __init__(
        self, db: Database, settings: Callable[[], Settings], clock: Clock, offers: Offers, lake: Lake | None
    ) -> None:
        super().__init__(db, clock)
        self._settings, self._offers, self._lake = settings, offers, lake
        self._sampling = threading.Lock()
        self._sampled: tuple[int, list[Basket]] | None = None
        self._typical: dict[tuple[int, bytes], Typical] = {}

    def usual(self, rules: Sequence[Rule]) -> Period:
        """The days rules are asked of when nobody says which."""
        zone = self._settings().zone
        return usual_days(rules, local_day(self._clock.now(), zone), zone)

    def reprice(
        self,
        rules: Sequence[Rule],
        period: Period | None = None,
        *,
        beside: bool = False,
        handed: Handed | None = None,
        margin: int = 30,
        progress: Progress = lambda done, total: None,
    ) -> Repriced:
        """Last year's carts with and without planned rules; see ``fairday.insight.replay.reprice``.

        Args:
            period: the days; by default a rule's own a year before, else the last 365.
            beside: take the promotions that are in the book today as there too.

        Raises:
            FairdayError: no rule, or one that cannot be.
        """
        with self._db.read() as conn:
            asked = self._offers.spread(conn, rules)
            others = self._offers.spread(conn, self._offers.live(conn)) if beside else []
        return reprice(
            self._db, self._settings(), self._lake, asked, period or self.usual(rules), self._clock.now(),
            beside=others, handed=handed, margin=margin, policy=self._offers.policy, progress=progress,
        )  # fmt: skip

    def start(
        self,
        name: str,
        rules: Sequence[Rule],
        period: Period | None = None,
        *,
        beside: bool = False,
        handed: Handed | None = None,
        margin: int = 30,
    ) -> int:
        """Begin in the background, unless one of that name is under way; its number.

        Raises:
            FairdayError: a rule that cannot be.
        """
        asked = list(rules)
        self._offers.check(asked)

        def work(progress: Progress) -> Repriced:
            return self.reprice(asked, period, beside=beside, handed=handed, margin=margin, progress=progress)

        return self.begin(subject_of(name), version_of(asked, handed or Handed()), work)

    def latest(self, conn: Connection, name: str) -> RepricedRun | None:
        """The latest of a name; one whose process died counts as failed."""
        row = latest_row(conn, subject_of(name), self._clock.now())
        if row is None:
            return None
        said = msgspec.json.decode(row["said"], type=Repriced) if row["status"] == "done" else None
        return RepricedRun(
            id=row["id"], version=row["version"], status=row["status"], done=row["done"], of=row["of"],
            started_at=row["started_at"], result=said,
        )  # fmt: skip

    def typical(self, rule: Rule) -> Typical:
        """What one use of a rule takes off, by the latest carts; worked out once a day."""
        settings = self._settings()
        today = local_day(self._clock.now(), settings.zone)
        with self._db.read() as conn:
            (rule,) = self._offers.spread(conn, [rule])
        key = (today, msgspec.json.encode(rule, order="deterministic"))
        with self._sampling:
            if key in self._typical:
                return self._typical[key]
            if self._sampled is None or self._sampled[0] != today:
                # Today's orders too: a shop that opened this morning has no others.
                read = Baskets(self._db, settings, self._lake, today - 365, today, newest=LOOKED_AT)
                found = islice((basket for some in read for basket in some), SAMPLED)
                self._sampled = (today, list(found))
                self._typical = {}
            told = typical(self._sampled[1], rule, settings)
            if told.carts:  # a shop without orders asks again with its first
                self._typical[key] = told
            elif not self._sampled[1]:
                self._sampled = None
            return told
