"""Traits that merchants everywhere speak of; a shop's own list may add to these or leave some out."""

from __future__ import annotations

from collections.abc import Mapping

from fairday.kernel.audience.vocabulary import TraitDef, trait

STANDARD_TRAITS: Mapping[str, TraitDef] = {
    t.name: t
    for t in (
        trait("age", "int", "年龄", "age", "edad"),
        trait("gender", "text", "性别", "gender", "género", ("female", "male", "other")),
        trait("birthday", "yearly", "生日", "birthday", "cumpleaños"),
        trait("country", "text", "国家", "country", "país"),
        trait("province", "text", "省份", "province", "provincia"),
        trait("city", "text", "城市", "city", "ciudad"),
        trait("city_tier", "int", "城市级别", "city tier", "nivel de ciudad"),
        trait("postcode", "text", "邮编", "postcode", "código postal"),
        trait("language", "text", "语言", "language", "idioma"),
        trait("email_domain", "text", "邮箱域名", "email domain", "dominio de correo"),
        trait("income", "money", "年收入", "yearly income", "ingresos anuales"),
        trait(
            "life_stage", "text", "人生阶段", "life stage", "etapa de vida",
            ("student", "single", "couple", "new_parent", "family", "empty_nest", "retired"),
        ),
        trait("marital_status", "text", "婚姻状况", "marital status", "estado civil"),
        trait("household_size", "int", "家庭人数", "household size", "tamaño del hogar"),
        trait("children", "int", "孩子数", "children", "hijos"),
        trait("homeowner", "bool", "有自住房", "home owner", "propietario de vivienda"),
        trait("member_since", "day", "入会日期", "member since", "miembro desde"),
        trait("interests", "texts", "兴趣", "interests", "intereses"),
    )
}  # fmt: skip
"""Demographics by their usual names. What is computed from behaviour is declared where it is computed."""
