"""Streams joined for the network: float16 stays float16 until it is read, and then gives the same bits as float32."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from formats.store import Arrays, Provenance, write_store
from model.config import ModelConfig
from model.data.feature_set import FeatureSet
from model.data.joined import Joined, endpoints, normalise
from model.data.streams import Streams

LENGTHS = {"a": 5, "b": 2, "c": 3}
HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)


def fill(joined: Joined, dims: list[int]) -> Joined:
    """Random float16 values in both types, with a row of zeros, one of -0 and clips that are masked."""
    rng = np.random.default_rng(0)
    for name, length in LENGTHS.items():
        parts = [rng.standard_normal((length, dim)).astype(np.float16) for dim in dims]
        parts[0][0], parts[-1][1] = 0.0, -0.0
        mask = np.arange(length) != 4
        joined.fill(name, parts, mask)
    return joined


@pytest.mark.parametrize("types", [(HALF, HALF), (HALF, SINGLE), (SINGLE, HALF)])
def test_halves_give_the_same_bits(types: tuple[np.dtype[np.generic], ...]) -> None:
    dims = [37, 5]
    singles = fill(Joined(LENGTHS, [(SINGLE, dim) for dim in dims], with_endpoints=True), dims)
    halves = fill(Joined(LENGTHS, list(zip(types, dims, strict=True)), with_endpoints=True), dims)
    assert singles.whole is not None and halves.whole is None
    for name in LENGTHS:
        assert halves[name].dtype == np.float32 and halves[name].tobytes() == singles[name].tobytes()
        np.testing.assert_array_equal(halves[name][:, 42:], endpoints(LENGTHS[name]))
    assert not halves["a"][4, :42].any() and not halves["a"][0, :37].any()  # masked; zeros stay zeros
    for names in (["a"], ["c", "a", "b"], ["b", "b"]):
        for one, other in zip(singles.pad(names), halves.pad(names), strict=True):
            assert one.dtype == other.dtype and torch.equal(one, other)
    assert b"".join(rows.tobytes() for rows in halves.pieces()) == b"".join(map(np.ndarray.tobytes, singles.pieces()))


def test_parts_have_length_1_each() -> None:
    joined = fill(Joined(LENGTHS, [(HALF, 37), (SINGLE, 5)]), [37, 5])
    np.testing.assert_allclose(np.linalg.norm(joined["b"][:, :37], axis=1), [0, 1], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(joined["b"][:, 37:], axis=1), [1, 0], atol=1e-4)
    assert normalise(np.array([[3.0, 4.0]], np.float16)).dtype == np.float32


def test_a_split_takes_little_more_memory_than_its_stores(tmp_path: Path) -> None:
    """At most 1.3 times the files at the peak: float32 copies next to the stores took 3.6 (docs/guide/training.md).

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
    assert peak <= 1.3 * sum(file.stat().st_size for file in files)
