"""A shop's settings: typed, with defaults, kept as JSON in the database."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Language = Literal["zh", "en", "es"]


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How identities join. See docs/algorithms/identity.md for each field's meaning."""

    priority: tuple[str, ...] = (
        "user_id", "wechat_unionid", "phone", "email", "wecom_external_userid",
        "wechat_openid", "weibo_uid", "device_id", "anonymous_id",
    )  # fmt: skip
    limits: dict[str, int] = msgspec.field(
        default_factory=lambda: {
            "user_id": 1,
            "wechat_unionid": 1,
            "phone": 3,
            "email": 5,
            "wecom_external_userid": 10,
            "wechat_openid": 10,
            "weibo_uid": 3,
        }
    )
    weak: tuple[str, ...] = ("device_id", "anonymous_id")
    transferable: tuple[str, ...] = ("phone", "email")
    weak_rebind: Literal["last_login", "first_login"] = "last_login"
    shared_threshold: int = 3
    default_region: str = "CN"
    blocked: tuple[str, ...] = (
        "", "null", "none", "undefined", "nan", "anonymous", "guest", "unknown",
        "0", "-1", "true", "false", "[object object]", "test@test.com",
    )  # fmt: skip
    blocked_re: tuple[str, ...] = (r"^[0\-]+$",)

    def __post_init__(self) -> None:
        for pattern in self.blocked_re:
            re.compile(pattern)


class ContactSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When and how often messages may reach a person, over all scenes. See docs/algorithms/choice.md.

    Attributes:
        quiet_from, quiet_until: minutes of the person's local day; quiet from 21:00 to 08:00 by default, nothing when
            equal.
        per_day, per_week: messages a person may get in a local day, and in seven with today the last.
    """

    quiet_from: Annotated[int, msgspec.Meta(ge=0, le=1439)] = 21 * 60
    quiet_until: Annotated[int, msgspec.Meta(ge=0, le=1439)] = 8 * 60
    per_day: Annotated[int, msgspec.Meta(ge=1)] = 2
    per_week: Annotated[int, msgspec.Meta(ge=1)] = 5


class PaymentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How shoppers may pay. Keys are not settings: see docs/operators/payments.md.

    Attributes:
        methods: those offered, in the order they are shown: wechat, alipay, balance (a member's, where it is enough),
            cash, bank_transfer, card_present.
        sandbox: whether the sandbox, where no money moves, stands in for providers without keys: while the shop is at
            home on this machine (public_url), always, or never.
        minutes: how long a shopper has to pay.
    """

    methods: tuple[Literal["wechat", "alipay", "balance", "cash", "bank_transfer", "card_present"], ...] = (
        "balance", "wechat", "alipay", "cash", "bank_transfer", "card_present",
    )  # fmt: skip
    sandbox: Literal["home", "on", "off"] = "home"
    minutes: Annotated[int, msgspec.Meta(ge=5, le=1440)] = 30


class MarketSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How people sell to people here. See docs/algorithms/second-hand.md.

    Attributes:
        open: whether members may list things.
        commission: what the shop keeps of a sale, hundredths of a percent.
        hold_days: money is handed to the seller so many days after the thing was sent, unless the buyer says before
            that it came, or that something is wrong.
        review: whether somebody of the shop looks at a listing before it is shown.
    """

    open: bool = False
    commission: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 500
    hold_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    review: bool = True


class CrowdSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How people answer briefs and put designs to pre-order here. See docs/algorithms/crowd.md.

    Attributes:
        open: whether members may answer briefs and send designs, and companies write briefs.
        commission: what the shop keeps of the reward of a company's brief, hundredths of a percent; of its own nothing.
        royalty: what a designer gets of a design where the shop says nothing else, hundredths of a percent.
        accept_days: nothing said so many days after something was delivered is acceptance.
        rounds: how often something else may be asked for after a delivery.
    """

    open: bool = False
    commission: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 1000
    royalty: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 1000
    accept_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7
    rounds: Annotated[int, msgspec.Meta(ge=0, le=5)] = 2


