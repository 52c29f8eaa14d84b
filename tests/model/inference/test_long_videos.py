"""Long videos in windows: where they are cut, what a window sees, how predictions are merged."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cli import UserError
from formats.predictions import Prediction, merge_predictions
from formats.store import Provenance, Store, write_store
from model.checkpoint import save_checkpoint
from model.config import InferenceConfig, ModelConfig
from model.data.feature_set import FeatureSet
from model.data.streams import Streams
from model.inference.long_videos import clips_in, cut_spans
from model.inference.postprocessing import KEEP_ALL, finish, suppress
from model.inference.predict import predict, raw_prediction
from model.inference.split import answer
from model.network.detector import HighlightDetector
from tests.model.small_data import SMALL, read_rows, run

CLIPS, LONGEST = 21, 8
SPANS = [(0, 8), (4, 12), (8, 16), (12, 20), (13, 21)]


@pytest.mark.parametrize(("n_clips", "longest"), [(8, 8), (9, 8), (16, 8), (21, 8), (600, 75), (5, 2), (7, 3)])
def test_spans_cover_the_video_and_overlap_by_half(n_clips: int, longest: int) -> None:
    spans = cut_spans(n_clips, longest)
    assert spans[0][0] == 0 and spans[-1][1] == n_clips
    assert all(stop - start == longest for start, stop in spans)
    pairs = itertools.pairwise(spans)
    assert all(0 < second[0] - first[0] <= longest // 2 for first, second in pairs)
    assert cut_spans(CLIPS, LONGEST) == SPANS
    assert cut_spans(5, LONGEST) == [(0, 5)]


def test_a_window_is_of_whole_clips() -> None:
    assert (clips_in(0.0, 2.0), clips_in(150.0, 2.0), clips_in(5.0, 2.0)) == (0, 75, 2)
    with pytest.raises(UserError, match=r"window_seconds must be 0 or at least 4 \(two clips\), got 3"):
        InferenceConfig(window_seconds=3.0)


def test_of_near_duplicates_the_best_is_kept() -> None:
    # IoU with the first: 8/12, 10/10, 0.
    moments = [[0, 10, 0.9], [2, 12, 0.5], [0, 10, 0.8], [20, 22, 0.95]]
    assert suppress(moments, 0.7) == [[20, 22, 0.95], [0, 10, 0.9], [2, 12, 0.5]]
    assert suppress(moments, 0.6) == [[20, 22, 0.95], [0, 10, 0.9]]
    assert suppress(moments, KEEP_ALL) == [[20, 22, 0.95], [0, 10, 0.9], [0, 10, 0.8], [2, 12, 0.5]]
    assert suppress([[4, 4, 0.5], [4, 4, 0.4]], 0.0) == [[4, 4, 0.5], [4, 4, 0.4]]  # of no length: nothing is shared


def test_merged_scores_and_times_are_those_of_the_video() -> None:
    first = Prediction(1, "q", "v", [1.0, 2.0, 3.0], [[0, 4, 0.5]])
    second = Prediction(1, "q", "v", [5.0, 4.0, -1.0], [[2, 6, 0.75]])
    # Clips 0 to 2 and 2 to 4; clip 5 lies in no window.
    merged = merge_predictions([((0, 3), first), ((2, 5), second)], 6, 2.0)
    finished = finish(merged, torch.tensor([True] * 5 + [False]), 2.0, 0.7)
    assert finished == Prediction(1, "q", "v", [1.0, 2.0, 4.0, 4.0, -1.0, -1.0], [[6, 10, 0.75], [0, 4, 0.5]])


@pytest.fixture(scope="module", params=["avigate_custom", "none"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Stores of a long video, of a short one, and of each window of the long one as a video of its own."""
    folder = tmp_path_factory.mktemp("windows")
    rng = np.random.default_rng(0)
    sizes = {"clip_visual": 8, "pann": 4}
    long = {stream: rng.standard_normal((CLIPS, dim)).astype(np.float32) for stream, dim in sizes.items()}
    short = {stream: rng.standard_normal((5, dim)).astype(np.float32) for stream, dim in sizes.items()}
    token = rng.standard_normal((3, 6)).astype(np.float32)
    for stream in sizes:
        parts = {"long": long[stream], "short": short[stream]}
        parts |= {f"w{start}": long[stream][start:stop] for start, stop in SPANS}
        arrays = {}
        for vid, features in parts.items():
            starts = 2.0 * np.arange(len(features))
            arrays[vid] = {"features": features, "times": np.stack([starts, starts + 2.0], axis=1)}
        columns = {"n_clips": np.array([len(features) for features in parts.values()])}
        write_store(
            folder / f"{stream}.h5", Provenance(stream, "t", "0", "{}", 2.0), arrays, arrays.__getitem__, columns
        )
    vids = ["long", "short", *(f"w{start}" for start, _ in SPANS)]
    texts = {str(index): {"tokens": token, "pooled": np.ones((1, 6), np.float32)} for index in range(len(vids))}
    write_store(folder / "text.h5", Provenance("clip_text", "t", "0", "{}", 0.0), texts, texts.__getitem__, {})
    rows = [{"qid": index, "query": "q", "vid": vid} for index, vid in enumerate(vids)]
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder, {**SMALL, "fusion": request.param}


