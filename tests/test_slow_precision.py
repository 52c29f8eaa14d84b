"""Commands whose settings have a precision say so if it is slow on the processor (`find`: test_finder.py)."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
import torch

COMMANDS = {
    "train": "model train --features f.h5 --train t.jsonl --val v.jsonl --seed 0 --out run --config",
    "inference": "model infer --features f.h5 --queries q.jsonl --checkpoint c.pt --out p.jsonl --config",
    "encoding": "feature_extractors encode --stream clip_text --annotations a.jsonl --shard 0 --shards 1 --out t.h5"
    " --weights w.pt --config",
}
NEEDED = {"train": {"model": {}}, "encoding": {"clip": {"architecture": "ViT-B-32-quickgelu"}}}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch knows the processor by oneDNN")
@pytest.mark.parametrize("section", COMMANDS)
@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_the_log_names_the_setting(
    section: str, precision: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The inputs do not exist: the command fails after it has looked at device and settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    package, *arguments = COMMANDS[section].split()
    config = {**NEEDED.get(section, {}), section: {"precision": precision}}
    monkeypatch.setattr("sys.argv", [package, *arguments, json.dumps(config), "--device", "cpu"])
    assert import_module(f"{package}.__main__").main() == 1
    said = capsys.readouterr().err
    warned = f"{section}.precision: {precision} is many times slower than float32 on this processor" in said
    assert warned == (precision == "bfloat16"), said
