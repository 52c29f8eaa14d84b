"""All that the page shows of one query, as a JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.explorer.answers import Answers
from eval.explorer.curves import Curves, pack, pack_rows
from eval.explorer.links import relative_url
from formats.annotations import LONGEST
from formats.arrays import Floats
from formats.gate_log import GateSample
from formats.grid import CLIP_SECONDS
from formats.labels import MOST_POINTS, read_points, read_ratings, read_relevant_windows
from formats.predictions import (
    MOST_WINDOWS,
    has_saliency,
    has_windows,
    read_predicted_saliency,
    read_predicted_windows,
)
from formats.rows import Row
from formats.strip import Preview

FEW = 5
"""Of more annotators than this, some give every clip the lowest and others the highest points."""


def describe_query(
    row: Row, answers: Sequence[Answers], media: dict[str, Any] | None, level: Floats | None, where: str
) -> dict[str, Any]:
    """Describe an annotation row and its answers.

    Args:
        media: of `describe_media`, None if nothing is known of the video.
        level: sound level of each clip in dB, if the gate logs do not have it.
        where: name of the rows in messages.

    Raises:
        UserError: labels or predictions are malformed.
    """
    described = [_describe_answer(row, one) for one in answers]
    samples = [one.gates[row["qid"]] for one in answers if row["qid"] in one.gates]
    windows = read_relevant_windows(row, where)
    labels = _read_labels(row, where)
    heard = next((sample.level_db for sample in samples if sample.level_db is not None), level)
    seconds = _clip_seconds(samples)
    lengths = [one["clips"] for one in described if one]
    lengths += [len(curve) for curve in (labels, heard) if curve is not None]
    ends = [float(windows.max())] if windows is not None else []
    duration = row.get("duration_s", row.get("duration"))
    if not lengths and isinstance(duration, int | float):
        ends.append(float(duration))
    return {
        "qid": row["qid"],
        "query": row.get("query", ""),
        "vid": row.get("vid", ""),
        "clip": seconds,
        "seconds": max([media["seconds"] if media else 0.0, seconds * max(lengths, default=0), *ends, seconds]),
        "windows": [] if windows is None else np.round(windows, 4).tolist(),
        "labels": None if labels is None else _describe_labels(labels),
        "level": None if heard is None else pack(heard),
        "media": media,
        "answers": described,
    }


def describe_media(preview: Preview, previews: Path, videos: Path | None, page: Path) -> dict[str, Any]:
    """Describe a video: what to play, its pictures, and what is wrong with it. Addresses are relative to `page`."""
    file = previews / preview.copy if preview.copy else videos / preview.file if videos and preview.file else None
    return {
        "url": relative_url(file, page) if file else "",
        "file": preview.file,
        "start": preview.start_s,
        "seconds": preview.seconds,
        "codecs": preview.codecs,
        "plays": preview.plays or bool(preview.copy),
        "pictures": relative_url(previews / preview.pictures, page) if preview.pictures else "",
        "count": preview.count,
        "problem": preview.problem,
    }


def _describe_answer(row: Row, answers: Answers) -> dict[str, Any] | None:
    prediction, sample = answers.predictions.get(row["qid"]), answers.gates.get(row["qid"])
    if prediction is None:
        return None
    windows: Any = []
    if has_windows(prediction):
        found = read_predicted_windows(prediction, f"predictions of {answers.name}", as_listed=True)
        windows = found[np.argsort(-found[:, 2], kind="stable")][:MOST_WINDOWS].round(4).tolist()
    saliency = None
    if has_saliency(prediction):
        saliency = read_predicted_saliency(prediction, f"predictions of {answers.name}")
    return {
        "windows": windows,
        "saliency": None if saliency is None else pack(saliency),
        "clips": 0 if saliency is None else len(saliency),
        "gates": {} if sample is None else {kind: _pack_gates(sample, kind) for kind in sample.gates},
        "contribution": {} if sample is None else {kind: pack_rows(of) for kind, of in sample.contribution.items()},
        "heard": None if sample is None else sample.has_audio,
    }


def _pack_gates(sample: GateSample, kind: str) -> Curves:
    """One curve per layer, of one value if the gate is global."""
    gates = sample.gates[kind]
    if sample.audio_mask is not None and gates.shape[1] == len(sample.audio_mask) > 1:
        # Forced to 0 where there is no sound: a gap says that better than a drop.
        gates = np.where(~sample.audio_mask & (gates == 0), np.nan, gates)
    return pack_rows(gates)


def _clip_seconds(samples: Sequence[GateSample]) -> float:
    times = next((sample.clip_times for sample in samples if sample.clip_times is not None), None)
    return CLIP_SECONDS if times is None else round(float(times[0, 1] - times[0, 0]), 6)


def _read_labels(row: Row, where: str) -> Floats | None:
    """What annotators gave each clip, (clips, annotators); 0 outside of QVHighlights' relevant clips."""
    points = read_points(row, where)
    if points is not None:
        duration = row.get("duration")
        clips = int(duration / CLIP_SECONDS) if isinstance(duration, int | float) and 0 < duration <= LONGEST else 1
        last = int(points.clips.max()) + 1 if len(points.clips) else 1
        labels = np.zeros((max(clips, last), points.points.shape[1]))
        labels[points.clips] = points.points
        return labels
    if row.get("label") is not None or row.get("match") is not None:
        return read_ratings(row, where)
    return None


def _describe_labels(labels: Floats) -> dict[str, Any]:
    """Mean of the annotators, the range that they span (of many, the middle half), and the top of their scale."""
    low, high = np.quantile(labels, (0.25, 0.75) if labels.shape[1] > FEW else (0, 1), axis=1)
    return {
        "annotators": labels.shape[1],
        "most": max(MOST_POINTS, int(np.ceil(labels.max()))),
        "mean": pack(labels.mean(1)),
        "low": pack(low),
        "high": pack(high),
    }
