"""The report."""

from __future__ import annotations

from pathlib import Path

import click

from fairday.cli.shared import open_shop, shop_option
from fairday.insight import charts, sheets
from fairday.insight.asked import COMPARES, METRICS, ask
from fairday.insight.telling import in_words
from fairday.kernel.clock import local_day


@click.command()
@shop_option
@click.option("--metric", type=click.Choice(METRICS), help="The one goal [revenue].")
@click.option("--period", metavar="7d|28d|90d|month|custom", help="Days back from today, or this month [28d].")
@click.option("--from", "from_", metavar="DAY", help="First day, such as 2026-05-01.")
@click.option("--to", metavar="DAY", help="Last day [today].")
@click.option("--compare", type=click.Choice(COMPARES), help="With as many days before, or last year.")
@click.option("--language", type=click.Choice(["zh", "en", "es"]), help="Of the page and the pictures [the shop's].")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML page that stands alone.")
@click.option("--csv", "csv_", type=click.Path(path_type=Path, file_okay=False), help="Write every table here.")
@click.option("--png", type=click.Path(path_type=Path, file_okay=False), help="Write every picture here.")
@click.option("--svg", type=click.Path(path_type=Path, file_okay=False), help="The same as SVG.")
def report(
    shop: str, from_: str | None, language: str | None, as_json: bool, html: Path | None, csv_: Path | None,
    png: Path | None, svg: Path | None, **given: str | None,
) -> None:  # fmt: skip
    """Say what the shop's efforts brought, and refuse what cannot be said."""
    from fairday.web.console import report as page
    from fairday.web.i18n import Tongue

    with open_shop(shop) as opened:
        settings = opened.settings
        words = {name: value for name, value in (given | {"from": from_}).items() if value}
        found = opened.report(ask(words, local_day(opened.clock.now(), settings.zone)))
        tongue = Tongue(language or settings.language, settings.zone, settings.currency)
        files: dict[Path, bytes] = {}
        if html is not None:
            files[html] = page.alone(found, tongue).encode()
        if csv_ is not None:
            files |= {csv_ / f"{name}.csv": sheets.as_csv(sheets.sheet(found, name)) for name in sheets.SHEETS}
        folders: dict[charts.Format, Path | None] = {"png": png, "svg": svg}
        for kind, folder in folders.items():
            if folder is not None:
                drawn = page.every_part(found, tongue, kind)
                files |= {folder / name: body for name, body in drawn.items()}
        for path, body in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            click.echo(path)
        if as_json:
            click.echo(page.as_json(found))
        elif not files:
            click.echo(in_words(found))
