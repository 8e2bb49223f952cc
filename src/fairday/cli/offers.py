"""Offers: last year's carts under a promotion."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from fairday.cli.shared import Bar, open_shop, shop_option
from fairday.insight.replay import days_asked, repriced_in_words
from fairday.kernel.clock import to_day


@click.command("reprice")
@shop_option
@click.argument("rules", metavar="PROMOTION…", nargs=-1, required=True)
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day [a year before today].")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day [yesterday].")
@click.option("--beside", is_flag=True, help="Take the promotions of today as there too.")
@click.option("--margin", type=click.IntRange(0, 100), default=30, show_default=True, help="Percent of the revenue.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def reprice_(
    shop: str, rules: tuple[str, ...], first: datetime | None, last: datetime | None, beside: bool, margin: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Had it run last year: last year's carts priced with and without PROMOTION."""
    with open_shop(shop) as opened:
        with opened.db.read() as conn:
            asked = [opened.offers.get(conn, rule) for rule in rules]
        days = opened.repricings.usual(asked)
        if first is not None or last is not None:
            days = days_asked(
                days.first if first is None else to_day(first.date()),
                days.last if last is None else to_day(last.date()),
            )
        with Bar("repricing") as bar:
            found = opened.repricings.reprice(asked, days, beside=beside, margin=margin, progress=bar.show)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        else:
            click.echo("\n".join(repriced_in_words(found, opened.settings.currency)))
