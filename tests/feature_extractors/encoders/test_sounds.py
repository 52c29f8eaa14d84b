"""From media files to audio stores: the right samples in the right rows, and a mask where there is no sound."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from cli import UserError
from feature_extractors.encoders.audio.clap import load_clap
from feature_extractors.encoders.audio.pann import load_pann
from feature_extractors.encoders.audio.settings import ClapConfig, ClapStage, PannConfig, PannStage
from feature_extractors.encoders.audio.streams import CLAP, PANN
from feature_extractors.encoders.pictures import PictureEncoder
from feature_extractors.encoders.sounds import BATCH_SECONDS
from feature_extractors.encoders.stream import ClipStage, EncodingConfig
from feature_extractors.media import probe
from formats.grid import ClipGrid
from formats.store import Store, read_problems
from formats.video_table import Video
from tests.feature_extractors.encoding import CPU, encode_clips
from tests.feature_extractors.made_media import steady, write_media

NETWORK = PannConfig(base_channels=2, embedding_dim=16)


def tones(seconds: float, rate: int) -> np.ndarray:
    """Another tone every half second, over noise, in steps of 16 bits, so that PCM keeps it exactly."""
    rng = np.random.default_rng(3)
    pitches = rng.uniform(100, 8000, size=40)
    time = np.arange(round(seconds * rate)) / rate
    samples = 9000 * np.sin(2 * np.pi * pitches[(time / 0.5).astype(int)] * time) + rng.integers(-500, 500, time.size)
    return (np.rint(samples)[None] / 32768).astype(np.float32)


def assert_rows(rows: np.ndarray, expected: torch.Tensor) -> None:
    """The rows are as expected, and would not be in another order."""
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)
    assert np.median(abs(np.diff(rows, axis=0)).max(axis=1)) > 0.01


def table(folder: Path, clips: ClipGrid) -> list[Video]:
    return [probe(folder, file, clips) for file in sorted(folder.iterdir())]


def write_videos(folder: Path, rate: int) -> None:
    """Six seconds each, three clips: with sound all the way, for three seconds, from half a second on, and without."""
    folder.mkdir()
    write_media(folder / "full.mkv", steady(6.0), sound=tones(6.0, rate), rate=rate)
    write_media(folder / "half.mkv", steady(6.0), sound=tones(3.0, rate), rate=rate)
    write_media(folder / "late.mkv", steady(6.0), sound=tones(5.5, rate), rate=rate, sound_start=0.5)
    write_media(folder / "none.mkv", steady(6.0))


def test_sound_alone_has_rows_of_sound_and_none_of_pictures(tmp_path: Path, pann_weights: Path) -> None:
    """A WAV file next to a video: its sound is encoded, and the stream of pictures says why it has none of it."""
    rate = 32_000
    (tmp_path / "videos").mkdir()
    write_media(tmp_path / "videos" / "film.mkv", steady(6.0), sound=tones(6.0, rate), rate=rate)
    with av.open(str(tmp_path / "videos" / "talk.wav"), "w") as container:
        track = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((tones(6.0, rate) * 32768).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux([*track.encode(frame), *track.encode(None)])
    stage = PannStage(clips=ClipGrid(), pann=NETWORK)
    videos = table(tmp_path / "videos", stage.clips)
    encode_clips(PANN, stage, videos, tmp_path / "videos", pann_weights, tmp_path / "pann.h5")
    heard = Store(tmp_path / "pann.h5")
    np.testing.assert_array_equal(heard.rows("talk"), heard.rows("film"))  # the same samples
    assert len(heard.rows("talk")) == 3
    encoder = PictureEncoder(
        extractor="made", preprocess=lambda picture: torch.zeros(1), forward=lambda inputs: torch.ones(len(inputs), 2)
    )
    stage_of_clips = ClipStage(clips=ClipGrid(), version=1)
    encoder.write("seen", stage_of_clips, videos, tmp_path / "videos", tmp_path / "seen.h5", CPU)
    seen = Store(tmp_path / "seen.h5")
    assert (len(seen.rows("film")), len(seen.rows("talk")), seen.n_clips("talk")) == (3, 0, 3)
    assert read_problems(tmp_path / "seen.h5")[1] == {"talk": "no video stream"}


@torch.no_grad()
def test_pann_rows_are_of_their_clips(tmp_path: Path, pann_weights: Path) -> None:
    rate = 32_000  # Cnn14's own, so that nothing is resampled
    write_videos(tmp_path / "videos", rate)
    stage = PannStage(clips=ClipGrid(), pann=NETWORK)
    videos = table(tmp_path / "videos", stage.clips)
    encode_clips(PANN, stage, videos, tmp_path / "videos", pann_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    masks = {vid: store.on_grid(vid, 3)[1].tolist() for vid in store.ids}
    assert masks == {
        "full": [True, True, True],
        "half": [True, True, False],  # half of the second clip is enough
        "late": [True, True, True],
        "none": [False, False, False],
    }
    network = load_pann(NETWORK, pann_weights)
    sounds = {
        "full": tones(6.0, rate)[0],
        "half": np.pad(tones(3.0, rate)[0], (0, rate)),
        "late": np.pad(tones(5.5, rate)[0], (rate // 2, 0)),
    }
    for vid, samples in sounds.items():
        expected = network(torch.from_numpy(samples).reshape(-1, 2 * rate))
        assert_rows(store.rows(vid), expected)

    encode_clips(PANN, stage, videos[::-1], tmp_path / "videos", pann_weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "000.h5").read_bytes()


@torch.no_grad()
def test_clap_rows_are_of_windows_around_their_clips(tmp_path: Path, clap_weights: Path) -> None:
    rate = 48_000  # CLAP's own
    write_videos(tmp_path / "videos", rate)
    stage = ClapStage(clips=ClipGrid(), clap=ClapConfig())
    videos = table(tmp_path / "videos", stage.clips)
    encode_clips(CLAP, stage, videos, tmp_path / "videos", clap_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    assert store.on_grid("half", 3)[1].tolist() == [True, True, False]
    assert store.dim == 16 and len(store.rows("none")) == 0
    # The window of 10 s around the centre of clip i starts at 2 i + 1 - 5 s.
    padded = np.pad(tones(6.0, rate)[0], (4 * rate, 4 * rate))
    windows = np.stack([padded[2 * clip * rate :][: 10 * rate] for clip in range(3)])
    assert_rows(store.rows("full"), load_clap(clap_weights)(torch.from_numpy(windows)))

    encode_clips(CLAP, stage, videos, tmp_path / "videos", clap_weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "000.h5").read_bytes()


@torch.no_grad()
def test_more_clips_than_a_batch_holds_stay_in_order(
    tmp_path: Path, pann_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BATCH_SECONDS, "cpu", 8.0)  # 16 windows of half a second
    (tmp_path / "videos").mkdir()
    write_media(tmp_path / "videos/v.mkv", steady(20.5, fps=2), sound=tones(20.0, 32_000), rate=32_000)
    stage = PannStage(clips=ClipGrid(seconds=0.5), pann=NETWORK)
    videos = table(tmp_path / "videos", stage.clips)
    encode_clips(PANN, stage, videos, tmp_path / "videos", pann_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    assert store.on_grid("v", 40)[1].all()
    expected = load_pann(NETWORK, pann_weights)(torch.from_numpy(tones(20.0, 32_000)).reshape(40, 16_000))
    assert_rows(store.rows("v"), expected)


def test_a_shard_without_any_sound_has_a_store_of_the_right_width(tmp_path: Path, pann_weights: Path) -> None:
    (tmp_path / "videos").mkdir()
    write_media(tmp_path / "videos/v.mp4", steady(4.0))
    stage = PannStage(clips=ClipGrid(), pann=NETWORK)
    videos = table(tmp_path / "videos", stage.clips)
    encode_clips(PANN, stage, videos, tmp_path / "videos", pann_weights, tmp_path / "000.h5")
    features, mask = Store(tmp_path / "000.h5").on_grid("v", 2)
    assert features.shape == (2, 16) and not mask.any()


def test_settings_that_the_networks_cannot_take(tmp_path: Path, pann_weights: Path, clap_weights: Path) -> None:
    short = PannStage(clips=ClipGrid(seconds=0.3), pann=NETWORK)
    with pytest.raises(UserError, match=r"clips\.seconds: Cnn14 needs windows of at least 0\.31 s"):
        encode_clips(PANN, short, [], tmp_path, pann_weights, tmp_path / "000.h5")
    narrow = ClapStage(clips=ClipGrid(), clap=ClapConfig(window_seconds=7.0))
    with pytest.raises(UserError, match=r"clap\.window_seconds: .* takes 10 s"):
        encode_clips(CLAP, narrow, [], tmp_path, clap_weights, tmp_path / "000.h5")


def test_levels_are_stored_with_the_rows(tmp_path: Path, pann_weights: Path, clap_weights: Path) -> None:
    (tmp_path / "videos").mkdir()
    loud = np.repeat([[0.5, 0.0, 0.005]], 64_000, axis=1).astype(np.float32)
    loud[0, ::2] *= -1
    write_media(tmp_path / "videos/v.mkv", steady(8.0), sound=loud, rate=32_000)
    stage = PannStage(clips=ClipGrid(), pann=NETWORK)
    videos = table(tmp_path / "videos", stage.clips)
    encode_clips(PANN, stage, videos, tmp_path / "videos", pann_weights, tmp_path / "pann.h5")
    levels = Store(tmp_path / "pann.h5").level_db("v", 4)
    np.testing.assert_allclose(levels[:3], [-6.02, -120.0, -46.0], atol=0.05)  # 20 log10; the last in steps of 16 bits
    assert np.isnan(levels[3])  # nothing to hear
    # CLAP hears 10 s around each clip, but the level is the clip's own.
    clap = ClapStage(clips=ClipGrid(), clap=ClapConfig())
    encode_clips(CLAP, clap, videos, tmp_path / "videos", clap_weights, tmp_path / "clap.h5")
    assert Store(tmp_path / "clap.h5").level_db("v", 4)[1] < -40


@pytest.mark.parametrize("encoder", ["pann", "clap"])
def test_half_precision_leaves_the_front_end_whole(
    tmp_path: Path, encoder: str, pann_weights: Path, clap_weights: Path
) -> None:
    """In half precision the power of loud sound would be infinite: 65,504 is the largest float16."""
    (tmp_path / "videos").mkdir()
    write_media(tmp_path / "videos/v.mkv", steady(6.0), sound=3 * tones(6.0, 32_000), rate=32_000)
    rows = []
    for precision in ("float32", "bfloat16", "float16"):
        encoding = EncodingConfig.from_dict({"precision": precision})
        out = tmp_path / f"{precision}.h5"
        if encoder == "pann":
            pann = PannStage(clips=ClipGrid(), pann=NETWORK, encoding=encoding)
            encode_clips(PANN, pann, table(tmp_path / "videos", pann.clips), tmp_path / "videos", pann_weights, out)
        else:
            clap = ClapStage(clips=ClipGrid(), clap=ClapConfig(), encoding=encoding)
            encode_clips(CLAP, clap, table(tmp_path / "videos", clap.clips), tmp_path / "videos", clap_weights, out)
        rows.append(Store(out).rows("v"))
    for half in rows[1:]:
        cosines = (rows[0] * half).sum(axis=1) / np.linalg.norm(rows[0], axis=1) / np.linalg.norm(half, axis=1)
        assert (cosines > 0.99).all()
        assert abs(half - rows[0]).max() > 1e-6
