"""The command line: thin over the library. Every command names the shop by --shop or FAIRDAY_SHOP."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
from sqlalchemy.exc import DBAPIError

import fairday
from fairday import operators
from fairday.insight import sheets
from fairday.insight.asked import METRICS, ask
from fairday.insight.power import in_words as power_in_words
from fairday.insight.power import power
from fairday.insight.replay import in_words as replay_in_words
from fairday.insight.replay import last_time, period_of, replay
from fairday.insight.telling import in_words
from fairday.intake.keys import create_key, list_keys, revoke_key
from fairday.intake.understand import understand
from fairday.kernel.clock import iso, local_day, to_day
from fairday.kernel.errors import FairdayError, NotFound
from fairday.people import identity
from fairday.playbooks import rows as capability_rows
from fairday.scenes.grammar import parse_scene
from fairday.scenes.life import SceneError, all_scenes, get_scene
from fairday.scenes.spec import SceneSpec
from fairday.scenes.words import reason
from fairday.storage.database import shown

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Group(click.Group):
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


@click.group(cls=_Group, context_settings=CONTEXT)
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


@main.command()
@shop_option
@click.option("--name", help="What the shop is called.")
@click.option("--zone", help="IANA time zone; every day of the shop begins at its midnight.")
@click.option("--currency", help="ISO 4217 code of the amounts the shop keeps, such as CNY.")
@click.option("--language", type=click.Choice(["zh", "en", "es"]), help="The language pages fall back to.")
@click.option("--operator", metavar="EMAIL", help="Make this person the owner and print a one-time password.")
def init(shop: str, operator: str | None, **changes: Any) -> None:
    """Create a shop, or change the settings of one."""
    asked = {k: v for k, v in changes.items() if v is not None}
    if "://" not in shop and not Path(shop).exists():
        asked["lake"] = str(Path(shop).with_suffix(".lake").absolute())
    with fairday.open(shop, **asked) as opened:
        s = opened.settings
        click.echo(f"{s.name}: {shown(shop)}, {s.zone}, {s.currency}, {s.language}")
        if operator:
            click.echo(f"{operator} signs in once with the password {opened.add_operator(operator, 'owner')}")


@main.command()
def rows() -> None:
    """List what Fairday owes: row, playbooks that show it, and the test that fails without it."""
    for id_, row in capability_rows().items():
        shown = ", ".join(row.playbooks) or "—"
        click.echo(f"{id_:4} {row.title:46} {shown:28} {', '.join(row.tests) or 'not done'}")


@main.command("import")
@shop_option
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", "-m", metavar="NAME|FILE", help="A built-in mapping or a YAML file; guessed when left out.")
@click.option("--zone", help="IANA zone of times that carry none.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Folder for rows not taken [beside each file].")
@click.option("--yes", "-y", is_flag=True, help="Take the guess for files of a shape nobody knows, without asking.")
def import_(
    shop: str,
    files: tuple[Path, ...],
    mapping: Any,
    zone: str | None,
    dry_run: bool,
    rejects: Path | None,
    yes: bool,
) -> None:
    """Bring orders, goods, customers or campaigns in from CSV, Excel, JSON lines or Parquet FILES.

    Exports of Shopify and WooCommerce are known. Of other files the columns' meaning is guessed and shown for a yes.
    Importing again changes nothing; what is new comes in. Rows that cannot be taken go to FILE.rejected.csv with their
    line, the reason and the remedy.
    """
    with open_shop(shop) as opened:

        def bring(zone: str) -> Any:
            with _Bar("reading") as bar:
                return opened.import_files(
                    files, mapping, zone=zone, dry_run=dry_run, rejects=rejects, progress=bar.show
                )

        if mapping is None:
            mapping = understood(files, opened.settings.currency, yes)
        try:
            report = bring(zone or "")
        except FairdayError as error:
            if error.code != "no_zone" or not _on_terminal():
                raise
            click.echo(error.message)
            report = bring(click.prompt("In which zone does the shop stand?", default=opened.settings.zone))
        for line in report_lines(report):
            click.echo(line)
        if not dry_run:
            opened.catch_up(lambda name, done: click.echo(f"\r{name}: {done}   ", nl=False, err=True))
            click.echo("", err=True)


def understood(files: Sequence[Path], currency: str, yes: bool) -> Any:
    """The mapping for files: a built-in one, or the guess when it is agreed to.

    Raises:
        FairdayError: the guess lacks something, or nobody agreed.
    """
    found = understand(files)
    if found.builtin:
        return found.builtin
    for table, made in zip(found.tables, found.guesses, strict=True):
        name = Path(table.path).name + (f", {table.sheet}" if table.sheet else "")
        click.secho(f"{name}: {made.kind or 'nothing known'}", bold=True)
        for field, column in made.columns.items():
            some = ", ".join(dict.fromkeys(table.column(column)[:3]))
            click.echo(f"  {field:20} {column:24} {some[:60]}")
        for code, what in made.problems:
            click.secho(f"  {DOUBTS[code].format(what=what)}", fg="yellow")
    text = found.text("", currency)
    if not found.usable:
        click.echo(text, err=True)
        raise FairdayError(
            "What these files hold could not be guessed whole.",
            code="no_mapping",
            where=", ".join(map(str, files)),
            remedy="Write a mapping file (--mapping): save the one above and mend it.",
        )
    if not yes and not (_on_terminal() and click.confirm("Is that what the columns mean?")):
        click.echo(text, err=True)
        raise FairdayError(
            "Nothing was brought in.",
            code="no_mapping",
            where=", ".join(map(str, files)),
            remedy="Say --yes to take the guess, or write a mapping file (--mapping): save the one above and mend it.",
        )
    return found.mapping("", currency)


DOUBTS = {
    "missing": "No column was found for: {what}",
    "values": "What stands in {what} does not look like it",
    "day_or_month": "{what}: day or month first? Taken as the day; look at a few rows",
}


def _on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def report_lines(report: Any) -> list[str]:
    """What an import did, in lines to read."""
    would = "would come in" if report.dry_run else "came in"
    lines = [f"{report.orders} orders with {report.lines} lines; {report.new_lines} new lines {would}"]
    lines += [f"  {name}: {n} new" for name, n in report.happenings.items()]
    lines.append(f"  goods: {report.products} new or changed; {report.unchanged} happenings were there already")
    for file in report.files:
        note = f" — {file.note}" if file.note else ""
        sheet = f" ({file.sheet})" if file.sheet else ""
        lines.append(f"  {file.path}{sheet}: {file.kind}, {file.rows} rows, {file.rejected_count} not taken{note}")
        if file.passed:
            lines.append(f"    {file.passed} rows passed over, which say nothing of their own")
        if file.rejected_path:
            lines.append(f"    see {file.rejected_path}")
    lines.append(f"  {report.seconds:.1f} s, longest write {report.longest_slice_ms:.0f} ms")
    return lines


class _Bar:
    """A progress line on a terminal; silent elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._on = sys.stderr.isatty()

    def __enter__(self) -> _Bar:
        return self

    def show(self, done: int, total: int) -> None:
        if self._on:
            share = done / total if total else 1.0
            click.echo(f"\r{self._label} {'█' * int(share * 30):30} {share:4.0%}", nl=False, err=True)

    def __exit__(self, *_: object) -> None:
        if self._on:
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)


