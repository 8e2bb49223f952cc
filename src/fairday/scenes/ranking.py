"""The fitted ranking of a shop's goods as it is served: arrays mapped from files, swapped whole for a new fit.

A folder holds one folder a fit and the file ``current``, which names the one that is served. See
docs/algorithms/recommendation.md.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairday.kernel.audience import Facts
from fairday.kernel.trace import Step
from fairday.models.recommend.blend import Weights
from fairday.models.recommend.features import NEW, History, Parts, Seen
from fairday.models.recommend.model import Model, People

log = logging.getLogger("fairday.scenes")

FORMAT = 3
"""Raised when the files change their meaning; a fit of another format is not served."""

LOOK = 1.0
"""Seconds for which ``current`` is not looked at again."""

BOUGHT, VIEWED = "bought:product=", "viewed:product="

DUE = (0.75, 3.0)
"""Somebody is due again between so many of their usual gaps after the last purchase."""

SPEAKS = 0.2
"""Log odds that a part must add to be given as a reason."""

_PARTS = ("weights", "eased", "place", "popular_7", "popular", "trend", "rebuy", "profile", "category", "factors")
_PEOPLE = ("neighbours", "cosines", "begin", "item", "weight")
_LISTS = ("by_category", "together", "together_strength", "alike", "alike_strength")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a fit beside its arrays.

    Attributes:
        day: the local day it was fitted on.
        at: when it was ready, ms.
        seconds: how long it took.
        people, goods, purchases: how many it was fitted on.
        figures: of the validation window.
        blends: by name, the weights and the intercept.
    """

    format: int
    day: int
    at: int
    seconds: float
    people: int
    goods: int
    purchases: int
    figures: dict[str, float]
    blends: dict[str, tuple[list[float], float]]


class Standing:
    """One person against a ranking's goods."""

    def __init__(self, ranking: Ranking, history: History, seen: Seen) -> None:
        self.chances = ranking.model.chances(seen)
        """(goods,) how likely they buy each within four weeks."""
        self._ranking = ranking
        self._seen = seen
        self._history = history

    def reason(self, product: str) -> Step | None:
        """What speaks for a product most, or None where that is its popularity or nothing."""
        model, seen = self._ranking.model, self._seen
        good = self._ranking.place(product)
        if good is None:
            return None
        at = int(np.searchsorted(seen.own, good))
        if at < len(seen.own) and seen.own[at] == good:
            times, since, gap = int(seen.times[at]), int(seen.since[at]), float(seen.gap[at])
            if times >= 3 and DUE[0] * gap <= since <= DUE[1] * gap:
                return Step("due_again", {"times": times, "days_ago": since, "every": max(round(gap), 1)})
            return Step("bought_before", {"times": times, "days_ago": since})
        if seen.stranger or (model.parts.place[good] < 0 and good not in seen.tail):
            return None
        row = seen.new(np.array([good]))[0].astype(np.float64)
        added = dict(zip(NEW, row[: len(NEW)] * model.new.weights[: len(NEW)], strict=True))
        floor = model.new.weights[NEW.index("ease_log")] * np.log(0.003)
        parts = {
            "goods": added["ease"] + added["ease_log"] - floor,
            "people": added["alike"] + added["alike_log"] - self._alone(good),
            "popular": added["popular"] + added["popular_7"] + added["trend"],
        }
        best = max(parts, key=lambda name: parts[name])
        if parts[best] < SPEAKS or best == "popular":
            return None
        return self._through(good) if best == "goods" else Step("people_like_you")

    def _alone(self, good: int) -> float:
        """What the neighbours' part would add if they bought the good as everybody does."""
        weights, share = self._ranking.model.new.weights, float(self._ranking.model.parts.profile[good])
        return float(weights[NEW.index("alike")] * share + weights[NEW.index("alike_log")] * np.log(share + 0.002))

    def _through(self, good: int) -> Step | None:
        """The good of theirs that speaks for this one most."""
        parts, ranking = self._ranking.model.parts, self._ranking
        place = int(parts.place[good])
        own = np.concatenate([self._seen.own, np.unique(self._history.viewed)])
        own = own[parts.place[own] >= 0]
        if place < 0 or not len(own):
            return None
        weights = parts.weights[parts.place[own], place]
        through = int(own[int(np.argmax(weights))])
        same = parts.category[through] and parts.category[through] == parts.category[good]
        return Step("similar_to" if same else "goes_with", {"product": ranking.goods[through]})


