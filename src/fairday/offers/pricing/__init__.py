"""Pricing a cart: a pure function, written down in docs/algorithms/pricing.md.

Compile a book of rules once, ``Book(rules, policy)``, then ask for each cart ``price(cart, book, facts, now, today) ->
Priced``; the
values are those of ``fairday.offers.model``.
"""

from fairday.offers.pricing.book import Book, excludes
from fairday.offers.pricing.engine import price

__all__ = ["Book", "excludes", "price"]
