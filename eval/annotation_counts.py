"""Statistics of an annotation file: counts and lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.parts import split_by
from eval.qvhighlights.moments import RANGES
from eval.tvsum.precision import find_positives
from eval.tvsum.videos import read_videos
from formats.annotations import count_clips, index_truth
from formats.labels import read_relevant_windows, read_saliency
from formats.predictions import MOST_WINDOWS
from formats.rows import Row


def describe_annotations(rows: Sequence[Row], by: Sequence[str] = (), where: str = "ground truth") -> dict[str, Any]:
    """Apply `describe_videos` to TVSum rows, which have a `label`, or `describe_queries` to others."""
    if any(row.get("label") is not None for row in rows):
        return describe_videos(rows, where)
    return describe_queries(rows, by, where)


def describe_queries(rows: Sequence[Row], by: Sequence[str] = (), where: str = "ground truth") -> dict[str, Any]:
    """Describe QVHighlights rows: counts of queries, videos, windows, clips and points; lengths in seconds.

    "ranges" counts the windows in each range of lengths, and the queries that have one; "parts" counts the queries per
    value of the keys in `by`. Statistics of missing labels (as in a test split) are left out.
    """
    index_truth(rows, where)
    clips = [count_clips(row, where) for row in rows]
    result: dict[str, Any] = {
        "queries": len(rows),
        "videos": len({row.get("vid") for row in rows}),
        "words": _spread([len((row.get("query") or "").split()) for row in rows]),
        "duration_s": _spread([row["duration"] for row in rows]),
        "clips": sum(clips),
    }
    windows = [found for row in rows if (found := read_relevant_windows(row, where)) is not None]
    if windows:
        lengths = [found[:, 1] - found[:, 0] for found in windows]
        result["windows"] = _spread(np.concatenate(lengths)) | {"count": int(sum(map(len, lengths)))}
        result["windows_per_query"] = _spread([len(found) for found in windows])
        result["queries_with_more_windows_than_are_scored"] = sum(len(found) > MOST_WINDOWS for found in windows)
        result["ranges"] = {
            name: {
                "windows": int(sum(((low < part) & (part <= high)).sum() for part in lengths)),
                "queries": sum(bool(((low < part) & (part <= high)).any()) for part in lengths),
            }
            for name, (low, high) in RANGES.items()
        }
    labelled = [(row, matrix) for row in rows if (matrix := read_saliency(row, where)) is not None]
    if labelled:
        relevant = [len(set(row["relevant_clip_ids"])) for row, _ in labelled]
        points = Counter(point for row, _ in labelled for three in row["saliency_scores"] for point in three)
        result["relevant_clips"] = sum(relevant)
        result["queries_relevant_throughout"] = sum(
            count == len(matrix) for count, (_, matrix) in zip(relevant, labelled, strict=True)
        )
        result["points"] = {f"{point:g}": points[point] for point in sorted(points)}
    result["parts"] = {name: len(places) for name, places in split_by(rows, by, where).items()}
    return result


def describe_videos(rows: Sequence[Row], where: str = "ground truth") -> dict[str, Any]:
    """Describe TVSum rows: videos, clips, annotators, the share of positive clips (above the median), and domains."""
    videos = list(read_videos(rows, names=(where, "segments")).values())
    return {
        "videos": len(videos),
        "clips": sum(len(video.labels) for video in videos),
        "clips_per_video": _spread([len(video.labels) for video in videos]),
        "annotators": _spread([video.labels.shape[1] for video in videos]),
        "label": _spread(np.concatenate([video.labels.ravel() for video in videos])),
        "positive_share": _spread([find_positives(video.labels).mean() for video in videos]),
        "domains": dict(sorted(Counter(video.domain for video in videos).items())),
    }


def _spread(values: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    array = np.asarray(values, dtype=np.float64)
    return {"mean": round(float(array.mean()), 4), "min": float(array.min()), "max": float(array.max())}
