"""Bundles: made of parts that fit together, read back, and refused in one line if they do not."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from av_highlights.bundle import BundleParts, load_bundle, make_bundle
from cli import UserError
from feature_extractors.weights.catalogue import KNOWN
from tests.av_highlights.bundle.parts import CLAP, RECORDED, write_network, write_parts
from tests.model.reference.parameters import OPTIONS, weights


def patched(parts: BundleParts, section: str, **keys: Any) -> BundleParts:
    """Parts with some keys of a section changed."""
    sections: Mapping[str, Any] = {**parts.sections, section: {**parts.sections[section], **keys}}
    return dataclasses.replace(parts, sections=sections)


def test_a_bundle_holds_all_that_predicts(tmp_path: Path) -> None:
    parts = write_parts(tmp_path / "study")
    made = make_bundle(parts, tmp_path / "made")
    # Nothing of the study is needed any more, and the folder may be moved.
    shutil.rmtree(tmp_path / "study")
    folder = (tmp_path / "made").rename(tmp_path / "moved")
    bundle = load_bundle(folder)
    assert (bundle.name, bundle.description, bundle.demo) == ("small", "trained on nothing", False)
    assert (bundle.window_seconds, bundle.clip_seconds) == (60.0, 2.0)
    assert bundle.streams == ("clip_visual", "pann", "clap", "clip_text") == made.streams
    assert bundle.checkpoint == folder / "checkpoint.pt"
    for stream, place in {"clip_visual": "clip/clip.pt", "clip_text": "clip/clip.pt", "clap": "clap"}.items():
        assert bundle.weights_argument(stream) == str(folder / "weights" / place)
    assert {file.name: file.read_bytes() for file in bundle.weights["clap"].files} == CLAP
    visual: Any = bundle.stages["clip_visual"]
    assert (visual.clip.architecture, visual.clip.activation, visual.encoding.dtype) == ("tiny", "gelu", "float16")
    assert json.loads(Path(visual.clip.definition).read_text()) == {"embed_dim": 8}
    # Keys that nobody gave are there as well, so that a later default changes nothing.
    assert json.loads((folder / "bundle.json").read_text())["encoders"]["visual"] == {
        "output": "projected",
        "frames_per_clip": 1,
    }
    assert "dino" not in bundle.sections


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    parts = write_parts(tmp_path / "study")
    for name in ("a", "b"):
        make_bundle(parts, tmp_path / name)
    files = [file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*") if file.is_file()]
    assert len(files) == 8  # bundle.json, the network, CLIP and its definition, PANN, three files of CLAP
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_a_network_without_sound_needs_no_audio_encoder(tmp_path: Path) -> None:
    parts = write_parts(tmp_path / "study", fusion="none")
    bundle = make_bundle(parts, tmp_path / "made")
    assert bundle.streams == ("clip_visual", "clip_text") and bundle.audio_streams == ()
    assert set(bundle.sections) == {"clips", "encoding", "clip", "visual"} and set(bundle.weights) == {"clip"}


def test_published_weights_are_named(tmp_path: Path) -> None:
    """They need not be there: the catalogue has their digest."""
    known = KNOWN["clip-vit-b32-openai"]
    recorded = {name: {"weights_sha256": known.files[0].sha256} for name in ("clip_visual", "clip_text")}
    parts = patched(
        write_parts(tmp_path / "study", {"features": recorded}, fusion="none"),
        "clip",
        weights="published:clip-vit-b32-openai",
    )
    bundle = make_bundle(parts, tmp_path / "made")
    assert bundle.weights["clip"].published == "clip-vit-b32-openai"
    assert bundle.weights_argument("clip_text") == "weights/published/clip-vit-b32-openai/ViT-B-32.pt"
    assert not (tmp_path / "made/weights/clip/clip.pt").exists()
    with pytest.raises(UserError, match="fetch-weights clip-vit-b32-openai"):
        make_bundle(parts, tmp_path / "inside", weights="inside")
    assert not (tmp_path / "inside").exists()


def test_weights_of_a_library_have_the_digest_that_the_checkpoint_records(tmp_path: Path) -> None:
    parts = patched(write_parts(tmp_path / "study"), "clap", weights="hub:laion/clap-htsat-unfused")
    bundle = make_bundle(parts, tmp_path / "made")
    assert bundle.weights["clap"].path is None
    assert bundle.weights["clap"].sha256 == RECORDED["clap"]["weights_sha256"]
    assert bundle.weights_argument("clap") == "hub:laion/clap-htsat-unfused"
    with pytest.raises(UserError, match="lies in a library's cache: use --weights named"):
        make_bundle(parts, tmp_path / "inside", weights="inside")
    unknown = dataclasses.replace(parts, checkpoint=write_network(tmp_path / "imported.pt", {}))
    with pytest.raises(UserError, match="whose sha256 the checkpoint does not record"):
        make_bundle(unknown, tmp_path / "other")


def test_the_demo_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its weights, whatever the dataset: the workflow makes them in weights/demo."""
    monkeypatch.chdir(tmp_path)
    parts = write_parts(Path("weights/demo"), fusion="none")
    assert make_bundle(parts, Path("made")).demo
    assert not make_bundle(dataclasses.replace(parts, demo=False), Path("other")).demo


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda parts: patched(parts, "visual", output="pre_projection"),
            r'best\.pt: trained on other features: stream clip_visual: visual\.output was "projected", and is '
            r'"pre_projection" in study\.yaml',
        ),
        (
            lambda parts: patched(parts, "pann", weights=parts.sections["clip"]["weights"]),
            "trained on other features: stream pann: weights_sha256 was",
        ),
        (
            lambda parts: patched(parts, "visual", outputs="cls"),
            "unknown key 'outputs' under visual: did you mean",
        ),
        (lambda parts: patched(parts, "visual", output="cls"), r"study\.yaml: visual\.output: .*got 'cls'"),
        (lambda parts: patched(parts, "clips", seconds=1.0), r"study\.yaml: clips\.seconds must be 2, got 1"),
        (lambda parts: patched(parts, "clip", weights=""), r"study\.yaml: clip\.weights: empty: give a path"),
        (lambda parts: patched(parts, "clip", weights="no.pt"), r"study\.yaml: clip\.weights: no\.pt is missing"),
        (lambda parts: patched(parts, "clip", weights="published:x"), "no published weights 'x' are known"),
        (
            lambda parts: patched(parts, "clip", weights="published:pann-cnn14"),
            r"clip\.weights: pann-cnn14 is for pann",
        ),
        (
            lambda parts: patched(parts, "clip", definition="no/tiny.json"),
            r"no/tiny\.json: no such file",
        ),
        (
            lambda parts: dataclasses.replace(
                parts, sections={name: keys for name, keys in parts.sections.items() if name != "clap"}
            ),
            "section clap is missing, which stream clap needs",
        ),
        (
            lambda parts: dataclasses.replace(parts, checkpoint=Path("no/best.pt")),
            r"no/best\.pt: no such checkpoint",
        ),
    ],
)
def test_parts_that_do_not_fit_are_one_line(
    tmp_path: Path, change: Callable[[BundleParts], BundleParts], message: str
) -> None:
    parts = change(write_parts(tmp_path / "study"))
    with pytest.raises(UserError, match=message) as problem:
        make_bundle(parts, tmp_path / "made")
    assert "\n" not in str(problem.value)
    # Not even a temporary folder stays.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study"]


