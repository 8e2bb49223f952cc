"""The streams runner: load, decide, and write state, events, projections and the next deadline in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)

from fairday.kernel import ids, jsons
from fairday.kernel.clock import Clock
from fairday.kernel.decider import (
    MAX_STATE_BYTES,
    Answer,
    Command,
    Decider,
    Event,
    Located,
    Refusal,
    Row,
    Spanning,
    State,
    Transfer,
    kind_of,
)
from fairday.kernel.errors import Conflict, FairdayError
from fairday.storage import ledger
from fairday.storage.database import col, current_xid, insert, metadata
from fairday.storage.groupcommit import Again, GroupCommit
from fairday.storage.log import append_events

streams = Table(
    "streams",
    metadata,
    col("stream", String(200), primary_key=True, personal=False),
    col("version", Integer, nullable=False, personal=False),
    col("last_at", BigInteger, nullable=False, personal=False),
    col("state", Text, nullable=False, personal=False),
)
deadlines = Table(
    "deadlines",
    metadata,
    col("stream", String(200), primary_key=True, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    Index("deadlines_at", "at"),
)
answers = Table(
    "answers",
    metadata,
    col("actor", String(100), primary_key=True, personal=False),
    col("key", String(200), primary_key=True, personal=False),
    col("request", String(32), nullable=False, personal=False),
    col("answer", Text, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)

DEADLINE = "deadline"
"""The command a stream is sent when its deadline has come; ``data`` holds the deadline's ``at``."""


class _Loaded:
    """A stream as loaded for a batch, and what the batch has made of it so far."""

    __slots__ = ("at", "events", "fresh", "last_at", "state", "version")

    def __init__(self, version: int, last_at: int, state: State, fresh: bool, deadline: int | None) -> None:
        self.version = version
        self.last_at = last_at
        self.state = state
        self.fresh = fresh
        self.at = deadline
        self.events = 0


