"""The library's front door: ``fairday.open("shop.db")`` gives the shop with its rooms."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, String, Table, Text, inspect, select

from fairday.intake.imports import ImportReport, Progress, import_files
from fairday.intake.mapping import Mapping
from fairday.kernel import jsons
from fairday.kernel.clock import Clock, SystemClock, zone
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.people import accounts
from fairday.people.consent import ConsentFollower
from fairday.people.identity import IdentityFollower
from fairday.people.privacy import Eraser
from fairday.people.traits import Traits
from fairday.storage import answers, deadlines
from fairday.storage.database import Database, col, insert, metadata
from fairday.storage.followers import Followers
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.log import Appender, Happening
from fairday.storage.runner import Runner

log = logging.getLogger("fairday")

settings_table = Table(
    "settings",
    metadata,
    col("name", String(64), primary_key=True, personal=False),
    col("value", Text, nullable=False, personal=False),
)


class Shop:
    """One shop: its database, its runner and followers, and the rooms over them.

    Open one with ``fairday.open``; use it as a context manager or call ``close``.
    """

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self.db = db
        self.settings = settings
        self.clock = clock
        self.followers = Followers(db, clock)
        self.followers.register(IdentityFollower(lambda: self.settings.identity))
        self.followers.register(ConsentFollower(lambda: self.settings.identity))
        self.followers.register(Traits(lambda: self.settings))
        self.writer = GroupCommit(db, after_commit=self.followers.wake)
        self.runner = Runner(self.writer, clock)
        accounts.register(self.runner)
        self.appender = Appender()
        self.erasers: list[Eraser] = []
        self._stop = threading.Event()
        self._timer: threading.Thread | None = None

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
        return import_files(
            self.db, self.settings, paths, mapping,
            now=self.clock.now(), zone=zone, dry_run=dry_run, rejects=rejects, progress=progress,
        )  # fmt: skip

    def catch_up(self, progress: Callable[[str, int], None] | None = None) -> None:
        """Let every follower read to the end of the log."""
        self.followers.catch_up(progress=progress)

    # ---- deadlines and background ----------------------------------------------------------------------------------

    def fire_due(self) -> int:
        """Send every stream whose deadline has come its deadline; how many fired here."""
        return deadlines.fire_due(
            self.db, self.runner, self.clock.now(), lambda s, e: log.error("deadline of %s failed: %s", s, e)
        )

    def forget_answers(self) -> int:
        """Let go of a slice of idempotency keys older than they are kept; how many there were."""
        with self.db.write() as conn:
            return answers.forget(conn, self.clock.now())

    def start(self) -> None:
        """Run the followers and the deadlines in the background until ``close``."""
        self.followers.start()
        if self._timer is None:
            self._timer = threading.Thread(target=self._tick, name="fairday-deadlines", daemon=True)
            self._timer.start()

    def _tick(self) -> None:
        # A short poll of the wall clock, never a computed sleep: a jump of the clock is noticed at the next poll.
        rounds = 0
        while not self._stop.wait(0.25):
            rounds += 1
            try:
                self.fire_due()
                if rounds % 2400 == 0:
                    while self.forget_answers() and not self._stop.is_set():
                        pass
            except Exception:
                log.exception("deadlines")

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        self._stop.set()
        if self._timer is not None:
            self._timer.join()
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
            raise FairdayError(f"There is no shop in {url}.", code="no_shop", remedy="Create one: fairday init.")
        migrate(db)
        with db.write() as conn:
            current = save_settings(conn, load_settings(conn), settings)
        return Shop(db, current, clock or SystemClock())
    except BaseException:
        db.close()
        raise


def exists(db: Database) -> bool:
    """Whether the database holds a shop."""
    if db.path is not None and not db.path.exists():
        return False
    return inspect(db.engine).has_table("happenings")


def migrate(db: Database) -> None:
    """Bring the database's tables to this version's."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with db.write() as conn:
        config.attributes["connection"] = conn
        with contextlib.redirect_stdout(None):
            command.upgrade(config, "head")


def load_settings(conn: Connection) -> Settings:
    """The shop's settings as kept, defaults filled in."""
    name, value = settings_table.c.name, settings_table.c.value
    kept = {n: jsons.loads(v) for n, v in conn.execute(select(name, value))}
    return msgspec.convert({n: v for n, v in kept.items() if n in Settings.__struct_fields__}, Settings)


def save_settings(conn: Connection, settings: Settings, changes: dict[str, Any]) -> Settings:
    """Settings with some changed, checked and kept in the caller's transaction."""
    for name in changes:
        if name not in Settings.__struct_fields__:
            known = ", ".join(Settings.__struct_fields__)
            raise FairdayError(f"There is no setting {name!r}.", code="unknown_setting", remedy=f"Known: {known}.")
    try:
        changed = msgspec.convert(msgspec.to_builtins(settings) | msgspec.to_builtins(changes), Settings)
    except msgspec.ValidationError as error:
        raise FairdayError(f"A setting is not usable: {error}.", code="bad_setting")
    zone(changed.zone)
    if changes:
        statement = insert(conn, settings_table)
        conn.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value}),
            [{"name": n, "value": jsons.dumps(getattr(changed, n))} for n in changes],
        )
    return changed


__all__ = ["Shop", "exists", "load_settings", "migrate", "open", "save_settings"]
