"""Files of a split's predictions: what the gate log says of a control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from model.checkpoint import save_checkpoint
from model.config import InferenceConfig, ModelConfig
from model.data.feature_set import FeatureSet
from model.data.streams import Streams
from model.inference.split import predict_split
from model.network.detector import HighlightDetector
from tests.model.small_data import SMALL, read_rows, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Path]]:
    """A network, four queries about a video each, and the stores."""
    folder = tmp_path_factory.mktemp("split")
    data = write_data(folder, [8, 9, 10, 11, 12])
    config = ModelConfig.from_dict({**SMALL, "audio_streams": ["pann"]})
    features = FeatureSet(config, read_rows(data.val), Streams(data.stores))
    torch.manual_seed(0)
    save_checkpoint(folder / "n.pt", HighlightDetector(config, features.dims), {"seed": 5})
    return folder / "n.pt", data.val, data.stores


def test_the_log_says_whose_sound_was_replaced_where_videos_differ(
    data: tuple[Path, Path, list[Path]], tmp_path: Path
) -> None:
    """Of four videos a half is two, and a quarter is one of these. Their predictions differ, those of others do not."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, config in {
        "original": InferenceConfig(),
        "half": InferenceConfig(audio_control="noise", audio_control_share=0.5),
        "quarter": InferenceConfig(audio_control="noise", audio_control_share=0.25),
        "all": InferenceConfig(audio_control="noise"),
        "gaps": InferenceConfig(audio_control="missing", audio_control_share=0.5),
        "late": InferenceConfig(audio_control="shifted", audio_control_share=0.5, audio_control_seconds=2),
    }.items():
        answers = predict_split(config, *data, tmp_path / f"{name}.jsonl", gate_log=tmp_path / f"g_{name}.jsonl")
        assert [answer.gates for answer in answers] == read_rows(tmp_path / f"g_{name}.jsonl")
        found[name] = [answer.gates for answer in answers if answer.gates]
    half, quarter = ({row["vid"] for row in found[name] if row["audio_replaced"]} for name in ("half", "quarter"))
    assert len(half) == 2 and len(quarter) == 1 and quarter < half
    for other in ("original", "all", "gaps", "late"):
        assert not any("audio_replaced" in row for row in found[other])
    for before, after in zip(found["original"], found["half"], strict=True):
        assert (before["saliency"] != after["saliency"]) == after["audio_replaced"]
    for before, after in zip(found["original"], found["gaps"], strict=True):
        assert sum(after["audio_mask"]) == len(before["audio_mask"]) - int(len(before["audio_mask"]) / 2 + 0.5)
