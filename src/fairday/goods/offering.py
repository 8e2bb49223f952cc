"""What goods are offered at: for a cart's lines and for goods pages. ``shop.goods`` is the service over a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from fairday.goods.catalogue import ProductRow, products_named
from fairday.goods.floors import NO_FLOORS, Floors, category_floors
from fairday.goods.made import Made, make
from fairday.goods.photos import photos_named
from fairday.goods.price_records import history_of, lists_for, prices_for
from fairday.goods.prices import Amount, ListPrice, PriceChosen, PriceList, Tier, Where, price_charged
from fairday.goods.prior import DAYS, Past, Reduction
from fairday.goods.rates import half_up
from fairday.goods.records import Details, Variant, details_of, variants_named, variants_of
from fairday.goods.tables import price_lists, variants
from fairday.kernel.clock import Clock
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.settings import Settings
from fairday.kernel.trace import Step
from fairday.storage.database import Database

MOST_LINES = 500


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that somebody wants: a variant (or a product without any), how many, and what was said of its options."""

    sku: str
    qty: int = 1
    options: Mapping[str, str] = {}


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What goods are offered at, and all that a cart's line needs of them.

    Attributes:
        sku, product: the variant and its product; the same for a product without variants.
        title: the product's, in the shop's language.
        form: what variant it is, by axis.
        unit: what one piece costs, options included: ``unit`` / 10**``unit_digits`` minor units of ``currency``.
        said: the same in the currency the buyer is charged in, where a list in it says so.
        extra: how much of that the options add, minor units.
        list: the price list it is from, None for the base price.
        tiers: prices by quantity without options.
        why: how the price was found, see ``fairday.goods.prices``.
        reduction: how it stands below the base price for everybody, or None.
        made: the options as said; ``made.said`` is what the line carries, ``made.days`` the lead time.
        floor: the least a piece may be sold for, minor units, or None; by the product's word or its category's.
        new_since: the day (days since 1970-01-01) it came into the catalogue, or None.
        image: address of a picture, or None.
    """

    sku: str
    product: str
    title: str
    form: Mapping[str, str] = {}
    qty: int
    unit: int
    unit_digits: int = 0
    currency: str
    said: Amount | None = None
    extra: int = 0
    list: str | None = None
    tiers: tuple[Tier, ...] = ()
    why: tuple[Step, ...] = ()
    reduction: Reduction | None = None
    made: Made = Made()
    category: str | None = None
    department: str | None = None
    brand: str | None = None
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, str] = {}
    tax_class: str = "standard"
    weight_g: int | None = None
    hs_code: str | None = None
    origin: str | None = None
    floor: int | None = None
    new_since: int | None = None
    image: str | None = None

    @property
    def unit_price(self) -> Amount:
        """What one piece costs, options included."""
        return Amount(self.unit, self.currency, self.unit_digits, self.said)


class Front(msgspec.Struct, frozen=True):
    """A product's price on a card: the lowest of its variants, whether others cost more, what is crossed out."""

    price: Amount
    several: bool
    was: Amount | None


