"""Imports: files of a shop's past brought into the log and the catalogue, once, however often they are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import duckdb
import msgspec
from sqlalchemy import select

from fairday.goods.catalogue import ProductRow, all_products, save_products
from fairday.intake.files import Loaded, load, workbench
from fairday.intake.mapping import builtin_names, load_mapping
from fairday.intake.orders import Zones, group_orders, order_rows, stage_orders
from fairday.intake.plain import Reject
from fairday.intake.setaside import write_rejects
from fairday.intake.shape import Mapping
from fairday.intake.slices import Row, Slices, Turns, in_slices
from fairday.intake.tables import (
    Campaigns,
    Held,
    campaigns,
    customer_rows,
    product_rows,
    redemption_rows,
    stage_goods,
    target_rows,
)
from fairday.kernel.clock import zone as time_zone
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.people.consent import MARKETING, consent_statements
from fairday.people.tables import identifiers
from fairday.storage.database import Database

Progress = Callable[[int, int], None]
"""Told now and then: (rows done, rows there are)."""

_PRODUCTS = 1000


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one file was.

    Attributes:
        kind: what the mapping took it for ("orders", …, "skipped").
        sheet: the sheet of a workbook of several; passed: rows passed over, which say nothing of their own.
        rejected: the first rows that were not taken; ``rejected_count`` says how many, ``rejected_path`` where all are
            (None in a dry run).
    """

    path: str
    kind: str
    rows: int
    rejected_count: int
    rejected: list[Reject]
    rejected_path: str | None
    encoding: str
    delimiter: str
    note: str
    sheet: str = ""
    passed: int = 0


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import brought in, or in a dry run would.

    Attributes:
        mapping: the mapping's source name.
        happenings: new happenings by name ("Order Completed", "identify", …).
        orders: orders, refunds and adjustments found in the files; lines: their lines, each standing once.
        new_lines: lines that the log did not hold before.
        updated: orders that were known and got further lines; unchanged: happenings that were there already.
        products: products new or changed in the catalogue (in a dry run: named by the files).
        slices, longest_slice_ms: write transactions and how long the longest held the database.
    """

    mapping: str
    dry_run: bool
    files: list[FileReport]
    happenings: dict[str, int]
    orders: int
    lines: int
    new_lines: int
    updated: int
    unchanged: int
    products: int
    slices: int
    longest_slice_ms: float
    seconds: float


def import_files(
    db: Database,
    settings: Settings,
    paths: Sequence[str | Path],
    mapping: str | Path | Mapping | None = None,
    *,
    now: int,
    zone: str = "",
    dry_run: bool = False,
    rejects: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> ImportReport:
    """Bring files of orders, products, customers and campaigns in.

    Args:
        mapping: a mapping, a mapping file, a built-in's name, or None to find the built-in that fits every file.
        now: the shop's clock, ms UTC.
        zone: IANA zone of times that carry none; goes before the mapping's.
        dry_run: nothing is written; the report says what would come in.
        rejects: the folder for files of rows not taken; beside each file by default.
        progress: told rows done and rows there are.

    Raises:
        FairdayError: a file, the mapping or the zone is not usable. Bad rows never raise, unless all are bad.
    """
    began = time.perf_counter()
    if not paths:
        raise FairdayError("No file was named.", code="no_file", remedy="Name at least one CSV or Parquet file.")
    if zone:
        time_zone(zone)
    files = [Path(p) for p in dict.fromkeys(str(p) for p in paths)]
    with workbench() as (conn, folder):
        chosen, loaded = _load(conn, folder, files, mapping)
        work = _Import(db, settings, chosen, conn, folder, now, zone or chosen.zone, dry_run, progress, loaded)
        work.run()
        return work.report(rejects, began)


def _load(
    conn: duckdb.DuckDBPyConnection, folder: Path, files: Sequence[Path], mapping: str | Path | Mapping | None
) -> tuple[Mapping, list[Loaded]]:
    if mapping is not None:
        chosen = mapping if isinstance(mapping, Mapping) else load_mapping(mapping)
        return chosen, [part for i, path in enumerate(files) for part in load(conn, folder, f"f{i}", path, chosen)]
    for name in builtin_names():
        chosen = load_mapping(name)
        loaded: list[Loaded] = []
        read = 0
        for path in files:
            try:
                loaded += load(conn, folder, f"f{read}", path, chosen)
                read += 1
            except FairdayError as error:
                if error.code not in ("missing_column", "no_table"):
                    raise
                break
        if read == len(files):
            return chosen, loaded
        for done in loaded:
            conn.execute(f"DROP TABLE IF EXISTS {done.name}")
    raise FairdayError(
        "No built-in mapping knows the columns of these files together.",
        code="no_mapping",
        where=", ".join(str(f) for f in files),
        remedy=f"Write a mapping file (--mapping), or name one of: {', '.join(builtin_names())}.",
    )


class _Import:
    """One import under way."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        mapping: Mapping,
        conn: duckdb.DuckDBPyConnection,
        folder: Path,
        now: int,
        zone: str,
        dry_run: bool,
        progress: Progress,
        loaded: list[Loaded],
    ) -> None:
        self.db = db
        self.mapping = mapping
        self.currency = mapping.currency or settings.currency
        self.conn = conn
        self.folder = folder
        self.now = now
        self.zones = Zones(zone)
        self.dry_run = dry_run
        self.progress = progress
        self.loaded = loaded
        self.turns = Turns(db)
        self.slices = Slices(db, self.turns, mapping.source, now, dry_run)
        self.total = sum(f.rows for f in loaded)
        self.done = 0
        self.orders = self.lines = self.products = 0

    def of(self, kind: str) -> list[Loaded]:
        return [f for f in self.loaded if f.table.kind == kind]

    def run(self) -> None:
        self.progress(0, self.total)
        # Lines are numbered by now; from here on every query says its own order, and free order needs less memory.
        self.conn.execute("SET preserve_insertion_order = false")
        known: Campaigns = {}
        # Everything is read and checked before anything is written: a fault of the mapping leaves the shop untouched.
        for file in self.of("campaigns"):
            known |= campaigns(self.conn, file, self.zones)
        rows: list[Row] = []
        for file in self.of("customers"):
            held = self._consents() if file.table.consent else {}
            rows += customer_rows(self.conn, file, self.mapping.source, self.zones, self.now, held)
        for file in self.of("targets"):
            rows += target_rows(self.conn, file, self.mapping.source, known, self.now)
        for file in self.of("redemptions"):
            rows += redemption_rows(self.conn, file, self.mapping.source, self.zones, known)
        id_types = stage_orders(self.conn, self.of("orders"), self.mapping, self.zones, self.currency)
        self.orders, self.lines = group_orders(self.conn, self.mapping, id_types)
        with self.db.read() as read:
            catalogue = all_products(read)
        stage_goods(self.conn, self.folder, self.of("products"), catalogue, self.mapping, self.currency)
        self.conn.execute("DROP TABLE lines")
        self._save_products()
        self._write(rows, 1)
        self._write(order_rows(self.conn, self.mapping.source, self.zones, id_types), 0)
        self.progress(self.total, self.total)

    def _consents(self) -> Held:
        c, i = consent_statements.c, identifiers.c
        query = (
            select(c.channel, i.value, c.given, c.source)
            .join(identifiers, i.id == c.identifier)
            .where(c.purpose == MARKETING)
            .order_by(c.at, c.given.desc())
        )
        with self.db.read() as conn:
            # The last statement stands; a refusal said to the shop itself is never gone over by a file.
            found: dict[tuple[str, str], tuple[bool, str]] = {}
            for channel, value, given, source in conn.execute(query):
                found[channel, value] = (bool(given), source)
            return found

    def _save_products(self) -> None:
        for part in _parts(product_rows(self.conn), _PRODUCTS):
            if self.dry_run:
                self.products += len(part)
            else:
                with self.turns.write() as conn:
                    self.products += save_products(conn, part, self.now)
        self.done += sum(f.rows for f in self.loaded if f.table.kind in ("products", "skipped", "campaigns"))

    def _write(self, rows: Iterable[Row], each: int) -> None:
        for part in in_slices(rows):
            self.slices.write(part)
            self.done += sum(row.lines or each for row in part)
            self.progress(min(self.done, self.total), self.total)

    def report(self, rejects: Path | None, began: float) -> ImportReport:
        tally = self.slices.tally
        return ImportReport(
            mapping=self.mapping.source,
            dry_run=self.dry_run,
            files=[_file_report(f, None if self.dry_run else write_rejects(f, rejects)) for f in self.loaded],
            happenings=dict(sorted(tally.new.items())),
            orders=self.orders,
            lines=self.lines,
            new_lines=tally.lines,
            updated=tally.updated,
            unchanged=tally.unchanged,
            products=self.products,
            slices=self.turns.count,
            longest_slice_ms=round(self.turns.longest_ms, 1),
            seconds=round(time.perf_counter() - began, 3),
        )


def _file_report(loaded: Loaded, path: Path | None) -> FileReport:
    return FileReport(
        path=str(loaded.path),
        kind=loaded.table.kind,
        rows=loaded.rows,
        rejected_count=len(loaded.rejects),
        rejected=loaded.rejects[:20],
        rejected_path=None if path is None else str(path),
        encoding=loaded.encoding,
        delimiter=loaded.delimiter,
        note=loaded.table.because,
        sheet=loaded.sheet,
        passed=loaded.passed,
    )


def _parts(rows: Iterable[ProductRow], size: int) -> Iterator[list[ProductRow]]:
    iterator = iter(rows)
    while part := list(islice(iterator, size)):
        yield part


__all__ = ["FileReport", "ImportReport", "Progress", "import_files"]
