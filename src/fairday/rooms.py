"""Every module that may declare tables, imported so that ``metadata`` is whole; for migrations, export and erasure."""

from __future__ import annotations

import importlib
import pkgutil

import fairday
from fairday.storage.database import metadata

FACES = {
    "fairday.backup",
    "fairday.cli",
    "fairday.demo",
    "fairday.rooms",
    "fairday.migrations",
    "fairday.playbooks",
    "fairday.models",
}

for _module in pkgutil.walk_packages(fairday.__path__, "fairday."):
    if not any(_module.name == face or _module.name.startswith(face + ".") for face in FACES):
        importlib.import_module(_module.name)

__all__ = ["metadata"]
