"""What a person likes, from what they bought. See docs/algorithms/choice.md, "Floors and goods"."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from fairday.kernel.audience import Facts
from fairday.kernel.trace import Step
from fairday.scenes.ranking import Standing

HALF_LIFE = 60
"""Days after which a purchase counts half."""

_DECAY = [0.5 ** (age / HALF_LIFE) for age in range(20 * HALF_LIFE)]  # after that less than a millionth is left

WEIGHTS = {"product": 1.0, "category": 0.5, "brand": 0.25, "popular": 0.25}
"""What each part of a score, from 0 to 1, is worth."""


IN_SCENE = Step("in_scene", {})
"""Nothing is known to have brought a product there but the scene."""


class Bought(msgspec.Struct, frozen=True):
    """What a person bought of something: decayed amount, on how many days, how many days ago the last."""

    weight: float
    times: int
    days_ago: int


class Taste(msgspec.Struct, frozen=True):
    """What a person bought, by product, category and brand."""

    product: Mapping[str, Bought] = {}
    category: Mapping[str, Bought] = {}
    brand: Mapping[str, Bought] = {}
    most: Mapping[str, float] = {}
    """By dimension, the weight of what is bought most."""
    standing: Standing | None = None
    """What the fitted ranking says of them; None where nothing was fitted, or nothing is known."""
    _told: dict[tuple[str, str], tuple[float, Step]] = {}

    def part(self, name: str, value: str) -> tuple[float, Step]:
        """What a category's or a brand's being bought is worth to its goods' scores, and how that is said."""
        found = self._told.get((name, value))
        if found is None:
            seen = (self.category if name == "category" else self.brand).get(value)
            if seen is None or not self.most[name] > 0:
                found = 0.0, IN_SCENE
            else:
                params = {name: value, "times": seen.times, "days_ago": seen.days_ago}
                found = WEIGHTS[name] * seen.weight / self.most[name], Step(f"bought_{name}", params)
            self._told[name, value] = found
        return found


def taste(facts: Facts, today: int) -> Taste:
    """A person's taste from their activity up to today: each day's pieces count half after ``HALF_LIFE`` days."""
    found: dict[str, dict[str, Bought]] = {"product": {}, "category": {}, "brand": {}}
    for measure, (days, counts, _) in facts.activity.items():
        verb, _, rest = measure.partition(":")
        dimension, _, value = rest.partition("=")
        if verb != "bought" or dimension not in found:
            continue
        weight, times, last, before = 0.0, 0, -1, 0
        for day, after in zip(days, counts[1:], strict=True):
            pieces, before = after - before, after
            if day <= today and pieces > 0:
                age = today - day
                weight += pieces * (_DECAY[age] if age < len(_DECAY) else 0.0)
                times, last = times + (day != last), day
        if times:
            found[dimension][value] = Bought(weight, times, today - last)
    most = {name: max((b.weight for b in bought.values()), default=0.0) for name, bought in found.items()}
    return Taste(found["product"], found["category"], found["brand"], most)
