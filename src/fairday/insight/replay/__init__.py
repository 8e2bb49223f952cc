"""Had this run last year: a scene asked of the log day by day, with nothing later known.

It says whom the scene would have met, with which goods, and what it would have cost at most. It never says what the
scene would have brought: nobody met it. See docs/algorithms/foresight.md.
"""

from fairday.insight.replay.model import Cost, Note, Period, Replay, ReplayDay, ReplayFloor, Shown, last_time, period_of
from fairday.insight.replay.runs import ReplayRun, Replays, latest
from fairday.insight.replay.walk import replay
from fairday.insight.replay.words import in_words

__all__ = [
    "Cost",
    "Note",
    "Period",
    "Replay",
    "ReplayDay",
    "ReplayFloor",
    "ReplayRun",
    "Replays",
    "Shown",
    "in_words",
    "last_time",
    "latest",
    "period_of",
    "replay",
]
