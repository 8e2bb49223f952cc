"""The words of an audience: tokenised by sqlglot, judged one by one, then handed to its parser as numbered blanks.

Every name, number and text reaches the parser as its place in the list (``_3``, ``3``, ``'3'``). So no word of ours can
mean anything to sqlglot (it knows hundreds of functions and statements), and every node says which word it came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType
from sqlglot.tokens import Tokenizer

from fairday.kernel.audience.errors import AudienceError

MAX_LENGTH = 10_000
"""Characters of an audience."""

MAX_WORDS = 1_000
"""Words, numbers, operators and parentheses of an audience."""

MAX_NESTING = 12
"""Parentheses, NOTs and minus signs inside one another."""

Kind = Literal["name", "number", "text", "window", "operator", "(", ")", ","]

_OPERATORS = {
    TokenType.EQ: "=",
    TokenType.NEQ: "<>",
    TokenType.LT: "<",
    TokenType.LTE: "<=",
    TokenType.GT: ">",
    TokenType.GTE: ">=",
    TokenType.PLUS: "+",
    TokenType.DASH: "-",
    TokenType.STAR: "*",
}
_KEYWORDS = {"and", "or", "not", "in", "between"}
_MARKS: dict[TokenType, Kind] = {TokenType.L_PAREN: "(", TokenType.R_PAREN: ")", TokenType.COMMA: ","}
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"\d+(\.\d+)?")

_FULL_WIDTH = str.maketrans("（），＜＞＝＋－＊‘’“”＇；", "(),<>=+-*''''';")

_REFUSED_MARKS = {
    "/": "There is no division. Multiply the other side instead: spend(90d) >= orders(90d) * 100.",
    "//": "There is no division. Multiply the other side instead: spend(90d) >= orders(90d) * 100.",
    "%": "There is no remainder or pattern. Use contains(trait, 'piece') for a piece of text.",
    ";": "An audience is one condition. Leave the semicolon out.",
    "||": "Write OR for either; texts cannot be joined.",
    "&&": "Write AND.",
    "&": "Write AND.",
    "|": "Write OR.",
    "!": "Write NOT.",
    ".": "Names have no dots, and a number begins with a digit: 0.5.",
    "::": "Values have their declared type already. Leave the cast out.",
    "==": "Write a single =.",
}
_REFUSED_WORDS = {
    "is": "Write known(x), or NOT known(x).",
    "null": "Nothing equals NULL. Write NOT known(x).",
    "like": "Use contains(trait, 'piece') or starts_with(trait, 'piece').",
    "ilike": "Use contains(trait, 'piece') or starts_with(trait, 'piece').",
    "rlike": "Use contains(trait, 'piece') or starts_with(trait, 'piece').",
    "regexp": "Use contains(trait, 'piece') or starts_with(trait, 'piece').",
    "select": "An audience is a condition, not a query. Use count('Product Viewed', 7d) and the like.",
    "exists": "An audience is a condition, not a query. Use known(x) or a count such as orders(90d) >= 1.",
    "case": "There is no CASE. Join conditions with AND and OR.",
    "div": "There is no division. Multiply the other side instead.",
    "sum": "Use a measure over a window: spend(90d), or total('Order Completed', 90d).",
    "avg": "There is no average, for there is no division: spend(90d) >= orders(90d) * 100.",
    "min": "Use a measure over a window: spend(90d), or total('Order Completed', 90d).",
    "max": "Use days_since('Order Completed') for the latest time.",
    "coalesce": "Unknown is not in. Use known(x) to ask whether something is known.",
    "cast": "Values have their declared type already. Leave the cast out.",
    "interval": "A span is written 90d or 12w.",
    "now": "Windows end today by themselves; a date is written '2026-06-01'.",
    "today": "Windows end today by themselves: days_since(member_since) <= 30.",
    "current_date": "Windows end today by themselves: days_since(member_since) <= 30.",
    "date": "A date is written as text: member_since >= '2026-06-01'.",
    "xor": "Write (a AND NOT b) OR (b AND NOT a).",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the expression and the characters it covers. ``value`` is its meaning: text without quotes."""

    kind: Kind
    value: str
    start: int
    end: int


