"""Encode the videos of a table into a store of clip features: the part that all clip streams share.

A thread decodes ahead while the network encodes. Batches are formed within groups of videos that depend only on the
table, so that neither the thread's timing nor a restart after a kill changes a byte.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cli import UserError
from feature_extractors.encoders.prefetch import prefetch
from feature_extractors.encoders.stream import EncodingConfig
from feature_extractors.fingerprints import digest_of, is_untouched
from feature_extractors.media.container import Problems
from feature_extractors.media.faults import UNFORESEEN, raise_if_of_machine, stop_if_systematic, unforeseen
from feature_extractors.media.in_flight import InFlight
from formats.store import Arrays, Provenance, write_groups
from formats.video_table import Video

AHEAD = 2
"""Batches decoded ahead of the network."""
GPU_GROUP = 512
"""Minimum clips in a group of videos that share batches on a GPU. On the CPU, where this gains nothing, each video is
a group of its own."""
REPLACED = "the file is another than when its table was made: left out; make the table again"
"""The recorded cause of a video that is not the one of its table. It may come back."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoder:
    """A network on its device.

    Attributes:
        network: inputs (B, ...) to rows (B, dim), its parameters on `device`.
        device: where the network runs.
        config: precision and stored type.
        batch: inputs per batch.
        dim: width of a row.
        with_levels: whether the sound level of each clip is stored as well.
    """

    network: Callable[[Tensor], Tensor]
    device: torch.device
    config: EncodingConfig
    batch: int
    dim: int
    with_levels: bool = False

    def encode(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode inputs (n, ...) to rows (n, dim)."""
        on_device = torch.from_numpy(inputs).to(self.device)
        with computing(self.config, self.device):
            rows = self.network(on_device)
        found: NDArray[np.float32] = rows.float().cpu().numpy()
        return found

    def store(self, rows: NDArray[np.float32]) -> NDArray[np.floating]:
        """Convert rows to the type in which they are stored."""
        return as_stored(rows, self.config)


@contextmanager
def computing(config: EncodingConfig, device: torch.device) -> Iterator[None]:
    """Run networks without gradients, in the precision that is set.

    Not in inference mode: there, and with frozen weights, torch 2.13 multiplies (B, T, D) by a matrix that it first
    expands B times and then casts copy by copy. CLIP in bfloat16 on a CPU takes 1.1 to 4.8 times as long as in float32
    with it, and 0.4 to 0.6 times as long without.
    """
    precision = getattr(torch, config.precision)
    with torch.no_grad(), torch.autocast(device.type, precision, enabled=precision != torch.float32):
        yield


def as_stored(rows: NDArray[np.float32], config: EncodingConfig) -> NDArray[np.floating]:
    """Convert rows to the type in which they are stored.

    Raises:
        UserError: values that are not finite, or too large for float16. Pictures and sound are always finite, so the
            settings or the weights are wrong, not the video.
    """
    if not np.isfinite(rows).all():
        if config.precision == "float16":
            raise UserError("encoding.precision: features overflow in float16: set it to bfloat16 or float32")
        raise UserError("features are not finite numbers: the weights are damaged or do not fit")
    if config.dtype == "float32":
        return rows
    if rows.size and abs(rows).max() > np.finfo(np.float16).max:
        raise UserError("encoding.dtype: features are too large for float16: set it to float32")
    return rows.astype(np.float16)


@dataclass(frozen=True)
class Piece:
    """One input of a clip: a picture or a window of sound, with the clip's sound level if it has one."""

    clip: int
    value: NDArray[np.float32]
    level_db: float | None = None


Decode = Callable[[Video, Problems], Iterator[Piece]]
"""Yields the pieces of a video in the order of its clips, one or more per clip, until the file cannot be read."""


def encode_videos(
    out: Path,
    provenance: Provenance,
    videos: list[Video],
    folder: Path,
    decode: Decode,
    encoder: Encoder,
    made_ns: int = 0,
) -> None:
    """Encode the videos of a table into the store `out`; rows of the same clip are averaged.

    The column `problem` records what is wrong with a video; clips that could be decoded still have their rows.

    Args:
        made_ns: when the table was made, nanoseconds (`fingerprints.is_untouched`); 0 if unknown.

    Raises:
        UserError: a file of the table no longer exists; features cannot be stored (`as_stored`); most videos failed
            with an unexpected error.
        OSError: a fault of the machine.
    """
    table = {video.vid: video for video in sorted(videos, key=lambda video: video.vid)}
    ordered = list(table.values())
    columns = {
        "duration_s": np.array([video.duration_s for video in ordered]),
        "n_clips": np.array([video.n_clips for video in ordered]),
        "has_audio": np.array([video.has_audio for video in ordered]),
        "source_sha256": np.array([video.sha256 for video in ordered]),
    }

    def produce(pending: list[list[str]]) -> Iterator[tuple[str, Arrays]]:
        groups = [[table[vid] for vid in group] for group in pending]
        made: dict[str, _Made] = {}
        failed: dict[str, Arrays] = {}
        flight = InFlight(out.with_name(out.name + ".part"))
        for item in prefetch(_batches(groups, folder, made_ns, flight.guard(decode), encoder.batch), AHEAD):
            if isinstance(item, _Batch):
                for piece, row in zip(item.pieces, encoder.encode(item.inputs), strict=True):
                    made.setdefault(piece.vid, _Made(table[piece.vid].n_clips, encoder)).add(piece, row)
                continue
            video, problem = item
            result = made.pop(video.vid, None) or _Made(video.n_clips, encoder)
            cause = problem or video.problem
            if cause:
                _log.warning("%s: %s", video.file or video.vid, cause)
            arrays = result.arrays(provenance.clip_seconds, cause)
            if UNFORESEEN in problem or REPLACED in problem:
                # Not stored yet: if the job ends early, the next run must try this video again.
                failed[video.vid] = arrays
            else:
                yield video.vid, arrays
        causes = {vid: str(arrays["problem"][0]) for vid, arrays in failed.items()}
        stop_if_systematic(causes, sum(bool(video.n_clips) for video in ordered))
        yield from failed.items()

    group_clips = GPU_GROUP if encoder.device.type == "cuda" else 0
    write_groups(out, provenance, group_videos(ordered, group_clips), produce, columns)


def group_videos(videos: Iterable[Video], clips: int) -> list[list[str]]:
    """Group the ids of neighbouring videos into at least `clips` clips; 0 puts each video in a group of its own."""
    groups: list[list[str]] = []
    held = clips
    for video in videos:
        if held >= clips:
            groups.append([])
            held = 0
        groups[-1].append(video.vid)
        held += video.n_clips
    return groups


@dataclass(frozen=True)
class _Owner:
    vid: str
    clip: int
    level_db: float | None


@dataclass(frozen=True)
class _Batch:
    inputs: NDArray[np.float32]
    pieces: list[_Owner]


class _Made:
    """The rows of one video so far, in one array for all its clips.

    Single rows would lie scattered between the batches and keep their memory from being reused, so memory would grow
    with the length of a video.
    """

    def __init__(self, n_clips: int, encoder: Encoder) -> None:
        self._encoder = encoder
        self._sums = np.zeros((n_clips, encoder.dim), np.float32)
        self._counts = np.zeros((n_clips, 1), np.float32)
        self._levels = np.zeros(n_clips, np.float32)

    def add(self, owner: _Owner, row: NDArray[np.float32]) -> None:
        self._sums[owner.clip] += row
        self._counts[owner.clip] += 1
        if owner.level_db is not None:
            self._levels[owner.clip] = owner.level_db

    def arrays(self, clip_seconds: float, problem: str) -> Arrays:
        clips = np.flatnonzero(self._counts)
        starts = clips * clip_seconds
        arrays: Arrays = {
            "features": self._encoder.store(self._sums[clips] / self._counts[clips]),
            "times": np.stack([starts, starts + clip_seconds], axis=1),
            "problem": np.array([problem]),
        }
        if self._encoder.with_levels:
            arrays["level_db"] = self._levels[clips]
        return arrays


def _batches(
    groups: Iterable[list[Video]], folder: Path, made_ns: int, decode: Decode, size: int
) -> Iterator[_Batch | tuple[Video, str]]:
    """Yield the batches of each group's videos in order, then each of these videos with its problem."""
    for group in groups:
        inputs = np.empty(0, np.float32)
        owners: list[_Owner] = []
        causes: list[tuple[Video, str]] = []
        for video in group:
            problems = Problems()
            for piece in _pieces(video, folder, made_ns, decode, problems):
                if not owners:
                    inputs = np.empty((size, *piece.value.shape), np.float32)
                inputs[len(owners)] = piece.value
                owners.append(_Owner(video.vid, piece.clip, piece.level_db))
                if len(owners) == size:
                    yield _Batch(inputs, owners)
                    owners = []
            causes.append((video, str(problems)))
        if owners:
            yield _Batch(inputs[: len(owners)], owners)
        yield from causes


def _pieces(video: Video, folder: Path, made_ns: int, decode: Decode, problems: Problems) -> Iterator[Piece]:
    if not video.n_clips:
        return
    file = folder / video.file
    if not file.is_file():
        raise UserError(f"{file}: no such video")
    # Comparing the digest reads all of the file, over the network perhaps, so it is done only where it can differ.
    read = bool(video.sha256) and not is_untouched(folder, video, made_ns)
    if read and _digest(file) != video.sha256:
        problems.add(REPLACED)
        return
    try:
        yield from decode(video, problems)
    except UserError as problem:
        problems.add(str(problem).removeprefix(f"{file}: "))
    except Exception as problem:
        raise_if_of_machine(problem, file)
        problems.add(unforeseen(problem))
    if video.sha256 and not read and str(problems):
        _digest(file)  # a fault of the machine, which FFmpeg takes for damage, ends the job here


def _digest(file: Path) -> str:
    try:
        return digest_of(file)
    except OSError as problem:
        raise_if_of_machine(problem, file)  # adds the file's name, which a failed read does not give
        raise
