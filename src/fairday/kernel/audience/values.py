"""The values of an expression: names looked up, types checked, money and dates turned into whole numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal, NoReturn, get_args

from sqlglot import exp

from fairday.kernel.audience.errors import AudienceError, nearest
from fairday.kernel.audience.facts import yearly_day
from fairday.kernel.audience.tree import (
    MAX_RESULT,
    MAX_VALUE,
    Const,
    Scale,
    Since,
    SinceTrait,
    Sum,
    Trait,
    UntilTrait,
    Value,
    Window,
    magnitude,
    negated,
)
from fairday.kernel.audience.vocabulary import (
    DIMENSIONS,
    FUNCTIONS,
    MOMENT_FUNCTIONS,
    Part,
    TraitDef,
    Vocabulary,
    line_measure,
    minutes_trait,
)
from fairday.kernel.audience.words import Word, Words
from fairday.kernel.clock import to_day

MAX_SPAN = 36_500
"""Days of the longest window."""

MAX_TEXT = 200
"""Characters of a text in an audience."""

MAX_DEPTH = 60
"""Steps from the top of the tree to its leaves, long sums included."""

_SPAN = re.compile(r"(\d{1,6})([dw])")

CONDITIONS = frozenset({"known", "likely", "has", "contains", "starts_with"})
"""Functions that are conditions; the others are values."""

SAID = {
    "int": "a number",
    "number": "a number",
    "money": "money",
    "text": "text",
    "string": "text",
    "texts": "a set of texts",
    "bool": "yes or no",
    "truth": "yes or no",
    "day": "a date",
    "yearly": "a day of the year",
    "condition": "a condition",
}
"""How errors call what a node is."""

Want = Literal["int", "money", "day", "yearly"]
WANTS: tuple[Want, ...] = get_args(Want)
"""The types a value that is compared may have."""


class Values:
    """Reads the values of one expression: what each name, number and call is, and what it is worth."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.words = Words(text)
        self._threshold: int | None = None

    def _want(self, node: exp.Expr, left: exp.Expr, right: exp.Expr, depth: int) -> Want:
        """The common type of two compared values, or an error that says why they cannot be compared."""
        kinds = [self._kind(left, depth), self._kind(right, depth)]
        for side, kind in zip((left, right), kinds, strict=True):
            if kind == "text":
                self._fail(node, "Texts have no order.", "wrong_type", "Compare texts with =, != or IN.")
            if kind not in (*WANTS, "number", "string"):
                self._fail(side, f"{self._source(side)} is {SAID[kind]} and has no order.", "wrong_type",
                           "Compare numbers, money or dates.")  # fmt: skip
        plain = [k for k in kinds if k in WANTS]
        if not plain:
            self._fail(node, "This compares two plain values.", "constant", "Write true for everyone, false for none.")
        want: Want = "money" if "money" in plain else plain[0]
        if want != "money" and len(set(plain)) == 2:
            self._mismatch(node, left, right, kinds)
        return want

    def _mismatch(self, node: exp.Expr, left: exp.Expr, right: exp.Expr, kinds: list[str]) -> NoReturn:
        self._fail(
            node,
            f"{self._source(left)} is {SAID[kinds[0]]} and {self._source(right)} is {SAID[kinds[1]]}.",
            "wrong_type",
            "Compare values of one type.",
        )

    def _kind(self, node: exp.Expr, depth: int) -> str:
        """What a node is by itself; ``number`` and ``string`` are plain values whose type their neighbour gives."""
        self._check_depth(node, depth)
        match node:
            case exp.Paren() | exp.Neg():
                return self._kind(node.this, depth + 1)
            case exp.Literal():
                word = self.words.word_of(node)
                return "string" if word and word.kind == "text" else "number"
            case exp.Add() | exp.Sub() | exp.Mul():
                kinds = {self._kind(node.this, depth + 1), self._kind(node.expression, depth + 1)} - {"number"}
                return "number" if not kinds else "money" if "money" in kinds else kinds.pop()
            case exp.Anonymous():
                return self._call_kind(node)
            case exp.Column():
                word = self.words.word_of(node)
                if word and word.kind == "window":
                    self._fail(node, f"{word.value} is a span of days.", "stray_window",
                               "A span stands in a measure: orders(90d).")  # fmt: skip
                return "truth" if self._name(node) in ("true", "false") else self._trait(node).type
            case exp.And() | exp.Or() | exp.Not() | exp.Predicate():
                return "condition"
        self._fail(node, "This is not a value.", "unreadable", "Compare traits and measures with plain values.")

    def _value(self, node: exp.Expr, want: Want, depth: int) -> Value:
        value = self._build(node, want, depth)
        if magnitude(value) > MAX_RESULT:
            self._fail(node, "The numbers get too large here.", "too_large", "Multiply by less.")
        return value

    def _build(self, node: exp.Expr, want: Want, depth: int) -> Value:
        self._check_depth(node, depth)
        match node:
            case exp.Paren():
                return self._value(node.this, want, depth + 1)
            case exp.Literal():
                return Const(self._number(node, want))
            case exp.Column():
                trait = self._trait(node)
                if trait.type != want:
                    self._wrong(node, trait.type, want)
                return self._look(trait)
            case exp.Anonymous():
                kind = self._call_kind(node)
                if kind != want:
                    self._wrong(node, kind, want)
                return self._call(node, depth)
        if want not in ("int", "money"):
            self._fail(node, "There is no arithmetic on dates.", "wrong_type",
                       "Count days: days_since(member_since) <= 30.")  # fmt: skip
        match node:
            case exp.Neg():
                return negated(self._value(node.this, want, depth + 1))
            case exp.Add() | exp.Sub():
                left = self._value(node.this, want, depth + 1)
                right = self._value(node.expression, want, depth + 1)
                return _sum(left, right if isinstance(node, exp.Add) else negated(right))
            case exp.Mul():
                return self._product(node, want, depth)
        self._fail(node, "This is not a value.", "unreadable", "Write a trait, a measure or a number.")

    def _product(self, node: exp.Mul, want: Want, depth: int) -> Value:
        factor, other = node.this, node.expression
        if self._kind(factor, depth) != "number":
            factor, other = other, factor
        if self._kind(factor, depth) != "number":
            self._fail(node, "Two traits or measures cannot be multiplied.", "not_linear", "Multiply by a number.")
        # In 100 * orders(90d), compared with money, the 100 is the money; elsewhere a factor is a plain number.
        kind = self._kind(other, depth)
        as_money = want == "money" and kind == "int"
        scale = self._value(factor, "money" if as_money else "int", depth + 1)
        assert isinstance(scale, Const)  # only plain numbers are of the kind "number", and they fold
        value = self._value(other, "int" if as_money else want, depth + 1)
        if isinstance(value, Const):
            return Const(scale.value * value.value)
        if scale.value == 0:
            self._fail(node, "Nothing times 0 says anything.", "zero", "Leave it out.")
        return Scale(scale.value, value)

    def _number(self, node: exp.Expr, want: Want) -> int:
        word = self.words.word_of(node)
        assert word is not None  # a literal is a leaf
        if want in ("day", "yearly"):
            return self._date(node, word, want)
        if word.kind != "number":
            self._fail(node, f"{self._source(node)} is text, where {SAID[want]} is meant.", "wrong_type",
                       "Write the number without quotes.")  # fmt: skip
        places = self.vocabulary.decimals if want == "money" else 0
        number = Decimal(word.value).scaleb(places)
        if len(word.value) > 30 or abs(number) > MAX_VALUE:
            self._fail(node, "This number is too large.", "too_large", f"Write at most {MAX_VALUE}.")
        if number != int(number):
            if want == "money":
                currency = self.vocabulary.currency
                self._fail(node, f"{currency} has {places} decimals.", "too_precise", f"Write at most {places}.")
            self._fail(node, "Only money has decimals.", "float", "Write a whole number.")
        return int(number)

    def _date(self, node: exp.Expr, word: Word, want: Want) -> int:
        example = "'2026-06-01'" if want == "day" else "'06-01', month and day"
        pattern = r"\d{4}-\d\d-\d\d" if want == "day" else r"\d\d-\d\d"
        if word.kind == "text" and re.fullmatch(pattern, word.value, re.ASCII):
            try:
                if want == "day":
                    return to_day(date.fromisoformat(word.value))
                return yearly_day(int(word.value[:2]), int(word.value[3:]))
            except ValueError:
                pass
        self._fail(node, f"{self._source(node)} is not {SAID[want]}.", "bad_date", f"Write {example}.")

    # Names and calls

    def _call_kind(self, node: exp.Anonymous) -> str:
        name = self._name(node)
        if name in self.vocabulary.measures:
            return self.vocabulary.measures[name].type
        if name in self.vocabulary.functions:
            return "condition" if name in CONDITIONS else "money" if name in ("total", "spent_on") else "int"
        if name in self.vocabulary.traits:
            self._fail_name(node, f"{name} is a trait, not a function.", "unknown_function", f"Write {name} alone.")
        if name in FUNCTIONS:
            self._fail_name(node, f"{name}() is asked of people, not of a moment.", "not_of_a_moment",
                            f"A moment has {', '.join(MOMENT_FUNCTIONS)}. Write {name}() in who.")  # fmt: skip
        if name in MOMENT_FUNCTIONS:
            self._fail_name(node, f"{name}() is asked of a moment, not of people.", "only_of_a_moment",
                            f"Write {name}() in moment, or days_since('Product Viewed') here.")  # fmt: skip
        known = [*self.vocabulary.measures, *self.vocabulary.functions]
        meant = nearest(name, known)
        remedy = f"did you mean '{meant}'?" if meant else f"There are {', '.join(known)}."
        self._fail_name(node, f"there is no function '{name}';" if meant else f"there is no function '{name}'.",
                        "unknown_function", remedy)  # fmt: skip

    def _call(self, node: exp.Anonymous, depth: int) -> Value:
        name, args = self._name(node), node.expressions
        if name in self.vocabulary.measures:
            self._check_count(node, name, args, 0, 1)
            return Window(self.vocabulary.measures[name].parts, self._span_of(args[0]) if args else None)
        if name in ("count", "total"):
            self._check_count(node, name, args, 1, 2)
            column: Literal["n", "amount"] = "n" if name == "count" else "amount"
            part = Part(self._event(args[0]), column)
            return Window((part,), self._span_of(args[1]) if len(args) > 1 else None)
        if name in ("bought", "spent_on", "viewed"):
            self._check_count(node, name, args, 2, 3)
            dimension = self._one_of(args[0], DIMENSIONS)
            value = self._text(args[1], None)
            if not value:
                self._fail(args[1], f"No {dimension} is called ''.", "empty_text", f"Name the {dimension}.")
            measure = line_measure("viewed" if name == "viewed" else "bought", dimension, value)
            part = Part(measure, "amount" if name == "spent_on" else "n")
            return Window((part,), self._span_of(args[2]) if len(args) > 2 else None)
        self._check_count(node, name, args, 1)
        arg = bare(args[0])
        if name == "minutes_since":
            return Trait(minutes_trait(self._event(arg)), "int")
        if isinstance(arg, exp.Literal) and name == "days_since":
            return Since(self._event(arg))
        trait = self._trait(arg)
        if trait.type == "day":
            return SinceTrait(self._look(trait)) if name == "days_since" else UntilTrait(self._look(trait))
        if trait.type == "yearly" and name == "days_until":
            return UntilTrait(self._look(trait))
        self._fail(arg, f"{name}() counts days, and {trait.name} is {SAID[trait.type]}.", "wrong_type",
                   f"Write {FUNCTIONS[name]}.")  # fmt: skip

    def _span_of(self, node: exp.Expr) -> int:
        word = self.words.word_of(node)
        found = _SPAN.fullmatch(word.value) if word and word.kind == "window" else None
        days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
        if not 1 <= days <= MAX_SPAN:
            self._fail(node, f"{self._source(node)} is not a span of days.", "bad_window",
                       f"Write days or weeks, such as 90d or 12w, up to {MAX_SPAN}d; today is the first.")  # fmt: skip
        return days

    def _event(self, node: exp.Expr) -> str:
        name = self._text(node, None)
        for verb in ("bought", "viewed"):
            if name.startswith(f"{verb}:"):
                self._fail(node, "Product lines are not events.", "wrong_type", f"Write {FUNCTIONS[verb]}.")
        if not name:
            self._fail(node, "No event is called ''.", "empty_text", "Name it as it is sent: 'Product Viewed'.")
        return name

    def _one_of(self, node: exp.Expr, allowed: Iterable[str]) -> str:
        text = self._text(node, None)
        if text in allowed:
            return text
        meant = nearest(text, allowed)
        listed = ", ".join(f"'{a}'" for a in allowed)
        remedy = f"Did you mean '{meant}'?" if meant else f"Write one of {listed}."
        self._fail(node, f"'{text}' is not one of {listed}.", "unknown_value", remedy)

    def _text(self, node: exp.Expr, trait: str | None) -> str:
        """A text in quotes; one the trait may hold, where its values are declared."""
        node = bare(node)
        word = self.words.word_of(node)
        if word is None or word.kind != "text":
            self._fail(node, "A text in quotes is meant here.", "wrong_type", f"Write '{self._source(node)}'.")
        if len(word.value) > MAX_TEXT:
            self._fail(node, f"This text has {len(word.value)} characters.", "too_long", f"Write at most {MAX_TEXT}.")
        values = self.vocabulary.traits[trait].values if trait else ()
        return self._one_of(node, values) if values else word.value

    def _text_trait(self, node: exp.Expr) -> Trait:
        trait = self._trait(bare(node))
        if trait.type != "text":
            self._fail(node, f"{trait.name} is {SAID[trait.type]}, not text.", "wrong_type", "Name a text trait.")
        return self._look(trait)

    def _trait(self, node: exp.Expr) -> TraitDef:
        node = bare(node)
        word = self.words.word_of(node)
        if not isinstance(node, exp.Column) or word is None or word.kind != "name":
            self._fail(node, "A trait is meant here.", "not_a_trait", "Write its name without quotes: age.")
        found = self.vocabulary.traits.get(word.value)
        if found is not None:
            return found
        functions = self.vocabulary.functions
        if word.value in self.vocabulary.measures or word.value in functions:
            example = functions.get(word.value, f"{word.value}(90d)")
            self._fail(node, f"{word.value} is a function.", "not_a_trait", f"Write {example}.")
        names = {title: t.name for t in self.vocabulary.traits.values() for title in (*t.titles.values(), t.name)}
        meant = nearest(word.value, names)
        if meant:
            self._fail(node, f"there is no trait '{word.value}';", "unknown_trait", f"did you mean '{names[meant]}'?")
        self._fail(node, f"there is no trait '{word.value}'.", "unknown_trait",
                   f"There are {', '.join(self.vocabulary.traits) or 'none declared'}.")  # fmt: skip

    def _look(self, trait: TraitDef) -> Trait:
        return Trait(trait.name, trait.type, self._threshold)

    def _name(self, node: exp.Expr) -> str:
        word = self.words.word_of(node)
        return word.value if word else ""

    # Errors

    def _wrong(self, node: exp.Expr, kind: str, want: str) -> NoReturn:
        self._fail(node, f"{self._source(node)} is {SAID[kind]}, where {SAID[want]} is meant.", "wrong_type",
                   "Compare values of one type.")  # fmt: skip

    def _check_depth(self, node: exp.Expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(node, "This is nested too deep.", "too_deep", "Write it in fewer steps.")

    def _check_count(self, node: exp.Anonymous, name: str, args: list[exp.Expr], *counts: int) -> None:
        if not min(counts) <= len(args) <= max(counts):
            example = self.vocabulary.functions.get(name, f"{name}(90d)")
            self._fail(node, f"{name}() does not take {len(args)} values.", "wrong_count", f"Write {example}.")

    def _source(self, node: exp.Expr) -> str:
        start, end = self.words.span(node)
        text = self.words.text[start:end]
        if isinstance(bare(node), exp.Anonymous):
            text += self.words.text[end : self.words.text.find(")", end) + 1]
        return text if len(text) <= 60 else text[:57] + "..."

    def _fail_name(self, node: exp.Expr, message: str, code: str, remedy: str) -> NoReturn:
        word = self.words.word_of(node)
        start, end = (word.start, word.end) if word else self.words.span(node)
        raise AudienceError(message, text=self.words.text, start=start, end=end, code=code, remedy=remedy)

    def _fail(self, node: exp.Expr, message: str, code: str, remedy: str) -> NoReturn:
        start, end = self.words.span(node)
        raise AudienceError(message, text=self.words.text, start=start, end=end, code=code, remedy=remedy)


def bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _sum(left: Value, right: Value) -> Value:
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(left.value + right.value)
    return Sum(left, right)
