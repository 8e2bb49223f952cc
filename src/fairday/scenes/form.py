"""A scene as the fields of a form, and back: form → YAML → the same reading as a file. Pure.

A field is named like the key it stands for (``what.floors[2].goods``), so that a problem found in the text stands at
its field. Where one key is several fields, or a list of words, ``field_of`` says which. Comments in a file are lost:
the form writes the scene anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fairday.kernel import money
from fairday.kernel.clock import to_date
from fairday.kernel.yamltree import Problem, dump, in_a_line, read_plain
from fairday.kernel.yamlvalues import LANGUAGES
from fairday.scenes.spec import TOUCHPOINTS, Look, Offer, SceneSpec, Words

_WORDS = tuple(f".{language}" for language in LANGUAGES)

ROWS: dict[str, tuple[str, ...]] = {
    "when.phases": ("name", "first", "last"),
    "what.look": ("who", "unless", "theme", *(f"greeting{w}" for w in _WORDS)),
    "what.floors": (*(f"title{w}" for w in _WORDS), "goods", "who", "unless", "moment", "rank", "variety"),
    "offer": ("benefit", "value", "spend", "items", "goods", "stack"),
}
"""The fields of one row of each list; rows count from 1 in a field's name (``offer[1].value``)."""

SINGLE = (
    "scene", *(f"title{w}" for w in _WORDS), "when.kind", "when.festival", "when.first", "when.last", "when.moment",
    "who", "play.size", "play.hours", "play.price", "play.amount", "guard.budget", "guard.count", "guard.per",
    "guard.holdout",
    "goal.metric", "goal.within", *(f"message.subject{w}" for w in _WORDS), *(f"message.body{w}" for w in _WORDS),
)  # fmt: skip
"""Fields that stand once."""

BENEFITS = ("off", "percent_off", "coupon", "points", "free_shipping")
WRITTEN = "written"
"""The benefit of a row that holds a promotion as text in its ``value``: ``{buy: 2, get: 1}``."""

_CHOSEN = frozenset({"rank"})
"""Fields of a row that always hold something; a row with nothing else in it is no row."""

_ROW = re.compile(r"(when\.phases|what\.look|what\.floors|offer)\[(\d{1,3})\]\.([a-z_.]+)")
_PLACE = re.compile(r"where\.([a-z-]+)(\.phases)?")

MOST_ROWS = 24
"""Rows of one list that are read; the grammar's own limits are lower."""


class Form(msgspec.Struct):
    """The fields of a scene's form as they stand in it.

    Attributes:
        single: fields that stand once, by name.
        rows: the rows of each list of ROWS.
        places: (touchpoint, phases) in order; the phases as they are written, "" for all.
    """

    single: dict[str, str]
    rows: dict[str, list[dict[str, str]]]
    places: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """A field that stands once, "" where it was left out."""
        return self.single.get(name, "")

    def phases_of(self, touchpoint: str) -> str | None:
        """The phases written for a touchpoint, or None where the scene does not meet people there."""
        return dict(self.places).get(touchpoint)


def read(pairs: Iterable[tuple[str, str]]) -> Form:
    """The form of posted fields, in the order they came; fields of no such name are left out, and rows left blank."""
    form = Form({}, {name: [] for name in ROWS}, [])
    found: dict[str, dict[int, dict[str, str]]] = {name: {} for name in ROWS}
    chosen: list[str] = []
    phases: dict[str, str] = {}
    for name, value in pairs:
        value = value.replace("\r\n", "\n")
        row, place = _ROW.fullmatch(name), _PLACE.fullmatch(name)
        if row and row[3] in ROWS[row[1]] and 1 <= int(row[2]) <= MOST_ROWS:
            found[row[1]].setdefault(int(row[2]), {})[row[3]] = value
        elif place and place[1] in TOUCHPOINTS:
            if place[2]:
                phases[place[1]] = value.strip()
            elif place[1] not in chosen:
                chosen.append(place[1])
        elif name in SINGLE:
            form.single[name] = value
    for name, rows in found.items():
        form.rows[name] = [rows[n] for n in sorted(rows)]
    form.places = [(touchpoint, phases.get(touchpoint, "")) for touchpoint in chosen]
    return form


