from __future__ import annotations

import pytest

import fairday
import shopfull


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
