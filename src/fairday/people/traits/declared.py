"""The traits of a shop's people: what may be told of them, and what is computed from what they do."""

from __future__ import annotations

from collections.abc import Mapping

from fairday.kernel.audience import STANDARD_TRAITS, TraitDef, Vocabulary
from fairday.kernel.audience.vocabulary import trait
from fairday.kernel.settings import Settings

SEGMENTS = (
    "champions", "loyal", "potential_loyalist", "new", "promising",
    "need_attention", "about_to_sleep", "at_risk", "cannot_lose", "hibernating",
)  # fmt: skip
"""The ten RFM segments, best first; see docs/algorithms/traits.md."""

PRICE_LEVELS = ("low", "mid", "high")


def _by_name(*traits: TraitDef) -> dict[str, TraitDef]:
    return {t.name: t for t in traits}


TOLD: Mapping[str, TraitDef] = {
    **STANDARD_TRAITS,
    **_by_name(
        trait("name", "text", "姓名", "name", "nombre"),
        trait("birth_date", "day", "出生日期", "date of birth", "fecha de nacimiento"),
        trait("region", "text", "大区", "region", "región"),
        trait("has_kids", "bool", "有孩子", "has children", "tiene hijos"),
        trait("occupation", "text", "职业", "occupation", "profesión"),
        trait("company", "text", "公司", "company", "empresa"),
    ),
}
"""Traits that somebody tells: the person, the merchant, a file, a device."""

DERIVED: Mapping[str, TraitDef] = _by_name(
    trait("first_order_day", "day", "首次下单日", "first order", "primer pedido"),
    trait("last_order_day", "day", "最近下单日", "last order", "último pedido"),
    trait("order_count", "int", "累计订单数", "orders in all", "pedidos en total"),
    trait(
        "spend_total", "money", "累计消费额(已减退款)", "spend in all, less refunds", "gasto total menos devoluciones"
    ),
    trait("average_order", "money", "客单价", "average order", "pedido medio"),
    trait("usual_hour", "int", "常用时段(小时)", "usual hour", "hora habitual"),
    trait("usual_weekday", "int", "常购星期(周一为 1)", "usual weekday (Monday is 1)", "día habitual (lunes es 1)"),
    trait("usual_store", "text", "常去门店", "usual store", "tienda habitual"),
    trait("usual_channel", "text", "常用渠道", "usual channel", "canal habitual"),
    trait("favourite_category", "text", "最爱品类", "favourite category", "categoría favorita"),
    trait("favourite_brand", "text", "最爱品牌", "favourite brand", "marca favorita"),
    trait("preferred_categories", "texts", "偏好品类", "preferred categories", "categorías preferidas"),
    trait("preferred_brands", "texts", "偏好品牌", "preferred brands", "marcas preferidas"),
    trait("price_level", "text", "价格带", "price level", "nivel de precio", PRICE_LEVELS),
    trait("rfm_recency", "int", "RFM 最近分(1–5)", "RFM recency (1 to 5)", "RFM recencia (1 a 5)"),
    trait("rfm_frequency", "int", "RFM 频次分(1–5)", "RFM frequency (1 to 5)", "RFM frecuencia (1 a 5)"),
    trait("rfm_monetary", "int", "RFM 金额分(1–5)", "RFM value (1 to 5)", "RFM valor (1 a 5)"),
    trait("rfm_segment", "text", "RFM 分层", "RFM segment", "segmento RFM", SEGMENTS),
)
"""Traits computed from activity; nobody can tell them."""

TRAITS: Mapping[str, TraitDef] = {**TOLD, **DERIVED}
"""Every declared trait by name."""


def vocabulary(settings: Settings) -> Vocabulary:
    """What this shop's audiences may speak of."""
    return Vocabulary(TRAITS, settings.currency)
