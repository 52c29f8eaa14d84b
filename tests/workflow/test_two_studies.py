"""Two studies in one folder: neither overwrites the other's results, and going back makes nothing again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.workflow.workspace import Workspace

# The same media under another name, with fewer runs and fewer jobs.
OTHER: dict[str, Any] = {
    "dataset": {
        "name": "other",
        "shards": 1,
        "videos": "data/demo/videos",
        "annotations": {"train": "data/demo/train.jsonl", "val": "data/demo/val.jsonl"},
    },
    "model": {"audio_streams": ["pann"]},
    "selected_runs": ["base"],
}


def content(folder: Path, dataset: str) -> dict[str, bytes]:
    files = [path for top in ("results", "plots", "reports") for path in (folder / top / dataset).rglob("*.*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.is_file()}


def test_going_to_another_study_and_back(built: Workspace, tmp_path: Path) -> None:
    workspace = replace(built, folder=tmp_path / "both")
    shutil.copytree(built.folder, workspace.folder, symlinks=True)
    first, sheet = content(workspace.folder, "demo"), workspace.folder / "plots/gates_val.png"
    drawn = sheet.read_bytes()
    assert "plots/demo/base/gates_val.png" in first and "reports/demo/problems.tsv" in first
    # Left by a run that was renamed since.
    leftover = workspace.folder / "plots/other/renamed/training.png"
    leftover.parent.mkdir(parents=True)
    leftover.touch()

    done = workspace.snakemake("--cores", "2", "all", changes=OTHER)
    assert done.returncode == 0, done.stderr[-4000:]
    assert content(workspace.folder, "demo") == first
    second = content(workspace.folder, "other")
    assert {name.replace("/other/", "/demo/") for name in second} < set(first)
    assert not leftover.exists() and "note: removed plots/other/renamed" in done.stderr
    assert sheet.read_bytes() != drawn  # it is the configured study's

    # Back: only the sheet of the main run, one picture, the explorer and the pages of the report are made again.
    shown = {"plot_gates_of_main_run": 1, "previews": 1, "explore": 1, "report_pages": 1}
    assert workspace.planned("all") == shown
    done = workspace.snakemake("--cores", "2", "all")
    assert done.returncode == 0, done.stderr[-4000:]
    assert sheet.read_bytes() == drawn
    assert workspace.planned("all") == {}
    assert content(workspace.folder, "other") == second
    assert workspace.planned("all", changes=OTHER) == shown
