"""A shop in one file, and out of it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from fairday import backup as copying
from fairday.backup import Sums
from fairday.cli.shared import Bar, open_shop, shop_option
from fairday.kernel.clock import zone
from fairday.kernel.money import major
from fairday.shop import Shop
from fairday.storage.database import shown


@click.command("backup")
@shop_option
@click.argument("to", required=False, default="backup", type=click.Path(path_type=Path))
def backup_(shop: str, to: Path) -> None:
    """Write the shop into one file, safe while it serves.

    TO is a new file, or a folder that gets one named by the shop and the minute [backup]. The file is a SQLite
    database, on PostgreSQL too. Payment keys and the mail server's secret are not in it.
    """
    with open_shop(shop) as opened:
        file = to if to.suffix else to / _name(opened)
        with Bar("copying") as bar:
            found = copying.backup(opened.db, file, bar.show)
    click.echo(f"{file}: {file.stat().st_size / 1e6:,.1f} MB, read from end to end")
    for line in _told(found):
        click.echo(line)


def _name(opened: Shop) -> str:
    kept = opened.db.path.stem if opened.db.path is not None else opened.db.engine.url.database or "shop"
    at = datetime.fromtimestamp(opened.clock.now() / 1000, zone(opened.settings.zone))
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', kept)}-{at:%Y-%m-%d-%H%M}.db"


@click.command("restore")
@shop_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--lake", type=click.Path(path_type=Path), help="The folder of the lake [beside a SQLite file].")
def restore_(shop: str, file: Path, lake: Path | None) -> None:
    """Bring the backup FILE back as the shop --shop names: a new file, or an empty PostgreSQL database.

    A shop moves from SQLite to PostgreSQL this way, too. Mail that waited is marked unsure and not sent again.
    """
    with Bar("restoring") as bar:
        opened, found = copying.restore(file, shop, lake=lake, progress=bar.show)
    with opened:
        click.echo(f"{opened.settings.name}: {shown(shop)}")
        for line in _told(found):
            click.echo(line)
        opened.catch_up(lambda name, done: click.echo(f"\r{name}: {done}   ", nl=False, err=True))
        click.echo("", err=True)
        if opened.lake is not None:
            click.echo(f"The lake is {opened.lake.folder}.")
    click.echo("Next: erase again who was erased since the backup, put the payment keys back, then serve.")
    click.echo("fairday reconcile --day DAY, for each day since, lists money that this shop does not know of.")


def _told(found: Sums) -> Iterator[str]:
    """The sums, alike on both sides."""
    kept = (("happenings", "happenings"), ("events", "events"), ("products", "products"),
            ("members", "member_accounts"), ("messages", "messages"))  # fmt: skip
    yield "  " + ", ".join(f"{found.rows[table]:,} {name}" for name, table in kept)
    for currency, (n, total, back) in sorted(found.orders.items()):
        money = f"{currency} {major(total, currency):,}, {major(back, currency):,} given back"
        yield f"  {n:,} orders: {money}"
    for unit, moved in sorted(found.ledger.items()):
        amount = major(moved, unit) if len(unit) == 3 and unit.isupper() else moved
        yield f"  ledger: {amount:,} {unit} moved"
