"""The import bench: files somebody uploaded, what they are taken for, the dry run, and the import in the background.

Files stand in a folder of their own, out of everybody's reach, until they are brought in or dropped, at most a day.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from fairday.intake.guess import FIELDS, KINDS, Guess, settle
from fairday.intake.imports import ImportReport
from fairday.intake.understand import Understood, guessed, understand
from fairday.kernel.errors import FairdayError, NotFound
from fairday.shop import Shop

KEPT_MS = 86_400_000
MOST_JOBS, MOST_FILES = 20, 8

State = Literal["checking", "checked", "importing", "done", "failed"]


class Job(msgspec.Struct):
    """One upload on its way in.

    Attributes:
        number: counts up with every change of what it is taken for; a check of an older number is thrown away.
        report: of the dry run once checked, of the import once done.
    """

    token: str
    at: int
    folder: Path
    paths: list[Path]
    understood: Understood
    zone: str
    state: State = "checking"
    number: int = 0
    done: int = 0
    total: int = 0
    report: ImportReport | None = None
    error: FairdayError | None = None

    @property
    def names(self) -> list[str]:
        """The files' names as they were uploaded."""
        return [p.name for p in self.paths]


class Bench:
    """The uploads of one process."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._root = Path(tempfile.mkdtemp(prefix="fairday-uploads-"))
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._one = threading.Lock()  # one file is read at a time: reading takes memory

    def stage(self, files: Sequence[tuple[str, BinaryIO]]) -> Job:
        """Keep uploaded files, say what they are and begin to check them.

        Raises:
            FairdayError: no file, too many, or one that cannot be read.
        """
        if not files:
            raise FairdayError("No file was chosen.", code="no_upload", remedy="Choose at least one file.")
        if len(files) > MOST_FILES:
            raise FairdayError(f"At most {MOST_FILES} files at once.", code="too_many_files")
        self._tidy()
        token = secrets.token_urlsafe(16)
        folder = self._root / token
        folder.mkdir(mode=0o700)
        try:
            paths: list[Path] = []
            for name, content in files:
                path = folder / _safe(name, {p.name for p in paths})
                with path.open("wb") as f:
                    shutil.copyfileobj(content, f, 1 << 20)
                paths.append(path)
            job = Job(token, self._shop.clock.now(), folder, paths, understand(paths), self._shop.settings.zone)
        except FairdayError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise plainly(error)
        with self._lock:
            self._jobs[token] = job
        self.check(job)
        return job

    def get(self, token: str) -> Job:
        """A job by its token. Raises NotFound."""
        with self._lock:
            job = self._jobs.get(token)
        if job is None:
            raise NotFound("These files are no longer here.", code="no_upload_here", remedy="Choose them again.")
        return job

    def settle(self, job: Job, kinds: Sequence[str], chosen: Sequence[Mapping[str, str]], zone: str) -> None:
        """Take the tables for what somebody chose, and check again."""
        guesses = []
        for table, kind, columns in zip(job.understood.tables, kinds, chosen, strict=True):
            if kind not in KINDS:
                guesses.append(Guess(kind=""))
                continue
            known = {f: c for f, c in columns.items() if f in FIELDS[kind] and c in table.header}
            guesses.append(settle(table, kind, known))
        with self._lock:
            job.understood = guessed(job.understood.tables, tuple(guesses))
            job.zone = zone
        self.check(job)

    def check(self, job: Job) -> None:
        """Begin the dry run."""
        with self._lock:
            job.number += 1
            job.state, job.report, job.error, job.done, job.total = "checking", None, None, 0, 0
            number = job.number
        if not job.understood.usable:
            job.state = "checked"
            return
        self._begin(job, number, dry_run=True)

    def start(self, job: Job) -> None:
        """Bring it in, once it is checked.

        Raises:
            FairdayError: it is not checked yet, or could not be read.
        """
        with self._lock:
            if job.state != "checked" or job.error is not None or job.report is None:
                raise FairdayError("It has not been checked yet.", code="not_checked", remedy="Wait for the check.")
            job.state, job.done = "importing", 0
            number = job.number
        self._begin(job, number, dry_run=False)

    def drop(self, job: Job) -> None:
        """Let go of the files."""
        with self._lock:
            self._jobs.pop(job.token, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of everything."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _begin(self, job: Job, number: int, *, dry_run: bool) -> None:
        work = threading.Thread(target=self._work, args=(job, number, dry_run), name="fairday-import", daemon=True)
        work.start()

    def _work(self, job: Job, number: int, dry_run: bool) -> None:
        def told(done: int, total: int) -> None:
            job.done, job.total = done, total

        report, error = None, None
        with self._one:
            if job.number != number:
                return
            try:
                made = job.understood.mapping(job.zone, self._shop.settings.currency)
                report = self._shop.import_files(
                    [str(p) for p in job.paths], made, zone=job.zone, dry_run=dry_run, rejects=job.folder, progress=told
                )
            except FairdayError as wrong:
                error = plainly(wrong)
            except Exception as wrong:
                error = FairdayError(str(wrong), code="import_broke")
        with self._lock:
            if job.number != number:
                return
            job.report, job.error = report, error
            job.state = "failed" if error and not dry_run else "checked" if dry_run else "done"
        if job.state == "done":
            for path in job.paths:
                path.unlink(missing_ok=True)  # what is in needs no second copy

    def _tidy(self) -> None:
        now = self._shop.clock.now()
        with self._lock:
            idle = [j for j in self._jobs.values() if j.state not in ("checking", "importing")]
            old = [j for j in idle if now - j.at > KEPT_MS]
            old += sorted(idle, key=lambda j: j.at)[: max(len(self._jobs) - MOST_JOBS + 1, 0)]
        for job in old:
            self.drop(job)


def plainly(error: FairdayError) -> FairdayError:
    """The error without the folder that files stand in."""

    def bare(text: str) -> str:
        return re.sub(r"\S*fairday-uploads-\S+?/(?=[^/]+$|[^/:]+:)", "", text)

    where = bare(error.where)
    return FairdayError(bare(error.message), code=error.code, where=where, remedy=bare(error.remedy))


def _safe(name: str, taken: set[str]) -> str:
    """A file's own name without anything that leads elsewhere."""
    bare = re.sub(r"[^\w.\-() ]", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")[-120:] or "file.csv"
    found, n = bare, 1
    while found in taken:
        n += 1
        stem, dot, end = bare.partition(".")
        found = f"{stem} {n}{dot}{end}"
    return found
