"""Encode demo videos with PyAV: H.264 + AAC in MP4, and other formats that real collections hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from cli import track
from cli.outputs import remove_leftovers, replacing
from demo import questions
from demo.crew import encode_all
from demo.mixtures import all_videos, splits_of
from demo.picture import draw_frame
from demo.plan import FRAME_TIMES, DemoConfig, VideoPlan
from demo.sound import synthesise
from formats.rows import write_rows

# The same settings give the same bytes. Without these flags a WebM file holds a random identifier, and encoders may
# make other decisions with more threads.
CODEC = {"flags": "+bitexact", "threads": "1"}
# By default x264 uses CPU-specific code, and 1 of 20 files differs even on the same machine.
H264 = {"preset": "superfast", "crf": "22", "x264-params": "cpu-independent=1"}
_VP9 = {"deadline": "realtime", "cpu-used": "8", "crf": "24", "b": "0", "row-mt": "0"}
# The default search for the quantisation takes half of the time of the whole dataset. This one makes files of the same
# size in less than half of the time.
_AAC = {"aac_coder": "fast"}
VIDEO_CLOCK = 90_000  # Hz; fine enough for the times of a variable frame rate


def write_demo(config: DemoConfig, videos: Path, rows: Path, threads: int = 1) -> None:
    """Write all videos into the folder `videos`, and `train.jsonl` and the other splits into the folder `rows`."""
    write_videos(all_videos(config), videos, threads)
    for split in splits_of(config):
        write_rows(rows / f"{split}.jsonl", questions.annotations(config, split))


def write_videos(videos: Sequence[VideoPlan], folder: Path, threads: int = 1) -> None:
    """Encode `videos` into `folder`, one file per process at a time. `threads` is the number of processes."""
    folder.mkdir(parents=True, exist_ok=True)
    write = partial(write_video, folder=folder)
    if threads <= 1:
        for video in track(videos, "demo videos"):
            write(video)
        return
    encode_all(write, videos, threads, "demo videos")


def write_video(video: VideoPlan, folder: Path) -> None:
    """Encode one video as `folder / video.file`. A file of that name is always complete."""
    remove_leftovers(folder / video.file)
    with (
        replacing(folder / video.file) as part,
        av.open(str(part), "w", options={"fflags": "+bitexact"}) as container,
    ):
        _encode(video, container)


def frame_times(video: VideoPlan) -> np.ndarray:
    """When the frames are shown: float64 (frames,), seconds, from 0 to one frame before the end.

    With a variable rate, every stretch of 2 s keeps every frame, every second or every third one, and all frames but
    the first and last are up to a fifth of a frame early or late, as from a phone or a screen recorder.
    """
    steady = np.arange(video.seconds * video.fps) / video.fps
    if video.quirk != "variable_rate":
        return steady
    rng = video.stream(FRAME_TIMES)
    steps = rng.integers(1, 4, size=video.seconds // 2).repeat(2 * video.fps)
    kept = np.arange(len(steady)) % steps == 0
    kept[[0, -1]] = True
    jitter = rng.uniform(-0.2, 0.2, size=len(steady)) / video.fps
    jitter[[0, -1]] = 0.0
    return (steady + jitter)[kept]


def _encode(video: VideoPlan, container: Any) -> None:
    """Encode both tracks, interleaved second by second."""
    webm, rotated = video.quirk == "webm", video.quirk == "rotated"
    pictures = container.add_stream(
        "libvpx-vp9" if webm else "libx264",
        rate=video.fps,
        options=(_VP9 if webm else H264) | CODEC,
        width=video.height if rotated else video.width,
        height=video.width if rotated else video.height,
        pix_fmt="yuv420p",
        time_base=Fraction(1, VIDEO_CLOCK),
    )
    if rotated:
        # Frames are stored a quarter turn to the left, as from a phone held upright; players turn them back.
        pictures.set_display_rotation(-90)
    sound = None
    if video.audio_seconds:
        sound = container.add_stream(
            "libopus" if webm else "aac",
            rate=video.audio_rate,
            options=CODEC if webm else _AAC | CODEC,
            layout="stereo" if webm else "mono",
        )
        sound.bit_rate = 96_000 if webm else 64_000
    frames, samples = _video_frames(video), _audio_frames(video)
    last = next(frames)
    for second in range(1, video.seconds + 1):
        while last is not None and last.time < second:
            container.mux(pictures.encode(last))
            last = next(frames, None)
        if sound and second <= video.audio_seconds:
            container.mux(sound.encode(next(samples)))
            if second == video.audio_seconds:
                container.mux(sound.encode(None))
    container.mux(pictures.encode(None))


def _video_frames(video: VideoPlan) -> Iterator[Any]:
    times = frame_times(video)
    ticks = np.rint(np.append(times, video.seconds) * VIDEO_CLOCK).astype(int)
    for time, tick, until in zip(times, ticks, ticks[1:], strict=False):
        picture = draw_frame(video, float(time))
        if video.quirk == "rotated":
            picture = np.ascontiguousarray(np.rot90(picture))
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base, frame.duration = int(tick), Fraction(1, VIDEO_CLOCK), int(until - tick)
        yield frame


def _audio_frames(video: VideoPlan) -> Iterator[Any]:
    """Yield one second at a time: mono, or the same in both channels of a WebM file."""
    rate = video.audio_rate
    layout, channels = ("stereo", 2) if video.quirk == "webm" else ("mono", 1)
    track = synthesise(video, rate)
    for first in range(0, len(track), rate):
        frame = av.AudioFrame.from_ndarray(
            np.tile(track[first : first + rate], (channels, 1)), format="fltp", layout=layout
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        yield frame
