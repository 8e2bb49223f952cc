from __future__ import annotations

import pytest

import fairday
from conftest import NOON
from fairday.storage.log import Happening


@pytest.fixture
def full_of_people(shop: fairday.Shop) -> fairday.Shop:
    """A shop with forty people of every age from 0 to 39."""
    rows = [
        Happening(message_id=f"i{n}", kind="identify", at=NOON, received=NOON, source="server:crm",
                  ids=(("user_id", f"u{n}"),), body={"traits": {"age": n}})
        for n in range(40)
    ]  # fmt: skip
    shop.append(rows).result()
    shop.catch_up()
    return shop
