"""The key `bundle`: what it replaces in the configuration, and what contradicts it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from av_highlights.bundle import make_bundle
from cli import UserError
from tests.av_highlights.bundle.parts import write_parts
from tests.workflow.workspace import ROOT, merge
from workflow.checks.given_bundle import take_bundle
from workflow.layout import GIVEN
from workflow.params import Params
from workflow.study import Study, load_study


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """config/folder.yaml with a bundle, in a folder with one video and one query."""
    monkeypatch.chdir(tmp_path)
    make_bundle(write_parts(Path("study"), fusion="none"), Path("bundles/demo"))
    Path("data/folder/videos").mkdir(parents=True)
    Path("data/folder/videos/v.mp4").touch()
    row = {"qid": 1, "vid": "v", "query": "q", "duration": 200}
    Path("data/folder/queries.jsonl").write_text(json.dumps(row) + "\n")
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config/folder.yaml").read_text())
    return loaded


def load(given: dict[str, Any]) -> Study:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return load_study(merge(config, given), ROOT, given)


def test_nobody_copies_settings_by_hand(overlay: dict[str, Any]) -> None:
    study = load(overlay)
    assert study.runs == [GIVEN] and study.given is not None
    assert study.given.files == {"all": "bundles/demo/checkpoint.pt"}
    assert study.streams == ["clip_text", "clip_visual"]  # the network hears nothing, whatever config.yaml says
    assert study.config["clip"]["architecture"] == "tiny"
    assert study.config["clip"]["weights"] == "bundles/demo/weights/clip/clip.pt"
    assert study.config["encoding"] == {"precision": "float32", "dtype": "float16"}
    assert study.inference.window_seconds == 60.0 and study.inference.duplicate_iou == 0.5
    assert "folder, demo" in Params(study).title(GIVEN)


def test_what_agrees_with_the_bundle_may_be_given(overlay: dict[str, Any]) -> None:
    study = load(merge(overlay, {"visual": {"frames_per_clip": "1"}, "clips": {"seconds": 2}}))
    assert study.config["visual"]["frames_per_clip"] == 1
    # How long the windows are is not a matter of features.
    assert load(merge(overlay, {"inference": {"window_seconds": 30.0}})).inference.window_seconds == 30.0


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (
            {"clip": {"architecture": "ViT-B-32"}},
            "clip.architecture is 'ViT-B-32', but 'tiny' in the bundle bund",
        ),
        (
            {"clip": {"weights": "other.pt"}},
            "clip.weights is 'other.pt', but 'bundles/demo/weights/clip/clip.pt' in",
        ),
        ({"encoding": {"dtype": "float32"}}, "encoding.dtype is 'float32', but 'float16' in the bundle bundles/demo"),
        ({"checkpoint": "a.pt"}, "checkpoint: has no effect with bundle: bundles/demo has one"),
        ({"bundle": "none"}, "bundle: no such bundle: none (relative to"),
        ({"bundle": "published:x"}, "bundle: published:x is not fetched yet: python -m av_highlights fetch x"),
        ({"bundle": 3}, "bundle: 3 is not of type 'string'"),
    ],
)
def test_contradictions_are_one_line(overlay: dict[str, Any], patch: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as problem:
        load(merge(overlay, patch))
    assert str(problem.value).startswith(f"config: {message}") and "\n" not in str(problem.value)


def test_damage_is_found_before_any_job(overlay: dict[str, Any]) -> None:
    Path("bundles/demo/weights/clip/clip.pt").write_bytes(b"other weights")
    with pytest.raises(UserError, match=r"^config: bundle: bundles/demo/weights/clip/clip\.pt: damaged or changed"):
        load(overlay)


def test_a_fetched_bundle_is_found_by_name(overlay: dict[str, Any]) -> None:
    Path("weights/published/theirs").mkdir(parents=True)
    Path("bundles/demo").rename("weights/published/theirs/bundle")
    config, given, bundle = take_bundle({**overlay, "bundle": "published:theirs"}, None)
    assert config["checkpoint"] == "weights/published/theirs/bundle/checkpoint.pt" and given is None
    assert bundle is not None and bundle.name == "small"


def test_without_the_key_nothing_changes(overlay: dict[str, Any]) -> None:
    del overlay["bundle"]
    assert take_bundle(overlay, overlay) == (overlay, overlay, None)


def test_answers_of_the_demo_s_network_about_other_videos_carry_a_warning(overlay: dict[str, Any]) -> None:
    assert load(overlay).warning == ""
    make_bundle(replace(write_parts(Path("drawn"), fusion="none"), demo=True), Path("bundles/drawn"))
    study = load({**overlay, "bundle": "bundles/drawn"})
    assert Params(study).warning == f"--warning {shlex.quote(study.warning)}" and "drawn shapes" in study.warning
