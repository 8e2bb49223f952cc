"""A shop goes into one file while it serves and comes out of it whole: on both databases, from each to the other."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from click.testing import CliRunner
from sqlalchemy import select, text, update

import fairday
import ordering
import shopfull
from fairday.backup import backup, restore, sums
from fairday.cli import main
from fairday.kernel.clock import ManualClock
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError
from fairday.reach import outbox
from fairday.rooms import metadata
from fairday.storage.database import Database
from fairday.storage.followers import cursors
from fairday.storage.ledger import balance
from fairday.storage.log import Happening, events, happenings
from fairday.trade import cart as carts

CHANGED = {"settings", "messages", "followers"}
"""Tables in which a restored shop differs from what it was made of."""


def trade(shop: fairday.Shop, name: str, *steps: str) -> str:
    """A shopper's order, and what becomes of it."""
    account = f"account:{name}"
    shop.runner.submit(Command("open", account))
    with shop.db.write() as conn:
        cart = carts.new_cart(conn, account, shop.clock.now())
        cart = carts.add_line(conn, cart, "mug", "mug", 2, {}, shop.clock.now())
    for step in ("place", *steps):
        if step == "pay":
            state = shop.orders.state(cart.order)
            assert state is not None
            begun = shop.payments.begin(cart.order, "cash", "", state["total"], "CNY", subject="Tea", actor=name)
            shop.payments.confirm(begun.number, f"R-{name}", "clerk")
            continue
        asked = {"do": step, "order": cart.order, "cart": cart.cart, "account": account, "key": f"{name}{step}"}
        ordering.ask(shop, asked)
    return cart.order


@pytest.fixture
def full(shop: fairday.Shop) -> fairday.Shop:
    """A shop that has lived: people, mail, a scene, orders in several states, money that came and went back."""
    shopfull.fill(shop)
    ordering.fill(shop)
    trade(shop, "ann", "pay", "ship")
    trade(shop, "bob", "pay", "ship", "refund")
    trade(shop, "eva")
    shop.catch_up()
    return shop


