"""Playbooks: scenes that ship with the product, and the rows of capabilities they show.

A playbook is a scene's YAML below a head (``playbook:``) that says what it does, how its card looks, and which blanks
in braces are filled from the shop that copies it. What is copied is plain YAML of that shop: no head, no blanks.
"""

from __future__ import annotations

from fairday.playbooks.filling import Known, category_name, fill
from fairday.playbooks.library import Capability, Head, Playbook, all_playbooks, load, playbook, rows

__all__ = [
    "Capability",
    "Head",
    "Known",
    "Playbook",
    "all_playbooks",
    "category_name",
    "fill",
    "load",
    "playbook",
    "rows",
]
