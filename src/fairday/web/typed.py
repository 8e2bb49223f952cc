"""What was typed comes back: a form that is shown again holds its reader's words, and the error stands at its field.

One place for every form of the console: a page that answers a refused post is looked through for the form that was
posted; its fields get what was typed, and the field that the error names gets the error's words beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import NamedTuple

from markupsafe import Markup, escape

Typed = Mapping[str, Sequence[str]]
"""The texts that were posted, by the names of their fields."""

FIELDS: Mapping[str, str] = {
    "bad_company_id": "company", "bad_company_name": "name", "bad_prefix": "prefix", "bad_name": "name",
    "bad_coupon_title": "title", "bad_coupon_word": "word", "bad_rates": "rate",
}  # fmt: skip
"""The field that an error is about, by its code, where the rule that refused knows no fields."""

_FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)
_CONTROL = re.compile(r"<input\b[^>]*>|<select\b[^>]*>.*?</select>|<textarea\b[^>]*>.*?</textarea>", re.DOTALL)
_OPTION = re.compile(r"<option\b[^>]*>")
_BUTTON = re.compile(r"<button\b[^>]*\sformaction=[^>]*>")
_HIDDEN = re.compile(r'<input\b[^>]*type="hidden"[^>]*>')
_NEVER = frozenset(("password", "file", "submit", "hidden", "image"))
"""What is never put back: secrets, files (browsers do not allow it) and what nobody typed."""


class Wrong(NamedTuple):
    """An error on a page: the field it is about, what it says, and the words it is about, as they were typed."""

    where: str
    says: Markup
    quotes: str = ""
    code: str = ""


def attribute(tag: str, name: str) -> str | None:
    """The value of an attribute of a tag as written by our templates; "" for one without a value, None without it."""
    found = re.search(rf'\s{re.escape(name)}(?:="([^"]*)")?(?=[\s>/])', tag)
    return None if found is None else unescape(found[1] or "")


def given_back(html: str, path: str, typed: Typed, wrong: Wrong | None = None) -> str:
    """A page whose form for ``path`` holds what was typed, and says at a field what is wrong with it.

    Args:
        path: the address that was posted to; of several forms to it the one that was posted is told by its hidden
            fields.
        typed: what was posted.
    """
    forms = [f for f in _FORM.finditer(html) if _leads_to(f[0], path)]
    if not forms:
        return html
    form = max(forms, key=lambda f: _alike(f[0], typed))
    refilled = _refilled(form[0], typed, _field_of(form[0], typed, wrong), wrong)
    return f"{html[: form.start()]}{refilled}{html[form.end() :]}"


def _leads_to(form: str, path: str) -> bool:
    opening = form[: form.index(">") + 1]
    ways = [attribute(opening, "action") or path, *(attribute(b, "formaction") or "" for b in _BUTTON.findall(form))]
    return attribute(opening, "method") == "post" and path in [way.partition("?")[0] for way in ways]


def _alike(form: str, typed: Typed) -> tuple[int, int]:
    """How well a form fits what was posted: hidden fields that say the same, then fields by their names."""
    hidden = [(attribute(tag, "name") or "", attribute(tag, "value") or "") for tag in _HIDDEN.findall(form)]
    said = sum(1 if value in typed.get(name, ()) else -1 for name, value in hidden if name not in ("csrf", "key"))
    names = {attribute(tag, "name") for tag in _CONTROL.findall(form)}
    return said, len(names & set(typed)) - len(set(typed) - names)


def _field_of(form: str, typed: Typed, wrong: Wrong | None) -> str:
    """The name of the field that an error is about: named by it, or holding the words it quotes; "" without one."""
    if wrong is None or 'class="wrong"' in form:
        return ""
    tags = [tag[: tag.index(">") + 1] for tag in _CONTROL.findall(form)]
    shown = [n for tag in tags if (n := attribute(tag, "name")) and attribute(tag, "type") not in ("hidden", "submit")]
    named = (wrong.where, wrong.where.rpartition(".")[2], wrong.where.partition(".")[0], FIELDS.get(wrong.code, ""))
    for name in named:
        if name in shown:
            return name
    texts = {name: [v.strip() for v in typed.get(name, ())] for name in shown}
    for words in filter(None, (wrong.where.strip(), wrong.quotes.strip())):
        if found := next((name for name, said in texts.items() if words in said), ""):
            return found
    if len(set(shown)) == 1:
        return shown[0]
    holding = [name for name, said in texts.items() if wrong.quotes.strip() and wrong.quotes.strip() in " ".join(said)]
    return holding[0] if len(holding) == 1 else ""


def _refilled(form: str, typed: Typed, at: str, wrong: Wrong | None) -> str:
    taken: dict[str, int] = {}

    def one(found: re.Match[str]) -> str:
        tag = found[0]
        opening = tag[: tag.index(">") + 1]
        name = attribute(opening, "name") or ""
        kind = attribute(opening, "type") or "text"
        if not name or kind in _NEVER:
            return _said(tag, opening, wrong) if name and name == at and wrong and kind != "hidden" else tag
        nth = taken.get(name, 0)
        taken[name] = nth + 1
        if name in typed or kind in ("checkbox", "radio"):
            tag = _WAYS.get(_kind(tag, kind), _text)(tag, opening, typed.get(name, ()), nth)
            opening = tag[: tag.index(">") + 1]
        return _said(tag, opening, wrong) if name == at and nth == 0 and wrong else tag

    return _CONTROL.sub(one, form)


def _kind(tag: str, kind: str) -> str:
    if tag.startswith("<input"):
        return "box" if kind in ("checkbox", "radio") else "text"
    return "select" if tag.startswith("<select") else "area"


def _with(opening: str, name: str, value: str | None) -> str:
    """A tag with an attribute set, or without it."""
    if attribute(opening, name) == value:
        return opening
    bare = re.sub(rf'\s{re.escape(name)}(?:="[^"]*")?(?=[\s>/])', "", opening)
    if value is None:
        return bare
    at = len(bare) - (2 if bare.endswith("/>") else 1)
    return f'{bare[:at]} {name}="{escape(value)}"{bare[at:]}' if value else f"{bare[:at]} {name}{bare[at:]}"


def _text(tag: str, opening: str, typed: Sequence[str], nth: int) -> str:
    return _with(opening, "value", typed[nth] if nth < len(typed) else typed[-1])


def _box(tag: str, opening: str, typed: Sequence[str], nth: int) -> str:
    value = attribute(opening, "value")
    return _with(opening, "checked", "" if ("on" if value is None else value) in typed else None)


def _select(tag: str, opening: str, typed: Sequence[str], nth: int) -> str:
    several = attribute(opening, "multiple") is not None
    chosen = set(typed) if several else {typed[nth] if nth < len(typed) else typed[-1]}
    offered = {attribute(o, "value") for o in _OPTION.findall(tag)}
    if not chosen & offered:
        return tag
    return _OPTION.sub(lambda o: _with(o[0], "selected", "" if attribute(o[0], "value") in chosen else None), tag)


def _area(tag: str, opening: str, typed: Sequence[str], nth: int) -> str:
    return f"{opening}{escape(typed[nth] if nth < len(typed) else typed[-1])}</textarea>"


_WAYS: Mapping[str, Callable[[str, str, Sequence[str], int], str]] = {
    "text": _text, "box": _box, "select": _select, "area": _area,
}  # fmt: skip


def _said(tag: str, opening: str, wrong: Wrong) -> str:
    """A control with what is wrong beside it, where whoever reads the page begins."""
    marked = opening
    for name, value in (("aria-invalid", "true"), ("aria-describedby", "wrong-here"), ("autofocus", "")):
        marked = _with(marked, name, value)
    return f'{marked}{tag[len(opening) :]}<span class="wrong" id="wrong-here">{wrong.says}</span>'


__all__ = ["Typed", "Wrong", "attribute", "given_back"]
