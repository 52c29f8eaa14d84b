"""Features of a split as the network reads them."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from cli import UserError
from formats.store import Arrays, Provenance, write_store
from model.audio_control import AudioControl, AudioKind
from model.compat import Compat
from model.config import ModelConfig
from model.data.feature_set import FeatureSet
from model.data.streams import Streams

ROWS = [{"qid": 3, "vid": "a"}, {"qid": 5, "vid": "b"}]
CLIPS = {"a": 4, "b": 3}


def write_clips(path: Path, stream: str, dim: int, heard: dict[str, list[int]], seconds: float = 2.0) -> Path:
    """A store with rows for some clips of the videos a and b."""

    def encode(vid: str) -> Arrays:
        starts = np.array(heard[vid], dtype=np.float64) * seconds
        rows = np.random.default_rng(len(vid) + dim).standard_normal((len(starts), dim)).astype(np.float32)
        return {"features": rows, "times": np.stack([starts, starts + seconds], axis=1).reshape(-1, 2)}

    columns = {"n_clips": np.array([CLIPS[vid] for vid in ("a", "b")])}
    write_store(path, Provenance(stream, "test", "0", "{}", seconds), ["a", "b"], encode, columns)
    return path


@pytest.fixture
def streams(tmp_path: Path) -> Streams:
    everything = {vid: list(range(count)) for vid, count in CLIPS.items()}
    tokens = {"3": 6, "5": 2, "6": 0}

    def encode(qid: str) -> Arrays:
        return {"tokens": np.full((tokens[qid], 5), 2.0, np.float32), "pooled": np.zeros((1, 5), np.float32)}

    text = tmp_path / "text.h5"
    write_store(text, Provenance("clip_text", "test", "0", "{}", 0.0), list(tokens), encode, {})
    return Streams(
        [
            write_clips(tmp_path / "v.h5", "clip_visual", 7, everything),
            write_clips(tmp_path / "p.h5", "pann", 4, {"a": [0, 1], "b": []}),
            write_clips(tmp_path / "c.h5", "clap", 3, {"a": [0, 1, 2], "b": []}),
            text,
        ]
    )


def test_streams_of_other_grids_are_named(
    tmp_path: Path, streams: Streams, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sound was encoded when video b was a longer film: its first clips would pass for those of the new one."""
    caplog.clear()  # the fixture wrote stores, which is logged
    caplog.set_level(logging.WARNING)
    FeatureSet(ModelConfig(audio_streams=("clap",)), ROWS, streams)
    assert not caplog.messages
    monkeypatch.setitem(CLIPS, "b", 9)
    sound = write_clips(tmp_path / "other.h5", "pann", 4, {"a": [0], "b": [0, 8]})
    stores = [tmp_path / "v.h5", tmp_path / "text.h5", sound]
    FeatureSet(ModelConfig(audio_streams=("pann",)), ROWS, Streams(stores))
    [line] = caplog.messages
    assert line.startswith(
        "stream pann: 1 videos have other numbers of clips than in clip_visual (such as 'b': 9 and 3)"
    )


def test_a_batch(streams: Streams) -> None:
    config = ModelConfig(audio_streams=("pann", "clap"), max_tokens=4)
    features = FeatureSet(config, ROWS, streams)
    batch = features.batch([0, 1])
    assert batch.video.shape == (2, 4, 7 + 2)  # endpoint features
    assert batch.video_mask.tolist() == [[True] * 4, [True, True, True, False]]
    np.testing.assert_allclose(batch.video[1, :3, 7:], [[0, 1 / 3], [1 / 3, 2 / 3], [2 / 3, 1]], atol=1e-6)
    # Each stream's rows have length 1, each on its own.
    np.testing.assert_allclose(batch.video[0, :, :7].norm(dim=-1), np.ones(4), atol=1e-4)
    assert batch.audio is not None and batch.audio_mask is not None
    np.testing.assert_allclose(batch.audio[0, :2, :4].norm(dim=-1), np.ones(2), atol=1e-4)
    np.testing.assert_allclose(batch.audio[0, :2, 4:].norm(dim=-1), np.ones(2), atol=1e-4)
    # A clip is heard where every audio stream has it.
    assert batch.audio_mask.tolist() == [[True, True, False, False], [False] * 4]
    assert batch.text_mask.sum(dim=1).tolist() == [4, 2]  # max_tokens
    assert (features.dims.video, features.dims.audio, features.dims.text) == (9, 7, 5)


def test_without_fusion_no_audio_is_read(streams: Streams) -> None:
    features = FeatureSet(ModelConfig(fusion="none", audio_streams=("not there",)), ROWS, streams)
    assert features.batch([0]).audio is None
    assert features.dims.audio == 0


def test_a_missing_stream_is_named(streams: Streams) -> None:
    with pytest.raises(UserError, match="slowfast"):
        FeatureSet(ModelConfig(video_streams=("slowfast",)), ROWS, streams)
    with pytest.raises(UserError, match="none of 1 queries"):
        FeatureSet(ModelConfig(), [{"qid": 3, "vid": "c"}], streams)


def test_queries_without_features_are_left_out_and_named(streams: Streams, caplog: pytest.LogCaptureFixture) -> None:
    # An unknown video, an unknown query, and one whose released text was missing.
    rows = [*ROWS, {"qid": 4, "vid": "gone"}, {"qid": 77, "vid": "a"}, {"qid": 6, "vid": "a"}]
    features = FeatureSet(ModelConfig(fusion="none"), rows, streams)
    assert features.rows == ROWS
    assert "3 of 5 queries left out" in caplog.text and "gone" in caplog.text


