"""A mistake in the configuration is said in words that help to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import UserError
from tests.workflow.workspace import ROOT, Workspace, merge
from workflow.configuration import check
from workflow.study import SCHEMA, load_study


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    return loaded


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"seed": [1]}, "config: unknown key 'seed': did you mean seeds?"),
        ({"train": {"lerning_rate": 1}}, "config: unknown key 'lerning_rate' under train: did you mean learning_rate?"),
        ({"train": {"loss": {"spam": 1}}}, "config: unknown key 'spam' under train.loss: did you mean span?"),
        ({"model": {"mha_gate_bias": 1}}, "unknown key 'mha_gate_bias' under model: did you mean mha_gate_bias_init?"),
        (
            {"runs": {"x": {"train": {"epoch": 3}}}},
            "config: run x: unknown key 'epoch' under train: did you mean epochs?",
        ),
        (
            {"runs": {"x": {"train": {"loss": {"gious": 3}}}}},
            "config: run x: unknown key 'gious' under train.loss: did you mean giou?",
        ),
        (
            {"runs": {"x": {"chekpoint_of": "base"}}},
            "config: unknown key 'chekpoint_of' under runs.x: did you mean checkpoint_of?",
        ),
        (
            {"imported": {"i3d": {"layuot": "umt", "folders": ["f"]}}},
            "config: unknown key 'layuot' under imported.i3d: did you mean layout?",
        ),
        ({"plots": {"xyz": 1}}, "config: unknown key 'xyz' under plots (known: num_samples, topk)"),
        # Keys of a section at the top level, as `--config gate_sample_count=50` puts them.
        ({"gate_sample_count": 50}, "config: unknown key 'gate_sample_count': it belongs under inference"),
        ({"batch_size": 5}, "config: unknown key 'batch_size': it belongs under train or inference"),
        (
            {"clip": {"architecture:ViT": ""}},
            "unknown key 'architecture:ViT' under clip: write a space after the colon",
        ),
        ({"model.dropout": 0}, "config: unknown key 'model.dropout': write model: {dropout: ...}"),
        ({"imported": {"i3d": {"layout": "umt"}}}, "config: imported.i3d.folders is required"),
        (
            {"inference": {"gate_sample_count": 0}},
            "config: inference.gate_sample_count: 0 is not allowed (Number of queries whose gates are logged, from the"
            " start of the split; -1 = all)",
        ),
        (
            {"inference": {"gate_sample_count": "all"}},
            "config: inference.gate_sample_count: 'all' is not of type 'integer' (Number of queries whose gates are"
            " logged, from the start of the split; -1 = all)",
        ),
    ],
)
def test_messages(config: dict[str, Any], patch: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as raised:
        check(merge(config, patch), ROOT / SCHEMA)
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"clip": {"image_mean": [0.5, 0.5]}}, "config: clip.image_mean: must be three numbers"),
        (
            {"clip": {"definition": "demo-clip.json"}},
            f"config: stream clip_text: no such file: demo-clip.json (relative to {Path.cwd()})",
        ),
        (
            {"pann": {"weights": "w.pth"}},
            f"config: pann.weights: no such file or folder: w.pth (relative to {Path.cwd()}",
        ),
        (
            {"clip": {"weights": "published:clip-vit-b32-openai"}, "weights_mirror": "/no/mirror"},
            "config: weights_mirror: no such folder: /no/mirror",
        ),
        (
            {"train": {"best_metric": "MR-full-mAPP"}},
            "config: run base: train.best_metric: 'MR-full-mAPP': did you mean MR-full-mAP?",
        ),
        (
            {"runs": {"film": {"train": {"best_metric": "acc"}}}},
            "config: run film: train.best_metric: 'acc': must be one of MR-full-mAP, MR-long-mAP, ",
        ),
        ({"checkpoint": "c.pt"}, f"config: checkpoint: no such file: c.pt (relative to {Path.cwd()})"),
        (
            {"dataset": {"name": "own", "annotations": {"train": "/no/t.jsonl"}}},
            "config: dataset.annotations.train: no such file: /no/t.jsonl",
        ),
        (
            {"dataset": {"name": "own", "videos": "/no/videos", "annotations": {"train": __file__, "val": ""}}},
            "config: dataset.annotations.val is required",
        ),
        (
            {"runs": {"base": {"init_from": "a.pt"}}},
            f"config: run base: init_from: no such file: a.pt (relative to {Path.cwd()}), and no run makes it",
        ),
    ],
)
def test_files_and_encoders_are_checked_before_any_job(
    config: dict[str, Any], patch: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as raised:
        load_study(merge(config, patch), ROOT)
    assert message in str(raised.value)


def test_a_missing_folder_of_videos_is_named(config: dict[str, Any], tmp_path: Path) -> None:
    rows = {split: tmp_path / f"{split}.jsonl" for split in ("train", "val")}
    for qid, file in enumerate(rows.values()):
        file.write_text(f'{{"qid": {qid}, "query": "a dog", "vid": "rex", "duration": 10}}\n')
    annotations = {split: str(file) for split, file in rows.items()}
    dataset = {"name": "own", "videos": "/no/videos", "annotations": annotations}
    with pytest.raises(UserError, match=r'dataset\.videos: no such folder: /no/videos; set it to "" if all video'):
        load_study(merge(config, {"dataset": dataset}), ROOT)


def test_from_another_folder_the_message_says_what_paths_are_relative_to(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    done = workspace.snakemake("--dry-run", "--config", "clip={definition: demo/encoders/demo-clip.json}")
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    said = f"no such file: demo/encoders/demo-clip.json (relative to {tmp_path.resolve()})"
    assert done.returncode == 1 and len(lines) == 1 and said in lines[0]
    assert "Traceback" not in done.stderr
