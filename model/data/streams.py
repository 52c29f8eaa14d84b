"""Feature stores, and the features of one video or query: one part per stream, and the mask of what is there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.store import Store
from model.config import ModelConfig
from model.data.joined import Mask, Rows
from model.data.mapped import map_file
from model.data.origins import Origins, check_shards, origin_of
from model.network.tensors import InputDims

_log = logging.getLogger(__name__)

Parts = list[NDArray[Any]]
"""The rows of one video, (L, dim) per stream."""


class Streams:
    """The stores of all shards, by stream. If several have one id, the first of them counts.

    Raises:
        UserError: a file is no store, or is in the folder of another stream, or two stores of one stream were made in
            different ways.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._stores: dict[str, list[Store]] = {}
        for file in files:
            store = Store(file, map_file)
            of_stream = self._stores.setdefault(store.stream, [])
            of_stream.append(store)
            check_shards(of_stream[0], store)
            for earlier in of_stream[:-1]:
                _name_doubles(earlier, store)
        self._check_places()

    def _check_places(self) -> None:
        """Refuse a store in a folder of another stream's: the videos of the store that belongs there would lack it."""
        stores = [store for of_stream in self._stores.values() for store in of_stream]
        folders = {store.path.parent for store in stores if store.path.parent.name == store.stream}
        for store in stores:
            if store.path.parent in folders and store.path.parent.name != store.stream:
                raise UserError(f"{store.path}: holds stream {store.stream}, but lies among those of its folder's name")

    def find(self, stream: str, name: str) -> Store | None:
        """The store of `stream` that holds an id; None if no store does.

        Raises:
            UserError: there is no store of the stream.
        """
        if stream not in self._stores:
            known = ", ".join(sorted(self._stores)) or "none"
            raise UserError(f"no store of stream {stream!r} among the given features (streams: {known})")
        return next((store for store in self._stores[stream] if name in store), None)

    def any(self, stream: str) -> Store:
        """One store of `stream`."""
        self.find(stream, "")
        return self._stores[stream][0]


def _name_doubles(first: Store, other: Store) -> None:
    """Log ids whose rows differ in two stores, such as those of a film that was replaced and encoded again."""
    if first.checksums is None or other.checksums is None:
        return
    known = dict(zip(first.ids, first.checksums.tolist(), strict=True))
    checksums = zip(other.ids, other.checksums.tolist(), strict=True)
    odd = [name for name, checksum in checksums if known.get(name, checksum) != checksum]
    if odd:
        given = f"{first.path} and {other.path}: stream {other.stream}"
        _log.warning("%s: other rows of %d ids (such as %r): those of the first count", given, len(odd), odd[0])


def name_other_grids(config: ModelConfig, streams: Streams, counts: Mapping[str, int]) -> None:
    """Log videos whose number of clips differs between streams: their video tables were of other files.

    Args:
        counts: clips of each video by the first video stream, which counts; 0 if it is not there.
    """
    audio = config.audio_streams if config.reads_audio else ()
    for name in (*config.video_streams[1:], *audio):
        found = {vid: store.n_clips(vid) for vid in counts if (store := streams.find(name, vid)) is not None}
        odd = [vid for vid, count in found.items() if counts[vid] not in (0, count)]
        if odd:
            _log.warning(
                "stream %s: %d videos have other numbers of clips than in %s (such as %r: %d and %d): of other files?",
                name,
                len(odd),
                config.video_streams[0],
                odd[0],
                found[odd[0]],
                counts[odd[0]],
            )