class Words:
    """The words of one expression, and the tree sqlglot makes of them.

    Raises:
        AudienceError: it is not one well-formed expression of this language's words.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            self._fail(
                f"The audience has {len(text)} characters; the most is {MAX_LENGTH}.",
                MAX_LENGTH,
                len(text),
                "too_long",
                "Name the people by fewer conditions.",
            )
        self.words = self._tokenise()
        self._check_order()
        self.tree = self._parse()

    def word_of(self, node: exp.Expr) -> Word | None:
        """The word a leaf of the tree came from, or None when the node is no leaf."""
        if isinstance(node, exp.Literal):
            return self._at(str(node.this))
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
            return self._at(str(node.this.this)[1:])
        if isinstance(node, exp.Anonymous):
            return self._at(str(node.this)[1:])
        return None

    def span(self, node: exp.Expr) -> tuple[int, int]:
        """The characters a node covers: from its first word to its last."""
        found = [w for w in map(self.word_of, node.walk()) if w is not None]
        if not found:
            return 0, len(self.text)
        return min(w.start for w in found), max(w.end for w in found)

    def _at(self, index: str) -> Word | None:
        return self.words[int(index)] if index.isdecimal() and int(index) < len(self.words) else None

    def _fail(self, message: str, start: int, end: int, code: str, remedy: str) -> NoReturn:
        raise AudienceError(message, text=self.text, start=start, end=end, code=code, remedy=remedy)

    def _tokenise(self) -> list[Word]:
        bad = next((i for i, c in enumerate(self.text) if c == "\0" or "\ud800" <= c <= "\udfff"), None)
        if bad is not None:
            self._fail("This character cannot be stored.", bad, bad + 1, "bad_character", "Leave it out.")
        try:
            tokens = Tokenizer().tokenize(self.text)
        except SqlglotError:
            self._fail_unread()
        words: list[Word] = []
        at = 0
        for token in tokens:
            self._check_gap(at, token.start)
            at = token.end + 1
            words.append(self._judge(token.token_type, token.text, token.start, at))
            if len(words) > MAX_WORDS:
                self._fail(
                    f"The audience has more than {MAX_WORDS} words.",
                    token.start,
                    at,
                    "too_long",
                    "Name the people by fewer conditions.",
                )
        self._check_gap(at, len(self.text))
        return self._with_windows(words)

    def _check_gap(self, start: int, end: int) -> None:
        # sqlglot drops comments without a token; what stands between two tokens must be blank.
        gap = self.text[start:end]
        if gap.strip():
            start += len(gap) - len(gap.lstrip())
            self._fail("There are no comments in an audience.", start, end, "comment", "Leave the comment out.")

    def _fail_unread(self) -> NoReturn:
        # The tokeniser says only that it failed: a text or a comment that is never closed.
        quotes = [i for i, c in enumerate(self.text) if c == "'"]
        if len(quotes) % 2:
            self._fail("This text is never closed.", quotes[-1], len(self.text), "open_text", "Close it with '.")
        self._fail("This cannot be read.", 0, len(self.text), "unreadable", "Write a condition such as age >= 20.")

    def _judge(self, kind: TokenType, value: str, start: int, end: int) -> Word:
        raw = self.text[start:end]
        if kind in _MARKS:
            return Word(_MARKS[kind], raw, start, end)
        if kind in _OPERATORS and raw != "==":
            return Word("operator", _OPERATORS[kind], start, end)
        if kind == TokenType.NUMBER:
            if not _NUMBER.fullmatch(raw):
                self._fail(f"{raw} is not a number here.", start, end, "bad_number", "Write digits: 20, or 19.90.")
            return Word("number", raw, start, end)
        if kind == TokenType.STRING and raw.startswith("'"):
            return Word("text", value, start, end)
        if _WORD.fullmatch(raw):
            lowered = raw.lower()
            if lowered in _REFUSED_WORDS:
                self._fail(f"{raw!r} is not used in audiences.", start, end, "refused_word", _REFUSED_WORDS[lowered])
            return Word("operator" if lowered in _KEYWORDS else "name", lowered, start, end)
        if raw[:1] in ('"', "`"):
            remedy = "A text stands in single quotes: 'tea'. A trait stands without quotes: age."
            self._fail("These quotes are not used in audiences.", start, end, "bad_quotes", remedy)
        wide = next((i for i, c in enumerate(raw) if c != c.translate(_FULL_WIDTH)), None)
        if wide is not None:
            sign, at = raw[wide], start + wide
            self._fail(
                f"{sign} is a full-width sign.", at, at + 1, "full_width", f"Write {sign.translate(_FULL_WIDTH)}"
            )
        self._fail(
            f"{raw!r} is not used in audiences.",
            start,
            end,
            "refused_sign",
            _REFUSED_MARKS.get(raw, "The signs are = != < <= > >= + - * and parentheses."),
        )

    def _with_windows(self, words: list[Word]) -> list[Word]:
        joined: list[Word] = []
        for word in words:
            last = joined[-1] if joined else None
            if last and last.kind == "number" and word.kind == "name" and last.end == word.start:
                joined[-1] = Word("window", last.value + word.value, last.start, word.end)
            else:
                joined.append(word)
        return joined

    def _check_order(self) -> None:
        """Operands and operators take turns, parentheses match, nothing nests too deep."""
        if not self.words:
            self._fail("The audience is empty.", 0, 0, "empty", "Write a condition such as age >= 20, or true for all.")
        want_operand = True
        nesting: list[str] = []
        for i, word in enumerate(self.words):
            before = self.words[i - 1] if i else None
            if want_operand:
                if word.kind == "(" or (word.kind == "operator" and word.value in ("not", "-")):
                    nesting.append(word.value)
                    if len(nesting) > MAX_NESTING:
                        self._fail_at(
                            word, "This is nested too deep.", "too_deep", f"Nest at most {MAX_NESTING} levels."
                        )
                elif (
                    word.kind == ")"
                    and i > 1
                    and before is not None
                    and before.kind == "("
                    and self.words[i - 2].kind == "name"
                ):
                    want_operand = False  # a call without arguments: orders()
                    nesting.pop()
                    self._leave_prefixes(nesting)
                elif word.kind in ("name", "number", "text", "window"):
                    want_operand = False
                    self._leave_prefixes(nesting)
                else:
                    self._fail_at(word, f"Something is missing before {word.value!r}.", "missing", "Write it there.")
            elif word.kind == "(":
                if before is None or before.kind != "name":
                    self._fail_at(word, "An operator is missing here.", "missing", "Write AND or OR, or a comma.")
                nesting.append("(")
                want_operand = True
                if len(nesting) > MAX_NESTING:
                    self._fail_at(word, "This is nested too deep.", "too_deep", f"Nest at most {MAX_NESTING} levels.")
            elif word.kind == ")":
                if "(" not in nesting:
                    self._fail_at(word, "This parenthesis was never opened.", "parenthesis", "Remove it.")
                nesting.pop()
                self._leave_prefixes(nesting)
            elif word.kind == "," or (word.kind == "operator" and word.value != "not"):
                want_operand = True
            elif word.value == "not":
                after = self.words[i + 1].value if i + 1 < len(self.words) else ""
                if after not in ("in", "between"):
                    self._fail_at(word, "NOT stands before a condition.", "missing", "Write AND NOT, or x NOT IN (..).")
            else:
                self._fail_at(word, f"An operator is missing before {self.text[word.start : word.end]}.", "missing",
                              "Write AND or OR, or a comparison such as =.")  # fmt: skip
        end = len(self.text)
        if want_operand:
            self._fail("The audience stops too early.", end, end, "missing", "Write what comes after the last word.")
        if "(" in nesting:
            opened = next(w for w in reversed(self.words) if w.kind == "(")
            self._fail_at(opened, "A parenthesis is never closed.", "parenthesis", "Write ) where it ends.")

    @staticmethod
    def _leave_prefixes(nesting: list[str]) -> None:
        while nesting and nesting[-1] != "(":
            nesting.pop()

    def _fail_at(self, word: Word, message: str, code: str, remedy: str) -> NoReturn:
        self._fail(message, word.start, word.end, code, remedy)

    def _parse(self) -> exp.Expr:
        pieces: list[str] = []
        ends: list[int] = []
        length = -1
        for i, word in enumerate(self.words):
            piece = {"name": f"_{i}", "window": f"_{i}", "number": f"{i}", "text": f"'{i}'"}.get(word.kind, word.value)
            pieces.append(piece)
            length += 1 + len(piece)
            ends.append(length)
        try:
            return sqlglot.parse_one(" ".join(pieces))
        except SqlglotError as error:
            errors = getattr(error, "errors", None) or [{}]
            col = errors[0].get("col") or 0
            at = next((i for i, end in enumerate(ends) if end >= col), len(ends) - 1)
            self._fail_at(self.words[at], "The audience cannot be read here.", "unreadable",
                          "Check what stands around this word.")  # fmt: skip
        except RecursionError:
            self._fail("This is nested too deep.", 0, len(self.text), "too_deep", "Write it in fewer parentheses.")
