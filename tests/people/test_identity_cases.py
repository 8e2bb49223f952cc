"""Every case of the folder, through the shop: the partition by current owner, and whose each happening is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import inspect

import fairday
import identities
import parts
from fairday.kernel.clock import ManualClock
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity import owner_of, parse_id, person_of
from fairday.storage.database import metadata

NOON = 1_780_315_200_000


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[fairday.Shop]:
    """One shop for all cases of a database, emptied before each."""
    url = (
        str(tmp_path_factory.mktemp("cases") / "shop.db")
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_server").database()
    )
    with fairday.open(url, clock=ManualClock(NOON)) as opened:
        yield opened


def empty(shop: fairday.Shop) -> None:
    with shop.db.write() as conn:
        there = set(inspect(conn).get_table_names())  # other tests of the run declare tables of their own
        for table in (t for t in reversed(metadata.sorted_tables) if t.name in there):
            conn.execute(table.delete())


def _cases() -> list[Any]:
    found = parts.folder("FAIRDAY_CASES", "cases")
    if found is None or not (found / "identity.json").is_file():
        return []
    data = json.loads((found / "identity.json").read_text())
    return [pytest.param(data["defaults"], case, id=case["id"]) for case in data["cases"]]


def settings_of(defaults: dict[str, Any], config: dict[str, Any]) -> IdentitySettings:
    """The defaults with a case's config over them; limits are overridden type by type."""
    merged = {**defaults, **config}
    merged["limits"] = {**defaults.get("limits", {}), **config.get("limits", {})}
    return msgspec.convert(merged, IdentitySettings)


def partition(shop: fairday.Shop) -> list[list[str]]:
    from sqlalchemy import text

    with shop.db.read() as conn:
        rows = conn.execute(
            text(
                "SELECT o.person, i.type, i.value FROM ownership o JOIN identifiers i ON i.id = o.identifier"
                " WHERE o.until_at = (SELECT max(until_at) FROM ownership) AND o.until_at > 4000000000000000000"
            )
        ).all()
    people: dict[int, list[str]] = {}
    for person, type_, value in rows:
        people.setdefault(person, []).append(f"{type_}:{value}")
    return sorted(sorted(p) for p in people.values())


def test_a_folder_of_cases_is_there():
    parts.cases("identity.json")


@pytest.mark.parametrize(("defaults", "case"), _cases())
def test_case(stage: fairday.Shop, defaults: dict[str, Any], case: dict[str, Any]):
    shop = stage
    empty(shop)
    shop.change_settings(identity=settings_of(defaults, case.get("config", {})))
    identities.replay(shop, case["events"])
    expected = case["expected"]
    if "people" in expected:
        assert partition(shop) == sorted(sorted(p) for p in expected["people"])
    with shop.db.read() as conn:
        for message_id, id_ in expected.get("event_owner", {}).items():
            owner = owner_of(conn, message_id)
            assert owner == (None if id_ is None else person_of(conn, *parse_id(id_, shop.settings.identity))), (
                message_id
            )
