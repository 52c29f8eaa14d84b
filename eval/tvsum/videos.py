"""Rated videos of TVSum and YouTube Highlights: read, checked, and selected by domain and coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from eval.tvsum.summary_f1 import BUDGET
from formats.annotations import Qid, index_truth
from formats.arrays import Floats, read_numbers
from formats.grid import clip_centres
from formats.labels import read_ratings
from formats.rows import Row, shorten

# The column next to the domains, so no domain may have this name.
MEAN = "mean"


@dataclass(frozen=True)
class RatedVideo:
    """An annotated video of T clips."""

    qid: Qid
    domain: str
    labels: Floats
    """(T, annotators): TVSum 1 to 5, YouTube Highlights positive above 0."""
    segment: NDArray[np.intp] | None
    """(T,) segment of each clip, -1 for none."""
    vid: str
    """Seeds the random rankings. The qid would not do: rows of `convert` have other qids than the public rows."""


def read_videos(
    rows: Sequence[Row],
    segments: Mapping[str, Row] | None = None,
    names: tuple[str, str] = ("ground truth", "segments"),
) -> dict[Qid, RatedVideo]:
    """Read videos by qid. `segments`: rows {"vid", "segments": [[start s, end s], ...]} by vid.

    `names` are the names of the two files in messages.

    Raises:
        UserError: labels or segments are missing or malformed, or a qid occurs twice.
    """
    videos = {}
    for qid, row in index_truth(rows, names[0]).items():
        what = f"{names[0]}: qid {qid}"
        labels = read_ratings(row, names[0])
        domain = row.get("domain")
        if not isinstance(domain, str) or domain == MEAN:
            raise UserError(f"{what}: domain must be a name other than {MEAN!r}, got {shorten(domain)}")
        segment = None
        vid = str(row.get("vid") or qid)
        if segments is not None:
            if vid not in segments:
                raise UserError(f"{what}: no segments for vid {vid} in {names[1]}")
            segment = _assign_segments(segments[vid], len(labels), f"{names[1]}: vid {vid}")
        videos[qid] = RatedVideo(qid, domain, labels, segment, vid)
    return videos


def describe_coverage(scored: Sequence[Row], whole: Sequence[Row]) -> dict[str, Any]:
    """{"queries": n, "of": N[, "without": domains]}: number of videos scored, and domains without a scored video."""
    domains = [sorted({str(row.get("domain")) for row in rows}) for rows in (scored, whole)]
    without = [domain for domain in domains[1] if domain not in domains[0]]
    return {"queries": len(scored), "of": len(whole), **({"without": without} if without else {})}


def render_coverage(coverage: Mapping[str, Any], what: str) -> str:
    """Format coverage as "8 of 10 videos, without domains GA, VT"."""
    without = coverage.get("without")
    return f"{coverage['queries']} of {coverage['of']} {what}" + (
        f", without domain{'s' if len(without) > 1 else ''} {', '.join(without)}" if without else ""
    )


def leave_out(predictions: Sequence[Row], truth: Sequence[Row], chosen: Sequence[Row]) -> list[Row]:
    """Drop the predictions for videos of the ground truth that were not chosen."""
    others = {row["qid"] for row in truth}.difference(row["qid"] for row in chosen)
    return [row for row in predictions if not isinstance(row.get("qid"), int | str) or row["qid"] not in others]


def _assign_segments(row: Row, clips: int, what: str) -> NDArray[np.intp]:
    """Segment of each clip (T,): the one that contains the clip's centre, -1 for none."""
    borders = read_numbers(row.get("segments"), (None, 2), what)
    if not len(borders):
        raise UserError(f"{what}: segments must not be empty")
    if (borders[:, 1] <= borders[:, 0]).any() or (borders[1:, 0] < borders[:-1, 1]).any():
        raise UserError(f"{what}: segments must be [start s, end s] with start < end, in order and without overlap")
    middles = clip_centres(clips)
    index = np.searchsorted(borders[:, 0], middles, side="right") - 1
    segment = np.where((index >= 0) & (middles < borders[index, 1]), index, -1)
    inside = segment[segment >= 0]
    if not len(inside):
        raise UserError(f"{what}: no segment contains the centre of a clip")
    budget, least = int(BUDGET * clips), int(np.unique(inside, return_counts=True)[1].min())
    if least > budget:
        raise UserError(f"{what}: no segment fits into {BUDGET:.0%} of {clips} clips, the shortest has {least} clips")
    return segment
