from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select

from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.kernel.settings import Settings
from fairday.people.identity import IdentityFollower
from fairday.people.tables import activity, ownership, profile, told
from fairday.people.traits import Traits, records, totals
from fairday.people.traits.deriving import Fact, Sums
from fairday.people.traits.deriving import profile as derive
from fairday.people.traits.folding import ORDERED, REFUNDED, buckets
from fairday.people.traits.telling import told_by
from fairday.storage.database import Database, metadata
from fairday.storage.followers import Followers
from fairday.storage.log import Happening, append_happenings, read_happenings

SHOP = Settings()
START = 1_780_315_200_000
_numbers = count()


def happening(
    with_ids: Sequence[tuple[str, str]],
    at: int,
    name: str = "",
    source: str = "server:test",
    kind: str = "",
    **body: Any,
) -> Happening:
    kind = kind or ("track" if name else "identify")
    return Happening(
        message_id=f"m{next(_numbers)}",
        kind=kind,
        name=name,
        at=at,
        received=at,
        source=source,
        ids=tuple(with_ids),
        body=body,
    )


def followers(db: Database, clock: ManualClock) -> Followers:
    made = Followers(db, clock)
    made.register(IdentityFollower(lambda: SHOP.identity))
    made.register(Traits(lambda: SHOP))
    return made


def append(db: Database, rows: Sequence[Happening]) -> None:
    with db.write() as conn:
        append_happenings(conn, rows)


def clear(db: Database) -> None:
    with db.write() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))


def parsed(*texts: str) -> list[tuple[str, str]]:
    return [(a, c) for a, _, c in (text.partition(":") for text in texts)]


def order(ids: Sequence[tuple[str, str]], at: int, name: str = ORDERED, **properties: Any) -> Happening:
    return happening(ids, at, name, properties=properties)


def the_sums_are_those_of_activity(conn: Connection) -> None:
    """tally, sales and sales_months beside what the buckets sum to."""
    kept: dict[Any, list[int]] = {}
    for interval, measure, day, n, amount in conn.execute(select(activity)):
        sold = {ORDERED: (n, amount), REFUNDED: (0, -amount)}.get(measure)
        parts = [((measure, day), (n, amount))] if sold or measure.startswith(totals.CATEGORY) else []
        if sold:
            parts += [(("sales", day, interval), sold), (("months", totals.month_of(day), interval), sold)]
        for key, value in parts:
            kept[key] = [a + b for a, b in zip(kept.get(key, [0, 0]), value, strict=True)]
    found: dict[Any, list[int]] = {(r[0], r[1]): [r[2], r[3]] for r in conn.execute(select(totals.tally))}
    found |= {("sales", *r[:2]): list(r[2:]) for r in conn.execute(select(totals.sales))}
    found |= {("months", *r[:2]): list(r[2:]) for r in conn.execute(select(totals.sales_months))}
    nothing = [0, 0]
    assert {k: v for k, v in found.items() if v != nothing} == {k: v for k, v in kept.items() if v != nothing}