def without_blanks(form: Form) -> Form:
    """The form without rows in which nothing was written."""
    rows = {
        name: [row for row in found if any(v.strip() for field, v in row.items() if field not in _CHOSEN)]
        for name, found in form.rows.items()
    }
    return Form(form.single, rows, form.places)


def changed(form: Form, order: str) -> Form:
    """The form after ``add:LIST``, ``remove:LIST:2``, ``up:LIST:2`` or ``down:LIST:2``; else as it is."""
    verb, name, number = (*order.split(":"), "", "")[:3]
    rows = [dict(row) for row in form.rows.get(name, ())]
    at = int(number) - 1 if number.isascii() and number.isdigit() else -1
    if name in ROWS and verb == "add" and len(rows) < MOST_ROWS:
        rows.append({})
    elif 0 <= at < len(rows):
        to = {"up": at - 1, "down": at + 1}.get(verb, -1)
        if verb == "remove":
            del rows[at]
        elif 0 <= to < len(rows):
            rows[at], rows[to] = rows[to], rows[at]
    return Form(form.single, {**form.rows, name: rows} if name in ROWS else form.rows, form.places)


# ---- a scene's fields ----------------------------------------------------------------------------------------------


def of(spec: SceneSpec) -> Form:
    """The form that writes the scene."""
    when, guard = spec.when, spec.guard
    kind = "festival" if when.festival else "dates" if when.first_day is not None else "always"
    single = {
        "scene": spec.scene,
        **_languages("title", spec.title),
        "when.kind": kind,
        "when.festival": when.festival or "",
        "when.first": "" if when.first_day is None else to_date(when.first_day).isoformat(),
        "when.last": "" if when.last_day is None else to_date(when.last_day).isoformat(),
        "when.moment": when.moment or "",
        "who": spec.who or "",
        "guard.holdout": f"{(Decimal(guard.holdout) / 10).normalize():f}" if guard.holdout else "",
        **_languages("message.subject", spec.message.subject),
        **_languages("message.body", spec.message.body),
    }
    if guard.budget is not None:
        amount = money.major(guard.budget.amount, guard.budget.currency)
        single["guard.budget"] = f"{guard.budget.currency} {amount:f}"
    if guard.per_person is not None:
        single |= {"guard.count": str(guard.per_person.count), "guard.per": guard.per_person.per}
    if spec.goal is not None:
        single |= {"goal.metric": spec.goal.metric, "goal.within": str(spec.goal.within)}
    if spec.group_buy is not None:
        play = spec.group_buy
        price = next((n for n in ("percent_off", "off", "becomes") if getattr(play, n) is not None), "")
        single |= {"play.size": str(play.size), "play.hours": str(play.hours), "play.price": price,
                   "play.amount": _number(getattr(play, price)) if price else ""}  # fmt: skip
    return Form(
        single,
        {
            "when.phases": [{"name": p.name, "first": str(p.first), "last": str(p.last)} for p in when.phases],
            "what.look": [_look(look) for look in spec.looks],
            "what.floors": [
                {**_languages("title", f.title), "goods": f.goods_written, "who": f.who or "", "unless": f.unless or "",
                 "moment": f.moment or "", "rank": f.rank, "variety": _number(f.variety or None)}
                for f in spec.floors
            ],
            "offer": [
                _offered(offer) for offer in spec.offers
            ],
        },
        [(p.touchpoint, ", ".join(p.phases)) for p in spec.where],
    )  # fmt: skip


def _look(look: Look) -> dict[str, str]:
    return {"who": look.who or "", "unless": look.unless or "", "theme": look.theme,
            **_languages("greeting", look.greeting)}  # fmt: skip


