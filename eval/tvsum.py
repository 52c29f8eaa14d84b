"""TVSum and YouTube Highlights: scores of prediction files by domain, always beside chance, people and the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.files import Row
from eval.agreement import compute_rho, compute_tau, mean_known
from eval.bounds import draw_scores, find_bounds, seed_of
from eval.knapsack import BUDGET, score_summary
from eval.markup import markdown_row
from eval.rows import Qid, index_truth, match_queries, read_numbers, read_predicted_saliency, shorten
from eval.topk import find_positives, rank_clips, score_ranking

Floats = NDArray[np.float64]

CLIP_SECONDS = 2.0
BENCHMARKS = ("tvsum", "youtube")
# A clip grid may count the last part of a clip where the annotation does not, or the reverse.
SPARE_CLIPS = 1
# What stands beside the domains.
MEAN = "mean"
# Of these the summary of several runs shows what belongs beside every number.
SHOWN_REFERENCES = ("chance", "mean human", "best found (25 clips)", "best found (all clips)")
# Rows of the table that need no prediction, and the field of `Bounds` that each shows.
REFERENCES = {
    "chance": "chance",
    "best of 400 by chance": "best_of_400",
    "mean human": "mean_human",
    "mean human, binarised": "mean_positive",
    "best found (25 clips)": "ceiling",
    "best found (all clips)": "ceiling_all",
}


@dataclass(frozen=True)
class Video:
    """An annotated video of T clips."""

    qid: Qid
    domain: str
    labels: Floats
    """(T, annotators): TVSum 1 to 5, YouTube Highlights positive above 0."""
    segment: NDArray[np.intp] | None
    """(T,) the given segment of each clip, -1 for none."""
    vid: str
    """What random rankings are drawn by: a qid is another in the rows of `convert` than in the public ones."""


def read_videos(
    rows: Sequence[Row],
    segments: Mapping[str, Row] | None = None,
    names: tuple[str, str] = ("ground truth", "segments"),
) -> dict[Qid, Video]:
    """Videos by qid. `segments`: rows {"vid", "segments": [[start s, end s], ...]} by vid.

    `names` stand for the two files in messages.

    Raises:
        UserError: labels or segments are missing or malformed, or a qid occurs twice.
    """
    videos = {}
    for qid, row in index_truth(rows, names[0]).items():
        what = f"{names[0]}: qid {qid}"
        # CG-DETR's YouTube rows have both: match is 1, 0 (borderline) or -1.
        label = row["label"] if row.get("label") is not None else row.get("match")
        if isinstance(label, list) and label and not isinstance(label[0], list):
            label = [[value] for value in label]
        columns = len(label[0]) if isinstance(label, list) and label else None
        labels = read_numbers(label, (None, columns), f"{what}: label")
        if not labels.size:
            raise UserError(f"{what}: label: empty")
        domain = row.get("domain")
        if not isinstance(domain, str) or domain == MEAN:
            raise UserError(f"{what}: domain must be a name (and not {MEAN!r}), got {shorten(domain)}")
        segment = None
        vid = str(row.get("vid") or qid)
        if segments is not None:
            if vid not in segments:
                raise UserError(f"{what}: no segments of vid {vid} in {names[1]}")
            segment = _assign_segments(segments[vid], len(labels), f"{names[1]}: vid {vid}")
        videos[qid] = Video(qid, domain, labels, segment, vid)
    return videos


def read_scores(
    predictions: Sequence[Row], truth: Sequence[Row], names: tuple[str, str], covered_only: bool = False
) -> dict[Qid, Floats]:
    """`pred_saliency_scores` (clips,) by qid, for exactly the queries of the ground truth (see `match_queries`)."""
    pairs = match_queries(predictions, truth, names, covered_only)
    return {row["qid"]: read_predicted_saliency(row, names[0]) for row, _ in pairs}


def score_video(scores: Floats, video: Video, benchmark: str = "tvsum", where: str = "predictions") -> dict[str, Any]:
    """{"mAP", "tau", "rho"[, "F1"]} of one video as shares; YouTube Highlights has mAP alone.

    mAP: see `eval.topk`; over all clips for YouTube Highlights. tau, rho: mean over annotators for whom they are
    defined, None if for none. Equal scores for all clips are no ranking and count 0: left out of the mean over
    domains, they would leave it to the domains that are ranked. A prediction that is a clip too long is cut; a clip
    that it lacks is ranked last.

    Raises:
        UserError: the lengths differ by more than one clip.
    """
    clips = len(video.labels)
    if abs(len(scores) - clips) > SPARE_CLIPS:
        raise UserError(
            f"{where}: qid {video.qid}: {len(scores)} pred_saliency_scores for a video of {clips} labelled clips"
        )
    scores = scores[:clips]
    shared = len(scores)
    # The original never ranks a clip beyond the prediction; last is the same unless fewer than five are predicted.
    order = np.concatenate([rank_clips(scores), np.arange(shared, clips)])
    if benchmark == "youtube":
        return {"mAP": score_ranking(order, video.labels > 0, top=None)}
    result: dict[str, Any] = {"mAP": score_ranking(order, find_positives(video.labels)), "tau": 0.0, "rho": 0.0}
    if np.ptp(scores):
        result["tau"] = mean_known(compute_tau(scores, video.labels[:shared]))
        result["rho"] = mean_known(compute_rho(scores, video.labels[:shared]))
    if video.segment is not None:
        filled = np.concatenate([scores, np.full(clips - shared, scores.min())])
        result["F1"] = score_summary(filled, video.labels, video.segment)
    return result


def find_oddities(
    scores: Mapping[Qid, Floats], videos: Mapping[Qid, Video], where: str = "predictions", benchmark: str = "tvsum"
) -> list[str]:
    """What is scored and still deserves a look, one line for each kind.

    Predictions of another length than the labels, or of equal scores for all clips.
    """
    odd = [
        f"{qid} with {len(scores[qid])} for {len(v.labels)}"
        for qid, v in videos.items()
        if len(scores[qid]) != len(v.labels)
    ]
    equal = [str(qid) for qid, video in videos.items() if not np.ptp(scores[qid][: len(video.labels)])]
    kinds = {
        "a clip more or less than the labels, more is cut, less is ranked last": odd,
        "all scores equal, ranked in order of time" + (", tau and rho count 0" if benchmark == "tvsum" else ""): equal,
    }
    return [
        f"{where}: {len(found)} of {len(videos)} videos: {what} (first qid {found[0]})"
        for what, found in kinds.items()
        if found
    ]


def select_domains(truth: Sequence[Row], domains: Sequence[str], where: str = "ground truth") -> list[Row]:
    """The rows of some domains, of which there must be every one."""
    known = {row["domain"] for row in truth if isinstance(row.get("domain"), str)}
    unknown = [domain for domain in domains if domain not in known]
    if unknown:
        there = ", ".join(sorted(known)[:20]) or "none"
        raise UserError(f"{where}: no video of domain {', '.join(unknown)}; there are {there}")
    return [row for row in truth if row.get("domain") in domains]


def describe_coverage(scored: Sequence[Row], whole: Sequence[Row]) -> dict[str, Any]:
    """{"queries": n, "of": N[, "without": domains]}: how many videos were scored, and the domains that have none."""
    domains = [sorted({str(row.get("domain")) for row in rows}) for rows in (scored, whole)]
    without = [domain for domain in domains[1] if domain not in domains[0]]
    return {"queries": len(scored), "of": len(whole), **({"without": without} if without else {})}


def render_coverage(coverage: Mapping[str, Any], what: str) -> str:
    """ "8 of 10 videos, without domains GA, VT"."""
    without = coverage.get("without")
    return f"{coverage['queries']} of {coverage['of']} {what}" + (
        f", without domain{'s' if len(without) > 1 else ''} {', '.join(without)}" if without else ""
    )


def leave_out(predictions: Sequence[Row], truth: Sequence[Row], chosen: Sequence[Row]) -> list[Row]:
    """Predictions less those of videos that the ground truth has but that were not chosen of it."""
    others = {row["qid"] for row in truth}.difference(row["qid"] for row in chosen)
    return [row for row in predictions if not isinstance(row.get("qid"), int | str) or row["qid"] not in others]


def score_predictions(
    scores: Mapping[Qid, Floats], videos: Mapping[Qid, Video], benchmark: str = "tvsum", where: str = "predictions"
) -> dict[str, dict[str, float | None]]:
    """{"mAP": {"BK": .., "mean": ..}, "tau": ...}: means over a domain's videos, and over domains.

    mAP and F1 in percent with three decimals (the original prints a share with five), tau and rho from -1 to 1.
    """
    found = {qid: score_video(scores[qid], video, benchmark, where) for qid, video in videos.items()}
    return _by_domain(found, videos)


def score_references(
    videos: Mapping[Qid, Video], seed: int, benchmark: str = "tvsum"
) -> dict[str, dict[str, dict[str, float | None]]]:
    """The rows that need no prediction: {"chance": {"mAP": {"BK": .., "mean": ..}, "sd": ...}, ...}.

    YouTube Highlights has chance alone: its labels are one list of 0 and 1, and the ceiling is 100.
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


