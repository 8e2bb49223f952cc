"""Common promotions as the fields of a form, and back: form → plain values → the same reading as a text. Pure.

A form shows a promotion whose every word it has a field for (``of`` tells); the rest is written as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from fairday.kernel.yamltree import Problem
from fairday.kernel.yamlvalues import LANGUAGES

Plain = dict[str, Any]
Fields = dict[str, str]

KINDS: Final = (
    "off", "percent_off", "tiers", "buy_get", "nth", "price", "free_shipping", "gift", "points",
    "pay_points",
)  # fmt: skip
"""What a promotion of the form gives."""
TIERS: Final = 4
WHEN: Final = ("always", "weekend", "week", "dates")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GOODS: Final = ("category", "brand", "sku", "where")

NAMES: Final = (
    "promotion", *(f"title.{x}" for x in LANGUAGES), "kind", "spend", "items", "off", "repeat", "percent_off",
    "at_most", "tiers.by", "tiers.marginal",
    *(f"tiers[{n}].{x}" for n in range(1, TIERS + 1) for x in ("at", "off", "percent", "ship")),
    "buy", "get", "get_percent", "nth", "nth_percent", "price", "gift", "gift_cost", "points",
    "pay_points", "max_points", "ship",
    *GOODS, "when", "from", "until", "hours", *(f"day.{d}" for d in DAYS),
    "who", "unless", "first_order", "by_coupon", "pay_with", "store", "channel", "country",
    "together", "group", "stack", "tags", "combines", "uses", "budget", "purse", "day_uses", "person_uses",
)  # fmt: skip
"""Every field."""

_LAND = re.compile("[A-Z]{2}")
_LISTS = ("pay_with", "store", "channel", "tags")
_OPTIONAL = ("at_most", "uses", "budget", "purse", "day_uses", "person_uses", "who", "unless", "hours")


def read(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The fields of a post; others are left out, those not sent are ""."""
    sent = dict(pairs)
    return {name: sent.get(name, "").replace("\r\n", "\n").strip()[:4000] for name in NAMES}


def plain_of(fields: Mapping[str, str], today: date) -> Plain:
    """What the fields say, whether it is a promotion or not: reading it tells.

    Args:
        today: for "this weekend" and "the next seven days".
    """
    get = fields.get
    plain: Plain = {
        "promotion": get("promotion", "") or named(fields),
        "title": {x: get(f"title.{x}", "") for x in LANGUAGES if get(f"title.{x}", "")},
        "goods": _goods(fields),
        **_gives(fields),
        **{name: get(name, "") for name in _OPTIONAL},
        **{name: _split(get(name, "")) for name in _LISTS},
        "country": [_country(word) for word in _split(get("country", ""))],
        "combines": "nothing" if get("combines", "").lower() == "nothing" else _split(get("combines", "")),
        **{name: True for name in ("first_order", "by_coupon") if get(name)},
        "weekdays": [day for day in DAYS if get(f"day.{day}")],
        **_days(fields, today),
    }
    if get("kind") != "percent_off":
        plain.pop("at_most", None)
    together = get("together", "any")
    if together == "alone":
        plain["alone"] = True
    elif together in ("group", "stack"):
        plain[together] = get(together, "") or "0 "
    return {k: v for k, v in plain.items() if v not in ("", {}, [], None)}


def named(fields: Mapping[str, str]) -> str:
    """A name made of what is given, for a promotion that was given none: spend-199-off-30."""
    kind = fields.get("kind", "")
    first = re.findall(r"[a-z0-9]+", " ".join(fields.get(n, "") for n in ("category", "brand", "sku")).lower())[:2]
    words = [*first]
    for name in ("spend", "items", "off", "percent_off", "buy", "get", "nth", "price", "gift", "points", "pay_points"):
        value = re.sub(r"[^a-z0-9.]+", "-", fields.get(name, "").lower()).strip("-.")
        mine = _OF.get(kind, ())
        if name in mine and value:
            words += [name.replace("_", "-"), value.replace(".", "-")]
    if kind in ("tiers", "free_shipping"):
        words.append(kind.replace("_", "-"))
        words += [v for n in range(1, TIERS + 1) if (v := re.sub(r"\D", "", fields.get(f"tiers[{n}].at", "")))][:3]
    return "-".join(words)[:70].strip("-") or "promotion"


