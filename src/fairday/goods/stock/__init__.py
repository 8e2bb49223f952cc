"""One stock across warehouses and stores: a stream a good, its levels by place, and where an order is served from.

``Stock`` (shop.stock) is the room's face; ``StockClaim`` is how orders hold stock; ``allocate`` chooses the places. The
rules are written down in docs/algorithms/stock.md.
"""

from fairday.goods.stock.allocation import Allocation, Part, Policy, Short, Source, Want, allocate
from fairday.goods.stock.rules import (
    MAIN,
    StockClaim,
    StockDecider,
    available_in,
    stock_hold,
    stock_holds,
    stock_stream,
)
from fairday.goods.stock.service import Counted, Level, Stock, Supply, allocate_from, goods_on_hand

__all__ = [
    "MAIN",
    "Allocation",
    "Counted",
    "Level",
    "Part",
    "Policy",
    "Short",
    "Source",
    "Stock",
    "StockClaim",
    "StockDecider",
    "Supply",
    "Want",
    "allocate",
    "allocate_from",
    "available_in",
    "goods_on_hand",
    "stock_hold",
    "stock_holds",
    "stock_stream",
]
