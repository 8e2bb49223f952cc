"""Python's cycle collector, kept out of the way of bulk work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Do without the cycle collector for one slice of bulk work.

    A slice makes many small objects and no cycles; the collector would look at all of them over and over, which takes
    as long as the work. It is on again afterwards if it was before.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
