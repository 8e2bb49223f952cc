"""Our pricing against the schema of collected cases read plainly, on cases nobody wrote."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from promotion_dice import Dice
from promotion_plain import Plain
from promotion_types import told


@settings(max_examples=400)
@given(seed=st.integers(0, 10**9))
def test_a_case_nobody_wrote_is_priced_as_the_schema_reads(seed: int) -> None:
    case = Dice(seed).case()
    got, want = told(case), Plain(case).told
    assert {word: got[word] for word in want} == want
