"""One event of the Segment wire: read, judged, and made a happening or a rejection with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fairday.intake.cleaning import Unclean, cleaned, deep
from fairday.intake.moments import BadMoment, happened_at, instant
from fairday.intake.touch import touch_of
from fairday.kernel.ids import digest, new_id
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.normal import MAX_VALUE, normalise
from fairday.storage.log import Happening

MAX_EVENT_BYTES = 32 * 1024
MAX_NAME = 200
MAX_EXTERNAL_IDS = 20
MAX_MESSAGE_ID = 100

KINDS = frozenset({"identify", "track", "page", "screen", "group", "alias"})

OWN_NAMES = frozenset({"audience entered", "audience left", "scene shown", "scene withheld"})
"""Events that Fairday alone makes, in small letters; nobody may send them."""

OWN_PREFIXES = (
    "bought:", "viewed:", "active:", "order completed:", "order updated:", "order refunded:", "order cancelled:",
    "coupon redeemed:",
)  # fmt: skip
"""What the names of Fairday's own measures of people begin with, in small letters: an event's name must not."""

_OWN_IDS = ("fairday:", "import:")

Id = str | int | float | None
Ids = tuple[tuple[str, str], ...]


class Rules(msgspec.Struct, frozen=True):
    """What a key may send, and what the shop does not take for an id.

    Attributes:
        source: what the log keeps as the door: ``browser:NAME`` or ``server:NAME`` of the write key.
        public: the key stands in pages and apps, so what comes with it is only claimed.
        identity: which values are ids and which stand for nobody ("null", "guest").
    """

    source: str
    public: bool
    identity: IdentitySettings


class Rejection(msgspec.Struct, frozen=True):
    """An event that was not taken.

    Attributes:
        index: its place in the batch, from 0; 0 for a single event.
        code: a stable word for programs.
        message: what was wrong and what to send instead.
        raw: its JSON as it came.
    """

    index: int
    code: str
    message: str
    raw: bytes


class _Event(msgspec.Struct, rename="camel"):
    type: str | None = None
    event: Id = None
    name: Id = None
    category: Id = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    timestamp: Id = None
    original_timestamp: Id = None
    sent_at: Id = None
    received_at: Id = None
    properties: dict[str, Any] | list[Any] | None = None
    traits: dict[str, Any] | list[Any] | None = None
    context: dict[str, Any] | list[Any] | None = None


OF_THE_WORLD = frozenset({"Weather Observed"})
"""Events about nobody, taken with a server's key: whatever id they carry is left out."""

_decode = msgspec.json.Decoder(_Event).decode
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ID_TYPE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class _Reject(Exception):
    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


