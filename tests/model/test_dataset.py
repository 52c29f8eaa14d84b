"""Features of a split as the network reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cli import UserError
from feature_extractors.store import Arrays, Provenance, write_store
from model.config import ModelConfig
from model.dataset import FeatureSet, Streams

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
    tokens = {"3": 6, "5": 2}

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


def test_a_missing_stream_or_video_is_named(streams: Streams) -> None:
    with pytest.raises(UserError, match="slowfast"):
        FeatureSet(ModelConfig(video_streams=("slowfast",)), ROWS, streams)
    with pytest.raises(UserError, match="'c'"):
        FeatureSet(ModelConfig(), [{"qid": 3, "vid": "c"}], streams)


def test_pictures_must_be_whole_and_labels_of_the_grid(streams: Streams, tmp_path: Path) -> None:
    text = tmp_path / "text.h5"
    some = write_clips(tmp_path / "some.h5", "clip_visual", 7, {"a": [0, 1, 2], "b": [0, 1, 2]})
    with pytest.raises(UserError, match="has 3 of the 4 clips of 'a'"):
        FeatureSet(ModelConfig(fusion="none"), ROWS, Streams([some, text]))
    every = {vid: list(range(count)) for vid, count in CLIPS.items()}
    fine = write_clips(tmp_path / "fine.h5", "clip_visual", 7, every, seconds=1.0)
    with pytest.raises(UserError, match="features of 1-s clips"):
        FeatureSet(ModelConfig(fusion="none"), ROWS, Streams([fine, text]))
