"""Write a reel as MP4: H.264 and AAC."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.reformatter import Colorspace

from av_highlights.reel.copying import Copy, copy_packets, find_copy
from av_highlights.reel.pictures import Picture, read_pictures
from av_highlights.reel.plan import Part, Plan
from av_highlights.reel.sound import RATE, Samples, read_sound
from av_highlights.reel.source import Sources
from cli import UserError, track
from cli.outputs import replacing
from feature_extractors.media.container import open_media, pick_pictures
from feature_extractors.media.faults import raise_if_of_machine

AUTO, SOFTWARE = "auto", "libx264"
"""Copy the pictures where the cuts allow it, else encode them with the other."""
QUALITY = {"crf": "20", "preset": "medium", "x264-params": "cpu-independent=1"}
"""Of libx264; other encoders have options of their own and keep their defaults. Code for one kind of processor would
give other bytes now and then, even on the same machine."""
BIT_RATE = 192_000
"""Of the sound."""
_BT709, _LIMITED = 1, 1
"""Colours of HD video, as H.264 numbers them, and the range of its brightness."""
_log = logging.getLogger(__name__)


def write_reel(path: Path, plan: Plan, folder: Path, caption: bool = False, encoder: str = AUTO) -> None:
    """Write a reel.

    Args:
        path: the MP4 file to write.
        plan: its parts.
        folder: of the media files.
        caption: whether queries and scores are written onto the pictures.
        encoder: FFmpeg's name of an H.264 encoder, such as h264_nvenc; `auto` copies the pictures if that gives the
            same frames, and else takes libx264. The sound is always encoded: it could only be cut at every 1,024th
            sample.

    Raises:
        UserError: the encoder is missing or cannot be opened, or a video cannot be read.
    """
    sources = Sources(folder)
    copy = find_copy(plan, sources) if encoder == AUTO and not caption else None
    with replacing(path) as part, av.open(f"file:{part}", "w", format="mp4", options=_muxer()) as container:
        if copy is not None:
            _log.info("%s: its pictures are copied", path)
            _write_copy(container, plan, sources, copy)
        else:
            _encode(container, plan, sources, caption, SOFTWARE if encoder == AUTO else encoder)


def _muxer() -> dict[str, str]:
    # The index first, so that browsers start at once; no date, so that the same reel gives the same bytes.
    return {"movflags": "+faststart", "fflags": "+bitexact"}


def _write_copy(container: Any, plan: Plan, sources: Sources, copy: Copy) -> None:
    with open_media(copy.source.file) as source:
        pictures = container.add_stream_from_template(pick_pictures(copy.source.file, source))
    sound = _add_sound(container) if plan.sound else None
    number = 0
    parts = track(zip(plan.parts, copy_packets(copy, plan, pictures), strict=True), "reel: moments", len(plan.parts))
    for part, packets in parts:
        for packet in packets:
            container.mux(packet)
        if sound is not None:
            samples, _ = _read_sound(part, plan, sources, number)
            container.mux(sound.encode(_to_sound(samples, number, plan.rate)))
        number += part.frames
    if sound is not None:
        container.mux(sound.encode(None))


def _encode(container: Any, plan: Plan, sources: Sources, caption: bool, encoder: str) -> None:
    try:
        pictures = container.add_stream(encoder, rate=plan.rate, options=QUALITY if encoder == SOFTWARE else {})
    except UnknownCodecError:
        raise UserError(f"--encoder {encoder}: FFmpeg in PyAV has no such encoder") from None
    except (av.FFmpegError, ValueError) as problem:
        raise UserError(f"--encoder {encoder}: {problem}") from None
    if pictures.codec_context.codec.id != av.Codec("h264", "r").id:
        raise UserError(f"--encoder {encoder}: not an encoder of H.264")
    pictures.width, pictures.height = plan.size
    pictures.pix_fmt = "yuv420p"
    pictures.time_base = pictures.codec_context.time_base = 1 / plan.rate
    context = pictures.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    sound = _add_sound(container) if plan.sound else None
    blocks = track(read_blocks(plan, sources, caption), "reel: frames", plan.frames)
    try:
        for number, (picture, samples) in enumerate(blocks):
            container.mux(pictures.encode(_to_frame(picture, number, plan.rate)))
            if sound is not None and samples.shape[1]:
                container.mux(sound.encode(_to_sound(samples, number, plan.rate)))
        container.mux(pictures.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))
    except av.FFmpegError as problem:
        raise_if_of_machine(problem, Path(container.name))
        raise UserError(f"--encoder {encoder}: cannot encode: {problem.strerror}") from None


def _add_sound(container: Any) -> Any:
    return container.add_stream("aac", rate=RATE, layout="stereo", bit_rate=BIT_RATE)


def read_blocks(plan: Plan, sources: Sources, caption: bool) -> Iterator[tuple[Picture, Samples]]:
    """Yield the pictures of a reel with the samples of their time, each part faded into the next one."""
    tail: list[tuple[Picture, Samples]] = []
    number = 0
    for place, part in enumerate(plan.parts):
        fade_in = plan.fade if place else 0
        fade_out = plan.fade if place + 1 < len(plan.parts) else 0
        following: list[tuple[Picture, Samples]] = []
        for index, (picture, samples) in enumerate(_read(part, plan, sources, caption, number)):
            if index < fade_in:
                picture, samples = _mix(tail[index], (picture, samples), index, fade_in)
            if index >= part.frames - fade_out:
                following.append((picture, samples))
            else:
                yield picture, samples
        tail = following
        number += part.frames - fade_out


def _mix(old: tuple[Picture, Samples], new: tuple[Picture, Samples], index: int, count: int) -> tuple[Picture, Samples]:
    """Frame `index` of `count` of a cross-fade."""
    share = (index + 0.5) / count
    picture = np.rint(old[0] * (1 - share) + new[0] * share).astype(np.uint8)
    length = new[1].shape[1]
    rising = (index + (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1)) / count
    return picture, old[1] * (1 - rising) + new[1] * rising


def _read(part: Part, plan: Plan, sources: Sources, caption: bool, number: int) -> Iterator[tuple[Picture, Samples]]:
    """Yield the pictures of a part with the samples of their time; `number` is its first frame in the reel."""
    samples, edges = _read_sound(part, plan, sources, number)
    pictures = read_pictures(sources.of(part.cut.footage.file), part, plan.rate, plan.size, caption)
    for index, picture in enumerate(pictures):
        yield picture, samples[:, edges[index] - edges[0] : edges[index + 1] - edges[0]]


def _read_sound(part: Part, plan: Plan, sources: Sources, number: int) -> tuple[Samples, list[int]]:
    """The samples of a part, and the first sample in the reel of each of its frames and of the next one."""
    edges = [_sample_at(number + index, plan.rate) for index in range(part.frames + 1)]
    if not part.cut.footage.channels:
        return np.zeros((2, edges[-1] - edges[0]), np.float32), edges
    return read_sound(sources.of(part.cut.footage.file), part.start, edges[-1] - edges[0]), edges


def _sample_at(frame: int, rate: Fraction) -> int:
    """The first sample of a frame of the reel. Rounded from the start, so that picture and sound never drift."""
    return round(frame * RATE / rate)


def _to_frame(picture: Picture, number: int, rate: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
    frame.pts, frame.time_base = number, 1 / rate
    return frame


def _to_sound(samples: Samples, number: int, rate: Fraction) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.clip(samples, -1, 1)), format="fltp", layout="stereo")
    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
    frame.pts = _sample_at(number, rate)
    return frame
