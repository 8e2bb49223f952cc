"""The shop's shipping rates as kept, and read from a form's texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, String, Table, Text, delete, select

from fairday.kernel import jsons
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import typed
from fairday.storage.database import col, insert, metadata
from fairday.trade.shipping.rates import BYS, Rate, Step, bare, check

shipping_rates = Table(
    "shipping_rates",
    metadata,
    col("rate", String(40), primary_key=True, personal=False),
    col("service", String(60), nullable=False, personal=False),
    col("spec", Text, nullable=False, personal=False),
)
"""One row a rate; ``spec`` is the whole of it as JSON."""

MOST = 500


def all_rates(conn: Connection) -> list[Rate]:
    """The shop's rates, by service and id."""
    query = select(shipping_rates.c.spec).order_by(shipping_rates.c.service, shipping_rates.c.rate)
    return [msgspec.json.decode(spec, type=Rate) for (spec,) in conn.execute(query)]


def save_rate(conn: Connection, rate: Rate) -> None:
    """Add a rate, or change the one of its id.

    Raises:
        FairdayError: as ``check``.
    """
    check(rate)
    row = {"rate": rate.rate, "service": rate.service, "spec": jsons.dumps(rate)}
    statement = insert(conn, shipping_rates).values(row)
    conn.execute(statement.on_conflict_do_update(index_elements=["rate"], set_=row))


def delete_rate(conn: Connection, rate: str) -> None:
    """Take a rate out; nothing happens where there is none."""
    conn.execute(delete(shipping_rates).where(shipping_rates.c.rate == rate))


def read_rate(given: Mapping[str, str], currency: str) -> Rate:
    """A rate from a form's texts: lists by commas, steps a line each (``1000: 8.00``), amounts in major units.

    Args:
        given: rate, service, carrier, countries, postcodes, places, by, steps, more_each, more_price, free_from, days.

    Raises:
        FairdayError: ``where`` is the field that cannot be read.
    """
    text = {name: str(given.get(name, "")).strip() for name in Rate.__struct_fields__}
    by = text["by"] or "flat"
    if by not in BYS:
        raise _bad("by", f"{by[:20]!r} decides no price.", f"Write one of {', '.join(BYS)}.")
    lines = [line.strip() for line in text["steps"].splitlines() if line.strip()]
    first, _, last = text["days"].partition("-")
    rate = Rate(
        rate=text["rate"],
        service=text["service"],
        carrier=text["carrier"],
        countries=tuple(c.upper() for c in _list(text["countries"])),
        postcodes=tuple("-".join(bare(part) for part in p.split("-")) for p in _list(text["postcodes"])),
        places=tuple(_list(text["places"])),
        by=by,
        steps=tuple(_step(line, by, currency) for line in lines),
        more_each=_measure(text["more_each"], by, currency) if text["more_each"] else 0,
        more_price=_money(text["more_price"], "more_price", currency) if text["more_price"] else 0,
        free_from=_money(text["free_from"], "free_from", currency) if text["free_from"] else None,
        days=(_days(first), _days(last or first)),
        currency=currency,
    )
    return check(rate)


def _list(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,，、;；]+", text) if part]


def _step(line: str, by: str, currency: str) -> Step:
    upto, colon, price = line.replace("：", ":").partition(":")
    if by == "flat":
        return Step(0, _money(price if colon else upto, "steps", currency))
    if not colon:
        raise _bad("steps", f"{line[:40]!r} is no step.", "Write 1000: 8.00, up to what and the price.")
    return Step(_measure(upto, by, currency), _money(price, "steps", currency))


def _measure(text: str, by: str, currency: str) -> int:
    """Grams as whole numbers, or kilograms with "kg" behind; an amount in major units."""
    if by == "amount":
        return _money(text, "steps", currency)
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*(kg|g)?", text.strip().lower())
    if not found or (found[2] != "kg" and "." in found[1]):
        raise _bad("steps", f"{text[:20]!r} is no weight.", "Write 500, or 1.5kg.")
    whole, _, part = found[1].partition(".")
    return int(whole) * 1000 + int((part + "000")[:3]) if found[2] == "kg" else int(whole)


def _money(text: str, field: str, currency: str) -> int:
    try:
        return typed(text, currency)
    except FairdayError:
        raise _bad(field, f"{text.strip()[:20]!r} is not an amount.", "Write 8.00.") from None


def _days(text: str) -> int:
    if not re.fullmatch(r"\s*\d{0,3}\s*", text):
        raise _bad("days", f"{text[:20]!r} is not days.", "Write 2-4.")
    return int(text.strip() or 0)


def _bad(field: str, message: str, remedy: str) -> FairdayError:
    return FairdayError(message, code=f"bad_rate_{field}", where=field, remedy=remedy)
