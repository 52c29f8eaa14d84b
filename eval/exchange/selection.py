"""Select the moments to export: from predictions or labels, by score, number and length."""

from __future__ import annotations

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
    return {
        qid: select_cuts([_cut(one.query, footage, one.start, one.end, one.score) for one in found], selection)
        for qid, found in ranked.items()
    }


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
        cuts = [] if windows is None else [_cut(row, footage, start, end, None) for start, end in windows.tolist()]
        found[qid] = select_cuts(cuts, selection)
    if not labelled:
        raise UserError(f"{where}: no row has relevant_windows to export: give --predictions")
    return found


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
