"""Runs crossed with conditions: as few trainings as possible, and mistakes in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from cli import UserError
from model.audio_control import AudioControl
from tests.workflow.test_study import load
from tests.workflow.workspace import ROOT, Workspace, merge
from workflow.params import Params
from workflow.paths import Paths
from workflow.study import Study

GATES: dict[str, Any] = yaml.safe_load((ROOT / "config/studies/gates.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def gates() -> Study:
    return load(**GATES)


def cell(study: Study, run: str, condition: str, level: float | None) -> str:
    """The run that has the predictions of a run at a level."""
    [name] = [
        cell.name for cell in study.crossing.cells if (cell.run, cell.condition, cell.level) == (run, condition, level)
    ]
    return name


def test_a_network_that_hears_nothing_is_the_same_under_every_condition(gates: Study) -> None:
    names = {cell.name for cell in gates.crossing.cells if cell.run == "video_only" and cell.split == "val"}
    assert names == {"video_only"}
    assert not any(run.startswith("video_only.") for run in gates.settings)


def test_levels_without_changes_are_the_run_itself(gates: Study) -> None:
    for condition, level in (("own_sound", 100), ("other_sound", 0), ("missing", 0), ("shift", 0)):
        assert cell(gates, "film", condition, level) == "film"


def test_what_is_heard_at_prediction_alone_needs_no_training(gates: Study) -> None:
    late, gaps = (gates.settings[cell(gates, "concat", *at)] for at in (("shift", 4), ("missing", 25)))
    assert (late.trained_as, gaps.trained_as) == ("concat", "concat")
    assert late.inference.control.seconds == 4 and gaps.inference.control.share == 0.25
    assert late.train == gates.settings["concat"].train


def test_levels_that_are_trained_alike_share_their_networks(gates: Study) -> None:
    """With a quarter of own sound in training, the sound at prediction is replaced likewise, or is the true one."""
    own, other = (gates.settings[cell(gates, "clipwise", *at)] for at in (("own_sound", 25), ("other_sound", 75)))
    assert own.trained_as == other.trained_as == "clipwise.own_sound_25"
    assert own.train.control.share == other.train.control.share == 0.75
    assert own.model.gating_type == other.model.gating_type == "clipwise"
    assert (own.inference.control.kind, other.inference.control.kind) == ("shuffled", "original")


def test_the_least_number_of_trainings(gates: Study) -> None:
    """video_only once; each of eleven fusions as it is, and with four shares of another video's sound."""
    used = {cell.name for cell in gates.crossing.cells}
    trained = {gates.settings[run].trained_as for run in used}
    assert len(trained) == 1 + 11 * 5
    fewer = load(**{**GATES, "comparison": {"runs": ["video_only", "concat", "base"], "conditions": ["shift"]}})
    assert {fewer.settings[cell.name].trained_as for cell in fewer.crossing.cells} == {"video_only", "concat", "base"}


@pytest.mark.parametrize("part", [["other_sound"], ["shift", "other_sound"]])
def test_a_part_uses_the_networks_of_the_whole(gates: Study, part: list[str]) -> None:
    """Which conditions are asked for changes no name: a part that was trained first is not trained again."""
    some = load(**merge(GATES, {"comparison": {"conditions": part}}))
    assert [*some.crossing.conditions] == part and {cell.condition for cell in some.crossing.cells} == {*part}
    for one in some.crossing.cells:
        assert one.name == cell(gates, one.run, one.condition, one.level)
        assert some.settings[one.name] == gates.settings[one.name]
    assert "base.own_sound_75" in some.settings and "base.missing_25" not in some.settings


