"""Reasons in words: why an article is shown to a person, in their language."""

from __future__ import annotations

from fairday.kernel.trace import Step

REASONS = {
    "bought_before": {
        "zh": "您买过 {times} 次，上次在 {days_ago} 天前",
        "en": "You bought this {times} times, last {days_ago} days ago",
        "es": "Lo compraste {times} veces, la última hace {days_ago} días",
    },
    "bought_category": {
        "zh": "您常买「{category}」",
        "en": "You often buy {category}",
        "es": "Sueles comprar {category}",
    },
    "bought_brand": {"zh": "您喜欢的品牌 {brand}", "en": "From {brand}, which you buy", "es": "De {brand}, tu marca"},
    "popular": {
        "zh": "近 {days} 天有 {buyers} 人购买",
        "en": "{buyers} people bought it in {days} days",
        "es": "{buyers} personas lo compraron en {days} días",
    },
    "new": {"zh": "新品", "en": "New", "es": "Nuevo"},
    "in_scene": {"zh": "为这个场景挑选", "en": "Picked for this scene", "es": "Elegido para esta escena"},
}


def reason(step: Step, language: str) -> str:
    """The sentence of a reason in zh, en or es; "" for a code that shoppers are not told."""
    words = REASONS.get(step.code)
    return "" if words is None else words.get(language, words["en"]).format(**step.params)
