"""From files to features: extraction of made H.264 videos by 1 to 16 processes at once on one card.

Extraction decodes in one thread of the process that encodes, and a study runs one job per shard. So the number of
decoding processes is that of jobs that share the card. Each gets its share of the videos. Decoding alone (with the
picture's resizing) shows what the processes could deliver; a job's share of GPU time shows how long the card waits.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.gpu_sections.crew import Crew, crew_of
from benchmarks.gpu_sections.encoders import build, picture_size
from benchmarks.gpu_sections.record import Record, say
from formats.video_table import Video

ARCHITECTURE = "ViT-B-32-quickgelu"
RATE = 25


def measure(record: Record) -> None:
    """Make the videos, load the encoder in each process, and time the same videos with 1, 2, 4, 8 and 16 of them."""
    most, seconds, size = (2, 4, (64, 48)) if record.dry else (16, 60, (640, 360))
    numbers = [n for n in (1, 2, 4, 8, 16) if n <= most]
    folder = record.work / "videos"
    folder.mkdir(exist_ok=True)
    files = [folder / f"v{index:02d}.mp4" for index in range(most)]
    with crew_of(most) as crew:
        start = time.perf_counter()
        videos = crew.do(write_video, [(file, seconds, size, index) for index, file in enumerate(files)])
        record.add("videos", {"count": most, "seconds": seconds, "size": list(size), "frames": seconds * RATE})
        say(f"  written in {time.perf_counter() - start:.1f} s")
        crew.do(decode, [([video], folder, record.dry) for video in videos])  # first time: imports
        record.attempt("decode", lambda: {str(n): _decode(crew, videos, folder, n, record.dry) for n in numbers})
        loaded = record.attempt("load_s", lambda: max(crew.do(load, [(record.device, record.dry)] * most)))
        if loaded is None:
            return
        for precision in ("bfloat16", "float32"):  # first time: kernels are loaded
            crew.do(extract, [([v], folder, record.work / f"s{k}.h5", precision) for k, v in enumerate(videos)])
        for precision in ("bfloat16", "float32"):
            for number in numbers[:: 1 if precision == "bfloat16" else 2]:
                record.attempt(
                    f"extract.{precision}.{number}",
                    lambda n=number, p=precision: _extract(crew, videos, folder, record.work, n, p),
                    needs=0 if record.dry else 5 + 30 / number,
                )


def _shares(videos: list[Video], number: int) -> list[list[Video]]:
    return [videos[index::number] for index in range(number)]


def _decode(crew: Crew, videos: list[Video], folder: Path, number: int, dry: bool) -> dict[str, float]:
    done = crew.do(decode, [(share, folder, dry) for share in _shares(videos, number)])
    wall = max(end for _, end in done) - min(start for start, _ in done)
    return {"videos_per_s": round(len(videos) / wall, 3), "wall_s": round(wall, 3)}


def _extract(
    crew: Crew, videos: list[Video], folder: Path, work: Path, number: int, precision: str
) -> dict[str, float]:
    orders = [(share, folder, work / f"s{k}.h5", precision) for k, share in enumerate(_shares(videos, number))]
    done = crew.do(extract, orders)
    wall = max(end for _, end, _ in done) - min(start for start, _, _ in done)
    busy = sum(gpu for _, _, gpu in done)
    return {
        "videos_per_s": round(len(videos) / wall, 3),
        "wall_s": round(wall, 3),
        "gpu_share": round(busy / wall, 4),
        "slowest_over_median": round(
            max(end - start for start, end, _ in done) / statistics.median(end - start for start, end, _ in done), 3
        ),
    }


def write_video(state: dict[str, Any], file: Path, seconds: int, size: tuple[int, int], seed: int) -> Video:
    """Encode a picture of smooth noise that drifts, with a square that crosses it; returns its row of a video table."""
    import av

    from feature_extractors.media import probe
    from formats.grid import ClipGrid

    width, height = size
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    picture = coarse.repeat(8, axis=0).repeat(8, axis=1)
    options = {"preset": "veryfast", "crf": "23", "threads": "1"}
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(seconds * RATE):
            shown = np.roll(picture, (number, 2 * number), axis=(0, 1))[:height, :width].copy()
            left = number * 5 % (width - 16)
            shown[height // 2 : height // 2 + 16, left : left + 16] = 255 * (number // RATE % 2)
            for packet in stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return probe(file.parent, file, ClipGrid())


def decode(state: dict[str, Any], videos: list[Video], folder: Path, dry: bool) -> tuple[float, float]:
    """Decode and resize as extraction does, without a network; returns when it began and ended."""
    from PIL import Image

    from feature_extractors.media import Problems, frames_of_clips
    from formats.grid import CLIP_SECONDS

    preprocess = state.setdefault("preprocess", _preprocessing(dry))
    torch.set_num_threads(1)
    start = time.perf_counter()
    for video in videos:
        for _, picture in frames_of_clips(folder / video.file, video.n_clips, CLIP_SECONDS, 1, Problems()):
            preprocess(Image.fromarray(picture))
    return start, time.perf_counter()


def _preprocessing(dry: bool) -> Any:
    import open_clip

    return open_clip.image_transform(picture_size(dry), is_train=False)


def load(state: dict[str, Any], device: str, dry: bool) -> float:
    """Load the encoder onto the device, and run it once; returns the seconds that this takes."""
    from feature_extractors.encoders.device import use_device

    start = time.perf_counter()
    state["device"] = use_device(device, 1)
    network, state["forward"], shape, _ = build(ARCHITECTURE, dry)
    network.to(device)
    state.setdefault("preprocess", _preprocessing(dry))
    with torch.no_grad():
        state["forward"](torch.zeros(1, *shape, device=device)).cpu()
    return round(time.perf_counter() - start, 2)


def extract(
    state: dict[str, Any], videos: list[Video], folder: Path, out: Path, precision: str
) -> tuple[float, float, float]:
    """Extract a shard as the verb `encode` does; returns its start, its end and the seconds of work on the GPU."""
    from feature_extractors.encoders.clip.settings import ClipEncoderConfig, ClipVisualStage, VisualConfig
    from feature_extractors.encoders.pictures import PictureEncoder
    from feature_extractors.encoders.stream import EncodingConfig
    from formats.grid import ClipGrid

    marks: list[tuple[Any, Any]] = []
    on_gpu = state["device"].type == "cuda"

    def forward(pictures: torch.Tensor) -> torch.Tensor:
        if not on_gpu:
            rows: torch.Tensor = state["forward"](pictures)
            return rows
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        rows = state["forward"](pictures)
        last.record()
        marks.append((first, last))
        return rows

    stage = ClipVisualStage(
        clips=ClipGrid(),
        clip=ClipEncoderConfig(architecture=ARCHITECTURE),
        visual=VisualConfig(),
        encoding=EncodingConfig.from_dict({"precision": precision}),
    )
    encoder = PictureEncoder(extractor="benchmark", preprocess=state["preprocess"], forward=forward)
    out.unlink(missing_ok=True)
    start = time.perf_counter()
    encoder.write("clip_visual", stage, videos, folder, out, state["device"])
    end = time.perf_counter()
    if on_gpu:
        torch.cuda.synchronize()
    return start, end, sum(_milliseconds(marks)) / 1e3


def _milliseconds(marks: list[tuple[Any, Any]]) -> Iterator[float]:
    for first, last in marks:
        yield first.elapsed_time(last)