def _offered(offer: Offer) -> dict[str, str]:
    """A row; a promotion that the row's fields cannot say stands in it as its text."""
    plain = offer.plain
    given = [b for b in BENEFITS if b in plain]
    rest = set(plain) - {*given, "spend", "items", "goods", "stack"}
    if len(given) != 1 or rest or not isinstance(plain.get("goods", ""), str):
        return {"benefit": WRITTEN, "value": in_a_line(plain)}
    value = "" if given[0] == "free_shipping" else _number(plain[given[0]])
    return {"benefit": given[0], "value": value, **{n: _number(plain.get(n)) for n in ("spend", "items")},
            "goods": plain.get("goods", ""), "stack": plain.get("stack", "")}  # fmt: skip


def _languages(name: str, words: Words) -> dict[str, str]:
    return {f"{name}.{language}": getattr(words, language) for language in LANGUAGES}


def _number(value: Decimal | int | str | None) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def pairs(form: Form) -> list[tuple[str, str]]:
    """The fields as a browser would post them."""
    return [
        *form.single.items(),
        *(
            (f"{name}[{n}].{f}", v)
            for name, rows in form.rows.items()
            for n, row in enumerate(rows, 1)
            for f, v in row.items()
        ),
        *(pair for t, phases in form.places for pair in ((f"where.{t}", "1"), (f"where.{t}.phases", phases))),
    ]  # fmt: skip


# ---- the scene of a form -------------------------------------------------------------------------------------------


def text(form: Form, currency: str) -> str:
    """The form as YAML, whether it is a scene or not: ``parse_scene`` tells. Rows left blank should be out already.

    Args:
        currency: of a budget written without one.
    """
    get = form.get
    plain: dict[str, Any] = {
        "scene": get("scene").strip(),
        "title": _texts(form.single, "title") or None,
        "when": _when(form),
        "who": _said(get("who")),
        "what": _some(
            {
                "look": [_row(row, {"greeting": _texts(row, "greeting")}) for row in form.rows["what.look"]],
                "floors": [_row(row, {"title": _texts(row, "title")}, "title") for row in form.rows["what.floors"]],
            }
        ),
        "offer": [_offer(row) for row in form.rows["offer"]],
        "play": _play(form),
        "where": [{t: _listed(phases)} if phases else t for t, phases in form.places],
        "guard": _some(
            {
                "budget": _budget(get("guard.budget").strip(), currency),
                "per_person": _said(get("guard.count")) and f"{get('guard.count').strip()}/{get('guard.per')}",
                "holdout": _said(get("guard.holdout")) and f"{get('guard.holdout').strip().removesuffix('%')}%",
            }
        ),
        "goal": _some({"metric": _said(get("goal.metric")), "within": _within(get("goal.within").strip())})
        if get("goal.metric").strip()
        else None,
        "message": _some(
            {name: _texts(form.single, f"message.{name}") for name in ("subject", "body")}
        ),
    }  # fmt: skip
    return dump({k: v for k, v in plain.items() if v not in ({}, [], None, "")})


def _said(value: str) -> str | None:
    return value if value.strip() else None


def _some(given: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in given.items() if v not in (None, "", {}, [])}


def _texts(fields: dict[str, str], name: str) -> dict[str, str]:
    return {lang: value for lang in LANGUAGES if (value := fields.get(f"{name}.{lang}", "")).strip()}


def _row(row: dict[str, str], words: dict[str, Any], first: str = "") -> dict[str, Any]:
    """A row of looks or floors; its texts by language come first where the file has them so."""
    plain = {f: _said(v) for f, v in row.items() if "." not in f}
    return _some({**words, **plain} if first else {**plain, **words})


def _listed(phases: str) -> list[str]:
    return [p for p in re.split(r"[\s,，、;；]+", phases) if p]


def _budget(said: str, currency: str) -> str | None:
    return f"{currency} {said}" if re.fullmatch(r"[\d,]+(\.\d+)?", said) else said or None


def _within(said: str) -> str | None:
    return f"{said}d" if said.isdigit() else said or None


def _when(form: Form) -> Any:
    get = form.get
    kind, moment = get("when.kind"), _said(get("when.moment"))
    phases = {row.get("name", "").strip(): _span(row) for row in form.rows["when.phases"]} if kind != "always" else {}
    if kind == "festival":
        return _some({"festival": get("when.festival").strip(), "phases": phases, "moment": moment}) or "festival"
    if kind == "dates":
        first, last = get("when.first").strip(), get("when.last").strip()
        return _some({"dates": f"{first}..{last or first}", "phases": phases, "moment": moment})
    return {"moment": moment} if moment else "always"


