"""Export, and erasure that leaves no value of the person in any file."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

import fairday
import fairday.rooms
from fairday.kernel.errors import FairdayError, NotFound
from fairday.people import identity, privacy
from fairday.people.identity.erased import HOLDS_MS
from fairday.storage.database import metadata, shown
from fairday.storage.lake import Lake, LakeFollower
from fairday.storage.log import Happening, happenings_at, read_happenings

ANN = ("annann-77", "ann.unique@example.com", "+8613800138001", "13800138001", "browser-ann", "Ann Uniquename",
       "Rosewater", "m-ann-0")  # fmt: skip


def say(n: str, ids: list[tuple[str, str]], at: int, **body: Any) -> Happening:
    return Happening(
        message_id=n, kind="track", name="Product Viewed", at=at, received=at, source="web", ids=tuple(ids), body=body
    )


def fill(shop: fairday.Shop, many: int = 400) -> None:
    """Ann among others, enough rows that her values stand on pages of their own and in indexes."""
    now = shop.clock.now()
    ann = [
        ("user_id", "annann-77"),
        ("email", "Ann.Unique@example.com"),
        ("phone", "13800138001"),
        ("anonymous_id", "browser-ann"),
    ]
    rows = []
    for i in range(many):
        rows.append(
            say(
                f"m-bob-{i}",
                [("user_id", f"bob{i % 20}"), ("anonymous_id", f"b{i}")],
                now - i,
                properties={"note": "x" * 50},
            )
        )
        if i % 4 == 0:
            rows.append(
                say(f"m-ann-{i}", ann, now - i, traits={"name": "Ann Uniquename", "email": "Ann.Unique@example.com"},
                    properties={"perfume": "Rosewater", "long": "Rosewater " * (300 if i % 40 == 0 else 1)})
            )  # fmt: skip
    typed = {"traits": {"email": "ann.unique@example.com", "phone": "138 0013 8001"}}
    rows.append(
        say(
            "m-bob-x",
            [("user_id", "bob1"), ("email", "ann.unique@example.com"), ("phone", "138 0013 8001")],
            now,
            context=typed,
        )
    )
    shop.append(rows).result()
    shop.followers.catch_up()


def files_of(shop: fairday.Shop, postgres: Any) -> list[Path]:
    if shop.db.path is not None:
        return sorted(shop.db.path.parent.glob("shop.db*"))
    with shop.db.read() as conn:
        number = conn.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    return [f for f in (postgres.dir / "data" / "base" / str(number)).rglob("*") if f.is_file()]


def found_in(files: list[Path], values: tuple[str, ...]) -> set[tuple[str, str]]:
    found = set()
    for file in files:
        raw = file.read_bytes().lower()
        found |= {(file.name, v) for v in values if v.lower().encode() in raw}
    return found


def test_no_column_is_unmarked():
    for table in metadata.sorted_tables:
        for column in table.columns:
            mark = column.info.get("personal", "no mark")
            assert isinstance(mark, bool) or mark == privacy.IDS or privacy.pointing(mark), (table.name, column.name)
            if isinstance(mark, str) and mark.startswith(privacy.OF):
                name, _, other = mark.removeprefix(privacy.OF).partition(".")
                assert other in metadata.tables[name].columns, mark


def test_every_personal_column_can_be_reached():
    for table in metadata.sorted_tables:
        if table.name == "happenings" or not any(c.info["personal"] is True for c in table.columns):
            continue
        pointed = any(privacy.pointing(c.info["personal"]) or c.info["personal"] == privacy.IDS for c in table.columns)
        assert pointed or table.name in ("rejected_events", "import_runs"), f"nothing in {table.name} says whose it is"


def test_erasure_leaves_nothing_in_files_lake_or_log_output(shop, tmp_path, request, caplog):
    caplog.set_level(logging.DEBUG)
    lake = Lake(tmp_path / "lake")
    shop.followers.register(LakeFollower(lake))
    shop.erasers.append(lambda conn, s: lake.erase(s.positions, happenings_at(conn, s.mentions)))
    fill(shop)
    postgres = None if shop.db.is_sqlite else request.getfixturevalue("postgres_server")
    if postgres is not None:
        with shop.db.engine.connect() as conn:
            conn.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CHECKPOINT")
    assert {v for _, v in found_in(files_of(shop, postgres), ANN)} >= {"annann-77", "Rosewater"}
    receipt = privacy.erase(shop, "email:ann.unique@EXAMPLE.com")
    assert receipt.rows["happenings"] == 100
    assert receipt.scrubbed == 1
    assert receipt.outside >= 100
    assert receipt.overwritten
    assert found_in(files_of(shop, postgres), ANN) == set()
    for file in lake.files():
        import duckdb

        held = duckdb.sql(f"SELECT ids || body || message_id FROM read_parquet('{file}')").fetchall()
        assert not any(v.lower() in row[0].lower() for row in held for v in ANN)
    assert not any(v in caplog.text for v in ANN)
    with shop.db.read() as conn:
        kept = [h for h in read_happenings(conn, (-1, -1), None, 10_000) if h.message_id == "m-bob-x"]
        assert kept[0].ids == (("user_id", "bob1"),)
        assert identity.person_of(conn, "user_id", "bob1") is not None


def test_a_tombstone_drops_what_arrives_late_and_lets_the_id_begin_anew_later(shop):
    fill(shop, 40)
    privacy.erase(shop, "user_id:annann-77")
    now = shop.clock.now()
    late = [
        say("late1", [("user_id", "annann-77")], now - 1000, properties={"secret": "Rosewater"}),
        say("late2", [("anonymous_id", "browser-ann")], now + 1000),
        say("late3", [("user_id", "bob1"), ("email", "ann.unique@example.com")], now,
            context={"traits": {"email": "Ann.unique@example.com"}}),
        say("m-ann-0", [("user_id", "annann-77")], now),
        say("anew", [("user_id", "annann-77")], now + HOLDS_MS + 1),
    ]  # fmt: skip
    shop.append(late).result()
    shop.followers.catch_up()
    with shop.db.read() as conn:
        log = {h.message_id: h for h in read_happenings(conn, (-1, -1), None, 10_000)}
        assert not {"late1", "late2", "m-ann-0"} & log.keys()
        assert "ann" not in json.dumps([log["late3"].ids, log["late3"].body]).lower()
        assert identity.owner_of(conn, "late3") == identity.person_of(conn, "user_id", "bob1")
        assert identity.person_of(conn, "email", "ann.unique@example.com") is None
        assert identity.owner_of(conn, "anew") == identity.person_of(conn, "user_id", "annann-77") is not None
    shop.followers.rebuild("identity")
    with shop.db.read() as conn:
        assert identity.person_of(conn, "email", "ann.unique@example.com") is None


def test_erasing_nobody_is_refused(shop):
    with pytest.raises(NotFound):
        privacy.erase(shop, "user_id:nobody-here")
    with pytest.raises(FairdayError, match="type:value"):
        privacy.erase(shop, "nobody")


def test_the_other_owner_of_a_shared_browser_keeps_their_time(shop):
    at = shop.clock.now() - 100_000
    shop.append(
        [
            say("s1", [("user_id", "u1"), ("anonymous_id", "both")], at),
            say("s2", [("anonymous_id", "both")], at + 10),
            say("s3", [("user_id", "u2"), ("anonymous_id", "both")], at + 20),
            say("s4", [("anonymous_id", "both")], at + 30),
        ]
    ).result()
    privacy.erase(shop, "user_id:u1")
    with shop.db.read() as conn:
        assert {h.message_id for h in read_happenings(conn, (-1, -1), None, 100)} == {"s3", "s4"}
        assert identity.owner_of(conn, "s4") == identity.person_of(conn, "user_id", "u2") is not None


def test_everything_about_a_person_as_json(shop):
    fill(shop, 40)
    with shop.db.read() as conn:
        person = identity.person_of(conn, "user_id", "annann-77")
        out = json.loads(json.dumps(privacy.export(conn, person)))
    assert {(i["type"], i["value"]) for i in out["ids"]} == {
        ("user_id", "annann-77"), ("email", "ann.unique@example.com"), ("phone", "+8613800138001"),
        ("anonymous_id", "browser-ann"),
    }  # fmt: skip
    assert len(out["happenings"]) == 10
    assert out["happenings"][0]["properties"]["perfume"] == "Rosewater"
    assert {"ownership", "people", "timeline", "links"} <= out["tables"].keys()
    assert "bob" not in json.dumps(out)
    with shop.db.read() as conn, pytest.raises(NotFound):
        privacy.export(conn, 10**9)


def held_by(lake: Lake) -> list[tuple[str, str]]:
    import duckdb

    files = [str(f) for f in lake.files()]
    return duckdb.sql(f"SELECT message_id, ids || body FROM read_parquet({files})").fetchall() if files else []


def test_the_lake_keeps_what_others_said_once_without_the_erased_ids(url, clock, tmp_path):
    with fairday.open(url, clock=clock, lake=str(tmp_path / "lake")) as shop:
        fill(shop, 40)
        # The console goes this way and not through the shop.
        privacy.erase(shop, "user_id:annann-77")
        held = held_by(shop.lake)
        assert sorted(m for m, _ in held) == sorted([f"m-bob-{i}" for i in range(40)] + ["m-bob-x"])
        assert not any(v.lower() in text.lower() for _, text in held for v in ANN)
        shop.followers.rebuild("lake")
        assert sorted(held_by(shop.lake)) == sorted(held)


def test_an_erasure_that_fails_leaves_the_others_in_the_lake(url, clock, tmp_path):
    def broken(conn: Any, subject: privacy.Subject) -> int:
        raise OSError("no space left")

    with fairday.open(url, clock=clock, lake=str(tmp_path / "lake")) as shop:
        fill(shop, 40)
        shop.erasers.append(broken)
        with pytest.raises(OSError, match="no space"):
            shop.erase("user_id:annann-77")
        assert "m-bob-x" in {m for m, _ in held_by(shop.lake)}
        shop.erasers.remove(broken)
        shop.erase("user_id:annann-77")
        assert sorted(m for m, _ in held_by(shop.lake)) == sorted([f"m-bob-{i}" for i in range(40)] + ["m-bob-x"])


def test_what_arrives_late_about_the_erased_never_reaches_the_lake(url, clock, tmp_path):
    with fairday.open(url, clock=clock, lake=str(tmp_path / "lake")) as shop:
        fill(shop, 8)
        left = next((tmp_path / "lake").glob("happenings/month=*")) / "left-by-a-killed-process.writing"
        left.write_text("annann-77")
        shop.erase("user_id:annann-77")
        assert not left.exists()
        shop.append([say("late1", [("user_id", "annann-77")], shop.clock.now() - 1000)]).result()
        shop.followers.catch_up("lake")  # first of all, as it may happen in the background
        shop.followers.catch_up()
        assert not any("annann" in text for _, text in held_by(shop.lake))


def test_an_error_of_the_database_names_no_value(db):
    with pytest.raises(Exception) as caught, db.write() as conn:
        conn.execute(text("INSERT INTO nowhere VALUES (:who)"), {"who": "annann-77"})
    assert "annann-77" not in str(caught.value)


def test_a_databases_password_is_printed_nowhere():
    assert shown("postgresql://u:hush@h/db") == "postgresql://u:***@h/db"
    assert "hush" not in shown("postgresql://u:hush@h:nan/db")
    assert shown("shop.db") == "shop.db"


def test_the_shops_sums_forget_what_was_erased(shop):
    line = {"product_id": "p", "category": "tea", "price": 5, "quantity": 1}
    for who in ("ann", "bob"):
        order = {"order_id": f"o-{who}", "total": 5, "products": [line]}
        made = say(f"order-{who}", [("user_id", who)], shop.clock.now(), properties=order)
        shop.append([msgspec.structs.replace(made, name="Order Completed")]).result()
    shop.catch_up()

    def sums():
        with shop.db.read() as conn:
            tallied = conn.execute(text("SELECT measure, n, amount FROM tally ORDER BY measure")).all()
            return [tuple(r) for r in tallied], conn.execute(text("SELECT sum(net) FROM sales")).scalar_one()

    assert sums() == ([("Order Completed", 2, 1000), ("bought:category=tea", 2, 1000)], 1000)
    privacy.erase(shop, "user_id:ann")
    assert sums() == ([("Order Completed", 1, 500), ("bought:category=tea", 1, 500)], 500)