def read_origins(config: ModelConfig, streams: Streams) -> Origins:
    """How the streams that a network reads were made.

    Raises:
        UserError: a stream is missing or of the wrong kind, or streams of clips have clips of different lengths.
    """
    audio = config.audio_streams if config.reads_audio else ()
    stores = {name: streams.any(name) for name in (*config.video_streams, config.text_stream, *audio)}
    for name, as_text in [(name, False) for name in (*config.video_streams, *audio)] + [(config.text_stream, True)]:
        if stores[name].text != as_text:
            held, wanted = ("videos", "queries") if as_text else ("queries", "videos")
            raise UserError(f"{stores[name].path}: stream {name} is of {held}, but the network reads it for {wanted}")
    first = stores[config.video_streams[0]]
    for name, store in stores.items():
        if name != config.text_stream and store.clip_seconds != first.clip_seconds:
            raise UserError(
                f"{store.path}: clips of {store.clip_seconds:g} s, but {first.clip_seconds:g} s in {first.path}: all "
                "streams need one clip grid"
            )
    return {name: origin_of(store) for name, store in stores.items()}


def input_dims(config: ModelConfig, streams: Streams) -> InputDims:
    """Widths of the network's inputs."""
    video = sum(streams.any(name).dim for name in config.video_streams) + 2 * config.endpoint_features
    audio = 0
    if config.reads_audio:
        audio = sum(streams.any(name).dim for name in config.audio_streams) + 2 * doubles_endpoints(config)
    return InputDims(video=video, text=streams.any(config.text_stream).dim, audio=audio)


def count_clips(config: ModelConfig, streams: Streams, vid: str) -> int:
    """Number of clips in a video's grid; 0 if a video stream does not have the video."""
    stores = [streams.find(name, vid) for name in config.video_streams]
    return 0 if stores[0] is None or None in stores else stores[0].n_clips(vid)


def read_video(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> tuple[Parts, Mask]:
    """The rows of each video stream, and the mask (L,) of clips that every one of them has."""
    stores = [store for name in config.video_streams if (store := streams.find(name, vid)) is not None]
    return _masked([store.on_grid(vid, n_clips) for store in stores])


def read_audio(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> tuple[Parts, Mask]:
    """The rows of each audio stream, and the mask (L,) of clips with sound in every one of them."""
    return _masked([_listen(config, streams, name, vid, n_clips) for name in config.audio_streams])


def read_levels(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> Rows:
    """Sound level of each clip in dB of full scale, (L,), from the first audio stream that has it; NaN if unknown."""
    levels = np.full(n_clips, np.nan, np.float32)
    for stream in config.audio_streams if config.reads_audio else ():
        store = streams.find(stream, vid)
        if store is not None:
            levels = np.where(np.isnan(levels), store.level_db(vid, n_clips), levels)
    return levels


def count_tokens(config: ModelConfig, streams: Streams, qid: int | str) -> int:
    """Number of tokens of a query that the network reads; 0 if no store has the query or its tokens."""
    store = streams.find(config.text_stream, str(qid))
    return 0 if store is None else min(store.length(str(qid)), config.max_tokens)


def read_text(config: ModelConfig, streams: Streams, qid: int | str) -> NDArray[Any]:
    """The first tokens of a query that a store has, (T, Dt)."""
    store = streams.find(config.text_stream, str(qid))
    if store is None:
        raise KeyError(qid)
    return store.rows(str(qid))[: config.max_tokens]


def _listen(config: ModelConfig, streams: Streams, stream: str, vid: str, n_clips: int) -> tuple[NDArray[Any], Mask]:
    store = streams.find(stream, vid)
    if store is None:
        return np.zeros((n_clips, streams.any(stream).dim), np.float32), np.zeros(n_clips, np.bool_)
    features, heard = store.on_grid(vid, n_clips)
    # Many released files mark clips without sound by features of all zeros.
    heard &= features.any(axis=1)
    if not config.compat.silence_heard:
        # Layer norms would scale near-silence up to a full-size update. An unknown level (NaN) counts as heard.
        heard &= ~(store.level_db(vid, n_clips) < config.silence_db)
    return features, heard


def _masked(parts: list[tuple[NDArray[Any], Mask]]) -> tuple[Parts, Mask]:
    """The rows of all streams, and the mask of clips that all have."""
    return [rows for rows, _ in parts], np.logical_and.reduce([mask for _, mask in parts])


def doubles_endpoints(config: ModelConfig) -> bool:
    """Whether the audio input has endpoint columns too, as in the references' data loader."""
    return config.endpoint_features and config.compat.double_endpoints