_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "off": ("spend", "items", "off"), "percent_off": ("spend", "items", "percent_off"), "tiers": (),
    "buy_get": ("buy", "get"), "nth": ("nth",), "price": ("price",), "free_shipping": ("spend", "items"),
    "gift": ("spend", "items", "gift"), "points": ("spend", "items", "points"),
    "pay_points": ("spend", "items", "pay_points"),
}  # fmt: skip
"""The fields that say what each kind gives, and from when on."""


def _split(text: str) -> list[str]:
    return [w.strip() for w in re.split(r"[,，、;；\n]", text) if w.strip()]


def _country(word: str) -> str:
    return word.upper() if re.fullmatch("[A-Za-z]{2}", word) else word


def _goods(fields: Mapping[str, str]) -> Any:
    found: Plain = {name: _split(fields.get(name, "")) for name in ("category", "brand", "sku")}
    found = {k: v[0] if len(v) == 1 else v for k, v in found.items() if v}
    where = fields.get("where", "")
    if where:
        return {**found, "where": where} if found else where
    return found


def _gives(fields: Mapping[str, str]) -> Plain:
    get = fields.get
    kind = get("kind", "")
    own = _OF.get(kind, ())
    plain: Plain = {n: get(n, "") for n in ("spend", "items") if n in own and get(n)}
    match kind:
        case "off":
            plain |= {"off": get("off") or "0"} | ({"repeat": True} if get("repeat") else {})
        case "percent_off":
            plain["percent_off"] = get("percent_off") or "0"
        case "tiers":
            plain["tiers"] = [_tier(fields, n) for n in range(1, TIERS + 1) if get(f"tiers[{n}].at")] or [{}]
            plain |= {"marginal": True} if get("tiers.marginal") else {}
        case "buy_get":
            plain |= {"buy": get("buy") or "1", "get": get("get") or "1"}
            plain |= {"percent_off": get("get_percent")} if get("get_percent") else {}
        case "nth":
            plain["cheapest_of"] = get("nth") or "2"
            plain |= {"percent_off": get("nth_percent")} if get("nth_percent") else {}
        case "price":
            plain["price"] = get("price") or "-"
        case "free_shipping":
            plain["free_shipping"] = True
        case "gift":
            gift = get("gift") or "-"
            plain["gift"] = {"sku": gift, "cost": get("gift_cost")} if get("gift_cost") else gift
        case "points":
            plain["points"] = get("points") or "-"
        case "pay_points":
            plain["pay_points"] = get("pay_points") or "-"
            plain |= {"max_points": get("max_points")} if get("max_points") else {}
    if get("ship") and kind != "free_shipping":
        plain["free_shipping"] = True
    return plain


def _tier(fields: Mapping[str, str], n: int) -> Plain:
    at, off, percent, ship = (fields.get(f"tiers[{n}].{x}", "") for x in ("at", "off", "percent", "ship"))
    found: Plain = {"items" if fields.get("tiers.by") == "items" else "spend": at}
    found |= {"off": off} if off else {}
    found |= {"percent_off": percent} if percent else {}
    return found | ({"free_shipping": True} if ship else {})


def _days(fields: Mapping[str, str], today: date) -> Plain:
    kind = fields.get("when", "always")
    if kind == "weekend":
        saturday = today + timedelta(days=(5 - today.weekday()) % 7) if today.weekday() != 6 else today
        return {"from": saturday.isoformat(), "until": _sunday(saturday).isoformat()}
    if kind == "week":
        return {"from": today.isoformat(), "until": (today + timedelta(days=6)).isoformat()}
    if kind == "dates":
        return {name: fields.get(name, "").replace("T", " ") for name in ("from", "until")}
    return {}


