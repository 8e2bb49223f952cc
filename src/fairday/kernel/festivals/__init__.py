"""The festival calendar: lunar and solar, commercial, pay days, a person's own dates; and the phases round them.

A festival has a name (``cn.spring_festival``, ``black_friday``), titles in three languages and a rule that gives its
days in a year. Those without a country are kept alike everywhere. See docs/merchants/scenes.md.
"""

from fairday.kernel.festivals.calendar import (
    NOBODY,
    Festival,
    all_festivals,
    festival,
    next_occurrence,
    occurrences,
)
from fairday.kernel.festivals.phases import ON_THE_DAY, Phase, check_phases, phase, phase_on
from fairday.kernel.festivals.rules import Own
from fairday.kernel.festivals.table import COUNTRIES

__all__ = [
    "COUNTRIES",
    "NOBODY",
    "ON_THE_DAY",
    "Festival",
    "Own",
    "Phase",
    "all_festivals",
    "check_phases",
    "festival",
    "next_occurrence",
    "occurrences",
    "phase",
    "phase_on",
]
