"""`init_from`: what a run's training starts from is there, or another run makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import UserError
from tests.workflow.workspace import ROOT, Workspace, merge
from workflow.checkpoints import check_initial_weights
from workflow.configuration import check, settings_of_run

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
OF_BASE = "runs/demo/base/{scope}/seed{seed}/last.pt"


def check_runs(runs: dict[str, Any], name: str) -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config = check(merge(config, {"runs": runs}), SCHEMA)
    settings = {run: settings_of_run(config, run) for run in config["runs"]}
    check_initial_weights(settings, [name], "demo", ["all"], [1, 2])


def test_a_file_or_what_another_run_makes(tmp_path: Path) -> None:
    weights = tmp_path / "old.pt"
    weights.touch()
    check_runs({"tuned": {"init_from": str(weights)}}, "tuned")
    check_runs({"tuned": {"init_from": OF_BASE}}, "tuned")
    check_runs({"tuned": {"init_from": OF_BASE}, "again": {"init_from": OF_BASE.replace("base", "tuned")}}, "again")
    # The same run, from the weights of one seed for all: only that seed would wait for itself.
    check_runs({"tuned": {"init_from": "runs/demo/tuned/all/seed3/best.pt"}, "base": {}}, "base")


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (
            {"x": {"init_from": "no/such.pt"}},
            r"run x: init_from: no such file: no/such\.pt \(relative to .*\), and no run makes it",
        ),
        ({"x": {"init_from": "runs/other/base/all/seed1/last.pt"}}, "no such file: .*, and no run makes it"),
        ({"x": {"init_from": "runs/demo/base/all/seed1/history.jsonl"}}, "no such file: .*, and no run makes it"),
        ({"x": {"init_from": "runs/demo/base_noise/all/seed1/best.pt"}}, "no such file: .*, and no run makes it"),
        ({"x": {"init_from": "runs/demo/base/DS/seed1/best.pt"}}, "no such file: .*, and no run makes it"),
        ({"x": {"init_from": "w{x}.pt"}}, r"only \{scope\} and \{seed\} may stand in braces, got w\{x\}.pt"),
        ({"x": {"init_from": OF_BASE.replace("base", "x")}}, "runs/demo/x/all/seed1/last.pt depends on itself"),
        (
            {
                "x": {"init_from": OF_BASE.replace("base", "y")},
                "y": {"init_from": OF_BASE.replace("base", "x")},
            },
            "depends on itself",
        ),
    ],
)
def test_anything_else_is_one_line(runs: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_runs(runs, "x")


def test_training_starts_there(built: Workspace) -> None:
    changes = {"runs": {"tuned": {"init_from": OF_BASE, "train": {"learning_rate": 1.0e-9}}}}
    folder = built.folder / "runs/demo"
    done = built.snakemake("--cores", "1", "runs/demo/tuned/all/seed1/last.pt", changes=changes)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "starting from runs/demo/base/all/seed1/last.pt" in (
        built.folder / "logs/train/demo/tuned/all/seed1.log"
    ).read_text(encoding="utf-8")
    # With next to no learning rate it ends where base did, also in what its validation gives.
    ends = [
        json.loads((folder / run / "all/seed1/history.jsonl").read_text(encoding="utf-8").splitlines()[-1])["val"]
        for run in ("base", "tuned")
    ]
    assert ends[0] == ends[1]

    # What base becomes, tuned starts from: both are trained anew when base changes, tuned alone when tuned does.
    target = "runs/demo/tuned/all/seed1/last.pt"
    assert built.planned(target, changes=changes) == {}
    of_base = {"runs": {**changes["runs"], "base": {"train": {"ema_decay": 0.9}}}}
    assert built.planned(target, changes=of_base) == {"train": 2}
    of_tuned = {"runs": {"tuned": {"init_from": OF_BASE, "train": {"learning_rate": 1.0e-8}}}}
    assert built.planned(target, changes=of_tuned) == {"train": 1}


def test_what_is_trained_before_is_checked_too(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    pre = {"pre": {"model": {"video_streams": ["slowfast"]}}, "tuned": {"init_from": OF_BASE.replace("base", "pre")}}
    for runs, message in (
        (pre, "config: model: unknown stream 'slowfast'"),
        (
            {"tuned": {"init_from": "gone.pt"}},
            f"config: run tuned: init_from: no such file: gone.pt (relative to {tmp_path.resolve()}), and no run",
        ),
    ):
        done = workspace.snakemake(
            "--dry-run", "--cores", "1", "plots/gates_val.png", changes={"runs": runs, "main_run": "tuned"}
        )
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
