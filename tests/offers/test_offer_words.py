"""Pricing's codes in words."""

from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import Path

import pytest

import fairday.offers.pricing
from fairday.offers import telling
from fairday.offers.model import AmountOff, Cart, Facts, Line, Need, PercentOff, Rule, Tier, Tiers, Told, When
from fairday.offers.pricing import Book, price

CART = Cart(currency="CNY", lines=(Line(line="1", sku="A", unit=18_000, qty=1),))


def money(minor: int) -> str:
    return f"¥{minor // 100}"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "¥20 more for ¥30 off"), ("zh", "再买 ¥20 就减¥30"), ("es", "¥20 más y ¥30 menos"),
     ("fr", "¥20 more for ¥30 off")],
)  # fmt: skip
def test_what_is_missing_is_said_with_what_it_brings(language: str, said: str) -> None:
    rule = Rule(id="r", benefits=(AmountOff(amount=3_000),), when=When(needs=(Need(spend=20_000),)))
    (short,) = price(CART, Book([rule]), Facts(), 0, 0).missing
    assert telling.missing(short, language, money, str) == said


@pytest.mark.parametrize(
    ("benefit", "said"),
    [(PercentOff(percent=Decimal("12.50")), "1 more of these for 12.5% off"),
     (Tiers(by="units", tiers=(Tier(at=2, free_shipping=True),)), "1 more of these for free delivery"),
     (Tiers(by="units", tiers=(Tier(at=2, points=50),)), "1 more of these for 50 points")],
)  # fmt: skip
def test_units_that_are_missing_are_counted(benefit: PercentOff | Tiers, said: str) -> None:
    needs = () if isinstance(benefit, Tiers) else (Need(units=2),)
    rule = Rule(id="r", benefits=(benefit,), when=When(needs=needs))
    (short,) = price(CART, Book([rule]), Facts(), 0, 0).missing
    assert telling.missing(short, "en", money, str) == said


def test_every_code_the_engine_knows_has_words_in_each_language() -> None:
    folder = Path(fairday.offers.pricing.__file__).parent
    codes = {"spend", "units", "line_units", "holdout", "mixed", "not_now", "spend_after", "nothing"}
    for node in ast.walk(ast.parse((folder / "eligible.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "_outside":
            for back in ast.walk(node):
                if isinstance(back, ast.Return) and isinstance(back.value, ast.Constant) and back.value.value:
                    codes.add(back.value.value)
    for told in [Told(rule="r", code=c, values={"wanted": 1, "missing": 1}) for c in codes] + [
        *(Told(rule="r", code="barred", values={"by": by}) for by in ("budget", "uses", "day", "person")),
        Told(rule="r", code="beaten", values={"by": ["a", "b"]}), Told(rule="r", code="left_out"),
        *(Told(rule="r", code=c) for c in ("channel", "store", "country", "payment_method", "goods")),
    ]:  # fmt: skip
        texts = {telling.refused(told, language, money, str) for language in ("zh", "en", "es")}
        assert len(texts) == 3
        assert all("{" not in text for text in texts)


def test_the_one_that_is_better_is_named() -> None:
    rules = [Rule(id=i, benefits=(AmountOff(amount=n),), group="g") for i, n in (("more", 900), ("less", 500))]
    (told,) = price(CART, Book(rules), Facts(), 0, 0).refused
    assert telling.refused(told, "en", money, {"more": "The better"}.__getitem__) == (
        "Does not add up with “The better”, which saves more"
    )