class Ranking:
    """One fit, its arrays mapped from their files; threads share it.

    Args:
        folder: of the fit.

    Raises:
        OSError, ValueError, msgspec.DecodeError: not a whole fit of this format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        if self.manifest.format != FORMAT:
            raise ValueError(f"format {self.manifest.format}, not {FORMAT}")
        self.goods: list[str] = msgspec.json.decode((folder / "goods.json").read_bytes(), type=list[str])
        self._at = {product: at for at, product in enumerate(self.goods)}
        arrays = {file.stem: _plain(_mapped(file, "r")) for file in sorted(folder.glob("*.npy"))}
        self._person = arrays["person"]
        blends = {
            name: Weights(np.array(weights, dtype=np.float64), intercept)
            for name, (weights, intercept) in self.manifest.blends.items()
        }
        self.model = Model(
            today=self.manifest.day,
            parts=Parts(**{name: arrays[name] for name in _PARTS if name in arrays}),
            people=People(**{name: arrays[name] for name in _PEOPLE}),
            again=blends["again"],
            new=blends["new"],
            stranger=blends["stranger"],
            **{name: arrays[name] for name in _LISTS},
            figures=self.manifest.figures,
        )

    def place(self, product: str) -> int | None:
        """Where a product stands among the ranking's, or None."""
        return self._at.get(product)

    def row(self, person: int | None) -> int | None:
        """Where somebody stands among the fit's people, or None: they came later, or were erased."""
        if person is None:
            return None
        at = int(np.searchsorted(self._person, person))
        return at if at < len(self._person) and self._person[at] == person else None

    def standing(self, person: int | None, facts: Facts, today: int) -> Standing:
        """A person against all goods, by what is known of them now.

        Args:
            person: their number; None for somebody who has none.
            facts: with the activity of products bought and viewed.
        """
        history = self.history(facts, today)
        return Standing(self, history, self.model.seen(history, self.row(person), today))

    def history(self, facts: Facts, today: int) -> History:
        """What somebody bought and viewed of the ranking's goods up to a local day."""
        bought: list[tuple[int, list[int]]] = []
        viewed: list[tuple[int, list[int]]] = []
        for measure, (days, counts, _) in facts.activity.items():
            found = bought if measure.startswith(BOUGHT) else viewed if measure.startswith(VIEWED) else None
            at = None if found is None else self._at.get(measure[len(BOUGHT) :])
            if found is None or at is None:
                continue
            some = [
                d for d, before, after in zip(days, counts, counts[1:], strict=False) if after > before and d <= today
            ]
            if some:
                found.append((at, some))
        bought.sort()
        return History(*_flat(bought), *_flat(viewed))

    def similar(self, product: str, count: int) -> list[str]:
        """Products that the same people buy, rather of its category, the most similar first."""
        return self._beside(self.model.alike, product, count)

    def goes_with(self, product: str, count: int) -> list[str]:
        """Products bought with it more often than by chance, the strongest first."""
        return self._beside(self.model.together, product, count)

    def _beside(self, lists: NDArray[np.int32], product: str, count: int) -> list[str]:
        at = self.place(product)
        return [] if at is None else [self.goods[n] for n in lists[at, :count].tolist() if n >= 0]


