"""Bundles of a run, with the settings that the workflow resolves, and of a checkpoint with a configuration."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from av_highlights.__main__ import build_command
from av_highlights.bundle import load_bundle
from av_highlights.bundle.study import parts_of_run
from cli import UserError
from tests.av_highlights.bundle.parts import RECORDED, write_network, write_parts
from tests.model.reference.parameters import OPTIONS, weights

# Two videos of 20 and 31 s: the longest has 15 whole clips.
ROWS = [{"qid": 1, "vid": "a", "query": "x", "duration": 20}, {"qid": 2, "vid": "b", "query": "y", "duration": 31}]
RUN = ["--run", "base", "--seed", "7", "--configfile", "own.yaml", "--out", "made"]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a study that was trained, with its overlay own.yaml."""
    monkeypatch.chdir(tmp_path)
    parts = write_parts(Path("parts"))
    write_network(Path("runs/own/base/all/seed7/best.pt"), {"features": RECORDED, "val": {"MR-full-mAP": 41.5}})
    overlay = {
        "dataset": {
            "name": "own",
            "videos": "not/read",
            "annotations": {"train": "train.jsonl", "val": "train.jsonl"},
        },
        **{name: keys for name, keys in parts.sections.items() if name != "dino"},
    }
    Path("own.yaml").write_text(yaml.safe_dump(overlay))
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def run(*arguments: str) -> int:
    return build_command().main(["bundle", *arguments])


def test_a_run_becomes_a_bundle(study: Path) -> None:
    assert run(*RUN) == 0
    bundle = load_bundle(Path("made"))
    assert (bundle.name, bundle.demo, bundle.window_seconds) == ("own-base-seed7", False, 30.0)
    assert bundle.description == (
        "run base, seed 7: trained on 2 queries about 2 videos of own; MR-full-mAP 41.5 on its val split"
    )
    # As the workflow resolves it: precision is the overlay's, the window config.yaml's.
    assert bundle.sections["encoding"] == {"precision": "float32", "dtype": "float16"}
    assert bundle.sections["clap"]["window_seconds"] == 10.0
    assert run(*RUN) == 1


