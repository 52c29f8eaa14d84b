"""The promised layout of the project: import directions, version pins, names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from cli.command import EXTRAS as MISSING_FROM

ROOT = Path(__file__).parents[1]
PACKAGES = ("av_highlights", "cli", "demo", "eval", "feature_extractors", "formats", "model", "workflow")

# Packages of this project that each package may import.
ALLOWED = {
    "cli": set(),
    "formats": {"cli"},
    "feature_extractors": {"cli", "formats"},
    # Validation inside training computes the same scores as `python -m eval score` and `tvsum`.
    "model": {"cli", "formats", "eval.qvhighlights.score", "eval.tvsum.precision"},
    "eval": {"cli", "formats"},
    # The demo draws weights for the networks that the extractors define.
    "demo": {"cli", "formats", "feature_extractors"},
    # The front door is on top of all others. It takes a study's settings as the workflow resolves them.
    "av_highlights": {
        "cli",
        "eval",
        "feature_extractors",
        "formats",
        "model",
        "workflow.checks.defaults",
        "workflow.configuration",
        "workflow.dataset",
        "workflow.layout",
        "workflow.study",
    },
    "workflow": {
        "cli",
        "demo",
        "eval",
        # Only the settings of the demo's weights, for the schema; rules import none of them.
        "feature_extractors.encoders",
        "feature_extractors.CODE_VERSION",
        "feature_extractors.released",
        "feature_extractors.video_files",
        "feature_extractors.shards",
        "feature_extractors.weights.catalogue",
        "formats",
        "model.CODE_VERSION",
        "model.audio_control",
        "model.config",
        "model.summary",
    },
}
# The extras of pyproject.toml that each package may import from, in addition to the core.
EXTRAS: dict[str, tuple[str, ...]] = {
    "cli": (),
    "formats": (),
    "eval": (),
    "feature_extractors": ("features",),
    "demo": ("features",),
    "model": ("model",),
    "av_highlights": ("features", "model"),
    "workflow": ("workflow",),
}
# Distributions whose names differ from those of their modules.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "open_clip": "open-clip-torch",
    "pympi": "pympi-ling",
    "webvtt": "webvtt-py",
    "yaml": "pyyaml",
}
MOST_LINES, MOST_MODULES = 350, 15


def modules(package: str) -> list[Path]:
    """The modules of a package, including rule files for the workflow."""
    rules = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")] if package == "workflow" else []
    return [*(ROOT / package).rglob("*.py"), *rules]


def imports(file: Path) -> set[str]:
    """Dotted names of all modules that a file imports, and of the names imported from them, which may be modules."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        # A rule file is Python except for its rules: its imports are at the start of lines.
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
    """A path from a node back to itself, empty if there is none."""
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


def test_formats_need_little() -> None:
    """Reading or writing a file format loads no model, no statistics and no plotting."""
    needed = {name.split(".")[0] for file in modules("formats") for name in imports(file)}
    assert needed - set(sys.stdlib_module_names) - {"cli", "formats"} <= {"numpy", "h5py", "pydantic"}