def test_a_control_keeps_no_share_or_seconds_of_the_one_it_replaces() -> None:
    """Neither those of the section, nor those of the run."""
    study = load(
        **merge(
            GATES,
            {
                "train": {"audio_control": "noise", "audio_control_share": 0.5},
                "inference": {"audio_control": "shifted", "audio_control_seconds": 2},
                "runs": {"base": {"train": {"audio_control_share": 0.25}}},
            },
        )
    )
    assert study.settings["base"].train.control == AudioControl("noise", 0.25)
    assert study.settings["base_noise"].inference.control == AudioControl("noise")
    silent, other = (study.settings[cell(study, "base", *at)] for at in (("missing", 100), ("other_sound", 100)))
    assert silent.inference.control == AudioControl("missing") and silent.train.control == AudioControl("noise", 0.25)
    assert other.train.control == AudioControl("shuffled")
    assert other.inference.control == AudioControl("shifted", seconds=2.0)


def test_late_or_missing_sound_is_still_the_videos_own(gates: Study) -> None:
    own, other = (gates.settings[cell(gates, "base", *at)] for at in (("shift", 4), ("own_sound", 25)))
    assert not own.inference.control.replaces and other.inference.control.replaces


def test_files_and_params(gates: Study) -> None:
    paths, tracked = Paths(gates), Params(gates)
    assert f"results/{gates.name}/concat.shift_10/all/seed2019/queries_val.json" in paths.values_under_conditions
    calibrations = paths.calibrations
    assert f"results/{gates.name}/base.shift_10/all/seed2018/calibration_val.json" in calibrations
    assert not any("/concat" in file or "/video_only" in file for file in calibrations)
    plan = json.loads(tracked.plan(SimpleNamespace()))  # type: ignore[arg-type]
    like = {run["name"]: run["like"] for run in plan["runs"]}
    assert like["film"] == "base" and like["elementwise_film"] == "elementwise" and not like["concat"]
    assert {"run": "base", "condition": "shift", "level": 2.0, "name": "base.shift_2"} in plan["cells"]
    options = {
        run: tracked.calibration(SimpleNamespace(run=run, split="val"))  # type: ignore[arg-type]
        for run in ("base", "base.own_sound_0", "base.own_sound_25", "base.shift_2", "base.missing_100")
    }
    assert {run: option for run, option in options.items() if option} == {"base.own_sound_0": "--replaced"}
    loud = tracked.calibration(SimpleNamespace(run="base", split="distractors"))  # type: ignore[arg-type]
    assert loud == "--level-key distractor_db"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"comparison": {"runs": ["bass"]}}, "comparison.runs: 'bass' is not defined under runs"),
        ({"comparison": {"runs": ["base_noise"]}}, "comparison.runs: base_noise is a control, and conditions are"),
        ({"comparison": {"against": ["mha_strong"]}}, "comparison.against: 'mha_strong' is not one of comparison.runs"),
        (
            {"comparison": {"conditions": ["fog"]}},
            r"conditions: 'fog' is not under conditions \(defined: own_",
        ),
        ({"conditions": {"shift": {"levels": []}}}, "conditions.shift: needs either levels or level_key"),
        ({"conditions": {"shift": {"level_key": "x"}}}, "conditions.shift: needs either levels or level_key"),
        (
            {"conditions": {"shift": {"levels": [{"at": 1}, {"at": 1}]}}},
            "shift.levels: a level occurs twice: 1 ",
        ),
        (
            {"conditions": {"shift": {"levels": [{"at": 1234567}, {"at": 1234568}]}}},
            r"a level occurs twice: 1.23457e\+06 \(six digits count\)",
        ),
        ({"conditions": {"distractors": {"level_key": "db"}}}, "level_key: no query of distractors has a number 'db'"),
        ({"demo": {"distractor_db": []}}, r"needs train.jsonl and val.jsonl, .*demo.distractor_db its split"),
        (
            {"conditions": {"shift": {"split": "test"}}},
            "shift.split: dataset.annotations has no split 'test'",
        ),
        (
            {"conditions": {"shift": {"levels": [{"at": 1, "inference": {"audio_control_seconds": 2}}]}}},
            "conditions.shift: level 1: inference.audio_control_seconds has no effect with audio_control original",
        ),
        ({"conditions": {"shift": {"levels": [{"at": 1, "train": {"epochs": 2}}]}}}, "'epochs' is not one of"),
        ({"conditions": {"shift": {"split": "distractors"}}}, "split distractors has a level_key in one of them"),
        ({"runs": {"base.shift_2": {}}}, "runs: base.shift_2 is the name of a run under a condition"),
        ({"inference": {"gate_save_path": "g.jsonl"}}, "gate_save_path: many jobs log gates for comparison.runs"),
    ],
)
def test_mistakes_name_the_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(**merge(GATES, changes))


