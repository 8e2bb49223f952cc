"""What a column says: SQL of a loaded file's field as text, number, time or money, NULL where it says none of these."""

from __future__ import annotations

from fairday.intake.files import Loaded

_OFFSET = r":\d\d(\.\d+)?\s*(Z|UTC|[+-]\d\d(:?\d\d)?)$"


def text_of(loaded: Loaded, field: str) -> str:
    """SQL of a field as trimmed text, NULL where empty; "13085.0" (a number gone through a spreadsheet) is 13085."""
    if field not in loaded.fields:
        return "CAST(NULL AS VARCHAR)"
    column, kind = loaded.fields[field], loaded.types[field]
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        return f"regexp_replace(CAST({column} AS VARCHAR), '^(-?\\d+)\\.0+$', '\\1')"
    if kind != "VARCHAR":
        return f"CAST({column} AS VARCHAR)"
    trimmed = f"nullif(trim({column}, ' \t\u00a0\u3000'), '')"
    return f"CASE WHEN {column} LIKE '%.0%' THEN regexp_replace({trimmed}, '^(-?\\d+)\\.0+$', '\\1') ELSE {trimmed} END"


def id_of(loaded: Loaded, field: str) -> str:
    """SQL of a field that names somebody: as ``text_of``, without the apostrophe that exports put before numbers."""
    return f"ltrim({text_of(loaded, field)}, chr(39))"


def number_of(loaded: Loaded, field: str, decimal: str) -> str:
    """SQL of a field as DECIMAL(18,6), NULL where it is no number; currency signs and thousands marks are left out."""
    if field not in loaded.fields:
        return "CAST(NULL AS DECIMAL(18,6))"
    column = loaded.fields[field]
    if loaded.types[field] != "VARCHAR":
        return f"TRY_CAST({column} AS DECIMAL(18,6))"
    bare = f"regexp_replace({column}, '[\\s£$€¥￥\u00a0'']', '', 'g')"
    if decimal == ",":
        bare = f"replace(replace({bare}, '.', ''), ',', '.')"
    else:
        bare = f"CASE WHEN {column} LIKE '%,%' THEN regexp_replace({bare}, ',(\\d\\d\\d)', '\\1', 'g') ELSE {bare} END"
    return f"TRY_CAST({bare} AS DECIMAL(18,6))"


def time_of(loaded: Loaded, field: str) -> tuple[str, str]:
    """SQL of a field as milliseconds since 1970, and SQL of whether they are UTC already (else local, zone unknown)."""
    if field not in loaded.fields:
        return "CAST(NULL AS BIGINT)", "false"
    column, kind, told = loaded.fields[field], loaded.types[field], loaded.table.fields()[field]
    if kind.startswith("TIMESTAMP WITH") or kind == "TIMESTAMPTZ":
        return f"epoch_ms({column})", "true"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"epoch_ms(CAST({column} AS TIMESTAMP))", "false"
    for unix, factor in (("unix", 1000), ("unix_ms", 1)):
        if unix in told.formats:
            return f"CAST(TRY_CAST({column} AS DECIMAL(18,3)) * {factor} AS BIGINT)", "true"
    text = f"trim(CAST({column} AS VARCHAR))"
    if told.formats:
        # A workbook's dates come in ISO writing, whatever its cells look like.
        formats = (*told.formats, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d") if loaded.form == "xlsx" else told.formats
        listed = ", ".join("'" + f.replace("'", "''") + "'" for f in formats)
        naive = f"epoch_ms(try_strptime({text}, [{listed}]))"
        with_zone = any("%z" in f or "%Z" in f for f in told.formats)
        return (
            (f"epoch_ms(CAST(try_strptime({text}, [{listed}]) AS TIMESTAMPTZ))", "true")
            if with_zone
            else (naive, "false")
        )
    zoned = f"regexp_matches({text}, '{_OFFSET}')"
    whole = f"regexp_replace(regexp_replace({text}, '\\s*UTC$', 'Z'), '\\s*([+-]\\d\\d)(\\d\\d)$', '\\1:\\2')"
    return (
        f"CASE WHEN {zoned} THEN epoch_ms(TRY_CAST({whole} AS TIMESTAMPTZ)) "
        f"ELSE epoch_ms(TRY_CAST({text} AS TIMESTAMP)) END",
        zoned,
    )
