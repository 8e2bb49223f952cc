"""A shop killed at any moment while it takes orders: nothing it answered is lost, and every sum still adds up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

import fairday
import ordering
import parts
from fairday.kernel import jsons
from fairday.kernel.clock import DAY_MS, ManualClock, SystemClock
from fairday.storage import ledger
from fairday.storage.batch import streams
from fairday.trade import order as rules
from paying import ready, served
from stocking import assert_orders_agree

KILLS = int(os.environ.get("FAIRDAY_KILLS", "2"))
"""How often the shop is killed; FAIRDAY_KILLS=100 looks for what is rare."""


def live_and_die(process: subprocess.Popen[str], url: str, life: int, port: int) -> tuple[list[str], dict[str, str]]:
    """One life of the shop: what it was asked, and what it answered before it was killed."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"start {url} {life} {port}\n")
    dice, child, asked, told = random.Random(life), 0, [], {}
    enough = dice.randrange(5, 30)
    for raw in process.stdout:
        mark, what = raw[0], raw[1:].strip()
        if mark == "@":
            child = int(what)
        elif mark == "?":
            asked.append(what)
        elif mark == "!":
            request, _, answer = what.rpartition("|")
            told[request] = answer
            if len(told) == enough:
                threading.Timer(dice.random() * 0.05, os.kill, (child, signal.SIGKILL)).start()
        elif mark == "#":
            break
    return asked, told


def test_a_shop_killed_while_it_takes_orders_loses_nothing_it_answered_and_conserves_every_sum(
    url: str, capsys: pytest.CaptureFixture
) -> None:
    port = parts.free_port()
    with fairday.open(url) as shop:
        ready(shop)
        assert shop.payments.sandbox.keys
        ordering.fill(shop)
        shop.change_settings(public_url=f"http://127.0.0.1:{port}")
    asked: list[str] = []
    told: dict[str, str] = {}
    flying = 0
    with parts.nursery("ordering.py") as process:
        for life in range(KILLS):
            more, answers = live_and_die(process, url, life, port)
            flying += len(set(more) - set(answers))
            asked += more
            told |= answers
    assert flying
    clock = ManualClock(SystemClock().now())
    with fairday.open(url, clock=clock) as shop, served(shop):
        ready(shop)
        before = _events(shop)
        for request in asked:
            if request in told:
                assert ordering.ask(shop, json.loads(request)) == told[request], f"another answer: {request}"
        assert _events(shop) == before, "what was answered is not done again"
        for request in asked:
            if request not in told:
                assert ordering.ask(shop, json.loads(request)) == ordering.ask(shop, json.loads(request))
        assert_every_sum_agrees(shop)
        for _ in range(4):
            clock.move(40 * DAY_MS)
            while shop.fire_due() or shop.payments.tick():
                pass
        lives = assert_every_sum_agrees(shop)
        assert not lives["placed"], "what nobody paid has ended"
    with capsys.disabled():
        kind = url.partition(":")[0][:10]
        print(f"\n{kind}: {KILLS} kills, {len(told)} answers kept, {flying} under way, {dict(lives)}")


def _events(shop: fairday.Shop) -> int:
    query = "SELECT count(*) FROM events WHERE stream LIKE 'order:%' OR stream LIKE 'stock:%' OR stream LIKE 'coupon:%'"
    with shop.db.read() as conn:
        return int(conn.execute(text(query)).scalar_one())


def _states(conn: Connection, kind: str) -> dict[str, Mapping[str, Any]]:
    query = select(streams.c.stream, streams.c.state).where(streams.c.stream.like(f"{kind}:%"))
    return {stream: jsons.loads(state) for stream, state in conn.execute(query)}


def assert_every_sum_agrees(shop: fairday.Shop) -> Counter[str]:
    """Orders, payments, stock, coupons and the ledger tell one story; how many orders stand how."""
    lives = assert_orders_agree(shop, ordering.FILLED)
    with shop.db.read() as conn:
        orders, payments = _states(conn, "order"), _states(conn, "payment")
        came = back = kept = 0
        for stream, order in orders.items():
            assert order["total"] == sum(x["paid"] for x in order["lines"].values()) + (
                order["shipping"]["paid"] if order["shipping"] else 0
            )
            for p in order["payments"]:
                paid = payments[p["payment"]]
                assert (paid["status"], paid["pays"], paid["amount"]) == ("succeeded", stream, p["amount"])
                gone = sum(r["amount"] for r in paid["refunds"].values() if r["status"] != "failed")
                assert gone == p["back"], f"{stream} gave {p['back']} back, its payment {gone}"
                came, back = came + p["amount"], back + p["back"]
            if rules.is_paid(order):
                kept += order["total"] - order["refunded"]
            unsettled = sum(
                r["amount"] for p in order["payments"] for r in payments[p["payment"]]["refunds"].values()
                if r["status"] != "succeeded"
            )  # fmt: skip
            assert ledger.balance(conn, stream, "CNY") == unsettled, f"{stream} rests at nothing"
        done = sum(r["amount"] for p in payments.values() for r in p["refunds"].values() if r["status"] == "succeeded")
        held = {a: ledger.balance(conn, a, "CNY") for a in ("receivable:wechat", "sales", "sales:shipping", "tax")}
        assert held["receivable:wechat"] == done - came
        assert held["sales"] + held["sales:shipping"] + held["tax"] == kept == came - back
        for stream, coupon in _states(conn, "coupon").items():
            mine = orders.get(coupon["order"])
            if coupon["status"] in ("locked", "redeemed"):
                assert mine is not None
                assert any(hold[1] == stream for hold in mine["holds"])
                assert (coupon["status"] == "redeemed") == rules.is_paid(mine)
                assert mine["life"] not in ("cancelled", "expired")
        for stream, order in orders.items():
            holds = [s for claim, s, _ in order["holds"] if claim == "coupon"]
            if order["life"] == "open" and holds:
                assert _states(conn, "coupon")[holds[0]]["order"] == stream
    return lives
