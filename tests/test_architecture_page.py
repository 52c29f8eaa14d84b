"""docs/guide/architecture.md: its two walks lead through modules that exist and that are connected."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

import pytest

from tests.test_architecture import ROOT, imports

PAGE = (ROOT / "docs/guide/architecture.md").read_text(encoding="utf-8")
TITLES = ("From a frame to a pixel", "From a key to the network")
STOP = re.compile(r"^(\d+)\. `([^`]+)`(?: \(via `([^`]+)`\))?: (.*(?:\n   .*)*)", re.MULTILINE)
Stop = tuple[str, str, str]


def stops(title: str) -> list[Stop]:
    """Path of each stop, the module that hands over to it ("" if there is none), and what it says."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = STOP.findall(section)
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    return [(path, via, text) for _, path, via, text in found]


def imported_files(path: str) -> set[str]:
    """Files that a module imports; what a package's `__init__` gathers counts as imported from where it is defined."""
    names = imports(ROOT / path)
    files = {name.replace(".", "/") for name in names}
    for name in names:
        package, _, member = name.rpartition(".")
        gathered = ROOT / package.replace(".", "/") / "__init__.py"
        if package and gathered.is_file():
            for node in ast.walk(ast.parse(gathered.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and member in {alias.name for alias in node.names}:
                    files.add((node.module or "").replace(".", "/"))
    return {f"{file}.py" for file in files} | {f"{file}/__init__.py" for file in files}


def leads_to(one: str, other: str) -> bool:
    """Whether a file names another: by an import, by its path, or by the command whose verb it is."""
    text = (ROOT / one).read_text(encoding="utf-8")
    if one.endswith(".py"):
        return other in imported_files(one)
    if one.endswith(".smk"):
        # The Snakefile includes all rules into one namespace, common.smk first.
        names = imports(ROOT / one) | imports(ROOT / "workflow/rules/common.smk")
        package, _, verb = other.removesuffix(".py").partition("/commands/")
        command = f'"python -m {package} {verb} '
        return other.removesuffix(".py").replace("/", ".") in names or (bool(verb) and command in text)
    return f'"{other}"' in text


def are_linked(one: str, other: str) -> bool:
    return leads_to(one, other) or leads_to(other, one)


def test_the_links_tell_connected_modules_from_others() -> None:
    assert leads_to("model/network/fusion/gates.py", "model/network/tensors.py")
    assert leads_to("feature_extractors/encoders/pictures.py", "feature_extractors/media/frames.py")  # by an __init__
    assert leads_to("workflow/rules/training.smk", "model/commands/train.py")
    assert not leads_to("workflow/rules/training.smk", "model/commands/import_checkpoint.py")
    assert not are_linked("formats/store.py", "model/network/detector.py")
    assert not are_linked("config.yaml", "workflow/params.py")


@pytest.mark.parametrize("title", TITLES)
def test_a_walk_is_short_and_never_turns_back(title: str) -> None:
    paths = [path for path, _, _ in stops(title)]
    assert 10 <= len(paths) <= 20
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("title", TITLES)
def test_each_stop_is_there_and_has_what_it_names(title: str) -> None:
    for path, _, text in stops(title):
        content = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"^`([A-Za-z_]+)[`.]", text):
            assert re.search(rf"\b(def|class) {name}\b", content), (path, name)


@pytest.mark.parametrize("title", TITLES)
def test_each_stop_is_connected_to_the_next(title: str) -> None:
    for (one, _, _), (other, via, _) in pairwise(stops(title)):
        if not via:
            assert are_linked(one, other), (one, other)
            continue
        assert not are_linked(one, other), f"{one} and {other} need no {via} between them"
        hands_over = leads_to(via, one) and leads_to(via, other)
        is_shared = leads_to(one, via) and leads_to(other, via)
        passes_on = leads_to(one, via) and leads_to(via, other)
        assert hands_over or is_shared or passes_on, (one, via, other)


def test_the_jobs_of_the_walk_are_rules() -> None:
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    jobs = re.findall(r"^\*\*Job `(\w+)`\*\*", PAGE, re.MULTILINE)
    assert len(jobs) == 4
    for job in jobs:
        assert re.search(rf"^\s*(rule {job}|use rule \w+ as {job} with):$", rules, re.MULTILINE), job
