"""Bugs planted in a copy of the language are caught, each one, by the test of agreement."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

import audiences
from fairday.kernel import audience as language

PATCHES = sorted((Path(__file__).parents[1] / "audience_bugs").glob("*.patch"))
SOURCE = Path(language.__file__).parent


def prove(copy: ModuleType) -> None:
    """The test of agreement in small: predicate and SQLite against the meaning, in a few worlds."""
    for seed in range(9):
        random = Random(seed)
        of = audiences.world(random, 24, seed)
        asked = audiences.ask(copy, of, [audiences.expression(random, depth=2) for _ in range(80)])
        conn = audiences.memory(of)
        for statement, some in audiences.batches(asked, of, "sqlite", 25):
            audiences.compare(conn.execute(statement).fetchall(), some, of)
        conn.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A copy of the language as a package of its own name."""
    copy = tmp_path / "planted"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    yield copy
    for name in [n for n in sys.modules if n == "planted" or n.startswith("planted.")]:
        del sys.modules[name]


def load(folder: Path) -> ModuleType:
    for file in folder.glob("*.py"):
        source = file.read_text(encoding="utf-8")
        file.write_text(source.replace("fairday.kernel.audience", "planted"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(
        "planted", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module
    spec.loader.exec_module(module)
    return module


def test_there_are_at_least_ten_bugs() -> None:
    assert len(PATCHES) >= 10


def test_the_unharmed_copy_passes(folder: Path) -> None:
    prove(load(folder))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda p: p.stem)
def test_a_planted_bug_is_caught(patch: Path, folder: Path) -> None:
    done = subprocess.run(["git", "apply", "-p1", str(patch)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{patch.name} does not apply; make it anew: {done.stderr}"
    changed = [f.name for f in folder.glob("*.py") if f.read_bytes() != (SOURCE / f.name).read_bytes()]
    assert changed, f"{patch.name} changed nothing"
    copy = load(folder)
    with pytest.raises(AssertionError):
        prove(copy)
