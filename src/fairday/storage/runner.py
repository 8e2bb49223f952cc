"""The streams runner: load, decide, and write state, events, projections and the next deadline in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection

from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer, Command, Decider, Event, Located, Refusal, Spanning, State, kind_of
from fairday.kernel.errors import Conflict, FairdayError
from fairday.storage import answers
from fairday.storage.batch import Batch, Encoded, Said, stream_state, stream_states, streams
from fairday.storage.database import of_database
from fairday.storage.deadlines import DEADLINE
from fairday.storage.groupcommit import Again, GroupCommit, Lane

MOVED = Refusal("deadline_moved", "This deadline has fired or moved.")


class Runner(Lane):
    """Executes commands on streams. ``submit`` waits, ``send`` awaits, ``post`` gives a future.

    Each gives the command's ``Answer`` after its commit, or raises what its rules raised; ``Unavailable`` when others
    were first for too long or the database was away; ``Conflict`` when its key was used for another request.
    """

    def __init__(self, writer: GroupCommit, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._deciders: dict[str, Decider] = {}
        self._spanning: dict[str, Spanning] = {}

    def register(self, decider: Decider) -> None:
        """Register the rules of a kind of stream; any command addressed to ``kind:…`` goes to it."""
        self._deciders[decider.kind] = decider

    def register_spanning(self, spanning: Spanning) -> None:
        """Register a command over several streams; it is found by its name.

        One named ``<kind>.deadline`` is what a deadline of streams of that kind runs, in one transaction with the
        streams it locates.
        """
        self._spanning[spanning.name] = spanning

    def evolve(self, stream: str, state: State, event: Event) -> State:
        """A stream's state after an event, by the rules of its kind; for spanning commands that fold several steps."""
        return self._deciders[kind_of(stream)].evolve(state, event)

    def _over_several(self, command: Command) -> Spanning | None:
        """The spanning command that this is, or that the deadline of a stream's kind is (``<kind>.deadline``)."""
        if command.name == DEADLINE:
            return self._spanning.get(f"{kind_of(command.stream)}.{DEADLINE}")
        return self._spanning.get(command.name)

    def post(self, command: Command) -> Future[Answer]:
        """Queue a command; the future is resolved after its commit."""
        self._check(command)
        return self._writer.submit(self, command)

    def submit(self, command: Command) -> Answer:
        """Run a command and wait for its answer."""
        return self.post(command).result()

    async def send(self, command: Command) -> Answer:
        """Run a command and await its answer."""
        self._check(command)
        answer: Answer = await self._writer.perform(self, command)
        return answer

    def gather(self, commands: Sequence[Command]) -> list[Answer | BaseException]:
        """Run commands that need not share a transaction; for each its answer or what it raised."""
        futures = [self._writer.submit(self, command) for command in commands]
        return [future.exception() or future.result() for future in futures]

    def _check(self, command: Command) -> None:
        if not 0 < len(command.stream) <= 200:
            raise FairdayError("A stream's name has 1 to 200 characters.", code="bad_stream", where=command.stream[:50])
        if len(command.actor) > 100 or len(command.key or "") > 200:
            raise FairdayError("An actor has at most 100 characters, an idempotency key 200.", code="bad_key")
        if self._over_several(command) is None and kind_of(command.stream) not in self._deciders:
            raise FairdayError(
                f"No rules are registered for {command.stream!r}.",
                code="unknown_stream",
                remedy=f"Known kinds: {', '.join(sorted(self._deciders)) or 'none'}.",
            )

    # ---- one batch, inside one transaction -------------------------------------------------------------------------

    def repeatable(self, item: Command) -> bool:
        """With a key, a repeat finds the answer if the first was committed."""
        return item.key is not None

    def apply(self, conn: Connection, items: Sequence[Command]) -> Sequence[Any]:
        """Apply a batch (the group commit's lane): a result for each command, in order."""
        batch = Batch(conn, self._deciders, self._clock.now())
        requests = ["" if c.key is None else answers.fingerprint(c) for c in items]
        keys = sorted({(c.actor, c.key) for c in items if c.key is not None})
        known = answers.find(conn, keys)
        results: list[Any] = [None] * len(items)
        spanned: dict[int, Located] = {}
        names: set[str] = set()
        for i, command in enumerate(items):
            spanning = self._over_several(command)
            if spanning is None:
                names.add(command.stream)
            elif (command.actor, command.key) not in known:
                try:
                    located = spanned[i] = _locate(spanning, command, batch)
                    names.update(located.streams, located.relied)
                except Exception as error:
                    if of_database(error):
                        raise
                    results[i] = error
        batch.lock(names)
        if conn.dialect.name == "postgresql":
            # Whoever held what we waited for may have answered the same keys.
            known |= answers.find(conn, keys)
        for i, command in enumerate(items):
            try:
                if results[i] is None:
                    results[i] = self._answer(command, requests[i], spanned.get(i), batch, known)
            except Exception as error:
                if of_database(error):
                    raise
                results[i] = error
        batch.save()
        return results

    def _answer(
        self,
        command: Command,
        request: str,
        located: Located | None,
        batch: Batch,
        known: dict[answers.Pair, tuple[str, Answer]],
    ) -> Answer | Conflict | Again:
        """One command within its batch: repeated, or decided and recorded."""
        key = command.key
        if key is not None:
            first = known.get((command.actor, key))
            if first is not None:
                return answers.repeat(first, request)
        stream = command.stream
        spanning = self._over_several(command)
        allowed: Sequence[str] = (stream,)
        if spanning is not None:
            assert located is not None
            if _moved(located, batch):
                # By a command before it in this batch, or by another process: look again among what is locked.
                located = _locate(spanning, command, batch)
                if _moved(located, batch):
                    return Again("what the command was located by has moved")
            allowed = located.streams
        now = max([batch.now, *(batch.loaded[s].last_at for s in allowed)])
        fired: int | None = None
        if command.name == DEADLINE:
            fired = int(command.data["at"])
            now = max(now, fired)
        decided: Mapping[str, Sequence[Event]] | Refusal
        if fired is not None and batch.loaded[stream].deadline != fired:
            batch.loaded[stream].kept = fired  # the table said otherwise: it is set right when the batch is saved
            decided = MOVED
        elif spanning is not None:
            decided = spanning.decide({s: batch.loaded[s].state for s in allowed}, command, now)
        else:
            made = batch.loaded[stream].decider.decide(batch.loaded[stream].state, command, now)
            decided = made if isinstance(made, Refusal) else {stream: made}
        said: Sequence[Said] = ()
        encoded: Sequence[Encoded] = ()
        refusal = None
        if isinstance(decided, Refusal):
            refusal = decided
        else:
            said, encoded = batch.record(decided, allowed, now, None if fired is None else (stream, fired))
            batch.beside(command.rows)
        answer = Answer(tuple(said), refusal, now)
        if key is not None:
            batch.answered(command.actor, key, request, answers.encode(encoded, refusal, now), now)
            known[command.actor, key] = (request, answer)
        return answer


def _locate(spanning: Spanning, command: Command, batch: Batch) -> Located:
    located = spanning.locate(command, batch.peek)
    if command.name == DEADLINE and command.stream not in located.streams:
        raise FairdayError(f"{spanning.name!r} does not locate its own stream.", code="not_located")
    for stream in (*located.streams, *located.relied):
        batch.decider(stream)
    return located


def _moved(located: Located, batch: Batch) -> bool:
    """Whether a stream is not locked, or no longer at the version it was located by."""
    return any(s not in batch.loaded for s in located.streams) or any(
        s not in batch.loaded or batch.loaded[s].version != v for s, v in located.relied.items()
    )


__all__ = ["DEADLINE", "Runner", "stream_state", "stream_states", "streams"]
