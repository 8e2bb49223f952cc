"""One person: what they meet and why, taking their record and erasing it."""

from __future__ import annotations

import json

import click

from fairday.cli.shared import open_shop, shop_option
from fairday.kernel.clock import iso
from fairday.people import identity
from fairday.scenes.words import reason


@click.command()
@shop_option
@click.argument("id", metavar="TYPE:VALUE", required=False)
@click.option("--at", "touchpoint", default="page", show_default=True, help="page, feed, email …")
@click.option("--language", default="en", type=click.Choice(["zh", "en", "es"]), show_default=True)
def choose(shop: str, id: str | None, touchpoint: str, language: str) -> None:
    """Show what a person would meet now (user_id:42, email:ann@example.com); without an id, a stranger."""
    with open_shop(shop) as opened:
        choice = opened.choose(id, touchpoint)
        for met in choice.shown:
            click.secho(f"{met.spec.title.get(language)} — {met.phase}", bold=True)
            for floor in met.floors:
                click.echo(f"  {floor.title.get(language)}")
                for good in floor.goods:
                    click.echo(f"    {good.product.title}: {reason(good.reason, language)}")
        for met in choice.withheld:
            click.echo(f"{met.spec.scene} is withheld: {met.withheld}")
        if not choice.shown and not choice.withheld:
            click.echo("Nothing now. See: fairday why")


@click.command()
@shop_option
@click.argument("id", metavar="TYPE:VALUE")
@click.option("--at", "touchpoint", default="page", show_default=True, help="page, feed, email …")
def why(shop: str, id: str, touchpoint: str) -> None:
    """Say why: why ids are one person, and why each live scene does or does not meet them."""
    with open_shop(shop) as opened:
        person = opened.person(id)
        with opened.db.read() as conn:
            click.secho(f"Person {person}", bold=True)
            for owned in identity.ids_of(conn, person):
                click.echo(f"  {owned.type}:{owned.value}{'' if owned.current else '  (earlier)'}")
            click.secho("Joined", bold=True)
            for link in identity.why(conn, person):
                words = ", ".join(f"{k} {v}" for k, v in link.params.items())
                click.echo(f"  {iso(link.at)} {link.code}: {words}  ({link.message_id})")
        click.secho(f"Meets at {touchpoint}", bold=True)
        for step in opened.choose(id, touchpoint, explain=True).trace.steps:
            words = ", ".join(f"{k} {v}" for k, v in step.params.items() if v not in (None, ""))
            click.echo(f"  {step.code}: {words}")


@click.command()
@shop_option
@click.argument("id", metavar="TYPE:VALUE")
def export(shop: str, id: str) -> None:
    """Print everything the shop holds about a person, as JSON."""
    with open_shop(shop) as opened:
        click.echo(json.dumps(opened.export(id), ensure_ascii=False, indent=2))


@click.command()
@shop_option
@click.argument("id", metavar="TYPE:VALUE")
@click.confirmation_option(prompt="Erase this person everywhere, for good?")
def erase(shop: str, id: str) -> None:
    """Erase a person everywhere. What arrives late about them is dropped."""
    with open_shop(shop) as opened:
        receipt = opened.erase(id)
        for table, n in sorted(receipt.rows.items()):
            if n:
                click.echo(f"{n:7} {table}")
        click.echo(f"{receipt.outside:7} in the lake")
