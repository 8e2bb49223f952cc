"""Packages that may be compiled: the same Python, made machine code by ``scripts/compile.py``.

A compiled package keeps its modules in its folder ``compiled`` beside a stamp that says from which text they were made.
They are used only while that is the text that stands there, so that editing a module is never without effect. Without
them, or with ``FAIRDAY_COMPILED=0``, the package runs as plain Python with the same results.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Sequence
from pathlib import Path

FOLDER = "compiled"
STAMP = "made-from"


def fingerprint(folders: Sequence[Path]) -> str:
    """Of the modules in folders and the Python they run on, hexadecimal."""
    seen = hashlib.sha256((sysconfig.get_config_var("EXT_SUFFIX") or "").encode())
    for folder in folders:
        for file in sorted(folder.glob("*.py")):
            seen.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return seen.hexdigest()


def prefer(path: list[str], *beside: str) -> bool:
    """Let a package's compiled modules go before its plain ones, where they are of the same text.

    Args:
        path: the package's ``__path__``, changed in place.
        beside: neighbouring folders whose modules they were compiled against.

    Returns:
        Whether they are used.
    """
    if os.environ.get("FAIRDAY_COMPILED") == "0":
        return False
    folder = Path(path[0])
    try:
        made_from = (folder / FOLDER / STAMP).read_text()
    except OSError:
        return False
    if made_from != fingerprint([folder, *(folder.parent / name for name in beside)]):
        return False
    path.insert(0, str(folder / FOLDER))
    return True
