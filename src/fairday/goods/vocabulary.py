"""What conditions over goods may speak of, in the audience language."""

from __future__ import annotations

from collections.abc import Mapping

from fairday.kernel.audience import TraitDef, Vocabulary

GOODS_TRAITS: Mapping[str, TraitDef] = {
    t.name: t
    for t in (
        TraitDef("product", "text", {"zh": "商品编号", "en": "product", "es": "producto"}),
        TraitDef("title", "text", {"zh": "商品名", "en": "title", "es": "título"}),
        TraitDef("category", "text", {"zh": "品类", "en": "category", "es": "categoría"}),
        TraitDef("department", "text", {"zh": "部门", "en": "department", "es": "departamento"}),
        TraitDef("brand", "text", {"zh": "品牌", "en": "brand", "es": "marca"}),
        TraitDef("price", "money", {"zh": "价格", "en": "price", "es": "precio"}),
        TraitDef("tags", "texts", {"zh": "标签", "en": "tags", "es": "etiquetas"}),
        TraitDef("new_since", "day", {"zh": "上新日期", "en": "new since", "es": "novedad desde"}),
    )
}
"""What is known of goods everywhere."""


def goods_vocabulary(currency: str, more: Mapping[str, TraitDef] | None = None) -> Vocabulary:
    """The words a ``goods:`` condition may use, with a shop's own attributes of goods beside the usual ones."""
    return Vocabulary({**GOODS_TRAITS, **(more or {})}, currency, {})
