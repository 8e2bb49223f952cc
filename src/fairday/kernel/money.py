"""Money: integers in minor units of a currency (cents, fen); splitting that conserves every unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from fairday.kernel.errors import FairdayError

# ISO 4217 currencies whose minor unit is not a hundredth.
_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "XAF": 0, "XOF": 0, "PYG": 0, "UGX": 0,
           "BHD": 3, "KWD": 3, "OMR": 3, "JOD": 3, "TND": 3, "IQD": 3}  # fmt: skip


def digits(currency: str) -> int:
    """How many decimals the currency's minor unit has."""
    return _DIGITS.get(currency, 2)


def minor(amount: str | float | Decimal, currency: str) -> int:
    """An amount in major units ("12.50") as minor units, rounded half up.

    A float is read through its shortest decimal text, so 18.99 is 1899 exactly.

    Raises:
        FairdayError: not a finite number.
    """
    try:
        value = Decimal(str(amount).strip())
        # Its place first: 1e999999999 cannot even be compared.
        if not value.is_finite() or value.adjusted() > 15 or abs(value) > Decimal("1e15"):
            raise InvalidOperation
    except InvalidOperation:
        raise FairdayError(f"{amount!r} is not an amount.", code="bad_amount", remedy="Write a number such as 12.50.")
    return int(value.scaleb(digits(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def typed(amount: str, currency: str, where: str = "") -> int:
    """An amount that a person typed, as minor units: nothing of it is rounded away, unlike what files bring.

    Raises:
        FairdayError: not a finite number (``bad_amount``), or with more decimals than the currency has
            (``too_many_decimals``).
    """
    found = minor(amount, currency)
    if major(found, currency) != Decimal(amount.strip()):
        raise FairdayError(
            f"{amount.strip()} has more decimals than {currency} has.",
            code="too_many_decimals",
            where=where,
            remedy=f"Write at most {digits(currency)} decimals.",
        )
    return found


def major(amount: int, currency: str) -> Decimal:
    """Minor units as an exact decimal in major units."""
    return Decimal(amount).scaleb(-digits(currency))


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` by weights with the largest remainder, ties to the earlier; the parts sum to the total.

    All-zero weights share evenly. ``total`` may be negative. Source: Hamilton's method.

    Raises:
        ValueError: no weights, or a negative weight.
    """
    if not weights or any(w < 0 for w in weights):
        raise ValueError("weights must be non-negative and not empty")
    if total < 0:
        return [-part for part in split(-total, weights)]
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    parts = [total * w // whole for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
