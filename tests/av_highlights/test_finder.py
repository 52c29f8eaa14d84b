"""Moments of videos in many containers: their times, scores, saliency and gates, in Python."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from av_highlights import Answer, Bundle, MomentFinder, UserError
from av_highlights.answers import NEUTRAL_QUERY
from av_highlights.bundle.published import open_bundle
from feature_extractors.encoders import engine
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import EncodingConfig
from feature_extractors.fingerprints import digest_of
from feature_extractors.media import probe
from formats.bundle import DEMO_WARNING
from formats.grid import ClipGrid
from formats.rows import write_rows
from formats.store import Store
from model.config import InferenceConfig
from model.inference.split import predict_split
from tests.av_highlights.conftest import SECONDS, write_video
from tests.feature_extractors.encoding import encode_clips, encode_queries

QUERIES = ["a siren is heard", "a dog runs"]
CLIPS = int(SECONDS / 2)


def check_answers(first: Answer, second: Answer, video: Path) -> None:
    assert [first.query, second.query] == QUERIES and first.video == video
    assert first.saliency.shape == (CLIPS,) and first.times.tolist()[-1] == [SECONDS - 2, SECONDS]
    assert np.isfinite(first.saliency).all() and not np.array_equal(first.saliency, second.saliency)
    scores = [moment.score for moment in first.moments]
    assert scores and scores == sorted(scores, reverse=True)
    assert all(0 <= moment.start < moment.end <= SECONDS for moment in first.moments)
    assert not first.problems and not first.warning and first.bundle == "small"


@pytest.mark.parametrize("name", ["kitchen.mkv", "birds.webm", "camera.avi", "trip.mov", "tv.ts"])
def test_any_container_is_answered(name: str, finder: MomentFinder, tmp_path: Path) -> None:
    video = write_video(tmp_path / name)
    first, second = finder.find(video, QUERIES)
    check_answers(first, second, video)
    assert first.heard.all() and first.mean_gate() is not None


def test_a_silent_video_has_no_gate(finder: MomentFinder, videos: Path) -> None:
    first, second = finder.find(videos / "silent.mp4", QUERIES)
    check_answers(first, second, videos / "silent.mp4")
    assert not first.heard.any() and first.mean_gate() is None


def test_a_phone_held_upright_gives_the_same_as_the_upright_video(
    finder: MomentFinder, videos: Path, tmp_path: Path
) -> None:
    """Both show the same bars once the rotation in the metadata is applied, but for what the codec made of them."""
    phone = write_video(tmp_path / "phone.mp4", rotation=90)
    (turned, other), (upright, _) = (finder.find(video, QUERIES) for video in (phone, videos / "street.mp4"))
    check_answers(turned, other, phone)
    assert turned.saliency == pytest.approx(upright.saliency, abs=0.002)


def stores_as_in_the_workflow(bundle: Bundle, video: Path, rows: list[dict[str, object]], folder: Path) -> list[Path]:
    """The stores that the verbs `manifest` and `encode` make of a video and its queries."""
    stores = [folder / f"{name}.h5" for name in bundle.streams]
    table = [probe(video.parent, video, ClipGrid())]
    for name, store in zip(bundle.streams, stores, strict=True):
        how = STREAMS[name], bundle.stages[name]
        if name == bundle.text_stream:
            encode_queries(*how, rows, bundle.weights_argument(name), store)
        else:
            encode_clips(*how, table, video.parent, bundle.weights_argument(name), store)
    return stores


@pytest.mark.parametrize("seconds", [30.0, 4.0])
def test_features_and_predictions_are_those_of_the_workflow(
    seconds: float, make_bundle: Callable[..., Path], cache: Path, videos: Path, tmp_path: Path
) -> None:
    """Byte for byte, also of a video that is predicted in windows (of 4 s)."""
    finder = MomentFinder.load(make_bundle(window_seconds=seconds), cache=cache, device="cpu", threads=1)
    video, bundle = videos / "street.mp4", finder.bundle
    answers = finder.find(video, QUERIES)
    rows = [{"qid": number, "query": query, "vid": "street"} for number, query in enumerate(QUERIES)]
    write_rows(tmp_path / "queries.jsonl", rows)
    stores = stores_as_in_the_workflow(bundle, video, rows, tmp_path)
    (kept,) = (folder for folder in cache.glob("videos/*/*") if folder.name == probe(videos, video, ClipGrid()).sha256)
    for name, store in zip(bundle.streams[:-1], stores, strict=False):
        (cached,) = (Store(file) for file in kept.glob(f"{name}-*.h5"))
        assert cached.rows(kept.name).tobytes() == Store(store).rows("street").tobytes()
    config = InferenceConfig(window_seconds=seconds, duplicate_iou=0.5)
    files = bundle.checkpoint, tmp_path / "queries.jsonl", stores, tmp_path / "predictions.jsonl"
    expected = predict_split(config, *files, gate_log=tmp_path / "gates.jsonl")
    for answer, wanted in zip(answers, expected, strict=True):
        windows = [[moment.start, moment.end, moment.score] for moment in answer.moments]
        assert windows == wanted.row["pred_relevant_windows"]
        assert answer.saliency.tolist() == wanted.row["pred_saliency_scores"]
        assert wanted.gates is not None and answer.to_dict()["layer_gates"] == wanted.gates["layer_gates"]
        assert answer.to_dict()["contribution"] == wanted.gates["contribution"]


def test_gates_have_one_value_per_video_clip_or_channel(
    make_bundle: Callable[..., Path], cache: Path, videos: Path
) -> None:
    shapes = {}
    for kind in ("global", "clipwise", "elementwise"):
        finder = MomentFinder.load(make_bundle(gating_type=kind), cache=cache, device="cpu", threads=1)
        (answer,) = finder.find(videos / "street.mp4", QUERIES[0])
        assert answer.gating_type == kind and len(answer.gates) == 2
        assert answer.gates[0].gamma is None and answer.gates[0].mha_contribution.shape == (CLIPS,)
        shapes[kind] = answer.gates[0].mha.shape
        moment = answer.moments[0]
        within = answer.heard & (answer.times[:, 0] < moment.end) & (answer.times[:, 1] > moment.start)
        rows = slice(None) if kind == "global" else within
        assert answer.mean_gate(moment) == pytest.approx(np.mean([layer.mha[rows].mean() for layer in answer.gates]))
    assert shapes == {"global": (1, 1), "clipwise": (CLIPS, 1), "elementwise": (CLIPS, 16)}


def test_film_has_a_scale_and_a_shift(make_bundle: Callable[..., Path], cache: Path, videos: Path) -> None:
    finder = MomentFinder.load(make_bundle(ffn_gate_film=True), cache=cache, device="cpu", threads=1)
    (answer,) = finder.find(videos / "street.mp4", QUERIES[0])
    assert answer.gates[0].gamma is not None and answer.gates[0].beta is not None
    assert set(answer.to_dict()["layer_gates"][0]) == {"gate_mha", "gate_ffn", "gate_gamma", "gate_beta"}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch knows the processor by oneDNN")
def test_a_slow_precision_of_the_bundle_is_named(
    bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    whole = open_bundle(bundle)
    short = EncodingConfig(precision="bfloat16")
    changed = replace(whole, stages={name: replace(stage, encoding=short) for name, stage in whole.stages.items()})
    for loaded in (whole, changed):
        MomentFinder.load(loaded, cache=cache, device="cpu", threads=1)
    slow = f"{bundle}: encoding.precision: bfloat16 is many times slower than float32 on this processor"
    assert [message for message in caplog.messages if "precision" in message] == [slow]


def test_a_network_without_gates_hears_nothing(make_bundle: Callable[..., Path], cache: Path, videos: Path) -> None:
    finder = MomentFinder.load(make_bundle(fusion="none", audio_streams=[]), cache=cache, device="cpu", threads=1)
    (answer,) = finder.find(videos / "street.mp4", QUERIES[0])
    assert answer.moments and not answer.gates and not answer.heard.any() and answer.mean_gate() is None
    assert answer.to_dict()["mean_gate"] is None


def test_without_a_query_there_are_highlights(
    finder: MomentFinder, videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (answer,) = finder.find(videos / "street.mp4")
    (asked,) = finder.find(videos / "street.mp4", NEUTRAL_QUERY)
    assert answer.neutral and not answer.moments and not asked.neutral and asked.moments
    assert answer.saliency.tolist() == asked.saliency.tolist()
    best = answer.best
    assert best[0].score == answer.saliency.max() and best[0].end - best[0].start == 2
    starts = sorted(moment.start for moment in best)
    assert np.diff(starts).min() >= 6  # three clips
    caplog.clear()
    answer.plot(tmp_path / "curve.svg")
    assert f"no query: '{NEUTRAL_QUERY}'" in (tmp_path / "curve.svg").read_text().replace("&apos;", "'")
    # Such as letters that the font lacks. matplotlib says at a lower level that it lists the fonts, once per machine.
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_network_that_learnt_saliency_alone_gives_clips(
    make_bundle: Callable[..., Path], cache: Path, videos: Path
) -> None:
    finder = MomentFinder.load(make_bundle(objective="saliency"), cache=cache, device="cpu", threads=1)
    (answer,) = finder.find(videos / "street.mp4", QUERIES[0])
    assert not answer.moments and answer.best and not answer.neutral


def test_the_demos_network_warns(make_bundle: Callable[..., Path], cache: Path, videos: Path, tmp_path: Path) -> None:
    finder = MomentFinder.load(make_bundle(demo=True), cache=cache, device="cpu", threads=1)
    (answer,) = finder.find(videos / "street.mp4", QUERIES[0])
    assert answer.warning == answer.to_dict()["warning"] == DEMO_WARNING
    answer.plot(tmp_path / "curve.svg")
    assert f"Warning: {DEMO_WARNING}" in (tmp_path / "curve.svg").read_text()  # in full


def test_answers_are_json_and_pictures(finder: MomentFinder, videos: Path, tmp_path: Path) -> None:
    (answer,) = finder.find(videos / "street.mp4", QUERIES[0])
    read = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert read["video"] == str(videos / "street.mp4") and len(read["saliency"]) == CLIPS
    assert read["moments"][0]["score"] == answer.moments[0].score
    assert read["clip_times"][1] == [2.0, 4.0] and read["audio_mask"] == answer.heard.tolist()
    answer.plot(tmp_path / "curve.svg")
    drawn = (tmp_path / "curve.svg").read_text()
    assert QUERIES[0] in drawn and "street.mp4" in drawn and "Warning" not in drawn


def test_a_second_query_needs_no_decoding(
    bundle: Path, street: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    finder = MomentFinder.load(bundle, cache=tmp_path / "cache", device="cpu", threads=1)
    (first,) = finder.find(street, QUERIES[0])
    assert "street.mp4: encoded, clip_visual, pann" in caplog.text and "are cached" not in caplog.text
    caplog.clear()
    monkeypatch.setattr("av.open", None)  # which decoding would call
    again = MomentFinder.load(bundle, cache=tmp_path / "cache", device="cpu", threads=1)
    moved = Path(shutil.move(street, tmp_path / "renamed.mov"))
    found = again.find(moved, QUERIES)
    assert caplog.messages.count("features of renamed.mov are cached") == 1 and "encoded" not in caplog.text
    assert found[0].saliency == pytest.approx(first.saliency, abs=1e-5) and len(found) == 2


def test_features_of_other_settings_or_weights_are_made_again(
    bundle: Path, make_bundle: Callable[..., Path], street: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cache = tmp_path / "cache"
    MomentFinder.load(bundle, cache=cache, device="cpu", threads=1).find(street, QUERIES[0])
    other = make_bundle(fusion="none", audio_streams=[])  # reads a stream that is there
    caplog.clear()
    MomentFinder.load(other, cache=cache, device="cpu", threads=1).find(street, QUERIES[0])
    assert "features of street.mp4 are cached" in caplog.messages
    caplog.clear()
    with street.open("ab") as content:  # other bytes, of which FFmpeg takes no notice
        content.write(b"\0" * 8)
    MomentFinder.load(bundle, cache=cache, device="cpu", threads=1).find(street, QUERIES[0])
    assert "street.mp4: encoded, clip_visual, pann" in caplog.messages


@pytest.mark.parametrize("damage", ["store", "table", "queries"])
def test_a_damaged_cache_is_made_again(
    damage: str, bundle: Path, street: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    finder = MomentFinder.load(bundle, cache=cache, device="cpu", threads=1)
    before = finder.find(street, QUERIES[0])
    pattern = {"store": "videos/*/*/pann-*.h5", "table": "videos/*/*/video-*.jsonl", "queries": "queries/*.h5"}[damage]
    (file,) = cache.glob(pattern)
    content = bytearray(file.read_bytes())
    for place in range(len(content) // 8, len(content), 16):
        content[place] ^= 1
    file.write_bytes(content)
    after = finder.find(street, QUERIES[0])
    assert "made again" in caplog.text and str(file) in caplog.text
    assert after[0].to_dict() == before[0].to_dict()


def test_a_video_that_ended_a_process_is_tried_again_later(
    bundle: Path, street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its features, which are incomplete, do not stay in the cache."""
    finder = MomentFinder.load(bundle, cache=tmp_path / "cache", device="cpu", threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(engine.InFlight, "_read", lambda self: (None, {digest_of(street): 2}))
        with pytest.raises(UserError, match=r"street\.mp4: clip_visual: ended the process that decoded it"):
            finder.find(street, QUERIES[0])
    assert finder.find(street, QUERIES[0])[0].moments


def test_long_videos_are_predicted_in_windows(finder: MomentFinder, tmp_path: Path) -> None:
    """A minute with windows of 30 s: moments are no longer than a window, and anywhere."""
    video = write_video(tmp_path / "long.mp4", 64.0, fps=1)
    (answer,) = finder.find(video, QUERIES[0])
    assert answer.saliency.shape == (32,) and answer.times[-1].tolist() == [62.0, 64.0]
    assert all(moment.end - moment.start <= 30 for moment in answer.moments)
    assert max(moment.end for moment in answer.moments) > 40


def test_queries_of_python_are_checked(finder: MomentFinder, videos: Path) -> None:
    for given, message in {
        b"a siren": "must be text",
        7: "must be text",
        (): "none given",
        ("a siren", " "): "must not be empty",
        ("a siren", b"a dog"): "must be text",
        ("a\0siren",): "character",
        ("a \udcff",): "not UTF-8",
    }.items():
        with pytest.raises(UserError, match=message):
            finder.find(videos / "street.mp4", given)  # type: ignore[arg-type]
    assert len(finder.find(videos / "street.mp4", ["a  dog", "a dog"])) == 1
