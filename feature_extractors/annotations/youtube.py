"""Convert YouTube Highlights' matched windows of frames to labels of 2-s clips.

The published windows are 100 frames long and overlap by half, unlike the grid of all other datasets. A clip takes the
label of the window with the nearest centre. Scores on these rows are therefore on this project's grid, and cannot be
compared digit by digit with scores on the published windows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cli import UserError
from feature_extractors.annotations.qids import number
from formats.annotations import LONGEST
from formats.grid import CLIP_SECONDS, clip_centres, whole_seconds
from formats.rows import Row, read_object

MOST_FPS = 1000
"""Frames per second. A higher value is in another unit, or a mistake."""
MOST_FRAMES = 10**9


def make_rows(path: Path, domain: str) -> list[Row]:
    """Make one row per video; the domain's name is the query, as in UMT.

    `path` is a JSON object: by video id, `clip` [[first, last frame], ...], `match` (per window: 1 highlight, 0
    borderline, -1 none), `fps` and `frames`.

    Raises:
        UserError: a malformed entry.
    """
    entries = read_object(path)
    if not entries:
        raise UserError(f"{path}: no videos")
    qids = number([(vid,) for vid in entries], str(path))
    rows = []
    for (vid, entry), qid in zip(entries.items(), qids, strict=True):
        seconds, label = _label_clips(entry, f"{path}: video {vid!r}")
        rows.append(
            {
                "qid": qid,
                "query": domain,
                "vid": vid,
                "duration": whole_seconds(len(label)),
                "duration_s": round(seconds, 6),
                "fps": float(entry["fps"]),
                "domain": domain,
                "label": label,
            }
        )
    return rows


def _label_clips(entry: Any, where: str) -> tuple[float, list[list[float]]]:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: must be an object with clip, match, fps and frames")
    missing = [key for key in ("clip", "match", "fps", "frames") if key not in entry]
    if missing:
        raise UserError(f"{where}: needs {missing[0]}")
    frames, fps, matches = entry["frames"], entry["fps"], entry["match"]
    if not _is_whole(frames) or not 0 < frames <= MOST_FRAMES:
        raise UserError(f"{where}: frames must be a whole number above 0, at most {MOST_FRAMES}")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= MOST_FPS:
        raise UserError(f"{where}: fps must be a number above 0, at most {MOST_FPS}, got {fps!r}")
    seconds = frames / fps
    if not CLIP_SECONDS <= seconds <= LONGEST:
        raise UserError(
            f"{where}: {seconds:g} s are {'shorter than a clip' if seconds < CLIP_SECONDS else 'over a day'}"
        )
    windows = _read_windows(entry["clip"], frames, where)
    if not isinstance(matches, list) or not all(_is_whole(match) and match in (-1, 0, 1) for match in matches):
        raise UserError(f"{where}: a match must be 1, 0 or -1")
    if len(windows) != len(matches):
        raise UserError(f"{where}: {len(windows)} windows, but {len(matches)} matches")
    middles = np.array(windows, dtype=np.float64).mean(axis=1) / fps
    centres = clip_centres(int(seconds // CLIP_SECONDS))
    nearest = np.abs(centres[:, None] - middles[None, :]).argmin(axis=1)
    return seconds, (np.array(matches)[nearest] > 0).astype(np.float64)[:, None].tolist()


def _read_windows(windows: Any, frames: float, where: str) -> list[list[float]]:
    if not isinstance(windows, list) or not windows:
        raise UserError(f"{where}: clip must be a non-empty list of [first, last frame]")
    for window in windows:
        pair = isinstance(window, list) and len(window) == 2 and all(map(_is_whole, window))
        if not pair or not 0 <= window[0] < window[1] or window[0] >= frames:
            raise UserError(
                f"{where}: clip must hold [first, last frame] in whole numbers from 0, first before last and within the"
                f" {frames:g} frames, got {window!r}"
            )
    return windows


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number, which some writers of JSON write as 100.0."""
    return type(value) is int or (type(value) is float and value.is_integer())
