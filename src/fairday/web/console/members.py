"""Members: what an account holds and why, and what it is given or loses by hand; the program's own form."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.ids import new_id
from fairday.kernel.money import major, typed
from fairday.kernel.settings import RewardBoost, RewardSettings
from fairday.offers.coupons.records import people_of
from fairday.people.accounts import account_of, accounts_of
from fairday.people.accounts.rules import complete, lots_of
from fairday.people.identity.records import run
from fairday.storage.runner import stream_state, streams
from fairday.web import desk, queries
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

ACCOUNT = re.compile(r"[0-9A-Za-z_.-]{1,64}")
TIMES = ("100", "150", "200", "300", "500")
SHOWN = 40
LATELY = 20
"""Members shown before anybody is looked for."""


@inside.get("/members")
def members(request: Request) -> Response:
    """Look a member up by a whole id: a mail address, a phone number, a card's number; unasked, who was here last."""
    shop = shop_of(request)
    asked = request.query_params.get("q", "").strip()[:320]
    with shop.db.read() as conn:
        if asked:
            people = queries.find_people(conn, asked, shop.settings.identity, 10, whole=True)
            of = [(account, person) for person in people for account in accounts_of(conn, person)]
        else:
            s = streams.c
            query = select(s.stream).where(s.stream >= "account:", s.stream < "account;")
            query = query.order_by(s.last_at.desc(), s.stream).limit(LATELY)
            of = list(people_of(conn, conn.execute(query).scalars().all()).items())
        names = desk.names(conn, [person for _, person in of], tongue_of(request))
        found = [(account, names.get(person) or f"#{person}", shop.rewards.standing(conn, account))
                 for account, person in of]  # fmt: skip
    return page(request, "members.html", found=found, asked=asked, program=shop.settings.rewards)


@inside.get("/members/{account}")
def member(request: Request, account: str) -> Response:
    return show(request, account)


def show(request: Request, account: str, error: FairdayError | None = None, **given: str) -> Response:
    """A member's page, with what went wrong on it."""
    shop, tongue = shop_of(request), tongue_of(request)
    stream = f"account:{account}"
    with shop.db.read() as conn:
        found = stream_state(conn, stream) if ACCOUNT.fullmatch(account) else None
        if found is None:
            raise HTTPException(404)
        stands = shop.rewards.standing(conn, stream)
        into = account_of(conn, stream)
        state = complete(found[1])
        lots = [(unit, *lot) for unit in sorted(state["lots"]) for lot in lots_of(state, unit)]
        told = run(
            conn, "SELECT name, data, at FROM events WHERE stream = ? ORDER BY seq DESC LIMIT ?", (stream, SHOWN)
        )
        people = run(
            conn,
            "SELECT DISTINCT o.person FROM member_accounts m JOIN ownership o ON o.identifier = m.identifier"
            " WHERE m.account = ? AND o.until_at = ?",
            (stream, 2**63 - 1),
        )
        owner = people_of(conn, [stream]).get(stream)
        called = "" if owner is None else desk.names(conn, [owner], tongue).get(owner, "")
    history = []
    for name, data, at in told:
        said = msgspec.json.decode(data)
        if "unit" in said and said.get("change"):
            history.append((name, said["unit"], said["change"], str(said.get("reason", "")), at))
        elif name in ("Tier Counted", "Tier Reviewed") and said["tier"]["name"] != said["was"]:
            history.append(("Tier", "", 0, said["tier"]["name"] or "–", at))
    return page(
        request, "member.html", status_of(error) if error else 200, account=account, stands=stands, lots=lots,
        merged="" if into == stream else into.partition(":")[2], history=history, owed=state["owed"],
        units=dict.fromkeys((shop.settings.rewards.unit, shop.settings.currency)), key=new_id(shop.clock.now()),
        people=[row[0] for row in people][:5], program=shop.settings.rewards,
        called=called,
        error=say(tongue, error) if error else None, given={"unit": "", "amount": "", "reason": ""} | given,
    )  # fmt: skip


@inside.post("/members/{account}")
def adjust(request: Request, account: str) -> Response:
    """Give or take by hand, with the reason; the same form sent twice counts once."""
    shop = shop_of(request)
    if not ACCOUNT.fullmatch(account):
        raise HTTPException(404)
    given = {name: "" for name in ("unit", "amount", "reason")}
    try:
        given = {"unit": field(request, "unit", 24), "amount": field(request, "amount", 20),
                 "reason": field(request, "reason", 80)}  # fmt: skip
        if given["unit"] not in (shop.settings.rewards.unit, shop.settings.currency):
            raise FairdayError("Choose points or money.", code="bad_unit", where="unit")
        amount = _amount(given["unit"], given["amount"], shop.settings.currency)
        data = {"unit": given["unit"], "amount": amount, "reason": given["reason"] or " "}
        if not given["reason"]:
            raise FairdayError("Say why.", code="missing_field", where="reason")
        actor, key = f"operator:{request.state.operator.id}", f"adjust:{field(request, 'key', 40)}"
        answer = shop.runner.submit(Command("adjust", f"account:{account}", data, actor, key))
        if answer.refusal is not None:
            raise Conflict(answer.refusal.message, code=answer.refusal.code)
    except FairdayError as error:
        return show(request, account, error, **given)
    return go(f"/console/members/{account}?done=member")


