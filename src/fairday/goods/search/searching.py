"""The search of a shop: an index in a folder beside the database, brought up to the tables by whoever comes first.

Every change of goods leaves a mark (``goods_touched``) numbered by its transaction. The index knows up to which number
it has read; on PostgreSQL, where transactions end in another order than they began in, it reads only below those that
still run. One process at a time writes (the engine's own lock); the others open what it wrote.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection, func, select
from tantivy import Index, IndexWriter

from fairday.goods.catalogue import products
from fairday.goods.price_records import goods_in, lists_for
from fairday.goods.search.documents import SPACED, VERSION, Priced, Words, documents, schema, spaced
from fairday.goods.search.index import SearchIndex
from fairday.goods.search.tariffs import Known, known, online
from fairday.goods.tables import touched
from fairday.kernel.clock import Clock, local_day
from fairday.kernel.settings import Settings
from fairday.storage.database import Database, finished_below

log = logging.getLogger("fairday.goods")

Popularity = Callable[[Connection, int], Mapping[str, int]]
"""How many buyers each product had lately, on a local day."""

SLICE = 1000
PATIENCE = 10.0
"""Seconds without a refresh after which the watcher is believed gone, and every search looks at the tables again."""
_HEAP = 60_000_000
_LEVELS = 20


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """How far an index is: changes before ``seq`` are in it, with the popularity of ``day``, in ``currency``.

    ``popular``: by product, in twentieths. ``known``: whose prices it holds, by which lists.
    """

    seq: int = -1
    day: int = -1
    currency: str = ""
    popular: dict[str, int] = {}
    known: Known = Known()


class Searching:
    """The search of one shop; threads share it.

    Nobody watching, every ``index()`` asks whether the tables changed. Watched (``refresh`` called about every second,
    as a serving shop does) it costs nothing, and what changed is found when the watcher has seen it.

    Args:
        folder: where the index is kept; None: in memory, one for each process.
    """

    def __init__(
        self,
        db: Database,
        settings: Callable[[], Settings],
        clock: Clock,
        folder: Path | None,
        popularity: Popularity,
    ) -> None:
        self._db, self._settings, self._clock, self._popularity = db, settings, clock, popularity
        self._root = folder
        self._folder = None if folder is None else folder / f"v{VERSION}"
        self._schema = schema()
        self._index: Index | None = None
        self._memory = Stand()
        self._current: SearchIndex | None = None
        self._generation: object = None
        self._watched = -math.inf
        self._lock = threading.Lock()

    def index(self) -> SearchIndex:
        """The index to ask now."""
        current = self._current
        if current is None or time.monotonic() - self._watched > PATIENCE:
            with self._lock:
                self._bring_up()
                current = self._current
        assert current is not None
        return current

    def refresh(self) -> None:
        """Bring the index up to the tables, out of any shopper's way; to be called about every second."""
        with self._lock:
            self._watched = math.inf if self._current is not None else self._watched
            try:
                self._bring_up()
            finally:
                self._watched = time.monotonic()

    def rebuild(self) -> None:
        """Make the index anew from the tables; meanwhile the old one answers."""
        with self._lock:
            self._bring_up(anew=True)

    # ---- keeping up --------------------------------------------------------------------------------------------------

    def _bring_up(self, anew: bool = False) -> None:
        index = self._index or self._opened()
        today = local_day(self._clock.now(), self._settings().zone)
        with self._db.read() as conn:
            behind = anew or self._behind(conn, self._stand(), today)
        if behind:
            with contextlib.suppress(_Busy), _writing(index) as writer:
                self._write(writer, today, anew)
        index.reload()
        # A searcher holds what it was opened on: a new one only where something was written.
        generation = self._stand_mark()
        if self._current is None or generation != self._generation:
            stand = self._stand()
            self._current, self._generation = SearchIndex(index.searcher(), self._schema, stand.known), generation

    def _behind(self, conn: Connection, stand: Stand, today: int) -> bool:
        if stand.day != today or stand.currency != self._settings().currency or stand.known != self._known(conn):
            return True
        below = _horizon(conn)
        ahead = select(touched.c.product).where(touched.c.seq >= stand.seq, touched.c.seq < below).limit(1)
        return stand.seq > below or conn.execute(ahead).first() is not None

    def _known(self, conn: Connection) -> Known:
        now = self._clock.now()
        return known(lists_for(conn, None, now), self._settings().currency, now)

    def _write(self, writer: IndexWriter, today: int, anew: bool) -> None:
        """Write what changed since the index last stood; everything where it has no stand, or one of another time."""
        stand, currency, now = self._stand(), self._settings().currency, self._clock.now()
        with self._db.read() as conn:
            below = _horizon(conn)
            lists = [x for x in lists_for(conn, None, now) if online(x, currency, now)]
            prices = known(lists, currency, now)
            repriced = prices.changed(stand.known)
            whole = anew or stand.seq < 0 or stand.seq > below or stand.currency != currency or repriced is None
            popular = _levels(self._popularity(conn, today)) if whole or stand.day != today else stand.popular
            if whole:
                writer.delete_all_documents()
                numbers = list(conn.execute(select(products.c.product).order_by(products.c.product)).scalars())
            else:
                changed = select(touched.c.product).where(touched.c.seq >= stand.seq, touched.c.seq < below)
                numbers = sorted(
                    set(conn.execute(changed).scalars())
                    | {n for n in popular.keys() | stand.popular.keys() if popular.get(n) != stand.popular.get(n)}
                    | (goods_in(conn, repriced) if repriced else set())
                )
            words, shares = Words(conn), {n: level / _LEVELS for n, level in popular.items()}
            priced = Priced(prices.tariffs, lists, currency, now)
            for start in range(0, len(numbers), SLICE):
                part = numbers[start : start + SLICE]
                for number, document in documents(conn, part, words, shares, priced, self._schema).items():
                    if not whole:
                        writer.delete_documents_by_term("product", number)
                    if document is not None:
                        writer.add_document(document)
        writer.commit()
        self._keep(Stand(seq=below, day=today, currency=currency, popular=popular, known=prices))
        if len(numbers) > SLICE:
            log.info("search: %s goods indexed", len(numbers))

    # ---- the folder --------------------------------------------------------------------------------------------------

    def _opened(self) -> Index:
        """The index opened, or begun anew where there is none or it cannot be read."""
        if self._folder is None:
            index = Index(self._schema)
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                index = Index(self._schema, str(self._folder))
            except ValueError as error:
                log.warning("the search index cannot be read and is made anew: %s", error)
                shutil.rmtree(self._folder)
                self._folder.mkdir(parents=True)
                index = Index(self._schema, str(self._folder))
        index.register_tokenizer(SPACED, spaced())
        index.config_reader("manual")
        self._index = index
        return index

    def _stand(self) -> Stand:
        if self._folder is None:
            return self._memory
        try:
            return msgspec.json.decode((self._folder / "stand.json").read_bytes(), type=Stand)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return Stand()

    def _stand_mark(self) -> object:
        if self._folder is None:
            return id(self._memory)
        try:
            seen = [(self._folder / name).stat() for name in ("meta.json", "stand.json")]
        except OSError:
            return None
        return tuple((s.st_mtime_ns, s.st_ino) for s in seen)

    def _keep(self, stand: Stand) -> None:
        """Written after the commit: a crash between them only has the same goods written once more."""
        if self._folder is None:
            self._memory = stand
            return
        beside = self._folder / f"stand.{os.getpid()}.new"
        beside.write_bytes(msgspec.json.encode(stand))
        beside.replace(self._folder / "stand.json")


class _Busy(Exception):
    """Another process writes the index now."""


@contextlib.contextmanager
def _writing(index: Index) -> Iterator[IndexWriter]:
    try:
        writer = index.writer(_HEAP, 1)
    except ValueError:
        raise _Busy from None
    try:
        yield writer
    except BaseException:
        writer.rollback()
        raise
    finally:
        writer.wait_merging_threads()


def _horizon(conn: Connection) -> int:
    """Changes numbered below this are all there."""
    below = finished_below(conn)
    return 1 + (conn.execute(select(func.max(touched.c.seq))).scalar() or 0) if below is None else below


def _levels(buyers: Mapping[str, int]) -> dict[str, int]:
    """Popularity in twentieths: the logarithm of the buyers as a share of the most."""
    most = math.log1p(max(buyers.values(), default=0))
    found = {n: round(_LEVELS * math.log1p(c) / most) for n, c in buyers.items() if c > 0 and most}
    return {n: level for n, level in found.items() if level}


__all__: Sequence[str] = ["Searching"]
