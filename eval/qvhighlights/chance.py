"""Random predictions, whose scores are the floor of every table."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from formats.annotations import count_clips, index_truth
from formats.grid import CLIP_SECONDS
from formats.predictions import MOST_WINDOWS, make_prediction
from formats.rows import Row


def predict_at_random(ground_truth: Sequence[Row], seed: int, where: str = "ground truth") -> list[Row]:
    """Make submission rows with ten random windows and random saliency for every query.

    Windows lie on the clip grid within the duration: the length is uniform over 1..clips, the start uniform over the
    places where the window fits; scores are uniform in [0, 1), in descending order. Saliency is uniform for every clip.
    The prediction for a query depends only on the seed and its qid, so it is the same in a part of the file.
    """
    rows = []
    for qid, row in index_truth(ground_truth, where).items():
        # Not hash(), which Python salts differently in every process.
        random = np.random.default_rng([seed, zlib.crc32(str(qid).encode())])
        clips = count_clips(row, where)
        lengths = random.integers(1, clips, size=MOST_WINDOWS, endpoint=True)
        starts = random.integers(0, clips - lengths, endpoint=True)
        scores = np.sort(random.random(MOST_WINDOWS))[::-1].round(4)
        windows = np.stack([starts * CLIP_SECONDS, (starts + lengths) * CLIP_SECONDS, scores], axis=1)
        saliency = random.random(clips).round(4)
        query, vid = row.get("query") or "", row.get("vid") or ""
        rows.append(make_prediction(qid, query, vid, saliency.tolist(), windows.tolist()).to_row())
    return rows
