"""The rooms of one shop, made in their order over one database, and wired to each other."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from fairday.goods.offering import Goods
from fairday.goods.search import Searching
from fairday.goods.stock import Stock, StockClaim
from fairday.insight.coupon_forecast import CouponForecasts
from fairday.insight.coupon_past import CouponPast
from fairday.insight.meetings import Meetings
from fairday.insight.replay import Replays, Repricings
from fairday.insight.touches import Touches
from fairday.kernel.audience import Vocabulary
from fairday.kernel.clock import Clock
from fairday.kernel.settings import Settings
from fairday.offers import budgets
from fairday.offers.book import Offers
from fairday.offers.budgets import BudgetClaim, BudgetDecider
from fairday.offers.coupons import Coupons
from fairday.offers.coupons.claim import CouponClaim
from fairday.offers.coupons.moving import CouponMoves
from fairday.offers.coupons.telling import CouponTelling
from fairday.people import accounts, privacy
from fairday.people.consent import ConsentFollower
from fairday.people.identity import IdentityFollower
from fairday.people.lately import LatelyFollower
from fairday.people.membership import Membership
from fairday.people.midnight import Midnight
from fairday.people.privacy import Eraser
from fairday.people.traits import Traits, vocabulary
from fairday.reach.approvals import ApprovalMails
from fairday.reach.expiring import Reminders
from fairday.reach.mailing import Mailing
from fairday.reach.orders import OrderMails
from fairday.reach.strangers import forget_strangers
from fairday.scenes import fitting, life
from fairday.scenes.exposures import Exposures
from fairday.scenes.ranking import Rankings
from fairday.scenes.selling import SceneOffers
from fairday.scenes.staging import Staging, popularity
from fairday.shop.keeping import search_folder, secret_in
from fairday.storage.database import Database
from fairday.storage.followers import Followers
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.lake import Lake, LakeFollower
from fairday.storage.log import Appender, happenings_at
from fairday.storage.runner import Runner
from fairday.stores.weather import WeatherFollower
from fairday.trade.b2b.moving import CompanyMoves
from fairday.trade.b2b.service import Companies
from fairday.trade.c2b.briefs import Briefs
from fairday.trade.c2b.designs import Designs
from fairday.trade.c2b.forgetting import forget_designers
from fairday.trade.c2b.moving import BriefMoves
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
from fairday.trade.tills import Tills


class Rooms:
    """What a shop is made of: its runner and followers, and a service for each room, by name."""

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
        self.followers.register(OrderTelling(self.orders.steps.mode))
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
            self.rewards, self.scene_offers.arms,
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
        self.merging.register(CouponMoves(), CountedMoves(), CartMoves(), CompanyMoves(), MarketMoves(), BriefMoves())
        self.briefs = Briefs(db, self.runner, clock, lambda: self.settings, self.orders, self.companies)
        self.followers.register(CouponPast(lambda: self.settings))
        self.coupon_forecasts = CouponForecasts(db, lambda: self.settings, clock)
        self.runner.register(DayDecider())
        self.appender = Appender()
        self.exposures = Exposures(self.writer)
        self.erasers: list[Eraser] = [forget_designers, forget_strangers]
        self.lake = Lake(Path(settings.lake)) if settings.lake else None
        if self.lake is not None:
            self.followers.register(LakeFollower(self.lake))
            self.erasers.append(self._erase_lake)
        self.mailing = Mailing(db, lambda: self.settings, clock, lambda: self.staging)
        self.reminders = Reminders(db, lambda: self.settings, clock)
        self.followers.register(OrderMails(lambda: self.settings, secret_in))
        self.followers.register(ApprovalMails(lambda: self.settings))
        self.replays = Replays(db, lambda: self.settings, clock)
        self.repricings = Repricings(db, lambda: self.settings, clock, self.offers, self.lake)
        self.rankings = Rankings(fitting.folder_of(db, settings))
        self.erasers.append(fitting.eraser(self.rankings))
        self._staging: Staging | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """What audiences and scenes may speak of in this shop."""
        return vocabulary(self.settings)

    @property
    def staging(self) -> Staging:
        """What is live, made ready for the choice; made anew when the settings it stands on change."""
        if self._staging is None or (self._staging.people.currency, self._staging.zone) != (
            self.settings.currency, self.settings.zone,
        ):  # fmt: skip
            self._staging = Staging(self.vocabulary, self.settings.zone, self.rankings)
        return self._staging

    def _erase_lake(self, conn: Connection, subject: privacy.Subject) -> int:
        assert self.lake is not None
        return self.lake.erase(subject.positions, happenings_at(conn, subject.mentions))
