"""The description of what programs may ask, by the OpenAPI standard: written by hand, held to by a test."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from fastapi import APIRouter, Depends
from starlette.responses import Response

from fairday.kernel import jsons
from fairday.web.storefront.front import limited

router = APIRouter(dependencies=[Depends(limited)])


@cache
def description() -> dict[str, Any]:
    """The document as data."""
    read: dict[str, Any] = yaml.safe_load(files("fairday.web").joinpath("openapi.yaml").read_text(encoding="utf-8"))
    return read


@cache
def _text() -> str:
    return jsons.dumps(description())


@router.get("/openapi.json")
def openapi() -> Response:
    return Response(_text(), media_type="application/json", headers={"cache-control": "public, max-age=3600"})