class Runner:
    """Executes commands on streams. ``submit`` waits, ``send`` awaits, ``post`` gives a future."""

    def __init__(self, writer: GroupCommit, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._deciders: dict[str, Decider] = {}
        self._spanning: dict[str, Spanning] = {}
        self._commands: dict[str, str] = {}

    def register(self, decider: Decider) -> None:
        """Register the rules of a kind of stream; any command addressed to ``kind:…`` goes to it."""
        self._deciders[decider.kind] = decider

    def register_spanning(self, spanning: Spanning) -> None:
        """Register a command over several streams; it is found by its name."""
        self._spanning[spanning.name] = spanning

    def post(self, command: Command) -> Future[Answer]:
        """Queue a command; the future is resolved after its commit."""
        self._check(command)
        return self._writer.submit(self, command)

    def submit(self, command: Command) -> Answer:
        """Run a command and wait for its answer."""
        return self.post(command).result()

    async def send(self, command: Command) -> Answer:
        """Run a command and await its answer."""
        return await asyncio.wrap_future(self.post(command))

    def _check(self, command: Command) -> None:
        if len(command.stream) > 200 or not command.stream:
            raise FairdayError("A stream's name has 1 to 200 characters.", code="bad_stream", where=command.stream[:50])
        if command.name not in self._spanning and kind_of(command.stream) not in self._deciders:
            raise FairdayError(
                f"No rules are registered for {command.stream!r}.",
                code="unknown_stream",
                remedy=f"Known kinds: {', '.join(sorted(self._deciders)) or 'none'}.",
            )

    # ---- one batch, inside one transaction -------------------------------------------------------------------------

    def apply(self, conn: Connection, items: Sequence[Command]) -> Sequence[Any]:
        """Apply a batch (the group commit's lane): a result for each command, in order."""
        batch = _Batch(conn, self._deciders, self._clock.now())
        hashes = [_hash(c) if c.key is not None else "" for c in items]
        known = _known_answers(conn, items)
        results: list[Any] = [None] * len(items)
        todo: list[tuple[int, Command, Located]] = []
        for i, command in enumerate(items):
            first = known.get((command.actor, command.key or ""))
            if command.key is not None and first is not None:
                results[i] = _repeat(first, hashes[i])
                continue
            try:
                todo.append((i, command, self._locate(command, batch)))
            except Exception as error:
                results[i] = error
        batch.lock({s for _, _, located in todo for s in located.streams})
        for i, command, located in todo:
            pair = (command.actor, command.key or "")
            if command.key is not None and pair in known:
                results[i] = _repeat(known[pair], hashes[i])
                continue
            if any(batch.version(s) != v for s, v in located.relied.items()):
                results[i] = Again("what the command was located by has moved")
                continue
            try:
                answer = self._decide(command, located, batch)
            except Exception as error:
                results[i] = error
                continue
            results[i] = answer
            if command.key is not None:
                known[pair] = (hashes[i], answer)
                batch.answers.append((command.actor, command.key, hashes[i], answer))
        batch.save()
        return results

    def _locate(self, command: Command, batch: _Batch) -> Located:
        spanning = self._spanning.get(command.name)
        return spanning.locate(command, batch.peek) if spanning else Located((command.stream,))

    def _decide(self, command: Command, located: Located, batch: _Batch) -> Answer:
        spanning = self._spanning.get(command.name)
        if spanning is None:
            if command.name == DEADLINE and batch.deadline(command.stream) != command.data.get("at"):
                return Answer((), Refusal("deadline_moved", "This deadline has fired or moved."), batch.now)
            state = batch.state(command.stream)
            decided = self._deciders[kind_of(command.stream)].decide(state, command, batch.now)
            if isinstance(decided, Refusal):
                return Answer((), decided, batch.now)
            made: Mapping[str, Sequence[Event]] = {command.stream: decided}
        else:
            spanned = spanning.decide({s: batch.state(s) for s in located.streams}, command, batch.now)
            if isinstance(spanned, Refusal):
                return Answer((), spanned, batch.now)
            made = spanned
        return batch.record(made, located, fired=command.name == DEADLINE)


class _Batch:
    """What a batch has loaded and made, folded in memory per stream and saved once."""

    def __init__(self, conn: Connection, deciders: Mapping[str, Decider], now: int) -> None:
        self.conn = conn
        self.deciders = deciders
        self.now = now
        self.loaded: dict[str, _Loaded] = {}
        self.peeked: dict[str, tuple[int, State]] = {}
        self.events: list[dict[str, Any]] = []
        self.rows: list[Row] = []
        self.transfers: list[tuple[Transfer, str]] = []
        self.answers: list[tuple[str, str, str, Answer]] = []

    def peek(self, stream: str) -> tuple[int, State]:
        if stream not in self.peeked:
            row = self.conn.execute(
                select(streams.c.version, streams.c.state).where(streams.c.stream == stream)
            ).one_or_none()
            self.peeked[stream] = (row[0], jsons.loads(row[1])) if row else (0, self._initial(stream))
        return self.peeked[stream]

    def lock(self, names: set[str]) -> None:
        """Load and lock the streams in sorted order."""
        ordered = sorted(names)
        for start in range(0, len(ordered), 500):
            part = ordered[start : start + 500]
            query = (
                select(streams, deadlines.c.at)
                .outerjoin(deadlines, deadlines.c.stream == streams.c.stream)
                .where(streams.c.stream.in_(part))
                .order_by(streams.c.stream)
                .with_for_update(of=streams)
            )
            for stream, version, last_at, state, at in self.conn.execute(query):
                self.loaded[stream] = _Loaded(version, last_at, jsons.loads(state), False, at)
                self.now = max(self.now, last_at)
        for stream in ordered:
            if stream not in self.loaded:
                self.loaded[stream] = _Loaded(0, 0, self._initial(stream), True, None)

    def _initial(self, stream: str) -> State:
        return self.deciders[kind_of(stream)].initial()

    def version(self, stream: str) -> int:
        one = self.loaded.get(stream)
        if one is not None:
            return one.version + one.events
        row = self.conn.execute(select(streams.c.version).where(streams.c.stream == stream)).one_or_none()
        return row[0] if row else 0

    def state(self, stream: str) -> State:
        return self.loaded[stream].state

    def deadline(self, stream: str) -> int | None:
        return self.loaded[stream].at

    def record(self, made: Mapping[str, Sequence[Event]], located: Located, fired: bool) -> Answer:
        """Fold the events a command made, all of them or none (an exception leaves everything as it was)."""
        states: dict[str, State] = {}
        rows: list[Row] = []
        transfers: list[tuple[Transfer, str]] = []
        written: list[dict[str, Any]] = []
        said: list[tuple[str, str, Mapping[str, Any]]] = []
        for stream, happened in made.items():
            if stream not in located.streams:
                raise FairdayError(f"The command wrote to {stream!r} without locating it.", code="not_located")
            decider = self.deciders[kind_of(stream)]
            one = self.loaded[stream]
            state = one.state
            for n, event in enumerate(happened):
                state = decider.evolve(state, event)
                rows += decider.rows(stream, event, self.now)
                transfers += ((t, stream) for t in decider.transfers(stream, event, self.now))
                seq = one.version + one.events + n + 1
                data = jsons.dumps(event.data)
                written.append({"stream": stream, "seq": seq, "name": event.name, "at": self.now, "data": data})
                said.append((stream, event.name, event.data))
            states[stream] = state
        next_deadlines = {s: self.deciders[kind_of(s)].deadline(state) for s, state in states.items()}
        for stream, state in states.items():
            one = self.loaded[stream]
            one.state = state
            one.events += len(made[stream])
            one.at = next_deadlines[stream]
        self.rows += rows
        self.transfers += transfers
        self.events += written
        return Answer(said, None, self.now)

    def save(self) -> None:
        conn = self.conn
        changed = sorted((s, one) for s, one in self.loaded.items() if one.events)
        fresh: list[dict[str, Any]] = []
        moved: list[dict[str, Any]] = []
        due: list[dict[str, Any]] = []
        cleared: list[dict[str, Any]] = []
        for stream, one in changed:
            state = jsons.dumps(one.state)
            if len(state) > MAX_STATE_BYTES:
                raise FairdayError(
                    f"The state of {stream!r} would be {len(state)} bytes; the limit is {MAX_STATE_BYTES}.",
                    code="state_too_large",
                    remedy="Give what grows (claims, seats) streams of its own.",
                )
            values = {
                "stream": stream,
                "version": one.version + one.events,
                "last_at": self.now,
                "state": state,
            }
            if one.fresh:
                fresh.append(values)
            else:
                moved.append({**values, "b_stream": stream, "b_version": one.version})
            (due if one.at is not None else cleared).append({"stream": stream, "at": one.at})
        if fresh:
            conn.execute(streams.insert(), fresh)
        if moved:
            guarded = (
                update(streams)
                .where(streams.c.stream == bindparam("b_stream"), streams.c.version == bindparam("b_version"))
                .values(version=bindparam("version"), last_at=bindparam("last_at"), state=bindparam("state"))
            )
            for values in moved:
                values.pop("stream")
            if conn.execute(guarded, moved).rowcount != len(moved):
                raise Conflict("A stream moved under its lock.", code="version_moved")
        if self.events:
            xid = current_xid(conn)
            append_events(conn, [{**e, "xid": xid} for e in self.events])
        if due:
            upsert = insert(conn, deadlines)
            conn.execute(upsert.on_conflict_do_update(index_elements=["stream"], set_={"at": upsert.excluded.at}), due)
        if cleared:
            conn.execute(delete(deadlines).where(deadlines.c.stream.in_([c["stream"] for c in cleared])))
        self._save_rows()
        ledger.post(conn, self.transfers, self.now)
        if self.answers:
            conn.execute(
                answers.insert(),
                [
                    {"actor": a, "key": k, "request": h, "answer": _encode(answer), "at": self.now}
                    for a, k, h, answer in self.answers
                ],
            )

    def _save_rows(self) -> None:
        by_table: dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], dict[str, Any]]] = {}
        for row in self.rows:
            table = metadata.tables[row.table]
            key = tuple(row.values[c.name] for c in table.primary_key)
            # The last value of a key wins, as it would row by row.
            by_table.setdefault((row.table, tuple(sorted(row.values))), {})[key] = dict(row.values)
        for (name, columns), found in by_table.items():
            table = metadata.tables[name]
            upsert = insert(self.conn, table)
            keys = [c.name for c in table.primary_key]
            rest = {c: upsert.excluded[c] for c in columns if c not in keys}
            statement = (
                upsert.on_conflict_do_update(index_elements=keys, set_=rest)
                if rest
                else upsert.on_conflict_do_nothing(index_elements=keys)
            )
            self.conn.execute(statement, [found[k] for k in sorted(found)])


