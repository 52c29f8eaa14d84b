"""YouTube Highlights' matched windows of frames as labels of 2-s clips.

The published windows are 100 frames long and overlap by half, which is another grid than that of all other datasets.
A clip takes the label of the window whose middle is nearest to its own: scores on these rows are on our grid, and not
comparable digit by digit with those on the published windows.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from cli import UserError
from cli.files import Row, read_object
from feature_extractors.annotations import CLIP_SECONDS
from feature_extractors.annotations.qids import number


def make_rows(path: Path, domain: str) -> list[Row]:
    """One row a video; the domain's name is the query, as in UMT.

    `path` is a JSON object: by video id, `clip` [[first, last frame], ...], `match` (1 highlight, 0 borderline, -1
    none, one a window), `fps` and `frames`.

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
                "duration": int(len(label) * CLIP_SECONDS),
                "duration_s": round(seconds, 6),
                "fps": float(entry["fps"]),
                "domain": domain,
                "label": label,
            }
        )
    return rows


def _label_clips(entry: Any, where: str) -> tuple[float, list[list[float]]]:
    try:
        windows = np.array(entry["clip"], dtype=np.float64).reshape(-1, 2)
        matches = np.array(entry["match"], dtype=np.int64)
        seconds = float(entry["frames"]) / float(entry["fps"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise UserError(f"{where}: needs clip [[first, last], ...], match [...], frames and fps") from None
    if len(windows) != len(matches) or not len(windows):
        raise UserError(f"{where}: {len(windows)} windows, {len(matches)} matches")
    if not np.isin(matches, (-1, 0, 1)).all():
        raise UserError(f"{where}: a match must be 1, 0 or -1")
    if not math.isfinite(seconds) or seconds < CLIP_SECONDS:
        raise UserError(f"{where}: {seconds:g} s are shorter than a clip")
    middles = windows.mean(axis=1) / float(entry["fps"])
    centres = (np.arange(int(seconds // CLIP_SECONDS)) + 0.5) * CLIP_SECONDS
    nearest = np.abs(centres[:, None] - middles[None, :]).argmin(axis=1)
    return seconds, (matches[nearest] > 0).astype(np.float64)[:, None].tolist()
