"""Check QVHighlights' released rows against the invariants that hold for all of them.

A file that was edited, cut or mixed up with another breaks one of these invariants long before it breaks a training
run. Rows with labels (train, val, the later release of test) and without (test) are distinguished by their keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from formats.grid import CLIP_SECONDS, clips_between
from formats.labels import ANNOTATORS, MOST_POINTS
from formats.rows import Row

_KEYS = {"qid": int, "query": str, "duration": int, "vid": str}
_LABELS = ("relevant_clip_ids", "saliency_scores", "relevant_windows")
_SECONDS = (120, 150)
# YouTube's id, which may contain underscores, then the start and end of the excerpt: 0yr5wNXzdDE_60.0_210.0.
_VID = re.compile(r"(?P<video>[\w-]{11})_(?P<start>\d+\.\d)_(?P<end>\d+\.\d)")


def find_problems(splits: Mapping[Path, Sequence[Row]]) -> Iterator[str]:
    """Yield one line for each broken invariant of the files, naming file, row and query."""
    qids: dict[int, Path] = {}
    videos: dict[str, Path] = {}
    for path, rows in splits.items():
        for number, row in enumerate(rows, start=1):
            where = f"{path}: row {number}: qid {row.get('qid')!r}"
            problems = list(_problems_of_row(row))
            yield from (f"{where}: {problem}" for problem in problems)
            qid, vid = row.get("qid"), row.get("vid")
            if isinstance(qid, int):
                if qid in qids:
                    yield f"{where}: this qid already occurs in {qids[qid]}"
                qids.setdefault(qid, path)
            if isinstance(vid, str) and videos.setdefault(vid, path) != path:
                yield f"{where}: video {vid!r} also occurs in {videos[vid]}: splits must not share videos"


def _problems_of_row(row: Row) -> Iterator[str]:
    wrong = [key for key, kind in _KEYS.items() if not isinstance(row.get(key), kind) or isinstance(row[key], bool)]
    if wrong:
        yield f"{wrong[0]} must be {_KEYS[wrong[0]].__name__}, got {row.get(wrong[0])!r}"
        return
    odd = sorted(key for key, value in row.items() if not _is_json(value))
    if odd:
        yield f"{odd[0]} holds NaN or infinity, which JSON does not have"
    if not row["query"].strip():
        yield "the query is empty"
    duration = row["duration"]
    if duration % CLIP_SECONDS or not _SECONDS[0] <= duration <= _SECONDS[1]:
        yield f"duration must be even and {_SECONDS[0]} to {_SECONDS[1]} s, got {duration}"
    elif (cut := _VID.fullmatch(row["vid"])) is None:
        yield f"vid must be a YouTube id with start and end, got {row['vid']!r}"
    elif float(cut["end"]) - float(cut["start"]) < duration:
        yield f"vid {row['vid']!r} is shorter than the duration of {duration} s"
    present = [key for key in _LABELS if key in row]
    if present and len(present) < len(_LABELS):
        missing = next(key for key in _LABELS if key not in row)
        yield f"{present[0]} is present, but {missing} is missing"
    elif present:
        yield from _problems_of_labels(row, duration)


def _problems_of_labels(row: Row, duration: int) -> Iterator[str]:
    windows, clips, scores = row["relevant_windows"], row["relevant_clip_ids"], row["saliency_scores"]
    if not isinstance(windows, list) or not windows or not all(_are_whole(window, 2) for window in windows):
        yield "relevant_windows must be a non-empty list of [start, end] in whole seconds"
        return
    if any(edge % CLIP_SECONDS for window in windows for edge in window):
        yield "relevant_windows must begin and end at even seconds"
        return
    if windows != sorted(windows):
        yield "relevant_windows must be sorted"
    if any(not 0 <= start < end <= duration for start, end in windows):
        yield f"relevant_windows must lie within 0 to {duration} s, each with start before end"
        return
    covered = sorted({clip for start, end in windows for clip in clips_between(start, end)})
    if clips != covered:
        yield "relevant_clip_ids must be exactly the clips of relevant_windows, sorted"
    if not isinstance(scores, list) or not all(_are_whole(each, ANNOTATORS) for each in scores):
        yield f"saliency_scores must be lists of {ANNOTATORS} whole numbers"
    elif not isinstance(clips, list) or len(scores) != len(clips):
        yield "saliency_scores must have one entry per clip of relevant_clip_ids"
    elif any(not 0 <= score <= MOST_POINTS for each in scores for score in each):
        yield f"saliency_scores must be 0 to {MOST_POINTS}"


def _is_json(value: Any) -> bool:
    """Whether a value can be written as JSON again. Python reads NaN and infinity, other programs do not."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_json, parts)) and not (isinstance(value, float) and not math.isfinite(value))


def _are_whole(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(type(value) is int for value in values)
