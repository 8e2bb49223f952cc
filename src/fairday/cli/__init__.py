"""The command line: thin over the library. Every command names the shop by --shop or FAIRDAY_SHOP."""

from __future__ import annotations

import logging

import click

import fairday
from fairday.cli.access import keys, operators_
from fairday.cli.backup import backup_, restore_
from fairday.cli.offers import reprice_
from fairday.cli.people import choose, erase, export, why
from fairday.cli.rates import rates_
from fairday.cli.reconcile import reconcile_
from fairday.cli.report import report
from fairday.cli.scenes import scenes
from fairday.cli.shared import Group
from fairday.cli.shop import fit, followers, import_, init, rows, serve

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(fairday.__version__, prog_name="fairday")
def main() -> None:
    """Fairday brings a shop's people, goods and scenes together.

    \b
    A first round:
      fairday init --zone Europe/London --currency GBP --operator you@example.com
      fairday import orders.csv --mapping till.yaml
      fairday serve
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


for _command in (
    keys, operators_, backup_, restore_, choose, erase, export, why, rates_, reconcile_, report, reprice_,
    scenes, fit, followers, import_, init, rows, serve,
):  # fmt: skip
    main.add_command(_command)
