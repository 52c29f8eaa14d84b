"""Select the moments to export: from predictions or labels, by score, number and length."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cli import UserError
from eval.best_moments import rank_queries
from eval.exchange.cuts import Cut
from formats.annotations import Qid, index_by_qid
from formats.labels import read_relevant_windows
from formats.media.footage import Footage
from formats.rows import Row, shorten

ALL = 10**9
"""More moments than any query has."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """Which moments of each query are exported. The steps are taken in the order of the attributes.

    Attributes:
        threshold: lowest score; None for all.
        topk: most moments per query, best first; None for all.
        padding: seconds to add before and after each moment, within the video.
        merge_gap: moments of one query that overlap, or are at most this many seconds apart, become one; None to keep
            all as they are.
        min_length: moments that are shorter, in seconds, are left out.
    """

    threshold: float | None = None
    topk: int | None = None
    padding: float = 0.0
    merge_gap: float | None = 0.0
    min_length: float = 0.0


def select_predicted(
    predictions: Sequence[Row],
    queries: Sequence[Row],
    footage: Mapping[str, Footage],
    selection: Selection,
    names: tuple[str, str],
) -> dict[Qid, list[Cut]]:
    """Select the predicted moments of every query, or its best clips if no moments were predicted.

    Args:
        names: of predictions and queries, in messages.

    Raises:
        UserError: rows are malformed or do not fit together, or a video is not in the footage table.
    """
    ranked = rank_queries(predictions, queries, selection.topk or ALL, names)
    cuts = {
        qid: [_cut(one.query, footage, one.start, one.end, one.score) for one in found] for qid, found in ranked.items()
    }
    _name_beyond(cuts, selection.padding)
    return {qid: select_cuts(found, selection) for qid, found in cuts.items()}


def select_labelled(
    queries: Sequence[Row], footage: Mapping[str, Footage], selection: Selection, where: str
) -> dict[Qid, list[Cut]]:
    """Select the labelled moments of every query; they have no scores.

    Raises:
        UserError: rows are malformed or none has windows, or a video is not in the footage table.
    """
    found: dict[Qid, list[Cut]] = {}
    labelled = False
    for qid, row in index_by_qid(queries, where).items():
        for key in ("vid", "query"):
            if not isinstance(row.get(key), str):
                raise UserError(f"{where}: qid {qid}: {key} must be text")
        windows = read_relevant_windows(row, where)
        labelled = labelled or windows is not None
        found[qid] = (
            [] if windows is None else [_cut(row, footage, start, end, None) for start, end in windows.tolist()]
        )
    if not labelled:
        raise UserError(f"{where}: no row has relevant_windows to export: give --predictions")
    _name_beyond(found, selection.padding)
    return {qid: select_cuts(cuts, selection) for qid, cuts in found.items()}


def _name_beyond(cuts: Mapping[Qid, Sequence[Cut]], padding: float) -> None:
    """Name in the log the moments that lie wholly behind the end of their video, which are left out."""
    beyond = [
        (qid, cut)
        for qid, found in cuts.items()
        for cut in found
        if 0 < cut.footage.seconds <= cut.start - padding and cut.start < cut.end
    ]
    if beyond:
        qid, first = beyond[0]
        what = f"{len(beyond)} moments lie" if len(beyond) > 1 else "a moment lies"
        _log.warning(
            "left out: %s behind the end of the video: query %s asks for %g s of %s, which lasts %g s",
            what, qid, first.start, first.footage.vid, first.footage.seconds,
        )  # fmt: skip


def _cut(row: Row, footage: Mapping[str, Footage], start: float, end: float, score: float | None) -> Cut:
    source = footage.get(row["vid"])
    if source is None:
        raise UserError(
            f"query {row['qid']}: video {shorten(row['vid'])} is not in the footage table: make the table with"
            " --annotations, and missing videos are left out"
        )
    return Cut(source, start, end, row["query"], score)


def select_cuts(cuts: list[Cut], selection: Selection) -> list[Cut]:
    """Take the steps of a selection with the cuts of one query, best first. Returns them in the order of time."""
    if selection.threshold is not None:
        cuts = [cut for cut in cuts if cut.score is None or cut.score >= selection.threshold]
    cuts = [_pad(cut, selection.padding) for cut in cuts[: selection.topk]]
    # A moment beyond the end of the file, or an empty one, cannot be shown.
    cuts = sorted((cut for cut in cuts if cut.end > cut.start), key=lambda cut: (cut.start, cut.end))
    if selection.merge_gap is not None:
        cuts = _merge(cuts, selection.merge_gap)
    return [cut for cut in cuts if cut.end - cut.start >= selection.min_length]


def _pad(cut: Cut, seconds: float) -> Cut:
    return replace(cut, start=max(0.0, cut.start - seconds), end=min(cut.footage.seconds, cut.end + seconds))


def _merge(cuts: list[Cut], gap: float) -> list[Cut]:
    """Merge cuts, in the order of time. A merged cut has the highest score."""
    merged: list[Cut] = []
    for cut in cuts:
        if merged and cut.start - merged[-1].end <= gap:
            scores = [score for score in (merged[-1].score, cut.score) if score is not None]
            merged[-1] = replace(merged[-1], end=max(merged[-1].end, cut.end), score=max(scores, default=None))
        else:
            merged.append(cut)
    return merged
