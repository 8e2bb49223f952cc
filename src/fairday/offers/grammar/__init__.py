"""One short grammar for promotions: YAML text or plain values to a rule, and back.

``{promotion: tea, spend: 199, off: 30}`` is one. Every key stands in docs/merchants/promotions.md; amounts are major
units of the shop's currency, days are local days, ``until`` the last of them. What is read and written again is equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairday.goods.vocabulary import goods_vocabulary
from fairday.kernel.audience import Vocabulary
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.kernel.yamltree import Problem, Tree, dump
from fairday.offers.grammar.reading import Reading
from fairday.offers.grammar.writing import Writing
from fairday.offers.model import Rule
from fairday.people.traits import vocabulary

__all__ = ["Reading", "RuleError", "parse_rule", "read_rule", "rule_plain", "rule_text"]


class RuleError(FairdayError):
    """A text that is no promotion; ``problems`` says where and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(
            first.message,
            code="bad_promotion",
            where=f"{first.file}:{first.line}:{first.column}" + (f": {first.key}" if first.key else ""),
            remedy=first.remedy + (f" ({len(problems) - 1} more)" if len(problems) > 1 else ""),
        )
        self.problems = list(problems)


def read_rule(
    source: str | bytes | Mapping[str, Any],
    *,
    people: Vocabulary,
    zone: str = "Asia/Shanghai",
    name: str = "",
    file: str = "promotion.yaml",
) -> tuple[Rule | None, list[Problem]]:
    """Read a promotion.

    Args:
        source: YAML, at most 1 MB, or what it would hold as plain values.
        people: what ``who`` and ``unless`` may speak of; amounts are in its currency.
        zone: the shop's, for ``from`` and ``until``.
        name: the rule's id where the text has none.
        file: the name problems carry.

    Returns:
        The rule and no problem, or None and every problem found, in the order of the text.
    """
    text = dump(source) if isinstance(source, Mapping) else source
    tree = Tree(text, file, "promotion: my-promotion")
    goods = goods_vocabulary(people.currency)
    rule = Reading(tree, people, goods, people.currency, zone).rule(tree.root, "", name) if tree.root else None
    problems = sorted(set(tree.problems))
    return (None, problems) if problems else (rule, [])


def parse_rule(
    source: str | bytes | Mapping[str, Any],
    *,
    where: str = "promotion.yaml",
    name: str = "",
    people: Vocabulary | None = None,
    zone: str = "Asia/Shanghai",
) -> Rule:
    """The rule a text or plain values say; as ``read_rule``, with ``where`` as the file's name.

    Raises:
        RuleError: it says none; ``problems`` holds every reason.
    """
    rule, problems = read_rule(
        source, people=people or vocabulary(Settings()), zone=zone, name=name, file=where
    )  # fmt: skip
    if rule is None:
        raise RuleError(problems)
    return rule


def rule_plain(
    rule: Rule, currency: str = "CNY", zone: str = "Asia/Shanghai", *, scene: bool = False
) -> dict[str, Any]:
    """A rule as plain values, keys in the order of the manual.

    Args:
        scene: it stands in a scene, where an offer that says nothing goes with nothing.

    Raises:
        FairdayError: no text says it (a title in a language that shops do not have).
    """
    return Writing(currency, zone, scene).rule(rule)


def rule_text(rule: Rule, currency: str = "CNY", zone: str = "Asia/Shanghai") -> str:
    """A rule as YAML; reading it gives an equal rule. Amounts in major units of ``currency``."""
    return dump(rule_plain(rule, currency, zone))
