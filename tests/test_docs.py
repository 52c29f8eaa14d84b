"""Pages for readers: links lead somewhere, files that they name exist, and commands have the verbs that they show."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.test_architecture import PACKAGES, ROOT
from tests.warm import run_python

GENERATED = ROOT / "docs/reference/configuration.md"  # tests/workflow/test_schema.py holds it
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = (*PACKAGES, "benchmarks", "config", "docs", "envs", "profiles", "tests")
# What the guide's reader writes, and what a run makes.
NOT_HERE = {"feature_extractors/encoders/colour.py", "demo/000.jsonl"}


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=lambda page: page.stem)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w/.*-]*\w", text):
        if name.rstrip(".") not in NOT_HERE and "." in Path(name).name and "YOURS" not in name:
            assert list(ROOT.glob(name)), name


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/index.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)]+)\)", index.read_text())}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - {index} <= linked


def test_code_and_settings_name_pages_that_exist() -> None:
    files = [file for folder in (*PACKAGES, "benchmarks", "config") for file in (ROOT / folder).rglob("*.*")]
    for file in [*files, ROOT / "config.yaml", ROOT / "Snakefile"]:
        if file.suffix in (".py", ".smk", ".yaml"):
            for name in re.findall(r"docs/[\w/-]+\.md", file.read_text(encoding="utf-8")):
                assert (ROOT / name).is_file(), (file, name)


@pytest.mark.parametrize("package", ["av_highlights", "demo", "feature_extractors", "model", "eval"])
def test_the_page_of_commands_lists_all_verbs(package: str) -> None:
    text = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    part = text.partition(f"\n## {package}\n")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| `([\w-]+)` \|", part, re.MULTILINE)
    printed = run_python(["-m", package, "--help"], ROOT, {"COLUMNS": "200"})
    verbs = re.findall(r"^    ([a-z][\w-]*)", printed.stdout, re.MULTILINE)
    assert verbs and sorted(shown) == sorted(verbs)


def test_make_help_tells_of_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    shown = subprocess.run(["make", "--silent"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.findall(r"^  ([a-z]+)  +\w", shown, re.MULTILINE) == phony[1].split()
