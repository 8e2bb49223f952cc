"""How much one sender may send: token buckets in memory, pure but for what they remember."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """A token bucket for each sender.

    Args:
        rate: tokens that come back a second.
        burst: tokens a full bucket holds.
        senders: how many senders are remembered; the one longest quiet is forgotten first.
    """

    def __init__(self, rate: float, burst: float, senders: int = 50_000) -> None:
        self.rate = rate
        self.burst = burst
        self._senders = senders
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str, tokens: int, now: float) -> float:
        """Take tokens, or none of them.

        A request that is larger than the whole bucket passes when the bucket is full and leaves it in debt.

        Args:
            sender: whose bucket.
            tokens: how many.
            now: seconds of a clock that never goes back.

        Returns:
            0.0 when they were taken, else in how many seconds to try again.
        """
        left, then = self._left.pop(sender, (self.burst, now))
        left = min(self.burst, left + (now - then) * self.rate)
        short = min(tokens, self.burst) - left
        if short <= 0:
            left -= tokens
        self._left[sender] = (left, now)
        if len(self._left) > self._senders:
            self._left.popitem(last=False)
        return max(0.0, short / self.rate) if short > 0 else 0.0