def _amount(unit: str, text: str, currency: str) -> int:
    if unit == currency:
        return typed(text, currency)
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise FairdayError("Points are whole.", code="bad_amount", where="amount", remedy="Write 50 or -50.")
    return int(text)


# ---- the program -----------------------------------------------------------------------------------------------------


@inside.get("/rewards")
def rewards(request: Request) -> Response:
    return _program(request)


def _program(request: Request, error: FairdayError | None = None, given: dict[str, Any] | None = None) -> Response:
    shop = shop_of(request)
    told, currency = shop.settings.rewards, shop.settings.currency
    simple = {k: str(v) for k, v in _boosts(told).items()}
    shown = {
        "on": "yes" if told.on else "", "unit": told.unit, "per": str(major(told.per, currency)),
        "months": str(told.months), "keep_days": str(told.keep_days), "grace_days": str(told.grace_days),
        "levels": "\n".join(f"{x.name} {x.at}" for x in told.levels),
        "top_ups": ", ".join(f"{major(a, currency):f}" for a in told.top_ups), **simple,
    }  # fmt: skip
    return page(
        request, "rewards.html", status_of(error) if error else 200, given=given or shown, times=TIMES,
        error=say(tongue_of(request), error) if error else None, where=error.where if error else "",
    )  # fmt: skip


def _boosts(told: RewardSettings) -> dict[str, Any]:
    """The program's boosts as the form shows them: one by days of the month, one by weekday, one for birthdays."""
    shown: dict[str, Any] = {"days": "", "days_times": "200", "weekdays": "", "weekdays_times": "100",
                             "birthday_times": "100"}  # fmt: skip
    for boost in told.boosts:
        if boost.birthday:
            shown["birthday_times"] = boost.percent
        elif boost.days:
            shown |= {"days": ", ".join(map(str, boost.days)), "days_times": boost.percent}
        elif boost.weekdays:
            shown |= {"weekdays": "".join(map(str, boost.weekdays)), "weekdays_times": boost.percent}
    return shown


@inside.post("/rewards")
def save(request: Request) -> Response:
    """Keep the program; what members have earned stands as it is."""
    shop, form = shop_of(request), request.state.form
    names = ("unit", "per", "months", "keep_days", "grace_days", "levels", "top_ups", "days", "days_times",
             "weekdays_times", "birthday_times")  # fmt: skip
    given: dict[str, Any] = {}
    try:
        given = {name: field(request, name, 1000) for name in names}
        given |= {"on": "yes" if form.get("on") == "yes" else ""}
        given["weekdays"] = "".join(str(n) for n in range(7) if form.get(f"weekday_{n}") == "yes")
        shop.change_settings(rewards=_read(given, shop.settings.currency))
    except FairdayError as error:
        return _program(request, error, given if len(given) > len(names) else None)
    return go("/console/rewards?done=rewards")


def _read(given: dict[str, Any], currency: str) -> RewardSettings:
    """The form as a program.

    Raises:
        FairdayError: what cannot be read, at its field.
    """
    levels = []
    for line in filter(None, (x.strip() for x in given["levels"].splitlines())):
        found = re.fullmatch(r"(.{1,40}?)[\s:]+(\d{1,9})", line)
        if found is None:
            raise FairdayError("A tier is a name and a number.", code="bad_level", where="levels",
                               remedy="Write lines such as: Gold 400")  # fmt: skip
        levels.append({"name": found[1], "at": int(found[2])})
    boosts = []
    days = [_whole(x, "days") for x in re.split(r"[\s,，、]+", given["days"]) if x]
    if days and given["days_times"] != "100":
        boosts.append(RewardBoost(percent=_whole(given["days_times"], "days_times"), days=tuple(days)))
    if given["weekdays"] and given["weekdays_times"] != "100":
        weekdays = tuple(int(x) for x in given["weekdays"])
        boosts.append(RewardBoost(percent=_whole(given["weekdays_times"], "weekdays_times"), weekdays=weekdays))
    if given["birthday_times"] != "100":
        boosts.append(RewardBoost(percent=_whole(given["birthday_times"], "birthday_times"), birthday=True))
    made = {
        "on": given["on"] == "yes", "unit": given["unit"], "per": typed(given["per"], currency),
        "months": _whole(given["months"], "months"), "keep_days": _whole(given["keep_days"], "keep_days"),
        "grace_days": _whole(given["grace_days"], "grace_days"), "levels": levels,
        "boosts": msgspec.to_builtins(boosts),
        "top_ups": [typed(x, currency) for x in re.split(r"[\s,，、]+", given["top_ups"]) if x],
    }  # fmt: skip
    try:
        return msgspec.convert(made, RewardSettings)
    except msgspec.ValidationError as error:
        raise FairdayError(f"The program cannot be so: {error}.", code="bad_program") from error


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise FairdayError("That is no whole number.", code="bad_number", where=where)
    return int(text)
