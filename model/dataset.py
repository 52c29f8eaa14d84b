"""Features of a split in memory, joined and normalised as the network reads them, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cli import UserError
from cli.files import Row
from feature_extractors.store import Store
from model.config import ModelConfig
from model.detector import InputDims, Inputs

LABEL_SECONDS = 2.0
"""Length of the clips that the QVHighlights schema labels."""


class Streams:
    """The stores of all shards, by stream."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._stores: dict[str, list[Store]] = {}
        for file in files:
            store = Store(file)
            self._stores.setdefault(store.stream, []).append(store)

    def find(self, stream: str, name: str) -> Store:
        """The store of `stream` that holds an id."""
        for store in self._stores.get(stream, []):
            if name in store:
                return store
        known = ", ".join(sorted(self._stores)) or "none"
        raise UserError(f"no {stream} features of {name!r} in the given stores (streams: {known})")

    def dim(self, stream: str) -> int:
        """Width of a stream."""
        if stream not in self._stores:
            raise UserError(f"no store of stream {stream!r} among the given features")
        return self._stores[stream][0].dim


@dataclass(frozen=True)
class VideoFeatures:
    """One video as the network reads it: video (L, Dv), audio (L, Da), audio_mask (L,)."""

    video: NDArray[np.float32]
    audio: NDArray[np.float32]
    audio_mask: NDArray[np.bool_]


class FeatureSet:
    """The queries of a split with their features.

    Attributes:
        rows: annotation rows.
        dims: widths of the inputs.
        clip_seconds: length of a clip in seconds.
    """

    def __init__(self, config: ModelConfig, rows: list[Row], streams: Streams) -> None:
        if not rows:
            raise UserError("no queries to read features for")
        self.rows = rows
        self.clip_seconds = streams.find(config.video_streams[0], rows[0]["vid"]).clip_seconds
        if self.clip_seconds != LABEL_SECONDS:
            raise UserError(
                f"features of {self.clip_seconds:g}-s clips: relevant_clip_ids, saliency_scores and their evaluation "
                f"are of {LABEL_SECONDS:g}-s clips (set clips.seconds)"
            )
        self._videos = {vid: _read_video(config, streams, vid) for vid in sorted({row["vid"] for row in rows})}
        self._texts = {row["qid"]: _read_text(config, streams, row["qid"]) for row in rows}
        self.dims = InputDims(
            video=sum(streams.dim(name) for name in config.video_streams) + 2 * config.endpoint_features,
            text=streams.dim(config.text_stream),
            audio=_audio_dim(config, streams),
        )
        self._reads_audio = config.reads_audio

    def __len__(self) -> int:
        return len(self.rows)

    def n_clips(self, index: int) -> int:
        """Clips of the video that query `index` is about."""
        return len(self._videos[self.rows[index]["vid"]].video)

    def batch(self, indices: Sequence[int]) -> Inputs:
        """Pad the queries at `indices` to one batch."""
        videos = [self._videos[self.rows[i]["vid"]] for i in indices]
        video, video_mask = _pad([item.video for item in videos])
        text, text_mask = _pad([self._texts[self.rows[i]["qid"]] for i in indices])
        audio = audio_mask = None
        if self._reads_audio:
            audio, _ = _pad([item.audio for item in videos])
            audio_mask = torch.zeros_like(video_mask)
            for sample, item in enumerate(videos):
                audio_mask[sample, : len(item.audio_mask)] = torch.from_numpy(item.audio_mask)
        return Inputs(video, video_mask, text, text_mask, audio, audio_mask)


def _audio_dim(config: ModelConfig, streams: Streams) -> int:
    if not config.reads_audio:
        return 0
    return sum(streams.dim(name) for name in config.audio_streams) + 2 * _doubles_endpoints(config)


def _doubles_endpoints(config: ModelConfig) -> bool:
    """Whether the audio input has the endpoint columns too, as the references' loader adds them."""
    return config.endpoint_features and "double_endpoints" in config.compat


def _read_video(config: ModelConfig, streams: Streams, vid: str) -> VideoFeatures:
    n_clips = streams.find(config.video_streams[0], vid).n_clips(vid)
    video = [_normalise(_read_all_clips(streams.find(name, vid), vid, n_clips)) for name in config.video_streams]
    edges = np.arange(n_clips + 1, dtype=np.float32) / n_clips
    endpoints: NDArray[np.float32] = np.stack([edges[:-1], edges[1:]], axis=1)
    if config.endpoint_features:
        video.append(endpoints)
    audio = np.zeros((n_clips, 0), np.float32)
    heard = np.zeros(n_clips, np.bool_)
    if config.reads_audio:
        parts = [streams.find(name, vid).on_grid(vid, n_clips) for name in config.audio_streams]
        columns = [_normalise(features) for features, _ in parts]
        # A clip counts as heard if every stream has it, and none has nothing but zeros for it.
        heard = np.logical_and.reduce([mask & features.any(axis=1) for features, mask in parts])
        audio = np.concatenate([*columns, endpoints] if _doubles_endpoints(config) else columns, axis=1)
    return VideoFeatures(np.concatenate(video, axis=1), audio, heard)


def _read_all_clips(store: Store, vid: str, n_clips: int) -> NDArray[np.float32]:
    features, mask = store.on_grid(vid, n_clips)
    if not mask.all():
        raise UserError(f"{store.path}: {store.stream} has {int(mask.sum())} of the {n_clips} clips of {vid!r}")
    return features


def _read_text(config: ModelConfig, streams: Streams, qid: int) -> NDArray[np.float32]:
    name = str(qid)
    return _normalise(streams.find(config.text_stream, name).rows(name)[: config.max_tokens])


def _normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row by its L2 norm, which stays 0 for a row of zeros."""
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-5)


def _pad(items: list[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Zero-pad (n, D) arrays to (B, longest, D), with the mask (B, longest)."""
    longest = max(len(item) for item in items)
    padded = torch.zeros(len(items), longest, items[0].shape[1])
    mask = torch.zeros(len(items), longest, dtype=torch.bool)
    for sample, item in enumerate(items):
        padded[sample, : len(item)] = torch.from_numpy(item)
        mask[sample, : len(item)] = True
    return padded, mask
