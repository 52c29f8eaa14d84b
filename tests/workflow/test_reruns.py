"""A changed key re-runs the rules that consume it and what is downstream of them, and nothing else."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval import CODE_VERSION
from tests.workflow.workspace import ROOT, Workspace

# What follows a re-trained run, of the tiny configuration's runs base (gated) and video_only.
PAGES = {"report_pages": 1}
OVERVIEW = {"overview": 1, **PAGES}
EXPLORER = {"explore": 1}
TABLES = {"summarise": 1, "plot_summary": 1, **OVERVIEW, **EXPLORER}
# The query that is drawn is answered by the main run, base.
EXAMPLE = {"plot_example": 1}
GATE_PLOTS = {"plot_gates": 1, "plot_gates_of_main_run": 1, "plot_gate_figures": 1, **EXPLORER}
AFTER_BASE = {"infer_gated": 1, "score": 1, "gates": 1, **GATE_PLOTS, **TABLES, **EXAMPLE}
# The checkpoint that `inference.checkpoint` did not choose is predicted with, by the same job, and scored as well.
OTHER = {"score_other": 1}
BASE = {"train": 1, "plot_training": 1, **AFTER_BASE, **OTHER}
OTHERS = {"score_other": 2}
BOTH = {**BASE, "train": 2, "plot_training": 2, "infer": 1, "score": 2, **OTHERS}
LIST = {"problems": 1}
ENCODERS = {"encode clip_visual": 2, "encode clip_text": 2, "encode pann": 2, "encode clap": 2, **LIST}

CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "demo.seed": (
        {"demo": {"seed": 7}},
        {"media": 1, "manifest": 2, **ENCODERS, **BOTH, "baseline": 1, "score": 3, "strip": 1, "previews": 1},
    ),
    "demo_encoders.seed": (
        {"demo_encoders": {"seed": 2}},
        {"weights_clip": 1, "weights_pann": 1, "weights_clap": 1, **ENCODERS, **BOTH},
    ),
    "clips.seconds": (
        {"clips": {"seconds": 1.0}},
        {"manifest": 2, **ENCODERS, **BOTH, "encode clip_text": 0, "strip": 1, "previews": 1},
    ),
    "visual.output": ({"visual": {"output": "pre_projection"}}, {"encode clip_visual": 2, **LIST, **BOTH}),
    "visual.frames_per_clip": ({"visual": {"frames_per_clip": 3}}, {"encode clip_visual": 2, **LIST, **BOTH}),
    "encoding.precision": ({"encoding": {"precision": "bfloat16"}}, {**ENCODERS, **BOTH}),
    "encoding.dtype": ({"encoding": {"dtype": "float16"}}, {**ENCODERS, **BOTH}),
    # Scores may cover a part of the queries under one policy, and must cover all under the other.
    "dataset.broken_videos": (
        {"dataset": {"broken_videos": "stop"}},
        {"check_problems": 1, "score": 3, "score_other": 2, **TABLES},
    ),
    "pann.embedding_dim": ({"pann": {"embedding_dim": 16}}, {"weights_pann": 1, "encode pann": 2, **LIST, **BASE}),
    "clap.window_seconds": ({"clap": {"window_seconds": 5.0}}, {"encode clap": 2, **LIST, **BASE}),
    "clip.image_mean": (
        {"clip": {"image_mean": [0.5, 0.5, 0.5]}},
        {"encode clip_visual": 2, "encode clip_text": 2, **LIST, **BOTH},
    ),
    "clap.mode": ({"clap": {"mode": "repeat"}}, {"encode clap": 2, **LIST, **BASE}),
    "weights_mirror": ({"weights_mirror": "/some/where"}, {}),
    "model.mha_gate_bias_init": ({"model": {"mha_gate_bias_init": 1.8}}, BASE),
    "model.audio_streams": ({"model": {"audio_streams": ["pann"]}}, {**LIST, **BASE}),
    "model.hidden_dim": ({"model": {"hidden_dim": 16}}, BOTH),
    "train.loss.giou": ({"train": {"loss": {"giou": 2.0}}}, BOTH),
    "train.ema_decay": ({"train": {"ema_decay": 0.9}}, BOTH),
    "runs.video_only": (
        {"runs": {"video_only": {"model": {"fusion": "none", "dropout": 0.2}}}},
        {"train": 1, "plot_training": 1, "infer": 1, "score": 1, **OTHER, **TABLES},
    ),
    "inference.round_to_clips": (
        {"inference": {"round_to_clips": False}},
        {**AFTER_BASE, "infer": 1, "score": 2, **OTHERS},
    ),
    "inference.precision": (
        {"inference": {"precision": "bfloat16"}},
        {**AFTER_BASE, "infer": 1, "score": 2, **OTHERS},
    ),
    "inference.window_seconds": (
        {"inference": {"window_seconds": 10.0}},
        {**AFTER_BASE, "infer": 1, "score": 2, **OTHERS},
    ),
    "inference.gate_sample_count": ({"inference": {"gate_sample_count": 3}}, {**AFTER_BASE, **OTHER}),
    "evaluation.score_by": ({"evaluation": {"score_by": []}}, {"score": 3, "score_other": 2, **TABLES}),
    "evaluation.score_lists": (
        {"evaluation": {"score_lists": ["data/demo/val.jsonl"]}},
        {"score": 3, "score_other": 2, **TABLES},
    ),
    "evaluation.gates_by": ({"evaluation": {"gates_by": ["modality"]}}, {"gates": 1, **OVERVIEW}),
    "plots.num_samples": ({"plots": {"num_samples": 5}}, GATE_PLOTS),
    "plots.topk": ({"plots": {"topk": 3}}, GATE_PLOTS),
    "selected_runs": (
        {"selected_runs": ["base", "video_only", "concat"]},
        {"train": 1, "plot_training": 1, "infer": 1, "score": 1, **OTHER, **TABLES},
    ),
    "a control is not trained": (
        {"selected_runs": ["base", "video_only", "base_noise"]},
        {"infer_gated": 1, "score": 1, "gates": 1, "plot_gates": 1, "plot_gate_figures": 1, **OTHER, **TABLES},
    ),
    "a run that starts from another's weights": (
        {
            "train": {"ema_decay": 0.9},
            "selected_runs": ["base", "video_only", "tuned"],
            "runs": {"tuned": {"init_from": "runs/demo/base/all/seed{seed}/last.pt"}},
        },
        {
            **BOTH,
            "train": 3,
            "plot_training": 3,
            "infer_gated": 2,
            "score": 3,
            "score_other": 3,
            "gates": 2,
            "plot_gates": 2,
            "plot_gate_figures": 2,
        },
    ),
    "inference.audio_control": (
        {"inference": {"audio_control": "zeroed"}},
        {**AFTER_BASE, "infer": 1, "score": 2, **OTHERS},
    ),
    "train.audio_control": ({"train": {"audio_control": "noise"}}, BOTH),
    "nothing changed": ({}, {}),
    "a gate's start value that no selected run has": ({"model": {"ffn_gate_beta_init": 0.5}}, {}),
    "the patch of a run that is not selected": ({"runs": {"film": {"model": {"dropout": 0.3}}}}, {}),
    "a new run that is not selected": ({"runs": {"extra": {"train": {"epochs": 9}}}}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_changed_key_reruns_its_consumers_only(built: Workspace, case: str) -> None:
    changes, expected = CASES[case]
    # One page of the report shows all settings.
    expected = expected | (PAGES if changes else {})
    assert built.planned("all", changes=changes) == {rule: count for rule, count in expected.items() if count}


def test_threads_and_devices_are_no_settings(built: Workspace) -> None:
    assert built.planned("all", "--set-threads", "train=2", "--set-resources", "train:gpu=1") == {}


# Of `eval`, what a raised version re-runs: the rules of the verb and what is downstream of them.
AFTER_VERSION = {
    "score": {"score": 3, "score_other": 2, **TABLES},
    "gates": {"gates": 1, **OVERVIEW},
    "overview": OVERVIEW,
    "plot_gates": {"plot_gates": 1, "plot_gates_of_main_run": 1, **EXPLORER, **PAGES},
    "plot_summary": {"plot_summary": 1, **PAGES},
}


@pytest.mark.parametrize("stage", AFTER_VERSION)
def test_a_raised_version_of_a_verb_of_eval_reruns_that_verb(built: Workspace, tmp_path: Path, stage: str) -> None:
    """In a checkout of links to this one, but for the module that holds the versions."""
    shutil.copy(ROOT / "Snakefile", tmp_path)
    (tmp_path / "eval").mkdir()
    # Bytecode is not shared: it stands for a source of equal size that was written in the same second.
    for folder, left_out in ((ROOT, ("Snakefile", "eval", ".git")), (ROOT / "eval", ("__init__.py", "__pycache__"))):
        for path in folder.iterdir():
            if path.name not in left_out:
                (tmp_path / path.relative_to(ROOT)).symlink_to(path)
    module = (ROOT / "eval/__init__.py").read_text(encoding="utf-8")
    raised = module.replace(f'"{stage}": {CODE_VERSION[stage]},', f'"{stage}": {CODE_VERSION[stage] + 1},')
    assert raised != module
    (tmp_path / "eval/__init__.py").write_text(raised, encoding="utf-8")
    assert replace(built, checkout=tmp_path).planned("all") == AFTER_VERSION[stage]


def test_each_rule_of_eval_tracks_the_version_of_its_own_verb() -> None:
    used = set()
    for file in (ROOT / "workflow/rules").glob("*.smk"):
        text = file.read_text(encoding="utf-8")
        for rule in re.split(r"^ *(?:use )?rule ", text, flags=re.MULTILINE)[1:]:
            verb = re.search(r"python -m eval ([\w-]+)", rule)
            versions = set(re.findall(r'EVAL_VERSION\["(\w+)"\]', rule))
            if verb:
                assert versions == {verb[1].replace("-", "_")}, rule.partition(":")[0]
            used |= versions
    assert used == set(CODE_VERSION)
