"""What people write stands with the step that says it, or not at all: no version without its words, nor words alone."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

import fairday
from fairday.kernel.decider import Command, Row
from fairday.kernel.errors import Conflict, FairdayError
from fairday.trade.c2c import records
from fairday.trade.c2c import service as market
from fairday.trade.c2c.service import Draft
from selling import ANNA, BEN, listed, opened, photo, sent

IDS = (("email", "anna@example.com"),)


def said(shop: fairday.Shop, about: str) -> list[str]:
    with shop.db.read() as conn:
        return [w["text"] for w in records.words_of(conn, about)]


def row(text: str) -> Row:
    return records.words_row("k", "x", "buyer", text, IDS, 1)


def test_rows_of_a_command_are_written_with_its_events_and_not_when_it_is_refused(shop: fairday.Shop) -> None:
    told = {"unit": "points", "amount": 5, "reason": "gift"}
    refused = shop.runner.submit(Command("earn", "account:a", told, rows=[row("refused")]))
    assert not refused.ok
    assert said(shop, "x") == []
    assert shop.runner.submit(Command("open", "account:a")).ok
    for text in ("first", "again"):  # the same request sent twice is one, whatever came with it
        assert shop.runner.submit(Command("earn", "account:a", told, "a", "key", [row(text)])).ok
    assert said(shop, "x") == ["first"]


def test_rows_that_cannot_be_written_leave_nothing_of_the_command(shop: fairday.Shop) -> None:
    assert shop.runner.submit(Command("open", "account:a")).ok
    bad = Row("deal_words", {"key": "k", "about": None, "by": "b", "ids": "", "text": "", "photo": "", "at": 1})
    told = {"unit": "points", "amount": 5, "reason": "gift"}
    with pytest.raises(Exception, match=r"(?i)null"):
        shop.runner.submit(Command("earn", "account:a", told, rows=[bad]))
    with shop.db.read() as conn:
        assert shop.rewards.points(conn, "account:a") == 0


def test_a_listing_and_its_words_change_together(shop: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that stops right after the step has the words that go with it: a moderator never approves others."""
    opened(shop)
    listed(shop)

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(market, "keep_until", killed)
    before = shop.market.version("bike01")
    with pytest.raises(RuntimeError):
        shop.market.write("bike01", ANNA, IDS, Draft(
            title="Other words", text="", photo=photo(shop), price=30_000, shipping=1_500))  # fmt: skip
    assert shop.market.version("bike01") == before + 1
    with shop.db.read() as conn:
        found = records.get(conn, "bike01")
    assert found is not None
    assert found.title == "Other words"


def test_a_listing_that_may_not_change_keeps_its_words(shop: fairday.Shop) -> None:
    opened(shop)
    sent(shop)
    with shop.db.read() as conn:
        before = records.get(conn, "bike01")
    with pytest.raises(Conflict):
        shop.market.write("bike01", ANNA, IDS, Draft(
            title="A brick", text="", photo=photo(shop), price=30_000, shipping=1_500))  # fmt: skip
    with shop.db.read() as conn:
        assert records.get(conn, "bike01") == before


def test_a_dispute_with_a_photo_that_is_gone_is_not_opened_without_a_word(shop: fairday.Shop) -> None:
    opened(shop)
    number = sent(shop)
    with pytest.raises(FairdayError, match="photo"):
        shop.market.dispute(number, BEN, IDS, "damaged", "The frame is bent.", "gone")
    with shop.db.read() as conn:
        assert records.dispute_of(conn, number) is None


def test_a_payout_that_is_refused_does_not_change_where_money_goes(shop: fairday.Shop) -> None:
    opened(shop)
    shop.market.received(sent(shop), BEN)
    shop.market.ask_payout(ANNA, IDS, "payout01", 1_000, "the first bank")
    with pytest.raises(Conflict):
        shop.market.ask_payout(ANNA, IDS, "payout02", 10**9, "another bank")
    with shop.db.read() as conn:
        assert records.payee_of(conn, "seller:anna") == "the first bank"
        assert conn.execute(select(func.count()).select_from(records.payees)).scalar() == 1
