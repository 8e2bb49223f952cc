"""Fairday: an open-source marketing engine for merchants who want to own their customers.

>>> import fairday
>>> shop = fairday.open("shop.db", zone="Europe/London")  # doctest: +SKIP
"""

from fairday.shop import Shop, open

__all__ = ["Shop", "__version__", "open"]
__version__ = "0.1.0"
