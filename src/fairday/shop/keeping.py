"""What a shop's database keeps of the shop itself: its settings, and the tables brought to this version's."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any

import msgspec
from babel.numbers import is_currency
from sqlalchemy import Connection, String, Table, Text, inspect, select

from fairday.kernel import jsons
from fairday.kernel.clock import zone
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.storage.database import Database, col, insert, metadata

settings_table = Table(
    "settings",
    metadata,
    col("name", String(64), primary_key=True, personal=False),
    col("value", Text, nullable=False, personal=False),
)


_SIGNS = "secret.web"


def exists(db: Database) -> bool:
    """Whether the database holds a shop."""
    if db.path is not None and not db.path.exists():
        return False
    db.greet()
    return inspect(db.engine).has_table("happenings")


def migrate(db: Database) -> None:
    """Bring the database's tables to this version's.

    Raises:
        FairdayError: they are a newer version's.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    with db.write() as conn:
        config.attributes["connection"] = conn
        try:
            with contextlib.redirect_stdout(None):
                command.upgrade(config, "head")
        except CommandError as error:
            raise FairdayError(
                "This shop was kept by a newer version of Fairday.", code="newer_version",
                remedy="Install that version or a later one.",
            ) from error  # fmt: skip


def search_folder(db: Database, settings: Settings) -> Path | None:
    """Where a shop's search index is: beside its SQLite file or its lake; None without any, and then in memory."""
    if db.path is not None:
        return db.path.with_suffix(".search")
    return Path(settings.lake).with_suffix(".search") if settings.lake else None


def secret_in(conn: Connection) -> bytes:
    """The shop's signing key, made at the first call and the same in every process."""
    made = insert(conn, settings_table).values(name=_SIGNS, value=f'"{secrets.token_hex(32)}"')
    conn.execute(made.on_conflict_do_nothing())
    kept = conn.execute(settings_table.select().where(settings_table.c.name == _SIGNS)).one()
    return bytes.fromhex(kept.value.strip('"'))


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
    if "currency" in changes and not is_currency(changed.currency):
        raise FairdayError(
            f"{changed.currency!r} is not a currency.",
            code="bad_currency",
            where="currency",
            remedy="Write an ISO 4217 code such as CNY, EUR or USD.",
        )
    if changes:
        statement = insert(conn, settings_table)
        conn.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value}),
            [{"name": n, "value": jsons.dumps(getattr(changed, n))} for n in changes],
        )
    return changed
