"""Pricing a cart: a pure function, written down in docs/algorithms/pricing.md.

Compile a book of rules once, ``Book(rules, policy)``, then ask for each cart ``price(cart, book, facts, now, today) ->
Priced``; the values are those of ``fairday.offers.model``. ``COMPILED`` says whether it runs as machine code
(``scripts/compile.py``) or as plain Python, with the same results.
"""

from fairday.kernel.compiled import prefer

__path__ = prefer(__path__, "model")

from fairday.offers.pricing.book import Book, excludes
from fairday.offers.pricing.engine import price

COMPILED = len(__path__) > 1

__all__ = ["COMPILED", "Book", "excludes", "price"]
