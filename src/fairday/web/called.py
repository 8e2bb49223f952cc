"""What goods, their forms and categories are called in the language of whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastapi import Request
from sqlalchemy import Connection, select

from fairday.goods.called import calm
from fairday.goods.naming import texts_of
from fairday.goods.offering import Offer
from fairday.goods.tables import translations
from fairday.kernel.errors import FairdayError
from fairday.trade.c2b.designs import CATEGORY
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of


class Called:
    """Names in one reader's language; where nobody wrote one, the catalogue's own."""

    def __init__(self, tongue: Tongue, categories: Mapping[str, str]) -> None:
        self._tongue = tongue
        self._categories = categories
        self._goods: dict[str, str] = {}
        self._words: dict[str, str] = {}

    def read(self, conn: Connection, products: Iterable[str], words: Iterable[str] = ()) -> Called:
        """Read what products, and axes and values of their forms, are called."""
        self._goods |= self._titles(texts_of(conn, "product", set(products), self._tongue.language))
        self._words |= self._titles(texts_of(conn, "word", set(words), self._tongue.language))
        return self

    def read_offers(self, conn: Connection, offers: Iterable[Offer | FairdayError | None]) -> Called:
        """Read what is on offer: its products and the values of its forms."""
        found = [offer for offer in offers if isinstance(offer, Offer)]
        return self.read(conn, [o.product for o in found], [v for o in found for v in o.form.values()])

    def offer(self, offer: Offer | FairdayError | None, sku: str) -> str:
        """What is on offer; its number where it is not."""
        return self.goods(offer.product, offer.title) if isinstance(offer, Offer) else sku

    def form(self, offer: Offer | FairdayError | None) -> str:
        """Which form of it."""
        return " · ".join(self.word(v) for v in offer.form.values()) if isinstance(offer, Offer) else ""

    def _titles(self, texts: Mapping[tuple[str, str], Mapping[str, str]]) -> dict[str, str]:
        said = {name: by.get(self._tongue.language, "") for (name, field), by in texts.items() if field == "title"}
        return {name: text for name, text in said.items() if text}

    def category(self, name: str) -> str:
        """A category: people's designs have a name of ours."""
        if name == CATEGORY:
            return self._tongue.plain("designs.title")
        return self._categories.get(name) or calm(name)

    def goods(self, product: str, title: str) -> str:
        """A product that was read; ``title`` is the catalogue's."""
        return self._goods.get(product) or calm(title)

    def word(self, word: str) -> str:
        """An axis or a value of a form that was read."""
        return self._words.get(word, word)


def called_of(request: Request) -> Called:
    """The names for this request; categories are read once."""
    kept: Called | None = getattr(request.state, "called", None)
    if kept is None:
        c, tongue = translations.c, tongue_of(request)
        query = select(c.name, c.text).where(c.about == "category", c.field == "title", c.language == tongue.language)
        with shop_of(request).db.read() as conn:
            named = {name: text for name, text in conn.execute(query) if text}
        kept = request.state.called = Called(tongue, named)
    return kept
