"""Scores of TVSum and YouTube Highlights predictions by domain, and of the references: chance, human, best possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cli import UserError
from eval.markup import markdown_table, markdown_text, show_number
from eval.rank_statistics import compute_rho, compute_tau
from eval.tvsum.bounds import draw_scores, find_bounds, seed_of
from eval.tvsum.precision import find_positives, rank_clips, score_ranking
from eval.tvsum.summary_f1 import score_summary
from eval.tvsum.videos import MEAN, RatedVideo
from formats.annotations import Qid
from formats.arrays import Floats
from formats.predictions import match_queries, read_predicted_saliency
from formats.rows import Row

BENCHMARKS = {"tvsum": "TVSum, top-5 mAP", "youtube": "YouTube Highlights"}
"""Benchmarks by name, and the headings of their tables."""
EPOCHS = {"best epoch": "-best", "last epoch": "-last", "predictions": ""}
"""Table rows of predictions, and the suffix of their keys in "brief"."""
# A clip grid may count an incomplete last clip that the annotation does not count, or the reverse.
SPARE_CLIPS = 1
# The references that a summary of runs shows.
SHOWN_REFERENCES = ("chance", "mean human", "best found (25 clips)", "best found (all clips)")
# Table rows that need no predictions, and the field of `Bounds` that each shows.
REFERENCES = {
    "chance": "chance",
    "best of 400 by chance": "best_of_400",
    "mean human": "mean_human",
    "mean human, binarised": "mean_positive",
    "best found (25 clips)": "ceiling",
    "best found (all clips)": "ceiling_all",
}


def read_scores(
    predictions: Sequence[Row], truth: Sequence[Row], names: tuple[str, str], covered_only: bool = False
) -> dict[Qid, Floats]:
    """`pred_saliency_scores` (clips,) by qid, for exactly the queries of the ground truth (see `match_queries`)."""
    pairs = match_queries(predictions, truth, names, covered_only)
    return {row["qid"]: read_predicted_saliency(row, names[0]) for row, _ in pairs}


def score_video(
    scores: Floats, video: RatedVideo, benchmark: str = "tvsum", where: str = "predictions"
) -> dict[str, Any]:
    """Score one video: {"mAP", "tau", "rho"[, "F1"]}, from 0 (tau, rho: -1) to 1. YouTube Highlights has only mAP.

    mAP: see `eval.tvsum.precision`; over all clips for YouTube Highlights. tau, rho: mean over the annotators for whom
    they are defined, None if there is no such annotator. Equal scores for all clips are no ranking and count as 0; if
    they did not count, the mean over domains would only cover the domains with a ranking. A prediction that is one clip
    too long is cut; if it is one clip too short, the missing clip is ranked last.

    Raises:
        UserError: the lengths of scores and labels differ by more than one clip.
    """
    clips = len(video.labels)
    if abs(len(scores) - clips) > SPARE_CLIPS:
        raise UserError(
            f"{where}: qid {video.qid}: pred_saliency_scores must have {clips} values, one per clip, got {len(scores)}"
        )
    scores = scores[:clips]
    shared = len(scores)
    # The original never ranks clips beyond the prediction. Ranking them last is the same from five predicted clips on.
    order = rank_clips(scores, clips)
    if benchmark == "youtube":
        return {"mAP": score_ranking(order, video.labels > 0, top=None)}
    result: dict[str, Any] = {"mAP": score_ranking(order, find_positives(video.labels)), "tau": 0.0, "rho": 0.0}
    if np.ptp(scores):
        result["tau"] = _mean_known(compute_tau(scores, video.labels[:shared]))
        result["rho"] = _mean_known(compute_rho(scores, video.labels[:shared]))
    if video.segment is not None:
        filled = np.concatenate([scores, np.full(clips - shared, scores.min())])
        result["F1"] = score_summary(filled, video.labels, video.segment)
    return result


def find_oddities(
    scores: Mapping[Qid, Floats], videos: Mapping[Qid, RatedVideo], where: str = "predictions", benchmark: str = "tvsum"
) -> list[str]:
    """Describe odd input that is scored nevertheless, one line per kind.

    Predictions whose length differs from that of the labels, or whose scores are all equal.
    """
    odd = [
        f"{qid} with {len(scores[qid])} for {len(v.labels)}"
        for qid, v in videos.items()
        if len(scores[qid]) != len(v.labels)
    ]
    equal = [str(qid) for qid, video in videos.items() if not np.ptp(scores[qid][: len(video.labels)])]
    kinds = {
        "one clip more or fewer than the labels: an extra clip is cut, a missing one is ranked last": odd,
        "all scores equal: clips rank in order of time"
        + (", tau and rho count as 0" if benchmark == "tvsum" else ""): equal,
    }
    return [
        f"{where}: {len(found)} of {len(videos)} videos: {what} (first qid {found[0]})"
        for what, found in kinds.items()
        if found
    ]


def score_predictions(
    scores: Mapping[Qid, Floats], videos: Mapping[Qid, RatedVideo], benchmark: str = "tvsum", where: str = "predictions"
) -> dict[str, dict[str, float | None]]:
    """Score all videos: {"mAP": {"BK": .., "mean": ..}, "tau": ...}, means over a domain's videos and over domains.

    mAP and F1 in percent with three decimals (the original prints a share with five), tau and rho from -1 to 1.
    """
    found = {qid: score_video(scores[qid], video, benchmark, where) for qid, video in videos.items()}
    return _by_domain(found, videos)


def score_references(
    videos: Mapping[Qid, RatedVideo], seed: int, benchmark: str = "tvsum"
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Compute the rows that need no predictions: {"chance": {"mAP": {"BK": .., "mean": ..}, "sd": ...}, ...}.

    YouTube Highlights has only chance: its labels are a single list of 0 and 1, and the best possible score is 100.
    """
    if benchmark == "youtube":
        draws = {qid: draw_scores(video.labels > 0, seed_of(seed, video.vid), None) for qid, video in videos.items()}
        chance = {qid: {"mAP": float(drawn.mean()), "sd": float(drawn.std())} for qid, drawn in draws.items()}
        return {"chance": _by_domain(chance, videos)}
    bounds = {qid: find_bounds(video.labels, seed, video.vid) for qid, video in videos.items()}
    rows = {
        name: _by_domain({qid: {"mAP": getattr(bound, key)} for qid, bound in bounds.items()}, videos)
        for name, key in REFERENCES.items()
    }
    rows["chance"] |= _by_domain({qid: {"sd": bound.chance_sd} for qid, bound in bounds.items()}, videos)
    human = {qid: score_video(video.labels.mean(1), video) for qid, video in videos.items()}
    rows["mean human"] = _by_domain(human, videos)
    return rows


