"""Why a condition holds for somebody or not: each of its parts in the language's own words, with what was seen."""

from __future__ import annotations

from typing import Any

from fairday.kernel import money
from fairday.kernel.audience.audience import Audience
from fairday.kernel.audience.facts import BEYOND, Facts, unpack, yearly_month_day
from fairday.kernel.audience.predicate import compile_bounds, compile_fails, compile_holds
from fairday.kernel.audience.tree import (
    And,
    Compare,
    Condition,
    Const,
    Contains,
    Has,
    Known,
    Not,
    Or,
    Scale,
    Since,
    SinceTrait,
    Sum,
    TextIn,
    Trait,
    Truth,
    UntilTrait,
    Value,
    Window,
    walk,
)
from fairday.kernel.audience.vocabulary import Vocabulary, minutes_trait
from fairday.kernel.clock import to_date
from fairday.kernel.trace import Step

_CODES = {True: "holds", False: "fails", None: "unknown"}


def explain(audience: Audience, facts: Facts, today: int, words: Vocabulary) -> list[Step]:
    """A step for each part of a condition, the whole first and its parts under it (``depth``).

    The code is ``holds``, ``fails`` or ``unknown``. Params: ``text`` (the part as one would write it), ``join``
    (``all``, ``any``, ``not`` where parts follow, else ""), ``depth``, and ``seen``: what it looked at, a
    ``trait`` (name, type, lo, hi, texts, p) or a ``measure`` (its word, what of, type, days, value); None: unknown.
    """
    steps: list[Step] = []
    _explain(audience.tree, facts, today, words, 0, steps)
    return steps


def _explain(node: Condition, facts: Facts, today: int, words: Vocabulary, depth: int, steps: list[Step]) -> None:
    truth = True if compile_holds(node)(facts, today) else False if compile_fails(node)(facts, today) else None
    parts: tuple[Condition, ...] = ()
    join = ""
    match node:
        case And(inner):
            parts, join = inner, "all"
        case Or(inner):
            parts, join = inner, "any"
        case Not(And() | Or() | Not() as inner):
            parts, join = (inner,), "not"
    seen = [] if parts else [_seen(n, facts, today, words) for n in walk(node) if isinstance(n, Trait | Window | Since)]
    text = "" if parts else said(node, words)
    steps.append(Step(_CODES[truth], {"text": text, "join": join, "depth": depth, "seen": seen}))
    for part in parts:
        _explain(part, facts, today, words, depth + 1, steps)


def _seen(node: Trait | Window | Since, facts: Facts, today: int, words: Vocabulary) -> dict[str, Any]:
    if not isinstance(node, Trait):
        lo, hi = compile_bounds(node)(facts, today)
        days = node.span if isinstance(node, Window) else None
        value = lo if lo == hi else None
        call, _, what = _call(node, words)
        return {"measure": call, "what": what, "type": _type(node), "days": days, "value": value}
    told = facts.told.get(node.name)
    lo, hi, txt = told or facts.likely(node.name, 1000 if node.threshold is None else node.threshold)
    guess = facts.inferred.get(node.name)
    texts = None if txt is None else unpack(txt) if node.type == "texts" else [txt]
    guessed = told is None and guess is not None and (texts is not None or lo > -BEYOND or hi < BEYOND)
    return {
        "trait": node.name,
        "type": node.type,
        "lo": None if lo <= -BEYOND else lo,
        "hi": None if hi >= BEYOND else hi,
        "texts": texts,
        "p": guess[0] if guess is not None and guessed else None,
    }


def said(node: Condition, words: Vocabulary) -> str:
    """A condition as one would write it."""
    thresholds = {n.threshold for n in walk(node) if isinstance(n, Trait) and n.threshold is not None}
    text = _said(node, words)
    return f"likely({text}, {thresholds.pop() / 1000:g})" if thresholds else text


