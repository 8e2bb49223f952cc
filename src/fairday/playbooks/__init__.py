"""Playbooks: scenes that ship with the product, and the rows of capabilities they show."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import yaml


class Capability(msgspec.Struct, frozen=True):
    """One capability the product owes.

    Attributes:
        title: what it is.
        playbooks: names of the scenes in this folder that show it.
        test: the test that fails when it is switched off, as pytest names it.
    """

    title: str
    playbooks: tuple[str, ...] = ()
    test: str = ""


def rows() -> dict[str, Capability]:
    """Every capability by its id (P1, G1, …), in the order of the list."""
    text = files(__package__).joinpath("rows.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, Capability])


def playbook(name: str) -> str:
    """The YAML of a playbook by name. Raises FileNotFoundError."""
    return files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