def test_a_later_overlay_wins_and_must_fit(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("more.yaml").write_text("clap: {mode: repeat}\n")
    assert run(*RUN, "--configfile", "more.yaml") == 1
    assert 'stream clap: clap.mode was "centred", and is "repeat" in the configuration' in capsys.readouterr().err
    assert not Path("made").exists()


def test_one_network_per_domain(study: Path) -> None:
    rated = [{**ROWS[0], "domain": "BK", "label": [[1.0]] * 10}, {**ROWS[1], "domain": "VT", "label": [[1.0]] * 15}]
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rated))
    write_network(Path("runs/own/base/BK/seed7/best.pt"), {"features": RECORDED, "objective": "saliency"})
    Path("more.yaml").write_text("dataset: {scopes: by_domain}\ntrain: {objective: saliency, best_metric: mAP}\n")
    parts = parts_of_run("base", 7, "BK", [Path("own.yaml"), Path("more.yaml")])
    assert (parts.name, parts.window_seconds) == ("own-base-BK-seed7", 20.0)
    assert parts.description.startswith("run base, seed 7, domain BK: trained on 1 queries about 1 videos")
    with pytest.raises(UserError, match=r"no such checkpoint: .*/VT/seed7/best\.pt --configfile own\.yaml more\.yaml$"):
        parts_of_run("base", 7, "VT", [Path("own.yaml"), Path("more.yaml")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "bas", "--seed", "7"], "--run: 'bas' is not defined under runs (defined: base, film"),
        (
            ["--run", "base_noise", "--seed", "7"],
            "--run: base_noise is a control, which predicts with the network of ",
        ),
        (["--run", "base", "--seed", "8"], "runs/own/base/all/seed8/best.pt (relative to"),
        (["--run", "base"], "--seed: required with --run"),
        (["--run", "base", "--seed", "7", "--name", "x"], "--name: has no effect with --run"),
        (["--checkpoint", "x.pt"], "--config: required with --checkpoint"),
        (["--checkpoint", "x.pt", "--config", "{}", "--seed", "7"], "--seed: has no effect with --checkpoint"),
        (["--checkpoint", "x.pt", "--config", "{}"], "x.pt: no such checkpoint"),
        (["--checkpoint", "x.pt", "--config", "[]"], "--config: must hold sections by name, got list"),
    ],
)
def test_mistakes_are_one_line(
    study: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    files = ["--configfile", "own.yaml"] if "--run" in arguments else []
    assert run(*arguments, *files, "--out", "made") == 1
    error = capsys.readouterr().err
    assert error.startswith("python -m av_highlights bundle: error: ") and message in error and error.count("\n") == 1
    assert not Path("made").exists()


def test_streams_of_released_files_cannot_be_made_for_other_videos(study: Path) -> None:
    Path("more.yaml").write_text("imported: {pann: {layout: umt, folders: [released]}}\n")
    with pytest.raises(UserError, match=r"config: imported\.pann: made from released files"):
        parts_of_run("base", 7, "all", [Path("own.yaml"), Path("more.yaml")])


def test_an_installed_package_has_no_workflow(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "workflow", None)
    for name in [name for name in sys.modules if name.startswith("workflow.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UserError, match="--run: the workflow is not here: run this in the checkout"):
        parts_of_run("base", 7)


OPTIONS_OF_HL = {**OPTIONS, "max_v_l": 75, "clip_length": 2, "dset_name": "hl"}


def reference(path: Path, options: dict[str, Any], **made: Any) -> Path:
    """A checkpoint as the reference saves it: options as an object, the optimiser's state beside the weights."""
    content = {"model": weights(**made), "optimizer": {"state": {}}, "epoch": 3, "opt": argparse.Namespace(**options)}
    torch.save(content, path)
    return path


def test_an_imported_network_becomes_a_bundle(study: Path) -> None:
    reference(Path("model_best.ckpt"), OPTIONS_OF_HL, video=10, text=6)
    given = ["--checkpoint", "model_best.ckpt", "--config", "own.yaml", "--out", "made"]
    assert run(*given, "--name", "theirs") == 0
    bundle = load_bundle(Path("made"))
    assert (bundle.name, bundle.description) == ("theirs", "model_best.ckpt, imported")
    # 75 clips of 2 s, to which the reference cuts its videos.
    assert (bundle.streams, bundle.window_seconds) == (("clip_visual", "clip_text"), 150.0)
    assert bundle.model.compat.rolled_negatives
    assert set(bundle.weights) == {"clip"}


def test_a_gated_one_names_its_streams_in_the_configuration(study: Path) -> None:
    options = {**OPTIONS, "use_avigate_custom": True, "a_feat_dim": 8, "fusion_layers": 2}
    reference(Path("model_best.ckpt"), options, video=10, text=6, audio=8, gated=True)
    values = yaml.safe_load(Path("own.yaml").read_text())
    Path("own.yaml").write_text(yaml.safe_dump({**values, "model": {"audio_streams": ["clap"], "fusion_layers": 9}}))
    given = ["--checkpoint", "model_best.ckpt", "--config", "own.yaml", "--out", "made"]
    assert run(*given) == 1  # its options say nothing of lengths
    assert run(*given, "--window-seconds", "90") == 0
    bundle = load_bundle(Path("made"))
    assert (bundle.audio_streams, bundle.window_seconds) == (("clap",), 90.0)


def test_a_network_of_ours_needs_no_workflow(study: Path) -> None:
    sections = {"clip": {"architecture": "tiny", "weights": "parts/clip.pt"}}
    write_network(Path("ours.pt"), {}, fusion="none")
    given = ["--checkpoint", "ours.pt", "--config", json.dumps(sections), "--window-seconds", "1", "--out", "made"]
    assert run(*given, "--description", "from elsewhere") == 0
    bundle = load_bundle(Path("made"))
    assert (bundle.name, bundle.description) == ("ours", "from elsewhere")
    assert bundle.sections["visual"]["output"] == "projected"  # a section that is not given has its defaults
    assert bundle.window_seconds == 4.0  # two clips, the shortest window
