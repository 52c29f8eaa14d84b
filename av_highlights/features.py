"""Features of a video and of queries, made by the workflow's encoders and kept in a cache.

The cache is a folder: `videos/SHA256/` of each media file has its row of the video table and one store per stream and
way of making it, and `queries/` has one store per list of queries. Names are digests of all that the content depends
on, so nothing in it becomes outdated; a damaged file is made again. It can be deleted at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from av_highlights.bundle import Bundle
from av_highlights.videos import show_path
from cli import UserError, canonical_json
from cli.progress import metering, silence
from feature_extractors import CODE_VERSION
from feature_extractors.annotations.qids import stable_qid
from feature_extractors.commands.previews import MOST
from feature_extractors.encoders import pictures, sounds, texts
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import ClipStream, QueryStream
from feature_extractors.fingerprints import digest_of, fingerprint
from feature_extractors.media import examine
from feature_extractors.media.faults import UNFORESEEN, raise_if_of_machine
from feature_extractors.media.in_flight import ENDED
from feature_extractors.media.previews import make_preview
from feature_extractors.video_files import why_no_video
from formats.arrays import Floats
from formats.bundle import PATH_KEYS
from formats.grid import ClipGrid
from formats.rows import Row
from formats.store import Store, read_problems
from formats.strip import TABLE, Preview, read_previews, write_previews
from formats.video_table import Video, read_table, write_table

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoFeatures:
    """The features of one video.

    Attributes:
        video: its row of the video table; the id is the file's sha256, so that renamed and copied files share features.
        stores: one store per stream of clips.
        cached: whether all of them had been made before.
        problems: what is wrong with the file, and with single streams of it; empty for most.
    """

    video: Video
    stores: tuple[Path, ...]
    cached: bool
    problems: tuple[str, ...]


def default_cache() -> Path:
    """The folder `av-highlights` in the user's cache: XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "av-highlights")


class FeatureSource:
    """Encodes videos and queries with the encoders of a bundle, unless the cache has their features.

    Encoders are loaded when they are first needed, and kept.
    """

    def __init__(self, bundle: Bundle, cache: Path, device: torch.device) -> None:
        self._bundle = bundle
        self._cache = cache
        self._device = device
        self._encoders: dict[str, Any] = {}
        self._keys = {name: _fingerprint(self._describe(name)) for name in bundle.streams}

    def of_video(self, file: Path, place: str = "") -> VideoFeatures:
        """The features of a media file.

        Args:
            place: which of several files it is, such as " (2 of 5)", for progress.

        Raises:
            UserError: not a readable video, or one without pictures.
            OSError: a fault of the machine.
        """
        digest = _read_digest(file)
        shown = show_path(Path(file.name))
        folder = self._cache / "videos" / digest[:2] / digest
        streams = (*self._bundle.video_streams, *self._bundle.audio_streams)
        stores = {name: folder / f"{name}-{self._keys[name]}.h5" for name in streams}
        with _locked(folder, shown):
            video = self._examine(file, digest, folder)
            missing = [name for name, store in stores.items() if not _holds(store, digest)]
            for name in missing:
                encoder = self._load(name)
                with metering(f"{shown}{place}: {name}", video.n_clips * self._bundle.clip_seconds) as advance:
                    counting = _counting(encoder, self._bundle.clip_seconds, advance)
                    stage: Any = self._bundle.stages[name]
                    counting.write(name, stage, [video], file.parent, stores[name], self._device)
            problems = _gather_problems(file, video, stores)
        if ClipGrid(seconds=self._bundle.clip_seconds).is_shorter(video.duration_s):
            problems = (*problems, f"lasts {video.duration_s:.1f} s, less than one clip: a single score for all of it")
        if missing:
            _log.info("%s%s: encoded, %s", shown, place, ", ".join(missing))
        else:
            _log.info("features of %s are cached", shown)
        return VideoFeatures(video, tuple(stores.values()), not missing, problems)

    def preview_of(self, file: Path, folder: Path, name: str) -> tuple[Preview, Floats | None]:
        """What a page shows of a video whose features are in the cache: it writes `folder`/`name`.jpg.

        Returns:
            the preview, and the sound level of each clip in dB, (L,); None without audio features.
        """
        digest = _read_digest(file)
        kept = self._cache / "videos" / digest[:2] / digest
        with _locked(kept, show_path(Path(file.name))):
            video = self._examine(file, digest, kept)
            version_of = {"most": MOST, "seconds": self._bundle.clip_seconds, "av": version("av")}
            made = kept / f"preview-{_fingerprint({**version_of, 'version': CODE_VERSION['previews']})}"
            if not (made / TABLE).is_file():
                made.mkdir(exist_ok=True)
                write_previews(made, [make_preview(file.parent, video, self._bundle.clip_seconds, MOST, "0", made)])
            (preview,) = read_previews(made).values()
            if preview.pictures:
                shutil.copyfile(made / preview.pictures, folder / f"{name}.jpg")
        stores = [Store(kept / f"{stream}-{self._keys[stream]}.h5") for stream in self._bundle.audio_streams]
        levels = [store.level_db(digest, video.n_clips).astype(np.float64) for store in stores if digest in store]
        heard = next((level for level in levels if np.isfinite(level).any()), None)
        return replace(preview, file=file.name, pictures=f"{name}.jpg" if preview.pictures else ""), heard

    def of_queries(self, queries: Sequence[str]) -> tuple[Path, dict[str, int]]:
        """The store of some queries, and the id of each of them in it.

        Raises:
            UserError: the weights of the encoder are missing or damaged.
        """
        name = self._bundle.text_stream
        qids = {query: stable_qid(query) for query in queries}
        store = self._cache / "queries" / f"{name}-{self._keys[name]}-{_fingerprint(list(qids))}.h5"
        with _locked(store.parent, "queries"):
            if not _holds(store, *map(str, qids.values())):
                rows: list[Row] = [{"qid": qid, "query": query} for query, qid in qids.items()]
                stage: Any = self._bundle.stages[name]
                with silence():
                    self._load(name).write(name, stage, rows, store, self._device)
        return store, qids

    def _describe(self, name: str) -> Any:
        """All that the features of a stream depend on, beside the media file or the queries."""
        stream = STREAMS[name]
        section = stream.weights.section if stream.weights is not None else ""
        weights = self._bundle.weights.get(section)
        libraries = {*pictures.LIBRARIES, *sounds.LIBRARIES} if isinstance(stream, ClipStream) else texts.LIBRARIES
        sections = {
            section: {key: _settled(key, value) for key, value in values.items()}
            if isinstance(values, dict)
            else values
            for section, values in self._bundle.stages[name].to_dict().items()
        }
        return {
            "stage": sections,
            "weights_sha256": weights.sha256 if weights else "",
            "libraries": {library: version(library) for library in libraries},
        }

    def _load(self, name: str) -> Any:
        if name not in self._encoders:
            stream: ClipStream | QueryStream = STREAMS[name]
            stage: Any = self._bundle.stages[name]
            self._encoders[name] = stream.load(stage, self._bundle.weights_argument(name), self._device)
        return self._encoders[name]

    def _examine(self, file: Path, digest: str, folder: Path) -> Video:
        """The row of the video table; `file` has the name that the file has now."""
        clips = ClipGrid(seconds=self._bundle.clip_seconds)
        version_of = {"clips": clips.to_dict(), "version": CODE_VERSION["manifest"], "av": version("av")}
        table = folder / f"video-{_fingerprint(version_of)}.jsonl"
        if table.is_file():
            try:
                (video,) = read_table(table)
                return replace(video, file=file.name)
            except (UserError, ValueError):
                _log.warning("%s: damaged: made again", table)
        cause = why_no_video(file)
        if cause:
            raise UserError(f"{file}: {cause}")
        video = examine(file.parent, digest, file, "", clips)
        if video.sha256 != digest:
            raise UserError(f"{file}: changes while it is read: try again when it is complete")
        if not video.n_clips:
            raise UserError(f"{file}: {video.problem}")
        write_table(table, [replace(video, file="")])  # another time the file may have another name
        return video


