"""The peers' lists, in an environment of their own: RecTools' EASE and implicit's ALS, tuned on the same window.

    python peer.py FOLDER

Reads ``purchases.npz`` (person, item, day, people, items, first day of the window, first day of the truth, people
asked) from the folder and writes ``peers.npz``: of each model the first twenty goods for everybody asked, with repeats
and of new goods. Each model gets a grid of its main parameters, judged by the window as ours is.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel
from scipy import sparse

COUNT = 20


def ease(before, people, regularization):
    """RecTools' EASE as it is meant to be used: binary interactions, its recommend with and without what was seen."""
    frame = pd.DataFrame({Columns.User: before[0], Columns.Item: before[1]}).drop_duplicates()
    frame[Columns.Weight], frame[Columns.Datetime] = 1.0, pd.Timestamp("2020-01-01")
    dataset = Dataset.construct(frame)
    model = EASEModel(regularization=regularization, num_threads=2).fit(dataset)
    found = []
    for seen in (False, True):
        table = model.recommend(people, dataset, k=COUNT, filter_viewed=seen)
        lists = np.full((len(people), COUNT), -1)
        lists[np.searchsorted(people, table[Columns.User]), table[Columns.Rank] - 1] = table[Columns.Item]
        found.append(lists)
    return found


def als(before, people, factors, alpha, shape):
    """implicit's ALS on how often somebody bought something."""
    counts = sparse.csr_matrix((np.ones(len(before[0]), np.float32), (before[0], before[1])), shape=shape)
    model = AlternatingLeastSquares(
        factors=factors, regularization=0.05, alpha=alpha, iterations=15, random_state=0, num_threads=2
    )
    model.fit(counts, show_progress=False)
    return [
        model.recommend(people, counts[people], N=COUNT, filter_already_liked_items=seen)[0] for seen in (False, True)
    ]


def recall(lists, before, after, people):
    """Of both lists together, judged as the benchmark judges."""
    seen, wanted = set(zip(*before, strict=True)), {}
    for person, item in set(zip(*after, strict=True)):
        wanted.setdefault(person, set()).add(item)
    total = 0.0
    for new, rows in enumerate(lists):
        found = []
        for person, row in zip(people, rows, strict=True):
            truth = {i for i in wanted.get(person, ()) if not (new and (person, i) in seen)}
            if truth:
                found.append(len(truth.intersection(row.tolist())) / min(COUNT, len(truth)))
        total += float(np.mean(found))
    return total


def main():
    folder = Path(sys.argv[1])
    data = np.load(folder / "purchases.npz")
    person, item, day = data["person"], data["item"], data["day"]
    shape = (int(data["people"]), int(data["items"]))

    def part(first, end):
        rows = (day >= first) & (day < end)
        return person[rows].tolist(), item[rows].tolist()

    window, truth = int(data["window"]), int(data["truth"])
    before, inside = part(0, window), part(window, truth)
    judges = np.intersect1d(before[0], inside[0])
    made = {}
    for name, grid in (
        ("rectools_ease", [lambda b, p, r=r: ease(b, p, r) for r in (100.0, 300.0, 500.0, 1000.0)]),
        ("implicit_als", [lambda b, p, f=f, a=a: als(b, p, f, a, shape) for f in (64, 128) for a in (1.0, 10.0)]),
    ):
        best = max(grid, key=lambda run: recall(run(before, judges), before, inside, judges))
        began = time.process_time()
        everything, new = best(part(0, truth), data["asked"])
        made |= {f"{name}": everything, f"{name}_new": new, f"{name}_seconds": time.process_time() - began}
    np.savez(folder / "peers.npz", **made)


if __name__ == "__main__":
    main()
