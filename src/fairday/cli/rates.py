"""Exchange rates: told from a file."""

from __future__ import annotations

from pathlib import Path

import click

from fairday.cli.shared import open_shop, shop_option
from fairday.goods.rates import read_rates, save_rates
from fairday.kernel.clock import to_date
from fairday.kernel.errors import FairdayError


@click.command("rates")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--source", default="", help="Who says so; by default the file's name.")
@shop_option
def rates_(file: Path, source: str, shop: str) -> None:
    """Keep the exchange rates of FILE: date,base,currency,rate, or Date,USD,JPY,… as the European Central Bank has it.

    Selling abroad counts through what one euro buys, and needs rates no older than ten days.
    """
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise FairdayError(
            "It is not UTF-8 text.", code="bad_rates", where=file.name, remedy="Save it as CSV in UTF-8."
        ) from None
    found = read_rates(text, file.name)
    with open_shop(shop) as opened, opened.db.write() as conn:
        told = save_rates(conn, found, source or file.name)
    last = f", the last of {to_date(max(day for _, _, day, _ in found))}" if found else ""
    click.echo(f"{told} rates kept{last}.")
