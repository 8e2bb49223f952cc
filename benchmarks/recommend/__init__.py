"""Recommendation beside the field's libraries."""
