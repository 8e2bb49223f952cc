"""What every command shares: the shop it is about, errors without a traceback, a progress line."""

from __future__ import annotations

import sys
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

import fairday
from fairday.kernel.errors import FairdayError


class Group(click.Group):
    """Says what was wrong and what to write instead, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FairdayError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(1)
        except DBAPIError as error:
            click.secho(f"Error: The database refused: {error.orig}", fg="red", err=True)
            ctx.exit(1)


shop_option = click.option(
    "--shop", "-s", envvar="FAIRDAY_SHOP", default="shop.db", show_default=True, metavar="FILE|URL",
    help="The shop: a file name (SQLite) or postgresql://user@host/name. Also FAIRDAY_SHOP.",
)  # fmt: skip


def open_shop(url: str) -> fairday.Shop:
    """An existing shop. Raises FairdayError with what to do when there is none."""
    return fairday.open(url, create=False)


class Bar:
    """A progress line on a terminal; silent elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._on = sys.stderr.isatty()

    def __enter__(self) -> Bar:
        return self

    def show(self, done: int, total: int) -> None:
        if self._on:
            share = done / total if total else 1.0
            click.echo(f"\r{self._label} {'█' * int(share * 30):30} {share:4.0%}", nl=False, err=True)

    def __exit__(self, *_: object) -> None:
        if self._on:
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)
