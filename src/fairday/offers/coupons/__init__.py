"""Coupons: batches, codes and public words, share packs, and what people hold. See docs/algorithms/coupons.md."""

from fairday.offers.coupons.batch import Terms, check_terms
from fairday.offers.coupons.claim import CouponClaim
from fairday.offers.coupons.service import Claimed, Coupons, TooMany

__all__ = ["Claimed", "CouponClaim", "Coupons", "Terms", "TooMany", "check_terms"]
