"""From sqlglot's tree to ours: the conditions of an expression."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Literal

from sqlglot import exp

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
    Since,
    TextIn,
    Trait,
    Truth,
    Window,
    walk,
)
from fairday.kernel.audience.values import CONDITIONS, SAID, WANTS, Values, bare

MAX_LOOKS = 40
"""Traits and measures one audience may look at; SQLite joins at most 64 tables."""

_FLIPPED: dict[type[exp.Expr], tuple[Literal["<", "<="], bool]] = {
    exp.LT: ("<", False),
    exp.LTE: ("<=", False),
    exp.GT: ("<", True),
    exp.GTE: ("<=", True),
}


class Parser(Values):
    """One parse of one expression. Only ``AudienceError`` leaves it."""

    def parse(self) -> Condition:
        root = self.words.tree
        tree = self._condition(root, 0)
        looks = {n for n in walk(tree) if isinstance(n, Trait | Window | Since)}
        if len(looks) > MAX_LOOKS:
            self._fail(root, f"The audience looks at {len(looks)} traits and windows; the most is {MAX_LOOKS}.",
                       "too_wide", "Name the people by fewer traits.")  # fmt: skip
        return tree

    def _condition(self, node: exp.Expr, depth: int) -> Condition:
        self._check_depth(node, depth)
        match node:
            case exp.Paren():
                return self._condition(node.this, depth + 1)
            case exp.And():
                return And(tuple(self._condition(part, depth + 1) for part in _chain(node, exp.And)))
            case exp.Or():
                return Or(tuple(self._condition(part, depth + 1) for part in _chain(node, exp.Or)))
            case exp.Not():
                return Not(self._condition(node.this, depth + 1))
            case exp.EQ():
                return self._equal(node, node.this, node.expression, depth)
            case exp.NEQ():
                return Not(self._equal(node, node.this, node.expression, depth))
            case exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
                return self._order(node, depth)
            case exp.Between():
                return self._between(node, depth)
            case exp.In():
                return self._in(node, depth)
            case exp.Column():
                return self._flag(node)
            case exp.Anonymous():
                return self._condition_call(node, depth)
        kind = self._kind(node, depth)
        self._fail(node, f"{self._source(node)} is {SAID[kind]}, not a condition.", "not_a_condition",
                   "Compare it with something: age >= 20.")  # fmt: skip

    def _equal(self, node: exp.Expr, left: exp.Expr, right: exp.Expr, depth: int) -> Condition:
        if self._kind(left, depth) == "text":
            trait = self._text_trait(left)
            return TextIn(trait, (self._text(right, trait.name),))
        kinds = {self._kind(left, depth), self._kind(right, depth)}
        if "texts" in kinds:
            self._fail(node, "A set of texts is not equal to one.", "wrong_type", "Write 'tea' IN interests.")
        if kinds & {"bool", "truth"}:
            return self._equal_bool(node, left, right, depth)
        if "text" in kinds:
            return self._equal(node, right, left, depth)
        want = self._want(node, left, right, depth)
        return Compare("=", self._value(left, want, depth + 1), self._value(right, want, depth + 1))

    def _equal_bool(self, node: exp.Expr, left: exp.Expr, right: exp.Expr, depth: int) -> Condition:
        if self._kind(left, depth) == "truth":
            left, right = right, left
        if self._kind(left, depth) != "bool" or self._kind(right, depth) != "truth":
            self._fail(node, "Yes or no is compared only with true or false.", "wrong_type",
                       "Write the trait alone, or = true, or = false.")  # fmt: skip
        flag = self._condition(left, depth + 1)
        return flag if self._name(right) == "true" else Not(flag)

    def _order(self, node: exp.Expr, depth: int) -> Condition:
        left, right = node.this, node.expression
        want = self._want(node, left, right, depth)
        op, flip = _FLIPPED[type(node)]
        values = self._value(left, want, depth + 1), self._value(right, want, depth + 1)
        return Compare(op, values[1], values[0]) if flip else Compare(op, *values)

    def _between(self, node: exp.Between, depth: int) -> Condition:
        low, high = node.args["low"], node.args["high"]
        want = self._want(node, node.this, low, depth)
        if want != self._want(node, node.this, high, depth):
            self._fail(high, "BETWEEN takes two values of one type.", "wrong_type", "Write both alike.")
        value = self._value(node.this, want, depth + 1)
        first, last = self._value(low, want, depth + 1), self._value(high, want, depth + 1)
        if isinstance(first, Const) and isinstance(last, Const) and first.value > last.value:
            self._fail(node, "BETWEEN runs from the smaller to the larger.", "reversed",
                       f"Write BETWEEN {self._source(high)} AND {self._source(low)}.")  # fmt: skip
        return And((Compare("<=", first, value), Compare("<=", value, last)))

    def _in(self, node: exp.In, depth: int) -> Condition:
        listed = list(node.expressions)
        field = node.args.get("field") or (listed[0] if len(listed) == 1 else None)
        if field is not None and self._kind(field, depth) == "texts":
            return self._has(bare(field), node.this)
        if not listed:
            self._fail(node, "IN takes a list, or a set of texts.", "wrong_type",
                       "Write gender IN ('female', 'other'), or 'tea' IN interests.")  # fmt: skip
        kind = self._kind(node.this, depth)
        if kind == "text":
            trait = self._text_trait(node.this)
            return TextIn(trait, tuple(dict.fromkeys(self._text(item, trait.name) for item in listed)))
        if kind not in WANTS:
            self._fail(node.this, f"{self._source(node.this)} is {SAID[kind]}; IN looks up a text or a number.",
                       "wrong_type", "Write age IN (18, 21), or gender IN ('female').")  # fmt: skip
        for item in listed:
            if self._kind(item, depth) not in ("number", "string"):
                self._fail(item, "IN lists plain values only.", "wrong_type", "Join comparisons with OR.")
        value = self._value(node.this, kind, depth + 1)
        parts = tuple(Compare("=", value, self._value(item, kind, depth + 1)) for item in listed)
        return parts[0] if len(parts) == 1 else Or(parts)

    def _flag(self, node: exp.Expr) -> Condition:
        if self._kind(node, 0) == "truth":
            return Truth(self._name(node) == "true")
        trait = self._trait(node)
        if trait.type != "bool":
            remedy = {"text": f"{trait.name} = '..'", "texts": f"has({trait.name}, '..')"}.get(
                trait.type, f"{trait.name} >= .."
            )
            self._fail(node, f"{trait.name} is {SAID[trait.type]}, not a condition.", "not_a_condition",
                       f"Write {remedy}, or known({trait.name}).")  # fmt: skip
        return Compare("<=", Const(1), self._look(trait))

    def _condition_call(self, node: exp.Anonymous, depth: int) -> Condition:
        name, args = self._name(node), node.expressions
        kind = self._kind(node, depth)
        if name not in CONDITIONS:
            self._fail(node, f"{self._source(node)} is {SAID[kind]}, not a condition.", "not_a_condition",
                       f"Compare it with something: {self._source(node)} >= 1.")  # fmt: skip
        self._check_count(node, name, args, 1 if name == "known" else 2)
        if name == "known":
            return self._known(args[0], depth)
        if name == "likely":
            return self._likely(args[0], args[1], depth)
        if name == "has":
            return self._has(args[0], args[1])
        trait = self._text_trait(args[0])
        piece = self._text(args[1], None)
        if not piece:
            self._fail(args[1], "Every text holds the empty text.", "empty_text", f"Write known({trait.name}).")
        return Contains(trait, piece, "anywhere" if name == "contains" else "start")

    def _known(self, node: exp.Expr, depth: int) -> Condition:
        node = bare(node)
        if isinstance(node, exp.Column):
            return Known(self._look(self._trait(node)))
        if isinstance(node, exp.Anonymous) and self._name(node) in ("days_since", "minutes_since"):
            self._call_kind(node)
            value = self._call(node, depth)
            if isinstance(value, Since | Trait):
                return Known(value)
        self._fail(node, "known() asks about a trait, or whether something ever happened.", "wrong_type",
                   "Write known(age), or known(days_since('Order Completed')).")  # fmt: skip

    def _likely(self, condition: exp.Expr, share: exp.Expr, depth: int) -> Condition:
        if self._threshold is not None:
            self._fail(condition, "likely() stands inside likely().", "nested_likely", "Leave the inner one out.")
        word = self.words.word_of(share)
        value = Decimal(word.value) if word and word.kind == "number" else Decimal(0)
        if not 0 < value < 1 or value != round(value, 3):
            self._fail(share, "The second part of likely() is a probability.", "bad_probability",
                       "Write a number between 0 and 1 with at most three decimals: 0.8.")  # fmt: skip
        with self._inferring(int(value * 1000)):
            return self._condition(condition, depth + 1)

    @contextmanager
    def _inferring(self, threshold: int) -> Iterator[None]:
        self._threshold = threshold
        try:
            yield
        finally:
            self._threshold = None

    def _has(self, set_: exp.Expr, member: exp.Expr) -> Condition:
        trait = self._trait(set_)
        if trait.type != "texts":
            self._fail(set_, f"{trait.name} is {SAID[trait.type]}, not a set of texts.", "wrong_type",
                       f"Write {trait.name} = .. instead.")  # fmt: skip
        text = self._text(member, trait.name)
        if not text:
            self._fail(member, "No set holds the empty text.", "empty_text", f"Write known({trait.name}).")
        return Has(self._look(trait), text)


def _chain(node: exp.Expr, kind: type[exp.Binary]) -> list[exp.Expr]:
    """The parts of ``a AND b AND c``, which sqlglot nests to the left, without recursion."""
    parts: list[exp.Expr] = []
    while isinstance(node, kind):
        parts.append(node.expression)
        node = node.this
    parts.append(node)
    return parts[::-1]
