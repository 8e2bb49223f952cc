"""What ships: the playbooks' files, and the list of rows."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

PACKAGE = "fairday.playbooks"
COLOURS = ("red", "rose", "gold", "green", "blue", "slate", "violet", "teal")


class Capability(msgspec.Struct, frozen=True):
    """One capability the product owes.

    Attributes:
        title: what it is.
        playbooks: names of the scenes in this folder that show it.
        test: the test that fails when it is switched off, as pytest names it; or one for each playbook.
    """

    title: str
    playbooks: tuple[str, ...] = ()
    test: str | dict[str, str] = ""

    @property
    def tests(self) -> tuple[str, ...]:
        """Every test that shows it."""
        return (
            (self.test,) * bool(self.test) if isinstance(self.test, str) else tuple(dict.fromkeys(self.test.values()))
        )


class Art(msgspec.Struct, frozen=True):
    """How a playbook's card looks: a colour of the style sheet and a sign."""

    colour: str
    sign: str


class Head(msgspec.Struct, frozen=True):
    """What stands above a playbook's scene.

    Attributes:
        does: what it does, by language.
        blanks: by name, how each is filled; see ``filling``.
    """

    does: dict[str, str]
    art: Art
    blanks: dict[str, dict[str, Any]] = {}


class Playbook(msgspec.Struct, frozen=True):
    """A playbook as it ships; ``scene`` is its text with its blanks."""

    name: str
    head: Head
    scene: str


def rows() -> dict[str, Capability]:
    """Every capability by its id (P1, G1, …), in the order of the list."""
    text = files(PACKAGE).joinpath("rows.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, Capability])


@cache
def load(name: str) -> Playbook:
    """A playbook by name. Raises FileNotFoundError."""
    text = files(PACKAGE).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    at = text.index("\nscene:") + 1
    return Playbook(name, msgspec.convert(yaml.safe_load(text[:at])["playbook"], Head), text[at:])


@cache
def all_playbooks() -> tuple[Playbook, ...]:
    """Every playbook, by name."""
    names = (f.name for f in files(PACKAGE).iterdir() if f.name.endswith(".yaml") and f.name != "rows.yaml")
    return tuple(load(name.removesuffix(".yaml")) for name in sorted(names))


def playbook(name: str) -> str:
    """A playbook's scene with its examples in the blanks, as plain YAML. Raises FileNotFoundError."""
    from fairday.playbooks.filling import fill

    return fill(load(name), None)
