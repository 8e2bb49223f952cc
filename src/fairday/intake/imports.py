"""Imports: files of a shop's past brought into the log and the catalogue, once, however often they are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import duckdb
import msgspec
from sqlalchemy import select

from fairday.goods.bringing import Refused, Told, bring_goods
from fairday.goods.catalogue import ProductRow, all_products, save_products
from fairday.goods.records import variant_homes
from fairday.intake.campaigns import Campaigns, campaigns, redemption_rows, target_rows
from fairday.intake.files import Loaded, load, workbench
from fairday.intake.goods import gather, spooled
from fairday.intake.mapping import builtin_names, load_mapping
from fairday.intake.orders import Zones, group_orders, order_rows, stage_orders
from fairday.intake.plain import Reject
from fairday.intake.setaside import Fault, set_aside_rows, write_rejects
from fairday.intake.shape import Mapping
from fairday.intake.slices import Row, Slices, Turns, in_slices
from fairday.intake.tables import Held, customer_rows, product_rows, stage_goods
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
        remarks: the first rows that are taken without one of their cells; ``remark_count`` says how many.
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
    remark_count: int = 0
    remarks: list[Reject] = []


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import brought in, or in a dry run would.

    Attributes:
        mapping: the mapping's source name.
        happenings: new happenings by name ("Order Completed", "identify", …).
        orders: orders, refunds and adjustments found in the files; lines: their lines, each standing once.
        new_lines: lines that the log did not hold before.
        updated: orders that were known and got further lines; unchanged: happenings that were there already.
        products: products new or changed in the catalogue, of which so many ``variants`` and lists of ``pictures``
            (in a dry run: those that would be).
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
    variants: int = 0
    pictures: int = 0


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
        self.orders = self.lines = self.products = self.variants = self.pictures = 0
        self.spools: list[tuple[Loaded, Path]] = []

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
        told = self._gather()
        with self.db.read() as read:
            catalogue, homes = all_products(read), variant_homes(read)
        stage_goods(self.conn, self.folder, told, catalogue, homes)
        self.conn.execute("DROP TABLE lines")
        self._bring_goods()
        if told is None:
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

    def _gather(self) -> Path | None:
        """Gather the goods of the products files into spools; the file of all of them, None without such files."""
        files = self.of("products")
        whole = self.folder / "goods.jsonl"
        encoder = msgspec.json.Encoder()
        for file in files:
            spool = self.folder / f"{file.name}.jsonl"
            with spool.open("wb") as f, whole.open("ab") as g:

                def keep(told: Told, f: BinaryIO = f, g: BinaryIO = g) -> None:
                    line = encoder.encode(told) + b"\n"
                    f.write(line)
                    g.write(line)

                gather(self.conn, file, self.mapping, self.currency, keep)
            self.spools.append((file, spool))
        return whole if files else None

    def _bring_goods(self) -> None:
        for file, spool in self.spools:
            refused: dict[int, Fault] = {}
            for part in spooled(spool):
                for found in self._brought(part):
                    error = found.error
                    refused.setdefault(found.row, Fault(found.row, "product", error.message, error.remedy))
                rows = max([t.row for t in part] + [f.row for t in part for f in t.forms])
                self.progress(min(self.done + rows, self.total), self.total)
            self.done += file.rows
            set_aside_rows(self.conn, file, list(refused.values()))
        self.done += sum(f.rows for f in self.loaded if f.table.kind in ("skipped", "campaigns"))

    def _brought(self, part: list[Told]) -> list[Refused]:
        with self.db.read() as conn:
            found = bring_goods(conn, part, self.now, self.currency, write=False)
        changes = found.products + found.variants
        if changes and not self.dry_run:
            with self.turns.write() as conn:
                found = bring_goods(conn, part, self.now, self.currency)
        self.products += found.products
        self.variants += found.variants
        self.pictures += found.pictures
        return found.refused

    def _save_products(self) -> None:
        for part in _parts(product_rows(self.conn), _PRODUCTS):
            if self.dry_run:
                self.products += len(part)
            else:
                with self.turns.write() as conn:
                    self.products += save_products(conn, part, self.now)

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
            variants=self.variants,
            pictures=self.pictures,
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
        remark_count=len(loaded.remarks),
        remarks=sorted(loaded.remarks, key=lambda r: r.line)[:20],
    )


def _parts(rows: Iterable[ProductRow], size: int) -> Iterator[list[ProductRow]]:
    iterator = iter(rows)
    while part := list(islice(iterator, size)):
        yield part


__all__ = ["FileReport", "ImportReport", "Progress", "import_files"]