def _sunday(day: date) -> date:
    return day + timedelta(days=6 - day.weekday())


# ---- a promotion's fields ------------------------------------------------------------------------------------------


def of(plain: Plain) -> Fields | None:
    """The fields that say the same, or None where the form has none for some of it."""
    rest = dict(plain)
    fields: Fields = dict.fromkeys(NAMES, "")

    def take(*names: str) -> None:
        for name in names:
            if name in rest:
                fields[name] = _written(rest.pop(name))

    kind = _kind(rest)
    if kind is None:
        return None
    fields |= {"kind": kind, "together": "any", "when": "dates" if {"from", "until"} & set(rest) else "always"}
    title = rest.pop("title", {})
    for language, text in (title if isinstance(title, dict) else dict.fromkeys(LANGUAGES, title)).items():
        fields[f"title.{language}"] = str(text)
    if not _goods_of(rest.pop("goods", ""), fields) or not _kind_of(kind, rest, fields):
        return None
    if kind != "free_shipping" and rest.pop("free_shipping", False):
        fields["ship"] = "1"
    take("promotion", "spend", "items", "from", "until", "who", "unless", "uses", "budget", "purse", "day_uses")
    take("person_uses")
    if not _lists_of(rest, fields):
        return None
    for name in ("first_order", "by_coupon"):
        fields[name] = "1" if rest.pop(name, False) else ""
    for day in rest.pop("weekdays", ()):
        fields[f"day.{day}"] = "1"
    hours = rest.pop("hours", "")
    if not isinstance(hours, str):
        return None
    fields["hours"] = hours
    for name in ("group", "stack"):
        if name in rest:
            fields |= {"together": name, name: str(rest.pop(name))}
    if rest.pop("alone", False):
        if fields["together"] != "any":
            return None
        fields["together"] = "alone"
    return None if rest else fields


def _kind(plain: Plain) -> str | None:
    for key, kind in (("tiers", "tiers"), ("buy", "buy_get"), ("cheapest_of", "nth"), ("off", "off"),
                      ("percent_off", "percent_off"), ("price", "price"), ("gift", "gift"), ("points", "points"),
                      ("pay_points", "pay_points"), ("free_shipping", "free_shipping")):  # fmt: skip
        if key in plain:
            return kind
    return None


def _kind_of(kind: str, rest: Plain, fields: Fields) -> bool:
    """Move what a kind gives from ``rest`` into the fields; whether the form can say it."""
    names = {"off": ("off",), "percent_off": ("percent_off", "at_most"), "price": ("price",), "points": ("points",),
             "pay_points": ("pay_points", "max_points"), "buy_get": ("buy", "get")}.get(kind, ())  # fmt: skip
    for name in names:
        if name in rest:
            fields[name] = _written(rest.pop(name))
    if kind == "off":
        fields["repeat"] = "1" if rest.pop("repeat", False) else ""
    elif kind == "tiers":
        fields["tiers.marginal"] = "1" if rest.pop("marginal", False) else ""
        return _tiers_of(rest.pop("tiers"), fields)
    elif kind == "buy_get":
        fields["get_percent"] = _written(rest.pop("percent_off", ""))
    elif kind == "nth":
        fields["nth"] = _written(rest.pop("cheapest_of"))
        fields["nth_percent"] = _written(rest.pop("percent_off", ""))
    elif kind == "free_shipping":
        rest.pop("free_shipping")
    elif kind == "gift":
        gift = rest.pop("gift")
        if isinstance(gift, dict):
            fields["gift_cost"] = _written(gift.get("cost", ""))
            if set(gift) - {"sku", "cost"}:
                return False
            gift = gift["sku"]
        fields["gift"] = str(gift)
    return True


