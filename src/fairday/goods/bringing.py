"""Goods as a file tells them, brought into the shop: what it does not say stays, and only what changed is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete

from fairday.goods.catalogue import ProductRow, products, products_named, save_products
from fairday.goods.naming import LANGUAGES, save_texts, texts_of
from fairday.goods.records import (
    MOST_MEDIA,
    Details,
    Medium,
    Variant,
    check_details,
    check_variants,
    details_of,
    media_by,
    parts,
    save_details,
    variants_named,
    variants_of,
    write_media,
    write_variants,
)
from fairday.kernel.errors import FairdayError


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A variant as told; None: not said. ``row``: where it stands in the file; other fields as ``Variant``'s."""

    row: int
    sku: str
    options: Mapping[str, str]
    price: int | None = None
    image: str | None = None
    barcode: str | None = None
    weight_g: int | None = None
    cost: int | None = None
    hidden: bool | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product as told. None or empty: not said.

    Attributes:
        row: where it stands in the file.
        product: its row of the catalogue; without a price of its own it costs what its cheapest variant does.
        attributes: go over those it has, name by name.
        barcode: of a product without variants; kept where the number told is a variant's.
        media: stand first; others it has stay behind them.
        titles, descriptions: by language.
    """

    row: int
    product: ProductRow
    description: str | None = None
    attributes: Mapping[str, str] = {}
    tags: tuple[str, ...] | None = None
    hidden: bool | None = None
    weight_g: int | None = None
    hs_code: str | None = None
    origin: str | None = None
    cost: int | None = None
    barcode: str | None = None
    forms: tuple[Form, ...] = ()
    media: tuple[Medium, ...] = ()
    titles: Mapping[str, str] = {}
    descriptions: Mapping[str, str] = {}


class Refused(NamedTuple):
    """What could not be brought in: the row, and why."""

    row: int
    error: FairdayError


class Brought(msgspec.Struct):
    """What became of what was told: how many products, variants and lists of pictures were new or changed."""

    products: int = 0
    variants: int = 0
    pictures: int = 0
    refused: list[Refused] = []


class _Plan(msgspec.Struct):
    rows: dict[str, ProductRow]
    details: dict[str, Details]
    variants: dict[str, list[Variant]]
    media: dict[str, list[Medium]]
    texts: list[tuple[str, str, Mapping[str, str]]]
    taken_in: list[str]
    had: Mapping[str, Sequence[Variant]]
    brought: Brought

    @property
    def empty(self) -> bool:
        return not (self.rows or self.details or self.variants or self.media or self.texts or self.taken_in)


def bring_goods(conn: Connection, told: Sequence[Told], now: int, currency: str, write: bool = True) -> Brought:
    """Bring goods in, in the caller's transaction.

    A number that a variant has already is that variant: its price, picture, barcode, weight and cost go there. A
    product of which nothing is known but its row of the catalogue (orders told it) becomes the variant that a file
    says it is.

    Args:
        told: each product once.
        now: ms UTC.
        currency: the shop's, for base prices where the product names none.
        write: False only says what would change.
    """
    plan = _plan(conn, told, currency)
    if write and not plan.empty:
        for part in parts(plan.taken_in):
            conn.execute(delete(products).where(products.c.product.in_(part)))
        save_products(conn, plan.rows.values(), now)
        save_details(conn, list(plan.details.values()), now)
        if plan.variants:
            write_variants(conn, plan.variants, plan.had, now, currency)
        write_media(conn, plan.media)
        for product, field, texts in plan.texts:
            save_texts(conn, "product", product, "title" if field == "title" else "description", texts)
    return plan.brought


def _plan(conn: Connection, told: Sequence[Told], currency: str) -> _Plan:
    numbers = [t.product.product for t in told]
    skus = [f.sku for t in told for f in t.forms]
    known = products_named(conn, [*numbers, *skus])
    own = variants_named(conn, [*numbers, *skus])
    parents = [*numbers, *(v.product for v in own.values())]
    details, had = details_of(conn, [*parents, *skus]), variants_of(conn, [*parents, *skus])
    pictures, texts = media_by(conn, [*numbers, *skus]), texts_of(conn, "product", numbers)
    plan = _Plan({}, {}, {}, {}, [], [], had, Brought(refused=[]))
    changed: set[str] = set()
    for one in told:
        number = one.product.product
        if number in own:
            _of_variant(plan, one, own[number])
            continue
        bare = {
            s for f in one.forms if (s := f.sku) in known and not (s in details or s in had or s in pictures)
        }  # fmt: skip
        forms, clashing = _clashing(one, own, known, bare)
        plan.brought.refused += clashing
        forms, misfits = _fitting(had.get(number, ()), forms)
        plan.brought.refused += misfits
        merged = _merged(had.get(number, ()), forms, number)
        if forms and merged != list(had.get(number, ())):
            try:
                check_variants(number, merged)
            except FairdayError as error:
                plan.brought.refused += [Refused(f.row, error) for f in forms]
                merged = list(had.get(number, ()))
            else:
                plan.variants[number] = merged
                plan.taken_in += [f.sku for f in forms if f.sku in bare]
                before = {v.sku: v for v in had.get(number, ())}
                plan.brought.variants += sum(v != before.get(v.sku) for v in merged)
        if one.forms and not merged:
            continue  # none of its forms can be sold: the product is not brought in either
        row = _row(one, known.get(number), merged, currency)
        if row is not None:
            plan.rows[number] = row
            changed.add(number)
        after = _details(one, details.get(number))
        if after is not None:
            try:
                check_details(after)
                plan.details[number] = after
                changed.add(number)
            except FairdayError as error:
                plan.brought.refused.append(Refused(one.row, error))
        listed = _media(one, pictures.get(number, []))
        if listed is not None:
            plan.media[number] = listed
            plan.brought.pictures += 1
            changed.add(number)
        for field, said in (("title", one.titles), ("description", one.descriptions)):
            kept = texts.get((number, field), {})
            new = {lang: text for lang, text in said.items() if lang in LANGUAGES and text and kept.get(lang) != text}
            if new:
                plan.texts.append((number, field, new))
                changed.add(number)
    plan.brought.products = len(changed | plan.variants.keys())
    return plan


def _of_variant(plan: _Plan, one: Told, variant: Variant) -> None:
    new = {"price": one.product.price, "image": one.product.image, "barcode": one.barcode, "weight_g": one.weight_g,
           "cost": one.cost, "hidden": one.hidden}  # fmt: skip
    after = msgspec.structs.replace(variant, **{k: v for k, v in new.items() if v is not None})
    if after == variant:
        return
    listed = plan.variants.get(variant.product, list(plan.had[variant.product]))
    merged = [after if v.sku == variant.sku else v for v in listed]
    try:
        check_variants(variant.product, merged)
    except FairdayError as error:
        plan.brought.refused.append(Refused(one.row, error))
        return
    plan.variants[variant.product] = merged
    plan.brought.variants += 1


def _clashing(
    one: Told, own: Mapping[str, Variant], known: Mapping[str, ProductRow], bare: set[str]
) -> tuple[list[Form], list[Refused]]:
    """The forms that can be brought in, and those whose number other goods have."""
    number = one.product.product
    good, refused = [], []
    for form in one.forms:
        other = form.sku in own and own[form.sku].product != number
        if other or (form.sku in known and form.sku not in bare):
            what = f"a form of {own[form.sku].product}" if other else "a product with details of its own"
            error = FairdayError(
                f"{form.sku} is {what} already.", code="sku_taken", where=form.sku,
                remedy="Give it another number, or change that one first.",
            )  # fmt: skip
            refused.append(Refused(form.row, error))
        else:
            good.append(form)
    return good, refused


def _fitting(before: Sequence[Variant], told: Sequence[Form]) -> tuple[list[Form], list[Refused]]:
    """The forms that stand beside those a product has, and those that cannot."""
    said = {f.sku for f in told}
    axes = set(before[0].options) if before else None
    taken = {frozenset(v.options.items()): v.sku for v in before if v.sku not in said}
    good, refused = [], []
    for form in told:
        options = frozenset(form.options.items())
        axes = set(form.options) if axes is None else axes
        if set(form.options) != axes:
            words = f"{form.sku} says {', '.join(form.options)}; the others of its product {', '.join(sorted(axes))}."
            remedy = "Say the same of each variant."
        elif taken.get(options, form.sku) != form.sku:
            words = f"{form.sku} is the same as {taken[options]}: {', '.join(form.options.values())}."
            remedy = "Leave one of them out."
        else:
            taken[options] = form.sku
            good.append(form)
            continue
        refused.append(Refused(form.row, FairdayError(words, code="bad_goods", where=form.sku, remedy=remedy)))
    return good, refused


def _merged(before: Sequence[Variant], told: Iterable[Form], product: str) -> list[Variant]:
    merged = {v.sku: v for v in before}
    for form in told:
        said = {f: v for f in ("price", "image", "barcode", "weight_g", "cost", "hidden")
                if (v := getattr(form, f)) is not None}  # fmt: skip
        kept = merged.get(form.sku)
        if kept is None:
            merged[form.sku] = Variant(sku=form.sku, product=product, options=form.options, place=len(merged), **said)
        else:
            merged[form.sku] = msgspec.structs.replace(kept, options=form.options, **said)
    return list(merged.values())


def _row(one: Told, before: ProductRow | None, forms: Sequence[Variant], currency: str) -> ProductRow | None:
    """The catalogue's row where it changes."""
    told = one.product
    prices = [v.price for v in forms if v.price is not None]
    if told.price is None and one.forms and prices:
        told = msgspec.structs.replace(told, price=min(prices), currency=told.currency or currency)
    if not told.title and (before is None or not before.title):
        told = msgspec.structs.replace(told, title=told.category or told.product)
    said = {f: v for f, v in msgspec.structs.asdict(told).items() if v is not None and v != ""}
    if before is None:
        return told
    return told if any(getattr(before, f) != v for f, v in said.items()) else None


def _details(one: Told, before: Details | None) -> Details | None:
    """The details where they change."""
    number = one.product.product
    now = before or Details(product=number)
    said = {f: v for f in ("description", "tags", "hidden", "weight_g", "hs_code", "origin", "cost")
            if (v := getattr(one, f)) is not None}  # fmt: skip
    after = msgspec.structs.replace(now, attributes={**now.attributes, **one.attributes}, **said)
    return after if after != now else None


def _media(one: Told, before: Sequence[Medium]) -> list[Medium] | None:
    """The pictures where they change."""
    alts = {m.url: m.alt for m in before}
    told = [m if m.alt else msgspec.structs.replace(m, alt=alts.get(m.url, "")) for m in one.media]
    urls = {m.url for m in told}
    after = [*told, *(m for m in before if m.url not in urls)][:MOST_MEDIA]
    return after if after != list(before) else None


__all__ = ["Brought", "Form", "Refused", "Told", "bring_goods"]
