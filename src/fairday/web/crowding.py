"""What pages of briefs and designs share, in the shop and in the console: forms read, answers told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from fairday.kernel.clock import day_start, local_day, to_date, to_day
from fairday.kernel.decider import State
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits, major, typed
from fairday.shop import Shop
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2b.tables import Answer, Brief
from fairday.trade.c2c import records
from fairday.trade.records import parcels_of

OVER = ("over", "withdrawn")
FIELDS = ("title", "text", "kind", "reward", "least", "most", "winners", "until", "deliver_days", "photo")
"""What a brief's form asks."""


def standing(answer: Answer, brief: Brief | None) -> str:
    """Where an answer stands for people: "no" where others were chosen or nobody was."""
    over = brief is None or brief.life in OVER
    return "no" if over and answer.life == "sent" else answer.life


def last_day(text: str, zone: str, where: str = "until") -> int:
    """The end (ms) of a day that a form names.

    Raises:
        FairdayError: it is no day.
    """
    try:
        return day_start(to_day(date.fromisoformat(text)) + 1, zone)
    except (ValueError, OverflowError):
        raise FairdayError("That is no day.", code="bad_day", where=where) from None


def amount_in(text: str, currency: str, where: str) -> int:
    """An amount of a form, minor units.

    Raises:
        FairdayError: it is none.
    """
    try:
        return typed(text or "0", currency)
    except FairdayError as error:
        raise FairdayError(error.message, code=error.code, where=where) from None


def whole_of(text: str, where: str) -> int:
    """A whole number of a form.

    Raises:
        FairdayError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise FairdayError("That is no whole number.", code="bad_whole", where=where)
    return int(text)


def written(amount: int, currency: str) -> str:
    """An amount as a form has it."""
    return f"{major(amount, currency):.{digits(currency)}f}"


def asked_of(shop: Shop, given: Mapping[str, str]) -> Asked:
    """A brief's form.

    Raises:
        FairdayError: a field that cannot be; ``where`` is its name.
    """
    currency, zone = shop.settings.currency, shop.settings.zone
    fixed = given["kind"] != "range"
    least = amount_in(given["reward" if fixed else "least"], currency, "reward")
    return Asked(
        title=given["title"], text=given["text"], photo=given["photo"], least=least,
        most=least if fixed else amount_in(given["most"], currency, "reward"),
        winners=whole_of(given["winners"], "winners"), until=last_day(given["until"], zone),
        deliver_days=whole_of(given["deliver_days"], "deliver_days"),
    )  # fmt: skip


def brief_form(shop: Shop, brief: Brief | None, state: State | None) -> dict[str, str]:
    """A brief's form as it stands, or a new one: a week to answer, two to deliver."""
    now, zone, currency = shop.clock.now(), shop.settings.zone, shop.settings.currency
    if brief is None or state is None:
        until = to_date(local_day(now, zone) + 7).isoformat()
        return dict.fromkeys(FIELDS, "") | {"kind": "fixed", "winners": "1", "until": until, "deliver_days": "14"}
    fixed = brief.least == brief.most
    return {
        "title": brief.title, "text": brief.text, "photo": brief.photo, "kind": "fixed" if fixed else "range",
        "reward": written(brief.least, currency) if fixed else "",
        "least": "" if fixed else written(brief.least, currency),
        "most": "" if fixed else written(brief.most, currency), "winners": str(brief.winners),
        "until": to_date(local_day(brief.until_at - 1, zone)).isoformat(), "deliver_days": str(state["deliver_days"]),
    }  # fmt: skip


def work_told(shop: Shop, answer: Answer, brief: Brief | None, said: list[dict[str, Any]]) -> dict[str, Any]:
    """An answer with its work, for a template: state, what was said first and since, its order, its dispute."""
    state = shop.briefs.work(answer.id) or {}
    order = shop.orders.state(f"order:{answer.order}") if answer.order else None
    dispute, heard, sent = None, [], []
    if order is not None:
        with shop.db.read() as conn:
            dispute = records.dispute_of(conn, answer.order)
            heard = records.words_of(conn, f"dispute:{answer.order}") if dispute else []
            sent = parcels_of(conn, answer.order)
    open_ = dispute is not None and dispute["status"] == "open"
    return {
        "answer": answer, "stands": standing(answer, brief), "state": state,
        "first": [w for w in said if w["by"] == "answer"], "since": [w for w in said if w["by"] != "answer"],
        "order": order, "dispute": dispute, "heard": heard, "disputed": open_, "parcels": sent,
    }  # fmt: skip
