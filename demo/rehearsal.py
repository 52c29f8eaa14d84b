"""Stand-in media for a labelled dataset: true ids, lengths and frame rates, with pictures and sound made from labels.

A dataset that cannot be downloaded can still be rehearsed at its true size. Each 2-s clip encodes its mean label: the
picture goes from dark blue to bright orange, a bar at the bottom grows from left to right, and a tone rises by three
octaves and gets louder. Any network that learns at all learns this; scores on it say nothing about the dataset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.outputs import remove_leftovers, replacing
from demo.crew import encode_all
from demo.media import CODEC, H264, VIDEO_CLOCK
from formats.grid import CLIP_SECONDS
from formats.labels import HIGHEST_RATING, LOWEST_RATING
from formats.rows import Row, read_rows

WIDTH, HEIGHT = 64, 48
RATE = 16_000
"""Hz of the sound."""
CLIP = int(CLIP_SECONDS)
"""Length of a clip in whole seconds."""
_LOWEST, _HIGHEST = float(LOWEST_RATING), float(HIGHEST_RATING)
_DULL, _BEST = np.array([20.0, 30.0, 90.0]), np.array([250.0, 170.0, 40.0])  # RGB
_TONE, _OCTAVES = 200.0, 3.0  # Hz of the lowest tone, and how far it rises
_GRAIN = 12.0
"""Standard deviation of the still texture that distinguishes videos, out of 255."""


@dataclass(frozen=True)
class StandIn:
    """A video to make.

    Attributes:
        seconds: length.
        fps: frames per second.
        levels: level of every labelled clip, 0 to 1. Clips after the last one repeat it.
    """

    vid: str
    seconds: float
    fps: float
    levels: tuple[float, ...]


def plan(annotations: Sequence[Path]) -> list[StandIn]:
    """Plan the videos of annotation files, which have `duration_s`, `fps` and a `label` from 1 to 5 in each row.

    Raises:
        UserError: a row does not have all of them, or a video occurs twice.
    """
    videos: dict[str, StandIn] = {}
    for path in annotations:
        for number, row in enumerate(read_rows(path), start=1):
            video = _stand_in(row, f"{path}: row {number}")
            if video.vid in videos:
                raise UserError(f"{path}: row {number}: video {video.vid!r} occurs twice")
            videos[video.vid] = video
    return list(videos.values())


def _stand_in(row: Row, where: str) -> StandIn:
    try:
        labels = np.asarray(row["label"], dtype=np.float64)
        video = StandIn(str(row["vid"]), float(row["duration_s"]), float(row["fps"]), ())
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where}: needs vid, duration_s, fps and label, as `convert` writes them") from None
    if labels.ndim != 2 or not labels.size or not np.isfinite(labels).all():
        raise UserError(f"{where}: label must be finite numbers, one row per clip")
    if not (0 < video.seconds < 86_400 and 1 <= video.fps <= 120):
        raise UserError(f"{where}: cannot make {video.seconds:g} s at {video.fps:g} frames per second")
    levels = ((labels.mean(axis=1) - _LOWEST) / (_HIGHEST - _LOWEST)).clip(0, 1)
    return StandIn(video.vid, video.seconds, video.fps, tuple(levels.tolist()))


def write_stand_ins(videos: Sequence[StandIn], folder: Path, seed: int, threads: int = 1) -> None:
    """Encode `videos` into `folder`, `threads` of them at a time. Existing files are complete and are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [video for video in videos if not (folder / f"{video.vid}.mp4").exists()]
    write = partial(write_stand_in, folder=folder, seed=seed)
    encode_all(write, missing, threads, "stand-in videos")


def write_stand_in(video: StandIn, folder: Path, seed: int) -> None:
    """Encode one video as `folder / {vid}.mp4`, H.264 and AAC. The same video and seed give the same bytes."""
    remove_leftovers(folder / f"{video.vid}.mp4")
    with (
        replacing(folder / f"{video.vid}.mp4") as part,
        av.open(f"file:{part}", "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        pictures = container.add_stream(
            "libx264",
            rate=Fraction(video.fps).limit_denominator(1001),
            # One key frame per clip, so that readers can seek; nothing moves within a clip.
            options={**H264, **CODEC, "preset": "ultrafast", "g": str(round(video.fps * CLIP))},
            width=WIDTH,
            height=HEIGHT,
            pix_fmt="yuv420p",
            time_base=Fraction(1, VIDEO_CLOCK),
        )
        sound = container.add_stream("aac", rate=RATE, options=CODEC, layout="mono")
        sound.bit_rate = 24_000
        frames, samples = _frames(video, seed), _sound(video)
        frame = next(frames, None)
        for clip, piece in enumerate(samples, start=1):
            while frame is not None and frame.time < clip * CLIP:
                container.mux(pictures.encode(frame))
                frame = next(frames, None)
            container.mux(sound.encode(piece))
        container.mux(pictures.encode(None))
        container.mux(sound.encode(None))


def level_at(video: StandIn, clip: int) -> float:
    """The level of a clip."""
    return video.levels[min(clip, len(video.levels) - 1)]


def paint(level: float, grain: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The picture of a level: (height, width, 3), RGB."""
    picture = _DULL + level * (_BEST - _DULL) + grain
    picture[-HEIGHT // 8 :, : round(level * WIDTH)] = 255.0
    return picture.clip(0, 255).astype(np.uint8)


def _frames(video: StandIn, seed: int) -> Iterator[Any]:
    digest = hashlib.blake2b(f"{seed} {video.vid}".encode(), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(digest, "big"))
    coarse = _GRAIN * random.standard_normal((HEIGHT // 8, WIDTH // 8, 3))
    grain = coarse.repeat(8, axis=0).repeat(8, axis=1)
    count = round(video.seconds * video.fps)
    ticks = np.rint(np.arange(count + 1) * (video.seconds / count * VIDEO_CLOCK)).astype(np.int64)
    shown, frame = -1, None
    for tick, until in zip(ticks.tolist(), ticks[1:].tolist(), strict=False):
        clip = tick // (CLIP * VIDEO_CLOCK)
        if clip != shown or frame is None:
            # Converted once per clip: nearly all of the time was spent here.
            rgb = av.VideoFrame.from_ndarray(paint(level_at(video, clip), grain), format="rgb24")
            frame, shown = rgb.reformat(format="yuv420p"), clip
        frame.pts, frame.time_base, frame.duration = tick, Fraction(1, VIDEO_CLOCK), until - tick
        yield frame


def _sound(video: StandIn) -> Iterator[Any]:
    """Yield the tone of one clip after the other, with a continuous phase."""
    phase, first, total = 0.0, 0, round(video.seconds * RATE)
    while first < total:
        level = level_at(video, first // (CLIP * RATE))
        length = min(CLIP * RATE, total - first)
        angle = phase + 2 * np.pi * _TONE * 2 ** (_OCTAVES * level) / RATE * np.arange(1, length + 1)
        phase = float(angle[-1] % (2 * np.pi))
        samples = ((0.05 + 0.6 * level) * np.sin(angle)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        yield frame
        first += length