class RewardLevel(msgspec.Struct, frozen=True):
    """A tier: its name, and what must be earned within a year to reach it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    at: Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class RewardBoost(msgspec.Struct, frozen=True, kw_only=True):
    """When earning is multiplied: all that is said must hold, nothing said means always. The best boost counts alone.

    Attributes:
        percent: 200 is twice.
        weekdays: 0 (Monday) to 6; ``days``: of the month, 1 to 31.
        birthday: on the member's birthday.
        tiers: of members of these.
    """

    percent: Annotated[int, msgspec.Meta(ge=100, le=2000)] = 200
    weekdays: tuple[Annotated[int, msgspec.Meta(ge=0, le=6)], ...] = ()
    days: tuple[Annotated[int, msgspec.Meta(ge=1, le=31)], ...] = ()
    birthday: bool = False
    tiers: tuple[str, ...] = ()


class RewardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The rewards program. See docs/merchants/rewards.md.

    Attributes:
        on: whether orders earn.
        unit: what is earned.
        per: one point for so many minor units of what goods cost after discounts.
        months: how long points are good for, 0 for ever.
        levels: lowest first; ``keep_days`` and ``grace_days`` as docs/algorithms/rewards.md says.
        top_ups: amounts offered for topping a balance up, minor units; none: nothing can be topped up.
    """

    on: bool = False
    unit: Literal["points", "stars"] = "points"
    per: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100
    months: Annotated[int, msgspec.Meta(ge=0, le=120)] = 12
    levels: Annotated[tuple[RewardLevel, ...], msgspec.Meta(max_length=8)] = ()
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 30
    boosts: Annotated[tuple[RewardBoost, ...], msgspec.Meta(max_length=12)] = ()
    top_ups: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=10**9)], ...], msgspec.Meta(max_length=8)] = ()

    def __post_init__(self) -> None:
        ats, names = [level.at for level in self.levels], [level.name for level in self.levels]
        if ats != sorted(set(ats)) or len(set(names)) != len(names):
            raise ValueError("tiers rise, and each has a name of its own")


Price = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class SendingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where orders are sent from; see docs/algorithms/stock.md.

    Attributes:
        policy: of several places that could serve, the nearest, the cheapest, or as few parcels as can be.
        prices: by place: what a parcel from there costs the shop, and each kilogram of it more, minor units.
    """

    policy: Literal["nearest", "cheapest", "keep_whole"] = "keep_whole"
    prices: dict[str, tuple[Price, Price]] = {}


class OrderMailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which mails about their own order buyers get; see docs/merchants/orders.md.

    Attributes:
        paid: it is paid (or on account), and what it is.
        shipped: with the parcel's link; ``ready``: to be collected, with the code.
        cancelled: by either side, or for want of payment; ``refunded``: money goes back.
        returned: what came back has arrived; ``exchanged``: for what.
    """

    paid: bool = True
    shipped: bool = True
    ready: bool = True
    cancelled: bool = True
    refunded: bool = True
    returned: bool = True
    exchanged: bool = True


class TaxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The tax of a country in which the shop is registered.

    Attributes:
        rates: percent by tax class of goods ("13", "5.5", at most three decimals); a class that is not named here has
            the rate of "standard", and where that is missing none.
        included: the shop's prices have it in them; otherwise it comes on top.
        shipping: the tax class of delivery.
    """

    rates: dict[str, Decimal] = {}
    included: bool = True
    shipping: str = "standard"

    def __post_init__(self) -> None:
        for name, rate in self.rates.items():
            if not re.fullmatch(r"[a-z0-9_-]{1,40}", name):
                raise ValueError(f"{name[:40]!r} is not a tax class")
            if not (rate.is_finite() and 0 <= rate <= 100 and rate * 1000 == int(rate * 1000)):
                raise ValueError(f"{rate} is not a rate in percent, 0 to 100 with at most three decimals")

    def rate(self, tax_class: str) -> int:
        """The rate of a class in thousandths of a percent (13 % is 13000)."""
        return int(self.rates.get(tax_class, self.rates.get("standard", Decimal(0))) * 1000)


class PricingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How promotions are put together and rounded; see docs/algorithms/pricing.md.

    Attributes:
        objective: which combination is taken: best for the customer, by priority, least cost to the merchant.
        remainder: who gets the minor units that do not divide.
        rounding: once at the "end", or after "each" promotion.
        half: a half minor unit of discount goes "up" (to the buyer) or "down".
        tax_by: tax is rounded for each "line", or for each rate of the "order".
        floors: by category, and for those below it, percent of the price that no piece is sold below; a product's own
            floor counts before it.
    """

    objective: Literal["customer", "priority", "merchant"] = "customer"
    remainder: Literal["largest", "floor, first", "half down, first", "floor, last", "half up, last"] = "largest"
    rounding: Literal["end", "each"] = "end"
    half: Literal["up", "down"] = "up"
    tax_by: Literal["line", "order"] = "line"
    floors: Annotated[dict[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], Decimal],
                      msgspec.Meta(max_length=500)] = {}  # fmt: skip

    def __post_init__(self) -> None:
        for category, share in self.floors.items():
            if not (share.is_finite() and 0 < share <= 100):
                raise ValueError(f"{share} of {category[:40]!r} is not a share of the price, above 0 and at most 100 %")


Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Prefix = Annotated[str, msgspec.Meta(pattern="^[0-9]{0,10}$")]


class BorderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the shop sells abroad; see docs/algorithms/landed-cost.md.

    Attributes:
        countries: the countries it sells to besides its own; none: wherever a delivery goes.
        closed: countries it does not sell to.
        takes: currencies an order may be charged in besides the shop's own.
        prepaid: duty and tax that would be asked on delivery are paid at checkout too, and the shop settles them.
        refuses: by country, product numbers and tags of goods that the shop does not send there.
        numbers: by customs territory or country ("EU", "GB"), the shop's number there (IOSS, VAT, EORI), for invoices.
        tariffs: by customs territory and prefix of the Harmonized System, the shop's own duty in percent.
        vat: by country, the shop's own rate of tax on what is sent there, in percent.
        table: the shop's own duties and taxes, YAML laid over the table that ships with Fairday; "": none.
    """

    countries: tuple[Country, ...] = ()
    closed: tuple[Country, ...] = ()
    takes: Annotated[tuple[Currency, ...], msgspec.Meta(max_length=20)] = ()
    prepaid: bool = False
    refuses: dict[Country, tuple[str, ...]] = {}
    numbers: dict[Country, Annotated[str, msgspec.Meta(min_length=1, max_length=40)]] = {}
    tariffs: dict[Annotated[str, msgspec.Meta(max_length=20)], dict[Prefix, Decimal]] = {}
    vat: dict[Country, Decimal] = {}
    table: Annotated[str, msgspec.Meta(max_length=200_000)] = ""

    def __post_init__(self) -> None:
        for rate in (*self.vat.values(), *(r for rates in self.tariffs.values() for r in rates.values())):
            if not (rate.is_finite() and 0 <= rate <= 1000):
                raise ValueError(f"{rate} is not a rate in percent, 0 to 1000")

    def sells_to(self, country: str) -> bool:
        """Whether the shop, of another country, sells to this one."""
        return country not in self.closed and (not self.countries or country in self.countries)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One shop's settings.

    Attributes:
        name: what the shop is called.
        seller: who sells, as invoices say it: a few lines with the company's name, address and tax numbers.
        bank: where bank transfers go: a few lines with the holder, the bank and the account's number.
        zone: IANA time zone; every day boundary of the shop is taken in it.
        currency: ISO 4217 code of the amounts the shop keeps.
        country: ISO 3166-1 code of where its shoppers are unless something else is known, or "".
        language: the language a page falls back to.
        public_url: where shoppers reach the shop, without a trailing slash; used in links of messages.
        mail_from: the sender of its mail, such as ``Tea & Co <hello@example.com>``.
        lookback: days before an order in which a visit may be credited with it.
        lake: the folder of the Parquet copy for analysis, or "" for none.
        models: the folder of what is fitted for the shop (its ranking), or "" for one beside its database or lake.
        taxes: by ISO 3166-1 code of each country where the shop is registered for tax; a sale to any other asks none.
        border: how it sells abroad.
        pricing: how promotions are put together and rounded.
        sending: where orders are sent from.
        order_mails: which mails about their own order buyers get.
        price_tolerance: percent by which prices of the same goods may lie apart; beyond it the console says they clash.
        reminder_days: so many days before coupons and points run out whoever agreed to get mail is told; 0: never.
        mail_cost: what a thousand mails cost, minor units; counted against a scene's budget and foreseen.
    """

    name: str = "My shop"
    seller: Annotated[str, msgspec.Meta(max_length=500)] = ""
    bank: Annotated[str, msgspec.Meta(max_length=500)] = ""
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    country: Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?$")] = ""
    language: Language = "zh"
    public_url: str = "http://127.0.0.1:8000"
    mail_from: str = "shop@localhost"
    lookback: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    lake: str = ""
    models: str = ""
    mail_cost: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 0
    reminder_days: Annotated[int, msgspec.Meta(ge=0, le=30)] = 0
    price_tolerance: Annotated[int, msgspec.Meta(ge=0, le=500)] = 5
    identity: IdentitySettings = msgspec.field(default_factory=IdentitySettings)
    contact: ContactSettings = ContactSettings()
    payments: PaymentSettings = PaymentSettings()
    taxes: dict[Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")], TaxSettings] = {}
    border: BorderSettings = BorderSettings()
    pricing: PricingSettings = PricingSettings()
    market: MarketSettings = MarketSettings()
    crowd: CrowdSettings = CrowdSettings()
    rewards: RewardSettings = RewardSettings()
    order_mails: OrderMailSettings = OrderMailSettings()
    sending: SendingSettings = SendingSettings()