def test_named_weights_must_be_published(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clip\.pt is not published, so the bundle must hold it: use --weights inside"):
        make_bundle(write_parts(tmp_path / "study"), tmp_path / "made", weights="named")


def test_networks_without_an_encoder(tmp_path: Path) -> None:
    parts = write_parts(tmp_path / "study", {}, fusion="none", video_streams=["slowfast", "clip_visual"])
    with pytest.raises(UserError, match="stream slowfast, which the network reads, has no encoder"):
        make_bundle(parts, tmp_path / "made")
    released = {"features": {"clip_visual": {"extractor": "moment_detr", "imported.layout": "moment_detr"}}}
    parts = write_parts(tmp_path / "other", released, fusion="none")
    with pytest.raises(UserError, match="trained on released features of stream clip_visual"):
        make_bundle(parts, tmp_path / "made")
    torch.save({"model": weights(10, 6), "opt": OPTIONS}, tmp_path / "their.ckpt")
    parts = dataclasses.replace(parts, checkpoint=tmp_path / "their.ckpt")
    with pytest.raises(UserError, match=r"their\.ckpt: a checkpoint of QD-DETR's code"):
        make_bundle(parts, tmp_path / "made")


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    parts = write_parts(tmp_path / "study", fusion="none")
    (tmp_path / "made").mkdir()
    make_bundle(parts, tmp_path / "made")  # an empty one is taken
    before = (tmp_path / "made/bundle.json").read_bytes()
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'made'}: already exists and is not empty")):
        make_bundle(dataclasses.replace(parts, name="other"), tmp_path / "made")
    assert (tmp_path / "made/bundle.json").read_bytes() == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file, not a folder"):
        make_bundle(parts, tmp_path / "file")