def test_the_plan_of_a_cut_down_study(tmp_path: Path) -> None:
    """Two runs and a silent one, two seeds: 2 x (1 + 2 x 3) trainings. Levels that are trained alike share them."""
    shuffled = {"audio_control": "shuffled", "audio_control_share": 0.5}
    changes = {
        "seeds": [1, 2],
        "comparison": {"runs": ["video_only", "concat", "base"], "against": ["concat"]},
        "conditions": {
            "own": {"label": "own sound", "levels": [{"at": 0, "train": {"audio_control": "zeroed"}}, {"at": 1}]},
            "other": {"label": "another's", "levels": [{"at": 0}, {"at": 50, "train": shuffled}]},
            "both": {"label": "another's", "levels": [{"at": 50, "train": shuffled, "inference": shuffled}]},
            "gaps": {"label": "gaps", "levels": [{"at": 1, "inference": {"audio_control": "missing"}}]},
        },
    }
    planned = Workspace(tmp_path).planned("conditions", changes=changes)
    counts = {rule: planned.get(rule, 0) for rule in ("train", "infer", "infer_gated", "calibrate", "score")}
    # Predictions of concat and of base: as they are, zeroed, another's, both, gaps; of video_only one.
    assert counts == {"train": 14, "infer": 12, "infer_gated": 10, "calibrate": 10, "score": 22}
    assert planned["tabulate_conditions"] == planned["plot_conditions"] == 1
    assert "plot_gates" not in planned


def test_table_and_figure_of_runs_that_are_trained_already(built: Workspace, tmp_path: Path) -> None:
    """Of networks as they are under silence at prediction: nothing is trained."""
    workspace = replace(built, folder=tmp_path / "compared")
    shutil.copytree(built.folder, workspace.folder, symlinks=True)
    changes = {
        "comparison": {"runs": ["video_only", "base"], "against": ["video_only"]},
        "conditions": {
            "gaps": {
                "label": "clips without sound (%)",
                "levels": [{"at": 0}, {"at": 100, "inference": {"audio_control": "missing"}}],
            }
        },
    }
    planned = workspace.planned("conditions", changes=changes)
    new = {"infer_gated": 1, "score": 1, "calibrate": 2, "tabulate_conditions": 1, "plot_conditions": 1}
    assert planned == {**new, "conditions": 1}
    done = workspace.snakemake("--cores", "2", "conditions", changes=changes)
    assert done.returncode == 0, done.stderr[-3000:]
    results = workspace.folder / "results/demo"
    table = (results / "conditions.md").read_text(encoding="utf-8")
    assert "| gaps | 0 | base | 1 |" in table and "| gaps | 100 | video_only | 1 |" in table
    silent, sound = (
        json.loads((results / run / "all/seed1/calibration_val.json").read_text()) for run in ("base.gaps_100", "base")
    )
    assert silent["informative"] == 0 < sound["informative"]
    assert (workspace.folder / "plots/demo/conditions.png").is_file()
    assert workspace.planned("conditions", changes=changes) == {}
    # A run under a condition is a run of the configuration: what was made of it stays. Another label is no new result.
    changes["conditions"]["gaps"]["label"] = "silence (%)"
    assert workspace.planned("conditions", changes=changes) == {
        "tabulate_conditions": 1,
        "plot_conditions": 1,
        "conditions": 1,
    }


def test_the_target_without_a_comparison_is_a_mistake(tmp_path: Path) -> None:
    done = Workspace(tmp_path).snakemake("-n", "conditions")
    message = "error: config: comparison.runs is empty: no run is compared under conditions"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, message)