@main.command()
@shop_option
@click.option("--rebuild", metavar="NAME", help="Empty a follower's tables and read the log again.")
def followers(shop: str, rebuild: str | None) -> None:
    """Show how far each follower of the log is behind, or rebuild one."""
    with open_shop(shop) as opened:
        if rebuild:
            opened.followers.rebuild(rebuild, lambda name, n: click.echo(f"\r{name}: {n}   ", nl=False, err=True))
            click.echo("", err=True)
        for lag in opened.followers.lag():
            skipped = f", {lag.skipped} skipped" if lag.skipped else ""
            click.echo(f"{lag.name:12} {lag.rows} rows behind, {lag.ms / 1000:.1f} s{skipped}")


@main.group(cls=_Group)
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
        with _Bar("planning") as bar:
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
        with _Bar("replaying") as bar:
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


@main.group("operators", cls=_Group)
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
@click.option("--role", type=click.Choice(get_args(operators.Role)), default="analyst", show_default=True)
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


@main.group(cls=_Group)
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
@click.option("--kind", type=click.Choice(["browser", "server"]), default="browser", show_default=True)
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


@main.command()
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


@main.command()
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


@main.command()
@shop_option
@click.argument("id", metavar="TYPE:VALUE")
def export(shop: str, id: str) -> None:
    """Print everything the shop holds about a person, as JSON."""
    with open_shop(shop) as opened:
        click.echo(json.dumps(opened.export(id), ensure_ascii=False, indent=2))


@main.command()
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


@main.command()
@shop_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="A taken port: the next free one is used.",
)
def serve(shop: str, host: str, port: int) -> None:
    """Serve the console, the storefront and the collect door until interrupted."""
    from fairday.serving import run

    with open_shop(shop) as opened:
        run(opened, host, port, lambda line: click.echo(line))


@main.command()
@shop_option
@click.option("--metric", type=click.Choice(METRICS), help="The one goal [revenue].")
@click.option("--period", metavar="7d|28d|90d|month|custom", help="Days back from today, or this month [28d].")
@click.option("--from", "from_", metavar="DAY", help="First day, such as 2026-05-01.")
@click.option("--to", metavar="DAY", help="Last day [today].")
@click.option("--compare", type=click.Choice(["before", "year"]), help="With as many days before, or last year.")
@click.option("--language", type=click.Choice(["zh", "en", "es"]), help="Of the page and the pictures [the shop's].")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML page that stands alone.")
@click.option("--csv", "csv_", type=click.Path(path_type=Path, file_okay=False), help="Write every table here.")
@click.option("--png", type=click.Path(path_type=Path, file_okay=False), help="Write every picture here.")
@click.option("--svg", type=click.Path(path_type=Path, file_okay=False), help="The same as SVG.")
def report(
    shop: str, from_: str | None, language: str | None, as_json: bool, html: Path | None, csv_: Path | None,
    png: Path | None, svg: Path | None, **given: str | None,
) -> None:  # fmt: skip
    """Say what the shop's efforts brought, and refuse what cannot be said."""
    from fairday.web.console import report as page
    from fairday.web.i18n import Tongue

    with open_shop(shop) as opened:
        settings = opened.settings
        words = {name: value for name, value in (given | {"from": from_}).items() if value}
        found = opened.report(ask(words, local_day(opened.clock.now(), settings.zone)))
        tongue = Tongue(language or settings.language, settings.zone, settings.currency)
        files: dict[Path, bytes] = {}
        if html is not None:
            files[html] = page.alone(found, tongue).encode()
        if csv_ is not None:
            files |= {csv_ / f"{name}.csv": sheets.as_csv(sheets.sheet(found, name)) for name in sheets.SHEETS}
        for folder, kind in ((png, "png"), (svg, "svg")):
            if folder is not None:
                drawn = page.every_part(found, tongue, kind)  # type: ignore[arg-type]
                files |= {folder / name: body for name, body in drawn.items()}
        for path, body in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            click.echo(path)
        if as_json:
            click.echo(page.as_json(found))
        elif not files:
            click.echo(in_words(found))


if __name__ == "__main__":
    main()
