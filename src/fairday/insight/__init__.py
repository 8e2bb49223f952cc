"""Insight: reports composed from what the log holds."""
