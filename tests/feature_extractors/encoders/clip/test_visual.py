"""Image features: of the right frames, in order, whatever the number and size of the pictures."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from cli import UserError
from feature_extractors.encoders.clip.model import ClipModel, build_clip
from feature_extractors.encoders.clip.settings import ClipEncoderConfig, ClipVisualStage, VisualConfig
from feature_extractors.encoders.clip.streams import CLIP_VISUAL
from feature_extractors.encoders.stream import EncodingConfig
from feature_extractors.media import examine, frames_at, probe
from formats.grid import ClipGrid
from formats.store import Store, read_problems
from formats.video_table import Video
from tests.feature_extractors.encoding import encode_clips
from tests.feature_extractors.made_media import steady, write_media


@pytest.fixture(scope="module")
def config(clip_definition: Path) -> ClipEncoderConfig:
    return ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition))


@pytest.fixture(scope="module")
def clip(config: ClipEncoderConfig, clip_weights: Path) -> ClipModel:
    return build_clip(config, clip_weights)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_media(folder / "a.mp4", steady(5.0))
    write_media(folder / "-b.mkv", steady(2.0), rotation=0, start=3.28)
    return folder


@pytest.fixture(scope="module")
def videos(folder: Path) -> list[Video]:
    return [probe(folder, folder / name, ClipGrid()) for name in ("a.mp4", "-b.mkv")]


def test_each_clip_has_the_frame_at_its_centre(
    tmp_path: Path, config: ClipEncoderConfig, clip: ClipModel, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stage = ClipVisualStage(clips=ClipGrid(), clip=config, visual=VisualConfig())
    encode_clips(CLIP_VISUAL, stage, videos, folder, clip_weights, tmp_path / "000.h5")
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
    encode_clips(CLIP_VISUAL, stage, videos[::-1], folder, clip_weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "000.h5").read_bytes()


def test_pre_projection_states_times_the_projection_are_the_projected_ones(
    tmp_path: Path, config: ClipEncoderConfig, clip: ClipModel, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stores = []
    for output in ("projected", "pre_projection"):
        stage = ClipVisualStage(clips=ClipGrid(), clip=config, visual=VisualConfig.from_dict({"output": output}))
        encode_clips(CLIP_VISUAL, stage, videos, folder, clip_weights, tmp_path / f"{output}.h5")
        stores.append(Store(tmp_path / f"{output}.h5"))
    projected, states = stores
    assert (projected.dim, states.dim) == (16, 32)  # the joint width and that of the visual tower
    projection = clip.network.visual.proj.detach().numpy()
    np.testing.assert_allclose(states.rows("a") @ projection, projected.rows("a"), atol=1e-5)
    assert projected.attributes["extractor"] != states.attributes["extractor"]


@pytest.mark.parametrize(
    ("tower", "vision"),
    [
        ("ModifiedResNet", {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}),
        ("TimmModel", {"image_size": 64, "timm_model_name": "resnet10t", "timm_proj": "linear", "timm_pool": ""}),
    ],
)
def test_towers_without_a_projection_of_their_own_are_refused(
    tmp_path: Path, folder: Path, videos: list[Video], tower: str, vision: dict[str, object]
) -> None:
    """What they would give is the joint embedding, under the other name."""
    definition = tmp_path / f"tiny-{tower.lower()}.json"
    text = {"context_length": 77, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 1}
    definition.write_text(json.dumps({"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}))
    config = ClipEncoderConfig(architecture=definition.stem, definition=str(definition))
    weights, out = tmp_path / "clip.pt", tmp_path / "000.h5"
    torch.save(build_clip(config, None).network.state_dict(), weights)
    stage = ClipVisualStage(clips=ClipGrid(), clip=config, visual=VisualConfig(output="pre_projection"))
    with pytest.raises(
        UserError, match=rf"^visual\.output: .* {definition.stem}: .* \({tower}\) .* set it to projected"
    ):
        encode_clips(CLIP_VISUAL, stage, videos, folder, weights, out)
    assert not out.exists()
    encode_clips(
        CLIP_VISUAL, ClipVisualStage(clips=ClipGrid(), clip=config, visual=VisualConfig()), videos, folder, weights, out
    )
    assert Store(out).dim == 32


def test_frames_spread_over_a_clip_are_averaged(
    tmp_path: Path, config: ClipEncoderConfig, clip: ClipModel, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stage = ClipVisualStage(clips=ClipGrid(), clip=config, visual=VisualConfig(frames_per_clip=3))
    encode_clips(CLIP_VISUAL, stage, videos, folder, clip_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    times = [clip_start + 2 * (place + 0.5) / 3 for clip_start in (0.0, 2.0) for place in range(3)]
    inputs = torch.stack([clip.preprocess(Image.fromarray(frame)) for frame in frames_at(folder / "a.mp4", times)])
    with torch.inference_mode():
        rows = clip.network.encode_image(inputs).numpy()
    np.testing.assert_allclose(store.rows("a"), rows.reshape(2, 3, 16).mean(axis=1), atol=1e-5)
    assert abs(rows[0] - rows[2]).max() > 0.01
    with pytest.raises(UserError, match="frames_per_clip: Input should be greater than or equal to 1, got 0"):
        VisualConfig.from_dict({"frames_per_clip": 0})


def test_a_broken_tail_is_masked_and_named(
    tmp_path: Path, config: ClipEncoderConfig, clip_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "videos").mkdir()
    whole = write_media(tmp_path / "whole.mkv", steady(8.0)).read_bytes()
    (tmp_path / "videos" / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "videos" / "none.mkv").write_bytes(b"")
    stage = ClipVisualStage(clips=ClipGrid(seconds=1.0), clip=config, visual=VisualConfig())
    table = [
        examine(tmp_path / "videos", name, tmp_path / "videos" / f"{name}.mkv", "", stage.clips)
        for name in ("cut", "none")
    ]
    encode_clips(CLIP_VISUAL, stage, table, tmp_path / "videos", clip_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    _, mask = store.on_grid("cut", 8)
    assert store.n_clips("cut") == 8 and 2 <= mask.sum() <= 5 and mask[: mask.sum()].all()
    assert store.n_clips("none") == 0 and store.rows("none").shape == (0, 16)
    stream, causes = read_problems(tmp_path / "000.h5")
    assert stream == "clip_visual" and list(causes) == ["cut", "none"]
    assert f"no picture in {8 - mask.sum()} of 8 clips" in causes["cut"] and "it is empty" in causes["none"]
    assert "cut.mkv: no picture" in caplog.text


def test_a_shard_of_broken_videos_has_a_store(tmp_path: Path, config: ClipEncoderConfig, clip_weights: Path) -> None:
    table = [examine(tmp_path, "gone", None, "no video 'gone'", ClipGrid())]
    stage = ClipVisualStage(clips=ClipGrid(), clip=config, visual=VisualConfig())
    encode_clips(CLIP_VISUAL, stage, table, tmp_path, clip_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    assert (store.ids, store.dim, store.n_clips("gone")) == (["gone"], 16, 0)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_near_and_stored_as_asked(
    tmp_path: Path, config: ClipEncoderConfig, clip_weights: Path, folder: Path, videos: list[Video], precision: str
) -> None:
    rows = []
    for encoding in ({}, {"precision": precision, "dtype": "float16"}):
        stage = ClipVisualStage(
            clips=ClipGrid(), clip=config, visual=VisualConfig(), encoding=EncodingConfig.from_dict(encoding)
        )
        encode_clips(CLIP_VISUAL, stage, videos, folder, clip_weights, tmp_path / "000.h5")
        rows.append(Store(tmp_path / "000.h5").rows("a"))
    full, half = rows
    cosines = (full * half).sum(axis=1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert (cosines > 0.999).all() and abs(full - half).max() > 1e-5  # bfloat16 keeps 8 bits
    with h5py.File(tmp_path / "000.h5") as file:
        assert file["features"].dtype == np.float16
    assert (full.dtype, half.dtype) == (np.float32, np.float16)  # as stored


def test_provenance_tells_the_weights_and_the_settings(
    tmp_path: Path, config: ClipEncoderConfig, clip_weights: Path, folder: Path, videos: list[Video]
) -> None:
    stage = ClipVisualStage(clips=ClipGrid(seconds=1.0), clip=config, visual=VisualConfig())
    table = [probe(folder, folder / "a.mp4", ClipGrid(seconds=1.0))]
    encode_clips(CLIP_VISUAL, stage, table, folder, clip_weights, tmp_path / "000.h5")
    with h5py.File(tmp_path / "000.h5") as file:
        assert ClipVisualStage.from_json(file.attrs["config"]) == stage
        assert file["columns/source_sha256"].asstr()[0] == table[0].sha256
        assert file["times"][:].tolist() == [[clip, clip + 1.0] for clip in range(5)]