def _said(node: Condition, words: Vocabulary) -> str:
    match node:
        case Truth(value):
            return "true" if value else "false"
        case And(parts) | Or(parts):
            return (" and " if isinstance(node, And) else " or ").join(f"({_said(p, words)})" for p in parts)
        case Not(Compare("=", left, right)):
            return _compared(left, "!=", right, words)
        case Not(TextIn(trait, (only,))):
            return f"{trait.name} != {_quoted(only)}"
        case Not(TextIn(trait, values)):
            return f"{trait.name} not in ({', '.join(map(_quoted, values))})"
        case Not(part):
            return f"not {_said(part, words)}"
        case Compare("<=", Const(1), Trait(name, "bool", _)):
            return name
        case Compare("<" | "<=" as op, Const() as left, right):
            return _compared(right, ">" if op == "<" else ">=", left, words)
        case Compare(op, left, right):
            return _compared(left, op, right, words)
        case TextIn(trait, (only,)):
            return f"{trait.name} = {_quoted(only)}"
        case TextIn(trait, values):
            return f"{trait.name} in ({', '.join(map(_quoted, values))})"
        case Contains(trait, piece, where):
            return f"{'contains' if where == 'anywhere' else 'starts_with'}({trait.name}, {_quoted(piece)})"
        case Has(trait, member):
            return f"has({trait.name}, {_quoted(member)})"
        case Known(of):
            return f"known({_value(of, '', words)})"
    raise AssertionError(node)


def _compared(left: Value, op: str, right: Value, words: Vocabulary) -> str:
    kinds = {_type(left), _type(right)}
    kind = next((k for k in ("money", "day", "yearly") if k in kinds), "int")
    return f"{_value(left, kind, words)} {op} {_value(right, kind, words)}"


def _type(value: Value) -> str:
    match value:
        case Trait(_, kind, _):
            return kind
        case Window(parts, _):
            return "money" if any(p.column == "amount" for p in parts) else "int"
        case Sum(left, right):
            return "money" if "money" in (_type(left), _type(right)) else "int"
        case Scale(_, inner):
            return _type(inner)
    return "int"


def _value(value: Value, kind: str, words: Vocabulary) -> str:
    match value:
        case Const(number):
            return _constant(number, kind, words)
        case Trait(name, _, _):
            event = name.removeprefix(minutes_trait(""))
            return name if event == name else f"minutes_since({_quoted(event)})"
        case Window():
            return _window(value, words)
        case Since(measure):
            return f"days_since({_quoted(measure)})"
        case SinceTrait(trait):
            return f"days_since({trait.name})"
        case UntilTrait(trait):
            return f"days_until({trait.name})"
        case Sum(left, Scale(-1, right)):
            return f"{_value(left, kind, words)} - {_within(right, kind, words)}"
        case Sum(left, Const(number)) if number < 0:
            return f"{_value(left, kind, words)} - {_constant(-number, kind, words)}"
        case Sum(left, right):
            return f"{_value(left, kind, words)} + {_within(right, kind, words)}"
        case Scale(-1, inner):
            return f"-{_within(inner, kind, words)}"
        case Scale(factor, inner):
            as_money = kind == "money" and _type(inner) == "int"
            return f"{_constant(factor, 'money' if as_money else 'int', words)} * {_within(inner, kind, words)}"
    raise AssertionError(value)


def _within(value: Value, kind: str, words: Vocabulary) -> str:
    text = _value(value, kind, words)
    return f"({text})" if isinstance(value, Sum | Scale) else text


def _constant(number: int, kind: str, words: Vocabulary) -> str:
    if kind == "money":
        return f"{money.major(number, words.currency):f}"
    if kind == "day":
        return _quoted(to_date(number).isoformat())
    if kind == "yearly":
        month, day = yearly_month_day(number)
        return _quoted(f"{month:02}-{day:02}")
    return str(number)


def _window(window: Window, words: Vocabulary) -> str:
    call, dimension, what = _call(window, words)
    inside = [_quoted(text) for text in (dimension, what) if text]
    if window.span is not None:
        inside.append(f"{window.span}d")
    return f"{call}({', '.join(inside)})"


def _call(window: Window | Since, words: Vocabulary) -> tuple[str, str, str]:
    """What the language calls a measure: the word, the dimension and the name it is asked of ("" where none)."""
    if isinstance(window, Since):
        return "days_since", "", window.measure
    for name, measure in words.measures.items():
        if measure.parts == window.parts:
            return name, "", ""
    part = window.parts[0]
    verb, _, rest = part.measure.partition(":")
    dimension, equals, name = rest.partition("=")
    if equals and verb in ("bought", "viewed"):
        return "spent_on" if part.column == "amount" else verb, dimension, name
    return "count" if part.column == "n" else "total", "", part.measure


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
