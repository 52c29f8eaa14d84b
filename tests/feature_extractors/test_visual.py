"""Image features: of the right frames, in order, whatever the number and size of the pictures."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from feature_extractors.clip_model import ClipModel, ClipModelConfig, build_clip
from feature_extractors.decode import frames_at, probe
from feature_extractors.manifest import ClipConfig, Video
from feature_extractors.store import Store
from feature_extractors.visual import BATCH, VisualConfig, VisualStage, encode_pictures, extract
from tests.feature_extractors.media import steady, write_media


@pytest.fixture(scope="module")
def config(clip_definition: Path) -> ClipModelConfig:
    return ClipModelConfig(architecture="tiny-clip", definition=str(clip_definition))


@pytest.fixture(scope="module")
def clip(config: ClipModelConfig, clip_weights: Path) -> ClipModel:
    return build_clip(config, clip_weights)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_media(folder / "a.mp4", steady(5.0))
    write_media(folder / "-b.mkv", steady(2.0), rotation=0, start=3.28)
    return folder


@pytest.fixture(scope="module")
def videos(folder: Path) -> list[Video]:
    return [probe(folder, folder / name, ClipConfig()) for name in ("a.mp4", "-b.mkv")]


def test_each_clip_has_the_frame_at_its_centre(
    tmp_path: Path, config: ClipModelConfig, clip: ClipModel, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stage = VisualStage(clips=ClipConfig(), clip=config, visual=VisualConfig())
    extract(stage, videos, folder, clip_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    assert (store.ids, store.dim) == (["-b", "a"], 16)
    for vid, name, centres in (("a", "a.mp4", [1.0, 3.0]), ("-b", "-b.mkv", [1.0])):
        features, mask = store.on_grid(vid, len(centres))
        assert mask.all()
        with torch.inference_mode():
            for row, picture in zip(features, frames_at(folder / name, centres), strict=True):
                alone = clip.network.encode_image(clip.preprocess(Image.fromarray(picture))[None])[0]
                np.testing.assert_allclose(row, alone, atol=1e-5)
    assert abs(np.diff(store.rows("a"), axis=0)).max() > 0.01  # frames 25 and 75 do not look the same to it
    extract(stage, videos[::-1], folder, clip_weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "000.h5").read_bytes()


def test_pre_projection_states_times_the_projection_are_the_projected_ones(
    tmp_path: Path, config: ClipModelConfig, clip: ClipModel, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stores = []
    for output in ("projected", "pre_projection"):
        stage = VisualStage(clips=ClipConfig(), clip=config, visual=VisualConfig.from_dict({"output": output}))
        extract(stage, videos, folder, clip_weights, tmp_path / f"{output}.h5")
        stores.append(Store(tmp_path / f"{output}.h5"))
    projected, states = stores
    assert (projected.dim, states.dim) == (16, 32)  # the joint width and that of the visual tower
    projection = clip.network.visual.proj.detach().numpy()
    np.testing.assert_allclose(states.rows("a") @ projection, projected.rows("a"), atol=1e-5)
    assert projected.attributes["extractor"] != states.attributes["extractor"]


def test_an_hour_of_video_is_never_in_memory(clip: ClipModel) -> None:
    """Pictures of any size, encoded in batches as they come; the rows are those of each picture alone."""
    rng = np.random.default_rng(0)
    kept = rng.integers(0, 256, size=(2 * BATCH + 3, 20, 30, 3), dtype=np.uint8)
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def coming() -> Iterator[np.ndarray]:
        nonlocal most
        for picture in kept:
            copy = picture.copy()
            alive.append(weakref.ref(copy))
            most = max(most, sum(one() is not None for one in alive))
            yield copy

    features = encode_pictures(clip, coming())
    assert features.shape == (2 * BATCH + 3, 16) and features.dtype == np.float32
    assert most <= 3  # decoded pictures; what waits for its batch is as small as the network's input
    for place in (0, BATCH - 1, BATCH, 2 * BATCH + 2):
        np.testing.assert_allclose(features[place], encode_pictures(clip, [kept[place]])[0], atol=1e-5)


def test_provenance_tells_the_weights_and_the_settings(
    tmp_path: Path, config: ClipModelConfig, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stage = VisualStage(clips=ClipConfig(seconds=1.0), clip=config, visual=VisualConfig())
    table = [probe(folder, folder / "a.mp4", ClipConfig(seconds=1.0))]
    extract(stage, table, folder, clip_weights, tmp_path / "000.h5")
    with h5py.File(tmp_path / "000.h5") as file:
        assert VisualStage.from_json(file.attrs["config"]) == stage
        assert file["columns/source_sha256"].asstr()[0] == table[0].sha256
        assert file["times"][:].tolist() == [[clip, clip + 1.0] for clip in range(5)]
