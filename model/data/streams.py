"""Feature stores, and the features of one video or query as the network reads them: joined, normalised, masked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.store import Store
from model.config import ModelConfig
from model.data.origins import Origins, check_shards, origin_of
from model.network.tensors import InputDims

Mask = NDArray[np.bool_]
Rows = NDArray[np.float32]


class Streams:
    """The stores of all shards, by stream.

    Raises:
        UserError: a file is no store, or two stores of one stream were made in different ways.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._stores: dict[str, list[Store]] = {}
        for file in files:
            store = Store(file)
            of_stream = self._stores.setdefault(store.stream, [])
            of_stream.append(store)
            check_shards(of_stream[0], store)

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


def read_origins(config: ModelConfig, streams: Streams) -> Origins:
    """How the streams that a network reads were made.

    Raises:
        UserError: a stream is missing, or streams of clips have clips of different lengths.
    """
    audio = config.audio_streams if config.reads_audio else ()
    stores = {name: streams.any(name) for name in (*config.video_streams, config.text_stream, *audio)}
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


def read_video(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> tuple[Rows, Mask]:
    """The video input (L, Dv), and the mask (L,) of clips that every video stream has; other clips are zeros."""
    stores = [store for name in config.video_streams if (store := streams.find(name, vid)) is not None]
    video, seen = _join([store.on_grid(vid, n_clips) for store in stores])
    return np.concatenate([video, endpoints(n_clips)], axis=1) if config.endpoint_features else video, seen


def read_audio(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> tuple[Rows, Mask]:
    """The audio input (L, Da), with no columns if unused, and the mask (L,) of clips with sound in every stream."""
    if not config.reads_audio:
        return np.zeros((n_clips, 0), np.float32), np.zeros(n_clips, np.bool_)
    audio, heard = _join([_listen(config, streams, name, vid, n_clips) for name in config.audio_streams])
    return np.concatenate([audio, endpoints(n_clips)], axis=1) if doubles_endpoints(config) else audio, heard


def read_levels(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> Rows:
    """Sound level of each clip in dB of full scale, (L,), from the first audio stream that has it; NaN if unknown."""
    levels = np.full(n_clips, np.nan, np.float32)
    for stream in config.audio_streams if config.reads_audio else ():
        store = streams.find(stream, vid)
        if store is not None:
            levels = np.where(np.isnan(levels), store.level_db(vid, n_clips), levels)
    return levels


def read_text(config: ModelConfig, streams: Streams, qid: int) -> Rows | None:
    """The first tokens of a query (T, Dt), each of unit length; None if no store has the query or its tokens."""
    store = streams.find(config.text_stream, str(qid))
    rows = None if store is None else store.rows(str(qid))[: config.max_tokens]
    return None if rows is None or not len(rows) else _normalise(rows)


def _listen(config: ModelConfig, streams: Streams, stream: str, vid: str, n_clips: int) -> tuple[Rows, Mask]:
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


def _join(parts: list[tuple[Rows, Mask]]) -> tuple[Rows, Mask]:
    """Concatenate streams along the features, each row normalised per stream, with the mask of clips that all have."""
    mask = np.logical_and.reduce([mask for _, mask in parts])
    joined = np.concatenate([_normalise(features) for features, _ in parts], axis=1)
    return np.where(mask[:, None], joined, np.float32(0)), mask


def doubles_endpoints(config: ModelConfig) -> bool:
    """Whether the audio input has endpoint columns too, as in the references' data loader."""
    return config.endpoint_features and config.compat.double_endpoints


def endpoints(n_clips: int) -> Rows:
    """Start and end of each clip as fractions of the video, (L, 2)."""
    edges = np.arange(n_clips + 1, dtype=np.float32) / n_clips
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32)


def _normalise(rows: Rows) -> Rows:
    """Divide each row by its L2 norm; a row of zeros stays zero."""
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-5)