def judge(
    index: int,
    raw: msgspec.Raw,
    kind: str,
    shared: dict[str, Any],
    sent: int | None,
    doubtful: bool,
    rules: Rules,
    received: int,
) -> Happening | Rejection:
    """Read one event and make it a happening, or say why not.

    Args:
        index: its place in the batch.
        raw: its JSON.
        kind: what it is; "" reads ``type``.
        shared: the batch's context, which the event's own goes before.
        sent: the batch's ``sentAt`` in ms, which goes before the event's own.
        doubtful: the JSON may hold what must be cleaned.
        rules: of the key it came with.
        received: when it came in, ms UTC.
    """
    text = bytes(raw)
    try:
        if len(text) > MAX_EVENT_BYTES:
            raise _Reject("event_too_large", f"An event may have {MAX_EVENT_BYTES // 1024} KB; this has {len(text)} B.")
        return _happening(text, kind, shared, sent, doubtful, rules, received)
    except _Reject as reject:
        return Rejection(index, reject.code, reject.message, text)
    except BadMoment as error:
        message = f"{error} is not a timestamp: write ISO 8601, as 2026-06-18T08:00:00.000Z."
        return Rejection(index, "invalid_timestamp", message, text)
    except (Unclean, RecursionError):
        return Rejection(index, "too_deep", "The event is nested too deeply: flatten it.", text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Rejection(index, "invalid_event", f"The event is not of Segment's form: {error}.", text)


def _happening(
    text: bytes, kind: str, shared: dict[str, Any], sent: int | None, doubtful: bool, rules: Rules, received: int
) -> Happening:
    event = _decode(text)
    kind = kind or event.type or ""
    if kind not in KINDS:
        raise _Reject("unknown_type", f"{kind[:40]!r} is not a type: {', '.join(sorted(KINDS))}.")
    context, properties, traits = _object(event.context), _object(event.properties), _object(event.traits)
    if doubtful or deep(text):
        context, properties, traits = cleaned(context), cleaned(properties), cleaned(traits)
    if shared:
        context = _merged(shared, context)
    if rules.public and "verified" in context:
        # Whoever can read a page has its key: it cannot prove that a phone or an email is one's own.
        context = {k: v for k, v in context.items() if k != "verified"}
    name = _name(kind, event)
    ids: Ids = ()
    if kind != "track" or name not in OF_THE_WORLD or rules.public:
        ids = _ids(kind, event, context, traits)
        _must_carry(kind, event, ids, rules)
    stated = None if event.timestamp is None else instant(event.timestamp)
    original = None if event.original_timestamp is None else instant(event.original_timestamp)
    if sent is None and event.sent_at is not None:
        sent = instant(event.sent_at)
    at = happened_at(received, sent, original, stated, relayed=event.received_at is not None)
    body: dict[str, Any] = {}
    if properties:
        body["properties"] = properties
    if traits:
        body["traits"] = traits
    if context:
        body["context"] = context
    for key, value in (("groupId", event.group_id), ("previousId", event.previous_id), ("category", event.category)):
        if value is not None:
            body[key] = _clean_id(value)
    claimed = original if original is not None else stated
    if claimed is not None and claimed != at:
        body["claimed_at"] = claimed
    touch = touch_of(context, properties)
    if touch:
        body["touch"] = touch
    return Happening(
        message_id=_message_id(event.message_id, received),
        kind=kind,
        name=name,
        at=at,
        received=received,
        source=rules.source,
        ids=ids,
        body=body,
    )


def _object(value: dict[str, Any] | list[Any] | None) -> dict[str, Any]:
    if not value:
        return {}  # null, and PHP's way of writing an empty object: []
    if isinstance(value, list):
        raise _Reject("invalid_event", "properties, traits and context are objects, not lists.")
    return value


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The batch's context under the event's own, objects in it merged likewise."""
    found = dict(shared)
    for key, value in own.items():
        base = found.get(key)
        found[key] = _merged(base, value) if isinstance(base, dict) and isinstance(value, dict) else value
    return found


def _name(kind: str, event: _Event) -> str:
    if kind == "track":
        name = "" if event.event is None else str(event.event).strip()
        if not name:
            raise _Reject("no_event_name", 'A track event needs a name: "event": "Product Viewed".')
        if len(name) > MAX_NAME:
            raise _Reject("name_too_long", f"An event's name has at most {MAX_NAME} characters; this has {len(name)}.")
        if _CONTROL.search(name):
            raise _Reject("invalid_name", "An event's name holds no control characters.")
        if name.lower() in OWN_NAMES or name.lower().startswith(OWN_PREFIXES):
            raise _Reject("reserved_name", f"{name!r} is an event that Fairday itself makes; send another name.")
        return name
    if kind in ("page", "screen") and event.name is not None:
        # A page's name is often its title, which people write and nobody counts by: cut, not refused.
        return _CONTROL.sub(" ", str(event.name)).strip()[:MAX_NAME]
    return ""


def _clean_id(value: str | int | float) -> str:
    return value.replace("\0", "") if isinstance(value, str) else _number(value)


def _number(value: int | float) -> str:
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def _ids(
    kind: str, event: _Event, context: Mapping[str, Any], traits: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for type_, value in (("user_id", event.user_id), ("anonymous_id", event.anonymous_id)):
        if value is not None and (clean := _clean_id(value)).strip():
            if len(clean) > MAX_VALUE:
                raise _Reject("id_too_long", f"An id has at most {MAX_VALUE} characters; {type_} has {len(clean)}.")
            found.append((type_, clean))
    device = context.get("device")
    if isinstance(device, dict):
        _add(found, "device_id", device.get("id"))
    external = context.get("externalIds")
    if isinstance(external, list):
        for one in external[:MAX_EXTERNAL_IDS]:
            if isinstance(one, dict) and one.get("collection") in (None, "users"):
                said = one.get("type")
                if isinstance(said, str) and _ID_TYPE.fullmatch(said) and one.get("encoding") in (None, "none"):
                    _add(found, said, one.get("id"))
    # The traits of a group call are the group's, not the person's.
    for holder in (context.get("traits"), None if kind == "group" else traits):
        if isinstance(holder, dict):
            _add(found, "email", holder.get("email"))
            _add(found, "phone", holder.get("phone"))
    return tuple(dict.fromkeys(found)) if len(found) > 2 else tuple(found)


def _add(found: list[tuple[str, str]], type_: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return
    if (clean := _clean_id(value)).strip() and len(clean) <= MAX_VALUE:
        found.append((type_, clean))


def _must_carry(kind: str, event: _Event, ids: Ids, rules: Rules) -> None:
    if not ids:
        raise _Reject("no_identity", "An event needs a userId or an anonymousId.")
    if all(normalise(type_, value, rules.identity)[0] is None for type_, value in ids):
        raise _Reject("no_identity", f"No id of the event is one: {ids[0][1][:40]!r} stands for nobody.")
    if kind == "group" and not _present(event.group_id):
        raise _Reject("no_group", "A group call needs a groupId.")
    if kind == "alias":
        if not _present(event.previous_id):
            raise _Reject("no_previous_id", "An alias call needs a previousId.")
        if not _present(event.user_id):
            raise _Reject("no_user_id", "An alias call needs a userId.")


def _present(value: Id) -> bool:
    if value is None:
        return False
    clean = _clean_id(value)
    if len(clean) > MAX_VALUE:
        raise _Reject("id_too_long", f"An id has at most {MAX_VALUE} characters; this has {len(clean)}.")
    return bool(clean.strip())


def _message_id(value: Id, received: int) -> str:
    if value is None:
        return new_id(received)
    plain = _clean_id(value)
    if not plain.strip():
        return new_id(received)
    # What is too long, or could be taken for an id that Fairday gives, is hashed: a repeat still has the same.
    return digest(plain) if len(plain) > MAX_MESSAGE_ID or plain.startswith(_OWN_IDS) else plain
