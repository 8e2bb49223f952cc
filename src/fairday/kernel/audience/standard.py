"""Traits that merchants everywhere speak of; a shop's own list may add to these or leave some out."""

from __future__ import annotations

from collections.abc import Mapping

from fairday.kernel.audience.vocabulary import TraitDef, TraitType


def _trait(name: str, type_: TraitType, zh: str, en: str, es: str, values: tuple[str, ...] = ()) -> TraitDef:
    return TraitDef(name, type_, {"zh": zh, "en": en, "es": es}, values)


STANDARD_TRAITS: Mapping[str, TraitDef] = {
    t.name: t
    for t in (
        _trait("age", "int", "年龄", "age", "edad"),
        _trait("gender", "text", "性别", "gender", "género", ("female", "male", "other")),
        _trait("birthday", "yearly", "生日", "birthday", "cumpleaños"),
        _trait("country", "text", "国家", "country", "país"),
        _trait("province", "text", "省份", "province", "provincia"),
        _trait("city", "text", "城市", "city", "ciudad"),
        _trait("city_tier", "int", "城市级别", "city tier", "nivel de ciudad"),
        _trait("postcode", "text", "邮编", "postcode", "código postal"),
        _trait("language", "text", "语言", "language", "idioma"),
        _trait("email_domain", "text", "邮箱域名", "email domain", "dominio de correo"),
        _trait("income", "money", "年收入", "yearly income", "ingresos anuales"),
        _trait(
            "life_stage", "text", "人生阶段", "life stage", "etapa de vida",
            ("student", "single", "couple", "new_parent", "family", "empty_nest", "retired"),
        ),
        _trait("marital_status", "text", "婚姻状况", "marital status", "estado civil"),
        _trait("household_size", "int", "家庭人数", "household size", "tamaño del hogar"),
        _trait("children", "int", "孩子数", "children", "hijos"),
        _trait("homeowner", "bool", "有自住房", "home owner", "propietario de vivienda"),
        _trait("member_since", "day", "入会日期", "member since", "miembro desde"),
        _trait("interests", "texts", "兴趣", "interests", "intereses"),
    )
}  # fmt: skip
"""Demographics by their usual names. What is computed from behaviour is declared where it is computed."""
