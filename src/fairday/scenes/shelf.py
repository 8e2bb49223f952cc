"""The served goods as arrays: which meet a condition, and in what order one person is shown them.

See docs/algorithms/choice.md for the ranking. A shelf is immutable; a new one is built when the catalogue
or the day changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairday.kernel.audience import Audience, Facts, pack
from fairday.kernel.trace import Step
from fairday.scenes.columns import Columns, Flags, Goods, Places
from fairday.scenes.ranking import BOUGHT, VIEWED, Ranking, Standing
from fairday.scenes.taste import IN_SCENE, WEIGHTS, Bought, Taste, taste

POPULAR_DAYS = 28
"""Days of the shop's sales that popularity looks at, today included."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product as it is chosen and shown.

    Attributes:
        product: its number in the shop.
        price: minor units of ``currency``, or None where not known.
        image: URL of a picture, or None.
        tags: the merchant's own words.
        new_since: the day (days since 1970-01-01) it came in, or None.
    """

    product: str
    title: str
    category: str | None = None
    department: str | None = None
    brand: str | None = None
    price: int | None = None
    currency: str | None = None
    image: str | None = None
    tags: tuple[str, ...] = ()
    new_since: int | None = None


class Good(msgspec.Struct, frozen=True):
    """A product chosen for a person, its score, and the main reason why."""

    product: Product
    score: float
    reason: Step


class Order:
    """All goods of a shelf by worth, the best first; of equals the one with the smaller number.

    Args:
        worth: by place on the shelf; no NaN.
    """

    HEAD = 1024
    """So many of all goods are put in order once; what needs to look further is picked from its own goods."""

    def __init__(self, worth: NDArray[np.float64]) -> None:
        self.worth = worth

    @cached_property
    def _head(self) -> Places:
        return _largest(self.worth, self.HEAD)

    def best(self, goods: Goods, count: int, taken: Flags | None = None) -> Places:
        """The first ``count`` of some goods.

        Args:
            taken: goods to leave out, by place.
        """
        if goods.places is None and 2 * count * len(self.worth) <= self.HEAD * goods.count:
            fit = goods.among(self._head)
            if taken is not None:
                fit &= ~taken[self._head]
            found = self._head[fit][:count]
            if len(found) == count:
                return found
        places = goods.all_places()
        if taken is not None:
            places = places[~taken[places]]
        return places[_largest(self.worth[places], count)]


def _largest(worth: NDArray[np.float64], count: int) -> Places:
    """The places of the ``count`` largest, the largest first; of equals the first by place."""
    if len(worth) <= 4 * count:
        return np.argsort(-worth, kind="stable")[:count]
    least = np.partition(worth, len(worth) - count)[len(worth) - count]
    above = np.flatnonzero(worth > least)
    equal = np.flatnonzero(worth == least)[: count - len(above)]
    return np.concatenate([above[np.argsort(-worth[above], kind="stable")], equal])


class Shelf:
    """The goods of a shop, by product number.

    Args:
        products: what is sold, in any order.
        buyers: how many bought each product in the last ``POPULAR_DAYS`` days.
        currency: the shop's; prices in another are unknown to conditions.
        ranking: the fitted one, or None: then taste is what was bought, by product, category and brand.
    """

    def __init__(
        self,
        products: Sequence[Product],
        buyers: Mapping[str, int],
        currency: str,
        ranking: Ranking | None = None,
    ) -> None:
        self.ranking = ranking if ranking is not None and ranking.goods else None
        self.products = sorted(products, key=lambda p: p.product)
        self._at = {p.product: i for i, p in enumerate(self.products)}
        self._bought = [max(0, buyers.get(p.product, 0)) for p in self.products]
        counts = np.array(self._bought, dtype=np.float64)
        most = counts.max(initial=0)
        self._popular = np.log1p(counts) / np.log1p(most) if most else counts
        self._new = np.array([-1 if p.new_since is None else p.new_since for p in self.products], dtype=np.float64)
        self._categories, self._category = _codes([p.category for p in self.products])
        self._brands, self._brand = _codes([p.brand for p in self.products])
        self._columns = _columns(self.products, currency)
        self._matching: dict[tuple[str, int], Goods] = {}
        self._orders = {"popular": Order(self._popular), "newest": Order(self._new)}
        self._stranger = Order(WEIGHTS["popular"] * self._popular)
        if self.ranking is not None:
            places = [self.ranking.place(p.product) for p in self.products]
            self._fitted = np.array([-1 if at is None else at for at in places], dtype=np.int64)
            self._unfitted = np.flatnonzero(self._fitted < 0)
        self.all = Goods(np.ones(len(self.products), dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.products)

    def matching(self, goods: Audience, today: int) -> Goods:
        """The products a condition holds for; asked once."""
        key = (goods.text, today)
        found = self._matching.get(key)
        if found is None:
            found = self._matching[key] = Goods(self._columns.holds(goods, today))
        return found

    def facts(self, place: int) -> Facts:
        """What conditions know of the product at a place."""
        return self._columns.facts(place)

    def flags(self, numbers: Iterable[str]) -> Flags:
        """Products by number as a yes for each place; numbers that are not sold are passed over."""
        found = np.zeros(len(self.products), dtype=np.bool_)
        found[[at for number in numbers if (at := self._at.get(number)) is not None]] = True
        return found

    def order(self, rank: str) -> Order:
        """All goods in an order that is everybody's (``popular``, ``newest``)."""
        return self._orders[rank]

    def liking(self, person: int | None, facts: Facts, today: int) -> Taste:
        """A person's taste, with what the fitted ranking says of them.

        Args:
            person: their number; None for somebody who has none.
        """
        of = taste(facts, today)
        if self.ranking is None or not any(m.startswith((BOUGHT, VIEWED)) for m in facts.activity):
            return of
        return msgspec.structs.replace(of, standing=self.ranking.standing(person, facts, today))

    def personal(self, of: Taste) -> Order:
        """All goods by their score for a person: the root of how likely they buy each, or unfitted the ``WEIGHTS``."""
        if of.standing is not None:
            return Order(self._chances(of.standing))
        if not (of.product or of.category or of.brand):
            return self._stranger
        score = WEIGHTS["popular"] * self._popular
        score += (
            WEIGHTS["category"] * _strengths(self._categories, of.category, of.most.get("category", 0))[self._category]
        )
        score += WEIGHTS["brand"] * _strengths(self._brands, of.brand, of.most.get("brand", 0))[self._brand]
        for number, bought in of.product.items():
            at = self._at.get(number)
            if at is not None:
                score[at] += WEIGHTS["product"] * bought.weight / (1 + bought.weight)
        return Order(score)

    def around(self, number: str, count: int) -> list[tuple[str, list[Good]]] | None:
        """What goes with a product (``goes_with``) and what is like it (``similar``) as the fit knows them.

        None where nothing was fitted, or where it knows too little of the product: less than half of ``count``.
        """
        if self.ranking is None:
            return None
        found = []
        taken = {number}
        for name, listed in (("goes_with", self.ranking.goes_with), ("similar", self.ranking.similar)):
            numbers = [n for n in listed(number, 3 * count) if n not in taken and n in self._at][:count]
            if len(numbers) < (count + 1) // 2:
                return None
            taken.update(numbers)
            found.append((name, [Good(self.products[self._at[n]], 0.0, Step("in_scene")) for n in numbers]))
        return found

    def _chances(self, standing: Standing) -> NDArray[np.float64]:
        """By place, the root of how likely each is bought: the order is the same, and variety has room.

        Goods that came after the fit stand amid those of their category.
        """
        chances = np.sqrt(standing.chances[self._fitted])
        if len(self._unfitted):
            chances[self._unfitted] = 0.0
            counts = np.bincount(self._category[self._fitted >= 0], minlength=len(self._categories) + 1)
            sums = np.bincount(self._category, weights=chances, minlength=len(self._categories) + 1)
            sums[0] = 0.0
            chances[self._unfitted] = (sums / np.maximum(counts, 1))[self._category[self._unfitted]]
        return chances

    def pick(
        self,
        goods: Goods,
        rank: str,
        order: Order,
        of: Taste,
        count: int,
        variety: float = 0,
        taken: Flags | None = None,
    ) -> list[Good]:
        """The first ``count`` of some goods in an order, with reasons.

        Equal scores go by product number, so that the same inputs always give the same answer.

        Args:
            rank: what the order is: ``personal`` (of that taste), ``popular``, ``newest``.
            taken: goods to leave out; those that are picked are put in.
        """
        if not goods.count or count < 1:
            return []
        best = order.best(goods, count * 10 if variety else count, taken)
        if not len(best):
            return []
        worth = order.worth[best]
        if variety:
            chosen = self._varied(best, worth, count, variety)
            best, worth = best[chosen], worth[chosen]
        if taken is not None:
            taken[best] = True
        return [
            Good(self.products[at], score, self._reason(at, rank, of))
            for at, score in zip(best.tolist(), worth.round(6).tolist(), strict=True)
        ]

    def _varied(self, best: Places, worth: NDArray[np.float64], count: int, variety: float) -> list[int]:
        """Greedy: each next is the best of (1 - variety) x worth - variety x how often its category was taken."""
        own = (1 - variety) * worth / (float(worth[0]) or 1.0)
        category = self._category[best]
        taken = np.zeros(len(self._categories) + 1)
        chosen: list[int] = []
        for _ in range(min(count, len(best))):
            at = int(np.argmax(own - variety * taken[category]))
            own[at] = -np.inf
            taken[category[at]] += 1
            chosen.append(at)
        return chosen

    def place(self, number: str) -> int | None:
        """Where a product stands, or None where it is not sold."""
        return self._at.get(number)

    def parts(self, at: int, of: Taste) -> list[tuple[float, Step]]:
        """What a product's personal score is made of, the largest part first; they add up to the score."""
        if of.standing is not None:  # a fitted chance is no sum: what speaks for it most stands for the whole
            return [(float(self.personal(of).worth[at]), self._reason(at, "personal", of))]
        product = self.products[at]
        found: list[tuple[float, Step]] = []
        own = of.product.get(product.product)
        if own is not None:
            worth = WEIGHTS["product"] * own.weight / (1 + own.weight)
            found.append((worth, Step("bought_before", {"times": own.times, "days_ago": own.days_ago})))
        found += [
            part
            for name, value in (("category", product.category), ("brand", product.brand))
            if value and (part := of.part(name, value))[1] is not IN_SCENE
        ]
        if self._bought[at]:
            found.append((self._worth_popular[at], self._popularly[at]))
        return sorted(found, key=lambda part: -part[0])

    def _reason(self, at: int, rank: str, of: Taste) -> Step:
        """The part that gave the score most; under ``popular`` and ``newest`` the order itself."""
        if rank == "personal":
            return self._fitted_reason(at, of) or self._own_reason(at, of)
        product = self.products[at]
        if rank == "newest" and product.new_since is not None:
            return Step("new", {"day": product.new_since})
        return self._popularly[at] if self._worth_popular[at] > 0 else IN_SCENE

    def _fitted_reason(self, at: int, of: Taste) -> Step | None:
        said = None if of.standing is None else of.standing.reason(self.products[at].product)
        if said is None or "product" not in said.params:
            return said
        through = self._at.get(said.params["product"])
        return None if through is None else Step(said.code, {**said.params, "title": self.products[through].title})

    def _own_reason(self, at: int, of: Taste) -> Step:
        product = self.products[at]
        most, found = 0.0, IN_SCENE
        own = of.product.get(product.product) if of.standing is None else None
        if own is not None:
            most = WEIGHTS["product"] * own.weight / (1 + own.weight)
            found = Step("bought_before", {"times": own.times, "days_ago": own.days_ago})
        for name, value in (("category", product.category), ("brand", product.brand)):
            if not value:
                continue
            worth, step = of.part(name, value)
            if worth > most:
                most, found = worth, step
        return self._popularly[at] if self._worth_popular[at] > most else found

    @cached_property
    def _worth_popular(self) -> list[float]:
        worth: list[float] = (WEIGHTS["popular"] * self._popular).tolist()
        return worth

    @cached_property
    def _popularly(self) -> list[Step]:
        by_buyers = {n: Step("popular", {"buyers": n, "days": POPULAR_DAYS}) for n in set(self._bought)}
        return [by_buyers[n] for n in self._bought]


