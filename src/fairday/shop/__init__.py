"""The library's front door: ``fairday.open("shop.db")`` gives the shop with its rooms."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection

from fairday import operators
from fairday.goods.photos import forget_photos
from fairday.insight.asked import Asked, ask
from fairday.insight.report import Report, report
from fairday.insight.why import Why, why
from fairday.intake.imports import ImportReport, Progress, import_files
from fairday.intake.mapping import Mapping
from fairday.intake.runs import Recorder
from fairday.kernel.clock import Clock, SystemClock, local_day
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.settings import Settings
from fairday.people import identity, privacy
from fairday.reach import smtp, strangers
from fairday.scenes import fitting, life
from fairday.scenes.choice import MESSAGES, Choice, Person, choose
from fairday.scenes.loading import load_owner
from fairday.scenes.ranking import Manifest
from fairday.scenes.spec import SceneSpec
from fairday.shop.background import HOME, Background
from fairday.shop.keeping import exists, load_settings, migrate, save_settings, settings_table
from fairday.shop.renumbering import renumber
from fairday.shop.rooms import Rooms
from fairday.storage import answers, deadlines
from fairday.storage.database import Database, shown
from fairday.storage.followers import BULK
from fairday.storage.log import Happening
from fairday.trade.records import forget_unplaced
from fairday.trade.tills import forget_codes

log = logging.getLogger("fairday")


class Shop(Rooms):
    """One shop: its database, its runner and followers, and the rooms over them.

    Open one with ``fairday.open``; use it as a context manager or call ``close``.
    """

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        super().__init__(db, settings, clock)
        self._background = Background(self)

    # ---- the log ---------------------------------------------------------------------------------------------------

    def append(self, happenings: list[Happening]) -> Future[int]:
        """Queue happenings for the log; the future gives how many were new, after they are durable."""
        return self.writer.submit(self.appender, happenings)

    def import_files(
        self,
        paths: Sequence[str | Path],
        mapping: str | Path | Mapping | None = None,
        *,
        zone: str = "",
        dry_run: bool = False,
        rejects: Path | None = None,
        progress: Progress = lambda done, total: None,
    ) -> ImportReport:
        """Bring files of orders, goods, customers and campaigns in; see ``fairday.intake.imports.import_files``."""
        recorder = None if dry_run else Recorder(self.db, paths, self.clock.now)

        def told(done: int, total: int) -> None:
            progress(done, total)
            if recorder is not None:
                recorder.progress(done, total)

        try:
            report = import_files(
                self.db, self.settings, paths, mapping,
                now=self.clock.now(), zone=zone, dry_run=dry_run, rejects=rejects, progress=told,
            )  # fmt: skip
        except BaseException as error:
            if recorder is not None:
                recorder.failed(error)
            raise
        if recorder is not None:
            recorder.done(report)
        self.followers.wake()
        return report

    def catch_up(self, progress: Callable[[str, int], None] | None = None) -> None:
        """Let every follower read to the end of the log."""
        self.followers.catch_up(progress=progress, limit=BULK)

    # ---- people ----------------------------------------------------------------------------------------------------

    def person(self, id_: str) -> int:
        """The person who owns an id written ``type:value`` now.

        Raises:
            FairdayError: not an id.
            NotFound: nobody owns it.
        """
        with self.db.read() as conn:
            return self._person(conn, id_)

    def _person(self, conn: Connection, id_: str) -> int:
        type_, value = identity.parse_id(id_, self.settings.identity)
        found = identity.person_of(conn, type_, value)
        if found is None:
            raise _unknown(id_)
        return found

    def export(self, id_: str) -> dict[str, Any]:
        """Everything the shop holds about a person, as JSON."""
        person = self.person(id_)
        with self.db.read() as conn:
            return privacy.export(conn, person)

    def erase(self, id_: str) -> privacy.Receipt:
        """Erase a person everywhere, for good; see ``fairday.people.privacy.erase``."""
        return privacy.erase(self, id_)

    # ---- scenes ----------------------------------------------------------------------------------------------------

    def save_scene(
        self, text: str, *, file: str = "scene.yaml", actor: str = "system", version: int | None = None
    ) -> SceneSpec:
        """Save a scene's YAML as a draft, or as the next version of a scene that is live.

        Raises:
            SceneError: the text is no scene; ``problems`` says where and why.
            Conflict: it is ended, or another version was saved meanwhile.
        """
        asked, spec = life.save(
            text, self.vocabulary, self.settings.zone,
            goods=self.staging.goods, file=file, actor=actor, version=version,
        )  # fmt: skip
        self._ask(asked)
        return spec

    def move_scene(self, move: life.Move, scene: str, *, actor: str = "system", version: int | None = None) -> None:
        """Start, pause, resume or end a scene.

        Raises:
            Conflict: it cannot go there from where it stands; the message says from where it can.
        """
        self._ask(life.move(move, scene, actor, version))

    def _ask(self, command: Command) -> None:
        answer = self.runner.submit(command)
        self.staging.changed(self.db, self.clock.now())
        if answer.refusal is not None:
            raise Conflict(answer.refusal.message, code=answer.refusal.code, where=command.stream)

    def fit(
        self, progress: Callable[[str, int, int], None] = lambda step, done, total: None, day: int | None = None
    ) -> Manifest:
        """Fit the ranking of goods on what people bought up to today (or a local day), and serve it from then on.

        Args:
            progress: told before each step its name, and how many of all steps are done.

        Raises:
            FairdayError: the shop has nowhere to keep its fits.
            Conflict: another process is fitting it.
        """
        return fitting.fit_shop(self.db, self.settings, self.clock.now(), progress, day)

    def choose(
        self,
        id_: str | None,
        touchpoint: str,
        *,
        scene: str | None = None,
        now: int | None = None,
    ) -> Choice:
        """What a person (an id written ``type:value``; None: a stranger) would meet at a touchpoint, recording nothing.

        For messages consent and frequency are not looked at; ``mailing`` asks them.
        """
        at = self.clock.now() if now is None else now
        stage = self.staging.ready
        if stage is None:
            with self.db.read() as conn:
                stage = self.staging.stage(conn, at)
        person = Person() if id_ is None else self._loaded(id_, at)
        return choose(person, touchpoint, at, stage, scene=scene)

    def _loaded(self, id_: str, now: int) -> Person:
        with self.db.glance() as conn:
            found = load_owner(conn, identity.parse_id(id_, self.settings.identity), now)
        if found is None:
            raise _unknown(id_)
        return found

    def why(self, person: int | None, touchpoint: str, *, scene: str | None = None, good: str | None = None) -> Why:
        """Why a person (None: a stranger) meets what they meet now; see ``fairday.insight.why``."""
        now = self.clock.now()
        with self.db.read() as conn:
            stage = self.staging.stage(conn, now)
            return why(conn, stage, self.staging.goods, self.settings, person, touchpoint, now, scene=scene, good=good)

    def meet(self, id_: str | None, touchpoint: str, *, wait: bool = True) -> Choice:
        """What a person meets at a page or feed now, and the record of it: arms, meetings shown and withheld.

        Args:
            wait: return after the record is durable, not when it is queued.

        Raises:
            FairdayError: a touchpoint that is a message; those go through ``mailing``.
            Unavailable: too much is waiting to be written; nobody should be shown this.
        """
        if touchpoint in MESSAGES:
            raise FairdayError(f"{touchpoint} is a message.", code="bad_touchpoint", remedy="Ask a page or feed.")
        choice = self.choose(id_, touchpoint)
        if id_ is not None:
            recorded = self.record(choice, identity.parse_id(id_, self.settings.identity), self.clock.now())
            if wait:
                recorded.result()
        return choice

    def record(self, choice: Choice, who: tuple[str, str], now: int) -> Future[None]:
        """Queue the record of what a page showed the owner of an id; the future is resolved when it is durable.

        Raises:
            Unavailable: too much is waiting to be written.
        """
        exposure = choice.exposure(who, now, self.settings.zone)
        if exposure.happenings:
            return self.exposures.queue(exposure)
        nothing: Future[None] = Future()
        nothing.set_result(None)
        return nothing

    def run_mail(self, progress: Progress = lambda done, total: None) -> Counter[str]:
        """Plan the mail of live scenes and send what is queued: to FAIRDAY_SMTP_URL, or into the local mailbox.

        Returns:
            How many were queued or withheld by reason, and ``sent``.
        """
        result = self.mailing.plan(progress) + self.reminders.plan()
        result["sent"] = self.send_mail()
        return result

    def send_mail(self) -> int:
        """Send what is queued: to FAIRDAY_SMTP_URL, or into the local mailbox; how many."""
        address = smtp.from_environment()
        transport = None if address is None else smtp.Smtp(address, self.settings.mail_from, self.settings.public_url)
        sent = self.mailing.send(transport)
        self.followers.wake()
        return sent

    # ---- insight ---------------------------------------------------------------------------------------------------

    def report(self, asked: Asked | None = None) -> Report:
        """What the shop's people, goods and scenes did; unasked, for revenue of the last 28 days."""
        now = self.clock.now()
        with self.db.read() as conn:
            return report(conn, self.settings, asked or ask({}, local_day(now, self.settings.zone)), now)

    # ---- operators -------------------------------------------------------------------------------------------------

    def add_operator(self, email: str, role: operators.Role) -> str:
        """Let somebody sign in to the console; gives their one-time password, which is kept nowhere."""
        return operators.create(self.db, email, role, self.clock.now())

    # ---- deadlines and background ----------------------------------------------------------------------------------

    def fire_due(self) -> int:
        """Send every stream whose deadline has come its deadline, and give back what designs that are not made were
        paid; how many fired or went back here."""
        fired = deadlines.fire_due(
            self.db, self.runner, self.clock.now(), lambda s, e: log.error("deadline of %s failed: %s", s, e)
        )
        return fired + self.designs.settle()

    def forget_answers(self) -> int:
        """Let go of a slice of idempotency keys older than they are kept; how many there were."""
        with self.db.write() as conn:
            return answers.forget(conn, self.clock.now())

    def forget_codes(self) -> int:
        """Let go of a slice of pay codes that ended long ago; how many there were."""
        with self.db.write() as conn:
            return forget_codes(conn, self.clock.now())

    def forget_unplaced(self) -> int:
        """Let go of a slice of contacts whose order was never placed; how many there were."""
        with self.db.write() as conn:
            return forget_unplaced(conn, self.clock.now())

    def forget_strangers(self) -> int:
        """Let go of a slice of mails to addresses that nobody proved; how many there were."""
        with self.db.write() as conn:
            return strangers.forget(conn, self.clock.now())

    def forget_photos(self) -> int:
        """Let go of a slice of shoppers' photos whose time is over; how many there were."""
        with self.db.write() as conn:
            return forget_photos(conn, self.clock.now())

    def start(self) -> None:
        """Run the followers, the deadlines and the daily and mailing jobs in the background until ``close``."""
        self.followers.start()
        self._background.start()

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        self._background.stop()
        self.replays.close()
        self.repricings.close()
        self.followers.stop()
        self.writer.close()
        self.db.close()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # ---- settings --------------------------------------------------------------------------------------------------

    def change_settings(self, **changes: Any) -> Settings:
        """Change settings by name and keep them.

        Raises:
            FairdayError: an unknown name or a value of the wrong kind.
        """
        with self.db.write() as conn:
            self.settings = save_settings(conn, self.settings, changes)
        return self.settings


