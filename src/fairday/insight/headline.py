"""What a report says first, as codes with values: faces put them in words."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fairday.insight.asked import Asked
from fairday.insight.effects import SceneEffect
from fairday.insight.figures import Figures

Code = Literal[
    "nothing", "first", "rose", "fell", "same", "few_days",
    "scene_brought", "scene_cost", "scene_unsure", "scene_early", "scene_uneven", "no_scene", "simulated",
]  # fmt: skip


class Saying(msgspec.Struct, frozen=True):
    """A sentence as a code and its values (see messages ``report.say.*``).

    ``rose`` and ``fell`` are more than the days' usual swings; ``same`` is within them.
    """

    code: Code
    values: dict[str, Any] = {}


def headline(asked: Asked, figures: Figures, effects: list[SceneEffect]) -> list[Saying]:
    """The goal first, then the scene of which most can be said; and if its orders were simulated, that."""
    said = [_goal(asked, figures), _scene(effects)]
    simulated = sum(e.simulated for e in effects if e.scene == said[1].values.get("scene"))
    return [*said, Saying("simulated", {"n": simulated})] if simulated else said


def _goal(asked: Asked, figures: Figures) -> Saying:
    figure = figures.of(asked.metric)
    values = {"metric": asked.metric, "now": figure.now, "before": figure.before, "change": figure.change}
    if not figure.now and not figure.before:
        return Saying("nothing", values)
    if figure.change is None:
        return Saying("first", values)
    if figure.sure is None:
        return Saying("few_days", values)
    return Saying(("rose" if figure.now > figure.before else "fell") if figure.sure else "same", values)


def _scene(effects: list[SceneEffect]) -> Saying:
    if not effects:
        return Saying("no_scene")
    uneven = [e for e in effects if e.balance is not None and e.balance.alarm]
    if uneven:
        return Saying("scene_uneven", {"scene": uneven[0].scene})
    told = [(e, total) for e in effects if (total := e.best_total) is not None]
    if not told:
        return Saying("scene_early", {"scene": effects[0].scene})
    sure = [t for t in told if t[1].sure]
    scene, total = max(sure or told, key=lambda t: abs(t[1].estimate))
    values = {"scene": scene.scene, "estimate": total.estimate, "low": total.low, "high": total.high}
    if not total.sure:
        return Saying("scene_unsure", values)
    return Saying("scene_brought" if total.low > 0 else "scene_cost", values)