def render_markdown(rows: Mapping[str, Mapping[str, Mapping[str, float | None]]], heading: str) -> str:
    """A row for each prediction and reference, a column for each domain, the mean, and the other metrics' means."""
    domains = [name for name in next(iter(rows.values()))["mAP"] if name != MEAN]
    others = [key for key in ("tau", "rho", "F1") if any(key in row for row in rows.values())]
    lines = [f"# {heading}", "", "mAP by domain in percent; tau, rho and F1 are means over domains.", ""]
    lines.append(markdown_row(["Ranking", *domains, MEAN, *others]))
    lines.append("|:--|" + "--:|" * (len(domains) + 1 + len(others)))
    for name, row in rows.items():
        cells = [_render(row["mAP"][domain], 1) for domain in (*domains, MEAN)]
        cells += [_render(row[key][MEAN] if key in row else None, 1 if key == "F1" else 3) for key in others]
        lines.append(markdown_row([name, *cells]))
    return "\n".join(lines) + "\n"


def _render(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _by_domain(
    found: Mapping[Qid, Mapping[str, float | None]], videos: Mapping[Qid, Video]
) -> dict[str, dict[str, float | None]]:
    result: dict[str, dict[str, float | None]] = {}
    domains = sorted({video.domain for video in videos.values()})
    for key in next(iter(found.values())):
        scale, digits = (1.0, 4) if key in ("tau", "rho") else (100.0, 3)
        means: dict[str, float | None] = {}
        for domain in domains:
            values = [found[qid][key] for qid, video in videos.items() if video.domain == domain]
            means[domain] = mean_known(np.array(values, dtype=float))
        means[MEAN] = mean_known(np.array(list(means.values()), dtype=float))
        result[key] = {name: None if mean is None else round(scale * mean, digits) for name, mean in means.items()}
    return result


def _assign_segments(row: Row, clips: int, what: str) -> NDArray[np.intp]:
    """The segment of each clip (T,): the one that holds its middle, -1 for none."""
    borders = read_numbers(row.get("segments"), (None, 2), what)
    if not len(borders):
        raise UserError(f"{what}: empty")
    if (borders[:, 1] <= borders[:, 0]).any() or (borders[1:, 0] < borders[:-1, 1]).any():
        raise UserError(f"{what}: must be [start s, end s] in order, each ending after it starts, not overlapping")
    middles = (np.arange(clips) + 0.5) * CLIP_SECONDS
    index = np.searchsorted(borders[:, 0], middles, side="right") - 1
    segment = np.where((index >= 0) & (middles < borders[index, 1]), index, -1)
    inside = segment[segment >= 0]
    if not len(inside):
        raise UserError(f"{what}: no segment holds a clip")
    budget, least = int(BUDGET * clips), int(np.unique(inside, return_counts=True)[1].min())
    if least > budget:
        raise UserError(f"{what}: none fits into {BUDGET:.0%} of {clips} clips, the shortest has {least} clips")
    return segment
