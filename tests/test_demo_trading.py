from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fairday.demo.trading import told, trade
from fairday.kernel.errors import FairdayError

NOW = 1_790_593_200_000


def test_simulated_shoppers_buy_through_the_pages_and_every_sum_agrees(tmp_path: Path) -> None:
    found = trade(tmp_path / "tea.db", NOW, 20)
    assert found.placed + found.refused == 20
    assert found.placed > 15
    assert all(amount > 0 for amount in found.wallets.values())
    assert found.paid - found.refunded == found.sales == found.reported == sum(found.wallets.values())
    assert found.met > 0
    assert {"tea-ten", "scene/b2c-first-order/1"} <= found.discounts.keys()
    assert sum(found.discounts.values()) == found.off > 0
    assert sum(found.coupons.values()) == found.of_coupons > 0
    assert found.coupons["friends-pack"] > 0, "somebody used what a friend shared"
    ways = ("stars", "quote", "second-hand", "crowd", "spend and save", "abroad")
    assert [act.partition(":")[0] for act in found.acts] == list(ways)
    lines: list[str] = []
    told(found, lines.append)
    assert "SIMULATED" in lines[0]
    with pytest.raises(FairdayError, match="differ"):
        msgspec.structs.replace(found, reported=found.reported + 1).check()
    with pytest.raises(FairdayError, match="differ"):
        msgspec.structs.replace(found, off=found.off + 1).check()
    assert found.kept[0] == found.kept[1] > found.reported
    with pytest.raises(FairdayError, match="keeps"):
        msgspec.structs.replace(found, kept=(found.kept[0], found.kept[0] + 1)).check()
