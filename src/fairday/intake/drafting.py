"""A guess written down as a mapping's YAML, for the merchant to keep and correct."""

from __future__ import annotations

from collections.abc import Sequence

from fairday.intake.guess import Guess, Table
from fairday.intake.shape import normal
from fairday.kernel.ids import digest


def mapping_text(tables: Sequence[tuple[Table, Guess]], zone: str = "", currency: str = "") -> str:
    """A mapping file of guesses. Its source is a name for the shape, so that the next export is the same source's."""
    lines = [f"source: {source_of([t for t, _ in tables])}"]
    if zone:
        lines.append(f"zone: {zone}")
    if currency:
        lines.append(f"currency: {currency}")
    if any(g.decimal == "," for _, g in tables):
        lines.append('decimal: ","')
    lines.append("tables:")
    for _, made in tables:
        if made.kind:
            lines += _table_text(made)
    return "\n".join(lines) + "\n"


def source_of(tables: Sequence[Table]) -> str:
    """A name for the shape of some tables: the same for the same columns, whatever the files are called."""
    shapes = sorted("\0".join(sorted(normal(h) for h in t.header)) for t in tables)
    return f"sheet-{digest(*shapes)[:8]}"


def _table_text(made: Guess) -> list[str]:
    lines = [f"  - kind: {made.kind}", "    columns:"]
    ids = {f[3:]: c for f, c in made.columns.items() if f.startswith("id:")}
    traits = {f[6:]: c for f, c in made.columns.items() if f.startswith("trait:")}
    consent = {f[8:]: c for f, c in made.columns.items() if f.startswith("consent:")}
    for field, column in made.columns.items():
        if ":" in field:
            continue
        form = made.formats.get(field)
        cell = f"{{column: {_column(column)}, format: {_quoted(form)}}}" if form else _column(column)
        lines.append(f"      {field}: {cell}")
    if ids:
        lines.append("      ids:")
        lines += [f"        {t}: {_column(c)}" for t, c in ids.items()]

    def named(kind: str) -> dict[str, str]:
        # What goods differ in is called as the sheet's heading calls it.
        return {_quoted(c): c for f, c in made.columns.items() if f.startswith(kind + ":")}

    titles, descriptions = (
        {f.partition(":")[2]: c for f, c in made.columns.items() if f.startswith(kind + ":")}
        for kind in ("title", "description")
    )
    for name, inner in (("traits", traits), ("consent", consent), ("options", named("option")),
                        ("attributes", named("attribute")), ("titles", titles),
                        ("descriptions", descriptions)):  # fmt: skip
        if inner:
            lines.append(f"    {name}:")
            lines += [f"      {t}: {_column(c)}" for t, c in inner.items()]
    if made.statuses:
        lines.append("    statuses:")
        lines += [f"      {_quoted(word)}: {what}" for word, what in made.statuses.items()]
    return lines


def _column(name: str) -> str:
    # Signs that mean something in a mapping stand for themselves in a list.
    return f"{{first: [{_quoted(name)}]}}" if "|" in name or name.endswith("?") else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
