"""What comes later to something that was closed: it goes on by itself to what it went into, through however many. Pure.

An account that was merged away leaves counters and balances behind which orders still hold: a refund gives back where
the order took. Such a stream keeps ``into``, the stream that stands for it now, and asks for a deadline as soon as
anything is left on it; ``<kind>.deadline`` then moves that on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fairday.kernel.decider import Command, Event, Located, Peek, Refusal, Spanning, State

Moved = Callable[[str, State, str, State, int], Mapping[str, Sequence[Event]]]
"""What moves all that is on one stream to another: (stream, its state, into, that one's state, now) → events."""


def locate_last(command: Command, peek: Peek) -> Located:
    """A stream, and the one it went into, followed to the last."""
    relied = {}
    last = command.stream
    relied[last], state = peek(last)
    while state.get("into"):
        last = state["into"]
        relied[last], state = peek(last)
    return Located(tuple(dict.fromkeys((command.stream, last))), relied)


def forwarding(kind: str, moved: Moved) -> Spanning:
    """``<kind>.deadline`` for streams that have no other deadline than that something is left on a closed one."""

    def decide(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
        stream = command.stream
        into = next((name for name in states if name != stream), None)
        return {} if into is None else moved(stream, states[stream], into, states[into], now)

    return Spanning(f"{kind}.deadline", locate_last, decide)
