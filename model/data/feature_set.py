"""Features of a split, concatenated and normalised for the network in batches.

The stores are mapped into memory and checked at the start: no file is opened once training has begun, and a batch is
made of slices. Runs that read the same stores on one machine share the memory of them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cli import UserError, canonical_json
from formats.grid import CLIP_SECONDS
from formats.rows import Row
from model.audio_control import AudioControl
from model.config import ModelConfig
from model.data.audio_controls import control_audio
from model.data.joined import Joined
from model.data.packed import Packed
from model.data.streams import (
    Streams,
    count_clips,
    count_tokens,
    doubles_endpoints,
    input_dims,
    name_other_grids,
    read_audio,
    read_levels,
    read_origins,
    read_text,
    read_video,
)
from model.network.tensors import Inputs

_log = logging.getLogger(__name__)
ORIGINAL = AudioControl()


class NoQueries(UserError):
    """None of the queries has features."""


class FeatureSet:
    """The queries of a split with their features.

    Attributes:
        rows: annotation rows of the queries that have features.
        dims: widths of the inputs.
        origins: how the features of each stream were made.
        clip_seconds: length of a clip in seconds.
        replaced: the videos whose audio the control replaced.
        rolls_negatives: whether the next query in a batch is always the negative one, even for the same video.
    """

    def __init__(
        self,
        config: ModelConfig,
        rows: list[Row],
        streams: Streams,
        control: AudioControl = ORIGINAL,
        seed: int = 0,
    ) -> None:
        """Read the features of the queries. Queries without video or text features are left out and logged.

        Args:
            control: audio that the network hears, drawn from `seed`.

        Raises:
            NoQueries: no query is left.
            UserError: a stream is missing, or the clip length differs from that of the labels.
        """
        self.origins = read_origins(config, streams)
        self.clip_seconds = streams.any(config.video_streams[0]).clip_seconds
        if self.clip_seconds != CLIP_SECONDS:
            raise UserError(
                f"the features have {self.clip_seconds:g} s clips, but relevant_clip_ids, saliency_scores and the "
                f"evaluation assume {CLIP_SECONDS:g} s: set clips.seconds to {CLIP_SECONDS:g}"
            )
        self.dims = input_dims(config, streams)
        counted = {vid: count_clips(config, streams, vid) for vid in sorted({row["vid"] for row in rows})}
        name_other_grids(config, streams, counted)
        grids = {vid: count for vid, count in counted.items() if count}
        self._video = Joined(self.dims.video, config.endpoint_features)
        self._seen = Packed(grids, np.bool_)
        for vid, count in grids.items():
            parts, self._seen[vid][:] = read_video(config, streams, vid, count)
            self._video.add(vid, parts, self._seen[vid])
        clips = {vid: count for vid, count in grids.items() if self._seen[vid].any()}
        self._all_seen = all(self._seen[vid].all() for vid in clips)
        tokens = {str(row["qid"]): count_tokens(config, streams, row["qid"]) for row in rows}
        words = {name: count for name, count in tokens.items() if count}
        self.rows = [row for row in rows if row["vid"] in clips and str(row["qid"]) in words]
        _report_left_out(rows, self.rows)
        self._audio = Joined(self.dims.audio, config.reads_audio and doubles_endpoints(config))
        self._heard = Packed(clips, np.bool_)
        self._level = Packed(clips, np.float32)
        for vid, count in clips.items() if config.reads_audio else ():
            parts, self._heard[vid][:] = read_audio(config, streams, vid, count)
            self._audio.add(vid, parts, self._heard[vid])
        for vid, count in clips.items():
            self._level[vid][:] = read_levels(config, streams, vid, count)
        self.replaced: frozenset[str] = frozenset()
        if config.reads_audio and control.kind != "original":
            changed = Packed(clips, np.float32, self.dims.audio)
            for vid in clips:
                changed[vid][:] = self._audio[vid]
            self.replaced = control_audio(changed, self._heard, control, seed)
            self._audio = Joined(self.dims.audio)
            for vid in clips:
                self._audio.add(vid, [changed[vid]], unit=True)
        self._text = Joined(self.dims.text)
        for name in words:
            self._text.add(name, [read_text(config, streams, name)])
        self._reads_audio = config.reads_audio
        self.rolls_negatives = config.compat.rolled_negatives

    def __len__(self) -> int:
        return len(self.rows)

    def n_clips(self, index: int) -> int:
        """Number of clips in the video of query `index`."""
        return self._video.length(self.rows[index]["vid"])

    def seen(self, index: int) -> NDArray[np.bool_]:
        """Clips of the video of query `index` that have a picture, (L,)."""
        return self._seen[self.rows[index]["vid"]]

    def batch(self, indices: Iterable[int], further_texts: Iterable[int] = (), share: bool = False) -> Inputs:
        """Pad the queries at `indices` to one batch; the texts of the queries at `further_texts` follow theirs.

        With `share`, a video that several queries are about is there once.
        """
        indices = list(indices)
        vids = [self.rows[i]["vid"] for i in indices]
        text, text_mask = self.texts([*indices, *further_texts])
        places = None
        if share and len(set(vids)) < len(vids):
            row_of = {vid: row for row, vid in enumerate(dict.fromkeys(vids))}
            places, vids = torch.tensor([row_of[vid] for vid in vids]), list(row_of)
        video, video_mask = self._video.pad(vids)
        seen = None if self._all_seen else self._seen.pad(vids)[0]
        audio = audio_mask = None
        if self._reads_audio:
            audio, _ = self._audio.pad(vids)
            audio_mask, _ = self._heard.pad(vids)
        return Inputs(video, video_mask, text, text_mask, audio, audio_mask, seen, places)

    def texts(self, indices: Iterable[int]) -> tuple[Tensor, Tensor]:
        """Pad the texts of the queries at `indices`: (B, T, Dt) and their mask (B, T)."""
        return self._text.pad([str(self.rows[i]["qid"]) for i in indices])

    def levels(self, index: int) -> list[float | None]:
        """Recorded sound level of each clip in dB of full scale, regardless of the control; None if unknown."""
        levels = self._level[self.rows[index]["vid"]]
        return [None if np.isnan(level) else round(float(level), 2) for level in levels]

    def novelty(self, index: int) -> list[float | None]:
        """Novelty of each clip's audio: 1 - cosine similarity to the mean over heard clips; None if not heard."""
        audio, heard = self._audio[self.rows[index]["vid"]], self._heard[self.rows[index]["vid"]]
        if not heard.any():
            return [None] * len(heard)
        mean = audio[heard].mean(axis=0)
        cosine = audio @ mean / (np.linalg.norm(audio, axis=1) * np.linalg.norm(mean) + 1e-12)
        return [round(1 - float(value), 6) if known else None for value, known in zip(cosine, heard, strict=True)]

    def digest(self) -> str:
        """Fingerprint of all rows and features, which must not change for a run to resume."""
        content = hashlib.blake2b(canonical_json(self.rows).encode(), digest_size=16)
        for packed in (self._video, self._seen, self._audio, self._heard, self._text):
            for rows in packed if isinstance(packed, Joined) else (packed.rows,):
                content.update(rows.data if rows.size else b"")
        return content.hexdigest()


def _report_left_out(rows: list[Row], kept: list[Row]) -> None:
    if not kept:
        named = ", ".join(sorted({row["vid"] for row in rows})[:5])
        raise NoQueries(f"none of {len(rows)} queries has features for its video and its text (videos: {named})")
    if len(kept) < len(rows):
        have = {row["qid"] for row in kept}
        missing = [row for row in rows if row["qid"] not in have]
        named = ", ".join(sorted({row["vid"] for row in missing})[:5])
        _log.warning("%d of %d queries left out: features are missing (videos: %s)", len(missing), len(rows), named)
