"""Pricing's codes in words: what applied, why something did not, what is missing to the next step. zh, en, es. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fairday.offers.model import Missing, Told

Money = Callable[[int], str]
"""Minor units as the shop writes money."""

HUSHED = frozenset({"goods", "coupon", "who", "unless", "holdout", "mixed", "not_now", "channel", "store", "country"})
"""What buyers are not told: it is not for them, or telling would undo a comparison. Merchants are told all."""

_REFUSED: Mapping[str, tuple[str, str, str]] = {
    "goods": ("购物车里没有适用商品", "Nothing in the cart is in it", "Nada del carrito entra"),
    "coupon": ("没有使用优惠券", "Its coupon is not in use", "No se usa su cupón"),
    "who": ("不面向此人", "It is for others", "Es para otras personas"),
    "unless": ("此人被排除在外", "It leaves this person out", "Excluye a esta persona"),
    "holdout": (
        "此人在对照组，不享受这个场景",
        "Held out of this scene, to measure it",
        "En el grupo de control de la escena",
    ),
    "mixed": (
        "此人由两组合并而来，按对照组处理",
        "Joined from both arms, treated as held out",
        "Unida de ambos grupos, como control",
    ),
    "not_now": ("场景此刻不适用", "Its scene is not on now", "Su escena no está activa ahora"),
    "not_yet": ("还没有开始", "It has not begun", "Aún no ha empezado"),
    "over": ("已经结束", "It is over", "Ya terminó"),
    "channel": ("不适用于此渠道", "Not in this channel", "No vale en este canal"),
    "store": ("不适用于此门店", "Not in this store", "No vale en esta tienda"),
    "country": ("不适用于此国家", "Not in this country", "No vale en este país"),
    "payment_method": ("换一种支付方式才能享受", "With another way to pay only", "Solo con otra forma de pago"),
    "first_order": ("仅限首单会员", "For a member's first order", "Para el primer pedido de un miembro"),
    "hours": ("不在活动时段", "Not at this hour", "No a esta hora"),
    "spend": (
        "满 {wanted} 可用，还差 {missing}",
        "From {wanted}; {missing} more to go",
        "Desde {wanted}; faltan {missing}",
    ),
    "units": (
        "满 {wanted} 件可用，还差 {missing} 件",
        "From {wanted} pieces; {missing} more",
        "Desde {wanted} unidades; faltan {missing}",
    ),
    "line_units": (
        "同款满 {wanted} 件可用，还差 {missing} 件",
        "From {wanted} of one kind; {missing} more",
        "Desde {wanted} iguales; faltan {missing}",
    ),
    "spend_after": (
        "其他优惠之后金额不够",
        "Too little is left after other offers",
        "Queda muy poco tras otras ofertas",
    ),
    "beaten": (
        "不能与更划算的“{by}”同享",
        "Does not add up with “{by}”, which saves more",
        "No se suma a «{by}», que ahorra más",
    ),
    "left_out": ("不用它更省", "You save more without it", "Se ahorra más sin ella"),
    "nothing": ("没有可再优惠的金额", "Nothing is left to take off", "No queda nada que rebajar"),
    "barred.budget": ("优惠额度已用完", "Its budget is used up", "Su presupuesto se agotó"),
    "barred.uses": ("名额已用完", "All of them are used", "Ya se usaron todas"),
    "barred.day": ("今日名额已用完", "Used up for today", "Agotada por hoy"),
    "barred.gift": ("赠品已送完", "Its gift has run out", "Su regalo se ha agotado"),
    "barred.person": (
        "仅限会员，且每人次数有限",
        "For members, so often each",
        "Para miembros, con un límite por persona",
    ),
}

_BENEFIT: Mapping[str, tuple[str, str, str]] = {
    "amount": ("减{amount}", "{amount} off", "{amount} menos"),
    "each": ("每件减{each}", "{each} off each", "{each} menos cada uno"),
    "percent": ("省{percent}%", "{percent}% off", "{percent}% menos"),
    "price": ("只要{price}", "for {price}", "por {price}"),
    "points": ("送{points}积分", "{points} points", "{points} puntos"),
    "free_shipping": ("免运费", "free delivery", "envío gratis"),
    "gift": ("送赠品", "a gift", "un regalo"),
}

_MORE = (
    ("再买 {short} 就{benefit}", "{short} more for {benefit}", "{short} más y {benefit}"),
    ("再买 {short} 件就{benefit}", "{short} more of these for {benefit}", "{short} unidades más y {benefit}"),
)
_LANGUAGES = ("zh", "en", "es")


def refused(told: Told, language: str, money: Money, title: Callable[[str], str]) -> str:
    """Why a rule gives nothing, in a language (English for one that is not known).

    Args:
        title: what a rule is called, by id.
    """
    code = f"barred.{told.values.get('by')}" if told.code == "barred" else told.code
    values = {k: money(v) if told.code == "spend" and k in ("wanted", "missing") else v for k, v in told.values.items()}
    if told.code == "beaten":
        values["by"] = (
            "、".join(map(title, told.values["by"])) if language == "zh" else ", ".join(map(title, told.values["by"]))
        )
    return _in(_REFUSED[code], language).format_map(values)


def missing(short: Missing, language: str, money: Money, title: Callable[[str], str]) -> str:
    """What is missing to a rule's next step: "¥20 more for ¥30 off"."""
    text = _in(_MORE[0 if short.amount else 1], language)
    gives = benefit(short.benefit, language, money) or title(short.rule)
    return text.format(short=money(short.amount) if short.amount else short.units, benefit=gives)


def benefit(values: Mapping[str, Any], language: str, money: Money) -> str:
    """What a benefit gives, as ``Missing.benefit`` holds it; "" where only its rule's title can say it."""
    kind = values.get("kind")
    if kind == "shipping_off" and "amount" not in values and values.get("percent") == 100:
        return _in(_BENEFIT["free_shipping"], language)
    if kind == "gift":
        return _in(_BENEFIT["gift"], language)
    if kind == "more_points" and values.get("extra"):
        return _in(_BENEFIT["points"], language).format(points=values["extra"])
    if kind not in ("amount_off", "percent_off", "tiers", "fixed_price", "total_becomes"):
        return ""
    if kind == "total_becomes":
        return _in(_BENEFIT["price"], language).format(price=money(values["amount"]))
    for name in ("amount", "each", "percent", "price", "points", "free_shipping"):
        value = values.get(name)
        if value:
            shown = money(value) if name in ("amount", "each", "price") else _plain(value)
            return _in(_BENEFIT[name], language).format_map({name: shown})
    return ""


def _in(texts: tuple[str, str, str], language: str) -> str:
    return texts[_LANGUAGES.index(language) if language in _LANGUAGES else 1]


def _plain(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
