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
PACKAGES = ("cli", "demo", "eval", "feature_extractors", "model", "workflow")

# What each package may import of ours.
ALLOWED = {
    "cli": set(),
    "feature_extractors": {"cli"},
    # Validation inside training computes the same scores as `python -m eval score` and `tvsum`.
    "model": {"cli", "feature_extractors.manifest", "feature_extractors.store", "eval.score", "eval.topk"},
    "eval": {"cli"},
    # The demo draws weights for the networks that the extractors define.
    "demo": {"cli", "feature_extractors"},
    "workflow": {
        "cli",
        "demo",
        "feature_extractors.catalogue",
        "feature_extractors.manifest",
        "feature_extractors.released",
        "model.config",
    },
}


def imports(file: Path) -> set[str]:
    """Dotted names of all modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_flow_one_way(package: str) -> None:
    wrong = []
    for file in (ROOT / package).rglob("*.py"):
        for name in imports(file):
            ours = name.split(".")[0] in PACKAGES and name.split(".")[0] != package
            if ours and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[package]):
                wrong.append(f"{file.relative_to(ROOT)}: {name}")
    assert not wrong


@pytest.mark.parametrize(
    "module", ["eval.__main__", "workflow.configuration", "workflow.dataset", "eval.score", "eval.ranking"]
)
def test_light_modules_do_not_load_torch(module: str) -> None:
    """The workflow starts with these at every command; torch alone takes seconds to load."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_module_bears_the_name_of_a_library_it_imports() -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            assert file.stem not in {name.split(".")[0] for name in imports(file)}, file
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
    stages = {"features": ("feature_extractors", "cli"), "model": ("model", "cli"), "eval": ("eval", "cli")}
    stages["demo"] = ("demo", "feature_extractors", "cli")
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
