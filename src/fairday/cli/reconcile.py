"""Reconciliation: orders, ledger and the providers' bills, day by day."""

from __future__ import annotations

from datetime import date

import click

from fairday.cli.shared import open_shop, shop_option
from fairday.kernel import jsons
from fairday.kernel.clock import local_day, to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major
from fairday.trade.payment.model import PROVIDERS
from fairday.trade.payment.reconcile import ZONE, Day, reconcile


@click.command("reconcile")
@shop_option
@click.option("--day", metavar="DAY", help="A day such as 2026-05-01, in China's time [yesterday].")
@click.option("--method", type=click.Choice(PROVIDERS), multiple=True, help="A provider [all that can be used].")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def reconcile_(ctx: click.Context, shop: str, day: str | None, method: tuple[str, ...], as_json: bool) -> None:
    """Match orders, ledger and bills of a day, and list where they differ (then the exit code is 1)."""
    with open_shop(shop) as opened:
        wanted = _day(day) if day else local_day(opened.clock.now(), ZONE) - 1
        found = [reconcile(opened.payments, m, wanted) for m in method or opened.payments.providers.offered()]
    if as_json:
        click.echo(jsons.dumps([_told(d) for d in found]))
    else:
        for one in found:
            _say(one)
    if any(d.state == "differs" for d in found):
        ctx.exit(1)


def _day(text: str) -> int:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise FairdayError(f"{text!r} is not a day.", code="bad_day", where="--day", remedy="Write 2026-05-01.")


def _told(found: Day) -> dict[str, object]:
    made = found.match
    return {
        "method": found.method, "day": str(to_date(found.day)), "state": found.state, "matched": made.matched,
        "paid": made.paid, "refunded": made.refunded, "fees": made.fees, "differences": made.differences,
    }  # fmt: skip


def _say(found: Day) -> None:
    made = found.match
    click.echo(f"{to_date(found.day)} {found.method}: {found.state}, {made.matched} alike")
    for name, sums in (("paid", made.paid), ("given back", made.refunded), ("fees", made.fees)):
        for currency, amount in sums.items():
            click.echo(f"  {name} {currency} {major(amount, currency)}")
    for d in made.differences:
        sides = (("orders", d.orders), ("ledger", d.ledger), ("bill", d.bill))
        told = ", ".join(f"{name} {'-' if amount is None else amount}" for name, amount in sides)
        click.echo(f"  {d.code}: {d.kind} {d.number} ({told}, minor units)")
