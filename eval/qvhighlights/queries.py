"""Queries of a prediction file with their labels, read and checked once, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cli import UserError
from eval.qvhighlights.moments import Floats
from formats.annotations import Qid
from formats.labels import read_relevant_windows, read_saliency
from formats.predictions import (
    find_unsorted,
    has_saliency,
    has_windows,
    match_queries,
    read_predicted_saliency,
    read_predicted_windows,
)
from formats.rows import Row

NAMES = ("predictions", "ground truth")


@dataclass(frozen=True)
class Queries:
    """N queries in the order of the predictions. Each list has N entries, None where a query has no value.

    If no prediction has windows (or saliency), the entries are None for every query.
    """

    rows: list[Row]
    """Ground truth rows."""
    predicted_windows: list[Floats | None]
    """(windows, 3) start s, end s, score; only for queries with relevant windows."""
    relevant_windows: list[Floats | None]
    """(windows, 2) in seconds."""
    predicted_saliency: list[Floats | None]
    """(clips,); only for queries with saliency labels."""
    saliency: list[Floats | None]
    """(clips, annotators), 0 to 4 points."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def qids(self) -> list[Qid]:
        """Query ids, in order."""
        return [row["qid"] for row in self.rows]

    def count_labelled(self) -> dict[str, int] | None:
        """Number of queries that "moments" and "highlights" are scored over, and total "of"; None if all have labels.

        A task that is not scored at all is left out.
        """
        pairs = {
            "moments": (self.predicted_windows, self.relevant_windows),
            "highlights": (self.predicted_saliency, self.saliency),
        }
        counts = {
            half: sum(mine is not None and wanted is not None for mine, wanted in zip(*lists, strict=True))
            for half, lists in pairs.items()
        }
        counts = {half: count for half, count in counts.items() if count}
        return {**counts, "of": len(self)} if any(count < len(self) for count in counts.values()) else None

    def take(self, indices: Sequence[int]) -> Queries:
        """Select queries by index."""
        lists = (self.predicted_windows, self.relevant_windows, self.predicted_saliency, self.saliency)
        return Queries([self.rows[index] for index in indices], *([part[n] for n in indices] for part in lists))


def read_queries(
    predictions: Sequence[Row],
    ground_truth: Sequence[Row],
    names: tuple[str, str] = NAMES,
    as_listed: bool = False,
    covered_only: bool = False,
) -> Queries:
    """Pair the rows by qid and read them. `names` are the files' names in messages.

    Raises:
        UserError: the files hold different queries (with `covered_only`, predictions may be missing), a row is
            malformed, a score is not finite, windows are not sorted by score (unless `as_listed`), or the number of
            annotators varies.
    """
    pairs = match_queries(predictions, ground_truth, names, covered_only)
    with_windows = any(has_windows(prediction) for prediction, _ in pairs)
    with_saliency = any(has_saliency(prediction) for prediction, _ in pairs)
    queries = Queries([truth for _, truth in pairs], [], [], [], [])
    annotators: int | None = None
    for prediction, truth in pairs:
        windows = read_relevant_windows(truth, names[1])
        asked = with_windows and windows is not None
        queries.relevant_windows.append(windows)
        queries.predicted_windows.append(read_predicted_windows(prediction, names[0], as_listed) if asked else None)
        matrix = read_saliency(truth, names[1]) if with_saliency else None
        if matrix is not None:
            annotators = annotators or matrix.shape[1]
            if matrix.shape[1] != annotators:
                raise UserError(
                    f"{names[1]}: qid {truth['qid']}: has {matrix.shape[1]} annotators, other queries have {annotators}"
                )
        queries.saliency.append(matrix)
        queries.predicted_saliency.append(None if matrix is None else read_predicted_saliency(prediction, names[0]))
    return queries


def find_oddities(queries: Queries, name: str = NAMES[0]) -> list[str]:
    """Describe odd input that is scored as the official program scores it, one line per kind.

    Saliency lists longer or shorter than the video, queries without a predicted window, windows of zero length, and
    (if they were read as listed) windows that are not sorted by score.
    """
    short: list[str] = []
    long: list[str] = []
    none: list[str] = []
    flat: list[str] = []
    unsorted: list[str] = []
    for place, qid in enumerate(queries.qids):
        predicted, labels = queries.predicted_saliency[place], queries.saliency[place]
        if predicted is not None and labels is not None and len(predicted) != len(labels):
            kind = short if len(predicted) < len(labels) else long
            kind.append(f"{qid} with {len(predicted)} for {len(labels)}")
        windows = queries.predicted_windows[place]
        if windows is not None:
            if not len(windows):
                none.append(str(qid))
            if len(find_unsorted(windows)):
                unsorted.append(str(qid))
            if (windows[:, 0] == windows[:, 1]).any():
                flat.append(str(qid))
    kinds = {
        "fewer saliency scores than clips: missing scores count as 0": short,
        "more saliency scores than clips: extra scores are cut, and a highest score among them is a miss": long,
        "no predicted window: counts as 0 (the official program fails here)": none,
        "windows of zero length, which match nothing": flat,
        "windows not sorted by score: R1 is that of the first window listed, not of the best": unsorted,
    }
    total = len(queries)
    return [
        f"{name}: {len(found)} of {total} queries: {what} (first qid {found[0]})"
        for what, found in kinds.items()
        if found
    ]
