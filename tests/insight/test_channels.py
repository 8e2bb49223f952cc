"""Channels, as docs/algorithms/attribution.md tells them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import doors
import parts
from fairday.insight.channels import CHANNELS, Touch, by_referrer, by_words, host_of, touch_by
from fairday.storage.log import Happening

OWN = frozenset({"shop.example"})


def happening(kind="page", name="", source="browser:shop", **body):
    return Happening(message_id="m", kind=kind, name=name, at=1, received=1, source=source, body=body)


def page(referrer, url="https://shop.example/tea", **context):
    return happening(context={"page": {"url": url, "referrer": referrer}, **context})


@pytest.mark.parametrize(
    ("words", "channel"),
    [
        ({"source": "newsletter", "medium": "email"}, "email"),
        ({"source": "Mailchimp"}, "email"),
        ({"source": "baidu", "medium": "cpc"}, "paid_search"),
        ({"source": "baidu"}, "search"),
        ({"source": "google", "medium": "organic"}, "search"),
        ({"source": "google", "medium": "CPC", "campaign": "618"}, "paid_search"),
        ({"source": "google", "medium": "display"}, "display"),
        ({"source": "weibo", "medium": "social", "content": "kol-42"}, "social"),
        ({"source": "xiaohongshu"}, "social"),
        ({"source": "小红书", "medium": "付费"}, "paid_social"),
        ({"source": "facebook_ads", "medium": "paid-social"}, "paid_social"),
        ({"source": "m.facebook.com"}, "social"),
        ({"source": "douyin", "medium": "cpm"}, "paid_social"),
        ({"source": "blog", "medium": "influencer"}, "social"),
        ({"source": "zhihu.com", "medium": "referral"}, "social"),
        ({"source": "recipes.example", "medium": "referral"}, "referral"),
        ({"source": "recipes.example"}, "referral"),
        ({"source": "partner-a", "medium": "affiliate"}, "affiliate"),
        ({"source": "crm", "medium": "短信"}, "sms"),
        ({"source": "Push", "medium": "Push", "campaign": "winter"}, "push"),
        ({"source": "somewhere", "medium": "cpc"}, "display"),
        ({"source": "(direct)", "medium": "(none)"}, "direct"),
        ({"source": "poster", "medium": "qr"}, "other"),
        ({"campaign": "618"}, "other"),
        ({"gclid": "x"}, "paid_search"),
        ({"gclid": "x", "medium": "cpc"}, "paid_search"),
        ({"bd_vid": "x", "source": "baidu"}, "paid_search"),
        ({"qz_gdt": "x"}, "paid_social"),
        ({"fbclid": "x"}, "social"),
        ({"fbclid": "x", "medium": "paid_social", "source": "facebook"}, "paid_social"),
        ({"gclid": "x", "source": "newsletter", "medium": "email"}, "email"),
    ],
)
def test_campaign_words_and_click_ids_name_the_channel(words, channel):
    assert by_words(words).channel == channel
    assert channel in CHANNELS


def test_words_that_say_nothing_are_no_touch():
    assert by_words({}) is None
    assert by_words({"term": "tea", "content": "a"}) is None
    assert by_words({"source": 5, "medium": None}) is None


@pytest.mark.parametrize(
    ("referrer", "channel"),
    [
        ("https://www.baidu.com/link?url=x", "search"),
        ("https://m.sogou.com/web", "search"),
        ("https://www.so.com/s?q=tea", "search"),
        ("https://cn.bing.com/", "search"),
        ("https://www.google.co.uk/", "search"),
        ("https://yandex.ru/search", "search"),
        ("android-app://com.google.android.googlequicksearchbox/", "search"),
        ("https://weibo.com/", "social"),
        ("https://t.cn/A6x", "social"),
        ("https://www.xiaohongshu.com/explore", "social"),
        ("https://v.douyin.com/", "social"),
        ("https://mp.weixin.qq.com/s/x", "social"),
        ("https://zhuanlan.zhihu.com/p/1", "social"),
        ("https://tieba.baidu.com/p/1", "social"),
        ("https://l.instagram.com/", "social"),
        ("https://lm.facebook.com/l.php", "social"),
        ("https://mail.google.com/", "email"),
        ("https://mail.qq.com/", "email"),
        ("https://recipes.example/soup", "referral"),
        ("https://notgoogle.com/", "referral"),
        ("https://fakeweibo.com/", "referral"),
    ],
)
def test_the_page_before_names_the_channel(referrer, channel):
    assert by_referrer(referrer, OWN) == Touch(channel, host_of(referrer))
    assert touch_by(page(referrer), OWN).channel == channel


@pytest.mark.parametrize(
    "referrer",
    ["https://shop.example/", "https://www.shop.example/cart", "https://m.shop.example/", "https://openapi.alipay.com/x",
     "https://www.paypal.com/checkout", "not an address", "http://[broken"],
)  # fmt: skip
def test_own_pages_and_the_way_back_from_paying_are_no_touch(referrer):
    assert touch_by(page(referrer), OWN) is None


def test_the_page_itself_says_which_host_is_its_own():
    assert touch_by(page("https://other.example/a", url="https://other.example/b"), OWN) is None
    assert touch_by(page("https://other.example/a"), OWN).channel == "referral"


def test_a_page_from_nowhere_is_direct_unless_nothing_is_known_of_it():
    assert touch_by(page(""), OWN) == Touch("direct")
    assert touch_by(happening(properties={"url": "https://shop.example/"}), OWN) == Touch("direct")
    assert touch_by(happening(source="server:app", properties={"category": "c"}), OWN) is None


def test_words_go_before_the_page_before():
    found = page("https://weibo.com/", campaign={"source": "newsletter", "medium": "email", "name": "618"})
    assert touch_by(found, OWN) == Touch("email", "newsletter", "618")
    kept = happening(touch={"gclid": "G"}, context={"page": {"referrer": "https://shop.example/"}})
    assert touch_by(kept, OWN).channel == "paid_search"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (happening("track", "Email Link Clicked", properties={"scene": "spring"}), Touch("email", "", "spring")),
        (happening("track", "Email Link Clicked", properties={"email_name": "Weekly", "campaign_id": "123"}),
         Touch("email", "Weekly", "123")),
        (happening("track", "Push Notification Tapped", properties={"campaign": {"source": "Push", "name": "x"}}),
         Touch("push", "push", "x")),
        (happening("track", "Push Notification Tapped", properties={}), Touch("push")),
        (happening("track", "Application Opened", properties={"from_background": False}), Touch("direct")),
        (happening("track", "Install Attributed", properties={"campaign": {"source": "douyin", "medium": "cpc"}}),
         Touch("paid_social", "douyin")),
        (happening("track", "Email Opened", properties={}), None),
        (happening("track", "Product Viewed", context={"page": {"referrer": "https://weibo.com/"}}), None),
        (happening("track", "Order Completed", source="import:x", properties={"order_id": "1"}), None),
        (happening("screen", "Cart", source="server:x"), None),
        (happening("group", context={"campaign": {"source": "weibo"}}), None),
        (happening("track", "x", context=5, properties={"campaign": 5}), None),
    ],
)  # fmt: skip
def test_events_that_are_a_way_in_and_those_that_are_not(made, expected):
    assert touch_by(made, OWN) == expected


def test_what_the_captured_sdks_sent_is_recognised(shop):
    found = parts.shared("FAIRDAY_CAPTURES", "captures", "segment_python/001.json")
    capture = json.loads(Path(found).read_text())
    raw = json.dumps(capture["body"], ensure_ascii=False).encode()
    shop.clock.move(200 * 86_400_000)
    doors.make_keys(shop)
    with doors.running(shop) as url:
        headers = {k: v for k, v in capture["headers"].items() if k.lower() in ("authorization", "content-type")}
        body = gzip.compress(raw) if capture["gzip"] else raw
        assert doors.post(url, capture["path"], body, key=None, headers=headers).status_code == 200
    touched = {h.name or h.kind: touch_by(h, OWN) for h in doors.log_of(shop)}
    weibo = Touch("social", "weibo", "618")
    assert (touched["Home"], touched["Product Viewed"], touched["identify"]) == (weibo, weibo, weibo)
    assert touched["Order Completed"] is touched["Cart"] is None
