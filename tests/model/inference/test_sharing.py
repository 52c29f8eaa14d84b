"""Several queries about one video: what does not depend on the query is computed once, with the same answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from formats.rows import Row
from model.config import InferenceConfig, ModelConfig, Precision
from model.data.feature_set import FeatureSet
from model.data.streams import Streams
from model.inference.predict import Predicted, predict
from model.inference.split import Answer, answer
from model.network.detector import HighlightDetector
from tests.model.small_data import SMALL, Json, read_rows, write_data

VIDS = ["v00", "v01", "v00", "v02", "v00", "v01"]
CLIPS = [8, 20, 11]
FUSIONS: list[Json] = [
    {"fusion": "none"},
    {"fusion": "concat"},
    {"fusion": "avigate", "gating_type": "elementwise"},
    {"fusion": "avigate_custom", "gating_type": "clipwise", "ffn_gate_film": True, "anchors": "proposed"},
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], list[Path]]:
    """Six queries about three videos, of which the second is the longest, and the stores."""
    folder = tmp_path_factory.mktemp("sharing")
    data = write_data(folder, [*CLIPS, 9, 10, 12])
    every = read_rows(data.train) + read_rows(data.val)
    rows = [{**row, "vid": vid} for row, vid in zip(every, VIDS, strict=True)]
    return rows, data.stores


@pytest.fixture(params=FUSIONS, ids=lambda model: str(model["fusion"]))
def built(request: pytest.FixtureRequest, data: tuple[list[Row], list[Path]]) -> tuple[HighlightDetector, FeatureSet]:
    rows, stores = data
    config = ModelConfig.from_dict({**SMALL, "audio_streams": ["pann"], **request.param})
    features = FeatureSet(config, rows, Streams(stores))
    torch.manual_seed(0)
    network = HighlightDetector(config, features.dims)
    for parameter in network.parameters():  # open gates, which start closed
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network.eval(), features


def count_videos(network: HighlightDetector) -> list[int]:
    """The number of videos in each pass through the projection of the video, from now on."""
    passes: list[int] = []

    def note(module: nn.Module, given: tuple[Tensor]) -> None:
        passes.append(len(given[0]))

    network.video_projection.register_forward_pre_hook(note)
    return passes


def test_a_video_is_fused_once_per_batch(built: tuple[HighlightDetector, FeatureSet]) -> None:
    network, features = built
    with torch.inference_mode():
        alone = network(features.batch(range(6)))
    passes = count_videos(network)
    shared = [*predict(network, features, 6, "cpu")]
    assert passes == [3]
    for index, item in enumerate(shared):
        n_clips = CLIPS[int(VIDS[index][1:])]
        assert (item.row["qid"], item.n_clips, int(item.seen.sum())) == (index, n_clips, n_clips)
        torch.testing.assert_close(item.outputs.saliency[item.sample], alone.saliency[index])
        torch.testing.assert_close(item.outputs.moments[-1].spans[item.sample], alone.moments[-1].spans[index])
        for layer, expected in zip(item.outputs.gates, alone.gates, strict=True):
            torch.testing.assert_close(layer.values.mha[item.sample], expected.values.mha[index])
            torch.testing.assert_close(layer.ffn_contribution[item.sample], expected.ffn_contribution[index])
    [*predict(network, features, 2, "cpu", queries=[0, 2, 1, 3, 4, 5])]
    assert passes[1:] == [1, 2, 2]


def answers(network: HighlightDetector, features: FeatureSet, only: list[int]) -> list[Answer]:
    """The answers to some queries, those about the second video in windows of 26 s."""
    logged = range(len(features)) if network.config.has_gates else ()
    chosen = [features.rows[index] for index in only]
    every, features.rows = features.rows, chosen
    try:
        config = InferenceConfig(window_seconds=26.0, duplicate_iou=0.5)
        return [*answer(network, features, config, "cpu", True, logged)]
    finally:
        features.rows = every


def test_windows_of_a_video_are_fused_once_with_the_same_bytes(built: tuple[HighlightDetector, FeatureSet]) -> None:
    """As if each query about it had been the only one."""
    network, features = built
    alone = [answers(network, features, [index])[0] for index in (1, 5)]
    passes = count_videos(network)
    found = answers(network, features, [1, 0, 5])
    assert sorted(passes) == [1, 3]  # the short video, and three windows of the long one
    assert [json.dumps(item.row) for item in (found[0], found[2])] == [json.dumps(item.row) for item in alone]
    assert [item.gates for item in (found[0], found[2])] == [item.gates for item in alone]
    assert [item.row["qid"] for item in found] == [1, 0, 5]


def test_bfloat16_is_near_float32_and_its_results_are_float32(built: tuple[HighlightDetector, FeatureSet]) -> None:
    network, features = built

    def run(precision: Precision) -> list[Predicted]:
        return [*predict(network, features, 4, "cpu", precision=precision)]

    for single, half in zip(run("float32"), run("bfloat16"), strict=True):
        found, expected = half.outputs.saliency[half.sample], single.outputs.saliency[single.sample]
        assert found.dtype == torch.float32 and not torch.equal(found, expected)
        torch.testing.assert_close(found, expected, rtol=0.1, atol=0.1)
        assert all(layer.values.mha.dtype == torch.float32 for layer in half.outputs.gates)


def test_the_precision_is_written_only_if_it_is_not_float32() -> None:
    """So that settings written before there was this key stay equal."""
    assert "precision" not in InferenceConfig().to_dict()
    given = InferenceConfig(precision="bfloat16")
    assert InferenceConfig.from_dict(given.to_dict()) == given and given.to_dict()["precision"] == "bfloat16"
