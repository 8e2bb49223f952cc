"""The library's front door: ``fairday.open("shop.db")`` gives the shop with its rooms."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from sqlalchemy import Connection

from fairday import operators
from fairday.goods.offering import Goods
from fairday.goods.photos import forget_photos
from fairday.goods.search import Searching
from fairday.goods.stock import Stock, StockClaim
from fairday.insight.asked import Asked, ask
from fairday.insight.coupon_forecast import CouponForecasts
from fairday.insight.coupon_past import CouponPast
from fairday.insight.meetings import Meetings
from fairday.insight.replay import Replays, Repricings
from fairday.insight.report import Report, report
from fairday.insight.touches import Touches
from fairday.insight.why import Why, why
from fairday.intake.imports import ImportReport, Progress, import_files
from fairday.intake.mapping import Mapping
from fairday.intake.runs import Recorder
from fairday.kernel.audience import Vocabulary
from fairday.kernel.clock import Clock, SystemClock, local_day
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.settings import Settings
from fairday.offers import budgets
from fairday.offers.book import Offers
from fairday.offers.budgets import BudgetClaim, BudgetDecider
from fairday.offers.coupons import Coupons
from fairday.offers.coupons.claim import CouponClaim
from fairday.offers.coupons.moving import CouponMoves
from fairday.offers.coupons.telling import CouponTelling
from fairday.people import accounts, identity, privacy
from fairday.people.consent import ConsentFollower
from fairday.people.identity import IdentityFollower
from fairday.people.lately import LatelyFollower
from fairday.people.membership import Membership
from fairday.people.midnight import Midnight
from fairday.people.privacy import Eraser
from fairday.people.traits import Traits, vocabulary
from fairday.reach import smtp
from fairday.reach.approvals import ApprovalMails
from fairday.reach.mailing import Mailing
from fairday.reach.orders import OrderMails
from fairday.scenes import fitting, life
from fairday.scenes.choice import MESSAGES, Choice, Person, choose
from fairday.scenes.exposures import Exposures
from fairday.scenes.loading import load_owner
from fairday.scenes.ranking import Manifest, Rankings
from fairday.scenes.selling import SceneOffers
from fairday.scenes.spec import SceneSpec
from fairday.scenes.staging import Staging, popularity
from fairday.shop.background import HOME, Background
from fairday.shop.keeping import exists, load_settings, migrate, save_settings, search_folder, secret_in, settings_table
from fairday.storage import answers, deadlines
from fairday.storage.database import Database, shown
from fairday.storage.followers import BULK, Followers
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.lake import Lake, LakeFollower
from fairday.storage.log import Appender, Happening, happenings_at
from fairday.storage.runner import Runner
from fairday.stores.weather import WeatherFollower
from fairday.trade.b2b.moving import CompanyMoves
from fairday.trade.b2b.service import Companies
from fairday.trade.c2b.briefs import Briefs
from fairday.trade.c2b.designs import Designs
from fairday.trade.c2c.moving import MarketMoves
from fairday.trade.c2c.service import Market
from fairday.trade.checkout import Checkout
from fairday.trade.exchanges import Exchanges
from fairday.trade.given import PromotionGiven
from fairday.trade.moving import CartMoves, CountedMoves
from fairday.trade.payment.reconcile import DayDecider
from fairday.trade.payment.service import Payments
from fairday.trade.rewards import Rewards
from fairday.trade.service import Orders
from fairday.trade.telling import OrderTelling
from fairday.trade.tills import Tills, forget_codes

log = logging.getLogger("fairday")

Move = Literal["start", "pause", "resume", "end"]


class Shop:
    """One shop: its database, its runner and followers, and the rooms over them.

    Open one with ``fairday.open``; use it as a context manager or call ``close``.
    """

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self.db = db
        self.settings = settings
        self.clock = clock
        self.followers = Followers(db, clock)
        self.followers.register(IdentityFollower(lambda: self.settings.identity))
        self.followers.register(ConsentFollower(lambda: self.settings.identity))
        self.followers.register(Traits(lambda: self.settings))
        self.followers.register(Membership(lambda: self.settings))
        self.followers.register(LatelyFollower())
        self.followers.register(WeatherFollower())
        self.followers.register(Meetings(lambda: self.settings))
        self.followers.register(Touches(lambda: self.settings))
        self.midnight = Midnight(db, lambda: self.settings)
        self.writer = GroupCommit(db, after_commit=self.followers.wake)
        self.runner = Runner(self.writer, clock)
        accounts.register(self.runner)
        self.merging = accounts.Merging(db, self.writer, self.runner, clock)
        self.stock = Stock(db, self.runner)
        self.runner.register(life.SceneDecider())
        self.goods = Goods(db, lambda: self.settings, clock)
        self.orders = Orders(db, self.runner, clock, lambda: self.settings)
        self.orders.register_claim(StockClaim())
        self.coupons = Coupons(db, self.runner, clock, lambda conn: self.offers.asking(conn))
        self.orders.register_claim(CouponClaim())
        self.market = Market(db, self.runner, clock, lambda: self.settings, self.orders)
        self.designs = Designs(db, self.runner, clock, lambda: self.settings, self.orders)
        self.followers.register(OrderTelling(lambda: self.settings))
        self.followers.register(PromotionGiven())
        self.rewards = Rewards(clock, lambda: self.settings)
        self.orders.register_claim(accounts.PointsClaim())
        self.orders.register_claim(accounts.EarningClaim())
        self.runner.register(BudgetDecider())
        self.runner.register_spanning(budgets.FORWARD)
        self.orders.register_claim(BudgetClaim())
        self.scene_offers = SceneOffers(lambda: self.settings)
        self.offers = Offers(db, lambda: self.settings, self.scene_offers)
        self.checkout = Checkout(
            db, clock, lambda: self.settings, self.orders, self.goods, self.stock, self.coupons, self.offers,
            self.rewards,
        )  # fmt: skip
        self.exchanges = Exchanges(self.orders, self.checkout)
        self.followers.register(CouponTelling(lambda: self.settings))
        self.search = Searching(db, lambda: self.settings, clock, search_folder(db, settings), popularity)
        self.payments = Payments(db, self.runner, clock, lambda: self.settings)
        self.payments.register_payable("order", self.orders.payable)
        self.tills = Tills(self.orders, self.payments, self.rewards, self.stock)
        self.companies = Companies(
            db, self.runner, clock, lambda: self.settings, self.orders, self.checkout, self.payments
        )
        self.merging.register(CouponMoves(), CountedMoves(), CartMoves(), CompanyMoves(), MarketMoves())
        self.briefs = Briefs(db, self.runner, clock, lambda: self.settings, self.orders, self.companies)
        self.followers.register(CouponPast(lambda: self.settings))
        self.coupon_forecasts = CouponForecasts(db, lambda: self.settings, clock)
        self.runner.register(DayDecider())
        self.appender = Appender()
        self.exposures = Exposures(self.writer)
        self.erasers: list[Eraser] = []
        self.lake = Lake(Path(settings.lake)) if settings.lake else None
        if self.lake is not None:
            self.followers.register(LakeFollower(self.lake))
            self.erasers.append(self._erase_lake)
        self.mailing = Mailing(db, lambda: self.settings, clock, lambda: self.staging)
        self.followers.register(OrderMails(lambda: self.settings, secret_in))
        self.followers.register(ApprovalMails(lambda: self.settings))
        self.replays = Replays(db, lambda: self.settings, clock)
        self.repricings = Repricings(db, lambda: self.settings, clock, self.offers, self.lake)
        self.rankings = Rankings(fitting.folder_of(db, settings))
        self.erasers.append(fitting.eraser(self.rankings))
        self._staging: Staging | None = None
        self._background = Background(self)

    # ---- the log ---------------------------------------------------------------------------------------------------

    def append(self, happenings: list[Happening]) -> Future[int]:
        """Queue happenings for the log; the future gives how many were new, after they are durable."""
        return self.writer.submit(self.appender, happenings)

    def import_files(
        self,
        paths: Sequence[str | Path],
        mapping: str | Path | Mapping | None = None,
        *,
        zone: str = "",
        dry_run: bool = False,
        rejects: Path | None = None,
        progress: Progress = lambda done, total: None,
    ) -> ImportReport:
        """Bring files of orders, goods, customers and campaigns in; see ``fairday.intake.imports.import_files``."""
        recorder = None if dry_run else Recorder(self.db, paths, self.clock.now)

        def told(done: int, total: int) -> None:
            progress(done, total)
            if recorder is not None:
                recorder.progress(done, total)

        try:
            report = import_files(
                self.db, self.settings, paths, mapping,
                now=self.clock.now(), zone=zone, dry_run=dry_run, rejects=rejects, progress=told,
            )  # fmt: skip
        except BaseException as error:
            if recorder is not None:
                recorder.failed(error)
            raise
        if recorder is not None:
            recorder.done(report)
        self.followers.wake()
        return report

    def catch_up(self, progress: Callable[[str, int], None] | None = None) -> None:
        """Let every follower read to the end of the log."""
        self.followers.catch_up(progress=progress, limit=BULK)

    # ---- people ----------------------------------------------------------------------------------------------------

    @property
    def vocabulary(self) -> Vocabulary:
        """What audiences and scenes may speak of in this shop."""
        return vocabulary(self.settings)

    def person(self, id_: str) -> int:
        """The person who owns an id written ``type:value`` now.

        Raises:
            FairdayError: not an id.
            NotFound: nobody owns it.
        """
        with self.db.read() as conn:
            return self._person(conn, id_)

    def _person(self, conn: Connection, id_: str) -> int:
        type_, value = identity.parse_id(id_, self.settings.identity)
        found = identity.person_of(conn, type_, value)
        if found is None:
            raise _unknown(id_)
        return found

    def export(self, id_: str) -> dict[str, Any]:
        """Everything the shop holds about a person, as JSON."""
        person = self.person(id_)
        with self.db.read() as conn:
            return privacy.export(conn, person)

    def erase(self, id_: str) -> privacy.Receipt:
        """Erase a person everywhere, for good; see ``fairday.people.privacy.erase``."""
        return privacy.erase(self, id_)

    def _erase_lake(self, conn: Connection, subject: privacy.Subject) -> int:
        assert self.lake is not None
        return self.lake.erase(subject.positions, happenings_at(conn, subject.mentions))

    # ---- scenes ----------------------------------------------------------------------------------------------------

    @property
    def staging(self) -> Staging:
        """What is live, made ready for the choice; made anew when the settings it stands on change."""
        if self._staging is None or (self._staging.people.currency, self._staging.zone) != (
            self.settings.currency, self.settings.zone,
        ):  # fmt: skip
            self._staging = Staging(self.vocabulary, self.settings.zone, self.rankings)
        return self._staging

    def save_scene(
        self, text: str, *, file: str = "scene.yaml", actor: str = "system", version: int | None = None
    ) -> SceneSpec:
        """Save a scene's YAML as a draft, or as the next version of a scene that is live.

        Raises:
            SceneError: the text is no scene; ``problems`` says where and why.
            Conflict: it is ended, or another version was saved meanwhile.
        """
        asked, spec = life.save(
            text, self.vocabulary, self.settings.zone,
            goods=self.staging.goods, file=file, actor=actor, version=version,
        )  # fmt: skip
        self._ask(asked)
        return spec

    def move_scene(self, move: Move, scene: str, *, actor: str = "system", version: int | None = None) -> None:
        """Start, pause, resume or end a scene.

        Raises:
            Conflict: it cannot go there from where it stands; the message says from where it can.
        """
        self._ask(life.move(move, scene, actor, version))

    def _ask(self, command: Command) -> None:
        answer = self.runner.submit(command)
        self.staging.changed(self.db, self.clock.now())
        if answer.refusal is not None:
            raise Conflict(answer.refusal.message, code=answer.refusal.code, where=command.stream)

    def fit(
        self, progress: Callable[[str, int, int], None] = lambda step, done, total: None, day: int | None = None
    ) -> Manifest:
        """Fit the ranking of goods on what people bought up to today (or a local day), and serve it from then on.

        Args:
            progress: told before each step its name, and how many of all steps are done.

        Raises:
            FairdayError: the shop has nowhere to keep its fits.
            Conflict: another process is fitting it.
        """
        return fitting.fit_shop(self.db, self.settings, self.clock.now(), progress, day)

    def choose(
        self,
        id_: str | None,
        touchpoint: str,
        *,
        scene: str | None = None,
        now: int | None = None,
    ) -> Choice:
        """What a person (an id written ``type:value``; None: a stranger) would meet at a touchpoint, recording nothing.

        For messages consent and frequency are not looked at; ``mailing`` asks them.
        """
        at = self.clock.now() if now is None else now
        stage = self.staging.ready
        if stage is None:
            with self.db.read() as conn:
                stage = self.staging.stage(conn, at)
        person = Person() if id_ is None else self._loaded(id_, at)
        return choose(person, touchpoint, at, stage, scene=scene)

    def _loaded(self, id_: str, now: int) -> Person:
        with self.db.glance() as conn:
            found = load_owner(conn, identity.parse_id(id_, self.settings.identity), now)
        if found is None:
            raise _unknown(id_)
        return found

    def why(self, person: int | None, touchpoint: str, *, scene: str | None = None, good: str | None = None) -> Why:
        """Why a person (None: a stranger) meets what they meet now; see ``fairday.insight.why``."""
        now = self.clock.now()
        with self.db.read() as conn:
            stage = self.staging.stage(conn, now)
            return why(conn, stage, self.staging.goods, self.settings, person, touchpoint, now, scene=scene, good=good)

    def meet(self, id_: str | None, touchpoint: str, *, wait: bool = True) -> Choice:
        """What a person meets at a page or feed now, and the record of it: arms, meetings shown and withheld.

        Args:
            wait: return after the record is durable, not when it is queued.

        Raises:
            FairdayError: a touchpoint that is a message; those go through ``mailing``.
            Unavailable: too much is waiting to be written; nobody should be shown this.
        """
        if touchpoint in MESSAGES:
            raise FairdayError(f"{touchpoint} is a message.", code="bad_touchpoint", remedy="Ask a page or feed.")
        choice = self.choose(id_, touchpoint)
        if id_ is not None:
            recorded = self.record(choice, identity.parse_id(id_, self.settings.identity), self.clock.now())
            if wait:
                recorded.result()
        return choice

    def record(self, choice: Choice, who: tuple[str, str], now: int) -> Future[None]:
        """Queue the record of what a page showed the owner of an id; the future is resolved when it is durable.

        Raises:
            Unavailable: too much is waiting to be written.
        """
        exposure = choice.exposure(who, now, self.settings.zone)
        if exposure.happenings:
            return self.exposures.queue(exposure)
        nothing: Future[None] = Future()
        nothing.set_result(None)
        return nothing

    def run_mail(self, progress: Progress = lambda done, total: None) -> Counter[str]:
        """Plan the mail of live scenes and send what is queued: to FAIRDAY_SMTP_URL, or into the local mailbox.

        Returns:
            How many were queued or withheld by reason, and ``sent``.
        """
        result = self.mailing.plan(progress)
        result["sent"] = self.send_mail()
        return result

    def send_mail(self) -> int:
        """Send what is queued: to FAIRDAY_SMTP_URL, or into the local mailbox; how many."""
        address = smtp.from_environment()
        transport = None if address is None else smtp.Smtp(address, self.settings.mail_from, self.settings.public_url)
        sent = self.mailing.send(transport)
        self.followers.wake()
        return sent

    # ---- insight ---------------------------------------------------------------------------------------------------

    def report(self, asked: Asked | None = None) -> Report:
        """What the shop's people, goods and scenes did; unasked, for revenue of the last 28 days."""
        now = self.clock.now()
        with self.db.read() as conn:
            return report(conn, self.settings, asked or ask({}, local_day(now, self.settings.zone)), now)

    # ---- operators -------------------------------------------------------------------------------------------------

    def add_operator(self, email: str, role: operators.Role) -> str:
        """Let somebody sign in to the console; gives their one-time password, which is kept nowhere."""
        return operators.create(self.db, email, role, self.clock.now())

    # ---- deadlines and background ----------------------------------------------------------------------------------

    def fire_due(self) -> int:
        """Send every stream whose deadline has come its deadline, and give back what designs that are not made were
        paid; how many fired or went back here."""
        fired = deadlines.fire_due(
            self.db, self.runner, self.clock.now(), lambda s, e: log.error("deadline of %s failed: %s", s, e)
        )
        return fired + self.designs.settle()

    def forget_answers(self) -> int:
        """Let go of a slice of idempotency keys older than they are kept; how many there were."""
        with self.db.write() as conn:
            return answers.forget(conn, self.clock.now())

    def forget_codes(self) -> int:
        """Let go of a slice of pay codes that ended long ago; how many there were."""
        with self.db.write() as conn:
            return forget_codes(conn, self.clock.now())

    def forget_photos(self) -> int:
        """Let go of a slice of shoppers' photos whose time is over; how many there were."""
        with self.db.write() as conn:
            return forget_photos(conn, self.clock.now())

    def start(self) -> None:
        """Run the followers, the deadlines and the daily and mailing jobs in the background until ``close``."""
        self.followers.start()
        self._background.start()

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        self._background.stop()
        self.replays.close()
        self.repricings.close()
        self.followers.stop()
        self.writer.close()
        self.db.close()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # ---- settings --------------------------------------------------------------------------------------------------

    def change_settings(self, **changes: Any) -> Settings:
        """Change settings by name and keep them.

        Raises:
            FairdayError: an unknown name or a value of the wrong kind.
        """
        with self.db.write() as conn:
            self.settings = save_settings(conn, self.settings, changes)
        return self.settings


def open(url: str | Path, *, create: bool = True, clock: Clock | None = None, **settings: Any) -> Shop:
    """Open a shop, creating it where there is none and migrating it where it is older.

    Args:
        url: a file name (SQLite) or a PostgreSQL URL.
        create: False refuses a database that holds no shop.
        clock: the clock to live by; the machine's by default.
        settings: settings to change, by name (``zone="Europe/London"``).

    Raises:
        FairdayError: the address, the database or a setting is not usable.
    """
    db = Database(str(url))
    try:
        if not create and not exists(db):
            where = shown(str(url))
            raise FairdayError(f"There is no shop in {where}.", code="no_shop", remedy="Create one: fairday init.")
        db.greet()
        migrate(db)
        with db.write() as conn:
            current = save_settings(conn, load_settings(conn), settings)
        return Shop(db, current, clock or SystemClock())
    except BaseException:
        db.close()
        raise


def _unknown(id_: str) -> NotFound:
    return NotFound(f"Nobody owns {id_}.", code="unknown_id", remedy="Look for another id of theirs.")


__all__ = ["HOME", "Move", "Shop", "exists", "load_settings", "migrate", "open", "save_settings", "settings_table"]
