"""Where somebody is in the feed, and which goods come next there. Pure."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairday.kernel.trace import Step
from fairday.scenes.columns import Goods
from fairday.scenes.shelf import Good, Order, Shelf
from fairday.scenes.taste import Taste
from fairday.web.signing import sign, signed

PAGE, ROUND = 20, 480
"""Goods of a page, goods after which a new round begins."""
OTHERWISE, FRESH = 3, 2
"""Goods of a page that are none of the shopper's usual categories, and that came in lately."""
RESTLESS, VARIETY = 0.3, 0.35
"""What share of a score a visit's own chance adds at most, and how much a category's repetition takes away."""
LASTS = 2 * 86_400_000


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody is in the feed.

    Attributes:
        seed: what the visit's order comes from.
        turn: how often the shopper asked for others, or a round was over.
        page: from 0.
        seen: two bytes of each product seen in this round, see ``marks``.
    """

    seed: str
    turn: int = 0
    page: int = 0
    seen: bytes = b""

    def encoded(self, key: bytes, now: int) -> str:
        """For an address."""
        seen = base64.urlsafe_b64encode(self.seen).decode()
        return sign(key, f"feed|{self.turn}|{self.page}|{seen}|{self.seed}", now + LASTS)

    def after(self, seen: NDArray[np.uint16]) -> Place:
        """The place after some more goods."""
        every = self.seen + seen.astype("<u2").tobytes()
        if len(every) >= 2 * ROUND:
            return Place(seed=self.seed, turn=self.turn + 1, page=self.page + 1)
        return Place(seed=self.seed, turn=self.turn, page=self.page + 1, seen=every)


def place_of(key: bytes, text: str, now: int) -> Place | None:
    """A place from an address, or None where we did not write it or it is over."""
    said = (signed(key, text, now) or "").split("|", 4)
    if len(said) != 5 or said[0] != "feed":
        return None
    try:
        return Place(seed=said[4], turn=int(said[1]), page=int(said[2]), seen=base64.urlsafe_b64decode(said[3]))
    except (ValueError, binascii.Error):
        return None


def first_place(seed: str, turn: int = 0) -> Place:
    """The beginning of a visit: the same for the same seed."""
    return Place(seed=seed, turn=turn)


def marks(crc: NDArray[np.uint32], seed: str) -> NDArray[np.uint16]:
    """Two bytes of each product, other ones for each visit: who shares them with a product seen waits for another."""
    odd = np.uint32(zlib.crc32(seed.encode()) | 1)
    return ((crc * odd) >> np.uint32(16)).astype(np.uint16)


class FeedGoods:
    """What the feed needs of a shelf beside its scores, made once for it."""

    def __init__(self, shelf: Shelf, fresh_from: int) -> None:
        """``fresh_from``: what came in on this day or later is fresh."""
        self.shelf = shelf
        self.crc = np.array([zlib.crc32(p.product.encode()) for p in shelf.products], dtype=np.uint32)
        self.fresh = np.array(
            [p.new_since is not None and p.new_since >= fresh_from for p in shelf.products], dtype=np.bool_
        )
        codes: dict[str, int] = {}
        self.category = np.array([codes.setdefault(p.category or "", len(codes)) for p in shelf.products], np.int64)
        self.codes = codes
        kinds: dict[str, int] = {"": 0}
        self.department = np.array([kinds.setdefault(p.department or "", len(kinds)) for p in shelf.products], np.int64)
        self.at = {p.product: i for i, p in enumerate(shelf.products)}

    def pick(self, place: Place, of: Taste, without: frozenset[str] = frozenset()) -> list[Good]:
        """A page's goods: mostly what fits the person, some from elsewhere, some new.

        Args:
            without: products that stand on the page already.
        """
        shelf = self.shelf
        seen = np.zeros(65_536, bool)
        seen[np.frombuffer(place.seen, "<u2")] = True
        free = ~seen[marks(self.crc, place.seed)]
        chance = np.random.default_rng(zlib.crc32(f"{place.seed}|{place.turn}".encode())).random(len(shelf))
        worth = shelf.personal(of).worth
        # In proportion, whatever scale the scores have; and a little for those that have none.
        mine = Order(worth + RESTLESS * chance * (worth + (float(worth.max(initial=0)) or 1) / 20))
        taken = shelf.flags(without)

        def some(flags: NDArray[np.bool_], rank: str, order: Order, count: int, variety: float) -> list[Good]:
            return shelf.pick(Goods(flags), rank, order, of, count, variety, taken)

        between = some(free & self.fresh, "newest", shelf.order("newest"), FRESH, 0)
        if of.category:
            usual = [code for name in of.category if (code := self.codes.get(name)) is not None]
            strange = free & ~np.isin(self.category, usual)
            between += [_because(g, "otherwise") for g in some(strange, "personal", mine, OTHERWISE, 0.9)]
        most = some(free, "personal", mine, PAGE - len(between), VARIETY)
        return [_because(g, "look") if g.reason.code == "in_scene" else g for g in _mixed(most, between)]

    def alike(self, product: str) -> Goods:
        """Goods of the same category."""
        at = self.at.get(product)
        if at is None or not self.shelf.products[at].category:
            return Goods(np.zeros(len(self.shelf), np.bool_))
        return Goods(self.category == self.category[at])

    def beside(self, product: str) -> Goods:
        """Goods of the same department in other categories; of all departments where that is not known."""
        at = self.at.get(product)
        if at is None:
            return self.shelf.all
        other = self.category != self.category[at]
        return Goods(other & (self.department == self.department[at]) if self.department[at] else other)

    def on_from(self, listed: Sequence[Mapping[str, Any]]) -> Place | None:
        """The place after some pages of the feed that were told, the latest first."""
        seed, turn, page = (listed[0].get(k) for k in ("seed", "turn", "page")) if listed else (None, None, None)
        if not isinstance(seed, str) or not isinstance(turn, int) or not isinstance(page, int):
            return None
        seen = [str(line.get("product_id")) for told in listed for line in told.get("products", ())]
        return Place(seed=seed[:32], turn=turn, page=page).after(self.marked(Place(seed=seed[:32]), seen[:ROUND]))

    def marked(self, place: Place, products: Sequence[str]) -> NDArray[np.uint16]:
        """The marks of some products in a visit; those no longer sold have none."""
        at = np.array([self.at[p] for p in products if p in self.at], dtype=np.int64)
        return marks(self.crc[at], place.seed)


def _because(good: Good, code: str) -> Good:
    return msgspec.structs.replace(good, reason=Step(code))


def _mixed(many: list[Good], few: list[Good]) -> list[Good]:
    """Few goods spread evenly among many."""
    mixed = list(many)
    for n, good in enumerate(few, 1):
        mixed.insert(n * (len(many) + len(few)) // (len(few) + 1), good)
    return mixed
