"""The wire as pure functions: what is taken, what is refused and why."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import NOON
from fairday.intake import wire
from fairday.intake.events import Rejection, Rules
from fairday.kernel.settings import Settings
from fairday.storage.log import Happening

SERVER = Rules("server:till", False, Settings().identity)
BROWSER = Rules("browser:page", True, Settings().identity)


def taken(event: dict[str, Any] | bytes, endpoint: wire.Endpoint = "track", rules: Rules = SERVER) -> Any:
    """What becomes of one event: its Happening or Rejection."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    happenings, rejected = wire.read(wire.open_body(endpoint, wire.unpack(body)), rules, NOON)
    assert len(happenings) + len(rejected) == 1
    return (*happenings, *rejected)[0]


def track(**fields: Any) -> dict[str, Any]:
    return {"messageId": "m1", "event": "Product Viewed", "userId": "u1", **fields}


def test_every_path_of_the_api_is_known() -> None:
    for name in ("identify", "track", "page", "screen", "group", "alias", "batch"):
        assert wire.endpoint(f"/v1/{name}") == wire.endpoint(f"/v1/{name[0]}") == name
    assert wire.endpoint("/v1/import") == "batch"
    assert wire.endpoint("/v1/batch/") == "batch"
    for path in ("/v1/", "/v1/purchase", "/v2/track", "/v1/track/x", "track"):
        assert wire.endpoint(path) is None


def test_the_write_key_is_found_in_basic_and_bearer() -> None:
    assert wire.key_of_header("Basic " + base64.b64encode(b"wk_1:").decode()) == "wk_1"
    assert wire.key_of_header("basic " + base64.b64encode(b"wk_1:").decode().rstrip("=")) == "wk_1"
    assert wire.key_of_header("Bearer wk_1") == "wk_1"
    for bad in ("Basic !!!", "Basic /////w==", "Digest x", "", "Basic"):
        assert wire.key_of_header(bad) == ""


def test_the_write_key_is_found_in_the_body() -> None:
    assert wire.open_body("track", b'{"writeKey":"wk_1"}').key == "wk_1"
    assert wire.open_body("batch", b'{"writeKey":"wk_1","batch":[]}').key == "wk_1"


def test_gzip_is_known_by_its_first_bytes_and_by_its_header() -> None:
    text = b'{"batch":[]}'
    assert wire.unpack(gzip.compress(text)) == text
    assert wire.unpack(gzip.compress(text), "gzip") == text
    assert wire.unpack(text, "gzip") == text  # a proxy has unzipped it and left the header
    assert wire.unpack(gzip.compress(text[:4]) + gzip.compress(text[4:]), "gzip") == text
    assert wire.unpack(b"\xef\xbb\xbf" + text) == text


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (b"\x1f\x8b nonsense", "gzip", 400, "bad_gzip"),
        (gzip.compress(b"{}" * 100, mtime=0)[:-12], "", 400, "bad_gzip"),
        (b"{}", "br", 415, "unsupported_encoding"),
        (zlib.compress(b"{}"), "deflate", 415, "unsupported_encoding"),
        (b" " * (wire.MAX_BATCH_BYTES + 1), "", 413, "too_large"),
        (gzip.compress(b" " * 50_000_000, mtime=0), "", 413, "too_large"),
        (gzip.compress(b" " * 300_000, mtime=0) * 2, "", 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body: bytes, encoding: str, status: int, code: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.unpack(body, encoding)
    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize(
    ("endpoint", "body", "code"),
    [
        ("batch", b"", "malformed_json"),
        ("batch", b"{", "malformed_json"),
        ("track", b"data=%7B%7D", "malformed_json"),
        ("track", b'{"a":"\xff"', "malformed_json"),
        ("track", b"[]", "malformed_body"),
        ("track", b"null", "malformed_body"),
        ("track", b'"text"', "malformed_body"),
        ("batch", b"{}", "malformed_body"),
        ("batch", b'{"batch":{}}', "malformed_body"),
        ("batch", b'{"batch":[],"context":"x"}', "malformed_body"),
        ("track", b'{"writeKey":5}', "malformed_body"),
        ("track", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep"),
    ],
)
def test_a_malformed_body_is_refused_and_must_not_be_sent_again(
    endpoint: wire.Endpoint, body: bytes, code: str
) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.open_body(endpoint, body)
    assert (refused.value.status, refused.value.code) == (400, code)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"event": None}, "no_event_name"),
        ({"event": "  "}, "no_event_name"),
        ({"event": "x" * 201}, "name_too_long"),
        ({"event": "a\nb"}, "invalid_name"),
        ({"event": "a\u0000b"}, "invalid_name"),
        ({"event": ["x"]}, "invalid_event"),
        ({"event": "audience Entered"}, "reserved_name"),
        ({"event": " bought:category=tea"}, "reserved_name"),
        ({"event": "Viewed:product=1"}, "reserved_name"),
        ({"event": "Order Completed:claimed"}, "reserved_name"),
        ({"userId": None}, "no_identity"),
        ({"userId": ""}, "no_identity"),
        ({"userId": "null", "anonymousId": " Guest"}, "no_identity"),
        ({"userId": "00-00"}, "no_identity"),
        ({"userId": {"id": 1}}, "invalid_event"),
        ({"userId": True}, "invalid_event"),
        ({"userId": "u" * 201}, "id_too_long"),
        ({"properties": "x"}, "invalid_event"),
        ({"properties": [1]}, "invalid_event"),
        ({"context": 5}, "invalid_event"),
        ({"timestamp": "yesterday"}, "invalid_timestamp"),
        ({"timestamp": "2026-13-01T00:00:00Z"}, "invalid_timestamp"),
        ({"timestamp": "1931-01-01"}, "invalid_timestamp"),
        ({"timestamp": 1e300}, "invalid_timestamp"),
        ({"timestamp": {}}, "invalid_event"),
        ({"properties": {"x": "y" * 33_000}}, "event_too_large"),
    ],
)
def test_a_bad_event_is_rejected_with_its_reason(event: dict[str, Any], code: str) -> None:
    found = taken(track(**event))
    assert isinstance(found, Rejection)
    assert found.code == code
    assert found.message
    assert found.raw


