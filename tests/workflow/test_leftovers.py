"""What rules made of runs that are no longer defined is removed; everything else stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from eval.plots import GATE_FIGURES, RETRIEVAL_FIGURES
from model.config import ModelConfig
from tests.workflow.test_study import load
from workflow.leftovers import remove_leftovers

OURS = (
    "results/demo/old/gates_val.json",
    "results/demo/old/all/seed3/metrics_val.json",
    "results/demo/old/all/seed3/metrics_val_last.json",
    "results/demo/old/all/seed3/queries_val_best.json",
    "results/demo/old/all/seed3/calibration_val.json",
    "results/demo/old/seed3/tvsum_val.json",
    "plots/demo/old/gates_val.png",
    "plots/demo/old/training.svg",
    *(f"plots/demo/old/gates_val/{figure}.png" for figure in GATE_FIGURES),
    *(f"plots/demo/old/retrieval_val/{figure}.svg" for figure in RETRIEVAL_FIGURES),
)
OTHERS = (
    "results/demo/summary.json",
    "results/demo/film/gates_val.json",  # defined, though not selected
    "results/demo/random/all/seed3/metrics_val.json",
    # Of a given checkpoint, which the runs are compared with.
    "results/demo/given/all/seed5/metrics_val.json",
    "plots/demo/given/gates_val.png",
    "results/other/old/gates_val.json",
    "runs/demo/old/all/seed3/best.pt",
    "plots/gates_val.png",
)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def left(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "demo").symlink_to(Path(__file__).parents[2] / "demo")  # config.yaml's definition of CLIP
    study_folder = tmp_path / "study"
    study_folder.mkdir()
    (study_folder / "demo").symlink_to(tmp_path / "demo")
    monkeypatch.chdir(study_folder)
    return study_folder


def test_runs_that_are_no_longer_defined_lose_scores_and_pictures(here: Path) -> None:
    write(here, *OURS, *OTHERS)
    assert remove_leftovers(load()) == ["results/demo/old", "plots/demo/old"]
    assert left(here) == set(OTHERS)
    assert not (here / "results/demo/old").exists() and not (here / "plots/demo/old").exists()
    assert remove_leftovers(load()) == []


def test_files_that_no_rule_writes_stay(here: Path) -> None:
    notes = ("results/demo/old/notes.md", "plots/demo/talk/slide.png", "plots/demo/old/gates_val/mine.png")
    write(here, *OURS, *notes)
    remove_leftovers(load())
    assert left(here) == set(notes)


def test_a_given_checkpoint_removes_nothing(here: Path) -> None:
    write(here, *OURS)
    torch.save({"format": 1, "model": {}, "config": ModelConfig(fusion="none").to_dict(), "about": {}}, "best.pt")
    assert remove_leftovers(load(checkpoint="best.pt")) == []
    assert left(here) == {*OURS, "best.pt"}


def test_results_under_conditions_stay_while_a_part_of_a_comparison_is_asked_for(here: Path) -> None:
    """Of runs that are compared or not, at any level, if the configuration defines the run and the condition."""
    level = {"at": 2, "inference": {"audio_control": "shifted", "audio_control_seconds": 2}}
    kept = (
        "results/demo/concat.shift_2/all/seed3/queries_val.json",
        "results/demo/base.shift_8/all/seed3/metrics_val.json",
    )
    gone = ("results/demo/old.shift_2/all/seed3/metrics_val.json", "results/demo/base.fog_2/all/seed3/metrics_val.json")
    write(here, *kept, *gone)
    remove_leftovers(load(conditions={"shift": {"label": "s", "levels": [level]}}, comparison={"runs": ["base"]}))
    assert left(here) == set(kept)
