"""One format for every *why*: why somebody was joined, shown, held back, priced or credited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a reason.

    Attributes:
        code: a stable word that pages turn into a sentence of the reader's language (``bought_before``).
        params: what the sentence holds: numbers, names and days, plain JSON.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """Steps in the order they were taken."""

    steps: tuple[Step, ...] = ()

    def then(self, code: str, **params: Any) -> Trace:
        """The trace with one more step."""
        return Trace((*self.steps, Step(code, params)))

    def plain(self) -> list[dict[str, Any]]:
        """The trace as JSON."""
        return [{"code": s.code, "params": dict(s.params)} for s in self.steps]

    @classmethod
    def of(cls, plain: list[dict[str, Any]]) -> Trace:
        """The trace of its JSON."""
        return cls(tuple(Step(s["code"], s["params"]) for s in plain))
