"""Streams joined for the network: rows stay as they are until they are read, and then give the same bits."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from formats.store import Arrays, Provenance, write_store
from model.config import ModelConfig
from model.data.feature_set import FeatureSet
from model.data.joined import Joined, endpoints
from model.data.streams import Streams

LENGTHS = {"a": 5, "b": 2, "c": 3}
HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)
DIMS = [37, 5]


def draw(types: tuple[np.dtype[Any], ...]) -> dict[str, list[NDArray[Any]]]:
    """Random float16 values in these types, with a row of zeros and one of -0."""
    rng = np.random.default_rng(0)
    found = {}
    for name, length in LENGTHS.items():
        halves = [rng.standard_normal((length, dim)).astype(np.float16) for dim in DIMS]
        halves[0][0], halves[-1][1] = 0.0, -0.0
        found[name] = [rows.astype(dtype) for rows, dtype in zip(halves, types, strict=True)]
    return found


def join(types: tuple[np.dtype[Any], ...]) -> Joined:
    """All ids, with endpoints; the fifth clip is masked."""
    joined = Joined(sum(DIMS) + 2, with_endpoints=True)
    for name, parts in draw(types).items():
        joined.add(name, parts, np.arange(LENGTHS[name]) != 4)
    return joined


def expected(name: str) -> NDArray[np.float32]:
    """The rows of one id, joined by numpy alone."""
    singles = [rows.astype(np.float32) for rows in draw((HALF, HALF))[name]]
    parts = [rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-5) for rows in singles]
    rows = np.concatenate(parts, axis=1)
    rows[4:] = 0
    return np.concatenate([rows, endpoints(len(rows))], axis=1)


@pytest.mark.parametrize("types", [(HALF, HALF), (HALF, SINGLE), (SINGLE, HALF), (SINGLE, SINGLE)])
def test_every_type_gives_the_same_bits(types: tuple[np.dtype[Any], ...]) -> None:
    joined = join(types)
    for name in LENGTHS:
        assert joined[name].dtype == np.float32 and joined[name].tobytes() == expected(name).tobytes()
        assert joined.length(name) == LENGTHS[name]
    assert not joined["a"][4, :42].any() and not joined["a"][0, :37].any()  # masked; zeros stay zeros
    assert b"".join(rows.tobytes() for rows in joined) == b"".join(expected(name).tobytes() for name in LENGTHS)


@pytest.mark.parametrize("names", [["a"], ["c", "a", "b"], ["b", "b"]])
def test_rows_are_padded_by_zeros(names: list[str]) -> None:
    rows, mask = join((HALF, SINGLE)).pad(names)
    assert rows.dtype == torch.float32 and rows.shape[:2] == mask.shape == (len(names), max(map(LENGTHS.get, names)))  # type: ignore[type-var]
    for name, found, shown in zip(names, rows.numpy(), mask.numpy(), strict=True):
        assert found[shown].tobytes() == expected(name).tobytes()
        assert shown.sum() == LENGTHS[name] and not found[~shown].any()


def test_parts_have_length_1_each() -> None:
    rows = join((HALF, SINGLE))["b"]
    np.testing.assert_allclose(np.linalg.norm(rows[:, :37], axis=1), [0, 1], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 37:42], axis=1), [1, 0], atol=1e-4)


def test_rows_of_length_1_are_taken_as_they_are() -> None:
    joined, rows = Joined(2), np.array([[0.25, 4.0]], np.float32)
    joined.add("a", [rows], unit=True)
    assert joined["a"].tolist() == [[0.25, 4.0]]
    joined.add("b", [np.array([[3.0, 4.0]], np.float32)])
    np.testing.assert_allclose(joined["b"], [[0.6, 0.8]], atol=1e-5)


def test_a_split_takes_hardly_any_memory_of_its_own(tmp_path: Path) -> None:
    """At most a fifth of the files at the peak, because they are mapped; copies in float32 would be twice the files.

    200 videos of 75 clips with SlowFast's and CLIP's proportions; one video at a time is read.
    """
    names = [f"v{index}" for index in range(200)]
    rng = np.random.default_rng(0)

    def clips(dim: int) -> Arrays:
        starts = 2.0 * np.arange(75)
        rows = rng.standard_normal((75, dim), dtype=np.float32).astype(np.float16)
        return {"features": rows, "times": np.stack([starts, starts + 2], axis=1)}

    def words(_: str) -> Arrays:
        return {"tokens": rng.standard_normal((8, 16), dtype=np.float32)}

    files = [tmp_path / f"{stream}.h5" for stream in ("slowfast", "clip_visual", "clip_text")]
    counts = {"n_clips": np.full(len(names), 75)}
    write_store(files[0], Provenance("slowfast", "t", "0", "{}", 2.0), names, lambda _: clips(230), counts)
    write_store(files[1], Provenance("clip_visual", "t", "0", "{}", 2.0), names, lambda _: clips(51), counts)
    write_store(files[2], Provenance("clip_text", "t", "0", "{}", 0.0), map(str, range(200)), words, {})
    config = ModelConfig(fusion="none", video_streams=("slowfast", "clip_visual"))
    rows = [{"qid": index, "vid": name} for index, name in enumerate(names)]
    tracemalloc.start()
    features = FeatureSet(config, rows, Streams(files))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(features) == 200
    assert peak <= 0.2 * sum(file.stat().st_size for file in files)
    assert features.batch([3, 1]).video.shape == (2, 75, 230 + 51 + 2)
