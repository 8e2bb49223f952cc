"""The life of a scene: draft, live, paused, ended; as a stream ``scene:NAME`` with its texts kept by version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, RowMapping, String, Table, Text, select

from fairday.kernel.audience import Vocabulary
from fairday.kernel.clock import day_start
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.ids import digest
from fairday.kernel.yamltree import Problem
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec
from fairday.storage.database import col, metadata

Status = Literal["draft", "live", "paused", "ended"]
Move = Literal["start", "pause", "resume", "end"]
MOVES: tuple[Move, ...] = get_args(Move)

MAX_TEXT = 60_000
"""Characters of a scene's text that is kept."""

scenes = Table(
    "scenes",
    metadata,
    col("scene", String(60), primary_key=True, personal=False),
    col("status", String(8), nullable=False, personal=False),
    col("version", Integer, nullable=False, personal=False),
    col("started_at", BigInteger, nullable=True, personal=False),
    col("changed_at", BigInteger, nullable=False, personal=False),
)
"""One row a scene: what it is now. ``started_at`` is when it first went live."""

scene_versions = Table(
    "scene_versions",
    metadata,
    col("scene", String(60), primary_key=True, personal=False),
    col("version", Integer, primary_key=True, autoincrement=False, personal=False),
    col("text", Text, nullable=False, personal=False),
    col("remeasures", Integer, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)
"""Every text a scene has had. ``remeasures`` is 1 where a scene that had been live changed ``who`` or ``holdout``."""

_MOVES: dict[str, tuple[tuple[Status, ...], Status, str]] = {
    "scene.start": (("draft",), "live", "Scene Started"),
    "scene.pause": (("live",), "paused", "Scene Paused"),
    "scene.resume": (("paused",), "live", "Scene Resumed"),
    "scene.end": (("live", "paused"), "ended", "Scene Ended"),
}


class SceneError(FairdayError):
    """A text that is no scene; ``problems`` says where and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(
            first.message,
            code="bad_scene",
            where=f"{first.file}:{first.line}:{first.column}",
            remedy=first.remedy + (f" ({len(problems) - 1} more)" if len(problems) > 1 else ""),
        )
        self.problems = list(problems)


class SceneDecider(BaseDecider):
    """The rules of a scene's life. Commands: ``scene.save``, ``.start``, ``.pause``, ``.resume``, ``.end``."""

    kind = "scene"

    def initial(self) -> State:
        return {"status": None, "version": 0, "digest": "", "measured": "", "over_at": None, "started_at": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if command.name == "scene.save":
            return self._save(state, command)
        status = state["status"]
        if command.name == "deadline":
            return [self._moved("Scene Ended", state, "ended")] if status in ("live", "paused") else []
        move = _MOVES.get(command.name)
        if move is None:
            return Refusal("unknown_command", f"A scene knows no command {command.name!r}.")
        if status is None:
            return Refusal("no_scene", "There is no such scene. Save it first.")
        before, after, name = move
        if status not in before:
            verb = command.name.removeprefix("scene.")
            message = f"A scene that is {status} cannot {verb}; only one that is {' or '.join(before)} can."
            return Refusal("illegal_move", message, {"status": status, "move": verb})
        relied = command.data.get("version")
        if relied is not None and relied != state["version"]:
            return Refusal(
                "version_moved", "The scene was changed meanwhile. Look again.", {"version": state["version"]}
            )
        if after == "live" and state["over_at"] is not None and state["over_at"] <= now:
            return Refusal("over", "The scene's dates are over. Change them first.")
        return [self._moved(name, state, after, now if name == "Scene Started" else state["started_at"])]

    def _save(self, state: State, command: Command) -> Sequence[Event] | Refusal:
        if state["status"] == "ended":
            return Refusal("illegal_move", "A scene that is ended cannot change. Save it under a new name.",
                           {"status": "ended", "move": "save"})  # fmt: skip
        data = command.data
        relied = data.get("version")
        if relied is not None and relied != state["version"]:
            return Refusal(
                "version_moved", "The scene was changed meanwhile. Look again.", {"version": state["version"]}
            )
        if data["digest"] == state["digest"]:
            return []
        met = state["status"] in ("live", "paused")
        return [
            Event(
                "Scene Saved",
                {
                    "text": data["text"],
                    "digest": data["digest"],
                    "measured": data["measured"],
                    "over_at": data["over_at"],
                    "version": state["version"] + 1,
                    "status": state["status"] or "draft",
                    "started_at": state["started_at"],
                    "remeasures": met and data["measured"] != state["measured"],
                },
            )
        ]

    @staticmethod
    def _moved(name: str, state: State, after: Status, started_at: int | None = None) -> Event:
        started = started_at if started_at is not None else state["started_at"]
        return Event(name, {"status": after, "version": state["version"], "started_at": started})

    def evolve(self, state: State, event: Event) -> State:
        kept = {k: event.data[k] for k in ("status", "version", "started_at")}
        if event.name == "Scene Saved":
            kept |= {k: event.data[k] for k in ("digest", "measured", "over_at")}
        return {**state, **kept}

    def deadline(self, state: State) -> int | None:
        over_at: int | None = state["over_at"]
        return over_at if state["status"] in ("live", "paused") else None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        scene = stream.partition(":")[2]
        if event.name == "Scene Saved":
            yield Row("scene_versions", {
                "scene": scene, "version": event.data["version"], "text": event.data["text"],
                "remeasures": int(event.data["remeasures"]), "at": now,
            })  # fmt: skip
        yield Row("scenes", {
            "scene": scene, "status": event.data["status"], "version": event.data["version"],
            "started_at": event.data["started_at"], "changed_at": now,
        })  # fmt: skip


def save(
    text: str,
    vocabulary: Vocabulary,
    zone: str,
    *,
    goods: Vocabulary | None = None,
    file: str = "scene.yaml",
    actor: str = "system",
    version: int | None = None,
) -> tuple[Command, SceneSpec]:
    """The command that saves a scene's text, and what the text says.

    Args:
        zone: the shop's zone; a scene by dates ends by itself when the last of them is over.
        version: the version the text was made from; saving is refused when another was saved since.

    Raises:
        SceneError: the text is no scene.
    """
    spec, problems = parse_scene(text, vocabulary, goods=goods, file=file)
    if len(text) > MAX_TEXT:
        problems = [Problem(file, 1, 1, "", f"A scene's text is at most {MAX_TEXT} characters.", "Shorten it.")]
    if spec is None or problems:
        raise SceneError(problems)
    last = spec.when.last_day
    data: dict[str, Any] = {
        "text": text,
        "digest": digest(text),
        "measured": digest(spec.who or "", str(spec.guard.holdout)),
        "over_at": None if last is None else day_start(last + 1, zone),
    }
    if version is not None:
        data["version"] = version
    return Command("scene.save", f"scene:{spec.scene}", data, actor), spec


def move(name: Move, scene: str, actor: str, version: int | None = None) -> Command:
    """The command that moves a scene on; with ``version`` only if that is still its version."""
    data = {} if version is None else {"version": version}
    return Command(f"scene.{name}", f"scene:{scene}", data, actor)


# ---- records -------------------------------------------------------------------------------------------------------


class SceneRow(msgspec.Struct, frozen=True, kw_only=True):
    """A scene as it stands, with the text of its version."""

    scene: str
    status: Status
    version: int
    started_at: int | None
    changed_at: int
    text: str


def _row(row: RowMapping) -> SceneRow:
    return SceneRow(**{name: row[name] for name in SceneRow.__struct_fields__})


_QUERY = select(scenes, scene_versions.c.text).join(
    scene_versions, (scene_versions.c.scene == scenes.c.scene) & (scene_versions.c.version == scenes.c.version)
)


def all_scenes(conn: Connection, status: Status | None = None) -> list[SceneRow]:
    """The shop's scenes (of one status), by name."""
    query = _QUERY.order_by(scenes.c.scene)
    if status is not None:
        query = query.where(scenes.c.status == status)
    return [_row(r) for r in conn.execute(query).mappings()]


def live_scenes(conn: Connection, names: Collection[str]) -> list[SceneRow]:
    """Those of some scenes that are live, by name."""
    if not names:
        return []
    query = _QUERY.where(scenes.c.status == "live").order_by(scenes.c.scene)
    if len(names) <= 100:
        query = query.where(scenes.c.scene.in_(names))
    return [_row(r) for r in conn.execute(query).mappings() if r["scene"] in names]


def get_scene(conn: Connection, scene: str) -> SceneRow:
    """A scene by name.

    Raises:
        NotFound: there is none.
    """
    row = conn.execute(_QUERY.where(scenes.c.scene == scene)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no scene {scene!r}.", code="no_scene", remedy="List them: fairday scenes.")
    return _row(row)


def versions(conn: Connection, scene: str) -> list[tuple[int, int, bool]]:
    """Every version of a scene: (version, saved at ms, whether it changed whom the scene is measured on)."""
    c = scene_versions.c
    query = select(c.version, c.at, c.remeasures).where(c.scene == scene).order_by(c.version)
    return [(v, at, bool(r)) for v, at, r in conn.execute(query)]


__all__ = [
    "SceneDecider",
    "SceneError",
    "SceneRow",
    "all_scenes",
    "get_scene",
    "live_scenes",
    "move",
    "save",
    "versions",
]
