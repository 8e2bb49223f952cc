"""Two accounts become one: everything of the one moves to the other, in one transaction. ``shop.merging``.

What moves is said in one registry: each room registers what it keeps of accounts (``Moves``), as rooms register claims.
The value itself (points, stored value, tiers) is the accounts' own. The rules stand in docs/algorithms/merging.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer, Command, Event, Located, Peek, Refusal, Spanning, State, kind_of
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people.accounts.records import account_of
from fairday.people.accounts.rules import MERGE, check
from fairday.storage.database import Database
from fairday.storage.groupcommit import Again, GroupCommit, Lane
from fairday.storage.runner import Runner, stream_state

AT_ONCE = 500
"""Streams that one command moves; where there are more, further commands of the same transaction follow."""


class Moves(Protocol):
    """What one room keeps of an account, and how it goes into another.

    Attributes:
        name: the room's word for it, unique in the registry.
    """

    name: str

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        """The streams that ``decide`` needs: what is still the account's, and what it is looked at beside."""
        ...

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        """What moves, by stream; a refusal refuses the whole merge. Pure.

        ``states`` are of every room's streams; what is not the account's (any more) is left as it is.
        """
        ...

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        """Move what is no stream, in the same transaction; how many of what, {} for nothing."""
        ...


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge did.

    Attributes:
        into: the account that everything is in now.
        value: by unit what came over of points and money, in the unit's smallest part.
        moved: by kind of stream or thing ("coupon", "listing", "cart"), how many came over.
        before: they had been merged before; ``moved`` is what was left behind then.
    """

    into: str
    value: Mapping[str, int] = {}
    moved: Mapping[str, int] = {}
    before: bool = False


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge would do, or why it is refused (``code`` and ``why``, "" where it is not)."""

    merged: Merged | None = None
    code: str = ""
    why: str = ""


class _Asked(msgspec.Struct, frozen=True):
    account: str
    into: str
    actor: str


class _Undone(Exception):
    """Takes back a merge that was only foreseen."""


class Merging(Lane):
    """``shop.merging``: the registry of what moves, and the merge."""

    def __init__(self, db: Database, writer: GroupCommit, runner: Runner, clock: Clock) -> None:
        self._db, self._writer, self._runner, self._clock = db, writer, runner, clock
        self._moves: dict[str, Moves] = {}
        runner.register_spanning(Spanning(MERGE.name, _locate, self._decide))

    def register(self, *moves: Moves) -> None:
        """Say what else moves.

        Raises:
            FairdayError: something of that name is registered already.
        """
        for one in moves:
            if one.name in self._moves:
                raise FairdayError(f"What moves is registered once; {one.name!r} is twice.", code="moves_twice")
            self._moves[one.name] = one

    def merge(self, account: str, into: str, *, actor: str = "system") -> Merged:
        """Merge an account into another for good; done again it is done once.

        Raises:
            FairdayError: not an account.
            Conflict: it cannot be; ``code`` says why, and nothing has moved.
        """
        done: Merged = self._writer.submit(self, self._asked(account, into, actor)).result()
        return done

    def foresee(self, account: str, into: str) -> Foreseen:
        """What ``merge`` would do now: it is done and taken back."""
        asked, found = self._asked(account, into, "system"), Foreseen()
        try:
            with self._db.write() as conn:
                done = self._merge(conn, asked)
                if isinstance(done, Merged):
                    found = Foreseen(merged=done)
                elif isinstance(done, FairdayError):
                    found = Foreseen(code=done.code, why=done.message)
                raise _Undone
        except _Undone:
            return found
        except Conflict as error:
            return Foreseen(code=error.code, why=error.message)

    @staticmethod
    def _asked(account: str, into: str, actor: str) -> _Asked:
        check(account)
        check(into)
        return _Asked(account, into, actor)

    # ---- in the writer's transaction -------------------------------------------------------------------------------

    def repeatable(self, item: _Asked) -> bool:
        """A merge done twice is done once."""
        return True

    def apply(self, conn: Connection, items: Sequence[_Asked]) -> Sequence[Any]:
        """The group commit's lane."""
        return [self._merge(conn, item) for item in items]

    def _merge(self, conn: Connection, asked: _Asked) -> Merged | Exception | Again:
        """One merge; an exception given back has written nothing, one that is raised undoes what was."""
        account, into = asked.account, account_of(conn, asked.into)
        state = stream_state(conn, account)
        before = state is not None and bool(state[1]["into"]) and account_of(conn, account) == into
        value: Counter[str] = Counter()
        moved: Counter[str] = Counter()
        if not before:
            done = self._step(conn, account, into, asked.actor, value, moved)
            if done is not None:
                return done
        while before and account != into:  # what was left behind goes the way the account went
            onwards = stream_state(conn, account)
            assert onwards is not None
            done = self._step(conn, account, onwards[1]["into"], asked.actor, value, moved)
            if done is not None:
                return done
            account = onwards[1]["into"]
        return Merged(into=into, value=dict(value), moved=dict(moved), before=before)

    def _step(
        self, conn: Connection, account: str, into: str, actor: str, value: Counter[str], moved: Counter[str]
    ) -> Exception | Again | None:
        """Everything of one account to the next; what stops it is given back before anything was written."""
        done: set[str] = set()
        first = True
        while True:
            # Whatever came to the account while its streams were being locked is found by looking again.
            found = dict.fromkeys(s for one in self._moves.values() for s in one.streams(conn, account, into))
            waiting = [s for s in found if s not in done][:AT_ONCE]
            if not waiting and not first:
                break
            done.update(waiting)
            command = Command(MERGE.name, account, {"into": into, "streams": waiting}, actor)
            answer: Answer | Exception | Again = self._runner.apply(conn, [command])[0]
            if isinstance(answer, Answer) and answer.refusal is None:
                _count(answer, account, value, moved)
                first = False
                continue
            stopped = answer
            if isinstance(answer, Answer) and answer.refusal is not None:
                stopped = Conflict(answer.refusal.message, code=answer.refusal.code, where=account)
            assert isinstance(stopped, Exception | Again)
            if first:
                return stopped
            raise stopped if isinstance(stopped, Exception) else Conflict("Somebody was first.", code="contended")
        now = self._clock.now()
        for one in self._moves.values():
            moved.update(one.rows(conn, account, into, now))
        return None

    def _decide(
        self, states: Mapping[str, State], command: Command, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        account, into = command.stream, str(command.data["into"])
        made: dict[str, Sequence[Event]] = {}
        if states[account].get("into") != into or "streams" not in command.data:
            value = MERGE.decide(states, command, now)
            if isinstance(value, Refusal):
                return value
            made |= value
        for one in self._moves.values():
            found = one.decide(states, account, into, now)
            if isinstance(found, Refusal):
                return found
            made |= found
        return made


def _locate(command: Command, peek: Peek) -> Located:
    located = MERGE.locate(command, peek)
    return Located(tuple(dict.fromkeys((*located.streams, *command.data.get("streams", ())))))


def _count(answer: Answer, account: str, value: Counter[str], moved: Counter[str]) -> None:
    kept = ("account",)
    given = [data for stream, name, data in answer.events if stream == account and name == "Account Merged"]
    for data in given:
        value.update({unit: amount for unit, amount in data["moved"].items() if amount})
    streams = {stream for stream, name, _ in answer.events if kind_of(stream) not in kept and name.endswith(" Moved")}
    moved.update(kind_of(stream) for stream in streams)