def _tiers_of(tiers: list[Plain], fields: Fields) -> bool:
    if len(tiers) > TIERS or any(set(t) - {"spend", "items", "off", "percent_off", "free_shipping"} for t in tiers):
        return False
    for n, tier in enumerate(tiers, 1):
        fields["tiers.by"] = "items" if "items" in tier else "spend"
        at = tier.get("items", tier.get("spend", ""))
        for part, value in (("at", at), ("off", tier.get("off", "")), ("percent", tier.get("percent_off", ""))):
            fields[f"tiers[{n}].{part}"] = _written(value)
        fields[f"tiers[{n}].ship"] = "1" if tier.get("free_shipping") else ""
    return True


def _goods_of(goods: Any, fields: Fields) -> bool:
    if isinstance(goods, str):
        fields["where"] = goods
        return goods != "all"
    if set(goods) - set(GOODS):
        return False
    for name in ("category", "brand", "sku"):
        value = goods.get(name, "")
        if any(re.search(r"[,，、;；\n]", w) for w in (value if isinstance(value, list) else [value])):
            return False
        fields[name] = _joined(value)
    fields["where"] = goods.get("where", "")
    return True


def _lists_of(rest: Plain, fields: Fields) -> bool:
    """Move lists of words into their fields; whether each field says them as they are."""
    for name in (*_LISTS, "country", "combines"):
        words = rest.pop(name, [])
        fields[name] = _joined(words)
        listed = words if isinstance(words, list) else [words]
        if _split(fields[name]) != listed or (name == "country" and not all(_LAND.fullmatch(w) for w in listed if w)):
            return False
        if name == "combines" and words != "nothing" and any(w.lower() in ("nothing", "anything") for w in listed):
            return False
    return True


def _joined(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:.0f}" if value == value.to_integral_value() else f"{value.normalize():f}"
    return str(value)


# ---- problems ------------------------------------------------------------------------------------------------------

_AT: Final[Mapping[str, str]] = {
    "cheapest_of": "nth", "title": f"title.{LANGUAGES[0]}", "weekdays": "day.mon", "repeat": "repeat",
    "marginal": "tiers.marginal", "alone": "together", "free_shipping": "ship", "tiers": "tiers[1].at", "": "kind",
}  # fmt: skip


def problems(fields: Mapping[str, str]) -> list[Problem]:
    """What a text may say but nobody who fills in the form can mean."""
    found = []

    def wrong(key: str, message: str, remedy: str, code: str) -> None:
        found.append(Problem("", 1, 1, key, message, remedy, code))

    for word in _split(fields.get("country", "")):
        if not _LAND.fullmatch(_country(word)):
            wrong("country", f"{word!r} is not a country.", "Write ES.", "bad_value")
    if fields.get("purse") and not fields.get("budget") and not fields.get("uses"):
        wrong("purse", "A shared budget needs a limit: write budget or uses.", "", "purse_unfilled")
    if fields.get("kind") == "tiers" and fields.get("tiers.marginal"):
        for n in range(1, TIERS + 1):
            if fields.get(f"tiers[{n}].off"):
                wrong(f"tiers[{n}].off", "A step for what lies above it gives a percent.", "", "marginal_amount")
    return found


def field_of(key: str, fields: Mapping[str, str]) -> str:
    """The field at which a problem of that key stands."""
    tier = re.match(r"tiers\[(\d+)\](?:\.(\w+))?", key)
    if tier:
        return f"tiers[{tier[1]}].{'percent' if tier[2] == 'percent_off' else 'off' if tier[2] == 'off' else 'at'}"
    goods = re.match(r"goods(?:\.(\w+))?", key)
    if goods:
        return goods[1] if goods[1] in GOODS else "where"
    head = re.split(r"[.\[]", key)[0]
    if head == "percent_off" and fields.get("kind") in ("buy_get", "nth"):
        return "get_percent" if fields.get("kind") == "buy_get" else "nth_percent"
    if key.startswith("gift."):
        return "gift_cost" if key.endswith("cost") else "gift"
    return _AT.get(head, head if head in NAMES else "kind")
