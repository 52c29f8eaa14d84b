"""The best scores that an answer can reach on given labels, which is less than 100 where annotators disagree.

- Moments: every relevant window, rounded to whole clips in the way that overlaps it best. On the grid of clips this is
  the window itself; windows between clips, and more than ten of them, cost something.
- HIT@1: the share of queries with a clip that some annotator calls very good.
- HL-mAP: annotators call different clips very good, and no order of clips suits all of them. Per query the best of a
  few orders made from the labels: by votes, by votes of which each annotator has one to share among the clips, and by
  mean points, each with ties and without. Exchanging pairs of clips as long as that helps gains less than 0.03 points
  more, on the demo's val and on every tenth query of QVHighlights val.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.qvhighlights.highlights import LEVELS, compute_clip_ap, rank_in_order
from eval.qvhighlights.moments import Floats, compute_iou, percent, recall_at_one, score_ranges
from formats.annotations import count_clips
from formats.grid import CLIP_SECONDS
from formats.labels import read_relevant_windows, read_saliency
from formats.rows import Row


def find_ceiling(rows: Sequence[Row], where: str = "ground truth", whole_clips: bool = True) -> dict[str, float]:
    """The ceiling of each headline metric that the rows have labels for, in percent: {"MR-full-R1@0.5": 100.0, ..}.

    Args:
        rows: ground truth.
        where: its name in messages.
        whole_clips: whether moments are rounded to whole clips, as predictions mostly are.

    Raises:
        UserError: labels are malformed.
    """
    wanted, answers, best = [], [], []
    hits = []
    for row in rows:
        windows = read_relevant_windows(row, where)
        if windows is not None:
            wanted.append(windows)
            answers.append(answer_windows(windows, count_clips(row, where) if whole_clips else None))
        points = read_saliency(row, where)
        if points is not None:
            best.append(best_clip_ap(points))
            hits.append(bool((points >= LEVELS["VeryGood"]).any()))
    ceiling = {}
    if wanted:
        full = score_ranges(answers, wanted)["full"]
        found = recall_at_one(full.first_iou, (0.5, 0.7)).mean(0)
        ceiling = {"MR-full-R1@0.5": percent(found[0]), "MR-full-R1@0.7": percent(found[1])}
        ceiling["MR-full-mAP"] = percent(full.precision.mean())
    if best:
        ceiling["HL-min-VeryGood-mAP"] = percent(float(np.mean(best)))
        ceiling["HL-min-VeryGood-Hit1"] = percent(float(np.mean(hits)))
    return ceiling


def answer_windows(windows: Floats, n_clips: int | None) -> Floats:
    """The best answer to relevant windows (G, 2): (G, 3) with IoU as the score, best first.

    `n_clips`: the video's clips, to whose ends the answer is rounded; None for windows at any time.
    """
    if n_clips is None:
        return np.column_stack([windows, np.ones(len(windows))])
    clips = windows / CLIP_SECONDS
    starts = np.stack([np.floor(clips[:, 0]), np.ceil(clips[:, 0])]).clip(0, n_clips)
    ends = np.stack([np.floor(clips[:, 1]), np.ceil(clips[:, 1])]).clip(0, n_clips)
    rounded = np.stack([[start, end] for start in starts for end in ends]).transpose(2, 0, 1) * CLIP_SECONDS
    overlap = compute_iou(np.maximum(rounded, rounded[..., :1]), windows[:, None])[..., 0]  # (G, 4)
    chosen = overlap.argmax(1)
    answer = np.column_stack([rounded[np.arange(len(windows)), chosen], overlap.max(1)])
    answer[:, 1] = answer[:, :2].max(1)
    return answer[np.argsort(-answer[:, 2], kind="stable")]


def best_clip_ap(points: Floats) -> float:
    """Highest mean AP over annotators, 0 to 1, that an order of the clips is known to reach on points (L, A)."""
    positive = points >= LEVELS["VeryGood"]
    votes = positive.sum(0)
    shared = positive * np.divide(1.0, votes, out=np.zeros(len(votes)), where=votes > 0)
    scores = np.stack([positive.sum(1).astype(np.float64), shared.sum(1), points.mean(1)])
    scores = np.concatenate([scores, rank_in_order(scores)])
    repeated = np.broadcast_to(positive.T, (len(scores), *positive.T.shape))
    return float(compute_clip_ap(scores, repeated, np.ones(scores.shape, dtype=bool)).mean(1).max())
