"""What holds for any history of ids, whatever the order, the slices and the operators' calls."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from fairday.kernel.settings import IdentitySettings
from fairday.people import identity
from fairday.people.identity import IdentityFollower, normalise
from fairday.people.identity.tables import OWNED
from fairday.people.tables import OPEN
from fairday.storage.database import Database
from fairday.storage.log import Happening, append_happenings, read_happenings

RULES = IdentitySettings()
MINUTE = 60_000
STATE = ("identifiers", "ownership", "people", "identity_standing", "links", "timeline", "identity_claims",
         "identity_seen", "cannot_links")  # fmt: skip
ALL = (*STATE, "identity_operations", "identity_moves", "identity_cuts", "identity_drops")

users = st.sampled_from(["u1", "u2", "u3", "u4", "null"]).map(lambda v: ("user_id", v))
weak = st.one_of(
    st.sampled_from(["a1", "a2", "a3"]).map(lambda v: ("anonymous_id", v)),
    st.sampled_from(["D1", "D2"]).map(lambda v: ("device_id", v)),
)
contact = st.one_of(
    st.sampled_from(["x@e.com", "Y@e.com ", "z@e.com", "nobody"]).map(lambda v: ("email", v)),
    st.sampled_from(["13800138001", "+86 13900139001", "12"]).map(lambda v: ("phone", v)),
    st.sampled_from(["UX", "UY"]).map(lambda v: ("wechat_unionid", v)),
    st.sampled_from(["c1"]).map(lambda v: ("member_no", v)),
)
verified = st.sampled_from([[], [], ["email"], ["phone", "email"]])


@st.composite
def wire(draw: Any) -> dict[str, Any]:
    ids = draw(st.lists(st.one_of(users, weak, weak, contact), min_size=1, max_size=4))
    if draw(st.integers(0, 9)) == 0:
        return {"kind": "alias", "ids": [("user_id", draw(st.sampled_from(["u1", "u2", "u9"])))],
                "previous": draw(st.sampled_from(["u1", "u8", "a1"])), "at": draw(st.integers(0, 20))}  # fmt: skip
    return {"kind": "track", "ids": ids, "at": draw(st.integers(0, 20)), "verified": draw(verified)}


operators = st.sampled_from(["user_id:u1", "user_id:u2", "anonymous_id:a1", "email:x@e.com", "phone:+8613800138001"])


@st.composite
def call(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["merge", "split", "undo"]))
    return {"kind": kind, "a": draw(operators), "b": draw(operators), "at": draw(st.integers(0, 20))}


def row(n: int, event: dict[str, Any], start: int = 0) -> Happening:
    at = event["at"] * MINUTE
    common = {"message_id": f"m{n}", "at": at, "received": n, "source": "test"}
    kind = event["kind"]
    if kind in ("merge", "split"):
        ids = tuple(tuple(event[x].split(":")) for x in "ab")
        return Happening(**common, kind="merge" if kind == "merge" else "unmerge", ids=ids)
    if kind == "undo":
        return Happening(**common, kind="unmerge", body={"merge_of": f"m{event.get('of', max(0, n - 3))}"})
    body: dict[str, Any] = {"context": {"verified": event.get("verified", [])}}
    if kind == "alias":
        body["previousId"] = event["previous"]
    return Happening(**common, kind=kind, ids=tuple(event["ids"]), body=body)


class Bench:
    """One database used for many histories."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.rules = RULES

    def run(self, rows: list[Happening], slices: int = 1000, clear: bool = True) -> None:
        if clear:
            with self.db.write() as conn:
                for table in OWNED:
                    conn.execute(table.delete())
                conn.execute(text("DELETE FROM happenings"))
                self.base = conn.execute(
                    text("SELECT seq FROM sqlite_sequence WHERE name='happenings'")
                    if self.db.is_sqlite
                    else text("SELECT last_value FROM happenings_pos_seq")
                ).scalar()
                reset = (
                    "DELETE FROM sqlite_sequence WHERE name='happenings'"
                    if self.db.is_sqlite
                    else "ALTER SEQUENCE happenings_pos_seq RESTART WITH 1"
                )
                conn.execute(text(reset))
            self.at = (-1, -1)
        with self.db.write() as conn:
            append_happenings(conn, rows)
        follower = IdentityFollower(lambda: self.rules)
        while True:
            with self.db.write() as conn:
                found = read_happenings(conn, self.at, None, slices)
                if not found:
                    return
                follower.handle(conn, found, 0)
            self.at = (found[-1].xid, found[-1].pos)

    def dump(self, tables: tuple[str, ...] = ALL) -> dict[str, list[tuple[Any, ...]]]:
        with self.db.read() as conn:
            found = {t: sorted((tuple(r) for r in conn.execute(text(f"SELECT * FROM {t}"))), key=repr) for t in tables}
        if "identity_operations" in found:
            found["identity_operations"] = [(r[0], *r[2:]) for r in found["identity_operations"]]
        return found


