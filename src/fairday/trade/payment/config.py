"""The shop's accounts with providers, from a file named by the environment: keys are kept out of the database.

[wechat]
mchid = "1900000109"
appid = "wx0123456789abcdef"
serial = "the serial number of the merchant's certificate"
key = "apiclient_key.pem"            # files, found from where this one is
apiv3_key = "apiv3.key"
public_key_id = "PUB_KEY_ID_0119…"   # public-key mode; without these two, platform-certificate mode
public_key = "pub_key.pem"

[alipay]
app_id = "2021000000000000"
seller_id = "2088000000000000"
key = "app_private_key.pem"
alipay_public_key = "alipay_public_key.pem"
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.trade.payment import rsa
from fairday.trade.payment.alipay.client import Alipay, AlipayAccount
from fairday.trade.payment.model import PROVIDERS, Provider
from fairday.trade.payment.sandbox import Sandbox
from fairday.trade.payment.wechat.client import Wechat, WechatAccount

ENVIRONMENT = "FAIRDAY_PAYMENTS"
_KEYS = {
    "wechat": ({"mchid", "appid", "serial", "key", "apiv3_key"}, {"public_key_id", "public_key"}),
    "alipay": ({"app_id", "seller_id", "key", "alipay_public_key"}, set[str]()),
}
SMALL = 65_536


def from_environment() -> dict[str, WechatAccount | AlipayAccount]:
    """The accounts in the file named by FAIRDAY_PAYMENTS, by provider; none without one.

    Raises:
        FairdayError: the file or one it names cannot be used. No key is told.
    """
    name = os.environ.get(ENVIRONMENT, "")
    return accounts(Path(name)) if name else {}


def accounts(path: Path) -> dict[str, WechatAccount | AlipayAccount]:
    """The accounts in a file.

    Raises:
        FairdayError: as ``from_environment``.
    """
    try:
        found = tomllib.loads(_read(path, str(path)))
    except tomllib.TOMLDecodeError as error:
        raise FairdayError(f"The payments' file is not TOML: {error}.", code="bad_payments_file", where=str(path))
    for name in found:
        if name not in PROVIDERS or not isinstance(found[name], dict):
            raise _bad(f"There is no provider {name!r}.", str(path), "Write [wechat] or [alipay].")
    made: dict[str, WechatAccount | AlipayAccount] = {}
    if "wechat" in found:
        made["wechat"] = _wechat(_checked("wechat", found["wechat"], path), path)
    if "alipay" in found:
        made["alipay"] = _alipay(_checked("alipay", found["alipay"], path), path)
    return made


def _checked(name: str, given: Mapping[str, Any], path: Path) -> dict[str, str]:
    needed, more = _KEYS[name]
    where = f"{path} [{name}]"
    missing, unknown = sorted(needed - given.keys()), sorted(given.keys() - needed - more)
    if missing or unknown:
        what = f"{missing[0]} is missing" if missing else f"{unknown[0]} is not known"
        raise _bad(f"{what}.", where, f"Known: {', '.join(sorted(needed | more))}.")
    if any(not isinstance(value, str) or not value for value in given.values()):
        raise _bad("Every value is a text in quotes.", where, "")
    if ("public_key" in given) != ("public_key_id" in given):
        raise _bad("Public-key mode needs public_key and public_key_id.", where, "Give both, or neither.")
    return dict(given)


def _wechat(given: Mapping[str, str], path: Path) -> WechatAccount:
    apiv3 = _read(path.parent / given["apiv3_key"], f"{path} [wechat] apiv3_key").strip()
    if not re.fullmatch(r"[0-9A-Za-z]{32}", apiv3):
        raise _bad("The API v3 key has 32 letters and digits.", f"{path} [wechat] apiv3_key", "")
    public = given.get("public_key")
    where = f"{path} [wechat]"
    return WechatAccount(
        mchid=given["mchid"],
        appid=given["appid"],
        serial=given["serial"],
        key=rsa.private_key(_read(path.parent / given["key"], f"{where} key"), f"{where} key"),
        apiv3_key=apiv3.encode(),
        public_key_id=given.get("public_key_id", ""),
        public_key=None
        if public is None
        else rsa.public_key(_read(path.parent / public, f"{where} public_key"), f"{where} public_key"),
    )


def _alipay(given: Mapping[str, str], path: Path) -> AlipayAccount:
    where = f"{path} [alipay]"
    own, theirs = given["key"], given["alipay_public_key"]
    return AlipayAccount(
        app_id=given["app_id"],
        seller_id=given["seller_id"],
        key=rsa.private_key(_read(path.parent / own, f"{where} key"), f"{where} key"),
        public_key=rsa.public_key(
            _read(path.parent / theirs, f"{where} alipay_public_key"), f"{where} alipay_public_key"
        ),
    )


def _read(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(SMALL + 1)
        if len(raw) > SMALL:
            raise ValueError
        return raw.decode()
    except (OSError, ValueError) as error:
        raise _bad(f"The file {path.name} cannot be read ({type(error).__name__}).", where, "Name a small text file.")


def _bad(message: str, where: str, remedy: str) -> FairdayError:
    return FairdayError(message, code="bad_payments_file", where=where, remedy=remedy)


class Providers:
    """The providers this shop pays through: with its own accounts, else the sandbox where that may stand in."""

    def __init__(self, settings: Callable[[], Settings], sandbox: Sandbox, now: Callable[[], int]) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._now = now
        self._live = from_environment()
        self._made: dict[tuple[str, str], Provider] = {}

    @property
    def live(self) -> tuple[str, ...]:
        """Those with accounts of the shop's own, where money moves."""
        return tuple(self._live)

    @property
    def sandboxed(self) -> bool:
        """Whether the sandbox is there."""
        settings = self._settings()
        return settings.payments.sandbox == "on" or (settings.payments.sandbox == "home" and at_home(settings))

    def offered(self) -> tuple[str, ...]:
        """The providers that can be used now."""
        return PROVIDERS if self.sandboxed else tuple(p for p in PROVIDERS if p in self._live)

    def get(self, name: str) -> Provider:
        """A provider.

        Raises:
            FairdayError: the shop has no account there and the sandbox is not to stand in.
        """
        if name not in self.offered():
            raise FairdayError(
                f"The shop has no account with {name}.",
                code="no_provider",
                where=ENVIRONMENT,
                remedy="Name a file with the account's keys, see docs/operators/payments.md.",
            )
        base = self._settings().public_url
        found = self._made.get((name, base))
        if found is None:
            found = self._made[name, base] = self._make(name, base)
        return found

    def _make(self, name: str, base: str) -> Provider:
        account = self._live.get(name) or self._of_sandbox(name, base)
        if isinstance(account, WechatAccount):
            return Wechat(account, self._now, notice_url(base, "wechat"))
        return Alipay(account, self._now)

    def _of_sandbox(self, name: str, base: str) -> WechatAccount | AlipayAccount:
        return sandbox_account(self._sandbox, name, f"{base}/sandbox")


def sandbox_account(
    sandbox: Sandbox, name: str, base: str, certificates: bool = False
) -> WechatAccount | AlipayAccount:
    """The shop's account at the sandbox that is reached at ``base``; in public-key mode unless told otherwise."""
    keys = sandbox.keys
    if name == "alipay":
        return AlipayAccount(app_id=keys.app_id, seller_id=keys.seller_id, key=keys.app,
                             public_key=keys.alipay.public_key(), gateway=f"{base}/alipay/gateway.do")  # fmt: skip
    return WechatAccount(
        mchid=keys.mchid,
        appid=keys.appid,
        serial=keys.serial,
        key=keys.merchant,
        apiv3_key=keys.apiv3_key,
        public_key_id="" if certificates else keys.public_key_id,
        public_key=None if certificates else keys.wechat.public_key(),
        gateway=f"{base}/wechat",
    )


def notice_url(base: str, provider: str) -> str:
    """Where a provider tells the shop."""
    return f"{base}/pay/notice/{provider}"


def at_home(settings: Settings) -> bool:
    """Whether the shop is reached on this machine alone."""
    return re.match(r"http://(127\.0\.0\.1|localhost)(:|/|$)", settings.public_url) is not None
