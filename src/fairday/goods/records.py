"""Goods as kept beside the catalogue's row: details, variants and media."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, RowMapping, delete, select, update

from fairday.goods.catalogue import products
from fairday.goods.made import MadeOption, read_options
from fairday.goods.price_records import set_base_prices
from fairday.goods.tables import details, media, variants
from fairday.goods.touching import touch
from fairday.kernel import jsons
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.database import insert

MOST_VARIANTS, MOST_MEDIA, MOST_AXES = 500, 30, 4
DEAREST = 10**13
_CHUNK = 500
NUMBER = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
HTTPS = re.compile(r"https://[^\s\"<>\\]{3,1990}")
_OWN = re.compile(r"/photos/goods-[\w-]{1,34}")
_BARCODE = re.compile(r"\d{8}|\d{12,14}")


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a product beside its catalogue row.

    Attributes:
        description: plain text, in the shop's language.
        attributes: by name, such as ``{"material": "linen"}``; names and values are words of ``goods_texts``.
        tags: the merchant's own words.
        made: options of a piece made for one.
        hidden: not sold and not shown.
        tax_class: ``standard``, or the merchant's word for another.
        weight_g: of a piece as shipped, grams.
        hs_code, origin: Harmonized System code, ISO country of origin.
        floor: the least a piece may be sold for, minor units of the product's currency.
        cost: what a piece costs the merchant, minor units of the product's currency; shoppers never see it.
    """

    product: str
    description: str = ""
    attributes: Mapping[str, str] = {}
    tags: tuple[str, ...] = ()
    made: tuple[MadeOption, ...] = ()
    hidden: bool = False
    tax_class: str = "standard"
    weight_g: int | None = None
    hs_code: str | None = None
    origin: str | None = None
    floor: int | None = None
    cost: int | None = None


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One of several forms that a product is sold in.

    Attributes:
        sku: its number, another than any product's.
        options: what it is, by axis (``{"colour": "red", "size": "M"}``); all variants of a product have the same axes.
        price: minor units; None: as the product.
        barcode: GTIN of 8 or 12 to 14 digits.
        cost: minor units; None: as the product.
    """

    sku: str
    product: str
    options: Mapping[str, str] = {}
    price: int | None = None
    image: str | None = None
    barcode: str | None = None
    weight_g: int | None = None
    hidden: bool = False
    place: int = 0
    cost: int | None = None


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, a film or a model in space of a product, by https address; a picture by that of one of ours, too."""

    kind: Literal["image", "video", "model"] = "image"
    url: str
    alt: str = ""


def own_picture(url: str) -> bool:
    """Whether an address is that of a picture the shop keeps itself (``goods.pictures``)."""
    return _OWN.fullmatch(url) is not None


def bad(message: str, where: str, remedy: str, code: str = "bad_goods") -> FairdayError:
    """An error about goods as told."""
    return FairdayError(message, code=code, where=where, remedy=remedy)


# ---- reading ---------------------------------------------------------------------------------------------------------


def details_of(conn: Connection, numbers: Iterable[str]) -> dict[str, Details]:
    """Details by product number; a product without any has none here."""
    found = {}
    for part in parts(numbers):
        for row in conn.execute(select(details).where(details.c.product.in_(part))).mappings():
            told = dict(row) | {
                "attributes": jsons.loads(row["attributes"]), "tags": tuple(jsons.loads(row["tags"])),
                "made": read_options(jsons.loads(row["made"])), "hidden": bool(row["hidden"]),
            }  # fmt: skip
            found[row["product"]] = Details(**told)
    return found


def variants_of(conn: Connection, numbers: Iterable[str]) -> dict[str, list[Variant]]:
    """Variants by product number, in the merchant's order."""
    found: dict[str, list[Variant]] = {}
    for part in parts(numbers):
        query = select(variants).where(variants.c.product.in_(part)).order_by(variants.c.place, variants.c.sku)
        for row in conn.execute(query).mappings():
            found.setdefault(row["product"], []).append(_variant(row))
    return found


def variants_named(conn: Connection, skus: Iterable[str]) -> dict[str, Variant]:
    """Variants by their own numbers."""
    found = {}
    for part in parts(skus):
        for row in conn.execute(select(variants).where(variants.c.sku.in_(part))).mappings():
            found[row["sku"]] = _variant(row)
    return found


def _variant(row: RowMapping) -> Variant:
    return Variant(**dict(row) | {"options": jsons.loads(row["options"]), "hidden": bool(row["hidden"])})


def media_of(conn: Connection, number: str) -> list[Medium]:
    """Pictures and films of a product, in order."""
    return media_by(conn, [number]).get(number, [])


def media_by(conn: Connection, numbers: Iterable[str]) -> dict[str, list[Medium]]:
    """Pictures and films by product number, in order."""
    found: dict[str, list[Medium]] = {}
    for part in parts(numbers):
        for r in conn.execute(select(media).where(media.c.product.in_(part)).order_by(media.c.product, media.c.place)):
            found.setdefault(r.product, []).append(Medium(kind=r.kind, url=r.url, alt=r.alt))
    return found


