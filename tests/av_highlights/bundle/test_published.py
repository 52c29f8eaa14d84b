"""`published:NAME`: the real entry, and the whole route with stand-in files of the same form."""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from av_highlights.bundle import fetch_weights, load_bundle, make_bundle, open_bundle, published
from av_highlights.bundle.published import KNOWN, fetch_bundle, is_fetched
from cli import UserError
from feature_extractors.weights import catalogue
from feature_extractors.weights.catalogue import KnownFile, KnownWeights
from model.checkpoint import load_network
from model.reference.checkpoint import import_checkpoint
from tests.av_highlights.bundle.parts import CLAP, sha256, write_parts
from tests.model.reference.parameters import OPTIONS, weights

NAME = "qd-detr-clip"
CLIP = b"stands for the weights of CLIP"


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with stand-ins, which the catalogues know by their digests; the working directory is empty.

    The network is small and is saved as QD-DETR saves it; its features have 512 columns, with two more for start and
    end, as those of ViT-B/32.
    """
    folder = tmp_path / "mirror"
    (folder / NAME).mkdir(parents=True)
    options = {**OPTIONS, "t_feat_dim": 512, "v_feat_dim": 514, "dset_name": "hl", "a_feat_dir": None}
    checkpoint = folder / NAME / "model_best.ckpt"
    content = {"model": weights(514, 512), "optimizer": {"state": {}}, "lr_scheduler": {}, "epoch": 190}
    torch.save({**content, "opt": argparse.Namespace(**options)}, checkpoint)
    (folder / "ViT-B-32.pt").write_bytes(CLIP)
    known = KNOWN[NAME]
    file = replace(known.checkpoint.files[0], git_blob=git_blob(checkpoint.read_bytes()), url="http://127.0.0.1:9/x")
    monkeypatch.setitem(KNOWN, NAME, replace(known, checkpoint=replace(known.checkpoint, files=(file,))))
    clip = catalogue.KNOWN["clip-vit-b32-openai"]
    file = replace(clip.files[0], sha256=sha256(CLIP), url="http://127.0.0.1:9/y")
    monkeypatch.setitem(catalogue.KNOWN, clip.name, replace(clip, files=(file,)))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_the_real_entry() -> None:
    """Blob, path and commit are those of the public repository; the encoder is that of its `run_on_video`."""
    known = KNOWN[NAME]
    [file] = known.checkpoint.files
    assert file.git_blob == "6c2d73efb1e8e8816e5fc1c95fa918c00b5bd087" and not file.sha256
    assert "/56c63b2c75c5673dfe693f3ae9438f5fc1f1679a/results/QDDETR_onlyclip/model_best.ckpt" in file.url
    assert known.checkpoint.licence == "MIT" and known.window_seconds == 75 * 2.0
    architecture, _ = catalogue.KNOWN["clip-vit-b32-openai"].model or ("", "")
    assert known.sections["clip"] == {"architecture": architecture, "weights": "published:clip-vit-b32-openai"}
    assert published.DEFAULT in KNOWN


def test_a_published_network_becomes_a_bundle(mirror: Path) -> None:
    assert not is_fetched(NAME)
    bundle = open_bundle(f"published:{NAME}", mirror)
    assert is_fetched(NAME) and bundle.folder == Path("weights/published/qd-detr-clip/bundle")
    assert (bundle.name, bundle.demo, bundle.window_seconds) == (NAME, False, 150.0)
    assert bundle.streams == ("clip_visual", "clip_text") and "38.66" in bundle.description
    assert bundle.weights_argument("clip_visual") == "weights/published/clip-vit-b32-openai/ViT-B-32.pt"
    assert Path(bundle.weights_argument("clip_visual")).read_bytes() == CLIP
    # The weights are the file's.
    network, about = load_network(bundle.checkpoint)
    theirs = import_checkpoint(mirror / NAME / "model_best.ckpt", Path("again.pt"), ["clip_visual"])
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in network.state_dict().items())
    assert about["imported_from"] == "model_best.ckpt"
    # Once fetched, it needs neither the mirror nor a network.
    shutil.rmtree(mirror)
    assert open_bundle(f"published:{NAME}") == bundle
    assert sorted(path.name for path in Path("weights/published/qd-detr-clip").iterdir()) == [
        "bundle",
        "model_best.ckpt",
    ]


def test_a_damaged_one_is_made_again(mirror: Path, caplog: pytest.LogCaptureFixture) -> None:
    bundle = fetch_bundle(NAME, mirror)
    good = bundle.checkpoint.read_bytes()
    bundle.checkpoint.write_bytes(good[:-1] + b"x")
    with caplog.at_level(logging.WARNING):
        again = fetch_bundle(NAME)
    assert "damaged or changed" in caplog.text and "made again from the published file" in caplog.text
    assert again.checkpoint.read_bytes() == good


def test_what_is_missing_is_one_line_with_addresses_and_places(mirror: Path) -> None:
    with pytest.raises(UserError) as problem:
        open_bundle(f"published:{NAME}")  # nothing listens at the addresses
    line = str(problem.value)
    assert line.startswith("weights/published/qd-detr-clip/model_best.ckpt: missing, and could not be downloaded from")
    assert "http://127.0.0.1:9/x" in line and "get model_best.ckpt from https://github.com/wjun0830/QD-DETR" in line
    assert line.endswith("also needed: http://127.0.0.1:9/y as weights/published/clip-vit-b32-openai/ViT-B-32.pt")
    assert "\n" not in line and not is_fetched(NAME)
    # A file that was put there by hand is taken.
    Path("weights/published/qd-detr-clip").mkdir(parents=True, exist_ok=True)
    shutil.copy(mirror / NAME / "model_best.ckpt", "weights/published/qd-detr-clip")
    with pytest.raises(UserError, match=r"^weights/published/clip-vit-b32-openai/ViT-B-32\.pt: missing, and could not"):
        open_bundle(f"published:{NAME}")


def test_another_file_is_not_taken_for_the_published_one(mirror: Path) -> None:
    content = bytearray((mirror / NAME / "model_best.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    (mirror / NAME / "model_best.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=r"git blob id is not that of the published model_best\.ckpt: the mir"):
        fetch_bundle(NAME, mirror)
    folder = Path("weights/published/qd-detr-clip")
    assert list(folder.iterdir()) == []
    (folder / "model_best.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=r"published model_best\.ckpt: remove it, so that it is fetched again"):
        fetch_bundle(NAME, mirror)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match=r"no published bundle 'x' is known \(known: qd-detr-clip\)"):
        open_bundle("published:x")


def test_weights_of_several_files_are_compared_once_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLAP's digest is of three files in the order in which they are read, which the catalogue does not know."""
    files = tuple(KnownFile(name=name, url="http://127.0.0.1:9", sha256=sha256(CLAP[name])) for name in sorted(CLAP))
    entry = KnownWeights(name="small-clap", encoder="clap", licence="MIT", source="nowhere", files=files)
    monkeypatch.setitem(catalogue.KNOWN, "small-clap", entry)
    monkeypatch.chdir(tmp_path)
    parts = write_parts(Path("study"))
    clap = {**parts.sections["clap"], "weights": "published:small-clap"}
    parts = replace(parts, sections={**parts.sections, "clap": clap})
    with pytest.raises(UserError, match=r"small-clap/config\.json is missing: python -m feature_extractors fetch-wei"):
        make_bundle(parts, Path("made"))
    shutil.copytree("study/clap", "weights/published/small-clap")
    bundle = make_bundle(parts, Path("made"))
    assert bundle.weights_argument("clap") == "weights/published/small-clap"
    fetch_weights(bundle)
    whole = make_bundle(parts, Path("whole"), weights="inside")
    assert whole.weights_argument("clap") == "whole/weights/clap"
    assert whole.weights["clap"].sha256 == bundle.weights["clap"].sha256
    shutil.rmtree("weights")
    fetch_weights(load_bundle(Path("made")), Path("study/clap"))
    assert Path("weights/published/small-clap/model.safetensors").read_bytes() == CLAP["model.safetensors"]
