"""The scene spec: who × when × what × offer × where, as frozen values; and written back as YAML.

See docs/merchants/scenes.md for the meaning of every key, ``fairday.scenes.grammar`` for reading one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from fairday.kernel import money
from fairday.kernel.festivals import ON_THE_DAY, Own, Phase, festival, phase_on
from fairday.kernel.yamltree import dump
from fairday.kernel.yamlvalues import LANGUAGES
from fairday.offers.grammar import rule_plain
from fairday.offers.model import Rule

TOUCHPOINTS = ("feed", "page", "email", "sms", "push", "wechat", "till", "store-screen")
"""Where a scene can meet a person: two pages, four channels of messages, two screens in a store."""
RANKS = ("personal", "popular", "newest")
METRICS = ("revenue", "orders", "buyers", "new-buyers", "visits")
PLACEHOLDERS = ("name", "shop", "festival", "days_left")
THEMES = ("plain", "festive", "calm", "young", "warm")
"""How a page may look while a scene meets somebody on it."""


class _Struct(msgspec.Struct, frozen=True, omit_defaults=True):
    pass


class Words(_Struct, frozen=True):
    """A text by language; "" where it is not written."""

    zh: str = ""
    en: str = ""
    es: str = ""

    def get(self, language: str) -> str:
        """The text in a language, else in English, Chinese, Spanish, whichever is there first."""
        return next((t for t in (getattr(self, language, ""), self.en, self.zh, self.es) if t), "")


class Span(_Struct, frozen=True):
    """Days from ``first`` to ``last`` round the anchor, both included."""

    name: str
    first: int
    last: int


class When(_Struct, frozen=True):
    """One of: a festival with phases round it; days from ``first_day`` to ``last_day``; neither: always.

    Phases of a festival count from its day, phases of dates from their first day. A ``moment`` (a condition over
    ``fairday.scenes.moment``) narrows these days to the instants at which it holds of the person.
    """

    festival: str | None = None
    first_day: int | None = None
    last_day: int | None = None
    phases: tuple[Span, ...] = ()
    moment: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its phases; without any, ``day`` for a festival, ``run`` otherwise."""
        return tuple(p.name for p in self.phases) or (("day",) if self.festival else ("run",))

    def phase_on(self, day: int, own: Own) -> tuple[str, int, int] | None:
        """The phase a day falls in, the anchor day, and the phase's last day; None when the scene does not hold.

        Args:
            day: the shop's local day.
            own: the person's own dates, for ``own.`` festivals.
        """
        if self.festival is not None:
            phases = tuple(Phase(p.name, p.first, p.last) for p in self.phases) or ON_THE_DAY
            found = phase_on(self.festival, phases, day, own)
            return None if found is None else (found[0].name, found[1], found[1] + found[0].last)
        first = self.first_day if self.first_day is not None else day
        last = self.last_day if self.last_day is not None else day
        if not first <= day <= last:
            return None
        if not self.phases:
            return "run", first, last
        inside = (p for p in self.phases if p.first <= day - first <= p.last)
        return next(((p.name, first, first + p.last) for p in inside), None)


class Look(_Struct, frozen=True):
    """How the page looks and what it says first, for whom; of several the first that holds of a person wins."""

    who: str | None = None
    unless: str | None = None
    theme: str = "plain"
    greeting: Words = Words()


IN_STORE, ALL_GOODS = "in_store(nearest)", "known(product)"
"""What stands for the goods of the person's store; and a condition that holds of all goods."""


class Floor(_Struct, frozen=True):
    """One row of goods on the page: for whom (``who``, ``unless``), which goods, in what order.

    ``variety`` from 0 (best first) to 1 (every next one from another category). ``moment``, as of ``when``: the
    instants at which the person meets the floor. ``in_store``: only what the person's store has on hand.
    """

    title: Words
    goods: str
    who: str | None = None
    unless: str | None = None
    moment: str | None = None
    rank: Literal["personal", "popular", "newest"] = "personal"
    variety: Decimal = Decimal(0)
    in_store: bool = False

    @property
    def goods_written(self) -> str:
        """``goods`` as it stands in the scene's file."""
        if not self.in_store:
            return self.goods
        return IN_STORE if self.goods == ALL_GOODS else f"{IN_STORE} and {self.goods}"


class Offer(_Struct, frozen=True):
    """A promotion of the scene, or a coupon of a batch that it gives out.

    ``rule`` has no id and knows neither the scene's people nor its days: ``fairday.scenes.selling`` adds them. Its
    amounts are minor units of ``currency``.
    """

    rule: Rule | None = None
    coupon: str | None = None
    currency: str = "CNY"

    @property
    def stacks(self) -> frozenset[str]:
        """The words under which it adds up with others."""
        rule = self.rule
        return frozenset() if rule is None or rule.combines is None else rule.tags & rule.combines

    @property
    def plain(self) -> dict[str, Any]:
        """It as plain values, as it stands in a scene's text."""
        return {"coupon": self.coupon} if self.rule is None else rule_plain(self.rule, self.currency, scene=True)


class GroupBuy(_Struct, frozen=True):
    """A group of ``size`` gets a price when it is full within ``hours``: exactly one of the three prices."""

    size: int
    hours: int
    percent_off: Decimal | None = None
    off: Decimal | None = None
    becomes: Decimal | None = None


class Place(_Struct, frozen=True):
    """A touchpoint, and the phases in which the scene meets people there (all when empty)."""

    touchpoint: str
    phases: tuple[str, ...] = ()


