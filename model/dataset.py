"""Features of a split in memory, joined and normalised as the network reads them, and batches of them.

All videos lie one after the other in one array, and so do all texts: no file is opened once training has begun, and a
batch is made by copying slices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cli import UserError, canonical_json
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


class Packed:
    """Rows of many ids in one array (rows, D), with the place of each id."""

    def __init__(self, lengths: dict[str, int], dim: int) -> None:
        self.rows = np.zeros((sum(lengths.values()), dim), np.float32)
        self._lengths = lengths
        ends = np.cumsum(list(lengths.values())).tolist()
        self._ends = dict(zip(lengths, ends, strict=True))
        self._tensor = torch.from_numpy(self.rows)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """The rows of one id, (n, D): a view to fill or read."""
        return self.rows[self._ends[name] - self._lengths[name] : self._ends[name]]

    def length(self, name: str) -> int:
        """Rows of one id."""
        return self._lengths[name]

    def pad(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The rows of some ids, zero-padded to (B, longest, D), and the mask (B, longest), True = valid."""
        lengths = [self._lengths[name] for name in names]
        slices = [self._tensor[self._ends[name] - self._lengths[name] : self._ends[name]] for name in names]
        longest = max(lengths)
        if min(lengths) == longest:
            # The usual case in QVHighlights; nothing is written twice.
            return torch.stack(slices), torch.ones(len(names), longest, dtype=torch.bool)
        return pad_sequence(slices, batch_first=True), torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)


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
        self.dims = InputDims(
            video=sum(streams.dim(name) for name in config.video_streams) + 2 * config.endpoint_features,
            text=streams.dim(config.text_stream),
            audio=sum(streams.dim(name) for name in config.audio_streams) if config.reads_audio else 0,
        )
        vids = sorted({row["vid"] for row in rows})
        clips = {vid: streams.find(config.video_streams[0], vid).n_clips(vid) for vid in vids}
        self._video = Packed(clips, self.dims.video)
        self._audio = Packed(clips, self.dims.audio) if config.reads_audio else None
        self._heard = Packed(clips, 1) if config.reads_audio else None
        for vid in vids:
            self._video[vid][:] = _read_video(config, streams, vid, clips[vid])
            if self._audio is not None and self._heard is not None:
                self._audio[vid][:], self._heard[vid][:, 0] = _read_audio(config, streams, vid, clips[vid])
        words = {name: _read_text(config, streams, name) for name in (str(row["qid"]) for row in rows)}
        self._text = Packed({name: len(tokens) for name, tokens in words.items()}, self.dims.text)
        for name, tokens in words.items():
            self._text[name][:] = tokens

    def __len__(self) -> int:
        return len(self.rows)

    def n_clips(self, index: int) -> int:
        """Clips of the video that query `index` is about."""
        return self._video.length(self.rows[index]["vid"])

    def batch(self, indices: Iterable[int], further_texts: Iterable[int] = ()) -> Inputs:
        """Pad the queries at `indices` to one batch; the texts of `further_texts` follow theirs."""
        indices = list(indices)
        vids = [self.rows[i]["vid"] for i in indices]
        video, video_mask = self._video.pad(vids)
        text, text_mask = self._text.pad([str(self.rows[i]["qid"]) for i in [*indices, *further_texts]])
        audio = audio_mask = None
        if self._audio is not None and self._heard is not None:
            audio, _ = self._audio.pad(vids)
            audio_mask = self._heard.pad(vids)[0].squeeze(-1) > 0
        return Inputs(video, video_mask, text, text_mask, audio, audio_mask)

    def digest(self) -> str:
        """A fingerprint of all rows and features: what a resumed run must find unchanged."""
        content = hashlib.blake2b(canonical_json(self.rows).encode(), digest_size=16)
        for packed in (self._video, self._audio, self._heard, self._text):
            if packed is not None:
                content.update(packed.rows.data if packed.rows.size else b"")
        return content.hexdigest()


def _read_video(config: ModelConfig, streams: Streams, vid: str, n_clips: int) -> NDArray[np.float32]:
    video = [_normalise(_read_all_clips(streams.find(name, vid), vid, n_clips)) for name in config.video_streams]
    if config.endpoint_features:
        edges = np.arange(n_clips + 1, dtype=np.float32) / n_clips
        video.append(np.stack([edges[:-1], edges[1:]], axis=1))
    return np.concatenate(video, axis=1)


def _read_audio(
    config: ModelConfig, streams: Streams, vid: str, n_clips: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Audio (L, Da) and which clips are heard (L,): those that every stream has."""
    parts = [streams.find(name, vid).on_grid(vid, n_clips) for name in config.audio_streams]
    heard = np.logical_and.reduce([mask for _, mask in parts])
    return np.concatenate([_normalise(features) for features, _ in parts], axis=1), heard


def _read_all_clips(store: Store, vid: str, n_clips: int) -> NDArray[np.float32]:
    features, mask = store.on_grid(vid, n_clips)
    if not mask.all():
        raise UserError(f"{store.path}: {store.stream} has {int(mask.sum())} of the {n_clips} clips of {vid!r}")
    return features


def _read_text(config: ModelConfig, streams: Streams, name: str) -> NDArray[np.float32]:
    return _normalise(streams.find(config.text_stream, name).rows(name)[: config.max_tokens])


def _normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row by its L2 norm, which stays 0 for a row of zeros."""
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-5)
