"""Reasons in words: why an article is shown to a person, in their language."""

from __future__ import annotations

from fairday.kernel.trace import Step

REASONS = {
    "bought_before": {
        "zh": "您买过 {times} 次，上次在 {days_ago} 天前",
        "en": "You bought this {times} times, last {days_ago} days ago",
        "es": "Lo compraste {times} veces, la última hace {days_ago} días",
    },
    "due_again": {
        "zh": "您大约每 {every} 天买一次，上次在 {days_ago} 天前",
        "en": "You buy this every {every} days, last {days_ago} days ago",
        "es": "Lo compras cada {every} días, la última vez hace {days_ago}",
    },
    "goes_with": {"zh": "常和「{title}」一起买", "en": "Goes with {title}", "es": "Va bien con {title}"},
    "similar_to": {"zh": "与「{title}」相似", "en": "Like {title}", "es": "Parecido a {title}"},
    "people_like_you": {
        "zh": "和您口味相近的人在买",
        "en": "People who shop like you buy it",
        "es": "Lo compra gente con gustos como los tuyos",
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
