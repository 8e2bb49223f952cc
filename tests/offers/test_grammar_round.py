from __future__ import annotations

from hypothesis import given, settings
from tests.rulespecs import rules

from fairday.offers.grammar import parse_rule, rule_plain, rule_text
from fairday.offers.model import Rule


@given(rules())
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back_to_an_equal_rule(rule: Rule) -> None:
    text = rule_text(rule, zone="Europe/Madrid")
    assert parse_rule(text, zone="Europe/Madrid") == rule, text
    assert parse_rule(rule_plain(rule)) == rule
