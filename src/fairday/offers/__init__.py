"""Offers: what goods cost together. Promotions, coupons, points and budgets; see docs/algorithms/pricing.md."""
