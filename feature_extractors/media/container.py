"""Open a media file, pick its streams, and read packets and frames until the file cannot be read further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from cli import UserError
from feature_extractors.media.clock import AS_WRITTEN, Clock
from feature_extractors.media.faults import raise_if_of_machine
from feature_extractors.media.playlists import is_playlist, whole_formats

RETRIES = 10_000
"""Stretches without a packet after which reading stops; FFmpeg looks 64 KB ahead in each."""
SINGLE_PICTURES = ("image2", "_pipe", "tty", "ico")
"""Parts of the names of formats that FFmpeg opens as one-picture videos; it even renders text files."""
HEIF = {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1", "avif", "avis"}
"""Brands of MP4 files that are pictures from phones and the web, and occasionally animations."""
NO_PICTURES = "no video stream"
UNREADABLE = "damaged file: a part of it holds no packets"
LATE_STREAM = "a stream that begins later in the file is left out"


class Problems:
    """What was wrong with a file: each cause once, in the order found."""

    def __init__(self) -> None:
        self._causes: dict[str, None] = {}

    def add(self, cause: str) -> None:
        """Add a cause."""
        self._causes[" ".join(cause.split())] = None

    def __str__(self) -> str:
        return "; ".join(self._causes)


def open_media(file: Path) -> InputContainer:
    """Open a file for reading.

    Raises:
        UserError: the file is missing or empty, or FFmpeg cannot read it.
        OSError: a fault of the machine.
    """
    if file.is_symlink() and not file.exists():
        raise UserError(f"{file}: a link to {file.readlink()}, which is not there")
    if not file.is_file():
        raise UserError(f"{file}: no such video")
    if not file.stat().st_size:
        raise UserError(f"{file}: not a readable media file: it is empty")
    try:
        # `file:` keeps names with a colon or a leading dash from being read as a protocol or an option.
        # Tags may be in any encoding; nothing here depends on them.
        return av.open(f"file:{file}", metadata_errors="replace", options=AS_WRITTEN | whole_formats())
    except av.FFmpegError as problem:
        raise_if_of_machine(problem, file)
        cause = "a playlist, which names other files" if is_playlist(file) else problem.strerror
        raise UserError(f"{file}: not a readable media file: {cause}") from None


def file_of(container: Any) -> Path:
    """The file that `open_media` opened."""
    return Path(container.name.removeprefix("file:"))


def pick_pictures(file: Path, container: InputContainer) -> VideoStream:
    """Pick the video stream that players show: `find_pictures`, for files that must have one.

    Raises:
        UserError: as `find_pictures`, or the file has no video stream.
    """
    found = find_pictures(file, container)
    if found is None:
        raise UserError(f"{file}: {NO_PICTURES}")
    return found


def find_pictures(file: Path, container: InputContainer) -> VideoStream | None:
    """Find the video stream that players show: the first marked as default, else the first; never a cover picture.

    Returns:
        None if there is none: the file holds sound alone, or nothing.

    Raises:
        UserError: the file is a picture, whatever its name, or there is no decoder for its video.
    """
    if any(part in container.format.name for part in SINGLE_PICTURES):
        raise UserError(f"{file}: not a video but a picture or text ({container.format.name})")
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    brand = container.metadata.get("major_brand", "")
    if brand in HEIF:
        streams = [stream for stream in streams if stream.frames > 1]
        if not streams:
            raise UserError(f"{file}: not a video but a picture ({brand})")
    if not streams:
        return None
    found: VideoStream = _default(streams)
    if found.codec_context is None:
        raise UserError(f"{file}: no decoder for its video")
    return found


def pick_sound(container: InputContainer) -> AudioStream | None:
    """Pick the audio stream that players play: the first marked as default, else the first; None if there is none."""
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return _default(streams) if streams else None


def read_packets(container: InputContainer, streams: Sequence[Stream], problems: Problems) -> Iterator[Any]:
    """Yield the packets of some streams until the file can no longer be read."""
    stuck, clock = 0, Clock(container)
    while stuck < RETRIES:
        stuck += 1
        try:
            for packet in container.demux(*streams):
                stuck = 0
                clock.unwrap(packet)
                yield packet
            return
        except av.BlockingIOError:  # nothing in this stretch looks like a packet: later ones may have some
            problems.add(UNREADABLE)
        except IndexError:  # a packet of a stream that was not there when the file was opened, which PyAV does not know
            problems.add(LATE_STREAM)
        except av.FFmpegError as problem:
            raise_if_of_machine(problem, file_of(container))
            problems.add(f"cannot be read to its end: {problem.strerror}")
            return


def decode_packet(packet: Any, problems: Problems) -> list[Any]:
    """Decode the frames that a packet completes. Damaged packets are skipped, as in players."""
    try:
        frames: list[Any] = packet.decode()
    except av.FFmpegError as problem:
        raise_if_of_machine(problem, file_of(packet.stream.container))
        problems.add(f"damaged {packet.stream.type}: what cannot be decoded is left out")
        return []
    return frames


def _default(streams: Sequence[Any]) -> Any:
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
