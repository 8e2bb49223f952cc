"""The command line: thin over the library. Every command names the shop by --shop or FAIRDAY_SHOP."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

import fairday
from fairday.kernel.errors import FairdayError
from fairday.playbooks import rows as capability_rows

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Group(click.Group):
    """Says what was wrong and what to write instead, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FairdayError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(1)


shop_option = click.option(
    "--shop", "-s", envvar="FAIRDAY_SHOP", default="shop.db", show_default=True, metavar="FILE|URL",
    help="The shop: a file name (SQLite) or postgresql://user@host/name. Also FAIRDAY_SHOP.",
)  # fmt: skip


def open_shop(url: str) -> fairday.Shop:
    """An existing shop. Raises FairdayError with what to do when there is none."""
    return fairday.open(url, create=False)


@click.group(cls=_Group, context_settings=CONTEXT)
@click.version_option(fairday.__version__, prog_name="fairday")
def main() -> None:
    """Fairday brings a shop's people, goods and scenes together.

    \b
    A first round:
      fairday init --zone Europe/London --currency GBP --operator you@example.com
      fairday import orders.csv
      fairday serve
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@main.command()
@shop_option
@click.option("--name", help="What the shop is called.")
@click.option("--zone", help="IANA time zone; every day of the shop begins at its midnight.")
@click.option("--currency", help="ISO 4217 code of the amounts the shop keeps, such as CNY.")
@click.option("--language", type=click.Choice(["zh", "en", "es"]), help="The language pages fall back to.")
@click.option("--operator", metavar="EMAIL", help="Make this person the owner and print a one-time password.")
def init(shop: str, operator: str | None, **changes: Any) -> None:
    """Create a shop, or change the settings of one."""
    with fairday.open(shop, **{k: v for k, v in changes.items() if v is not None}) as opened:
        s = opened.settings
        click.echo(f"{s.name}: {shop}, {s.zone}, {s.currency}, {s.language}")
        if operator:
            click.echo(f"{operator} signs in once with the password {opened.add_operator(operator, 'owner')}")


@main.command()
def rows() -> None:
    """List what Fairday owes: row, playbooks that show it, and the test that fails without it."""
    for id_, row in capability_rows().items():
        shown = ", ".join(row.playbooks) or "—"
        click.echo(f"{id_:4} {row.title:46} {shown:28} {row.test or 'not done'}")


@main.command("import")
@shop_option
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", "-m", metavar="NAME|FILE", help="A built-in mapping or a YAML file; guessed when left out.")
@click.option("--zone", help="IANA zone of times that carry none.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Folder for rows not taken [beside each file].")
def import_(
    shop: str, files: tuple[Path, ...], mapping: str | None, zone: str | None, dry_run: bool, rejects: Path | None
) -> None:
    """Bring orders, goods, customers or campaigns in from CSV or Parquet FILES.

    Importing again changes nothing; what is new comes in. Rows that cannot be taken go to FILE.rejected.csv with their
    line, the reason and the remedy.
    """
    with open_shop(shop) as opened:
        with _Bar("reading") as bar:
            report = opened.import_files(
                files, mapping, zone=zone or "", dry_run=dry_run, rejects=rejects, progress=bar.show
            )
        for line in report_lines(report):
            click.echo(line)
        if not dry_run:
            opened.catch_up(lambda name, done: click.echo(f"\r{name}: {done}   ", nl=False, err=True))
            click.echo("", err=True)


def report_lines(report: Any) -> list[str]:
    """What an import did, in lines to read."""
    would = "would come in" if report.dry_run else "came in"
    lines = [f"{report.orders} orders with {report.lines} lines; {report.new_lines} new lines {would}"]
    lines += [f"  {name}: {n} new" for name, n in report.happenings.items()]
    lines.append(f"  goods: {report.products} new or changed; {report.unchanged} happenings were there already")
    for file in report.files:
        note = f" — {file.note}" if file.note else ""
        lines.append(f"  {file.path}: {file.kind}, {file.rows} rows, {file.rejected_count} not taken{note}")
        if file.rejected_path:
            lines.append(f"    see {file.rejected_path}")
    lines.append(f"  {report.seconds:.1f} s, longest write {report.longest_slice_ms:.0f} ms")
    return lines


class _Bar:
    """A progress line on a terminal; silent elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._on = sys.stderr.isatty()

    def __enter__(self) -> _Bar:
        return self

    def show(self, done: int, total: int) -> None:
        if self._on:
            share = done / total if total else 1.0
            click.echo(f"\r{self._label} {'█' * int(share * 30):30} {share:4.0%}", nl=False, err=True)

    def __exit__(self, *_: object) -> None:
        if self._on:
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)


@main.command()
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


if __name__ == "__main__":
    main()
