from __future__ import annotations

import msgspec

import fairday
from fairday.offers import history
from fairday.offers.model import AmountOff, Rule, When

RULE = Rule(id="tea", benefits=(AmountOff(amount=100),))


def standing(shop: fairday.Shop, now: int) -> str:
    with shop.db.read() as conn:
        return shop.offers.kept(conn, "tea", now).standing


def test_a_draft_is_kept_beside_the_book_until_it_is_started(shop: fairday.Shop) -> None:
    with shop.db.write() as conn:
        shop.offers.save(conn, RULE, 1, live=False, actor="operator:1")
    assert standing(shop, 2) == "draft"
    with shop.db.write() as conn:
        assert shop.offers.live(conn) == []
        shop.offers.save(conn, RULE, 2, actor="operator:1")
        assert shop.offers.live(conn) == [RULE]
    assert standing(shop, 3) == "live"
    with shop.db.write() as conn:
        assert shop.offers.withdraw(conn, rule="tea", now=4, actor="operator:2") == 1
    assert standing(shop, 5) == "stopped"
    with shop.db.read() as conn:
        told = [(v.live, v.actor, v.at) for v in history.versions(conn, "tea")]
    assert told == [(False, "operator:2", 4), (True, "operator:1", 2), (False, "operator:1", 1)]


def test_a_rule_is_scheduled_before_its_days_and_ended_after_them(shop: fairday.Shop) -> None:
    dated = msgspec.structs.replace(RULE, when=When(start=100, end=200))
    with shop.db.write() as conn:
        shop.offers.save(conn, dated, 1)
    assert [standing(shop, now) for now in (50, 100, 199, 200)] == ["scheduled", "live", "live", "ended"]
    with shop.db.read() as conn:
        assert [k.rule.id for k in shop.offers.all(conn, 50)] == ["tea"]
