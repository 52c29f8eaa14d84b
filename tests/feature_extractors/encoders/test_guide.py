"""docs/guide/adding-an-encoder.md: its encoder, taken out of the page and registered, works as the page says."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from feature_extractors.__main__ import main
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.media import frames_at, probe
from formats.grid import ClipGrid
from formats.store import Store
from formats.video_table import write_table
from tests.feature_extractors.made_media import steady, write_media
from workflow.encoders import check_streams, check_weights, encode_json, encode_source, weight_files, weights_argument

PAGE = (Path(__file__).parents[3] / "docs/guide/adding-an-encoder.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first block of code in a language, its indent taken away."""
    found = re.search(rf"^( *)```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's module, imported and its stream registered."""
    file = tmp_path / "colour.py"
    file.write_text(block("python"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("feature_extractors.encoders.colour", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    [stream] = module.COLOUR
    monkeypatch.setitem(STREAMS, stream.name, stream)
    return str(stream.name)


def test_the_command_encodes_with_it(tmp_path: Path, registered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "videos").mkdir()
    file = write_media(tmp_path / "videos/a.mp4", steady(4.0))
    write_table(tmp_path / "000.jsonl", [probe(file.parent, file, ClipGrid())])
    given = re.search(r"--config '(.*?)'", PAGE)
    assert given is not None
    options = ["--manifest", tmp_path / "000.jsonl", "--videos", file.parent, "--config", given[1]]
    out = tmp_path / "000.h5"
    command = ["feature_extractors", "encode", "--stream", registered, *options, "--device", "cpu", "--out", out]
    monkeypatch.setattr("sys.argv", [str(part) for part in command])
    assert main() == 0
    store = Store(out)
    assert (store.stream, store.dim, store.attributes["weights_sha256"]) == ("colour_visual", 2 * 2 * 3, "")
    for row, frame in zip(store.rows("a"), frames_at(file, [1.0, 3.0]), strict=True):
        small = np.asarray(Image.fromarray(frame).resize((64, 64)), np.float32) / 255
        means = small.reshape(2, 32, 2, 32, 3).mean(axis=(1, 3))  # of each of 2 x 2 cells
        np.testing.assert_allclose(row, means.transpose(2, 0, 1).ravel(), atol=1e-5)  # a colour's cells side by side


def test_the_workflow_makes_it(registered: str) -> None:
    dataset = {"name": "own", "videos": "my videos", "annotations": {"train": "t.jsonl"}, "shards": 3}
    config: dict[str, Any] = {"dataset": dataset, "imported": {}, "clips": {"seconds": 2.0}, "encoding": {}}
    config |= yaml.safe_load(block("yaml"))
    check_streams(config, [registered])
    check_weights(config, [registered], made="weights/demo")
    assert (weight_files(config, registered), weights_argument(config, registered)) == ([], "")
    expected = {"clips": {"seconds": 2.0}, "encoding": {}, "colour": {"cells": 2}, "version": 1}
    assert json.loads(encode_json(config, registered)) == expected
    source = encode_source(config, registered, "002")
    assert source == "--manifest manifests/own/002.jsonl --videos 'my videos'"


def test_it_is_short_and_all_that_it_names_is_there() -> None:
    assert len([line for line in block("python").splitlines() if line.strip()]) <= 45
    root = Path(__file__).parents[3]
    for name in re.findall(r"`((?:tests|workflow|feature_extractors)/[\w./-]+)`", PAGE):
        assert (root / name).exists() or name.endswith("colour.py"), name
