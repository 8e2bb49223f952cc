"""What is no plain table yet: workbooks, JSON lines and gzip, written out as CSV with the place each row came from."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from fairday.intake.plain.jsonlines import is_json, json_lines
from fairday.intake.plain.model import FREE_BYTES, MAX_TIMES, MAX_UNPACKED, Plain, Reject, refuse
from fairday.intake.plain.workbooks import workbook

__all__ = ["Plain", "Reject", "plain_tables"]

_CHUNK = 1 << 20


def plain_tables(path: Path, folder: Path, name: str, limit: int | None = None) -> list[Plain]:
    """The tables a file holds, each as CSV in ``folder`` unless it is CSV already.

    Args:
        limit: how many rows of each table are enough; all by default.

    Raises:
        FairdayError: the file is not what its name says, is broken, or would become larger than any shop's.
    """
    with path.open("rb") as f:
        magic = f.read(8)
    suffixes = [s.casefold() for s in path.suffixes]
    if magic[:2] == b"\x1f\x8b":
        inner = path.stem
        unpacked = _gunzip(path, folder / f"{name}-{Path(inner).suffix.lstrip('.') or 'csv'}.unpacked", limit)
        with unpacked.open("rb") as f:
            magic = f.read(8)
        if magic[:4] == b"PK\x03\x04":
            raise refuse(path, "packed_twice", "The file is packed twice.", "Unpack it and import what is inside.")
        if is_json(unpacked, inner):
            return [json_lines(path, unpacked, folder, name, limit)]
        return [Plain(unpacked)]
    if magic[:4] == b"PK\x03\x04":
        return workbook(path, folder, name, limit)
    if magic[:4] == b"\xd0\xcf\x11\xe0":
        raise refuse(path, "old_excel", "The file is an old Excel workbook (.xls) or locked with a password.",
                     "Open it and save it as .xlsx or CSV (UTF-8), without a password.")  # fmt: skip
    if ".gz" in suffixes[-1:]:
        raise refuse(path, "not_gzip", "The file is not gzip, whatever its name says.", "Export it again.")
    if ".xlsx" in suffixes[-1:]:
        raise refuse(path, "not_xlsx", "The file is not an Excel workbook, whatever its name says.",
                     "Save it as .xlsx again, or name it .csv if it is CSV.")  # fmt: skip
    if is_json(path, path.name):
        return [json_lines(path, path, folder, name, limit)]
    return [Plain(path)]


def _gunzip(path: Path, to: Path, limit: int | None) -> Path:
    most = min(MAX_UNPACKED, max(FREE_BYTES, path.stat().st_size * MAX_TIMES))
    done = 0
    try:
        with gzip.open(path, "rb") as f, to.open("wb") as g:
            while chunk := f.read(_CHUNK):
                done += len(chunk)
                if done > most:
                    raise refuse(path, "too_large", f"Unpacked the file is larger than {most:,} bytes.",
                                 "Unpack it yourself, look at it, and import it in parts.")  # fmt: skip
                g.write(chunk)
                if limit is not None and done > 4 * _CHUNK:
                    break
    except (EOFError, OSError, zlib.error) as error:
        raise refuse(path, "not_gzip", f"The file cannot be unpacked to its end: {error}.", "Export it again.")
    return to