def _hash(command: Command) -> str:
    return ids.digest(jsons.canonical([command.name, command.stream, command.data]))


def _known_answers(conn: Connection, items: Sequence[Command]) -> dict[tuple[str, str], tuple[str, Answer]]:
    pairs = sorted({(c.actor, c.key) for c in items if c.key is not None})
    found: dict[tuple[str, str], tuple[str, Answer]] = {}
    for start in range(0, len(pairs), 400):
        query = select(answers).where(tuple_(answers.c.actor, answers.c.key).in_(pairs[start : start + 400]))
        for actor, key, request, answer, _ in conn.execute(query):
            found[(actor, key)] = (request, _decode(answer))
    return found


def _repeat(first: tuple[str, Answer], request: str) -> Answer | Conflict:
    if first[0] != request:
        return Conflict(
            "This idempotency key was used for another request.",
            code="key_reused",
            remedy="Send a new key with a new request.",
        )
    return first[1]


def _encode(answer: Answer) -> str:
    refusal = answer.refusal
    return jsons.dumps(
        {
            "at": answer.at,
            "events": answer.events,
            "refusal": None if refusal is None else [refusal.code, refusal.message, refusal.detail],
        }
    )


def _decode(raw: str) -> Answer:
    found = jsons.loads(raw)
    refusal = found["refusal"]
    return Answer(tuple((s, n, d) for s, n, d in found["events"]), Refusal(*refusal) if refusal else None, found["at"])


def stream_state(conn: Connection, stream: str) -> tuple[int, State] | None:
    """A stream's version and state as saved, or None when it has no event."""
    row = conn.execute(select(streams.c.version, streams.c.state).where(streams.c.stream == stream)).one_or_none()
    return None if row is None else (row[0], jsons.loads(row[1]))


def due(conn: Connection, now: int, limit: int = 1000) -> list[tuple[str, int]]:
    """Streams whose deadline has come, the longest overdue first: (stream, at)."""
    query = (
        select(deadlines.c.stream, deadlines.c.at)
        .where(deadlines.c.at <= now)
        .order_by(deadlines.c.at, deadlines.c.stream)
    )
    return [(s, a) for s, a in conn.execute(query.limit(limit))]


def fire_due(runner: Runner, found: Sequence[tuple[str, int]], on_error: Callable[[str, Exception], None]) -> int:
    """Send each due stream its deadline; how many were answered. A deadline that fails is reported and stays due."""
    futures = [(stream, runner.post(Command(DEADLINE, stream, {"at": at}, actor="deadline"))) for stream, at in found]
    done = 0
    for stream, future in futures:
        try:
            future.result()
            done += 1
        except Exception as error:
            on_error(stream, error)
    return done
