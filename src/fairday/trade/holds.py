"""What an order's step sets off on the streams it holds things of: registered claims, folded in one go. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fairday.kernel.claims import Claim, Hold, Turn
from fairday.kernel.decider import Event, Refusal, State
from fairday.kernel.errors import FairdayError

Evolve = Callable[[str, State, Event], State]
"""(stream, state, event) → the state after it."""

Made = dict[str, list[Event]]
"""Events by stream."""

PAYMENT = "payment"
"""The claim of a payment: it is told of money given back through it, ``part`` being its own share."""


class Claims:
    """The claims by name."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}

    def register(self, claim: Claim) -> None:
        """Let orders hold things of this kind."""
        self._claims[claim.name] = claim

    def claim(self, name: str) -> Claim:
        """The claim of that name.

        Raises:
            FairdayError: nobody registered it.
        """
        found = self._claims.get(name)
        if found is None:
            known = ", ".join(sorted(self._claims)) or "none"
            raise FairdayError(
                f"No claim {name!r} is registered.", code="unknown_claim", remedy=f"Known claims: {known}."
            )
        return found

    def fold(
        self,
        states: Mapping[str, State],
        turns: Sequence[tuple[Hold, Turn]],
        now: int,
        evolve: Evolve,
        made: Made | None = None,
    ) -> Made | Refusal:
        """What turns mean for the held streams: each hold is decided on the state the ones before it left.

        Args:
            states: of all streams held, as loaded.
            turns: holds and what each is told, in order.
            made: events already decided in the same command; they are folded in first and returned with the new ones.

        Returns:
            Events by stream, or the first refusal: then none of it happens.
        """
        after: dict[str, State] = {}
        found: Made = {stream: list(events) for stream, events in (made or {}).items()}
        for stream, events in found.items():
            for event in events:
                after[stream] = evolve(stream, after.get(stream, states[stream]), event)
        for hold, turn in turns:
            state = after.get(hold.stream, states[hold.stream])
            decided = self.claim(hold.claim).decide(state, hold, turn, now)
            if isinstance(decided, Refusal):
                return decided
            for event in decided:
                state = evolve(hold.stream, state, event)
                found.setdefault(hold.stream, []).append(event)
            after[hold.stream] = state
        return found