def parts(names: Iterable[str]) -> Iterable[list[str]]:
    """Names in lists that a statement takes, each once."""
    listed = list(dict.fromkeys(names))
    return (listed[i : i + _CHUNK] for i in range(0, len(listed), _CHUNK))


# ---- writing ---------------------------------------------------------------------------------------------------------


def save_details(conn: Connection, told: Sequence[Details], now: int) -> None:
    """Write details as told, whole.

    Raises:
        FairdayError: a value that cannot be.
        NotFound: no such product.
    """
    for one in told:
        check_details(one)
    _must_be(conn, [d.product for d in told])
    rows = [
        msgspec.structs.asdict(d) | {
            "attributes": jsons.dumps(d.attributes), "tags": jsons.dumps(d.tags),
            "made": jsons.dumps(msgspec.to_builtins(d.made)),
        }
        for d in told
    ]  # fmt: skip
    before = details_of(conn, [d.product for d in told])
    upsert(conn, details, rows)
    turned = [d.product for d in told if d.hidden != (d.product in before and before[d.product].hidden)]
    for part in parts(turned):  # the choice looks at this
        conn.execute(update(products).where(products.c.product.in_(part)).values(updated_at=now))
    touch(conn, [d.product for d in told])


def check_details(one: Details) -> None:
    """Whether details can be.

    Raises:
        FairdayError: a value that cannot be.
    """
    where = f"product {one.product}"
    if len(one.description) > 20_000:
        raise bad("The description is too long.", where, "Keep it under 20,000 signs.")
    if len(one.attributes) > 60 or any(
        not 0 < len(k) <= 60 or not 0 < len(v) <= 200 for k, v in one.attributes.items()
    ):
        raise bad("The attributes cannot be kept.", where, "At most 60; names up to 60 signs, values up to 200.")
    if len(one.tags) > 60 or any(not 0 < len(t) <= 60 for t in one.tags):
        raise bad("The tags cannot be kept.", where, "At most 60 of up to 60 signs.")
    if not re.fullmatch(r"[a-z0-9_-]{1,40}", one.tax_class):
        raise bad(f"{one.tax_class[:40]!r} is not a tax class.", where, "Write one word, such as standard.")
    if one.weight_g is not None and not 0 <= one.weight_g <= 50_000_000:
        raise bad(f"A weight of {one.weight_g} g cannot be.", where, "Write grams from 0 to 50,000,000.")
    if one.hs_code is not None and not re.fullmatch(r"\d{6,12}", one.hs_code):
        raise bad(f"{one.hs_code[:20]!r} is not an HS code.", where, "Write 6 to 12 digits.")
    if one.origin is not None and not re.fullmatch(r"[A-Z]{2}", one.origin):
        raise bad(f"{one.origin[:20]!r} is not a country.", where, "Write two capital letters, such as CN.")
    if one.floor is not None and one.floor < 0:
        raise bad("The lowest price is below nothing.", where, "Write 0 or more.")
    if one.cost is not None and not 0 <= one.cost <= DEAREST:
        raise bad("What it costs cannot be.", where, "Write 0 or more.")
    read_options(msgspec.to_builtins(one.made))


def save_variants(conn: Connection, product: str, told: Sequence[Variant], now: int, currency: str) -> None:
    """Make these the variants of a product, in this order; others it had are gone.

    Args:
        currency: the shop's, for base prices where the product names none.

    Raises:
        FairdayError: a variant that cannot be, a number twice, other axes than the first's, the same options twice.
        Conflict: a number that belongs to other goods.
        NotFound: no such product.
    """
    _must_be(conn, [product])
    check_variants(product, told)
    skus = [v.sku for v in told]
    for part in parts(skus):
        taken = conn.execute(select(products.c.product).where(products.c.product.in_(part))).scalars().first()
        query = select(variants.c.sku).where(variants.c.sku.in_(part), variants.c.product != product)
        taken = taken or conn.execute(query).scalars().first()
        if taken is not None:
            raise Conflict(
                f"{taken} is the number of other goods.", code="sku_taken", where=taken, remedy="Give it another."
            )
    write_variants(conn, {product: told}, variants_of(conn, [product]), now, currency)


def write_variants(
    conn: Connection,
    told: Mapping[str, Sequence[Variant]],
    before: Mapping[str, Sequence[Variant]],
    now: int,
    currency: str,
) -> None:
    """Make these the variants of several products, which are checked already; ``before``: those they had."""
    rows: list[dict[str, Any]] = []
    new: dict[str, tuple[int | None, str]] = {}
    old: dict[str, tuple[int | None, str]] = {}
    for part in parts(told):
        own = dict(
            conn.execute(select(products.c.product, products.c.currency).where(products.c.product.in_(part))).all()
        )
        conn.execute(delete(variants).where(variants.c.product.in_(part)))
        for product in part:
            paid_in = own[product] or currency
            rows += [
                msgspec.structs.asdict(v) | {"product": product, "place": i, "options": jsons.dumps(v.options)}
                for i, v in enumerate(told[product])
            ]
            old |= {v.sku: (v.price, paid_in) for v in before.get(product, ())}
            new |= {v.sku: (None, paid_in) for v in before.get(product, ())}
            new |= {v.sku: (v.price, paid_in) for v in told[product]}
    if rows:
        conn.execute(insert(conn, variants), rows)
    set_base_prices(conn, new, old, now)
    touch(conn, told)