def _counting(encoder: Any, clip_seconds: float, advance: Callable[[float], None]) -> Any:
    """The same encoder, which says how many seconds of clips its network has done."""
    frames = getattr(encoder, "frames_per_clip", 1)
    begun = False

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        nonlocal begun
        rows: torch.Tensor = encoder.forward(inputs)
        if begun:  # the first input is a blank, which shows the width of a row
            advance(len(inputs) * clip_seconds / frames)
        begun = True
        return rows

    return replace(encoder, forward=forward)


def _read_digest(file: Path) -> str:
    if file.is_symlink() and not file.exists():
        raise UserError(f"{file}: a link to {file.readlink()}, which is not there")
    if not file.exists():
        raise UserError(f"{file}: no such file")
    if not file.is_file():
        raise UserError(f"{file}: not a file")
    try:
        return digest_of(file)
    except OSError as problem:
        raise_if_of_machine(problem, file)
        raise UserError(f"{file}: {(problem.strerror or str(problem)).lower()}") from None


def _holds(store: Path, *ids: str) -> bool:
    """Whether a store is there and whole; a damaged one is named in the log and removed."""
    if not store.exists():
        return False
    try:
        found = Store(store)
        for name in ids:
            found.rows(name)
    except (UserError, KeyError) as problem:
        _log.warning("%s: made again", problem)
        store.unlink()
        return False
    return True


def _gather_problems(file: Path, video: Video, stores: dict[str, Path]) -> tuple[str, ...]:
    """What is wrong with a video, each cause once.

    Raises:
        UserError: an unexpected error or a crash cut its features short; they leave the cache, to be tried again.
    """
    found = {video.problem: ""} if video.problem else {}
    failed = []
    for name, store in stores.items():
        for cause in read_problems(store)[1].values():
            found.setdefault(cause, f"{name}: ")
            if UNFORESEEN in cause or ENDED in cause:
                store.unlink()
                failed.append(f"{name}: {cause}")
    if failed:
        raise UserError(f"{file}: {failed[0]}")
    return tuple(f"{where}{cause}" for cause, where in found.items())


def _settled(key: str, value: Any) -> Any:
    """The value of a setting; of one that names a file or folder its content, because a bundle may lie anywhere."""
    if key not in PATH_KEYS or not value:
        return value
    path = Path(value)
    return fingerprint(sorted(path.iterdir()) if path.is_dir() else [path])


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


@contextmanager
def _locked(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of a folder of the cache: of two processes with one video, the second waits and finds it encoded.

    The system releases the lock of a process that ends, however it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("another process encodes %s: waiting for it", what)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
