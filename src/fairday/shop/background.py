"""What a serving shop does by itself: deadlines, the new day, mail, and what is live made ready."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

from fairday.insight.morning import morning
from fairday.kernel.clock import local_day, to_date
from fairday.reach import outbox
from fairday.scenes import fitting
from fairday.shop.keeping import load_settings
from fairday.trade.payment import reconcile

if TYPE_CHECKING:
    from fairday.shop import Shop

log = logging.getLogger("fairday")

HOME = "http://127.0.0.1"

SETTINGS_EVERY, MAIL_EVERY, ORDER_MAIL_EVERY, FORGET_EVERY, FIT_EVERY = 10, 120, 4, 1200, 240
"""In how many half seconds settings changed elsewhere are seen, mail is planned again (sooner when
what is live changed), mail about orders is sent, old answers are let go of, and whether a new day asks for a fit is
looked at."""

MATCH_EVERY = 900
"""In how many rounds of payments, a second each, days that are over are matched with the providers' bills."""

STAGE_EVERY = 1.0
"""Seconds between looks at what other processes changed of scenes and goods."""


class Background:
    """The threads of a shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._fitting: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; a second time changes nothing."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=work, name=f"fairday-{name}", daemon=True)
                for name, work in (
                    ("deadlines", self._deadlines),
                    ("chores", self._chores),
                    ("payments", self._payments),
                    ("staging", self._stagings),
                    ("search", self._searches),
                )
            ]
            for thread in self._threads:
                thread.start()

    def _deadlines(self) -> None:
        # A short poll of the wall clock, never a computed sleep: a jump of the clock is noticed at the next poll.
        while not self._stop.wait(0.25):
            try:
                self._shop.fire_due()
            except Exception:
                log.exception("deadlines")

    def _payments(self) -> None:
        """Providers are asked about what is not known; nothing else waits for them."""
        rounds = 0
        while not self._stop.wait(1.0):
            try:
                self._shop.payments.tick()
                if rounds % MATCH_EVERY == MATCH_EVERY - 1:
                    reconcile.run_due(self._shop.payments)
            except Exception:
                log.exception("payments")
            rounds += 1

    def _stagings(self) -> None:
        """Live scenes, goods and the new day are made ready here, so that no shopper waits for it."""
        while True:
            try:
                self._shop.staging.refresh(self._shop.db, self._shop.clock.now())
            except Exception:
                log.exception("staging")
            if self._stop.wait(STAGE_EVERY):
                return

    def _searches(self) -> None:
        """The search index follows the goods here, so that no shopper waits for it."""
        while True:
            try:
                self._shop.search.refresh()
            except Exception:
                log.exception("search")
            if self._stop.wait(STAGE_EVERY):
                return

    def _chores(self) -> None:
        """What may take a while, so that it never holds a deadline up: the new day, the mail, old answers."""
        rounds = 0
        mailed = self._shop.staging.live
        while not self._stop.wait(0.5):
            try:
                if self._shop.midnight.tick(self._shop.clock.now()):
                    self._shop.followers.wake()
                    # Worked out now, so that nobody waits for it in the morning.
                    morning(self._shop.db, self._shop.settings, self._shop.clock.now())
                if rounds % SETTINGS_EVERY == 0:
                    self._reload_settings()
                live = self._shop.staging.live
                if rounds % MAIL_EVERY == 0 or live != mailed:
                    mailed = live  # whoever started a scene looks at its page and waits
                    self._shop.run_mail()
                elif rounds % ORDER_MAIL_EVERY == 0 and self._mail_waits():
                    self._shop.send_mail()
                if rounds % FORGET_EVERY == 0:
                    while self._shop.forget_answers() and not self._stop.is_set():
                        pass
                    shop = self._shop
                    for forget in (shop.forget_photos, shop.forget_codes, shop.forget_unplaced, shop.forget_strangers):
                        while forget() and not self._stop.is_set():
                            pass
                if rounds % FIT_EVERY == FIT_EVERY - 1:
                    self._fit()
            except Exception:
                log.exception("chores")
            rounds += 1

    def _mail_waits(self) -> bool:
        with self._shop.db.read() as conn:
            return outbox.waiting(conn)

    def _fit(self) -> None:
        """Begin the day's fit, where there is one to do, in a process of its own: it would take shoppers' time here."""
        shop = self._shop
        now = shop.clock.now()
        if (self._fitting is None or self._fitting.poll() is not None) and fitting.due(shop.db, shop.settings, now):
            day = to_date(local_day(now, shop.settings.zone)).isoformat()
            self._fitting = subprocess.Popen(
                [sys.executable, "-m", "fairday.cli", "fit", "--day", day],
                env={**os.environ, "FAIRDAY_SHOP": shop.db.url, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def _reload_settings(self) -> None:
        with self._shop.db.read() as conn:
            kept = load_settings(conn)
        if kept.public_url.startswith(HOME) and self._shop.settings.public_url.startswith(HOME):
            # A shop at home: links follow this process's own port.
            kept = msgspec.structs.replace(kept, public_url=self._shop.settings.public_url)
        self._shop.settings = kept

    def stop(self) -> None:
        """Let the threads come to their end."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._fitting is not None and self._fitting.poll() is None:
            self._fitting.terminate()
            self._fitting.wait()
