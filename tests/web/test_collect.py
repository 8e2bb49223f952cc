"""The collect door over real HTTP, on both databases."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import doors
import fairday
import parts
from conftest import NOON
from doors import BROWSER_KEY, log_of, post
from fairday.intake.keys import revoke_key
from fairday.intake.rejections import count_rejected, list_rejected
from fairday.kernel.clock import local_day
from fairday.web import collect

EVENT = {"messageId": "m1", "event": "Product Viewed", "userId": "u1"}


@pytest.fixture
def door(shop: fairday.Shop) -> Iterator[str]:
    """The address of a running door with a server's and a browser's key."""
    doors.make_keys(shop)
    with doors.running(shop) as url:
        yield url


def rejected(shop: fairday.Shop) -> list[tuple[str, str]]:
    with shop.db.read() as conn:
        return [(r.source, r.code) for r in list_rejected(conn)]


def test_every_call_by_its_long_and_its_short_path_lands_once(shop: fairday.Shop, door: str) -> None:
    calls: dict[str, dict[str, Any]] = {
        "identify": {"userId": "u1", "traits": {"email": "li@example.com"}},
        "track": {"userId": "u1", "event": "Product Viewed"},
        "page": {"anonymousId": "a1", "name": "Home"},
        "screen": {"anonymousId": "a1", "name": "Cart"},
        "group": {"userId": "u1", "groupId": "g1"},
        "alias": {"userId": "u1", "previousId": "a1"},
    }
    for kind, call in calls.items():
        for path in (kind, kind[0]):
            for _ in range(2):
                answer = post(door, f"/v1/{path}", {**call, "messageId": path})
                assert (answer.status_code, answer.json()) == (200, {"success": True})
    batch = {"batch": [{**call, "type": kind, "messageId": f"b-{kind}"} for kind, call in calls.items()]}
    for path in ("batch", "b", "import"):
        assert post(door, f"/v1/{path}", batch).json() == {"success": True}
    kept = log_of(shop)
    assert [h.message_id for h in kept] == [p for kind in calls for p in (kind, kind[0])] + [f"b-{k}" for k in calls]
    assert [h.kind for h in kept[:12:2]] == list(calls)
    assert {h.source for h in kept} == {"server:till"}


def test_the_write_key_is_taken_from_wherever_an_sdk_puts_it(shop: fairday.Shop, door: str) -> None:
    assert post(door, "/v1/t", EVENT, doors.SERVER_KEY).status_code == 200
    assert post(door, "/v1/t", EVENT, None, headers={"Authorization": f"Bearer {doors.SERVER_KEY}"}).status_code == 200
    assert post(door, "/v1/t", {**EVENT, "writeKey": BROWSER_KEY}, None).status_code == 200
    # An OAuth token in the header, the write key in the body.
    headers = {"Authorization": "Bearer eyJhbGciOi.x.y"}
    assert post(door, "/v1/t", {**EVENT, "writeKey": BROWSER_KEY}, None, headers=headers).status_code == 200
    assert len(log_of(shop)) == 1


def test_json_is_read_whatever_the_content_type_says(shop: fairday.Shop, door: str) -> None:
    kinds = ("application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "image/png", "")
    for kind in kinds:
        raw = json.dumps({**EVENT, "messageId": f"plain {kind}"}).encode()
        assert post(door, "/v1/t", raw, headers={"Content-Type": kind}).status_code == 200
        zipped = gzip.compress(json.dumps({**EVENT, "messageId": f"zipped {kind}"}).encode())
        assert post(door, "/v1/t", zipped, headers={"Content-Type": kind}).status_code == 200
        stated = {"Content-Type": kind, "Content-Encoding": "gzip"}
        assert post(door, "/v1/t", zipped, headers=stated).status_code == 200
    assert [h.message_id for h in log_of(shop)] == [f"{how} {kind}" for kind in kinds for how in ("plain", "zipped")]


def test_a_bad_event_is_told_and_kept_and_harms_no_other(shop: fairday.Shop, door: str) -> None:
    alone = post(door, "/v1/track", {"userId": "u1"}, BROWSER_KEY)
    assert alone.status_code == 400
    assert alone.json()["code"] == "no_event_name"
    assert alone.json()["message"]
    bad = {"type": "track", "event": "A"}
    answer = post(door, "/v1/batch", {"batch": [{**EVENT, "type": "track"}, bad, {"type": "merge", "userId": "u1"}]})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert [(e["index"], e["code"]) for e in answer.json()["errors"]] == [(1, "no_identity"), (2, "unknown_type")]
    assert [h.message_id for h in log_of(shop)] == ["m1"]
    assert rejected(shop) == [
        ("server:till", "unknown_type"),
        ("server:till", "no_identity"),
        ("browser:page", "no_event_name"),
    ]
    with shop.db.read() as conn:
        assert json.loads(list_rejected(conn, code="no_identity")[0].body) == bad
        assert sum(n for *_, n in count_rejected(conn, local_day(NOON, shop.settings.zone))) == 3


def test_a_request_that_cannot_be_taken_is_refused_kept_and_not_asked_for_again(shop: fairday.Shop, door: str) -> None:
    bad = (
        ("/v1/batch", b"", 400, "malformed_json"),
        ("/v1/batch", b"{]", 400, "malformed_json"),
        ("/v1/batch", b"[]", 400, "malformed_body"),
        ("/v1/track", b"5", 400, "malformed_body"),
        ("/v1/batch", b"\x1f\x8bnot gzip", 400, "bad_gzip"),
        ("/v1/batch", gzip.compress(b" " * 20_000_000, mtime=0), 413, "too_large"),
        ("/v1/track", b'{"userId":"u1","event":"' + b"x" * 33_000 + b'"}', 400, "event_too_large"),
    )
    for path, body, status, code in bad:
        answer = post(door, path, body)
        assert (answer.status_code, answer.json()["code"], answer.json()["success"]) == (status, code, False)
        assert "retry-after" not in answer.headers
    assert rejected(shop) == [("server:till", code) for *_, code in reversed(bad)]
    assert log_of(shop) == []


def test_a_body_over_the_limit_is_not_read_to_its_end(door: str) -> None:
    assert post(door, "/v1/batch", b"x" * 600_000).status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 10_000

    try:
        answer = httpx.post(door + "/v1/batch", content=endless(), auth=(doors.SERVER_KEY, ""))
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # the door has closed while we still wrote


def test_an_unknown_key_is_refused_and_what_it_sent_is_kept_apart(shop: fairday.Shop, door: str) -> None:
    for key in ("wk_unknown", None, ""):
        answer = post(door, "/v1/track", EVENT, key)
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_write_key")
    assert rejected(shop) == [("unknown", "unknown_write_key")] * 3
    assert log_of(shop) == []


def test_a_revoked_key_is_refused_within_seconds(
    shop: fairday.Shop, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "KEY_SECONDS", 0)
    assert post(door, "/v1/track", EVENT).status_code == 200
    with shop.db.write() as conn:
        revoke_key(conn, "till", NOON)
    assert post(door, "/v1/track", EVENT).status_code == 401


def test_paths_and_methods_that_are_not_there(door: str) -> None:
    assert post(door, "/v1/purchase", EVENT).status_code == 404
    assert httpx.get(door + "/v1/track").status_code == 405
    assert httpx.put(door + "/v1/track", json=EVENT).status_code == 405
    assert httpx.post(door + "/t.js").status_code == 405
    assert httpx.post(door + f"/v1/projects/{BROWSER_KEY}/settings").status_code == 405
    assert post(door, "/v1/m", {"series": []}, None).json() == {"success": True}


def test_browsers_may_send_from_any_page(door: str) -> None:
    asked = "content-type,authorization,x-retry-count"
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    for path in ("/v1/t", "/v1/batch", f"/v1/projects/{BROWSER_KEY}/settings"):
        answer = httpx.options(door + path, headers={**headers, "Access-Control-Request-Headers": asked})
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-headers"] == asked
        assert "POST" in answer.headers["access-control-allow-methods"]
    odd = httpx.options(door + "/v1/t", headers={**headers, "Access-Control-Request-Headers": "a;b\t<c>"})
    assert odd.headers["access-control-allow-headers"] == "authorization, content-type"
    for answer in (post(door, "/v1/t", EVENT), post(door, "/v1/t", b"{"), post(door, "/v1/t", EVENT, "nobody123")):
        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_settings_document_says_where_to_send(door: str) -> None:
    found = httpx.get(f"{door}/v1/projects/{BROWSER_KEY}/settings").json()
    wired = found["integrations"]["Segment.io"]
    assert wired["apiKey"] == BROWSER_KEY
    assert f"{wired['protocol']}://{wired['apiHost']}" == f"{door}/v1"
    assert found["plan"]["track"]["__default"]["enabled"] is True
    assert httpx.get(f"{door}/v1/projects/nobody123/settings").status_code == 404


def test_who_sends_too_much_is_asked_to_come_back(shop: fairday.Shop) -> None:
    doors.make_keys(shop)
    batch = {"batch": [{"type": "track", "event": "A", "userId": "u1"}] * 10}
    with doors.running(shop, browser=(1, 20), server=(1000, 1000), unknown=(0.1, 2)) as url:
        answers = [post(url, "/v1/b", batch, BROWSER_KEY) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 10
        assert answers[2].json()["code"] == "rate_limited"
        assert post(url, "/v1/b", batch).status_code == 200  # another key has its own bucket
        assert [post(url, "/v1/b", batch, f"nobody_{n}").status_code for n in range(4)] == [401, 401, 429, 429]
        assert post(url, "/v1/b", batch).status_code == 200
    assert len(log_of(shop)) == 40
    assert rejected(shop) == [("unknown", "unknown_write_key")] * 2  # what is asked for again is not rejected


def test_while_nothing_can_be_stored_senders_are_asked_to_come_back(shop: fairday.Shop, door: str) -> None:
    assert post(door, "/v1/track", EVENT).status_code == 200
    shop.writer.close()
    answer = post(door, "/v1/track", {**EVENT, "messageId": "m2"})
    assert (answer.status_code, answer.json()["code"]) == (503, "closing")
    assert int(answer.headers["retry-after"]) > 0


def test_a_slow_body_is_given_up(shop: fairday.Shop, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "READ_SECONDS", 0.2)
    host, port = door.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
    with socket.create_connection((host, int(port))) as gone:
        gone.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert post(door, "/v1/track", EVENT).status_code == 200


def test_what_the_captured_sdks_sent_lands_once_each(shop: fairday.Shop, door: str) -> None:
    found = parts.shared("FAIRDAY_CAPTURES", "captures", ".")
    sent: dict[str, Any] = {}
    shop.clock.move(200 * 86_400_000)  # type: ignore[attr-defined]
    for path in sorted(Path(found).glob("*/*.json")):
        capture = json.loads(path.read_text())
        raw = json.dumps(capture["body"], ensure_ascii=False).encode()
        if capture["gzip"]:
            raw = gzip.compress(raw)
        leave = ("host", "content-length", "connection", "accept-encoding")
        headers = {k: v for k, v in capture["headers"].items() if k.lower() not in leave}
        answer = httpx.request(capture["method"], door + capture["path"], content=raw, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"success": True}), path
        for event in capture["body"].get("batch", [capture["body"]]):
            sent[event["messageId"]] = event
    kept = log_of(shop)
    assert sorted(h.message_id for h in kept) == sorted(sent)
    for h in kept:
        event = sent[h.message_id]
        assert h.kind == event["type"]
        assert h.name == (event.get("event") or event.get("name") or "")
        assert h.properties == {k: v for k, v in (event.get("properties") or {}).items()}
        assert dict(h.ids).get("user_id") == event.get("userId")
        assert dict(h.ids).get("anonymous_id") == event.get("anonymousId")
    assert rejected(shop) == []


LONE = "\ud800"
anything = (
    st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda b: b"\x1f\x8b\x08" + b)
    | st.binary(max_size=100).map(gzip.compress)
    | st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["track", "u1", LONE, "\0"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["batch", "type", "event", "userId", "context", "timestamp", "x"]), inner)
        ),
        max_leaves=8,
    ).map(lambda v: json.dumps(v).encode())
)
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


def test_whatever_comes_the_door_stands(shop: fairday.Shop, door: str) -> None:
    client = httpx.Client(base_url=door)
    paths = st.sampled_from(["/v1/batch", "/v1/b", "/v1/track", "/v1/i", "/v1/alias", "/v1/g", "/v1/m", "/v1/x"])

    @settings(max_examples=150)
    @given(paths, anything, words, words, st.booleans())
    def attempt(path: str, body: bytes, authorization: str, encoding: str, good: bool) -> None:
        headers = {"Content-Encoding": encoding, "Authorization": authorization}
        if good:
            headers = {"Authorization": f"Bearer {doors.SERVER_KEY}"}
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code in (200, 400, 401, 404, 415, 429)
        assert ("code" in answer.json()) == (answer.status_code != 200)

    attempt()
    assert post(door, "/v1/track", EVENT).status_code == 200
    assert "m1" in {h.message_id for h in log_of(shop)}
