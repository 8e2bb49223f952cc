"""One person: what they meet and why, taking their record and erasing it."""

from __future__ import annotations

import json

import click

from fairday.cli.shared import open_shop, shop_option
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
@click.option("--at", "--touchpoint", "touchpoint", default="page", show_default=True, help="page, feed, email …")
@click.option("--scene", help="Tell of this live scene only.")
@click.option("--good", metavar="PRODUCT", help="Tell of this product on every floor, too.")
@click.option("--all", "every", is_flag=True, help="Tell of scenes that are not for them part by part.")
@click.option("--json", "as_json", is_flag=True, help="The steps as JSON.")
@click.option("--language", default="en", type=click.Choice(["zh", "en", "es"]), show_default=True)
def why(
    shop: str, id: str, touchpoint: str, scene: str | None, good: str | None, every: bool, as_json: bool, language: str
) -> None:
    """Say why: why ids are one person, why each live scene meets them or not, why goods are where they are."""
    from fairday.web.i18n import Tongue
    from fairday.web.why import Teller

    with open_shop(shop) as opened:
        found = opened.why(opened.person(id), touchpoint, scene=scene, good=good)
        if as_json:
            click.echo(json.dumps(found.plain(), ensure_ascii=False, indent=2))
            return
        tongue = Tongue(language, opened.settings.zone, opened.settings.currency)
        teller = Teller(tongue, opened.vocabulary.traits)
        with opened.db.read() as conn:
            ids = identity.ids_of(conn, found.person or 0)
    click.secho(", ".join(f"{i.type}:{i.value}" for i in ids if i.current), bold=True)
    for line in teller.joined(found):
        click.echo(f"  {line.text}  ({line.seen})")
    for told in found.scenes:
        outcome = tongue.plain(f"trace.outcome.{told.outcome}")
        colour = {"shown": "green", "withheld": "yellow"}.get(told.outcome)
        click.secho(f"{told.title.get(language)} ({told.scene}): {outcome}", bold=True, fg=colour)
        if not (every or scene or told.outcome in ("shown", "withheld")):
            continue
        for line in teller.lines(told):
            mark = {"yes": "✓ ", "no": "✗ ", "open": "? "}.get(line.mark, "")
            words = "  ".join(w for w in (line.text or line.code, f"[{line.seen}]" if line.seen else "") if w)
            click.echo("  " * (1 + line.depth) + mark + words)


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
