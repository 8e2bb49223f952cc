"""Pricing compiled and as plain Python: one text, the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fairday.offers.pricing
import parts
from fairday.kernel.compiled import FOLDER, STAMP, fingerprint, prefer

ROOT = Path(__file__).resolve().parents[2]


def bytes_of(seeds: int, compiled: str) -> list[str]:
    there = {**os.environ, "FAIRDAY_COMPILED": compiled, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, "-m", "pricing_bytes", str(seeds)], env=there, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_compiled_and_plain_pricing_give_the_same_bytes() -> None:
    if not fairday.offers.pricing.COMPILED:
        parts.missing("compiled pricing", "Run: python scripts/compile.py")
    compiled, plain = bytes_of(600, "1"), bytes_of(600, "0")
    assert (compiled[0], plain[0]) == ("True", "False")
    assert compiled[1] == plain[1]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "room" / "pricing"
    (folder / FOLDER).mkdir(parents=True)
    (tmp_path / "room" / "model").mkdir()
    (folder / "engine.py").write_text("VALUE = 1\n")
    (tmp_path / "room" / "model" / "carts.py").write_text("LINES = 1\n")
    (folder / FOLDER / STAMP).write_text(fingerprint([folder, tmp_path / "room" / "model"]))
    return folder


def test_compiled_modules_go_first_while_they_are_of_the_same_text(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAIRDAY_COMPILED", raising=False)
    assert prefer([str(package)], "model") == [str(package / FOLDER), str(package)]


@pytest.mark.parametrize("edited", ["engine.py", "../model/carts.py", "new.py"])
def test_an_edited_module_is_never_without_effect(package: Path, edited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAIRDAY_COMPILED", raising=False)
    (package / edited).write_text("VALUE = 2\n")
    assert prefer([str(package)], "model") == [str(package)]


def test_compiled_modules_can_be_left_aside(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDAY_COMPILED", "0")
    assert prefer([str(package)], "model") == [str(package)]