class Goods:
    """The goods of a shop.

    Args:
        settings: gives the shop's settings of the moment.
    """

    def __init__(self, db: Database, settings: Callable[[], Settings], clock: Clock) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock

    def where(
        self,
        channel: str = "online",
        store: str | None = None,
        country: str | None = None,
        company: str | None = None,
        crowds: Sequence[str] = (),
        currency: str | None = None,
    ) -> Where:
        """Who buys where; currency and country are the shop's where they are not said."""
        settings = self._settings()
        return Where(
            channel=channel, store=store, country=country or settings.country or None, company=company,
            crowds=tuple(crowds), currency=currency or settings.currency,
        )  # fmt: skip

    def offer(
        self,
        sku: str,
        channel: str = "online",
        store: str | None = None,
        country: str | None = None,
        company: str | None = None,
        crowds: Sequence[str] = (),
        qty: int = 1,
        now: int | None = None,
        *,
        currency: str | None = None,
        options: Mapping[str, str] | None = None,
        unmade: bool = False,
        conn: Connection | None = None,
    ) -> Offer:
        """What some goods are offered at; see ``offers``, and ``Where`` for the first arguments.

        Args:
            conn: the transaction to read in; by default one of its own.

        Raises:
            FairdayError: as in ``offers``.
        """
        wanted = Wanted(sku=sku, qty=qty, options=options or {})
        where = self.where(channel, store, country, company, crowds, currency)
        at = self._clock.now() if now is None else now
        if conn is None:
            with self._db.read() as own:
                (found,) = self.offers(own, [wanted], where, at, unmade=unmade)
        else:
            (found,) = self.offers(conn, [wanted], where, at, unmade=unmade)
        if isinstance(found, FairdayError):
            raise found
        return found

    def offers(
        self, conn: Connection, wanted: Sequence[Wanted], where: Where, now: int, *, unmade: bool = False
    ) -> list[Offer | FairdayError]:
        """What each of several goods is offered at, in order, or why it is not.

        Args:
            unmade: for pages that only show them: options are not looked at, required ones neither.

        The errors are NotFound ``unknown_goods``; Conflict ``choose_variant`` (a product that has variants),
        ``not_sold`` (hidden), ``no_price`` (none in that currency); FairdayError ``bad_quantity`` and those of options
        (``fairday.goods.made``).

        Raises:
            FairdayError: more lines than a cart may have.
        """
        if len(wanted) > MOST_LINES:
            raise FairdayError(f"{len(wanted)} lines are too many.", code="too_many", remedy=f"At most {MOST_LINES}.")
        floors = category_floors(conn, self._settings().pricing.floors)
        asked = _Asked(conn, wanted, where, now, self._settings().currency, floors=floors)
        found: list[Offer | FairdayError] = []
        for one in wanted:
            try:
                found.append(asked.offer(one, unmade))
            except FairdayError as error:
                found.append(error)
        return found

    def plain(self, conn: Connection) -> bool:
        """Whether everything costs its catalogue's price: there are no lists and no variants."""
        return not any(conn.execute(select(t.c[0]).limit(1)).first() for t in (price_lists, variants))

    def fronts(self, conn: Connection, numbers: Sequence[str], where: Where, now: int) -> dict[str, Front]:
        """What cards say of one piece of some products; those without a price are left out."""
        asked = _Asked(conn, [Wanted(sku=n) for n in numbers], where, now, self._settings().currency, all_forms=True)
        return {n: front for n in numbers if (front := asked.front(n)) is not None}

    def lowest(self, conn: Connection, sku: str, where: Where, before: int, days: int = DAYS) -> Amount | None:
        """The lowest price for everybody at a place in the days before an instant (ms): what a reduction is told
        against where the law asks; see ``fairday.goods.prior``."""
        variant = variants_named(conn, [sku]).get(sku)
        product = variant.product if variant is not None else sku
        kept = history_of(conn, {sku, product})
        return Past(kept, sku, product, where, self._settings().currency).lowest(before, days)


