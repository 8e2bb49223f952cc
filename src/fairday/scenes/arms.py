"""Holdout arms, recorded at first eligibility on a person's oldest id; meetings, real and withheld, as happenings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from sqlalchemy import BigInteger, Connection, Index, String, Table, func, select

from fairday.kernel import ids
from fairday.kernel.clock import local_day, to_date
from fairday.kernel.hashing import arm as hashed_arm
from fairday.storage.database import col, insert, metadata
from fairday.storage.log import OURS, Happening

Arm = Literal["treated", "holdout", "mixed"]
"""``mixed``: the person was joined from both arms; treated like the holdout, left out of the measure and counted."""

SHOWN, WITHHELD = "Scene Shown", "Scene Withheld"

scene_arms = Table(
    "scene_arms",
    metadata,
    col("scene", String(60), primary_key=True, personal=False),
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("arm", String(8), nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    Index("scene_arms_identifier", "identifier"),
)
"""The arm an id fell in when its person first was eligible; never changed afterwards."""


class Assigned(msgspec.Struct, frozen=True):
    """A person's arm in a scene.

    Attributes:
        arm: see ``Arm``.
        identifier: the id to record it on when it is new, None when it is recorded already or there is no id.
    """

    arm: Arm
    identifier: int | None = None


def assign(scene: str, holdout: int, identifiers: Sequence[int], recorded: Mapping[int, str]) -> Assigned:
    """The arm of a person in a scene, when they are eligible.

    Args:
        scene: the scene's name.
        holdout: tenths of a percent held out.
        identifiers: ids (numbers) the person owns now and that carry no other person's arm, in any order; the
            smallest is the oldest.
        recorded: the person's arms in this scene, by the id they were recorded on.

    A recorded arm stands whatever the holdout is now. A visitor without any id is treated and not measured.
    """
    found = set(recorded.values())
    if len(found) > 1:
        return Assigned("mixed")
    if found:
        return Assigned("holdout" if found == {"holdout"} else "treated")
    if not identifiers:
        return Assigned("treated")
    oldest = min(identifiers)
    name = hashed_arm(f"scene:{scene}", str(oldest), (("holdout", holdout / 1000), ("treated", 1 - holdout / 1000)))
    return Assigned("holdout" if name == "holdout" else "treated", oldest)


def record(conn: Connection, rows: Iterable[tuple[str, int, Arm]], now: int) -> None:
    """Record new arms (scene, identifier, arm) in the caller's transaction; one that is there already stands."""
    record_all(conn, [(s, i, a, now) for s, i, a in rows])


def record_all(conn: Connection, rows: Sequence[tuple[str, int, Arm, int]]) -> None:
    """As ``record``, each with its own instant."""
    # In one statement, not one a row: on SQLite each lets go of the interpreter's lock, and a page fights for it.
    for start in range(0, len(rows), 100):
        values = [{"scene": s, "identifier": i, "arm": a, "at": at} for s, i, a, at in rows[start : start + 100]]
        statement = insert(conn, scene_arms).values(values)
        conn.execute(statement.on_conflict_do_nothing(index_elements=["scene", "identifier"]))


def recorded(conn: Connection, identifiers: Sequence[int]) -> dict[str, dict[int, str]]:
    """The arms recorded for some ids: scene → id → arm."""
    found: dict[str, dict[int, str]] = {}
    c = scene_arms.c
    for start in range(0, len(identifiers), 500):
        query = select(c.scene, c.identifier, c.arm).where(c.identifier.in_(identifiers[start : start + 500]))
        for scene, identifier, name in conn.execute(query):
            found.setdefault(scene, {})[identifier] = name
    return found


def counts(conn: Connection, scene: str) -> dict[str, int]:
    """How many ids stand in each arm of a scene."""
    c = scene_arms.c
    return {a: n for a, n in conn.execute(select(c.arm, func.count()).where(c.scene == scene).group_by(c.arm))}


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """A scene that met a person, or would have.

    Attributes:
        scene, version, phase: which.
        occasion: the anchor day of this round of the scene (the festival's), so that next year's is another.
        touchpoint: where.
        goods: ids of the goods that were shown, or would have been.
        withheld: why it did not meet them (``holdout``, ``mixed`` or a reason of the contact rule), or "".
    """

    scene: str
    version: int
    phase: str
    occasion: int
    touchpoint: str
    goods: tuple[str, ...] = ()
    withheld: str = ""


def occasion_key(phase: str, occasion: int) -> str:
    """A phase of one round of a scene: ``burst@2026-02-17``. A message goes out once for each."""
    return f"{phase}@{to_date(occasion).isoformat()}"


def happening(meeting: Meeting, who: tuple[str, str], now: int, zone: str, *, message: bool) -> Happening:
    """A meeting as a happening for the log, "Scene Shown" or "Scene Withheld".

    Its message_id is made from what it says, so that a repeat changes nothing: a message counts once for each phase
    of a round, a page or feed once for each phase and local day.

    Args:
        who: (type, value) of the id it is written on.
        now: ms UTC.
        zone: the shop's.
        message: whether the touchpoint is a message.
    """
    day = "" if message else str(local_day(now, zone))
    name = WITHHELD if meeting.withheld else SHOWN
    phase = occasion_key(meeting.phase, meeting.occasion)
    properties: dict[str, object] = {
        "scene": meeting.scene,
        "version": meeting.version,
        "phase": meeting.phase,
        "occasion": to_date(meeting.occasion).isoformat(),
        "touchpoint": meeting.touchpoint,
        "goods": list(meeting.goods),
    }
    if meeting.withheld:
        properties["reason"] = meeting.withheld
    return Happening(
        message_id=f"scene-{ids.digest(name, meeting.scene, phase, meeting.touchpoint, *who, day)}",
        kind="track",
        name=name,
        at=now,
        received=now,
        source=OURS,
        ids=(who,),
        body={"properties": properties},
    )
