from __future__ import annotations

import pytest
from hypothesis import given, settings

from fairday.offers.grammar import parse_rule
from fairday.offers.model import Rule
from fairday.web.i18n import Tongue
from fairday.web.promotion_words import facts, gives
from rulespecs import rules

SAID = [
    ("{spend: 199, off: 30, goods: {category: tea}}", "from CN¥199.00 of tea: CN¥30.00 off"),
    ("{spend: 200, off: 30, repeat: true}", "CN¥30.00 off for every CN¥200.00"),
    ("{percent_off: 20, at_most: 50}", "20% off (at most CN¥50.00)"),
    ("{buy: 2, get: 1}", "buy 2, get 1 free"),
    ("{cheapest_of: 2, percent_off: 50}", "of every 2 the cheapest 1 at 50% off"),
    ("{spend: 99, free_shipping: true, gift: tin}", "from CN¥99.00: free delivery + 1 × tin as a gift"),
    ("{bundle: [\"category = 'tea'\", \"category = 'cups'\"], price: 99}", "a set of 2 for CN¥99.00"),
]


@pytest.mark.parametrize(("text", "words"), SAID)
def test_a_promotion_is_said_in_one_sentence(text: str, words: str) -> None:
    assert gives(Tongue("en", "Asia/Shanghai", "CNY"), parse_rule(text, name="x")) == words


@given(rules())
@settings(max_examples=40, deadline=None)
def test_any_promotion_can_be_said_in_every_language(rule: Rule) -> None:
    for language in ("zh", "en", "es"):
        tongue = Tongue(language, "Asia/Shanghai", "CNY")
        assert gives(tongue, rule)
        assert all(text for _, text in facts(tongue, rule, "Asia/Shanghai"))
