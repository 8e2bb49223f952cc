"""Scenes: list, save, move, mail, replay, power."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec

import fairday
from fairday.cli.shared import Bar, Group, open_shop, shop_option
from fairday.insight.power import in_words as power_in_words
from fairday.insight.power import power
from fairday.insight.replay import in_words as replay_in_words
from fairday.insight.replay import last_time, period_of, replay
from fairday.kernel.clock import local_day, to_day
from fairday.scenes.grammar import parse_scene
from fairday.scenes.life import SceneError, all_scenes, get_scene
from fairday.scenes.spec import SceneSpec


@click.group(cls=Group)
def scenes() -> None:
    """List, save and move scenes."""


@scenes.command("list")
@shop_option
def scenes_list(shop: str) -> None:
    """List the scenes with their state and version."""
    with open_shop(shop) as opened, opened.db.read() as conn:
        for row in all_scenes(conn):
            click.echo(f"{row.scene:32} {row.status:8} version {row.version}")


@scenes.command("save")
@shop_option
@click.argument("file", type=click.File("r", encoding="utf-8"))
def scenes_save(shop: str, file: Any) -> None:
    """Save a scene's YAML FILE as a draft, or as the next version of a live one. Says every problem at once."""
    with open_shop(shop) as opened:
        try:
            spec = opened.save_scene(file.read(), file=file.name, actor="cli")
        except SceneError as error:
            for p in error.problems:
                click.secho(f"{p.file}:{p.line}:{p.column}: {p.key}: {p.message} {p.remedy}", fg="red", err=True)
            raise SystemExit(1)
        click.echo(f"{spec.scene} is saved.")


def _mover(move: Any, help_: str) -> None:
    @scenes.command(move, help=help_)
    @shop_option
    @click.argument("scene")
    def _move(shop: str, scene: str) -> None:
        with open_shop(shop) as opened:
            opened.move_scene(move, scene, actor="cli")
            click.echo(f"{scene}: {move}")


_mover("start", "Start a SCENE that is a draft.")
_mover("pause", "Pause a live SCENE.")
_mover("resume", "Let a paused SCENE go on.")
_mover("end", "End a SCENE for good.")


@scenes.command("mail")
@shop_option
def scenes_mail(shop: str) -> None:
    """Plan the mail of live scenes and send it: to FAIRDAY_SMTP_URL, or into the local mailbox."""
    with open_shop(shop) as opened:
        opened.catch_up()
        with Bar("planning") as bar:
            result = opened.run_mail(bar.show)
        opened.catch_up()
        for word, n in sorted(result.items()):
            click.echo(f"{n:7} {word}")


def _scene_or_file(opened: fairday.Shop, name: str) -> SceneSpec:
    """The scene of that name, or the one a YAML file describes."""
    if Path(name).is_file():
        text = Path(name).read_text("utf-8")
    else:
        with opened.db.read() as conn:
            text = get_scene(conn, name).text
    spec, problems = parse_scene(text, opened.vocabulary, file=name)
    if spec is None:
        raise SceneError(problems)
    return spec


@scenes.command("replay")
@shop_option
@click.argument("name", metavar="SCENE|FILE")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day [as its next run, a year before].")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day.")
@click.option("--told-today", is_flag=True, help="Take what people told of themselves as it is known today.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def scenes_replay(shop: str, name: str, first: Any, last: Any, told_today: bool, as_json: bool) -> None:
    """Had it run last year: whom SCENE would have met, with which goods, at what cost at most."""
    with open_shop(shop) as opened:
        spec = _scene_or_file(opened, name)
        days = None
        if first is not None or last is not None:
            usual = last_time(spec, local_day(opened.clock.now(), opened.settings.zone))
            ends = [
                usual.first if first is None else to_day(first.date()),
                usual.last if last is None else to_day(last.date()),
            ]
            days = period_of(spec, *ends)
        with Bar("replaying") as bar:
            found = replay(opened.db, opened.settings, spec, opened.clock.now(), days, bar.show, told_today=told_today)
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        else:
            click.echo("\n".join(replay_in_words(found, opened.settings.currency)))


@scenes.command("power")
@shop_option
@click.argument("name", metavar="SCENE|FILE")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def scenes_power(shop: str, name: str, as_json: bool) -> None:
    """What your fans can tell you: the lift that SCENE's people, holdout and duration can show."""
    with open_shop(shop) as opened, opened.db.read() as conn:
        found = power(conn, opened.settings, _scene_or_file(opened, name), opened.clock.now())
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        else:
            click.echo("\n".join(power_in_words(found)))
