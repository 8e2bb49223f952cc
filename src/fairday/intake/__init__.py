"""Intake: what brings the outside in."""
