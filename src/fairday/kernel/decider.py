"""The decider protocol: rules, money and limited counts as pure functions over streams.

A *stream* is one thing with rules (a coupon batch, a seat, an order), named ``kind:id``. A *decider* says what a
command does to it: ``decide(state, command, now) -> events | Refusal`` and ``evolve(state, event) -> state``. Nothing
here, and nothing in a decider, touches a database, a clock or the network. See docs/algorithms/streams.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

State = dict[str, Any]
"""A stream's state: a JSON object, at most 4 KB unless its decider says more. ``evolve`` returns a new one and leaves
the one it was given."""

MAX_STATE_BYTES = 4096


class Event(msgspec.Struct, frozen=True):
    """A step of a stream, kept for good. ``data`` is JSON and holds account ids, never personal data."""

    name: str
    data: Mapping[str, Any] = {}


class Refusal(msgspec.Struct, frozen=True):
    """The rules say no. ``code`` is for programs, ``message`` for people; a refusal writes no event."""

    code: str
    message: str
    detail: Mapping[str, Any] = {}


class Row(msgspec.Struct, frozen=True):
    """A row of a projection that guards a rule, written in the command's transaction (upsert by primary key).

    ``values`` are text, integers, floats, booleans or None.
    """

    table: str
    values: Mapping[str, Any]


class Command(msgspec.Struct, frozen=True):
    """Something asked of one or several streams.

    Attributes:
        name: what is asked, registered with the runner (``coupon.claim``).
        stream: the stream it is addressed to (``coupon:spring``).
        data: JSON arguments, results of slow work included.
        actor: who asks; idempotency keys are scoped to it.
        key: the idempotency key, or None when a repeat is a new request.
        rows: rows that are written with its events, unless it is refused: a person's words, which no event may hold.
            They are no part of what makes two requests the same.
    """

    name: str
    stream: str
    data: Mapping[str, Any] = {}
    actor: str = "system"
    key: str | None = None
    rows: Sequence[Row] = ()


class Transfer(msgspec.Struct, frozen=True):
    """A double entry: ``amount`` (> 0) of ``unit`` (CNY, points …) from ``debit`` to ``credit``; ``key`` is unique."""

    key: str
    debit: str
    credit: str
    unit: str
    amount: int


class Decider(Protocol):
    """The rules of one kind of stream; ``max_state_bytes`` is the most that a state of it may grow to."""

    kind: str
    max_state_bytes: int

    def initial(self) -> State:
        """The state of a stream that has no event yet."""
        ...

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        """What a command does. ``now`` in ms, never before the stream's last event. Deadlines come as ``deadline``."""
        ...

    def evolve(self, state: State, event: Event) -> State:
        """The state after an event."""
        ...

    def deadline(self, state: State) -> int | None:
        """When (ms) the stream wants a ``deadline`` command next, or None. A function of the state alone."""
        ...

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        """Projection rows the event writes."""
        ...

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        """Ledger entries the event makes."""
        ...


class BaseDecider:
    """A decider's parts that most do without: no deadline, no rows, no ledger entries."""

    max_state_bytes = MAX_STATE_BYTES

    def deadline(self, state: State) -> int | None:
        return None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        return ()

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        return ()


class Located(msgspec.Struct, frozen=True):
    """The streams a spanning command needs, and versions it relied on while finding them (stream → version)."""

    streams: Sequence[str]
    relied: Mapping[str, int] = {}


class Peek(Protocol):
    """What a locate step may read: a stream's version and state, before anything is locked."""

    def __call__(self, stream: str) -> tuple[int, State]: ...


@dataclass(frozen=True, slots=True)
class Spanning:
    """A command over several streams: find them, then decide over all their states at once, all or nothing.

    Attributes:
        name: the command's name.
        locate: which streams it needs. May peek; a peeked version that moved before the lock means another try.
        decide: states by stream (those located), to events by stream, or a Refusal.
    """

    name: str
    locate: Callable[[Command, Peek], Located]
    decide: Callable[[Mapping[str, State], Command, int], Mapping[str, Sequence[Event]] | Refusal]


class Answer(msgspec.Struct, frozen=True):
    """What a command was answered, the same for every repeat of its key.

    Attributes:
        events: (stream, name, data) of each event it made, in order; empty when refused.
        refusal: why not, or None.
        at: the batch's ``now`` in ms.
    """

    events: Sequence[tuple[str, str, Mapping[str, Any]]]
    refusal: Refusal | None
    at: int

    @property
    def ok(self) -> bool:
        return self.refusal is None


def kind_of(stream: str) -> str:
    """The kind of a stream name: what stands before the first colon."""
    return stream.partition(":")[0]