def test_clips_without_a_picture_are_masked(streams: Streams, tmp_path: Path) -> None:
    """A video whose end cannot be decoded keeps its length and its place on the grid."""
    text = tmp_path / "text.h5"
    some = write_clips(tmp_path / "some.h5", "clip_visual", 7, {"a": [0, 1, 2], "b": []})
    features = FeatureSet(ModelConfig(fusion="none"), ROWS, Streams([some, text]))
    assert [row["vid"] for row in features.rows] == ["a"]
    batch = features.batch([0])
    assert batch.video_mask.tolist() == [[True] * 4]
    assert batch.seen_mask.tolist() == [[True, True, True, False]]
    assert not batch.video[0, 3, :7].any()


def test_labels_must_be_of_the_grid(streams: Streams, tmp_path: Path) -> None:
    every = {vid: list(range(count)) for vid, count in CLIPS.items()}
    fine = write_clips(tmp_path / "fine.h5", "clip_visual", 7, every, seconds=1.0)
    with pytest.raises(UserError, match="the features have 1 s clips"):
        FeatureSet(ModelConfig(fusion="none"), ROWS, Streams([fine, tmp_path / "text.h5"]))


def test_the_original_endpoint_columns_of_audio(streams: Streams) -> None:
    config = ModelConfig(audio_streams=("pann",), compat=Compat(double_endpoints=True))
    features = FeatureSet(config, ROWS, streams)
    batch = features.batch([0])
    assert features.dims.audio == 4 + 2
    assert batch.audio is not None
    assert batch.audio[0, :, 4:].tolist() == batch.video[0, :, 7:].tolist()


def test_rows_of_zeros_are_no_sound(tmp_path: Path, streams: Streams) -> None:
    """Many released files have zeros where a video has no sound."""

    def encode(vid: str) -> Arrays:
        rows = np.ones((CLIPS[vid], 4), np.float32)
        rows[1] = 0
        starts = 2.0 * np.arange(CLIPS[vid])
        return {"features": rows, "times": np.stack([starts, starts + 2], axis=1)}

    columns = {"n_clips": np.array(list(CLIPS.values()))}
    write_store(tmp_path / "z.h5", Provenance("zeros", "test", "0", "{}", 2.0), list(CLIPS), encode, columns)
    files = [tmp_path / name for name in ("z.h5", "v.h5", "text.h5")]
    batch = FeatureSet(ModelConfig(audio_streams=("zeros",)), ROWS, Streams(files)).batch([0])
    assert batch.audio_mask is not None
    assert batch.audio_mask.tolist() == [[True, False, True, True]]


def controlled(streams: Streams, kind: AudioKind, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    features = FeatureSet(ModelConfig(audio_streams=("pann",)), ROWS, streams, AudioControl(kind), seed)
    batch = features.batch([0, 1])
    assert batch.audio is not None and batch.audio_mask is not None
    return batch.audio, batch.audio_mask


def test_controls(streams: Streams) -> None:
    audio, heard = controlled(streams, "original")
    zeroed, mask = controlled(streams, "zeroed")
    assert not zeroed.any() and torch.equal(mask, heard)
    noise, mask = controlled(streams, "noise")
    assert torch.equal(mask, heard)
    torch.testing.assert_close(noise.norm(dim=-1), audio.norm(dim=-1))
    assert not torch.allclose(noise[0, 0], audio[0, 0])
    assert torch.equal(noise, controlled(streams, "noise")[0])
    assert not torch.equal(noise, controlled(streams, "noise", seed=1)[0])
    shuffled, mask = controlled(streams, "shuffled")
    # a has 4 clips, the first two of them heard; b has 3, none heard.
    assert torch.equal(shuffled[1, :3], audio[0, :3]) and mask[1].tolist() == [True, True, False, False]
    assert not mask[0].any()


def test_novelty(streams: Streams) -> None:
    """Of two heard clips of unit length both are as far from their mean: 1 - cosine of half the angle between them."""
    features = FeatureSet(ModelConfig(audio_streams=("pann",)), ROWS, streams)
    audio = features.batch([0]).audio
    assert audio is not None
    expected = 1 - np.cos(np.arccos(float(audio[0, 0] @ audio[0, 1])) / 2)
    assert features.novelty(0)[:2] == pytest.approx([expected] * 2, abs=1e-4)
    assert features.novelty(0)[2:] == [None, None]
    assert features.novelty(1) == [None] * 3


def test_a_store_in_the_folder_of_another_stream_is_refused(tmp_path: Path) -> None:
    """The videos of the store that belongs there would pass for ones without sound."""
    heard = {"a": [0], "b": [1]}
    (tmp_path / "pann").mkdir()
    given = [
        write_clips(tmp_path / "pann/000.h5", "pann", 4, heard),
        write_clips(tmp_path / "001.h5", "clip_visual", 7, heard),
    ]
    Streams(given)
    shutil.copy(given[1], tmp_path / "pann/001.h5")
    with pytest.raises(UserError, match=r"pann/001\.h5: holds stream clip_visual, but lies among those of its folder"):
        Streams([*given, tmp_path / "pann/001.h5"])
    Streams([given[1], tmp_path / "pann/001.h5"])  # a folder's name alone says nothing