def content(shop: fairday.Shop) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that a restored shop has alike."""
    with shop.db.read() as conn:
        return {
            t.name: sorted((tuple(row) for row in conn.execute(select(*[c for c in t.c if c.name != "xid"]))), key=repr)
            for t in metadata.sorted_tables
            if t.name not in CHANGED and not t.name.startswith("test_")
        }


def elsewhere(shop: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest, same: bool = True) -> str:
    """The address of an empty place, on the same kind of database or on the other."""
    if shop.db.is_sqlite == same:
        (tmp_path / "elsewhere").mkdir()
        return str(tmp_path / "elsewhere" / "shop.db")
    return str(request.getfixturevalue("postgres_server").database())


def comes_in(shop: fairday.Shop, name: str) -> None:
    """What is told to a shop reaches its followers."""
    now, body = shop.clock.now(), {"properties": {"product_id": "tea-1"}}
    row = Happening(message_id=name, kind="track", name="Product Viewed", at=now, source="website", received=now,
                    ids=(("user_id", name),), body=body)  # fmt: skip
    assert shop.append([row]).result() == 1
    shop.catch_up()
    assert all(lag.rows == 0 for lag in shop.followers.lag()), shop.followers.lag()
    assert shop.person(f"user_id:{name}")


@pytest.mark.parametrize("same", [True, False], ids=["alike", "across"])
def test_a_restored_shop_is_the_shop_to_the_row_and_goes_on(
    full: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest, clock: ManualClock, same: bool
) -> None:
    file = tmp_path / "kept" / "shop-1.db"
    told = backup(full.db, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir()] == [file.name]  # nothing beside it
    with full.db.read() as conn:
        assert told == sums(conn)
    assert told.orders["CNY"][0] == 3
    assert told.orders["CNY"][2] > 0
    before = content(full)

    back, found = restore(file, elsewhere(full, tmp_path, request, same), clock=clock)
    with back:
        assert found == told
        assert content(back) == before
        with back.db.read() as conn, full.db.read() as there:
            for account in ("sales", "order:x", "receivable:wechat"):
                assert balance(conn, account, "CNY") == balance(there, account, "CNY")
        comes_in(back, "newcomer")
        order = trade(back, "new", "pay", "ship")
        state = back.orders.state(order)
        assert state is not None
        assert state["paid_at"] is not None
        back.catch_up()
        reported = back.report().figures.of("revenue").now
    trade(full, "new", "pay", "ship")
    full.catch_up()
    assert reported == full.report().figures.of("revenue").now


def test_what_is_told_and_sold_while_a_backup_is_made_is_in_it_whole_or_not_at_all(
    full: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest, clock: ManualClock
) -> None:
    over, told = threading.Event(), []

    def busy(me: int) -> None:
        n = 0
        while not over.is_set():
            n += 1
            trade(full, f"w{me}x{n}", "pay", "ship")
            told.append(n)

    workers = [threading.Thread(target=busy, args=(me,)) for me in range(2)]
    full.followers.start()
    for worker in workers:
        worker.start()
    try:
        while len(told) < 4:
            over.wait(0.01)
        found = backup(full.db, tmp_path / "busy.db")
        more = len(told)
        while len(told) < more + 2:
            over.wait(0.01)
    finally:
        over.set()
        for worker in workers:
            worker.join()
        full.followers.stop()
    with full.db.read() as conn:
        assert sums(conn).orders["CNY"][0] > found.orders["CNY"][0] >= 7
    back, again = restore(tmp_path / "busy.db", elsewhere(full, tmp_path, request), clock=clock)
    with back:
        assert again == found
        back.catch_up()
        assert all(lag.rows == 0 for lag in back.followers.lag())
        with back.db.read() as conn:
            numbers = [r for (r,) in conn.execute(text("SELECT id FROM orders"))]
            paid = 0
            for number in numbers:
                state = back.orders.state(f"order:{number}")
                assert state is not None
                # What is to be given back by hand stands on the order until somebody says it was.
                assert balance(conn, f"order:{number}", "CNY") == state["refunded"]
                paid += state["total"] - state["refunded"] if state["payments"] else 0
            assert balance(conn, "sales", "CNY") + balance(conn, "tax", "CNY") == paid


def test_mail_that_waited_is_not_sent_by_a_restored_shop(
    full: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest, clock: ManualClock
) -> None:
    with full.db.write() as conn:
        assert conn.execute(update(outbox.messages).where(outbox.messages.c.id <= 2).values(status="queued")).rowcount
    backup(full.db, tmp_path / "shop-1.db")
    back, _ = restore(tmp_path / "shop-1.db", elsewhere(full, tmp_path, request), clock=clock)
    with back, back.db.read() as conn:
        found = conn.execute(select(outbox.messages.c.status, outbox.messages.c.reason)).all()
        assert ("unsure", "restored") in found
        assert not any(status == "queued" for status, _ in found)


def test_a_restored_shop_has_a_lake_of_its_own(full: fairday.Shop, tmp_path: Path, clock: ManualClock) -> None:
    full.change_settings(lake=str(tmp_path / "theirs"))
    with fairday.open(full.db.url, clock=clock) as one:
        one.catch_up()
        files = one.lake.files() if one.lake else []
        assert files
    backup(full.db, tmp_path / "shop-1.db")
    kept = {f: f.read_bytes() for f in files}
    (tmp_path / "elsewhere").mkdir()
    back, _ = restore(tmp_path / "shop-1.db", str(tmp_path / "elsewhere" / "again.db"), clock=clock)
    with back:
        comes_in(back, "newcomer")
        assert back.lake is not None
        assert back.lake.folder == tmp_path / "elsewhere" / "again.lake"
        assert back.lake.files()
    assert {f: f.read_bytes() for f in files} == kept


@pytest.mark.parametrize("empty_url", ["postgres"], indirect=True)
def test_a_log_from_a_server_that_counted_further_is_numbered_anew_in_its_order(
    empty_url: str, clock: ManualClock
) -> None:
    """As ``pg_restore`` into a new server leaves it: rows stand after everything that comes in."""
    with fairday.open(empty_url, clock=clock) as shop:
        shopfull.fill(shop)
        for n in range(6):
            comes_in(shop, f"early{n}")
        with shop.db.write() as conn:
            last = conn.execute(select(happenings.c.pos).order_by(happenings.c.pos.desc()).limit(2)).scalars().all()
            # Two transactions crossed: the later position was written by the earlier one.
            a, b = (conn.execute(select(happenings.c.xid).where(happenings.c.pos == p)).scalar_one() for p in last)
            for pos, xid in zip(last, (b, a), strict=True):
                conn.execute(update(happenings).where(happenings.c.pos == pos).values(xid=xid))
            for table in (happenings, events, cursors):
                conn.execute(update(table).where(table.c.xid >= 0).values(xid=table.c.xid + 3_000_000_000))
            order = [
                conn.execute(select(t.c.pos).order_by(t.c.xid, t.c.pos)).scalars().all() for t in (happenings, events)
            ]
    with fairday.open(empty_url, clock=clock) as shop:
        with shop.db.read() as conn:
            assert order == [
                conn.execute(select(t.c.pos).order_by(t.c.xid, t.c.pos)).scalars().all() for t in (happenings, events)
            ]
        assert all(lag.rows == 0 for lag in shop.followers.lag())  # nothing is read twice
        comes_in(shop, "late")
        shop.followers.rebuild("traits")
        assert all(lag.rows == 0 for lag in shop.followers.lag())


def test_what_was_numbered_is_not_numbered_again(
    full: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest, clock: ManualClock
) -> None:
    """What was erased leaves a gap that nothing else fills, also in the other kind of database."""
    with full.db.write() as conn:
        last = conn.execute(select(sqlalchemy.func.max(happenings.c.pos))).scalar_one()
        conn.execute(happenings.delete().where(happenings.c.pos == last))
    backup(full.db, tmp_path / "shop-1.db")
    back, _ = restore(tmp_path / "shop-1.db", elsewhere(full, tmp_path, request, same=False), clock=clock)
    with back:
        comes_in(back, "newcomer")
        with back.db.read() as conn:
            assert conn.execute(select(sqlalchemy.func.max(happenings.c.pos))).scalar_one() > last


def test_nothing_is_written_over_and_nothing_that_is_no_backup_comes_in(
    shop: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def refused(kind: type[FairdayError], code: str, *args: Any) -> None:
        with pytest.raises(kind) as caught:
            (backup if isinstance(args[0], Database) else restore)(*args)
        assert caught.value.code == code
        assert caught.value.remedy

    file = tmp_path / "shop-1.db"
    backup(shop.db, file)
    refused(Conflict, "file_exists", shop.db, file)
    (tmp_path / "no").write_text("")
    refused(FairdayError, "no_file", shop.db, tmp_path / "no" / "shop.db")
    refused(Conflict, "not_empty", file, shop.db.url)
    empty = elsewhere(shop, tmp_path, request)
    refused(FairdayError, "no_backup", tmp_path / "nowhere.db", empty)
    (tmp_path / "text.db").write_text("Nothing of a shop.\n" * 100)
    refused(FairdayError, "no_copy", tmp_path / "text.db", empty)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").connection.close()
    refused(FairdayError, "no_backup", tmp_path / "other.db", empty)
    later = sqlite3.connect(file)
    later.execute("UPDATE alembic_version SET version_num = '9999_later'")
    later.commit()
    later.close()
    refused(FairdayError, "newer_version", file, empty)
    # And nothing is left of what was refused: the place is as empty as it was.
    file.unlink()
    backup(shop.db, file)
    restore(file, empty)[0].close()


def test_the_command_line_backs_up_and_restores_and_says_the_same_sums(
    full: fairday.Shop, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    said = run("backup", "-s", full.db.url, str(tmp_path / "kept"))
    (file,) = (tmp_path / "kept").iterdir()
    assert "read from end to end" in said
    to = elsewhere(full, tmp_path, request)
    again = run("restore", "-s", to, str(file))
    lines = [line for line in said.splitlines() if line.startswith("  ")]
    assert lines
    assert all(line in again for line in lines)
    assert "3 orders: CNY" in again
    run("report", "-s", to)
    result = CliRunner().invoke(main, ["restore", "-s", to, str(file)])
    assert result.exit_code == 1
    assert "There is something at" in result.output
