"""The documents hold: links lead somewhere, commands and benchmarks exist, nobody's machine is in them."""

from __future__ import annotations

import pkgutil
import re
import tomllib
from pathlib import Path

import click
import pytest

import fairday
from fairday.cli import main
from fairday.web.app import create
from fairday.web.i18n import Tongue
from fairday.web.menu import GROUPS
from webdesk import walk

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
BENCHMARKS = sorted(p.parent.name for p in ROOT.glob("benchmarks/*/__main__.py"))
FILES = [
    str(p.relative_to(ROOT)) for d in ("src", "tests", "scripts", "benchmarks", "docs") for p in ROOT.glob(f"{d}/**/*")
]
APART = {"/openapi.json", "/v1/b", "/v1/t", "/v1/import"}
"""What no route of the framework answers: the collect door and the interface's own description."""
named = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as a link names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def code(page: Path) -> str:
    """All that stands in code: blocks and spans."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*blocks, *spans])


@named
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} leads nowhere"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{target}: no such heading"


@named
def test_commands_exist(page: Path) -> None:
    for line in re.findall(r"(?:^|\s)fairday ((?:[a-z-]+ ?)+)", code(page)):
        group: click.Command = main
        for word in line.split():
            if not isinstance(group, click.Group):
                break
            assert word in group.commands, f"There is no command fairday {line}"
            group = group.commands[word]


@named
def test_options_exist(page: Path) -> None:
    for line in re.findall(r"^fairday (.+)$|^\$ fairday (.+)$", code(page), re.MULTILINE):
        words = "".join(line).partition("#")[0].split()
        command: click.Command = main
        while words and isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        known = {o for p in command.params for o in p.opts}
        for word in words:
            if word.startswith("-"):
                assert word.split("=")[0] in known, f"fairday {''.join(line)}: no option {word}"


@named
def test_benchmarks_named_exist(page: Path) -> None:
    for name in re.findall(r"benchmarks\.([a-z_]+)", page.read_text("utf-8")):
        assert name in BENCHMARKS, f"There is no benchmark {name}"


@named
def test_files_and_modules_named_exist(page: Path) -> None:
    told = code(page)
    for path in re.findall(r"(?<![\w/.:-])((?:[a-z0-9_.-]+/)*[a-z0-9_-]+\.(?:py|sh|js|css))\b", told):
        assert any(f"/{f}".endswith(f"/{path}") for f in FILES), f"There is no file {path}"
    for path in re.findall(r"(?:^|\s)((?:[a-z_]+/)+)(?:\s|$)", told):
        assert any(f"/{path}" in f"/{f}" for f in FILES), f"There is no folder {path}"
    for name in re.findall(r"(?:^|\s)(fairday(?:\.[a-z_]+)+)(?:\s|$)", told):
        assert pkgutil.resolve_name(name)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[re.Pattern[str]]:
    """Every address of the product, as the web application knows them."""
    with fairday.open(str(tmp_path_factory.mktemp("routes") / "shop.db"), zone="UTC", currency="CNY") as shop:
        paths = [r.path for r in walk(create(shop))]
    return [re.compile(re.sub(r"\\{\w+(:path)?\\}", ".+", re.escape(p))) for p in paths]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_addresses_named_are_answered(page: Path, routes: list[re.Pattern[str]]) -> None:
    for address in re.findall(r"`(?:GET |POST )?(/[a-z][^`?# ]*)", page.read_text("utf-8")):
        filled = re.sub(r"\{\w+\}|[A-Z]{2,}|…", "x", address).rstrip("/") or "/"
        known = address in APART or any(r.fullmatch(filled) or r.match(f"{filled}/x") for r in routes)
        assert known, f"{address} is not answered"


@named
def test_no_machine_is_named(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", page.read_text("utf-8"))


def test_every_benchmark_has_its_section() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"^## (\w+)$", text, re.MULTILINE)) == BENCHMARKS
    assert sorted(set(re.findall(r"python -m benchmarks\.([a-z_]+)", text))) == BENCHMARKS


def test_the_house_s_rooms_stand_in_their_order() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    rooms = [layer.strip("()").removeprefix("fairday.") for layer in reversed(linter["contracts"][0]["layers"])]
    house = (ROOT / "docs" / "developers" / "house.md").read_text("utf-8")
    told = [room for row in re.findall(r"^\| (`.+?) \|", house, re.MULTILINE) for room in re.findall(r"`(\w+)`", row)]
    assert told == rooms


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(p.name[:4]) for p in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_document_stands_in_the_index_and_every_line_of_the_menu_in_the_console_s_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    told = {str(p.relative_to(ROOT / "docs")) for p in ROOT.glob("docs/*/*.md")}
    assert sorted(p for p in told if not p.startswith("decisions/") and f"]({p})" not in index) == []
    english = {k: v for k, v in ((p.name, Tongue("en", "UTC", "CNY").plain(f"nav.{p.name}")) for _, pages in GROUPS
                                 for p in pages)}  # fmt: skip
    console = (ROOT / "docs" / "merchants" / "console.md").read_text("utf-8")
    assert [word for word in english.values() if word not in console] == []
