"""A shop of one's own: making it, bringing data in, following the log, serving it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

import fairday
from fairday.cli.shared import Bar, open_shop, shop_option
from fairday.intake.understand import understand
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError
from fairday.playbooks import rows as capability_rows
from fairday.storage.database import shown


@click.command()
@shop_option
@click.option("--name", help="What the shop is called.")
@click.option("--zone", help="IANA time zone; every day of the shop begins at its midnight.")
@click.option("--currency", help="ISO 4217 code of the amounts the shop keeps, such as CNY.")
@click.option("--language", type=click.Choice(["zh", "en", "es"]), help="The language pages fall back to.")
@click.option("--operator", metavar="EMAIL", help="Make this person the owner and print a one-time password.")
def init(shop: str, operator: str | None, **changes: Any) -> None:
    """Create a shop, or change the settings of one."""
    asked = {k: v for k, v in changes.items() if v is not None}
    if "://" not in shop and not Path(shop).exists():
        asked["lake"] = str(Path(shop).with_suffix(".lake").absolute())
    with fairday.open(shop, **asked) as opened:
        s = opened.settings
        click.echo(f"{s.name}: {shown(shop)}, {s.zone}, {s.currency}, {s.language}")
        if operator:
            click.echo(f"{operator} signs in once with the password {opened.add_operator(operator, 'owner')}")


@click.command()
def rows() -> None:
    """List what Fairday owes: row, playbooks that show it, and the test that fails without it."""
    for id_, row in capability_rows().items():
        shown = ", ".join(row.playbooks) or "—"
        click.echo(f"{id_:4} {row.title:46} {shown:28} {', '.join(row.tests) or 'not done'}")


@click.command("import")
@shop_option
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", "-m", metavar="NAME|FILE", help="A built-in mapping or a YAML file; guessed when left out.")
@click.option("--zone", help="IANA zone of times that carry none.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Folder for rows not taken [beside each file].")
@click.option("--yes", "-y", is_flag=True, help="Take the guess for files of a shape nobody knows, without asking.")
def import_(
    shop: str,
    files: tuple[Path, ...],
    mapping: Any,
    zone: str | None,
    dry_run: bool,
    rejects: Path | None,
    yes: bool,
) -> None:
    """Bring orders, goods, customers or campaigns in from CSV, Excel, JSON lines or Parquet FILES.

    Exports of Shopify and WooCommerce are known. Of other files the columns' meaning is guessed and shown for a yes.
    Importing again changes nothing; what is new comes in. Rows that cannot be taken go to FILE.rejected.csv with their
    line, the reason and the remedy.
    """
    with open_shop(shop) as opened:

        def bring(zone: str) -> Any:
            with Bar("reading") as bar:
                return opened.import_files(
                    files, mapping, zone=zone, dry_run=dry_run, rejects=rejects, progress=bar.show
                )

        if mapping is None:
            mapping = understood(files, opened.settings.currency, yes)
        try:
            report = bring(zone or "")
        except FairdayError as error:
            if error.code != "no_zone" or not on_terminal():
                raise
            click.echo(error.message)
            report = bring(click.prompt("In which zone does the shop stand?", default=opened.settings.zone))
        for line in report_lines(report):
            click.echo(line)
        if not dry_run:
            opened.catch_up(lambda name, done: click.echo(f"\r{name}: {done}   ", nl=False, err=True))
            click.echo("", err=True)


def understood(files: Sequence[Path], currency: str, yes: bool) -> Any:
    """The mapping for files: a built-in one, or the guess when it is agreed to.

    Raises:
        FairdayError: the guess lacks something, or nobody agreed.
    """
    found = understand(files)
    if found.builtin:
        return found.builtin
    for table, made in zip(found.tables, found.guesses, strict=True):
        name = Path(table.path).name + (f", {table.sheet}" if table.sheet else "")
        click.secho(f"{name}: {made.kind or 'nothing known'}", bold=True)
        for field, column in made.columns.items():
            some = ", ".join(dict.fromkeys(table.column(column)[:3]))
            click.echo(f"  {field:20} {column:24} {some[:60]}")
        for code, what in made.problems:
            click.secho(f"  {DOUBTS[code].format(what=what)}", fg="yellow")
    text = found.text("", currency)
    if not found.usable:
        click.echo(text, err=True)
        raise FairdayError(
            "What these files hold could not be guessed whole.",
            code="no_mapping",
            where=", ".join(map(str, files)),
            remedy="Write a mapping file (--mapping): save the one above and mend it.",
        )
    if not yes and not (on_terminal() and click.confirm("Is that what the columns mean?")):
        click.echo(text, err=True)
        raise FairdayError(
            "Nothing was brought in.",
            code="no_mapping",
            where=", ".join(map(str, files)),
            remedy="Say --yes to take the guess, or write a mapping file (--mapping): save the one above and mend it.",
        )
    return found.mapping("", currency)


DOUBTS = {
    "missing": "No column was found for: {what}",
    "values": "What stands in {what} does not look like it",
    "day_or_month": "{what}: day or month first? Taken as the day; look at a few rows",
}


def on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def report_lines(report: Any) -> list[str]:
    """What an import did, in lines to read."""
    would = "would come in" if report.dry_run else "came in"
    lines = [f"{report.orders} orders with {report.lines} lines; {report.new_lines} new lines {would}"]
    lines += [f"  {name}: {n} new" for name, n in report.happenings.items()]
    lines.append(f"  goods: {report.products} new or changed; {report.unchanged} happenings were there already")
    for file in report.files:
        note = f" — {file.note}" if file.note else ""
        sheet = f" ({file.sheet})" if file.sheet else ""
        lines.append(f"  {file.path}{sheet}: {file.kind}, {file.rows} rows, {file.rejected_count} not taken{note}")
        if file.passed:
            lines.append(f"    {file.passed} rows passed over, which say nothing of their own")
        if file.rejected_path:
            lines.append(f"    see {file.rejected_path}")
    lines.append(f"  {report.seconds:.1f} s, longest write {report.longest_slice_ms:.0f} ms")
    return lines


@click.command()
@shop_option
@click.option("--rebuild", metavar="NAME", help="Empty a follower's tables and read the log again.")
def followers(shop: str, rebuild: str | None) -> None:
    """Show how far each follower of the log is behind, or rebuild one."""
    with open_shop(shop) as opened:
        if rebuild:
            opened.followers.rebuild(rebuild, lambda name, n: click.echo(f"\r{name}: {n}   ", nl=False, err=True))
            click.echo("", err=True)
        for lag in opened.followers.lag():
            skipped = f", {lag.skipped} skipped" if lag.skipped else ""
            click.echo(f"{lag.name:12} {lag.rows} rows behind, {lag.ms / 1000:.1f} s{skipped}")


@click.command()
@shop_option
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Stand on this local day instead of today.")
def fit(shop: str, day: datetime | None) -> None:
    """Fit the ranking of goods on what people bought, and serve it from then on.

    A shop that is served does so once a day by itself.
    """
    with open_shop(shop) as opened:
        opened.catch_up()
        with Bar("fitting") as bar:
            made = opened.fit(lambda _, done, total: bar.show(done, total), None if day is None else to_day(day.date()))
        figures = made.figures
        click.echo(f"{made.people} people, {made.goods} goods, {made.purchases} purchases: {made.seconds:.1f} s")
        if figures["people"]:
            click.echo(
                f"Of the last four weeks' purchases of {figures['people']:.0f} people, a list of 20 had"
                f" {figures['recall']:.1%}, and {figures['recall_new']:.1%} of those new to them."
            )
        else:
            click.echo("Too little was bought in the last four weeks to learn from: usual weights are taken.")


@click.command()
@shop_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="A taken port: the next free one is used.",
)
def serve(shop: str, host: str, port: int) -> None:
    """Serve the console, the storefront and the collect door until interrupted."""
    from fairday.serving import run

    with open_shop(shop) as opened:
        run(opened, host, port, lambda line: click.echo(line))
