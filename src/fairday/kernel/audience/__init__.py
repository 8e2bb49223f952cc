"""The audience language: a boolean SQL expression over declared traits. See docs/algorithms/audiences.md."""

from fairday.kernel.audience.access import ConditionIndex
from fairday.kernel.audience.audience import Audience, parse
from fairday.kernel.audience.errors import AudienceError
from fairday.kernel.audience.facts import Facts, pack, unpack, yearly_day, yearly_month_day
from fairday.kernel.audience.sql import DIALECTS, TABLES, Columns, Dialect, Layout
from fairday.kernel.audience.standard import STANDARD_TRAITS
from fairday.kernel.audience.tree import MAX_COUNT, MAX_VALUE
from fairday.kernel.audience.vocabulary import (
    FUNCTIONS,
    MOMENT_FUNCTIONS,
    OPERATORS,
    STANDARD_MEASURES,
    TRAIT_TYPES,
    Measure,
    Part,
    TraitDef,
    Vocabulary,
    line_measure,
    minutes_trait,
)

__all__ = [
    "DIALECTS",
    "FUNCTIONS",
    "MAX_COUNT",
    "MAX_VALUE",
    "MOMENT_FUNCTIONS",
    "OPERATORS",
    "STANDARD_MEASURES",
    "STANDARD_TRAITS",
    "TABLES",
    "TRAIT_TYPES",
    "Audience",
    "AudienceError",
    "Columns",
    "ConditionIndex",
    "Dialect",
    "Facts",
    "Layout",
    "Measure",
    "Part",
    "TraitDef",
    "Vocabulary",
    "line_measure",
    "minutes_trait",
    "pack",
    "parse",
    "unpack",
    "yearly_day",
    "yearly_month_day",
]
