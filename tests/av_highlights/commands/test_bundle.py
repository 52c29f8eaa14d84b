"""The verb `fetch`: what it lists, and one line for what cannot be fetched. `bundle` is tested with studies."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from av_highlights.__main__ import build_command


def test_public_networks_are_listed(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "basicConfig", lambda **keys: None)  # which would remove caplog's handler
    with caplog.at_level(logging.INFO):
        assert build_command().main(["fetch"]) == 0
    [line] = caplog.messages
    assert line.startswith("published:qd-detr-clip: QD-DETR (Moon et al., CVPR 2023)") and "; MIT, from https" in line


def test_what_a_mirror_lacks_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mirror").mkdir()
    assert build_command().main(["fetch", "qd-detr-clip", "--mirror", "mirror"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "python -m av_highlights fetch: error: mirror: the mirror has no model_best.ckpt; get it from"
    )
    assert "save it as mirror/qd-detr-clip/model_best.ckpt; also needed: " in line
    assert line.endswith(" as mirror/clip-vit-b32-openai/ViT-B-32.pt")
    assert build_command().main(["fetch", "moment-detr"]) == 1
    assert "no published bundle 'moment-detr' is known (known: qd-detr-clip)" in capsys.readouterr().err
