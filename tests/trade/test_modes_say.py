"""What a mode says for the buyer of an order: what its lines are of, where it goes on, till when it may be given up."""

from __future__ import annotations

from typing import Any

import pytest

from fairday.trade.b2b.mode import B2B
from fairday.trade.border import CrossBorder
from fairday.trade.c2b.mode import PreOrder, Work
from fairday.trade.c2c.mode import C2C
from fairday.trade.modes import B2C, Thing
from fairday.trade.shipping.carriers import carrier_name

LINE = {"product": "tea", "gift": None}


def state(**data: str) -> dict[str, Any]:
    return {"data": data, "payments": [], "total": 100, "refunded": 0, "on_account": False, "paid_at": None}


@pytest.mark.parametrize("mode", [B2C(), CrossBorder(), B2B()])
def test_goods_of_the_shop_are_bought_again_sent_back_and_given_up_until_they_leave(mode: Any) -> None:
    assert mode.ways.again
    assert mode.ways.back
    assert mode.thing(state(), LINE) == Thing("goods", "tea")
    assert mode.goes_on("o1", state()) is None
    assert mode.lets_go(state(), lambda stream: None)


def test_people_go_on_where_they_deal() -> None:
    mode = C2C()
    assert not mode.ways.again
    assert not mode.ways.back
    assert mode.thing(state(listing="l1"), LINE) == Thing("listing", "l1")
    assert mode.goes_on("o1", state()) == Thing("deal", "o1")
    assert Work().goes_on("o1", state(brief="b1")) == Work().thing(state(brief="b1"), LINE) == Thing("brief", "b1")


def test_work_on_account_is_not_given_up() -> None:
    assert Work().lets_go(state(brief="b1"), lambda stream: None)
    assert not Work().lets_go(state(brief="b1") | {"on_account": True}, lambda stream: None)


def test_a_pre_order_is_given_up_until_its_goods_are_made() -> None:
    mode, lives = PreOrder(), {"design:d1": {"life": "open"}, "design:d2": {"life": "made"}}
    assert mode.ways.gathered
    assert not mode.ways.again
    assert mode.thing(state(design="d1"), LINE) == Thing("design", "d1")
    assert mode.thing(state(design="d1"), LINE | {"gift": "rule"}) == Thing("goods", "tea")
    assert [mode.lets_go(state(design=d), lives.get) for d in ("d1", "d2", "d3")] == [True, False, False]


def test_a_carrier_has_a_name_for_those_who_do_not_read_chinese() -> None:
    assert [carrier_name("sf", language) for language in ("zh", "en", "es")] == ["顺丰速运", "SF Express", "SF Express"]
    assert carrier_name("dhl", "es") == "DHL"
    assert carrier_name("by hand", "en") == "by hand"
