"""Compile the pricing of carts to machine code with mypyc: the same text, about twice as fast, the same results.

    python scripts/compile.py

Needs mypy and setuptools (the test requirements), a C compiler and Python's headers; about half a minute. Does nothing
where the compiled modules are of the text that stands there. Where a part is missing it says so and leaves the plain
Python to run; with CI set it exits 1 then.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from runpy import run_path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
# Without the rest of Fairday, which would import the modules that are to be compiled.
_WAY = run_path(str(SOURCE / "fairday/kernel/compiled.py"))
FOLDER, STAMP, fingerprint = _WAY["FOLDER"], _WAY["STAMP"], _WAY["fingerprint"]

PACKAGE = Path("fairday/offers/pricing")
BESIDE = Path("fairday/offers/model")
"""The package that is compiled, and the one whose types are read for it; what these import else is of any type."""
FLAGS = ["-O1", "-g0", "-w", "-ffp-contract=off"]
"""No fused multiply-add: sums and products come out as in plain Python."""


def main() -> int:
    """Compile if there is something new to compile."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.inside:
        _compile(given.inside)
        return 0
    target = SOURCE / PACKAGE / FOLDER
    wanted = fingerprint([SOURCE / PACKAGE, SOURCE / BESIDE])
    stamp = target / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return 0
    print("Compiling the pricing of carts …", file=sys.stderr, flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--inside", folder], cwd=SOURCE, capture_output=True, text=True
        )
        made = sorted(Path(folder, "made").glob(f"{PACKAGE}/*.*"))
        if done.returncode or not made:
            told = (done.stderr.strip() or done.stdout.strip()).splitlines()
            print(
                "*** MISSING PART: the pricing of carts could not be compiled; it runs as plain Python, about half as "
                f"fast. It needs a C compiler, Python's headers, mypy and setuptools. {' | '.join(told[-3:])}",
                file=sys.stderr,
            )
            return 1 if os.environ.get("CI") else 0
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for file in made:
            shutil.copy2(file, target)
    stamp.write_text(wanted)
    print(f"Compiled in {time.monotonic() - started:.0f} s.", file=sys.stderr)
    return 0


def _compile(folder: Path) -> None:
    """Compile into ``folder/made``; the working directory is that of the sources."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    modules = sorted(str(file) for file in PACKAGE.glob("*.py") if file.name != "__init__.py")
    read = [str(file) for file in BESIDE.glob("*.py")]
    asked = ["--config-file=", "--follow-imports=skip", "--ignore-missing-imports", f"--cache-dir={folder / 'cache'}"]
    extensions = mypycify(
        [*asked, *modules, *read],
        only_compile_paths=modules, separate=[(modules, ".".join((*PACKAGE.parts, "native")))],
        target_dir=str(folder / "code"),
    )  # fmt: skip
    for extension in extensions:
        extension.extra_compile_args = [*extension.extra_compile_args, *FLAGS]
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder / "made"), str(folder / "made.o")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    sys.exit(main())
