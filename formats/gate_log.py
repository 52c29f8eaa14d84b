"""The gate log: JSONL, the gates of one query per line.

A gate says how much of an update a layer of the fusion lets through. The kinds of gates mean different things and are
never averaged together: `mha` weighs the audio update, `ffn` the update after it, which FiLM first scales by
1 + `gamma` and shifts by `beta`. Their ranges depend on the fusion and the run (a sigmoid, a tanh, or either times a
learnt scale), so nothing here assumes a range.

Keys of a row: the original logs have `qid`, `vid`, `gating_type` and `layer_gates`, which holds per layer `gate_mha`,
`gate_ffn`[, `gate_gamma`, `gate_beta`] as nested lists (1, 1) for global gates, (L, 1) clipwise, (L, D) elementwise.
This project adds `domain` if the annotation has one, `clip_times` in seconds, `audio_mask` (which clips have audio),
`has_audio`, `contribution` (|gate * delta| / |x| of each clip), the predicted `saliency`, `audio_level_db`,
`audio_novelty`, and `audio_replaced` if a control replaced the sound of a part of the videos.

Reading averages elementwise gates over channels, because they are too large to keep in memory. FiLM's gamma and beta
have no common sign over channels, so the reader keeps their size (root mean square). The original's beta, logged
without a gamma, is the same number for all channels in most logs, and is averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cli import UserError
from formats.annotations import Qid, read_qid
from formats.arrays import Bools, Floats, read_numbers
from formats.grid import Span, average_spans, clip_bounds
from formats.rows import Row, iterate_rows, shorten

KINDS = {
    "mha": "attention gate: weight of the audio update (0 = shut)",
    "ffn": "feed-forward gate: signed, weight of the update after the audio (in the original's FiLM: 1 + gate)",
    "gamma": "FiLM scale: size of gamma over channels, of which 1 + gamma scales the update (0 = unchanged)",
    "beta": "FiLM shift of the update: size over channels; in the original's FiLM signed (0 = none)",
}
GATING_TYPES = ("global", "clipwise", "elementwise")
# Two queries of a video have the same gates if these differ by less than this share of the kind's largest gate, because
# batches round differently. Logs round as well, to six decimals.
SAME_GATE, LOG_STEP = 1e-4, 1e-6
LARGEST = 1e9
"""Largest number allowed in a log. No valid value, seconds included, comes near it."""


@dataclass(frozen=True)
class LoggedLayer:
    """The logged values of one layer.

    Attributes:
        gates: by kind, (1, 1) for global gates, (L, 1) clipwise, (L, D) elementwise.
        contribution: by kind, |gate * delta| / |x| of each clip, (L,).
    """

    gates: Mapping[str, Floats]
    contribution: Mapping[str, Floats]


def gate_row(
    query: Row,
    gating_type: str,
    layers: Sequence[LoggedLayer],
    audio_mask: Bools,
    saliency: Floats,
    clip_seconds: float,
) -> Row:
    """Make the row of a query (an annotation row) about a video of L clips.

    Args:
        audio_mask: (L,) clips with audio; (0,) for a network without audio.
        saliency: (L,) predicted.
    """
    return {
        "qid": query["qid"],
        "vid": query["vid"],
        **({"domain": query["domain"]} if "domain" in query else {}),
        "gating_type": gating_type,
        "layer_gates": [{f"gate_{kind}": _rounded(gate) for kind, gate in layer.gates.items()} for layer in layers],
        "clip_times": clip_bounds(len(saliency), clip_seconds).tolist(),
        "audio_mask": audio_mask.tolist(),
        "has_audio": bool(audio_mask.any()),
        "contribution": [{kind: _rounded(of) for kind, of in layer.contribution.items()} for layer in layers],
        "saliency": _rounded(saliency),
    }


def add_sound(
    row: Row, level_db: Sequence[float | None], novelty: Sequence[float | None], replaced: bool | None = None
) -> Row:
    """Add the sound of each clip to a row: its level in dB of full scale, and its distance from the video's mean.

    `replaced`: whether the network heard something else in place of this video's sound, where that differs from video
    to video (`audio_replaced`).
    """
    control = {} if replaced is None else {"audio_replaced": replaced}
    return {**row, "audio_level_db": list(level_db), "audio_novelty": list(novelty), **control}


def merge_gate_rows(parts: Sequence[tuple[Span, Row]], n_clips: int, clip_seconds: float) -> Row:
    """Merge the rows of `gate_row` for spans of a video into one row.

    Per-clip values (gates that are not global, contributions, saliency) are averaged over the spans that contain the
    clip, and are 0 for a clip in no span. Global gates are averaged over the spans; audio gates over those with sound.
    """
    rows = [row for _, row in parts]
    heard = np.zeros(n_clips, bool)
    for (first, stop), row in parts:
        heard[first:stop] |= row["audio_mask"]

    def average(values: Sequence[Any]) -> Any:
        spans = [span for span, _ in parts]
        return _rounded(np.nan_to_num(average_spans(list(zip(spans, values, strict=True)), n_clips)))

    def gate(layer: int, name: str) -> Any:
        values = [row["layer_gates"][layer][name] for row in rows]
        if rows[0]["gating_type"] != "global":
            return average(values)
        if name == "gate_mha":
            # Ignore gates that are 0 because there is no audio to gate.
            told = [value for value, row in zip(values, rows, strict=True) if row["has_audio"] or np.any(value)]
            values = told or values
        return _rounded(np.mean(values, axis=0))

    layers = range(len(rows[0]["layer_gates"]))
    return {
        **rows[0],
        "layer_gates": [{name: gate(layer, name) for name in rows[0]["layer_gates"][layer]} for layer in layers],
        "clip_times": clip_bounds(n_clips, clip_seconds).tolist(),
        "audio_mask": heard.tolist(),
        "has_audio": bool(heard.any()),
        "contribution": [
            {
                kind: average([row["contribution"][layer][kind] for row in rows])
                for kind in rows[0]["contribution"][layer]
            }
            for layer in layers
        ],
        "saliency": average([row["saliency"] for row in rows]),
    }


def _rounded(values: Floats) -> Any:
    return np.asarray(values, dtype=np.float64).round(6).tolist()


@dataclass(frozen=True)
class GateSample:
    """The gates of one query. C is the number of clips, or 1 for a gate that covers the whole video."""

    qid: Qid
    vid: str
    gates: dict[str, Floats]  # kind -> (layers, C), mean over channels; for gamma and its beta root mean square
    contribution: dict[str, Floats]  # kind -> (layers, clips), |g * update| / |x|; empty where not logged
    clip_times: Floats | None  # (clips, 2), seconds
    audio_mask: Bools | None  # (clips,), True where the clip has audio
    has_audio: bool | None
    saliency: Floats | None  # (clips,)
    level_db: Floats | None  # (clips,), level of the sound in dB; NaN where there is no sound
    novelty: Floats | None  # (clips,), 1 - cosine of the clip's audio feature to the video's mean; NaN without sound
    row: Row  # all other keys of the log

    def mean(self, values: Floats) -> Floats:
        """Mean of (layers, C) over valid clips, (layers,): clips with audio if the log marks them, else all clips."""
        if self.audio_mask is not None and self.audio_mask.any() and values.shape[1] == len(self.audio_mask):
            values = values[:, self.audio_mask]
        return values.mean(1)


@dataclass(frozen=True)
class GateLog:
    """All queries of a gate log; they have the same gating type, kinds and number of layers."""

    name: str
    gating_type: str
    kinds: tuple[str, ...]
    layers: int
    samples: tuple[GateSample, ...]

    def means(self, kind: str) -> Floats:
        """The gates of one kind as (samples, layers): mean over valid clips and channels."""
        return np.stack([sample.mean(sample.gates[kind]) for sample in self.samples])

    def contributions(self, kind: str) -> Floats | None:
        """The contribution of one kind as (samples, layers); None if any sample does not have it."""
        if any(kind not in sample.contribution for sample in self.samples):
            return None
        return np.stack([sample.mean(sample.contribution[kind]) for sample in self.samples])

    def are_per_video(self) -> bool:
        """Whether all queries of a video have the same gates, as they do if the fusion comes before the text."""
        scaled = []
        for kind in self.kinds:
            means = self.means(kind)
            scaled.append(means / max(SAME_GATE * float(np.abs(means).max()), 1.5 * LOG_STEP))
        values = np.concatenate(scaled, axis=1)
        first: dict[str, int] = {}
        return all(
            np.abs(values[index] - values[first.setdefault(sample.vid, index)]).max() < 1
            for index, sample in enumerate(self.samples)
        )

    def distinct(self, indices: Iterable[int], per_video: bool) -> list[int]:
        """`indices`, with one query per video if the gates are per video, so that each video counts once."""
        if not per_video:
            return list(indices)
        first: dict[str, int] = {}
        for index in indices:
            first.setdefault(self.samples[index].vid, index)
        return list(first.values())


def read_gate_log(path: Path, most: int = -1) -> GateLog:
    """Read a gate log of this project or of the original tool (only qid, vid, gating_type, layer_gates).

    `most`: maximum number of queries to read; -1 for all.

    Raises:
        UserError: a line is malformed or differs in kind from the lines before; the message names file and line.
    """
    samples: list[GateSample] = []
    first: tuple[str, tuple[str, ...], int] | None = None
    for number, row in iterate_rows(path):
        if len(samples) == most:
            break
        where = f"{path}: line {number}"
        gating_type = row.get("gating_type")
        if gating_type not in GATING_TYPES:
            raise UserError(f"{where}: gating_type must be one of {', '.join(GATING_TYPES)}, got {gating_type!r}")
        sample = read_gate_sample(row, where)
        shape = (str(gating_type), tuple(sample.gates), len(sample.gates["mha"]))
        if first is None:
            first = shape
        if shape != first:
            raise UserError(f"{where}: gating type, kinds or layers {shape} differ from the lines before: {first}")
        samples.append(sample)
    if first is None:
        raise UserError(f"{path}: no rows")
    return GateLog(path.name, *first, tuple(samples))


def read_gate_sample(row: Row, where: str) -> GateSample:
    """Read a row of the gate log.

    Raises:
        UserError: the row is malformed.
    """
    missing = [key for key in ("qid", "vid", "layer_gates") if key not in row]
    if missing:
        raise UserError(f"{where}: has no {missing[0]!r}")
    qid = read_qid(row, where)
    layers = row["layer_gates"]
    if not isinstance(layers, list) or not layers or not all(isinstance(layer, dict) for layer in layers):
        raise UserError(f"{where}: layer_gates must be a list of layers {{gate_mha, gate_ffn}}, got {shorten(layers)}")
    kinds = ["mha", "ffn", *(kind for kind in ("gamma", "beta") if layers[0].get(f"gate_{kind}") is not None)]
    sizes = ("gamma", "beta") if "gamma" in kinds else ()
    gates = {
        kind: _stack(
            [_read_gate(layer.get(f"gate_{kind}"), f"{where}: gate_{kind}", size=kind in sizes) for layer in layers],
            where,
        )
        for kind in kinds
    }
    logged = row.get("contribution") or []
    if logged and (
        not isinstance(logged, list)
        or len(logged) != len(layers)
        or not all(isinstance(layer, dict) for layer in logged)
    ):
        raise UserError(f"{where}: contribution must have one object for each of the {len(layers)} layers")
    contribution = {
        kind: _stack([_read(layer[kind], (None,), f"{where}: contribution {kind}")[None] for layer in logged], where)
        for kind in kinds
        if logged and all(layer.get(kind) is not None for layer in logged)
    }

    saliency = None if row.get("saliency") is None else _read(row["saliency"], (None,), f"{where}: saliency")
    level, novelty = (_read_curve(row.get(key), f"{where}: {key}") for key in ("audio_level_db", "audio_novelty"))
    times = None if row.get("clip_times") is None else _read(row["clip_times"], (None, 2), f"{where}: clip_times")
    if times is not None and not ((times[:, 0] < times[:, 1]).all() and (np.diff(times[:, 0]) > 0).all()):
        raise UserError(f"{where}: clip_times must be [start, end] in seconds, one clip after the other")
    mask = None
    if row.get("audio_mask"):
        mask = np.array(row["audio_mask"], dtype=object).ravel()
        if not all(value in (0, 1) for value in mask):
            raise UserError(f"{where}: audio_mask must be true or false for each clip")
        mask = mask.astype(bool)
    lengths = {values.shape[1] for values in [*gates.values(), *contribution.values()]} - {1}
    lengths |= {len(values) for values in (times, mask, saliency, level, novelty) if values is not None} - {1}
    if len(lengths) > 1 or 0 in lengths:
        raise UserError(f"{where}: gates and clip keys disagree on the number of clips: {sorted(lengths)}")
    has_audio = row.get("has_audio")
    if has_audio is None and mask is not None:
        has_audio = bool(mask.any())
    if has_audio not in (None, True, False):
        raise UserError(f"{where}: has_audio must be true or false, got {shorten(has_audio)}")
    has_audio = None if has_audio is None else bool(has_audio)
    known = {"layer_gates", "contribution", "clip_times", "audio_mask", "has_audio"}
    known |= {"saliency", "audio_level_db", "audio_novelty"}
    rest = {key: value for key, value in row.items() if key not in known}
    sound = _unless_unknown(level), _unless_unknown(novelty)
    return GateSample(qid, str(row["vid"]), gates, contribution, times, mask, has_audio, saliency, *sound, rest)


def _read(value: Any, shape: tuple[int | None, ...], what: str) -> Floats:
    return read_numbers(value, shape, what, LARGEST)


def _read_curve(value: Any, what: str) -> Floats | None:
    """Read one number per clip, (clips,), with null as NaN; None if the key is absent."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise UserError(f"{what}: must be a number or null for each clip, got {shorten(value)}")
    known = np.array([number is not None for number in value], dtype=bool)
    curve = np.full(len(value), np.nan)
    curve[known] = _read([number for number in value if number is not None], (None,), what)
    return curve


def _unless_unknown(curve: Floats | None) -> Floats | None:
    return None if curve is None or np.isnan(curve).all() else curve


def _read_gate(value: Any, what: str, size: bool) -> Floats:
    """Read [[g]], clips x 1 or clips x channels (or g, or a list) as (1, clips): mean or `size` over channels."""
    depth = 0
    inner = value
    while isinstance(inner, list) and inner:
        depth, inner = depth + 1, inner[0]
    if depth > 2 or inner == []:
        raise UserError(f"{what}: must be clips x channels numbers, got {shorten(value)}")
    array = _read(value, (None,) * depth, what)
    by_clip = array.reshape(len(array) if depth else 1, -1)
    reduced: Floats = np.sqrt((by_clip**2).mean(1)) if size else by_clip.mean(1)
    return reduced[None]


def _stack(layers: Sequence[Floats], where: str) -> Floats:
    if len({layer.shape for layer in layers}) > 1:
        raise UserError(f"{where}: the layers have different numbers of clips")
    return np.concatenate(layers)
