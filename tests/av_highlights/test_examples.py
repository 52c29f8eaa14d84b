"""The examples run as they are, with a small bundle in place of a trained one."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pytest

from tests.test_architecture import ROOT

EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def default_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the examples keep features: they name no folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))


def run(name: str, *arguments: object) -> None:
    runpy.run_path(str(EXAMPLES / name))["main"](*map(str, arguments))


def test_every_example_is_run() -> None:
    text = Path(__file__).read_text()
    assert all(f'"{file.name}"' in text for file in EXAMPLES.glob("*.py"))


def test_find_moments(bundle: Path, videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("find_moments.py", bundle, videos / "street.mp4", "a siren is heard")
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("1. ") and "audio gate 0." in first and len(others) <= 4


def test_compare_queries(bundle: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("street.mp4", "silent.mp4"):
        shutil.copy(videos / name, tmp_path)
    (tmp_path / "torn.mp4").write_bytes(b"torn")
    run("compare_queries.py", bundle, tmp_path, "a siren is heard", "a dog runs")
    printed = capsys.readouterr().out
    assert printed.count("  1. ") == 2 and "a dog runs\n" in printed and "torn.mp4: left out: " in printed


def test_highlight_curve(bundle: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("highlight_curve.py", bundle, videos / "street.mp4", tmp_path / "curve.png")
    printed = capsys.readouterr().out
    assert printed.startswith("6 clips; the best is ") and "layer 2: audio gate 0." in printed
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_the_example_of_the_readme(
    bundle: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder that looks like a checkout after `make run` and the verb `bundle`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundle, "bundles/demo")
    Path("data/demo/videos").mkdir(parents=True)
    shutil.copy(videos / "street.mp4", "data/demo/videos/demo_053.mp4")
    runpy.run_path(str(EXAMPLES / "readme.py"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A siren wails." and "We see a yellow disc." in lines
    assert re.fullmatch(r"  +\d+\.0 to +\d+\.0 s: score 0\.\d\d, audio gate 0\.\d\d", lines[1])
    assert Path("curve.png").stat().st_size > 1000
