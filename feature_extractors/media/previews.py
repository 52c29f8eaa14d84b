"""Previews of a video for pages: a strip of small pictures, whether browsers play it, and a copy that they do play."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from PIL import Image

from feature_extractors.media.container import (
    Problems,
    decode_packet,
    find_pictures,
    open_media,
    pick_sound,
    read_packets,
)
from feature_extractors.media.frames import frames_of_parts
from formats.strip import Preview
from formats.video_table import Video

HIGHEST, WIDEST = 72, 128
"""Pixels of a picture; larger frames are made smaller."""
QUALITY = 80
"""Of the JPEG."""
# What Chromium, Firefox and Safari all play, by the suffix of the file: (pictures, sound).
_MP4 = ({"h264", "vp9", "av1"}, {"aac", "mp3", "opus", "flac"})
PLAYED = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": ({"h264"}, {"aac", "mp3"}),
    ".webm": ({"vp8", "vp9", "av1"}, {"opus", "vorbis"}),
}
PIXELS = ("yuv420p", "yuvj420p", "yuva420p")
"""Formats of pixels that browsers decode; H.264 with 10 bits or 4:4:4 is not."""


def make_preview(folder: Path, video: Video, clip_seconds: float, most: int, name: str, out: Path) -> Preview:
    """Write the strip of a video, a line of the video table, as `out`/`name`.jpg.

    Args:
        most: pictures of a video of more clips than this.
    """
    seconds = max(video.n_clips, 1) * clip_seconds
    if not video.n_clips or not video.file:
        return Preview(vid=video.vid, file=video.file, seconds=seconds, problem=video.problem or "no media file")
    problems, file = Problems(), folder / video.file
    with open_media(file) as container:
        codecs, plays = _describe(file, container)
        # Browsers count from the beginning of the file, if that is not before 0.
        start = video.start_s - max(0.0, (container.start_time or 0) / av.time_base)
    count = min(video.n_clips, most)
    shown = dict(frames_of_parts(file, count, seconds / count, problems, video.start_s))
    if shown:
        strip = join_pictures(shown, count)
        strip.save(out / f"{name}.jpg", quality=QUALITY, optimize=True)
    return Preview(
        vid=video.vid,
        file=video.file,
        seconds=seconds,
        start_s=round(start, 6),
        codecs=codecs,
        plays=plays,
        pictures=f"{name}.jpg" if shown else "",
        count=count if shown else 0,
        problem=str(problems),
    )


def join_pictures(shown: dict[int, Any], count: int) -> Image.Image:
    """Put pictures (H, W, 3) side by side at their places, 0 to `count` - 1; a place without one is grey."""
    height, width = next(iter(shown.values())).shape[:2]
    scale = min(1.0, HIGHEST / height, WIDEST / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    strip = np.full((size[1], count * size[0], 3), 128, np.uint8)
    for place, picture in shown.items():
        small = Image.fromarray(picture)
        strip[:, place * size[0] : (place + 1) * size[0]] = np.asarray(
            small if scale == 1 else small.resize(size, Image.Resampling.BILINEAR)
        )
    return Image.fromarray(strip)


def _describe(file: Path, container: InputContainer) -> tuple[str, bool]:
    """Names of the codecs, and whether browsers play the file."""
    pictures, sound = find_pictures(file, container), pick_sound(container)
    # The plain name is that of the decoder, such as libdav1d or mp3float.
    codecs = [stream.codec_context.codec.canonical_name for stream in (pictures, sound) if stream is not None]
    seen, heard = PLAYED.get(file.suffix.lower(), (set(), set()))
    plays = pictures is not None and codecs[0] in seen and pictures.codec_context.pix_fmt in PIXELS
    return ", ".join(codecs), plays and (sound is None or codecs[-1] in heard)


def copy_for_browsers(file: Path, copy: Path) -> None:
    """Encode a video as H.264 and AAC in MP4, at the times of its own frames. It is as upright as the video.

    Raises:
        UserError: the file cannot be read.
    """
    with open_media(file) as source, av.open(str(copy), "w", format="mp4") as sink:
        pictures, sound = find_pictures(file, source), pick_sound(source)
        read = [stream for stream in (pictures, sound) if stream is not None]
        written: dict[int, Any] = {}
        for packet in read_packets(source, read, problems := Problems()):
            for frame in decode_packet(packet, problems):
                index = packet.stream.index
                if index not in written:
                    written[index] = _add_stream(sink, packet.stream, frame)
                for part in _prepare(frame, packet.stream.type):
                    sink.mux(written[index].encode(part))
        for stream in written.values():
            sink.mux(stream.encode(None))


def _add_stream(sink: OutputContainer, source: Any, frame: Any) -> Any:
    if source.type == "audio":
        stream = sink.add_stream("aac", rate=frame.sample_rate)
        stream.layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
        return stream
    added = sink.add_stream("libx264", rate=source.average_rate or 25, options={"preset": "veryfast", "crf": "23"})
    added.width, added.height = frame.width & ~1, frame.height & ~1
    added.pix_fmt = "yuv420p"
    if frame.rotation:  # a telephone's picture is stored turned
        added.set_display_rotation(frame.rotation)
    added.codec_context.time_base = source.time_base or Fraction(1, 90_000)
    return added


def _prepare(frame: Any, kind: str) -> Iterator[Any]:
    if kind == "video":
        yield frame.reformat(width=frame.width & ~1, height=frame.height & ~1, format="yuv420p")
    else:
        yield frame