def test_calls_without_what_they_are_about_are_rejected() -> None:
    assert taken({"userId": "u1"}, "group").code == "no_group"
    assert taken({"userId": "u1"}, "alias").code == "no_previous_id"
    assert taken({"previousId": "a1", "anonymousId": "a1"}, "alias").code == "no_user_id"
    assert taken({"previousId": "a" * 201, "userId": "u1"}, "alias").code == "id_too_long"
    assert taken(b'{"batch":[{"userId":"u1"}]}', "batch").code == "unknown_type"


def test_operators_kinds_cannot_be_sent() -> None:
    for kind in ("merge", "unmerge", "erase", "Track"):
        assert taken({"batch": [{"type": kind, "userId": "u1"}]}, "batch").code == "unknown_type"


def test_a_good_event_becomes_a_happening_with_all_its_ids() -> None:
    found = taken(
        track(
            anonymousId="a1",
            context={
                "device": {"id": "d1"},
                "externalIds": [
                    {"id": "oABC", "type": "wechat_openid", "collection": "users", "encoding": "none"},
                    {"id": "ACME", "type": "account", "collection": "accounts", "encoding": "none"},
                    {"id": "x", "type": "bad type!"},
                    "junk",
                ],
                "traits": {"email": " Li@Example.com", "phone": 13800138000},
            },
            properties={"price": 18.99},
        )
    )
    assert found == Happening(
        message_id="m1",
        kind="track",
        name="Product Viewed",
        at=NOON,
        received=NOON,
        source="server:till",
        ids=(
            ("user_id", "u1"),
            ("anonymous_id", "a1"),
            ("device_id", "d1"),
            ("wechat_openid", "oABC"),
            ("email", " Li@Example.com"),
            ("phone", "13800138000"),
        ),
        body=found.body,
    )
    assert found.body["properties"] == {"price": 18.99}
    assert found.body["context"]["device"] == {"id": "d1"}


def test_the_traits_of_a_group_are_not_the_persons() -> None:
    found = taken({"userId": "u1", "groupId": "g1", "traits": {"email": "office@acme.com"}}, "group")
    assert found.ids == (("user_id", "u1"),)
    assert found.body == {"traits": {"email": "office@acme.com"}, "groupId": "g1"}


def test_alias_and_page_keep_what_they_carry() -> None:
    alias = taken({"previousId": "a1", "userId": "u1"}, "alias")
    assert (alias.kind, alias.body) == ("alias", {"previousId": "a1"})
    page = taken({"userId": "u1", "name": "Home\n" + "x" * 300, "category": "Docs"}, "page")
    assert page.name.startswith("Home x")
    assert len(page.name) == 200
    assert page.body == {"category": "Docs"}
    assert taken({"anonymousId": "a1"}, "screen").name == ""


