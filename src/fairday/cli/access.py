"""Who and what may come in: operators and write keys."""

from __future__ import annotations

from typing import Any

import click

from fairday import operators
from fairday.cli.shared import Group, open_shop, shop_option
from fairday.intake.keys import create_key, list_keys, revoke_key
from fairday.kernel.errors import NotFound


@click.group("operators", cls=Group)
def operators_() -> None:
    """Who may sign in to the console."""


@operators_.command("list")
@shop_option
def operators_list(shop: str) -> None:
    """List the operators with their roles."""
    with open_shop(shop) as opened, opened.db.read() as conn:
        for one in operators.everyone(conn):
            click.echo(f"{one.email:40} {one.role:10} {'' if one.active else 'switched off'}")


@operators_.command("add")
@shop_option
@click.argument("email")
@click.option("--role", type=click.Choice(operators.ROLES), default="analyst", show_default=True)
def operators_add(shop: str, email: str, role: Any) -> None:
    """Let EMAIL sign in; prints their one-time password."""
    with open_shop(shop) as opened:
        click.echo(opened.add_operator(email, role))


@operators_.command("reset")
@shop_option
@click.argument("email")
def operators_reset(shop: str, email: str) -> None:
    """Give EMAIL a new one-time password and end their sessions."""
    with open_shop(shop) as opened:
        with opened.db.read() as conn:
            found = next((o for o in operators.everyone(conn) if o.email == email.strip().lower()), None)
        if found is None:
            raise NotFound(
                f"Nobody signs in as {email}.", code="unknown_operator", remedy="List them: fairday operators list."
            )
        click.echo(operators.reset(opened.db, found.id))


@click.group(cls=Group)
def keys() -> None:
    """Write keys: what SDKs and sites send with, one for each door."""


@keys.command("list")
@shop_option
def keys_list(shop: str) -> None:
    """List the write keys by name."""
    with open_shop(shop) as opened, opened.db.read() as conn:
        for key in list_keys(conn):
            click.echo(f"{key.name:24} {key.kind:8} {'revoked' if key.revoked else ''}")


@keys.command("add")
@shop_option
@click.argument("name")
@click.option("--kind", type=click.Choice(["browser", "server", "till"]), default="browser", show_default=True)
def keys_add(shop: str, name: str, kind: Any) -> None:
    """Make a write key. A browser's key is public; what it says of money and proof is a claim."""
    with open_shop(shop) as opened, opened.db.write() as conn:
        _, key = create_key(conn, name, kind, opened.clock.now())
        click.echo(key)


@keys.command("revoke")
@shop_option
@click.argument("name")
def keys_revoke(shop: str, name: str) -> None:
    """Revoke a write key for good."""
    with open_shop(shop) as opened, opened.db.write() as conn:
        revoke_key(conn, name, opened.clock.now())
        click.echo(f"{name} is revoked.")