class _Asked:
    """Everything several lines need, read at once."""

    def __init__(
        self,
        conn: Connection,
        wanted: Sequence[Wanted],
        where: Where,
        now: int,
        currency: str,
        all_forms: bool = False,
        floors: Floors = NO_FLOORS,
    ) -> None:
        self.conn, self.where, self.now, self.currency, self.floors = conn, where, now, currency, floors
        skus = [w.sku for w in wanted]
        self.variants = variants_named(conn, skus)
        numbers = [self.variants[s].product if s in self.variants else s for s in skus]
        self.products = products_named(conn, numbers)
        self.several = variants_of(conn, [n for n in numbers if n not in self.variants])
        self.details = details_of(conn, numbers)
        self.lists = lists_for(conn, where.company, now)
        self.prices: dict[str, list[ListPrice]] = {}
        priced = {*skus, *numbers} | {v.sku for forms in self.several.values() if all_forms for v in forms}
        for price in prices_for(conn, priced, [x.list for x in self.lists]) if self.lists else []:
            self.prices.setdefault(price.goods, []).append(price)
        said = {v for w in wanted for v in w.options.values()}
        self.photos = photos_named(conn, said, now) if said else {}

    def offer(self, one: Wanted, unmade: bool) -> Offer:
        variant = self.variants.get(one.sku)
        product = self.products.get(variant.product if variant else one.sku)
        if product is None:
            raise NotFound(f"There are no goods {one.sku[:60]!r}.", code="unknown_goods", where=one.sku[:60])
        if not 1 <= one.qty <= 10_000_000:
            raise FairdayError(
                f"{one.qty} pieces cannot be.", code="bad_quantity", where=one.sku, remedy="Write 1 or more."
            )
        details = self.details.get(product.product) or Details(product=product.product)
        if details.hidden or (variant is not None and variant.hidden):
            raise Conflict("It is not sold now.", code="not_sold", where=one.sku, remedy="Take it out of the cart.")
        if variant is None and self.several.get(product.product):
            raise Conflict(
                f"{product.title or product.product} comes in several forms.", code="choose_variant", where=one.sku,
                remedy="Choose one.",
            )  # fmt: skip
        chosen = self.chosen(product, variant, one.qty)
        if chosen is None:
            raise Conflict(
                f"It has no price in {self.where.currency}.", code="no_price", where=one.sku,
                remedy="Give it a base price, or one in a price list.",
            )  # fmt: skip
        made = Made() if unmade else make(details.made, one.options, self.photos)
        if made.extra and (product.currency or self.currency) != self.where.currency:
            raise Conflict(
                f"Its options have no price in {self.where.currency}.", code="no_price", where=one.sku,
                remedy="Order it without them.",
            )  # fmt: skip
        reduction = self.reduction(product, one.sku, chosen)
        offer = _offer(product, variant, details, one, chosen, made, reduction)
        floor = self.floors.floor(details.floor, product.category, offer.unit, offer.unit_digits)
        if floor != offer.floor:
            offer = msgspec.structs.replace(offer, floor=floor)
        said, turned = chosen.price.said, self.where.turned
        if said is None or turned is None:
            return offer
        more = half_up(made.extra * turned.rate) * 10**said.digits
        return msgspec.structs.replace(offer, said=msgspec.structs.replace(said, amount=said.amount + more))

    def front(self, number: str) -> Front | None:
        product = self.products.get(number)
        if product is None:
            return None
        forms: list[Variant | None] = [v for v in self.several.get(number, ()) if not v.hidden]
        found = [(c, v) for v in forms or [None] if (c := self.chosen(product, v, 1)) is not None]
        if not found:
            return None
        lowest, form = min(found, key=lambda one: one[0].price.exact)
        reduction = self.reduction(product, form.sku if form else number, lowest)
        was = reduction.shown_against(self.where.country) if reduction is not None else None
        several = any(c.price.exact > lowest.price.exact for c, _ in found)
        return Front(lowest.price, several, was)

    def chosen(self, product: ProductRow, variant: Variant | None, qty: int) -> PriceChosen | None:
        sku = variant.sku if variant else product.product
        amount = variant.price if variant is not None and variant.price is not None else product.price
        base = None if amount is None else Amount(amount, product.currency or self.currency)
        prices = [*self.prices.get(sku, ()), *(self.prices.get(product.product, ()) if variant else ())]
        return price_charged(sku, product.product, base, self.lists, prices, self.where, qty, self.now)

    def reduction(self, product: ProductRow, sku: str, chosen: PriceChosen) -> Reduction | None:
        """Only where a list for everybody stands below the base price, so that few lines ask the history."""
        if chosen.list is None or not chosen.public or chosen.base is None or chosen.price.said is not None:
            return None  # what a list in another currency was before cannot be told in this one
        if chosen.price.exact >= chosen.base.exact:
            return None
        kept = history_of(self.conn, {sku, product.product})
        return Past(kept, sku, product.product, self.where, self.currency).reduction(self.now)


def _offer(
    product: ProductRow,
    variant: Variant | None,
    details: Details,
    one: Wanted,
    chosen: PriceChosen,
    made: Made,
    reduction: Reduction | None,
) -> Offer:
    weight = variant.weight_g if variant is not None and variant.weight_g is not None else details.weight_g
    return Offer(
        sku=one.sku, product=product.product, title=product.title or product.product,
        form=variant.options if variant else {}, qty=one.qty,
        unit=chosen.price.amount + made.extra * 10**chosen.price.digits, unit_digits=chosen.price.digits,
        currency=chosen.price.currency, extra=made.extra, list=chosen.list, tiers=chosen.tiers, why=chosen.why,
        reduction=reduction, made=made, category=product.category, department=product.department, brand=product.brand,
        tags=details.tags, attributes=details.attributes, tax_class=details.tax_class, weight_g=weight,
        hs_code=details.hs_code, origin=details.origin, floor=details.floor, new_since=product.first_day,
        image=(variant.image if variant else None) or product.image,
    )  # fmt: skip


__all__ = ["Goods", "Offer", "PriceList", "Wanted"]
