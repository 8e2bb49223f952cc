"""What is said of a condition reads back as the same condition, and each part says what was seen."""

from __future__ import annotations

from random import Random

import pytest

import audiences
from fairday.kernel import audience as language
from fairday.kernel.audience import STANDARD_TRAITS, Facts, Vocabulary, parse
from fairday.kernel.audience.explain import explain, said
from fairday.kernel.audience.tree import And, Not, Or, Trait, walk

WORDS = Vocabulary(STANDARD_TRAITS, "CNY")


@pytest.mark.parametrize("seed", range(4))
def test_a_part_reads_back_as_what_it_means(seed: int) -> None:
    random, words = Random(seed), audiences.vocabulary(language)
    for _ in range(150):
        tree = parse(audiences.render(audiences.expression(random, 2)), words).tree
        for node in walk(tree):
            leaf = not isinstance(node, And | Or) and type(node).__name__ in (
                "Compare", "TextIn", "Contains", "Has", "Known", "Truth",
            )  # fmt: skip
            thresholds = {n.threshold for n in walk(node) if isinstance(n, Trait)}
            if leaf and len(thresholds) <= 1:
                assert parse(said(node, words), words).tree == node
            if isinstance(node, Not) and not isinstance(node.part, And | Or | Not) and len(thresholds) <= 1:
                again = parse(said(node, words), words)
                assert again.tree == node


def steps(text: str, profile=(), activity=()) -> list[tuple[str, str, str, int]]:
    found = explain(parse(text, WORDS), Facts.of(profile, activity), 1000, WORDS)
    return [(s.code, s.params["join"], s.params["text"], s.params["depth"]) for s in found]


def test_each_part_says_whether_it_holds():
    profile = [("age", 34, 34, None, None), ("city", None, None, "Lyon", None)]
    asked = "age >= 20 and (city = 'Paris' or orders(90d) >= 2) and not known(gender) and birthday = '02-29'"
    assert steps(asked, profile, [("Order Completed", 990, 3, 50_000)]) == [
        ("unknown", "all", "", 0),
        ("holds", "", "age >= 20", 1),
        ("holds", "any", "", 1),
        ("fails", "", "city = 'Paris'", 2),
        ("holds", "", "orders(90d) >= 2", 2),
        ("holds", "", "not known(gender)", 1),
        ("unknown", "", "birthday = '02-29'", 1),
    ]


def test_each_part_says_what_was_seen():
    profile = [("age", 20, 24, None, 850), ("interests", None, None, "\x1ftea\x1fcups\x1f", None)]
    activity = [("Order Completed", 990, 3, 50_000), ("bought:category=tea", 990, 5, 0)]

    def seen(text: str):
        (step,) = explain(parse(text, WORDS), Facts.of(profile, activity), 1000, WORDS)
        return step.code, step.params["seen"]

    told = {"lo": None, "hi": None, "texts": None, "p": None}
    assert seen("age < 30") == ("unknown", [{"trait": "age", "type": "int", **told}])
    assert seen("likely(age < 30, 0.8)") == (
        "holds", [{"trait": "age", "type": "int", **told, "lo": 20, "hi": 24, "p": 850}],
    )  # fmt: skip
    assert seen("'tea' in interests")[1] == [{"trait": "interests", "type": "texts", **told, "texts": ["tea", "cups"]}]
    spent = {"measure": "spend", "what": "", "type": "money", "days": 90, "value": 50_000}
    assert seen("spend(90d) > 400")[1] == [spent]
    assert seen("bought('category', 'tea') >= 6") == (
        "fails", [{"measure": "bought", "what": "tea", "type": "int", "days": None, "value": 5}],
    )  # fmt: skip
    assert seen("days_since('Order Completed') > 3")[1][0]["value"] == 10
    assert seen("days_since('Product Viewed') > 3") == (
        "unknown", [{"measure": "days_since", "what": "Product Viewed", "type": "int", "days": None, "value": None}],
    )  # fmt: skip
