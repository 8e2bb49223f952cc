"""The follower ``identity``: reads happenings in log order and keeps who owns which id when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Table

from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.fold import Drop, count, fold, save_drops
from fairday.people.identity.replay import unmerge
from fairday.people.identity.tables import OWNED
from fairday.storage.followers import Source
from fairday.storage.log import Happening


class IdentityFollower:
    """Who owns which id when; see docs/algorithms/identity.md.

    Args:
        settings: gives the settings in force; after a change of them a rebuild applies it to the past.
    """

    name = "identity"
    source: Source = "happenings"
    after: tuple[str, ...] = ()
    tables: tuple[Table, ...] = OWNED

    def __init__(self, settings: Callable[[], IdentitySettings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        settings = self._settings()
        waiting: list[Happening] = []
        for row in rows:
            if row.kind != "unmerge":
                waiting.append(row)
                continue
            fold(conn, settings, waiting)
            waiting = []
            drops: dict[Drop, int] = {}
            reason = unmerge(conn, settings, row)
            if reason:
                count(drops, row, "operator", reason)
                save_drops(conn, drops)
        fold(conn, settings, waiting)
