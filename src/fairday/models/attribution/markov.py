"""The absorbing Markov chain of all paths, and what each channel's removal would lose, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as sparse_linalg

from fairday.kernel.errors import FairdayError
from fairday.models.attribution.paths import Credits, Floats, Ints, Paths, counted

ORDERS = (1, 2, 3)

DENSE_KEYS = 1 << 22
"""Up to so many possible steps they are counted in an array of all of them, beyond by sorting."""

DENSE_STATES = 200
"""Up to so many states the equations are solved by elimination, beyond by iteration on the sparse matrix."""

ACCURATE = 1e-13
"""The relative residual an iteration has to reach; where it does not, sparse elimination takes its place."""


@dataclass(frozen=True)
class Markov:
    """What the chain of one order says of each channel, in the order of ``Paths.channels``.

    Attributes:
        order: how many of the last touches a state holds.
        p_conv: the probability that a path converts.
        removal_effect: the share of ``p_conv`` lost without the channel; 0 where no converting path holds it.
        removal_effect_value: the same of the expected value; None where the paths have no values.
        credits: conversions and values handed out in proportion to the removal effects.
    """

    order: int
    p_conv: float
    removal_effect: Floats
    removal_effect_value: Floats | None
    credits: Credits


def markov(paths: Paths, order: int = 1) -> Markov:
    """Attribution by the removal effect in the chain of an order.

    Raises:
        FairdayError: an order other than 1, 2 or 3.
    """
    if order not in ORDERS:
        raise FairdayError(f"An order of {order}.", code="bad_order", remedy="1, 2 or 3.")
    return _told(paths, _steps(paths, order))


def markovs(paths: Paths) -> list[Markov]:
    """``markov`` of the orders 1, 2 and 3, from one count of the paths."""
    steps = _steps(paths, ORDERS[-1])
    return [_told(paths, steps.lower(order)) for order in ORDERS]


@dataclass(frozen=True)
class _Steps:
    """How often paths stepped and ended.

    A state is the last touches' codes plus one as digits to the base ``base``, the latest in the lowest place, 0 where
    the path had not begun; a step is a state and the next digit.
    """

    order: int
    base: int
    steps: Ints
    weights: Floats
    ends: Ints
    conversions: Floats
    nulls: Floats
    values: Floats | None

    def lower(self, order: int) -> _Steps:
        """The same counts of a lower order: states forget their earliest touches."""
        if order == self.order:
            return self
        steps, (weights,) = _sums(self.steps % self.base ** (order + 1), [self.weights], 0)
        amounts = [self.conversions, self.nulls] + ([] if self.values is None else [self.values])
        ends, sums = _sums(self.ends % self.base**order, amounts, 0)
        return _Steps(order, self.base, steps, weights, ends, sums[0], sums[1], None if len(sums) < 3 else sums[2])


def _steps(paths: Paths, order: int) -> _Steps:
    base, filled = len(paths.channels) + 1, paths.filled
    heads, tails = paths.starts[:-1][filled], paths.starts[1:][filled] - 1
    # Half the memory to go over where the keys fit.
    digit: Any = paths.codes.astype(np.int32 if base ** (order + 1) < 1 << 31 else np.int64) + 1
    earlier, step = digit.copy(), digit.copy()
    for place in range(1, order + 1):
        earlier[1:] = earlier[:-1]
        earlier[heads] = 0
        step += earlier * base**place
    weights = np.repeat(paths.conversions + paths.nulls, paths.lengths)
    steps, (weights,) = _sums(step, [weights], base ** (order + 1))
    amounts = [paths.conversions[filled], paths.nulls[filled]]
    if paths.values is not None:
        amounts.append(paths.values[filled])
    ends, sums = _sums(step[tails] % base**order, amounts, base**order)
    return _Steps(order, base, steps, weights, ends, sums[0], sums[1], None if len(sums) < 3 else sums[2])


def _sums(keys: Ints, amounts: list[Floats], size: int) -> tuple[Ints, list[Floats]]:
    """The different keys, sorted, and of each of the amounts its sum by key; keys that none has are left out.

    Args:
        size: keys are below it, or 0 where that is not known.
    """
    if 0 < size <= DENSE_KEYS:
        sums = [counted(keys, a, size) for a in amounts]
        found = np.flatnonzero(sum(sums))
        return found, [s[found] for s in sums]
    found, place = np.unique(keys, return_inverse=True)
    sums = [counted(place, a, len(found)) for a in amounts]
    some = sum(sums) > 0
    return found[some], [s[some] for s in sums]


def _told(paths: Paths, steps: _Steps) -> Markov:
    size, base = len(paths.channels), steps.base
    source, target = steps.steps // base, steps.steps % base**steps.order
    states = np.unique(target)
    last = states % base - 1
    begins = source == 0
    n = len(states)

    def place(keys: Ints) -> Ints:
        return np.searchsorted(states, keys)

    first = np.zeros(n)
    first[place(target[begins])] = steps.weights[begins]
    inner = ~begins
    between: Any = sparse.csr_array(
        (steps.weights[inner], (place(source[inner]), place(target[inner]))), shape=(n, n), dtype=np.float64
    )
    if n <= DENSE_STATES:
        between = between.toarray()
    exits = np.zeros((n, 1 if steps.values is None else 2))
    ends, nulls = place(steps.ends), np.zeros(n)
    exits[ends, 0], nulls[ends] = steps.conversions, steps.nulls
    visits = between.sum(axis=1) + exits[:, 0] + nulls
    if steps.values is not None:
        exits[ends, 1] = steps.values
    system = np.diag(visits) - between if n <= DENSE_STATES else (sparse.diags_array(visits) - between).tocsr()
    worth = _solved(system, exits, over_rows=True)  # by state: the probability to convert, the expected value
    lost = np.zeros((size, exits.shape[1]))
    for channel in np.unique(last):
        gone = last == channel
        kept = np.flatnonzero(~gone)
        lost[channel] = first[gone] @ worth[gone]
        if len(kept):
            # How often each state is left when steps onto the channel end the walk, over its visits in the whole chain.
            left = _solved(system[kept][:, kept], first[kept, None], over_rows=False)[:, 0]
            lost[channel] += left @ (between[kept][:, np.flatnonzero(gone)] @ worth[gone])
    # Both sides are sums over everyone who walked; the chain gives back the counts it was made of.
    everyone = float(paths.conversions.sum() + paths.nulls.sum())
    conversions, effect = _shares(paths.conversions, paths.touch_conversions, paths, lost[:, 0])
    p_conv = float(paths.conversions.sum()) / everyone if everyone else 0.0
    if paths.values is None or paths.touch_values is None:
        return Markov(steps.order, p_conv, effect, None, Credits(conversions))
    values, effect_value = _shares(paths.values, paths.touch_values, paths, lost[:, 1])
    return Markov(steps.order, p_conv, effect, effect_value, Credits(conversions, values))


def _shares(amounts: Floats, by_touch: Floats, paths: Paths, lost: Floats) -> tuple[Floats, Floats]:
    """Credits and removal effects of conversions or of values."""
    whole = float(amounts.sum())
    nobody = np.zeros(len(paths.channels))
    if not whole:
        return nobody, nobody
    lost = np.where(counted(paths.codes, by_touch, len(paths.channels)) > 0, lost, 0.0)
    total = lost.sum()
    credit = lost / total * float(amounts[paths.filled].sum()) if total else nobody
    return credit, np.minimum(lost / whole, 1.0)


def _solved(system: Any, right: Floats, *, over_rows: bool) -> Floats:
    """``x`` of ``system @ x = right``, or of ``x @ system = right`` (a column each).

    The system, an array or sparse, is diagonally dominant by rows and not positive off the diagonal. Elimination goes
    over the transpose, which is dominant by columns: partial pivoting then never swaps, nothing cancels, and small
    numbers keep their digits.
    """
    if not right.any():
        return np.zeros_like(right)
    if isinstance(system, np.ndarray):
        factors = linalg.lu_factor(system.T, check_finite=False)
        found: Floats = linalg.lu_solve(factors, right, trans=int(over_rows), check_finite=False)
        return found
    diagonal = system.diagonal()[:, None]
    scaled = sparse.diags_array(1 / diagonal[:, 0]) @ system
    if over_rows:
        found = np.column_stack([_iterated(scaled, target) for target in (right / diagonal).T])
    else:
        turned = scaled.T.tocsr()
        found = np.column_stack([_iterated(turned, target) for target in right.T]) / diagonal
    return found


def _iterated(system: Any, target: Floats) -> Floats:
    """``x`` of ``system @ x = target`` by BiCGSTAB, what rounding left of the residual solved for again."""
    solution = np.zeros(len(target))
    enough = ACCURATE * float(np.abs(target).max())
    for _ in range(4):
        residual = target - system @ solution
        if float(np.abs(residual).max()) <= enough:
            return solution
        more, _ = sparse_linalg.bicgstab(system, residual, rtol=1e-9, atol=0.0, maxiter=500)
        solution = solution + more
    eliminated: Floats = sparse_linalg.splu(system.tocsc()).solve(target)
    return eliminated