def build(folder: Path, model: dict[str, Any]) -> tuple[HighlightDetector, FeatureSet]:
    config = ModelConfig.from_dict(model)
    stores = sorted(folder.glob("*.h5"))
    features = FeatureSet(config, read_rows(folder / "q.jsonl"), Streams(stores))
    torch.manual_seed(0)
    return HighlightDetector(config, features.dims).eval(), features


def test_a_window_sees_what_a_video_of_its_own_would(data: tuple[Path, dict[str, Any]]) -> None:
    """Endpoint features start anew, sound and picture are those of the stretch: the same predictions, merged."""
    network, features = build(*data)
    windows = list(predict(network, features, 100, "cpu", queries=range(2, 2 + len(SPANS))))
    parts = [(span, raw_prediction(item, 2.0, True)) for span, item in zip(SPANS, windows, strict=True)]
    merged = replace(merge_predictions(parts, CLIPS, 2.0), qid=0, vid="long")
    expected = finish(merged, torch.ones(CLIPS, dtype=torch.bool), 2.0, 0.5).to_row()
    for batch_size in (2, 100):
        config = InferenceConfig(batch_size=batch_size, window_seconds=16.0, duplicate_iou=0.5)
        found = next(answer(network, features, config, "cpu", True, [])).row
        assert found["pred_relevant_windows"] == expected["pred_relevant_windows"]
        np.testing.assert_allclose(found["pred_saliency_scores"], expected["pred_saliency_scores"], atol=2e-6)
    assert len(found["pred_saliency_scores"]) == CLIPS
    without = [item.row for item in answer(network, features, config, "cpu", False, [])]
    assert not any("pred_relevant_windows" in row for row in without)
    # In the order of the queries, though the first is about a long video and the others share batches.
    assert [row["qid"] for row in without] == list(range(2 + len(SPANS)))


def test_clips_without_a_picture_are_last_and_moments_end_with_the_pictures() -> None:
    """Of five clips the second and the last two have no picture; the network says the most of just these."""
    moments = [[6.0, 10.0, 0.9], [4.0, 10.0, 0.8], [0.0, 2.0, 0.5]]
    raw = Prediction(1, "q", "v", [1.0, 9.0, -2.0, 8.0, 7.0], moments)
    found = finish(raw, torch.tensor([True, False, True, False, False]), 2.0)
    assert found.saliency == [1.0, -2.0, -2.0, -2.0, -2.0]
    assert found.windows == [[4.0, 6.0, 0.8], [0.0, 2.0, 0.5]]
    assert finish(raw, torch.ones(5, dtype=torch.bool), 2.0) == raw


def test_a_moment_within_a_gap_is_dropped() -> None:
    """Clips 2 and 3 (4 to 8 s) have no picture: what lies there alone goes, what reaches beyond stays as it is."""
    inside, across, touching = [4.0, 6.0, 0.9], [3.0, 9.0, 0.8], [7.5, 8.5, 0.7]
    raw = Prediction(1, "q", "v", [1.0] * 5, [inside, [4.0, 8.0, 0.85], across, touching])
    assert finish(raw, torch.tensor([True, True, False, False, True]), 2.0).windows == [across, touching]


