"""Had this run last year: a scene asked of the log day by day, and last year's carts priced under a planned promotion.

It says whom the scene would have met, with which goods, and what it would have cost at most; which carts the promotion
would have touched, and what it would have taken off them. It never says what either would have brought: nobody met it.
See docs/algorithms/foresight.md.
"""

from fairday.insight.replay.model import Cost, Note, Period, Replay, ReplayDay, ReplayFloor, Shown, last_time, period_of
from fairday.insight.replay.reprice import reprice
from fairday.insight.replay.repriced import Handed, Repriced, Typical, days_asked, usual_days
from fairday.insight.replay.repricings import RepricedRun, Repricings
from fairday.insight.replay.runs import ReplayRun, Replays, latest
from fairday.insight.replay.walk import replay
from fairday.insight.replay.words import in_words, repriced_in_words

__all__ = [
    "Cost",
    "Handed",
    "Note",
    "Period",
    "Replay",
    "ReplayDay",
    "ReplayFloor",
    "ReplayRun",
    "Replays",
    "Repriced",
    "RepricedRun",
    "Repricings",
    "Shown",
    "Typical",
    "days_asked",
    "in_words",
    "last_time",
    "latest",
    "period_of",
    "replay",
    "reprice",
    "repriced_in_words",
    "usual_days",
]