def _codes(values: Sequence[str | None]) -> tuple[dict[str, int], NDArray[np.int64]]:
    """Names numbered from 1, and each product's number; 0 where it has none."""
    codes: dict[str, int] = {}
    places = [codes.setdefault(v, len(codes) + 1) if v else 0 for v in values]
    return codes, np.array(places, dtype=np.int64)


def _strengths(codes: Mapping[str, int], bought: Mapping[str, Bought], most: float) -> NDArray[np.float64]:
    """How strongly a person buys each name, relative to what they buy most."""
    strengths = np.zeros(len(codes) + 1)
    for name, b in bought.items():
        code = codes.get(name)
        if code is not None and most > 0:
            strengths[code] = b.weight / most
    return strengths


def _columns(products: Sequence[Product], currency: str) -> Columns:
    def prices(p: Product) -> int | None:
        return p.price if p.currency in (None, currency) else None

    def packed(p: Product) -> str | None:
        return pack(p.tags) if p.tags else None

    texts: dict[str, Sequence[str | None]] = {
        name: [getattr(p, name) for p in products] for name in ("product", "title", "category", "department", "brand")
    }
    texts["tags"] = [packed(p) for p in products]
    numbers = {"price": [prices(p) for p in products], "new_since": [p.new_since for p in products]}

    def facts(at: int) -> Facts:
        rows: list[tuple[str, int | None, int | None, str | None, int | None]] = [
            (name, None, None, text, None) for name, values in texts.items() if (text := values[at]) is not None
        ]
        rows += [(name, n, n, None, None) for name, values in numbers.items() if (n := values[at]) is not None]
        return Facts.of(rows)

    return Columns(texts, numbers, len(products), facts)
