"""What goods cost when they cross a border: duty, tax, limits and what may not be sent.

The rules stand in docs/algorithms/landed-cost.md.
"""

from fairday.goods.duties.landed import Goods, Landed, LandedLine, Parcel, landed
from fairday.goods.duties.table import DutyTable, duty_table, read_table

__all__ = ["DutyTable", "Goods", "Landed", "LandedLine", "Parcel", "duty_table", "landed", "read_table"]