def open(url: str | Path, *, create: bool = True, clock: Clock | None = None, **settings: Any) -> Shop:
    """Open a shop, creating it where there is none and migrating it where it is older.

    Args:
        url: a file name (SQLite) or a PostgreSQL URL.
        create: False refuses a database that holds no shop.
        clock: the clock to live by; the machine's by default.
        settings: settings to change, by name (``zone="Europe/London"``).

    Raises:
        FairdayError: the address, the database or a setting is not usable.
    """
    db = Database(str(url))
    try:
        if not create and not exists(db):
            where = shown(str(url))
            raise FairdayError(f"There is no shop in {where}.", code="no_shop", remedy="Create one: fairday init.")
        db.greet()
        migrate(db)
        with db.write() as conn:
            current = save_settings(conn, load_settings(conn), settings)
        shop = Shop(db, current, clock or SystemClock())
        if renumber(db, {follower.name: follower.source for follower in shop.followers}) and shop.lake is not None:
            shop.followers.rewind("lake")  # its files are named by the old numbers
        return shop
    except BaseException:
        db.close()
        raise


def _unknown(id_: str) -> NotFound:
    return NotFound(f"Nobody owns {id_}.", code="unknown_id", remedy="Look for another id of theirs.")


__all__ = ["HOME", "Move", "Shop", "exists", "load_settings", "migrate", "open", "save_settings", "settings_table"]