def render_markdown(rows: Mapping[str, Mapping[str, Mapping[str, float | None]]], benchmark: str = "tvsum") -> str:
    """Render one row per prediction and reference, one column per domain, the mean, and the means of other metrics."""
    domains = [name for name in next(iter(rows.values()))["mAP"] if name != MEAN]
    others = [key for key in ("tau", "rho", "F1") if any(key in row for row in rows.values())]
    heads = ["Ranking", *map(markdown_text, domains), MEAN, *others]
    cells = [
        [
            markdown_text(name),
            *(show_number(row["mAP"][domain], 1) for domain in (*domains, MEAN)),
            *(show_number(row[key][MEAN] if key in row else None, 1 if key == "F1" else 3) for key in others),
        ]
        for name, row in rows.items()
    ]
    lines = [f"# {BENCHMARKS[benchmark]}", "", "mAP by domain in percent; tau, rho and F1 are means over domains.", ""]
    return "\n".join([*lines, *markdown_table(heads, "l" + "r" * (len(heads) - 1), cells)]) + "\n"


def _mean_known(values: Sequence[float | None] | Floats) -> float | None:
    """Mean of the values that are defined, None if there are none."""
    array = np.asarray(values, dtype=float)
    known = array[~np.isnan(array)]
    return float(known.mean()) if len(known) else None


def _by_domain(
    found: Mapping[Qid, Mapping[str, float | None]], videos: Mapping[Qid, RatedVideo]
) -> dict[str, dict[str, float | None]]:
    result: dict[str, dict[str, float | None]] = {}
    domains = sorted({video.domain for video in videos.values()})
    for key in next(iter(found.values())):
        scale, digits = (1.0, 4) if key in ("tau", "rho") else (100.0, 3)
        means: dict[str, float | None] = {}
        for domain in domains:
            values = [found[qid][key] for qid, video in videos.items() if video.domain == domain]
            means[domain] = _mean_known(values)
        means[MEAN] = _mean_known(list(means.values()))
        result[key] = {name: None if mean is None else round(scale * mean, digits) for name, mean in means.items()}
    return result
