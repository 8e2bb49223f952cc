"""What one batch of commands has loaded and made: folded in memory per stream, saved once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, String, Table, Text

from fairday.kernel import jsons
from fairday.kernel.decider import Decider, Event, Row, State, Transfer, kind_of
from fairday.kernel.errors import FairdayError
from fairday.storage import answers, deadlines, ledger
from fairday.storage.bulk import insert_rows, overwrite
from fairday.storage.database import col, current_xid, metadata
from fairday.storage.groupcommit import Contended
from fairday.storage.log import append_events

streams = Table(
    "streams",
    metadata,
    col("stream", String(200), primary_key=True, personal=False),
    col("version", Integer, nullable=False, personal=False),
    col("last_at", BigInteger, nullable=False, personal=False),
    col("state", Text, nullable=False, personal=False),
)

Said = tuple[str, str, Mapping[str, Any]]
"""(stream, event name, data) as it stands in an answer."""

Encoded = tuple[str, str, msgspec.Raw]
"""The same with its data encoded."""

_LOAD = {
    "sqlite": "SELECT stream, version, last_at, state FROM streams WHERE stream IN (SELECT value FROM json_each(?))",
    # Byte order, as Python sorts: every process locks in the same order whatever the server's collation.
    "postgresql": "SELECT stream, version, last_at, state FROM streams WHERE stream = ANY(%s) "
    'ORDER BY stream COLLATE "C" FOR UPDATE',
}
_PEEK = {
    "sqlite": "SELECT stream, version, last_at, state FROM streams WHERE stream = ?",
    "postgresql": "SELECT stream, version, last_at, state FROM streams WHERE stream = %s",
}
_READ = {
    "sqlite": "SELECT stream, state FROM streams WHERE stream IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT stream, state FROM streams WHERE stream = ANY(%s)",
}
_COLUMNS = ("stream", "version", "last_at", "state")
_FORWARD = overwrite(streams, _COLUMNS) + " WHERE streams.version < excluded.version"


class Loaded:
    """A stream as loaded for a batch, and what the batch has made of it so far.

    Attributes:
        version: the number of its last event, those of this batch included.
        raw: the state as it will be saved; None while nothing has happened to it.
        deadline: what its state asks for (ms); ``kept`` is what the deadlines table holds.
    """

    __slots__ = ("deadline", "decider", "kept", "last_at", "raw", "state", "version")

    def __init__(self, decider: Decider, version: int, last_at: int, state: State) -> None:
        self.decider = decider
        self.version = version
        self.last_at = last_at
        self.state = state
        self.raw: bytes | None = None
        self.deadline = self.kept = decider.deadline(state) if version else None


class Batch:
    """Streams by name, locked and loaded once; ``save`` writes what was recorded, one statement a table."""

    def __init__(self, conn: Connection, deciders: Mapping[str, Decider], now: int) -> None:
        self.conn = conn
        self.now = now
        self.loaded: dict[str, Loaded] = {}
        self._deciders = deciders
        self._peeked: dict[str, tuple[int, State]] = {}
        self._events: list[tuple[Any, ...]] = []
        self._rows: list[Row] = []
        self._transfers: list[tuple[Transfer, str, int]] = []
        self._answers: list[tuple[str, str, str, str, int]] = []

    def decider(self, stream: str) -> Decider:
        found = self._deciders.get(kind_of(stream))
        if found is None or not 0 < len(stream) <= 200:
            known = ", ".join(sorted(self._deciders)) or "none"
            raise FairdayError(
                f"No rules are registered for {stream[:200]!r}.",
                code="unknown_stream",
                remedy=f"A stream is named kind:id in at most 200 characters; known kinds: {known}.",
            )
        return found

    def peek(self, stream: str) -> tuple[int, State]:
        """A stream's version and state: as folded so far where it is locked, else as committed."""
        one = self.loaded.get(stream)
        if one is not None:
            return one.version, one.state
        if stream not in self._peeked:
            row = self.conn.exec_driver_sql(_PEEK[self.conn.dialect.name], (stream,)).one_or_none()
            self._peeked[stream] = (row[1], jsons.loads(row[3])) if row else (0, self.decider(stream).initial())
        return self._peeked[stream]

    def lock(self, names: set[str]) -> None:
        """Load and lock streams, in sorted order; ``names`` are known to have rules."""
        ordered = sorted(names)
        if not ordered:
            return
        argument: Any = jsons.dumps(ordered) if self.conn.dialect.name == "sqlite" else ordered
        for stream, version, last_at, state in self.conn.exec_driver_sql(_LOAD[self.conn.dialect.name], (argument,)):
            self.loaded[stream] = Loaded(self.decider(stream), version, last_at, jsons.loads(state))
        for stream in ordered:
            if stream not in self.loaded:
                decider = self.decider(stream)
                self.loaded[stream] = Loaded(decider, 0, 0, decider.initial())

    def record(
        self, made: Mapping[str, Sequence[Event]], allowed: Sequence[str], at: int, fired: tuple[str, int] | None
    ) -> tuple[list[Said], list[Encoded]]:
        """Fold the events a command made, all of them or, when this raises, none.

        Args:
            allowed: the streams it located.
            at: the command's ``now``.
            fired: the stream and deadline (ms) that the command is the firing of, which may not stand afterwards.

        Returns:
            What the answer says, and the same with data encoded.
        """
        said: list[Said] = []
        encoded: list[Encoded] = []
        written: list[tuple[str, int, str, int, str]] = []
        rows: list[Row] = []
        transfers: list[Transfer] = []
        folded: list[tuple[Loaded, State, int, bytes, int | None]] = []
        entries: list[tuple[Transfer, str, int]] = []
        for stream, happened in made.items():
            if stream not in allowed:
                raise FairdayError(f"The command wrote to {stream!r} without locating it.", code="not_located")
            one = self.loaded[stream]
            decider, state, version = one.decider, one.state, one.version
            for event in happened:
                version += 1
                name, data = event.name, event.data
                state = decider.evolve(state, event)
                rows.extend(decider.rows(stream, event, at))
                transfers.extend(decider.transfers(stream, event, at))
                raw = jsons.encode(data)
                written.append((stream, version, name, at, raw.decode()))
                said.append((stream, name, data))
                encoded.append((stream, name, msgspec.Raw(raw)))
            if happened:
                folded.append((one, state, version, _bounded(decider, stream, state), decider.deadline(state)))
            if transfers:
                ledger.check(transfers)
                entries += [(transfer, stream, at) for transfer in transfers]
                transfers.clear()
        if fired is not None and self._after(fired[0], folded) == fired[1]:
            raise FairdayError(
                "A deadline fired and its stream still asks for it.",
                code="deadline_stands",
                remedy="Let the event of a deadline change what deadline(state) says.",
            )
        for one, state, version, raw, deadline in folded:
            one.state, one.version, one.last_at, one.raw, one.deadline = state, version, at, raw, deadline
        self._events += written
        self._rows += rows
        self._transfers += entries
        return said, encoded

    def beside(self, rows: Sequence[Row]) -> None:
        """Rows that a command brought with it, written with its events."""
        self._rows += rows

    def _after(self, stream: str, folded: Sequence[tuple[Loaded, State, int, bytes, int | None]]) -> int | None:
        one = self.loaded[stream]
        return next((deadline for found, *_, deadline in folded if found is one), one.deadline)

    def answered(self, actor: str, key: str, request: str, encoded: str, at: int) -> None:
        """Keep an answer under its key."""
        self._answers.append((actor, key, request, encoded, at))

    def save(self) -> None:
        """Write everything, tables in one order and rows in key order, so that processes never lock crosswise."""
        changed = ((s, one, one.raw) for s, one in sorted(self.loaded.items(), key=itemgetter(0)))
        rows = [(s, one.version, one.last_at, raw.decode()) for s, one, raw in changed if raw is not None]
        if insert_rows(self.conn, streams, _COLUMNS, rows, _FORWARD) != len(rows):
            raise Contended("another process wrote to the same stream")
        if self._events:
            append_events(self.conn, current_xid(self.conn), self._events)
        moved = {s: one.deadline for s, one in self.loaded.items() if one.deadline != one.kept}
        if moved:
            deadlines.save(self.conn, moved)
        self._save_rows()
        ledger.post(self.conn, self._transfers)
        answers.save(self.conn, self._answers)

    def _save_rows(self) -> None:
        merged: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        for row in self._rows:
            values = row.values
            key = tuple([values[name] for name in _key_names(row.table)])
            # The last value of a column stands, as it would row by row.
            merged.setdefault(row.table, {}).setdefault(key, {}).update(values)
        for name, found in sorted(merged.items()):
            table = metadata.tables[name]
            alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
            for key in sorted(found):
                values = found[key]
                alike.setdefault(tuple(values), []).append(tuple(values.values()))
            for columns, rows in sorted(alike.items()):
                insert_rows(self.conn, table, columns, rows, overwrite(table, columns))


@lru_cache
def _key_names(table: str) -> tuple[str, ...]:
    return tuple(c.name for c in metadata.tables[table].primary_key)


def _bounded(decider: Decider, stream: str, state: State) -> bytes:
    raw = jsons.encode(state)
    if len(raw) > decider.max_state_bytes:
        raise FairdayError(
            f"The state of {stream!r} would be {len(raw)} bytes; the limit is {decider.max_state_bytes}.",
            code="state_too_large",
            remedy="Give what grows (claims, seats) streams of its own.",
        )
    return raw


def stream_states(conn: Connection, names: Sequence[str]) -> dict[str, State]:
    """The states of some streams as saved, by name; those without an event are missing."""
    given = jsons.dumps(list(names)) if conn.dialect.name == "sqlite" else list(names)
    rows = conn.exec_driver_sql(_READ[conn.dialect.name], (given,))
    return {stream: jsons.loads(state) for stream, state in rows}


def stream_state(conn: Connection, stream: str) -> tuple[int, State] | None:
    """A stream's version and state as saved, or None when it has no event."""
    row = conn.exec_driver_sql(_PEEK[conn.dialect.name], (stream,)).one_or_none()
    return None if row is None else (row[1], jsons.loads(row[3]))
