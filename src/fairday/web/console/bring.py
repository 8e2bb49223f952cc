"""Bringing files in: upload, what the columns were taken for, what would come in, yes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from fairday.intake.guess import FIELDS, KINDS, Guess, Table
from fairday.intake.shape import REQUIRED
from fairday.kernel.clock import zone as time_zone
from fairday.kernel.errors import FairdayError
from fairday.web.auth import field, inside
from fairday.web.bench import Bench, Job
from fairday.web.guard import UPLOAD_BYTES
from fairday.web.refusals import explained
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

SHOWN = 5
"""Rows of a table that are shown."""
FIRST = ("order", "time", "product", "title", "quantity", "price", "amount", "total", "id:user_id", "id:email",
         "id:phone", "category", "group", "option:colour", "option:size", "option:form", "trait:name",
         "trait:city")  # fmt: skip
"""Fields shown at once; the others are folded away."""


def bench_of(request: Request) -> Bench:
    """The process's bench."""
    state = request.app.state
    if not hasattr(state, "bench"):
        state.bench = Bench(shop_of(request))
    bench: Bench = state.bench
    return bench


def _new(request: Request, error: FairdayError | None = None) -> Response:
    said = say(tongue_of(request), error) if error else None
    status = status_of(error) if error else 200
    return page(request, "data_bring.html", status, error=said, most=UPLOAD_BYTES // 1_000_000, tab="imports")


@inside.get("/data/imports/new")
def new(request: Request) -> Response:
    return _new(request)


@inside.post("/data/imports/new")
def upload(request: Request) -> Response:
    sent = [f for f in request.state.form.getlist("files") if isinstance(f, UploadFile) and f.filename]
    try:
        job = bench_of(request).stage([(f.filename or "", f.file) for f in sent])
    except FairdayError as error:
        return _new(request, error)
    return go(f"/console/data/imports/{job.token}")


@inside.get("/data/imports/{token}")
def look(request: Request, token: str) -> Response:
    return _show(request, bench_of(request).get(token))


def _show(request: Request, job: Job, error: FairdayError | None = None) -> Response:
    tongue = tongue_of(request)
    wrong = error or job.error
    guesses = job.understood.guesses
    tables = [
        _table(tongue, number, table, guesses[number] if guesses else None, job.understood.meanings[number])
        for number, table in enumerate(job.understood.tables)
    ]
    files = []
    for number, file in enumerate(job.report.files if job.report else ()):
        told = [[(r, *explained(r, tongue)) for r in rows] for rows in (file.rejected, file.remarks)]
        files.append((number, file, *told))
    return page(
        request,
        "data_look.html",
        200 if error is None else status_of(error),
        job=job,
        tables=tables,
        files=files,
        kinds=KINDS,
        error=say(tongue, wrong) if wrong else None,
        tab="imports",
    )


def meaning(field_: str) -> str:
    """The text's key of a field: ``option:2`` is called as every option is, where it has no name of its own."""
    kind, _, which = field_.partition(":")
    return f"field.{kind}" if which.isdecimal() else f"field.{field_.replace(':', '.')}"


def _table(tongue: Any, number: int, table: Table, made: Guess | None, meanings: dict[str, str]) -> dict[str, Any]:
    chosen = dict(made.columns) if made else {}
    used = {c: meaning(f) for c, f in meanings.items() if tongue.has(meaning(f))}
    kind = made.kind if made else ""
    fields = []
    needed = {*REQUIRED.get(kind, ()), *(("product", "quantity") if kind == "orders" else ())}
    for name in FIELDS.get(kind, ()):
        column = chosen.get(name, "")
        some = ", ".join(list(dict.fromkeys(table.column(column)))[:3]) if column else ""
        # Chosen fields and the usual ones first.
        label = tongue(meaning(name))
        first = bool(column) or name in FIRST
        fields.append({"name": name, "label": label, "column": column, "some": some[:70], "first": first,
                       "needed": name in needed})  # fmt: skip
    problems = [
        (code, tongue(f"field.{what.replace(':', '.')}") if code == "missing" else what)
        for code, what in (made.problems if made else ())
    ]
    rows = [[r[i] if i < len(r) else "" for i in range(len(table.header))] for r in table.rows[:SHOWN]]
    return {
        "number": number,
        "name": table.path.rsplit("/", 1)[-1],
        "sheet": table.sheet,
        "kind": kind,
        "fields": fields,
        "header": [(h, used.get(h, "")) for h in table.header],
        "left": [h for h in dict.fromkeys(table.header) if h and h not in used] if kind or made is None else [],
        "rows": rows,
        "problems": problems,
        "columns": [h for h in dict.fromkeys(table.header) if h],
    }


@inside.post("/data/imports/{token}")
def settle(request: Request, token: str) -> Response:
    """Take the columns for what was chosen, and check again."""
    bench = bench_of(request)
    job = bench.get(token)
    form = request.state.form
    try:
        zone = field(request, "zone", 60)
        time_zone(zone)
    except FairdayError as error:
        return _show(request, job, error)
    if job.understood.builtin and form.get("by_hand") != "yes":
        job.zone = zone
        bench.check(job)
        return go(f"/console/data/imports/{token}")
    kinds, chosen = [], []
    for number, table in enumerate(job.understood.tables):
        kind = str(form.get(f"t{number}.kind", ""))
        kinds.append(kind)
        picked = {f: str(form.get(f"t{number}.{f}", "")) for f in FIELDS.get(kind, ())}
        chosen.append({f: c for f, c in picked.items() if c in table.header and c})
    bench.settle(job, kinds, chosen, zone)
    return go(f"/console/data/imports/{token}")


@inside.post("/data/imports/{token}/start")
def start(request: Request, token: str) -> Response:
    bench = bench_of(request)
    job = bench.get(token)
    try:
        bench.start(job)
    except FairdayError as error:
        return _show(request, job, error)
    return go(f"/console/data/imports/{token}")


@inside.post("/data/imports/{token}/drop")
def drop(request: Request, token: str) -> Response:
    bench = bench_of(request)
    bench.drop(bench.get(token))
    return go("/console/data/imports?done=dropped")


@inside.get("/data/imports/{token}/rejects/{number}")
def rejects(request: Request, token: str, number: int) -> Response:
    """The rows of a file that were not taken, to mend and import."""
    job = bench_of(request).get(token)
    files = job.report.files if job.report and job.state == "done" else []
    if not 0 <= number < len(files) or files[number].rejected_path is None:
        raise HTTPException(404)
    path = job.folder / str(files[number].rejected_path).rsplit("/", 1)[-1]
    if not path.is_file():
        raise HTTPException(404)
    named = f"attachment; filename*=UTF-8''{quote(path.name)}"
    return FileResponse(path, media_type="text/csv", headers={"Content-Disposition": named})
