"""The tills' door: a sale paid by the code on a member's phone. JSON in and out; who asks is known by a till's key."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairday.intake.keys import WriteKey, find_key
from fairday.kernel import jsons
from fairday.kernel.errors import FairdayError, Unavailable
from fairday.trade.tills import Sale
from fairday.web.auth import address_of
from fairday.web.guard import Bucket
from fairday.web.render import shop_of, status_of

tills = APIRouter()

BODY_BYTES = 65_536
SALES, MISSES, STRANGERS, CODES = 240, 10, 30, 12
"""A minute: sales of one till, its wrong codes, requests of one address without a till's key, codes of one member."""


class Limits:
    """What tills and strangers may still ask."""

    def __init__(self) -> None:
        self.sales = Bucket(SALES)
        self.misses = Bucket(MISSES)
        self.strangers = Bucket(STRANGERS)
        self.codes = Bucket(CODES)


@tills.post("/v1/till/pay")
async def pay(request: Request) -> Response:
    """Pay a sale by a code: ``{code, amount, currency, receipt, store?, lines?: [{sku, qty, amount, title?}]}``.

    Amounts are minor units. The same receipt of the same till is the same sale, however often it is sent.
    """
    limits: Limits = request.app.state.tills
    now = shop_of(request).clock.now()
    key = await run_in_threadpool(_key, request)
    if key is None:
        wait = limits.strangers.take(address_of(request), now)
        return _late(wait) if wait else _no(401, "unknown_write_key", "Send a till's write key as user name.")
    wait = limits.sales.take(key.source, now)
    if wait:
        return _late(wait)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            return _no(413, "too_large", "A sale has at most 64 KB.")
    try:
        sale = msgspec.json.decode(body, type=Sale, strict=True)
        missed = limits.misses.take(key.source, now)
        if missed:
            return _late(missed)
        sold = await run_in_threadpool(shop_of(request).tills.pay, key.source, sale)
        limits.misses.give_back(key.source)
    except RecursionError:
        return _no(422, "bad_sale", "The sale is nested too deeply.")
    except msgspec.MsgspecError as error:
        return _no(422, "bad_sale", f"The sale cannot be read: {error}.")
    except Unavailable as error:
        return _no(503, error.code, error.message, {"Retry-After": "1"})
    except FairdayError as error:
        if error.code not in ("code_unknown", "code_used", "code_over", "bad_code"):
            limits.misses.give_back(key.source)
        return _no(status_of(error), error.code, error.message, where=error.where, remedy=error.remedy)
    return _json(200, msgspec.to_builtins(sold))


def _key(request: Request) -> WriteKey | None:
    """The till's key of a request: as Basic user name or as Bearer."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    key = value.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() != "bearer":
        return None
    with shop_of(request).db.read() as conn:
        found = find_key(conn, key)
    return found if found is not None and found.kind == "till" else None


def _late(wait: int) -> Response:
    seconds = str(-(-wait // 1000))
    return _no(429, "rate_limited", "Too many attempts. Try again in a moment.", {"Retry-After": seconds})


def _no(status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    said = {"error": code, "message": message, **{k: v for k, v in more.items() if v}}
    return _json(status, said, headers)


def _json(status: int, said: Any, headers: dict[str, str] | None = None) -> Response:
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(jsons.dumps(said), status, kept, media_type="application/json")
