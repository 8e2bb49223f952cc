"""Categories below categories: a rule about one is about those below it, too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from fairday.goods.tables import groups
from fairday.kernel.audience.words import MAX_LENGTH, MAX_WORDS, Word, Words
from fairday.kernel.errors import FairdayError
from fairday.offers.model import Goods, Rule

Tree = frozenset[tuple[str, str]]
"""Every category that stands below another, with that one."""

NO_TREE: Tree = frozenset()


def tree_of(conn: Connection) -> Tree:
    """The shop's categories as they stand below each other."""
    c = groups.c
    rows = conn.execute(select(c.name, c.parent).where(c.kind == "category", c.parent.is_not(None)))
    return frozenset((name, parent) for name, parent in rows)


def names_categories(rules: Iterable[Rule]) -> bool:
    """Whether any rule says something of a category."""
    return any(b"categor" in msgspec.json.encode(rule) for rule in rules)


class Families:
    """Rules spread over the categories below those they name.

    Args:
        tree: who stands below whom; a ring in it is walked once.
    """

    def __init__(self, tree: Tree) -> None:
        self._children: dict[str, list[str]] = {}
        for name, parent in sorted(tree):
            self._children.setdefault(parent, []).append(name)
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, category: str) -> tuple[str, ...]:
        """A category and all below it, itself first."""
        known = self._known.get(category)
        if known is None:
            found, ahead = {category: None}, [category]
            while ahead:
                for child in self._children.get(ahead.pop(), ()):
                    if child not in found:
                        found[child] = None
                        ahead.append(child)
            known = self._known[category] = tuple(found)
        return known

    def rules(self, some: Iterable[Rule]) -> list[Rule]:
        """Rules as they hold: every selection of goods and every condition over them spread."""
        return [self._spread(rule) for rule in some] if self._children else list(some)

    def _spread(self, value: Any) -> Any:
        if isinstance(value, Goods):
            return self.goods(value)
        if isinstance(value, tuple):
            return tuple(self._spread(one) for one in value)
        if isinstance(value, msgspec.Struct):
            now = {name: getattr(value, name) for name in value.__struct_fields__}
            new = {name: to for name, one in now.items() if (to := self._spread(one)) is not one and to != one}
            return msgspec.structs.replace(value, **new) if new else value
        return value

    def goods(self, goods: Goods) -> Goods:
        """One selection, spread."""
        wider = frozenset(name for category in goods.categories for name in self.of(category))
        condition = self.condition(goods.condition) if "category" in goods.condition.lower() else goods.condition
        if wider == goods.categories and condition == goods.condition:
            return goods
        return msgspec.structs.replace(goods, categories=wider, condition=condition)

    def condition(self, text: str) -> str:
        """A condition over goods where ``category = 'tea'``, ``<>`` and ``IN`` mean those below as well.

        One that would grow past what a condition may be (``MAX_WORDS``, about 480 categories), or cannot be read, stays
        as it is: a book must compile whatever the catalogue becomes.
        """
        try:
            words = Words(text).words
        except FairdayError:
            return text
        put: list[tuple[int, int, str]] = []
        at = 0
        while at < len(words):
            how, taken, said = _comparison(words, at)
            if taken:
                names = list(dict.fromkeys(name for one in said for name in self.of(one)))
                if len(names) > len(set(said)):
                    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
                    put.append((words[at].start, words[at + taken - 1].end, f"category {how} ({listed})"))
            at += taken or 1
        for start, end, wider in reversed(put):
            text_with = text[:start] + wider + text[end:]
            if len(text_with) <= MAX_LENGTH and len(words) + text_with.count("'") <= MAX_WORDS:
                text = text_with
        return text


_EQUAL: Mapping[str, str] = {"=": "IN", "<>": "NOT IN"}


def _comparison(words: list[Word], at: int) -> tuple[str, int, Collection[str]]:
    """A comparison of the category with texts that begins at a word: how, over how many words, with which; or none."""
    one, two, three = [(w.kind, w.value) for w in words[at : at + 3]] + [("", "")] * max(0, 3 - len(words) + at)
    category = ("name", "category")
    if two[0] == "operator" and two[1] in _EQUAL:
        if one == category and three[0] == "text":
            return _EQUAL[two[1]], 3, [three[1]]
        if three == category and one[0] == "text":
            return _EQUAL[two[1]], 3, [one[1]]
    if one != category:
        return "", 0, ()
    no = two == ("operator", "not")
    first = at + 2 + no
    if words[first - 1 : first] and (words[first - 1].kind, words[first - 1].value) == ("operator", "in"):
        end = next((i for i in range(first, len(words)) if words[i].kind == ")"), None)
        if end is not None and all(w.kind in ("(", ",", "text") for w in words[first:end]):
            return "NOT IN" if no else "IN", end + 1 - at, [w.value for w in words[first:end] if w.kind == "text"]
    return "", 0, ()