@pytest.mark.parametrize("window_seconds", [0, 16])
def test_short_and_long_videos_are_finished_alike(
    data: tuple[Path, dict[str, Any]], tmp_path: Path, window_seconds: int
) -> None:
    """A store whose videos all end a clip early, and no two moments of a query that overlap by more than the IoU."""
    folder, model = data
    network, _ = build(folder, model)
    save_checkpoint(tmp_path / "n.pt", network, {"seed": 0})
    source = Store(folder / "clip_visual.h5")
    arrays = {}
    for vid in source.ids:
        starts = 2.0 * np.arange(source.n_clips(vid) - 1)
        arrays[vid] = {"features": source.rows(vid)[:-1], "times": np.stack([starts, starts + 2.0], axis=1)}
    columns = {"n_clips": np.array([source.n_clips(vid) for vid in source.ids])}
    cut = tmp_path / "cut.h5"
    write_store(cut, Provenance("clip_visual", "t", "0", "{}", 2.0), arrays, arrays.__getitem__, columns)
    given = ["--features", cut, folder / "pann.h5", folder / "text.h5", "--queries", folder / "q.jsonl"]
    config = json.dumps({"inference": {"window_seconds": window_seconds, "duplicate_iou": 0.2}})
    done = run("infer", *given, "--checkpoint", tmp_path / "n.pt", "--config", config, "--out", tmp_path / "p.jsonl")
    assert done.returncode == 0, done.stderr
    for row in read_rows(tmp_path / "p.jsonl"):
        saliency, moments = row["pred_saliency_scores"], row["pred_relevant_windows"]
        assert saliency[-1] == min(saliency)
        assert moments and max(end for _, end, _ in moments) <= 2.0 * (len(saliency) - 1)
        assert suppress(moments, 0.2) == moments


def test_infer_cuts_long_videos_alone(data: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, model = data
    network, _ = build(folder, model)
    save_checkpoint(tmp_path / "n.pt", network, {"seed": 0})
    common = ["infer", "--features", *sorted(folder.glob("*.h5")), "--checkpoint", tmp_path / "n.pt"]
    common += ["--queries", folder / "q.jsonl"]
    rows = {}
    for seconds in (0, 16):
        config = json.dumps({"inference": {"window_seconds": seconds}})
        log = ["--gate-log", tmp_path / "g.jsonl"] if model["fusion"] != "none" else []
        done = run(*common, "--config", config, "--out", tmp_path / "p.jsonl", *log)
        assert done.returncode == 0, done.stderr
        rows[seconds] = read_rows(tmp_path / "p.jsonl")
    assert [row["qid"] for row in rows[16]] == list(range(2 + len(SPANS)))
    assert rows[16][0] != rows[0][0]
    # Padding to another length changes the last digits.
    short = [row["pred_saliency_scores"] for row in (rows[16][1], rows[0][1])]
    np.testing.assert_allclose(*short, atol=1e-5)
    if model["fusion"] != "none":
        logged = read_rows(tmp_path / "g.jsonl")
        assert [row["qid"] for row in logged] == list(range(2 + len(SPANS)))
        assert len(logged[0]["clip_times"]) == len(logged[0]["audio_mask"]) == len(logged[0]["audio_level_db"]) == CLIPS


@pytest.mark.parametrize("data", ["avigate_custom"], indirect=True)
@pytest.mark.parametrize("gating", ["global", "clipwise", "elementwise"])
def test_gates_of_windows_are_merged(data: tuple[Path, dict[str, Any]], gating: str) -> None:
    """The long video's row is made of the rows that its windows have as videos of their own."""
    folder, model = data
    network, features = build(folder, {**model, "gating_type": gating, "ffn_gate_film": True})
    config = InferenceConfig(window_seconds=16.0)
    answers = list(answer(network, features, config, "cpu", True, range(len(features))))
    rows = [item.gates for item in answers]
    assert None not in rows
    # By these scores `eval.gates.origin` tells whether log and predictions belong together.
    for item in answers:
        np.testing.assert_allclose(item.gates["saliency"], item.row["pred_saliency_scores"], atol=2e-6)  # type: ignore[index]
    long, windows = rows[0], [rows[2 + place] for place in range(len(SPANS))]
    total, count = np.zeros(CLIPS), np.zeros(CLIPS)
    for (first, stop), row in zip(SPANS, windows, strict=True):
        total[first:stop] += row["contribution"][0]["mha"]
        count[first:stop] += 1
    np.testing.assert_allclose(long["contribution"][0]["mha"], total / count, atol=2e-6)
    assert np.shape(long["layer_gates"][0]["gate_gamma"]) == ((1, 16) if gating == "global" else (CLIPS, 16))
    for name, columns in (("gate_mha", 16 if gating == "elementwise" else 1), ("gate_ffn", None)):
        found = np.array(long["layer_gates"][0][name])
        if gating == "global":
            expected = np.mean([row["layer_gates"][0][name] for row in windows], axis=0)
            np.testing.assert_allclose(found, expected, atol=2e-6)
        else:
            # The first clips lie in the first window alone.
            np.testing.assert_allclose(found[:4], windows[0]["layer_gates"][0][name][:4], atol=2e-6)
            assert columns is None or found.shape == (CLIPS, columns)
    assert long["clip_times"][-1] == [40.0, 42.0] and long["has_audio"] and len(long["saliency"]) == CLIPS
