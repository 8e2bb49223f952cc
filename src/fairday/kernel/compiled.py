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


def prefer(path: Sequence[str], *beside: str) -> list[str]:
    """A package's ``__path__`` with its compiled modules before its plain ones, where they are of the same text.

    Args:
        path: the package's ``__path__`` as it is.
        beside: neighbouring folders whose modules they were compiled against.
    """
    plain = list(path)
    if os.environ.get("FAIRDAY_COMPILED") == "0":
        return plain
    folder = Path(plain[0])
    try:
        made_from = (folder / FOLDER / STAMP).read_text()
    except OSError:
        return plain
    if made_from != fingerprint([folder, *(folder.parent / name for name in beside)]):
        return plain
    return [str(folder / FOLDER), *plain]
