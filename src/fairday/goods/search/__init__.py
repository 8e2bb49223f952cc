"""Search over the goods on tantivy. See docs/algorithms/search.md."""

from fairday.goods.search.asked import DEEPEST, LONGEST, MOST_FILTERS, SORTS, Asked, Found, Liked, Mended, Sort
from fairday.goods.search.index import SearchIndex, rounded
from fairday.goods.search.searching import Searching

__all__ = [
    "DEEPEST", "LONGEST", "MOST_FILTERS", "SORTS",
    "Asked", "Found", "Liked", "Mended", "SearchIndex", "Searching", "Sort",
    "rounded",
]  # fmt: skip
