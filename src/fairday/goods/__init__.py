"""Goods: the catalogue."""
