from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import fairday
import lending
import shopfull
from fairday.kernel.clock import ManualClock


@pytest.fixture
def lite(tmp_path: Path, clock: ManualClock, sqlite_shops: lending.SQLiteShops) -> Iterator[fairday.Shop]:
    """An empty shop on SQLite alone, for what has nothing to do with where things are kept."""
    with fairday.open(sqlite_shops.lend(tmp_path / "lite.db"), clock=clock) as opened:
        yield opened


@pytest.fixture
def full(shop: fairday.Shop) -> fairday.Shop:
    """A shop with a little of everything, on both databases."""
    shopfull.fill(shop)
    return shop


@pytest.fixture
def full_lite(lite: fairday.Shop) -> fairday.Shop:
    """The same on SQLite alone."""
    shopfull.fill(lite)
    return lite
