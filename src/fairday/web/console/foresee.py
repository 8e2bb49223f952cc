"""Looking ahead of a scene: what its people can tell, and what it would have been last year."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Any

from fastapi import Request
from starlette.responses import Response

from fairday.insight.power import WEEKS, power
from fairday.insight.replay import Replay, last_time, latest, period_of
from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.scenes import life
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec
from fairday.web import desk
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of


def power_of(request: Request, spec: SceneSpec | None) -> dict[str, Any]:
    """What the part ``scene_power.html`` shows of a scene; nothing of a text that is none."""
    if spec is None:
        return {"power": None, "power_weeks": WEEKS}
    shop = shop_of(request)
    with shop.db.read() as conn:
        return {"power": power(conn, shop.settings, spec, shop.clock.now()), "power_weeks": WEEKS}


@inside.get("/foresee/{scene}")
def foresee(request: Request, scene: str) -> Response:
    return _page(request, scene)


@inside.post("/foresee/{scene}")
def start(request: Request, scene: str) -> Response:
    """Replay a scene on the days that were asked for."""
    shop = shop_of(request)
    with shop.db.read() as conn:
        row = life.get_scene(conn, scene)
    try:
        spec, problems = parse_scene(row.text, desk.vocabulary(shop))
        if spec is None:
            raise life.SceneError(problems)
        first, last = _day(field(request, "first", 10)), _day(field(request, "last", 10))
        usual = last_time(spec, desk.today(shop))
        days = usual if (first, last) == (usual.first, usual.last) else period_of(spec, first, last)
        told_today = request.state.form.get("told_today") == "yes"
        shop.replays.start(spec, row.version, days, told_today=told_today)
    except FairdayError as error:
        return _page(request, scene, error)
    return go(f"/console/foresee/{scene}#replay")


def _day(text: str) -> int:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise FairdayError(
            f"{text!r} is not a date.", code="bad_replay_days", where="first", remedy="Write 2026-05-10."
        )


def _page(request: Request, scene: str, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        row = life.get_scene(conn, scene)
        run = latest(conn, scene, shop.clock.now())
    spec = parse_scene(row.text, desk.vocabulary(shop))[0]
    found = run.result if run is not None else None
    days = found.days if found is not None else []
    usual = (found.first, found.last) if found is not None else None
    if usual is None and spec is not None:
        asked = last_time(spec, desk.today(shop))
        usual = (asked.first, asked.last)
    names = [
        tongue.plain(
            "replay.day", day=tongue.day(d.day), met=tongue.number(d.met), mailed=tongue.number(d.mailed)
        )
        for d in days
    ]  # fmt: skip
    answer = page(
        request,
        "foresee.html",
        status_of(error) if error else 200,
        row=row,
        called=desk.titles(shop_of(request), tongue_of(request), [row]).get(row.scene, ""),
        run=run,
        found=found,
        error=say(tongue, error) if error else None,
        period=tuple(to_date(d).isoformat() for d in usual) if usual else ("", ""),
        bars=[(d.met, d.mailed) for d in days],
        titles=names,
        tones=_tones(found),
        phases=_phases(found),
        best=max((d for d in days if d.met + d.mailed), key=lambda d: (d.met + d.mailed, -d.day), default=None),
        **power_of(request, spec),
    )
    if run is not None and run.status == "running":
        answer.headers["refresh"] = "3"  # without the script; with it the part fetches itself
    return answer


def _phases(found: Replay | None) -> list[tuple[str, int, int]]:
    """(phase, first day, last day) of every stretch of the replay's days, where there are few."""
    if found is None:
        return []
    runs = [(phase, list(days)) for phase, days in groupby(found.days, key=lambda d: d.phase) if phase]
    stretches = [(phase, days[0].day, days[-1].day) for phase, days in runs]
    return stretches if len(stretches) <= 6 else []


def _tones(found: Replay | None) -> list[str]:
    """A ground for each day by its phase, so that phases are told apart."""
    tones: list[str] = []
    number = 0
    for phase, days in groupby(found.days if found else [], key=lambda d: d.phase):
        number += bool(phase)
        tones += ["" if not phase else "odd" if number % 2 else "even"] * len(list(days))
    return tones