def test_numbers_are_taken_for_ids_and_names() -> None:
    found = taken(track(userId=42, anonymousId=7.0, messageId=99, event=404))
    assert found.ids == (("user_id", "42"), ("anonymous_id", "7"))
    assert (found.message_id, found.name) == ("99", "404")


def test_nulls_and_phps_empty_lists_are_nothing() -> None:
    nothing = dict.fromkeys(("anonymousId", "timestamp", "properties", "integrations", "category"))
    found = taken(track(**nothing, context=[], traits=[]))
    assert (found.body, found.at) == ({}, NOON)


def test_what_nobody_knows_is_left_out_of_the_body() -> None:
    found = taken(track(integrations={"All": True}, _metadata={"nodeVersion": "v20"}, writeKey="wk", secret=1))
    assert found.body == {}


def test_an_event_without_a_message_id_gets_a_fresh_one_and_a_long_one_always_the_same() -> None:
    one, two = taken(track(messageId=None)), taken(track(messageId=""))
    assert one.message_id != two.message_id
    assert taken(track(messageId="x" * 500)).message_id == taken(track(messageId="x" * 500)).message_id
    assert len(taken(track(messageId="x" * 500)).message_id) < 100


def test_a_sender_cannot_take_a_message_id_that_fairday_gives() -> None:
    assert not taken(track(messageId="fairday:audience:5")).message_id.startswith("fairday:")


def test_a_browser_cannot_prove_an_id_and_a_server_can() -> None:
    event = track(context={"verified": ["phone"], "locale": "zh"}, traits={"phone": "13800138000"})
    assert taken(event, rules=BROWSER).body["context"] == {"locale": "zh"}
    assert taken(event, rules=SERVER).body["context"]["verified"] == ["phone"]
    assert taken(event, rules=BROWSER).source == "browser:page"
    shared = {"context": {"verified": ["phone"]}, "batch": [{**track(), "type": "track"}]}
    assert "context" not in taken(shared, "batch", BROWSER).body


def test_the_batchs_context_is_merged_under_the_events_own() -> None:
    body = {
        "context": {"locale": "zh", "app": {"name": "A", "version": "1"}, "ip": "1.2.3.4"},
        "batch": [{**track(), "type": "track", "context": {"locale": "en", "app": {"version": "2"}, "ip": None}}],
    }
    context = taken(body, "batch").body["context"]
    assert context == {"locale": "en", "app": {"name": "A", "version": "2"}, "ip": None}


def test_the_senders_clock_is_corrected_by_sent_at() -> None:
    hour = 3_600_000
    event = track(timestamp="2026-06-01T15:00:00Z", sentAt="2026-06-01T15:00:10Z")  # a clock three hours fast
    found = taken(event)
    assert found.at == NOON - 10_000
    assert found.body["claimed_at"] == NOON + 3 * hour
    batch = {"sentAt": "2026-06-01T15:00:10Z", "batch": [{**event, "type": "track", "sentAt": "2020-01-01"}]}
    assert taken(batch, "batch").at == NOON - 10_000
    assert taken(track(originalTimestamp="2026-06-01T14:59:00Z", sentAt="2026-06-01T15:00:00Z")).at == NOON - 60_000
    assert taken(track(timestamp="2024-06-18T08:00:00.123+08:00")).at == 1_718_668_800_123
    assert taken({"sentAt": "soon", "batch": [{**track(), "type": "track"}]}, "batch").at == NOON


def test_nothing_happens_after_it_was_received() -> None:
    found = taken(track(timestamp="2031-01-01T00:00:00Z"))
    assert found.at == NOON
    assert found.body["claimed_at"] > NOON


def test_an_event_that_was_corrected_before_is_left_as_it_is() -> None:
    relayed = {
        "timestamp": "2026-06-01T08:00:00Z",
        "originalTimestamp": "2026-06-01T11:00:00Z",
        "sentAt": "2026-06-01T11:00:01Z",
        "receivedAt": "2026-06-01T08:00:01Z",
    }
    assert taken(track(**relayed)).at == NOON - 4 * 3_600_000


