"""Our style sheets and scripts as they are sent: without comments and indentation. They are written for this: one rule
or statement a line, and no text that goes over several."""

from __future__ import annotations

import re


def css(source: str) -> str:
    """A style sheet without comments and the spaces that say nothing."""
    bare = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    return re.sub(r";}", "}", re.sub(r"\s*([{};,>])\s*|(:)\s+", r"\1\2", bare)).strip()


def script(source: str) -> str:
    """A script without the comments that have a line of their own, and without indentation."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/**")))