def add_variants(conn: Connection, told: Mapping[str, Sequence[Variant]], now: int, currency: str) -> int:
    """Add variants to products, or change those that have the number already; others stay. How many were told.

    Raises:
        FairdayError, Conflict, NotFound: as ``save_variants``.
    """
    before = variants_of(conn, told)
    for product, some in told.items():
        merged = {v.sku: v for v in before.get(product, ())} | {v.sku: v for v in some}
        save_variants(conn, product, list(merged.values()), now, currency)
    return sum(len(some) for some in told.values())


def check_variants(product: str, told: Sequence[Variant]) -> None:
    """Whether these can be the variants of a product.

    Raises:
        FairdayError: one cannot be, stands twice, or differs in other things than the first.
    """
    if len(told) > MOST_VARIANTS:
        raise bad(f"{product} has {len(told)} variants.", product, f"At most {MOST_VARIANTS}.")
    axes = list(told[0].options) if told else []
    seen: set[str] = set()
    forms: set[tuple[str, ...]] = set()
    for v in told:
        if not NUMBER.fullmatch(v.sku) or v.sku != v.sku.strip():
            raise bad(f"{v.sku[:40]!r} is not a variant's number.", product, "Write 1 to 200 signs.")
        if v.sku in seen:
            raise bad(f"{v.sku} is there twice.", v.sku, "Give each variant its own number.")
        if set(v.options) != set(axes) or not 0 < len(axes) <= MOST_AXES:
            raise bad(
                f"{v.sku} says {', '.join(v.options) or 'nothing'}.", v.sku,
                f"Say the same of each variant, from one to {MOST_AXES} things: {', '.join(axes) or 'size'}.",
            )  # fmt: skip
        form = tuple(v.options[a] for a in axes)
        if form in forms:
            raise bad(f"{v.sku} is the same as another: {', '.join(form)}.", v.sku, "Leave one of them out.")
        if any(not 0 < len(x) <= 60 for x in (*axes, *form)):
            raise bad(f"The words of {v.sku} are empty or too long.", v.sku, "Write up to 60 signs each.")
        if any(amount is not None and not 0 <= amount <= DEAREST for amount in (v.price, v.cost)):
            raise bad(f"{v.sku} cannot have that price.", v.sku, "Write 0 or more, or leave it empty.")
        if v.barcode is not None and not valid_barcode(v.barcode):
            raise bad(f"{v.barcode[:20]!r} is not a barcode.", v.sku, "Check its digits: the last one is a checksum.")
        seen.add(v.sku)
        forms.add(form)


def valid_barcode(code: str) -> bool:
    """Whether a GTIN's check digit holds. Source: GS1 General Specifications, 7.9.1."""
    if not _BARCODE.fullmatch(code):
        return False
    digits = [int(d) for d in reversed(code)]
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def save_media(conn: Connection, product: str, told: Sequence[Medium]) -> None:
    """Make these a product's pictures and films, in this order.

    Raises:
        FairdayError: an address that is not https, or too many.
        NotFound: no such product.
    """
    _must_be(conn, [product])
    if len(told) > MOST_MEDIA:
        raise bad(f"{len(told)} pictures are too many.", product, f"At most {MOST_MEDIA}.")
    for one in told:
        if not HTTPS.fullmatch(one.url) and not own_picture(one.url):
            raise bad(f"{one.url[:60]!r} is not an https address.", product, "Write https://…")
    write_media(conn, {product: told})


def write_media(conn: Connection, told: Mapping[str, Sequence[Medium]]) -> None:
    """Make these the pictures and films of several products, which are checked already."""
    for part in parts(told):
        conn.execute(delete(media).where(media.c.product.in_(part)))
    rows = [
        msgspec.structs.asdict(m) | {"product": product, "place": i}
        for product, many in told.items()
        for i, m in enumerate(many)
    ]
    if rows:
        conn.execute(insert(conn, media), rows)
    touch(conn, told)


def _must_be(conn: Connection, numbers: Sequence[str]) -> None:
    found: set[str] = set()
    for part in parts(numbers):
        found |= set(conn.execute(select(products.c.product).where(products.c.product.in_(part))).scalars())
    for number in numbers:
        if number not in found:
            raise NotFound(f"There is no product {number[:60]}.", code="unknown_goods", where=number[:60])


def upsert(conn: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        statement = insert(conn, table)
        keys = [c.name for c in table.primary_key]
        others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
        conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)


def variant_homes(conn: Connection) -> list[tuple[str, str]]:
    """Every variant's number with its product's."""
    return [(sku, product) for sku, product in conn.execute(select(variants.c.sku, variants.c.product))]