@pytest.fixture
def bench(db: Database) -> Bench:
    return Bench(db)


histories = st.lists(wire(), min_size=1, max_size=14)
operated = st.lists(st.one_of(wire(), wire(), wire(), call()), min_size=1, max_size=16)
few = settings(max_examples=20, suppress_health_check=list(HealthCheck))


@given(events=operated, size=st.sampled_from([1, 2, 5]))
@few
def test_slices_of_any_size_and_a_rebuild_give_the_same_tables(bench: Bench, events, size):
    rows = [row(n, e) for n, e in enumerate(events)]
    bench.run(rows)
    whole = bench.dump()
    bench.run(rows, slices=size)
    assert bench.dump() == whole


@given(events=operated)
@few
def test_intervals_cover_without_overlap_and_counts_agree(bench: Bench, events):
    bench.run([row(n, e) for n, e in enumerate(events)], slices=3)
    with bench.db.read() as conn:
        owned = conn.execute(text("SELECT identifier, person, from_at, until_at FROM ownership")).all()
        standing = {
            p: (size, held) for p, size, held in conn.execute(text("SELECT person, size, held FROM identity_standing"))
        }
        people = {p for (p,) in conn.execute(text("SELECT person FROM people"))}
        kinds = {i: t for i, t in conn.execute(text("SELECT id, type FROM identifiers"))}
        aliases = {i for (i,) in conn.execute(text("SELECT identifier FROM links WHERE rule = 'alias'"))}
        forced = conn.execute(text("SELECT count(*) FROM identity_operations WHERE kind='merge' AND undone=0")).scalar()
        values = {v for (v,) in conn.execute(text("SELECT value FROM identifiers"))}
    assert values.isdisjoint({"null", "nobody", "12"})
    assert {p for _, p, _, _ in owned} == people == set(standing)
    by_identifier: dict[int, list[tuple[int, int]]] = {}
    for identifier, _, from_at, until_at in owned:
        assert from_at < until_at
        by_identifier.setdefault(identifier, []).append((from_at, until_at))
    for identifier, found in by_identifier.items():
        found.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(found))
        if kinds[identifier] not in RULES.weak:
            assert found[0][0] == -OPEN
            assert found[-1][1] == OPEN
    sizes: dict[int, int] = {}
    held: dict[tuple[int, str], int] = {}
    for identifier, person, _, until_at in owned:
        sizes[person] = sizes.get(person, 0) + 1
        if until_at == OPEN and identifier not in aliases:
            held[person, kinds[identifier]] = held.get((person, kinds[identifier]), 0) + 1
    assert sizes == {p: size for p, (size, _) in standing.items()}
    if not forced:
        assert all(n <= RULES.limits.get(t, 99) for (_, t), n in held.items())


@given(events=histories, doubled=st.integers(0, 13))
@few
def test_doubled_deliveries_change_nothing(bench: Bench, events, doubled):
    rows = [row(n, e) for n, e in enumerate(events)]
    bench.run(rows)
    once = bench.dump()
    bench.run([*rows, rows[doubled % len(rows)]])
    assert bench.dump() == once


@given(events=operated, a=operators, b=operators)
@few
def test_undoing_a_merge_restores_the_former_tables(bench: Bench, events, a, b):
    rows = [row(n, e) for n, e in enumerate(events)]
    bench.run(rows)
    before = bench.dump(STATE)
    merge = row(100, {"kind": "merge", "a": a, "b": b, "at": 20})
    bench.run([merge, row(101, {"kind": "undo", "of": 100, "at": 20})], clear=False)
    assert bench.dump(STATE) == before