def test_no_import_runs_in_a_circle() -> None:
    """No cycles between modules (imports within functions count), nor between the folders of a package."""
    files = {dotted(file): file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    graph = {
        name: {other for other in imports(file) if other in files and other != name} for name, file in files.items()
    }
    # A package's `__init__` may import from its own modules without forming a cycle.
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


LIGHT = (
    "av_highlights",
    "av_highlights.__main__",
    "eval.__main__",
    "eval.qvhighlights.score",
    "eval.best_moments",
    "formats.gate_log",
    "formats.labels",
    "formats.predictions",
    "formats.store",
    "formats.video_table",
    "workflow.params",
    "workflow.paths",
    "workflow.encoders",
    "feature_extractors.encoders.registry",
)


def test_light_modules_do_not_load_torch() -> None:
    """The workflow starts with these at every command; torch alone takes seconds to load."""
    code = f"""if True:
        import sys
        for module in {LIGHT}:
            __import__(module)
            assert not {{"torch", "matplotlib"}} & sys.modules.keys(), module
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
        if package != "workflow"  # read in place, next to the Snakefile
        for file in (ROOT / package).rglob("__init__.py")
    }
    assert found == set(listed)


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines)


def requirements() -> dict[str, list[str]]:
    """Requirements in pyproject.toml by extra; "core" is without an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return {"core": project["dependencies"], **extras}


def distributions(*extras: str) -> set[str]:
    """Names of the distributions that extras require, as constraints.txt spells them."""
    lines = (line for extra in extras for line in requirements()[extra])
    return {re.split(r"[<>=\[]", line)[0].lower().replace("_", "-") for line in lines}


def third_party(*folders: str) -> set[str]:
    """Names of the distributions that all modules of packages import."""
    roots = {name.split(".")[0] for folder in folders for file in modules(folder) for name in imports(file)}
    roots -= {*sys.stdlib_module_names, *PACKAGES, "benchmarks", "tests"}
    return {DISTRIBUTIONS.get(name, name.lower().replace("_", "-")) for name in roots}


@pytest.mark.parametrize(("package", "extras"), EXTRAS.items())
def test_each_package_imports_what_its_extra_brings(package: str, extras: tuple[str, ...]) -> None:
    assert third_party(package) <= distributions("core", *extras)


def test_checks_import_what_is_declared() -> None:
    # A benchmark times a public reference implementation, from a checkout that its user provides.
    assert third_party("tests", "benchmarks") - {"qd-detr"} <= distributions(*requirements())


def test_extras_bring_what_is_imported_and_no_more() -> None:
    assert distributions("core") == third_party("cli", "formats", "eval")
    # torchvision: open_clip imports it. snakemake: the command.
    for extra, extra_only in {"features": {"torchvision"}, "model": set(), "workflow": {"snakemake"}}.items():
        packages = [package for package, extras in EXTRAS.items() if extra in extras]
        # What a package imports may be in another of its extras.
        imported = {
            name
            for package in packages
            for name in third_party(package) - distributions(*(other for other in EXTRAS[package] if other != extra))
        }
        assert distributions(extra) == (imported | extra_only) - distributions("core"), extra
    # slurm: programs that Snakemake finds, for those who have a cluster.
    others = ",".join(extra for extra in requirements() if extra not in ("core", "all", "docs", "dev", "slurm"))
    assert requirements()["all"] == [f"av-highlights[{others}]"]


def test_a_missing_library_is_laid_to_an_extra_that_brings_it() -> None:
    named = {
        extra: {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in libraries}
        for extra, libraries in MISSING_FROM.items()
    }
    # The workflow has no commands of its own.
    assert named == {extra: distributions(extra) for extra in ("features", "model", "tensorboard")}


@pytest.mark.parametrize("file", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda file: file.stem)
def test_conda_environments_hold_the_pins(file: Path) -> None:
    dependencies = yaml.safe_load(file.read_text())["dependencies"]
    listed = next(item for item in dependencies if isinstance(item, dict))["pip"]
    assert listed
    for line in listed:
        name, _, version = line.partition("==")
        assert pins()[name] == version, line


@pytest.mark.parametrize(
    ("stage", "package", "extra"),
    [
        ("demo", "demo", "features"),
        ("eval", "eval", None),
        ("features", "feature_extractors", "features"),
        ("model", "model", "model"),
    ],
)
def test_each_environment_is_its_extra_and_what_its_stage_imports_of_the_core(
    stage: str, package: str, extra: str | None
) -> None:
    listed = yaml.safe_load((ROOT / f"envs/{stage}.yaml").read_text())["dependencies"][-1]["pip"]
    imported = third_party(package, *(name for name in ALLOWED[package] if name in PACKAGES))
    wanted = distributions("core") & imported | (distributions(extra) if extra else set())
    assert {line.split("==")[0] for line in listed} == wanted


def test_constraints_name_no_addresses_and_meet_the_requirements() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"//|@ ", text)
    spellings: dict[str, set[str]] = {}
    given = (line for lines in requirements().values() for line in lines)
    for requirement in (line for line in given if not line.startswith("av-highlights[")):
        name = re.split(r"[<>=]", requirement)[0].lower().replace("_", "-")
        spellings.setdefault(name, set()).add(requirement)
        assert name in pins(), name
        if "==" in requirement:
            assert pins()[name] == requirement.split("==")[1], requirement
    assert all(len(lines) == 1 for lines in spellings.values())  # torch is in two extras


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    released = re.search(r"^## (\d\S*) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released and released.groups() == (version, str(citation["date-released"]))
    assert citation["version"] == version


def test_a_commit_is_checked_by_the_tools_of_make_lint() -> None:
    """Taken from the environment that `make` sets up, so that their versions are the pinned ones."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local" and {hook["language"] for hook in local["hooks"]} == {"system"}
    rules = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    checked = {line.split()[0] for line in rules.splitlines()[1:]} - {"snakemake"}  # --lint takes seconds
    assert {hook["entry"].split()[0] for hook in local["hooks"]} == {f".venv/bin/{tool}" for tool in checked}
