"""By which channel somebody came: from campaign words, click ids and the page before. Pure.

The rules are told in docs/algorithms/attribution.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from fairday.intake.touch import touch_of
from fairday.storage.log import Happening

Channel = Literal[
    "email", "search", "paid_search", "social", "paid_social", "display", "affiliate", "sms", "push", "referral",
    "direct", "other",
]  # fmt: skip
CHANNELS: tuple[Channel, ...] = get_args(Channel)

MAX_WORD = 100
"""Characters kept of a source or a campaign."""

EMAIL_CLICKED, PUSH_TAPPED, APP_OPENED = "Email Link Clicked", "Push Notification Tapped", "Application Opened"


class Touch(msgspec.Struct, frozen=True):
    """One way in: its channel, the source ("baidu", a host) and the campaign, each "" where nothing tells it."""

    channel: Channel
    source: str = ""
    campaign: str = ""


_SEARCH = (
    "baidu.com", "so.com", "haosou.com", "360.cn", "sogou.com", "sm.cn", "so.toutiao.com", "bing.com", "duckduckgo.com",
    "ecosia.org", "naver.com", "search.brave.com", "startpage.com", "qwant.com", "ask.com", "seznam.cz",
)  # fmt: skip
_SEARCH_ANYWHERE = ("google", "yahoo", "yandex")
"""Search engines that have a host in every country."""
_SOCIAL = (
    "weibo.com", "weibo.cn", "t.cn", "xiaohongshu.com", "xhslink.com", "douyin.com", "iesdouyin.com", "kuaishou.com",
    "chenzhongtech.com", "weixin.qq.com", "wx.qq.com", "qzone.qq.com", "servicewechat.com", "zhihu.com", "bilibili.com",
    "b23.tv", "douban.com", "tieba.baidu.com", "zhidao.baidu.com", "facebook.com", "fb.com", "fb.me", "m.me",
    "messenger.com", "instagram.com", "threads.net", "threads.com", "twitter.com", "x.com", "t.co", "linkedin.com",
    "lnkd.in", "pinterest.com", "pin.it", "reddit.com", "tiktok.com", "youtube.com", "youtu.be", "snapchat.com",
    "whatsapp.com", "wa.me", "telegram.org", "t.me", "line.me", "vk.com", "tumblr.com", "discord.com", "quora.com",
)  # fmt: skip
_MAIL = (
    "mail.google.com", "com.google.android.gm", "mail.qq.com", "mail.163.com", "mail.126.com", "mail.yahoo.com",
    "mail.yahoo.co.jp", "outlook.live.com", "outlook.office.com", "outlook.office365.com", "mail.sina.com.cn",
    "mail.aliyun.com", "exmail.qq.com", "mail.proton.me", "mail.yandex.ru",
)  # fmt: skip
_PAYMENT = (
    "alipay.com", "tenpay.com", "wx.tenpay.com", "unionpay.com", "95516.com", "paypal.com", "stripe.com", "klarna.com",
    "redsys.es", "adyen.com",
)  # fmt: skip
"""Whoever comes back from paying never left."""


def _listed(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SEARCH_NAMES = _listed(
    "baidu google bing yahoo yandex sogou haosou 360 360so so.com shenma duckduckgo naver ecosia toutiao-search 百度 "
    "搜狗 谷歌 必应 adwords googleads google-ads bingads"
)
_SOCIAL_NAMES = _listed(
    "weibo xiaohongshu xhs rednote douyin kuaishou wechat weixin moments qzone zhihu bilibili douban tieba facebook fb "
    "instagram ig meta threads twitter x linkedin pinterest reddit tiktok youtube snapchat whatsapp telegram line vk "
    "微博 小红书 抖音 快手 微信 朋友圈 公众号 视频号 知乎 哔哩哔哩 豆瓣 贴吧"
)
_MAIL_NAMES = _listed("email e-mail mail edm newsletter mailchimp klaviyo brevo 邮件 correo")

_PAID = re.compile(r"(.*cp[acmv]|ppc|paid.*|sem|retargeting|remarketing|.*[-_ ]ads?|ads?|竞价|付费)\Z")
_MEDIA: tuple[tuple[re.Pattern[str], Channel], ...] = (
    (re.compile(r"(e-?mail|edm|newsletter|correo|邮件)\Z"), "email"),
    (re.compile(r"(sms|mms|text[-_ ]?message|短信)\Z"), "sms"),
    (re.compile(r"(push|web[-_ ]?push|app[-_ ]?push|notification|推送)\Z"), "push"),
    (re.compile(r"(display|banner|expandable|interstitial|programmatic|cpm|展示)\Z"), "display"),
    (re.compile(r"(affiliates?|partner|联盟|afiliados?)\Z"), "affiliate"),
    (re.compile(r"(organic|seo|自然)\Z"), "search"),
    (re.compile(r"(social|social[-_ ]?(network|media)|sm|kol|kol[-_ ]?post|influencer|社交)\Z"), "social"),
    (re.compile(r"(referral|link)\Z"), "referral"),
)
_CLICKS: dict[str, tuple[Channel, str]] = {
    "gclid": ("paid_search", "google"),
    "msclkid": ("paid_search", "bing"),
    "bd_vid": ("paid_search", "baidu"),
    "qz_gdt": ("paid_social", "tencent"),
    "fbclid": ("social", "facebook"),  # on every link out of Facebook, bought or not
}


def touch_by(h: Happening, own: frozenset[str]) -> Touch | None:
    """The touch that a happening is, or None.

    Any event with campaign words or a click id is one; so is a page opened from somewhere else or from nowhere, a click
    in a mail, a tap on a push, and an app opened.

    Args:
        own: hosts of the shop itself.
    """
    if h.kind not in ("track", "page", "screen", "identify"):
        return None
    body, properties = h.body, h.properties
    words = body.get("touch")
    if not isinstance(words, dict):
        if h.kind == "track" and "context" not in body and "campaign" not in properties and h.name not in _NAMED:
            return None
        words = touch_of(h.context, properties)
    found = by_words(words) if words else None
    if h.kind == "track" and h.name in _NAMED:
        if found is None:
            source = _word(properties.get("email_name")) or _word(properties.get("campaign_name"))
            found = Touch(
                _NAMED[h.name], source, _word(properties.get("scene")) or _word(properties.get("campaign_id"))
            )
        elif found.channel == "other":
            found = Touch(_NAMED[h.name], found.source, found.campaign)
    if found is None and h.kind == "page":
        found = _by_page(h, own)
    return found


_NAMED: dict[str, Channel] = {EMAIL_CLICKED: "email", PUSH_TAPPED: "push", APP_OPENED: "direct"}


def _by_page(h: Happening, own: frozenset[str]) -> Touch | None:
    properties, page = h.properties, h.context.get("page")
    holders = [properties, page if isinstance(page, dict) else {}]
    referrer = next((r for x in holders if isinstance(r := x.get("referrer"), str) and r.strip()), "")
    address = next((u for x in holders if isinstance(u := x.get("url"), str) and u), "")
    if not referrer:
        # A server that tells neither knows nothing of how they came.
        return Touch("direct") if address or any("referrer" in x for x in holders) else None
    here = host_of(address)
    return by_referrer(referrer, own | {here} if here else own)


def by_words(words: dict[str, Any]) -> Touch | None:
    """The channel of campaign words (``source``, ``medium``, ``campaign``) and click ids; None where there are none."""
    source, medium = _word(words.get("source")).lower(), _word(words.get("medium")).lower()
    campaign = _word(words.get("campaign"))
    click = next((_CLICKS[name] for name in _CLICKS if words.get(name)), None)
    if not (source or medium or campaign or click):
        return None
    channel, paid = _by_names(source, medium), bool(_PAID.match(medium))
    if click is not None:
        if channel == "other" or (channel == "display" and paid):
            channel = click[0]
        paid = paid or click[0].startswith("paid")
        if paid and channel in ("search", "social"):
            channel = "paid_search" if channel == "search" else "paid_social"
    return Touch(channel, source or (click[1] if click else ""), campaign)


@lru_cache(maxsize=4096)
def _by_names(source: str, medium: str) -> Channel:
    if source in ("direct", "(direct)") and medium in ("", "none", "(none)", "(not set)"):
        return "direct"
    kind: Channel | None = next((channel for pattern, channel in _MEDIA if pattern.match(medium)), None)
    if kind in ("email", "sms", "push", "affiliate"):
        return kind
    names = {source, *re.split(r"[^\w.]+|_", source), *(p for p in source.split(".")[:-1] if len(p) > 2)}
    host = _of_host(source) if "." in source else None
    paid = bool(_PAID.match(medium))
    if host == "social" or (host is None and names & _SOCIAL_NAMES) or kind == "social":
        return "paid_social" if paid else "social"
    if host == "search" or names & _SEARCH_NAMES or kind == "search":
        return "display" if kind == "display" else "paid_search" if paid else "search"
    if kind is not None:
        return kind
    if host == "email" or names & _MAIL_NAMES:
        return "email"
    return "display" if paid else "referral" if host == "referral" and not medium else "other"


def by_referrer(referrer: str, own: frozenset[str]) -> Touch | None:
    """The channel of the page somebody came from; None for the shop's own pages and a way back from paying."""
    host = host_of(referrer)
    if not host:
        return None
    if any(host == o or host.endswith("." + o) for o in own):
        return None
    channel = _of_host(host)
    return None if channel is None else Touch(channel, host[:MAX_WORD])


@lru_cache(maxsize=4096)
def _of_host(host: str) -> Channel | None:
    """What kind of place a host is; None for a payment service."""

    def among(known: tuple[str, ...]) -> bool:
        return any(host == one or host.endswith("." + one) for one in known)

    if among(_PAYMENT):
        return None
    if among(_MAIL):
        return "email"
    if among(_SOCIAL):
        return "social"
    anywhere = any(re.search(rf"(\A|\.){name}\.[a-z]{{2,3}}(\.[a-z]{{2,3}})?\Z", host) for name in _SEARCH_ANYWHERE)
    if anywhere or among(_SEARCH) or host.startswith("com.google.android.googlequicksearchbox"):
        return "search"
    return "referral"


@lru_cache(maxsize=4096)
def host_of(address: str) -> str:
    """The host of an address without ``www.``, in small letters; "" where it has none."""
    try:
        host = urlsplit(address.strip()).hostname or ""
    except ValueError:
        return ""
    return host.lower().removeprefix("www.")


def _word(value: Any) -> str:
    return value.strip().replace("\0", "")[:MAX_WORD] if isinstance(value, str) else ""
