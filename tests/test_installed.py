"""The result of `pip install .`: a wheel of all packages, which scores and draws with the core alone, without torch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LISTED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
INSTALLED = sorted({name.partition(".")[0] for name in LISTED})
# Without the bytecode that pip compiles, a quarter more. h5py, matplotlib, NumPy, pydantic, SciPy and what they need
# take 265 MB.
MOST_BYTES = 300e6
# Runs `--help` of each package and of its verbs in one process.
READ_HELP = """if True:
    import contextlib, io, json, re, runpy, sys

    def read_help(package, *verb):
        sys.argv = [package, *verb, "--help"]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            try:
                runpy.run_module(package, run_name="__main__")
            except SystemExit as stop:
                assert stop.code == 0, (package, verb)
        return output.getvalue()

    verbs = {package: re.findall(r"^    (\\S+)", read_help(package), re.MULTILINE) for package in sys.argv[1:]}
    for package, names in verbs.items():
        for name in names:
            assert f"python -m {package} {name}" in read_help(package, name)
    print(json.dumps(verbs))
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy because the build writes next to its sources."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in INSTALLED:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source / name)
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(built)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = built.glob("*.whl")
    return path


def close(wheel: Path, extra: str = "") -> dict[str, Distribution]:
    """Names of the distributions that the wheel needs, with or without an extra, including indirect ones."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().partition("\n\n")[0].splitlines()
    needed = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    waiting = [(needed, {"", extra})]
    found: dict[str, Distribution] = {}
    while waiting:
        needed, extras = waiting.pop()
        for wanted in map(Requirement, needed):
            taken = wanted.marker is None or any(wanted.marker.evaluate({"extra": one}) for one in extras)
            if taken and wanted.name not in found:
                found[wanted.name] = distribution(wanted.name)
                waiting.append((found[wanted.name].requires or [], {"", *wanted.extras}))
    return found


@pytest.fixture(scope="module")
def core(wheel: Path) -> dict[str, Distribution]:
    return close(wheel)


def link(distributions: Iterable[Distribution], folder: Path) -> None:
    """Fill a folder with the files of distributions in this environment's site-packages."""
    for found in distributions:
        for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(found.locate_file(top)))


def run_with(folders: list[Path], where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with only the packages of these folders, and none of this environment's others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", *arguments]  # -S: without site-packages
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run_installed(wheel: Path, core: dict[str, Distribution], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run Python in a folder, with the unpacked wheel and the core."""
    packages, libraries = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("libraries")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    link(core.values(), libraries)
    return partial(run_with, [packages, libraries])


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        file.relative_to(ROOT).as_posix()
        for package in INSTALLED
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert packed == files
    assert {f"{package}/py.typed" for package in INSTALLED} <= packed


def test_the_core_is_light(core: dict[str, Distribution]) -> None:
    heavy = {"av", "huggingface-hub", "open-clip-torch", "snakemake", "torch", "transformers"}
    assert {"matplotlib", "numpy", "scipy"} <= core.keys() and not heavy & core.keys()
    files = [file for found in core.values() for file in found.files or [] if file.suffix != ".pyc"]
    assert 100e6 < sum(Path(str(file.locate())).stat().st_size for file in files) < MOST_BYTES


def test_the_core_scores_and_draws(
    run_installed: Run, tmp_path: Path, write: Callable[[str, list[dict[str, Any]]], Path]
) -> None:
    """The predictions are the truth, so every score is 100."""
    relevant = [2, 3, 4, 5]
    query = [{"qid": number, "query": "q", "vid": f"v{number}"} for number in (1, 2)]
    moments = {"duration": 40, "relevant_windows": [[4, 12]], "relevant_clip_ids": relevant}
    predicted: dict[str, Any] = {"pred_relevant_windows": [[4, 12, 0.9]]}
    predicted["pred_saliency_scores"] = [float(clip in relevant) for clip in range(20)]
    rated = {"duration": 40, "domain": "BK", "label": [[5 if clip in relevant else 1] * 20 for clip in range(20)]}
    gates = {"gating_type": "global", "layer_gates": [{"gate_mha": [0.5], "gate_ffn": [0.2]}] * 2}
    write("truth.jsonl", [{**row, **moments, "saliency_scores": [[4, 4, 4]] * 4} for row in query])
    write("predictions.jsonl", [{**row, **predicted} for row in query])
    write("rated.jsonl", [{**row, **rated} for row in query])
    write("gates.jsonl", [{**row, **gates} for row in query])
    for command in (
        "score --predictions predictions.jsonl --ground-truth truth.jsonl --run base --seed 1 --out scores.json",
        "tvsum --predictions predictions.jsonl --ground-truth rated.jsonl --out tvsum.json",
        "summarise --metrics scores.json --out-json summary.json --out-markdown summary.md",
        "gates --log gates.jsonl --out gates.json",
        "plot-gates --log gates.jsonl --out gates.png",
    ):
        done = run_installed(tmp_path, "-m", "eval", *command.split())
        assert done.returncode == 0, done.stdout + done.stderr
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {scores["brief"][key] for key in ("MR-full-R1@0.7", "MR-full-mAP", "HL-min-VeryGood-mAP")} == {100.0}
    assert json.loads((tmp_path / "tvsum.json").read_text())["brief"]["tau"] == 1.0
    assert "| base | 1 | 100.00 |" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "gates.json").read_text())["queries"] == 2
    assert (tmp_path / "gates.png").read_bytes().startswith(b"\x89PNG")


def test_every_verb_has_help_without_extras(run_installed: Run, tmp_path: Path) -> None:
    done = run_installed(tmp_path, "-c", READ_HELP, "av_highlights", "demo", "eval", "feature_extractors", "model")
    assert done.returncode == 0, done.stdout + done.stderr
    verbs = json.loads(done.stdout)
    assert {"bundle", "fetch", "find"} <= set(verbs["av_highlights"])
    assert "media" in verbs["demo"] and "plot-gates" in verbs["eval"]
    assert "manifest" in verbs["feature_extractors"] and "train" in verbs["model"]


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("model train --config {} --features a --train b --val c --seed 1 --out d", "model"),
        ("feature_extractors manifest --annotations a --shard 0 --shards 1 --config {} --out b", "features"),
        ("demo media --videos a --annotations b", "features"),
        ("av_highlights find a --query b --bundle c", "features"),
    ],
    ids=["model", "feature_extractors", "demo", "av_highlights"],
)
def test_a_missing_extra_is_named_in_one_line(run_installed: Run, tmp_path: Path, command: str, extra: str) -> None:
    done = run_installed(tmp_path, "-m", *command.split())
    verb = " ".join(command.split()[:2])
    line = rf"python -m {verb}: error: needs (av|torch): pip install 'av-highlights\[{extra}\]'\n"
    assert done.returncode == 1 and re.fullmatch(line, done.stderr), done.stderr
    assert not list(tmp_path.iterdir())


def test_the_workflow_plans_with_its_extra_alone(wheel: Path, tmp_path: Path) -> None:
    """Its stages may have their own environments, so starting it needs neither torch nor media libraries."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    needed = close(wheel, "workflow")
    assert "snakemake" in needed and not {"av", "torch"} & needed.keys()
    link(needed.values(), libraries)
    (tmp_path / "demo").symlink_to(ROOT / "demo")  # jobs run in the checkout, which has these files
    options = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--quiet", "rules"]
    done = run_with([libraries], tmp_path, "-m", "snakemake", "--dry-run", *options, "all")
    assert done.returncode == 0, done.stdout + done.stderr
