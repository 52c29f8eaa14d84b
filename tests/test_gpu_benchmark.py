"""The GPU benchmark's script, dry on the CPU: it measures everything, notes what fails, and prints what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu_sections.record import Record
from benchmarks.gpu_sections.table import render
from tests.warm import run_python

ROOT = Path(__file__).parents[1]


def test_a_dry_run_measures_everything_and_keeps_it(tmp_path: Path) -> None:
    # Without the two slow ones: the tests marked `gpu`, and torch.compile.
    sections = ["machine", "training", "encoders", "pipeline", "seeds"]
    script = ROOT / "benchmarks/gpu.py"
    done = run_python([script, "--dry", "--out", tmp_path, "--budget", "1200", "--sections", *sections])
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert set(found) == {"dry", *sections}
    text = json.dumps(found)
    assert "failed" not in text and "ended" not in text, text
    assert found["training"]["QVHighlights"]["reference"] == {"skipped": "no checkout was given"}
    table = done.stdout.partition("**A dry run")[2]
    for shown in (
        "QVHighlights, bfloat16",
        "TVSum, float32",
        "inference, ms per query",
        "ViT-L-14",
        "trainings at once",
    ):
        assert shown in table
    again = run_python([script, "--table", tmp_path / "gpu.json"])
    assert again.stdout.strip() == ("**A dry run" + table).strip()


def record(folder: Path, seconds: float) -> Record:
    return Record(folder / "section.json", folder, "cpu", True, seconds)


def test_a_failure_is_noted_and_the_rest_goes_on(tmp_path: Path) -> None:
    section = record(tmp_path, 60)
    assert section.attempt("a.first", lambda: 1 / 0) is None
    assert section.attempt("a.second", lambda: 2.5) == 2.5
    assert section.attempt("a.third", lambda: 3, needs=100) is None
    found = json.loads((tmp_path / "section.json").read_text())["a"]
    assert found["first"]["failed"][-1] == "ZeroDivisionError: division by zero"
    assert found["second"] == 2.5
    assert found["third"]["skipped"].endswith("it needs 100")


def test_the_table_lists_what_is_missing() -> None:
    found = {
        "machine": {"card": "a card", "products_tflops": {"float32": 50.0, "tf32": 400.0, "bfloat16": 800.0}},
        "training": {
            "QVHighlights": {
                "step_ms": {
                    "float32": {"median": 20.0, "low": 19.0, "high": 21.0},
                    "reference": {"median": 50.0, "low": 49.0, "high": 51.0},
                },
                "profile": {"failed": ["line", "OutOfMemoryError: too large"]},
            }
        },
        "seeds": {"ended": "after its 70 s"},
    }
    text = render(found)
    assert "| 8192x8192x8192 | 50 | 400 | 800 |" in text
    assert "| QVHighlights, float32 | 20 (19 to 21) | 50 | 2.5 |  |" in text
    assert "- training.QVHighlights.profile: failed: line / OutOfMemoryError: too large" in text
    assert "- seeds: ended: after its 70 s" in text


@pytest.mark.parametrize("name", ["machine", "training", "checks", "encoders", "pipeline", "seeds", "acceleration"])
def test_modules_are_as_long_as_those_of_packages(name: str) -> None:
    assert len((ROOT / f"benchmarks/gpu_sections/{name}.py").read_text().splitlines()) <= 350


def test_the_page_shows_the_measured_figures() -> None:
    folder = ROOT / "docs/measurements"
    figures = render(json.loads((folder / "gpu_h200.json").read_text(encoding="utf-8")))
    assert (folder / "gpu.md").read_text(encoding="utf-8").endswith(f"## Figures\n\n{figures}\n")