def tables(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    the_sums_are_those_of_activity(conn)
    return {t.name: sorted((tuple(r) for r in conn.execute(select(t))), key=repr) for t in (activity, told, profile)}


def naive(conn: Connection, now: int) -> dict[str, list[tuple[Any, ...]]]:
    """The three tables told plainly: every happening of the whole log under the interval that owns it now."""
    intervals = [tuple(r) for r in conn.execute(select(ownership))]
    carriers = {
        pos: (identifier, at)
        for pos, identifier, at in conn.exec_driver_sql("SELECT pos, identifier, at FROM timeline")
    }
    counted: dict[tuple[int, str, int], list[int]] = {}
    said: dict[tuple[int, str], tuple[tuple[int, int, int], Fact]] = {}
    for h in read_happenings(conn, (-1, -1), None, 100_000):
        if h.pos not in carriers:
            continue
        identifier, at = carriers[h.pos]
        mine = [i for i, owned, _, a, b in intervals if owned == identifier and a <= at < b]
        for interval in mine:
            for measure, n, amount in buckets(h, SHOP.currency, SHOP.zone):
                cell = counted.setdefault((interval, measure, local_day(h.at, SHOP.zone)), [0, 0])
                cell[0] += n
                cell[1] += amount
            for trait, v in told_by(h, SHOP.currency).items():
                place = (h.at, h.xid, h.pos)
                if (interval, trait) not in said or said[interval, trait][0] <= place:
                    said[interval, trait] = (place, Fact(trait, v.lo, v.hi, v.txt, h.at, h.source))
    shop = records.shop_of(conn, SHOP.zone, now)
    facts = []
    for person in {p for _, _, p, _, _ in intervals}:
        mine = sorted(i for i, _, p, _, _ in intervals if p == person)
        sums = Sums()
        found = False
        for (i, measure, day), (n, amount) in sorted(counted.items()):
            if i not in mine:
                continue
            if measure == ORDERED:
                sums.orders[day] = sums.orders.get(day, 0) + n
                sums.spent += amount
            elif measure == REFUNDED:
                sums.refunded += amount
            elif measure.startswith(("active:", "bought:brand=", "bought:category=")):
                a, b = sums.totals.get(measure, (0, 0))
                sums.totals[measure] = (a + n, b + amount)
            else:
                continue
            found = True
            sums.last = max(sums.last, day)
        told_ = [f for i in mine for (j, _), (_, f) in sorted(said.items()) if i == j]
        facts += [(person, *f) for f in derive(told_, sums if found else None, shop)]
    return {
        "activity": sorted(((i, m, d, n, a) for (i, m, d), (n, a) in counted.items()), key=repr),
        "told": sorted(((i, t, *f[1:]) for (i, t), (_, f) in said.items()), key=repr),
        "profile": sorted(facts, key=repr),
    }


_ids = st.one_of(
    st.sampled_from(["u1", "u2", "u3"]).map(lambda u: [("user_id", u)]),
    st.sampled_from(["a1", "a2"]).map(lambda a: [("anonymous_id", a)]),
    st.tuples(st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["a1", "a2"])).map(
        lambda p: [("user_id", p[0]), ("anonymous_id", p[1])]
    ),
    st.tuples(st.sampled_from(["u1", "u2"]), st.sampled_from(["x@shop.test", "y@shop.test"])).map(
        lambda p: [("user_id", p[0]), ("email", p[1])]
    ),
    st.sampled_from(["x@shop.test", "y@shop.test"]).map(lambda e: [("email", e)]),
)
_at = st.integers(-5 * 24, 24).map(lambda h: START + h * DAY_MS // 24)
_line = st.fixed_dictionaries(
    {
        "product_id": st.sampled_from(["p1", "p2"]),
        "category": st.sampled_from(["tea", "cups"]),
        "brand": st.sampled_from(["Lu", "Oolong & Co"]),
        "price": st.sampled_from([1, 2.5, "19.99"]),
        "quantity": st.integers(1, 3),
    }
)
_step = st.one_of(
    st.builds(
        lambda ids, at, name, lines: order(ids, at, name, products=lines),
        _ids, _at, st.sampled_from([ORDERED, ORDERED, "Order Updated", REFUNDED, "Order Cancelled"]),
        st.lists(_line, max_size=2),
    ),
    st.builds(
        lambda ids, at, line: happening(ids, at, "Product Viewed", properties=line, source="browser:web"),
        _ids, _at, _line,
    ),
    st.builds(
        lambda ids, at, age, city, verified: happening(
            ids, at, traits={"age": age, "address": {"city": city}}, context={"verified": verified}
        ),
        _ids, _at, st.sampled_from([20, "19-24", None]), st.sampled_from(["Xi'an", "成都"]),
        st.sampled_from([[], ["email"]]),
    ),
    st.builds(
        lambda at, a, b: happening(parsed(a, b), at, kind="merge", source="operator", ids=[a, b]),
        _at, st.sampled_from(["user_id:u1", "user_id:u2"]), st.sampled_from(["user_id:u3", "anonymous_id:a1"]),
    ),
    st.builds(
        lambda at, a, b: happening(parsed(a, b), at, kind="unmerge", source="operator", split=[a, b]),
        _at, st.sampled_from(["user_id:u1", "user_id:u2"]), st.sampled_from(["user_id:u3", "anonymous_id:a1"]),
    ),
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    script=st.lists(_step, min_size=1, max_size=14),
    breaks=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), max_size=4),
)
def test_tables_are_as_if_the_owners_of_now_had_always_been_so(
    db: Database, clock: ManualClock, script: list[Happening], breaks: list[tuple[int, int]]
) -> None:
    clear(db)
    run = followers(db, clock)
    append(db, script)
    # Identity runs ahead by slices of any size, traits behind it by others.
    for ahead, behind in breaks:
        run.step("identity", ahead)
        run.step("traits", behind)
    run.catch_up()
    with db.read() as conn:
        expected = naive(conn, clock.now())
        found = tables(conn)
    for name, rows in expected.items():
        assert found[name] == rows, name
    run.rebuild("traits")
    with db.read() as conn:
        assert tables(conn) == found


def test_endless_hostile_orders_overflow_no_sum(db: Database, clock: ManualClock) -> None:
    made = followers(db, clock)
    line = {"product_id": "p", "category": "tea", "price": "9999999999", "quantity": 1}
    hostile = [1e308, "NaN", "9e999999", -1e308, {"a": 1}, "1e15", 9_999_999_999]
    append(db, [order([("user_id", "u1")], START + n, total=hostile[n % 7], products=[line] * 300) for n in range(40)])
    made.catch_up()
    with db.write() as conn:
        interval = int(conn.execute(select(ownership.c.id)).scalars().all()[0])
        day = local_day(START, SHOP.zone)
        for n in range(12):  # what would have been 2**63 and more, of each of many days
            records.add(conn, {interval: {("bought:category=tea", day - n % 3): [2**62, 2**62]}})
            records.add(conn, {interval: {(ORDERED, day): [2**63, 2**63]}})
    append(db, [order([("user_id", "u1")], START + 99, total=5)])
    made.catch_up()
    with db.read() as conn:
        found = conn.execute(select(activity.c.n, activity.c.amount)).all()
        assert all(type(v) is int and abs(n) <= 10**12 and abs(v) <= 10**15 for n, v in found)
        assert conn.execute(select(profile).where(profile.c.trait == "spend_total")).one().lo <= 10**15
    assert all(lag.skipped == lag.rows == 0 for lag in made.lag())


def test_a_shop_whose_activity_is_older_than_its_sums_has_them_made(db: Database, clock: ManualClock) -> None:
    follow = followers(db, clock)
    lines = [{"product_id": "p", "category": "tea", "price": 3, "quantity": 2}]
    append(db, [order([("user_id", f"u{i % 3}")], START + i * DAY_MS, total=6, products=lines) for i in range(40)])
    follow.catch_up()
    with db.write() as conn:
        before = [conn.execute(select(t)).all() for t in totals.TABLES]
        for table in totals.TABLES:
            conn.execute(delete(table))
    follow.catch_up()
    with db.read() as conn:
        assert [conn.execute(select(t)).all() for t in totals.TABLES] == before
        assert len(before[1]) == 40