def test_campaign_words_and_click_ids_come_from_context_and_from_the_address() -> None:
    url = "https://shop.example/p/1?utm_source=weibo&utm_medium=so%63ial&utm_campaign=6+18&gclid=G1&bd_vid=B1#x"
    found = taken(track(context={"page": {"url": url}, "campaign": {"name": "double 11", "term": "", "content": "k"}}))
    assert found.body["touch"] == {
        "campaign": "double 11",
        "content": "k",
        "source": "weibo",
        "medium": "social",
        "gclid": "G1",
        "bd_vid": "B1",
    }
    hashed = taken(track(properties={"url": "https://shop.example/#/p/1?qz_gdt=T1&fbclid=F1&xgclid=no"}))
    assert hashed.body["touch"] == {"qz_gdt": "T1", "fbclid": "F1"}
    assert taken(track(context={"page": {"search": "?msclkid=M1"}})).body["touch"] == {"msclkid": "M1"}
    assert taken(track(context={"gclid": "G2", "campaign": {"source": 5}})).body["touch"] == {"gclid": "G2"}
    long = taken(track(properties={"search": "?utm_term=" + "x" * 900})).body["touch"]["term"]
    assert len(long) == 200
    assert "touch" not in taken(track(context={"page": {"url": "https://shop.example/?a=utm_source"}})).body


def test_what_would_break_a_reader_is_mended() -> None:
    found = taken(
        b'{"event":"A","userId":"u\\u0000 1","properties":{"a":"x\\u0000y","b":123456789012345678901234567890}}'
    )
    assert found.ids == (("user_id", "u 1"),)
    assert found.body["properties"] == {"a": "xy", "b": 1.2345678901234568e29}
    found = taken(
        b'{"event":"A","userId":"u1","properties":{"a":NaN,"b":-Infinity,"c":1e999,"d":"\\ud800!","\\udc00":1}}'
    )
    assert found.body["properties"] == {"a": None, "b": None, "c": None, "d": "\ufffd!", "\ufffd": 1}
    found = taken(
        b'{"batch":[{"type":"track","event":"A","userId":"u1","properties":{"n":9223372036854775808}}]}', "batch"
    )
    assert found.body["properties"] == {"n": 9.223372036854775808e18}
    assert (
        taken(b'{"event":"A","userId":"u1","properties":{"n":9223372036854775807}}').body["properties"]["n"]
        == 2**63 - 1
    )


def test_one_event_too_deep_or_broken_does_not_cost_the_others() -> None:
    deep = b'{"type":"track","event":"A","userId":"u1","properties":{"x":' + b"[" * 40 + b"]" * 40 + b"}}"
    good = b'{"type":"track","event":"A","userId":"u1"}'
    broken = b'{"type":"track","event":"\xff","userId":"u1"}'
    envelope = wire.open_body("batch", b'{"batch":[' + b",".join((deep, good, broken, b"5", good)) + b"]}")
    happenings, rejected = wire.read(envelope, SERVER, NOON)
    assert len(happenings) == 2
    assert [(r.index, r.code) for r in rejected] == [(0, "too_deep"), (2, "invalid_event"), (3, "invalid_event")]


def test_events_beyond_the_most_of_a_batch_are_rejected() -> None:
    body = b'{"batch":[' + b",".join([b'{"type":"track","event":"A","userId":"u1"}'] * 2502) + b"]}"
    happenings, rejected = wire.read(wire.open_body("batch", body), SERVER, NOON)
    assert len(happenings) == 2500
    assert [r.code for r in rejected] == ["too_many", "too_many"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
    max_leaves=12,
)
FIELDS = ("type", "event", "name", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt",
          "properties", "traits", "context", "groupId", "previousId", "receivedAt", "category")  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(FIELDS), json_values | st.sampled_from(["u1", "track", "identify", "2026-06-01"])),
    st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]),
)
def test_whatever_an_event_holds_it_is_taken_or_rejected_and_what_is_taken_can_be_kept(
    event: dict[str, Any], kind: wire.Endpoint
) -> None:
    body = json.dumps({"batch": [{"type": kind, **event}, {"event": "A", "userId": "u1", **event}]}).encode()
    envelope = wire.open_body("batch", wire.unpack(body))
    happenings, rejected = wire.read(envelope, BROWSER, NOON)
    assert len(happenings) + len(rejected) == 2
    for found in happenings:
        kept = [found.message_id, found.name, *(v for pair in found.ids for v in pair)]
        assert all("\0" not in text for text in kept)
        assert "\\u0000" not in json.dumps(found.body)
        assert 0 <= found.at <= NOON
        assert all(len(value) <= 200 for _, value in found.ids)
        json.dumps(found.body, ensure_ascii=False, allow_nan=False).encode()


def test_gzip_of_endless_parts_is_refused_at_once() -> None:
    import gzip

    from fairday.intake import wire

    assert wire.unpack(gzip.compress(b'{"a"') + gzip.compress(b":1}")) == b'{"a":1}'
    with pytest.raises(wire.Refused, match="16 parts"):
        wire.unpack(gzip.compress(b"") * 20_000)
