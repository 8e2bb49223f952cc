"""What a cookie says about a shopper, signed: nobody can write himself somebody else's."""

from __future__ import annotations

from fairday.kernel.signing import sign, signed
from fairday.shop import Shop
from fairday.shop.keeping import secret_in


def secret_of(shop: Shop) -> bytes:
    """The shop's signing key, made at the first call and the same in every process."""
    with shop.db.write() as conn:
        return secret_in(conn)


__all__ = ["secret_of", "sign", "signed"]