@given(events=histories, a=operators, b=operators)
@few
def test_a_split_after_a_merge_restores_the_former_tables(bench: Bench, events, a, b):
    rows = [row(n, e) for n, e in enumerate(events)]
    bench.run(rows)
    with bench.db.read() as conn:
        one, two = (identity.person_of(conn, *x.split(":")) for x in (a, b))
    before = bench.dump(STATE[:-1])
    calls = [
        row(100, {"kind": "merge", "a": a, "b": b, "at": 20}),
        row(101, {"kind": "split", "a": a, "b": b, "at": 20}),
    ]
    bench.run(calls, clear=False)
    # What a split takes back besides the merge is evidence for the very two ids; there must have been none.
    if one is not None and two is not None and one != two and not together(events, a, b):
        assert bench.dump(STATE[:-1]) == before


def together(events: list[dict[str, Any]], a: str, b: str) -> bool:
    """Whether a happening carries both ids."""
    for event in events:
        ids = list(event["ids"])
        if event["kind"] == "alias":
            ids += [("user_id", event["previous"]), ("anonymous_id", event["previous"])]
        named = {f"{t}:{normalise(t, v, RULES)[0]}" for t, v in ids}
        if {a, b} <= named:
            return True
    return False


@given(
    logins=st.lists(
        st.tuples(st.sampled_from(["u1", "u2"]), st.integers(0, 1000)),
        min_size=1,
        max_size=10,
        unique_by=lambda x: x[1],
    ),
    rebind=st.sampled_from(["last_login", "first_login"]),
    seed=st.randoms(),
)
@few
def test_logins_on_one_device_give_the_same_intervals_in_any_order_of_arrival(bench: Bench, logins, rebind, seed):
    bench.rules = IdentitySettings(weak_rebind=rebind)

    def owners() -> list[tuple[str, int, int]]:
        with bench.db.read() as conn:
            query = (
                "SELECT v.value, o.from_at, o.until_at FROM ownership o JOIN identifiers d ON d.id = o.identifier"
                " JOIN ownership p ON p.person = o.person JOIN identifiers v ON v.id = p.identifier"
                " WHERE d.type = 'device_id' AND v.type = 'user_id' ORDER BY o.from_at"
            )
            return [tuple(r) for r in conn.execute(text(query))]

    def rows(found: list[tuple[str, int]]) -> list[Happening]:
        return [
            row(n, {"kind": "track", "ids": [("user_id", u), ("device_id", "D1")], "at": t})
            for n, (u, t) in enumerate(found)
        ]

    bench.run(rows(sorted(logins, key=lambda x: x[1])))
    in_order = owners()
    shuffled = list(logins)
    seed.shuffle(shuffled)
    bench.run(rows(shuffled))
    assert owners() == in_order
    bench.rules = RULES


@given(
    logins=st.lists(
        st.tuples(st.sampled_from(["u1", "u2", "u3", "u4"]), st.integers(0, 1000)),
        min_size=1, max_size=10, unique_by=lambda x: x[1],
    ),
    seed=st.randoms(),
)  # fmt: skip
@few
def test_since_when_a_device_is_shared_does_not_depend_on_the_order_of_arrival(bench: Bench, logins, seed):
    def owned() -> list[tuple[int, int]]:
        with bench.db.read() as conn:
            query = (
                "SELECT o.from_at, o.until_at FROM ownership o JOIN identifiers d ON d.id = o.identifier"
                " WHERE d.type = 'device_id' ORDER BY o.from_at"
            )
            return [tuple(r) for r in conn.execute(text(query))]

    def rows(found: list[tuple[str, int]]) -> list[Happening]:
        return [
            row(n, {"kind": "track", "ids": [("user_id", u), ("device_id", "D1")], "at": t})
            for n, (u, t) in enumerate(found)
        ]

    bench.run(rows(sorted(logins, key=lambda x: x[1])))
    first: dict[str, int] = {}
    for user, at in sorted(logins, key=lambda x: x[1]):
        first.setdefault(user, at * MINUTE)
    expected = sorted(first.values())[2] if len(first) >= 3 else OPEN
    assert max(until for _, until in owned()) == expected
    shuffled = list(logins)
    seed.shuffle(shuffled)
    in_order = owned()
    bench.run(rows(shuffled))
    assert owned() == in_order