class Amount(_Struct, frozen=True):
    """Money: minor units of a currency."""

    currency: str
    amount: int


class Rate(_Struct, frozen=True):
    """At most ``count`` a ``per``."""

    count: int
    per: Literal["day", "week"]


class Guard(_Struct, frozen=True):
    """Limits of a scene. ``holdout`` is in tenths of a percent of the people it would meet."""

    budget: Amount | None = None
    per_person: Rate | None = None
    holdout: int = 0


class Goal(_Struct, frozen=True):
    """What the scene is judged by, ``within`` so many days after the first meeting."""

    metric: str
    within: int


class Message(_Struct, frozen=True):
    """What a mail says above its goods; a subject left out is the scene's title."""

    subject: Words = Words()
    body: Words = Words()


class SceneSpec(_Struct, frozen=True):
    """A scene as declared."""

    scene: str
    title: Words
    when: When
    who: str | None = None
    looks: tuple[Look, ...] = ()
    floors: tuple[Floor, ...] = ()
    offers: tuple[Offer, ...] = ()
    group_buy: GroupBuy | None = None
    where: tuple[Place, ...] = ()
    guard: Guard = Guard()
    goal: Goal | None = None
    message: Message = Message()

    def meets_at(self, touchpoint: str, phase: str) -> bool:
        """Whether the scene meets people at a touchpoint in a phase."""
        return any(p.touchpoint == touchpoint and (not p.phases or phase in p.phases) for p in self.where)


def fill(template: str, values: Mapping[str, str]) -> str:
    """A message's text with its placeholders filled.

    One whose value is unknown goes, with the comma and blank before it: "It is pay day, {name}!" becomes "It is pay
    day!". A text that began with one begins with a capital then.
    """

    def one(found: re.Match[str]) -> str:
        value = values.get(found[2], "")
        return found[1] + value if value else ""

    filled = re.sub(r"([,，、]? ?)\{(\w+)\}", one, template)
    rest = filled.lstrip("，,、 ")
    return rest if rest == filled else rest[:1].upper() + rest[1:]


def festival_title(spec: SceneSpec, language: str) -> str:
    """What the scene's festival is called, or the scene's title without one."""
    return festival(spec.when.festival).titles[language] if spec.when.festival else spec.title.get(language)


# ---- YAML ----------------------------------------------------------------------------------------------------------


def to_yaml(spec: SceneSpec) -> str:
    """The scene as YAML text, keys in the order of the manual; reading it gives an equal spec."""
    return dump(_plain(spec))


def _plain(spec: SceneSpec) -> dict[str, Any]:
    what = {
        "look": [
            {"who": look.who, "unless": look.unless, "theme": look.theme, "greeting": _words(look.greeting)}
            for look in spec.looks
        ],
        "floors": [
            {
                "title": _words(f.title),
                "who": f.who,
                "unless": f.unless,
                "moment": f.moment,
                "goods": f.goods_written,
                "rank": f.rank,
                "variety": f.variety or None,
            }
            for f in spec.floors
        ],
    }
    play = spec.group_buy and {
        "group-buy": {
            "size": spec.group_buy.size,
            "price": {n: getattr(spec.group_buy, n) for n in ("percent_off", "off", "becomes")},
            "hours": spec.group_buy.hours,
        }
    }
    guard = spec.guard
    plain = {
        "scene": spec.scene,
        "title": _words(spec.title),
        "when": _when(spec.when),
        "who": spec.who,
        "what": what,
        "offer": [o.plain for o in spec.offers] or None,
        "play": play,
        "where": [{p.touchpoint: _one_or_list(p.phases)} if p.phases else p.touchpoint for p in spec.where],
        "guard": {
            "budget": guard.budget
            and f"{guard.budget.currency} {money.major(guard.budget.amount, guard.budget.currency):f}",
            "per_person": guard.per_person and f"{guard.per_person.count}/{guard.per_person.per}",
            "holdout": f"{(Decimal(guard.holdout) / 10).normalize():f}%" if guard.holdout else None,
        },
        "goal": spec.goal and {"metric": spec.goal.metric, "within": f"{spec.goal.within}d"},
        "message": {"subject": _words(spec.message.subject), "body": _words(spec.message.body)},
    }
    return {k: v for k, v in ((k, _pruned(v)) for k, v in plain.items()) if v not in (None, {}, [])}


def _when(when: When) -> Any:
    from fairday.kernel.clock import to_date

    phases = {p.name: f"{p.first}d..{p.last:+d}d" if p.last else f"{p.first}d..0d" for p in when.phases}
    if when.festival is not None:
        return {"festival": when.festival, "phases": phases, "moment": when.moment}
    if when.first_day is None or when.last_day is None:
        return {"moment": when.moment} if when.moment else "always"
    dates = f"{to_date(when.first_day)}..{to_date(when.last_day)}"
    return {"dates": dates, "phases": phases, "moment": when.moment}


def _words(words: Words) -> Any:
    texts = {language: getattr(words, language) for language in LANGUAGES}
    found = {language: text for language, text in texts.items() if text}
    return next(iter(found.values())) if len(found) == 3 and len(set(found.values())) == 1 else found


def _one_or_list(names: tuple[str, ...]) -> Any:
    return names[0] if len(names) == 1 else list(names)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        kept = ((k, _pruned(v)) for k, v in value.items())
        return {k: v for k, v in kept if v not in (None, {}, [])}
    if isinstance(value, list):
        return [_pruned(v) for v in value]
    return value