def _flat(rows: Sequence[tuple[int, list[int]]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lengths = [len(days) for _, days in rows]
    items = np.repeat(np.array([at for at, _ in rows], dtype=np.int64), lengths)
    return items, np.fromiter(chain.from_iterable(days for _, days in rows), np.int64, len(items))


class Rankings:
    """What is served of a folder of fits: looks at most once a second whether a new one is there.

    Args:
        folder: of the fits; None for a shop that keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._served: tuple[str, Ranking] | None = None
        self._look_at = 0.0
        self._lock = threading.Lock()

    def current(self, *, now: bool = False) -> Ranking | None:
        """The ranking that is served, or None while nothing was fitted. Never raises: a damaged fit is logged.

        Args:
            now: look at once.
        """
        if self.folder is None:
            return None
        if not now and time.monotonic() < self._look_at:
            return None if self._served is None else self._served[1]
        with self._lock:
            self._look_at = time.monotonic() + LOOK
            # The old fit may be taken away between reading its name and opening it: then there is a newer one.
            for _ in range(3):
                name = named(self.folder)
                if name is None:
                    self._served = None
                    break
                if self._served is not None and self._served[0] == name:
                    break
                try:
                    self._served = name, Ranking(self.folder / name)
                    break
                except FileNotFoundError:
                    continue
                except (OSError, ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
                    log.error("the fit %s is not served: %s", name, error)
                    self._served = None
                    break
            return None if self._served is None else self._served[1]


def named(folder: Path) -> str | None:
    """The name of the fit that is served, or None."""
    try:
        name = (folder / "current").read_text().strip()
    except OSError:
        return None
    return name if name and Path(name).name == name else None


def save(
    folder: Path, model: Model, goods: Sequence[str], manifest: Manifest, people: Mapping[str, NDArray[Any]]
) -> Path:
    """Write a fit beside those of the folder, on the disk before this returns; nobody is served it yet.

    Args:
        people: arrays ``person``, ``identifier`` and ``identifier_row``.

    Returns:
        The fit's folder, to be given to ``publish``.
    """
    made = folder / f"fit-{manifest.at}-{os.getpid()}"
    made.mkdir(parents=True)
    arrays: dict[str, Any] = dict(people)
    for source, names in ((model.parts, _PARTS), (model.people, _PEOPLE), (model, _LISTS)):
        arrays |= {name: getattr(source, name) for name in names}
    for name, array in arrays.items():
        if array is not None:
            with (made / f"{name}.npy").open("wb") as file:
                np.save(file, np.ascontiguousarray(array), allow_pickle=False)
                _synced(file)
    for name, content in (
        ("goods.json", json.dumps(list(goods), ensure_ascii=False).encode()),
        ("manifest.json", msgspec.json.encode(manifest)),
    ):
        with (made / name).open("wb") as file:
            file.write(content)
            _synced(file)
    _synced_folder(made)
    return made


def publish(folder: Path, made: Path) -> None:
    """Serve a fit from now on, and take the others away; those who have them open keep them until they look again."""
    pointer = folder / f".current-{os.getpid()}"
    with pointer.open("w") as file:
        file.write(made.name)
        _synced(file)
    pointer.replace(folder / "current")
    _synced_folder(folder)
    for other in folder.glob("fit-*"):
        if other != made:
            shutil.rmtree(other, ignore_errors=True)


def forget(made: Path, persons: Sequence[int], identifiers: Sequence[int]) -> int:
    """Take people out of a fit's files for good; who has it open sees that at once. How many rows they had.

    Args:
        persons: numbers of people.
        identifiers: numbers of ids: rows of whoever owned one of them when the fit was made, as a merge since then may
            have given them another number.
    """
    names = ("person", "identifier", "identifier_row", "begin", "item", "weight", "neighbours", "cosines")
    arrays = {name: _mapped(made / f"{name}.npy", "r+") for name in names}
    person, identifier = arrays["person"], arrays["identifier"]
    rows = np.flatnonzero(np.isin(person, np.array(persons, dtype=np.int64)))
    named_by = np.flatnonzero(np.isin(identifier, np.array(identifiers, dtype=np.int64)))
    rows = np.union1d(rows, arrays["identifier_row"][named_by])
    for row in rows.tolist():
        recent = slice(int(arrays["begin"][row]), int(arrays["begin"][row + 1]))
        arrays["item"][recent] = 0
        arrays["weight"][recent] = 0
        arrays["neighbours"][row] = 0
        arrays["cosines"][row] = 0
        # The numbers stay in order, so that those of others are still found; this one is nobody's any more.
        person[row] = person[row - 1] if row else -1
    gone = np.union1d(named_by, np.flatnonzero(np.isin(arrays["identifier_row"], rows)))
    for at in gone.tolist():
        identifier[at] = identifier[at - 1] if at else -1
    for array in arrays.values():
        if isinstance(array, np.memmap):
            array.flush()
    return len(rows)


def _mapped(file: Path, mode: Literal["r", "r+"]) -> NDArray[Any]:
    """An array mapped from its file; one without elements, which cannot be mapped, is read."""
    try:
        return np.asanyarray(np.load(file, mmap_mode=mode))
    except ValueError:
        return np.asanyarray(np.load(file))


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The same mapped numbers as an ordinary array: numpy's mapped kind spends as long on each indexing as the rest."""
    return array.view(np.ndarray)


def _synced(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _synced_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


__all__ = ["Manifest", "Ranking", "Rankings", "Standing", "forget", "named", "publish", "save"]
