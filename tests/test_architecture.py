"""The layout that the project promises: directions of imports, pins, names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "demo", "eval", "feature_extractors", "formats", "model", "workflow")

# What each package may import of ours.
ALLOWED = {
    "cli": set(),
    "formats": {"cli"},
    "feature_extractors": {"cli", "formats"},
    # Validation inside training computes the same scores as `python -m eval score` and `tvsum`.
    "model": {"cli", "formats", "eval.qvhighlights.score", "eval.tvsum.precision"},
    "eval": {"cli", "formats"},
    # The demo draws weights for the networks that the extractors define.
    "demo": {"cli", "formats", "feature_extractors"},
    "workflow": {
        "cli",
        "demo",
        "eval",
        "feature_extractors.released",
        "feature_extractors.media.files",
        "feature_extractors.shards",
        "feature_extractors.weights.catalogue",
        "formats",
        "model.config",
    },
}
MOST_LINES, MOST_MODULES = 350, 15


def modules(package: str) -> list[Path]:
    """The modules of a package, and for the workflow its rules."""
    rules = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")] if package == "workflow" else []
    return [*(ROOT / package).rglob("*.py"), *rules]


def imports(file: Path) -> set[str]:
    """Dotted names of all modules that a file imports; of what is imported from them too, as it may be a module."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        # A rule file is Python but for its rules: its imports stand at the beginning of lines.
        found = re.findall(r"^(?:from (\S+) import|import (\S+))", text, re.MULTILINE)
        return {first or second for first, second in found}
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def dotted(file: Path) -> str:
    """The name by which a module is imported."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_data_code_reads_of_the_network_its_tensors_alone() -> None:
    for file in [*(ROOT / "model/data").glob("*.py"), ROOT / "model/network/tensors.py"]:
        network = {name for name in imports(file) if name.startswith("model.network")}
        assert all(name.startswith("model.network.tensors") for name in network), file


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """A way from a node back to itself; empty where there is none."""
    done: set[str] = set()

    def follow(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        found = next(filter(None, (follow(other, [*path, node]) for other in sorted(graph.get(node, ())))), [])
        done.add(node)
        return found

    return next(filter(None, (follow(node, []) for node in sorted(graph))), [])


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_flow_one_way(package: str) -> None:
    wrong = []
    for file in modules(package):
        for name in imports(file):
            ours = name.split(".")[0] in PACKAGES and name.split(".")[0] != package
            allowed = any(
                name == known or name.startswith(f"{known}.") or known.startswith(f"{name}.")
                for known in ALLOWED[package]
            )
            if ours and not allowed:
                wrong.append(f"{file.relative_to(ROOT)}: {name}")
    assert not wrong


def test_no_import_runs_in_a_circle() -> None:
    """Neither between modules (imports within functions count), nor between the folders of a package."""
    files = {dotted(file): file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    graph = {
        name: {other for other in imports(file) if other in files and other != name} for name, file in files.items()
    }
    # What a package's `__init__` gathers from its own modules is no arrow back to them.
    for name, file in files.items():
        if file.name == "__init__.py":
            graph[name] = {other for other in graph[name] if not other.startswith(f"{name}.")}
    assert find_cycle(graph) == []
    folders: dict[str, set[str]] = {}
    for name, others in graph.items():
        mine = ".".join(name.split(".")[:2]) if files[name].parent != ROOT / name.split(".")[0] else name
        for other in others:
            if other.split(".")[0] == name.split(".")[0] and other.count("."):
                theirs = ".".join(other.split(".")[:2])
                folders.setdefault(mine, set()).update({theirs} - {mine})
    assert find_cycle(folders) == []


def test_a_folder_is_seen_at_a_glance_and_so_is_a_module() -> None:
    for package in PACKAGES:
        for folder in {file.parent for file in modules(package)}:
            beside = [file for file in folder.iterdir() if file.suffix in (".py", ".smk") and file.stem != "__init__"]
            assert len(beside) <= MOST_MODULES or folder == ROOT, folder
        for file in modules(package):
            assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, file


@pytest.mark.parametrize(
    "module",
    ["eval.__main__", "workflow.configuration", "workflow.dataset", "eval.qvhighlights.score", "eval.best_moments"],
)
def test_light_modules_do_not_load_torch(module: str) -> None:
    """The workflow starts with these at every command; torch alone takes seconds to load."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_module_bears_the_name_of_a_library_it_imports() -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            libraries = {name.split(".")[0] for name in imports(file)} - set(PACKAGES)
            assert file.stem not in libraries, file
            assert file.stem not in ("utils", "common", "helpers", "datasets"), file


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        if package != "workflow"  # read where it lies, beside the Snakefile
        for file in (ROOT / package).rglob("__init__.py")
    }
    assert found == set(listed)


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines)


@pytest.mark.parametrize("file", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda file: file.stem)
def test_conda_environments_hold_the_pins(file: Path) -> None:
    dependencies = yaml.safe_load(file.read_text())["dependencies"]
    listed = next(item for item in dependencies if isinstance(item, dict))["pip"]
    assert listed
    for line in listed:
        name, _, version = line.partition("==")
        assert pins()[name] == version, line


def test_each_environment_has_what_its_stage_imports() -> None:
    provides = {"open-clip-torch": "open_clip", "pillow": "PIL", "huggingface-hub": "huggingface_hub"}
    stages = {name: (name, "formats", "cli") for name in ("model", "eval")}
    stages |= {"features": ("feature_extractors", "formats", "cli")}
    stages |= {"demo": ("demo", "feature_extractors", "formats", "cli")}
    for stage, packages in stages.items():
        listed = yaml.safe_load((ROOT / f"envs/{stage}.yaml").read_text())["dependencies"][-1]["pip"]
        names = {line.split("==")[0] for line in listed}
        modules = {provides.get(name, name) for name in names}
        third_party = {
            name.split(".")[0]
            for package in packages
            for file in (ROOT / package).rglob("*.py")
            for name in imports(file)
        }
        third_party -= {*sys.stdlib_module_names, *PACKAGES}
        assert third_party <= modules, (stage, third_party - modules)


def test_constraints_name_no_addresses_and_meet_the_requirements() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"//|@ ", text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in required:
        name = re.split(r"[<>=]", requirement)[0].lower().replace("_", "-")
        assert name in pins(), name
        if "==" in requirement:
            assert pins()[name] == requirement.split("==")[1], requirement