def _span(row: dict[str, str]) -> str:
    first, last = (row.get(end, "").strip().removesuffix("d") or "0" for end in ("first", "last"))
    return f"{first}d..{last}d"


def _offer(row: dict[str, str]) -> Any:
    benefit = row.get("benefit", "")
    given = {n: _said(row.get(n, "")) for n in ("spend", "items", "goods")}
    if benefit == WRITTEN:
        plain = read_plain(row.get("value", "").strip() or "{}")
        return plain | _some({**given, "stack": _said(row.get("stack", ""))}) if isinstance(plain, dict) else plain
    if benefit in BENEFITS:
        given[benefit] = "true" if benefit == "free_shipping" else row.get("value", "").strip() or "0"
    return _some({**given, "stack": _said(row.get("stack", ""))})


def _play(form: Form) -> dict[str, Any] | None:
    size, hours, price, amount = (form.get(f"play.{n}").strip() for n in ("size", "hours", "price", "amount"))
    if not any((size, hours, amount)):
        return None
    priced = {price: amount} if price in ("percent_off", "off", "becomes") and amount else None
    return {"group-buy": _some({"size": size, "price": priced, "hours": hours})}


# ---- problems ------------------------------------------------------------------------------------------------------

_ELSEWHERE = {
    "when": "when.kind",
    "when.dates": "when.first",
    "title": f"title{_WORDS[0]}",
    "guard.per_person": "guard.count",
    "goal": "goal.within",
    "what": "what.floors",
    "message.subject": f"message.subject{_WORDS[0]}",
    "message.body": f"message.body{_WORDS[0]}",
}


def field_of(key: str, form: Form) -> str:
    """The field at which a problem of that key stands."""
    if key.startswith("when.phases."):
        name = key.removeprefix("when.phases.")
        at = next((n for n, row in enumerate(form.rows["when.phases"], 1) if row.get("name", "").strip() == name), 1)
        return f"when.phases[{at}].name"
    if key.startswith("play."):
        last = key.rpartition(".")[2]
        return f"play.{last}" if last in ("size", "hours") else "play.amount"
    if key.startswith("where["):
        number = int(key[6 : key.index("]")])
        return f"where.{form.places[number - 1][0]}" if number <= len(form.places) else "where"
    offer = re.match(r"(offer\[\d+\])\.?(\w*)", key)
    if offer:
        rows, number = form.rows["offer"], int(offer[1][6:-1])
        written = number <= len(rows) and rows[number - 1].get("benefit") == WRITTEN
        part = "value" if written else offer[2]
        return f"{offer[1]}.{part if part in ('spend', 'items', 'goods', 'stack') else 'value' if part else 'benefit'}"
    row = re.fullmatch(r"(what\.(?:look|floors)\[\d+\])(?:\.(title|greeting))?", key)
    if row:
        words = {"title": "title", "greeting": "greeting"}.get(row[2] or "")
        return f"{row[1]}.{words}{_WORDS[0]}" if words else f"{row[1]}.{'goods' if 'floors' in key else 'theme'}"
    return _ELSEWHERE.get(key, key)


def doubled(form: Form, file: str = "form") -> list[Problem]:
    """Phases of one name: they would be one key."""
    names = [row.get("name", "").strip() for row in form.rows["when.phases"]]
    if form.get("when.kind") == "always":
        return []
    return [
        Problem(
            file, 1, 1, f"when.phases.{name}", "Two phases have this name.", "Give one another name.", "doubled_key"
        )
        for name in sorted({n for n in names if names.count(n) > 1})
    ]


def comments(text_: str) -> bool:
    """Whether a file has comments, which the form would lose."""
    bare = re.sub(r"'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"", "", text_)
    return re.search(r"(^|\s)#", bare) is not None


def named(problems: Sequence[Problem], form: Form) -> dict[str, list[Problem]]:
    """Problems by the field at which they stand."""
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(field_of(problem.key, form), []).append(problem)
    return found
