"""Scores of the same predictions on two sets of labels, such as QVHighlights' own and those of TimeLens-Bench."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli import UserError
from eval.qvhighlights.queries import Queries, read_queries
from eval.qvhighlights.score import score_queries
from eval.qvhighlights.variants import score_variants
from formats.annotations import index_truth
from formats.rows import Row, read_rows, shorten


def score_relabelled(
    queries: Queries, predictions: Sequence[Row], labels: Path, names: tuple[str, str], as_listed: bool = False
) -> dict[str, Any]:
    """Score the queries that a second file of labels has too, on either set of labels.

    {"queries": n, "of": N, "first": {..}, "second": {..}}: the metrics of "brief" that the second labels allow, and
    MR-mIoU and MR-full-R1@0.3, over the same n queries. Other rows of the second file are passed over: their queries
    were reworded, and nothing was predicted for them.

    Args:
        queries: the queries with their first labels.
        predictions: the rows that they were read from.
        labels: the second labels, rows with the same qids.
        names: of predictions and first labels, for messages.
        as_listed: see `read_queries`.

    Raises:
        UserError: the second file is malformed, has none of the queries, or one of them about another video.
    """
    rows = index_truth(read_rows(labels), str(labels))
    for row in predictions:
        vids = row.get("vid"), rows.get(row["qid"], {}).get("vid")
        if None not in vids and vids[0] != vids[1]:
            raise UserError(
                f"{labels}: qid {row['qid']}: vid is {shorten(vids[1])}, but {shorten(vids[0])} in {names[0]}"
            )
    places = [place for place, qid in enumerate(queries.qids) if qid in rows]
    if not places:
        raise UserError(f"{labels}: has labels for none of the queries of {names[1]}")
    chosen = {queries.qids[place] for place in places}
    second = read_queries(
        [row for row in predictions if row["qid"] in chosen],
        [row for qid, row in rows.items() if qid in chosen],
        (names[0], str(labels)),
        as_listed,
    )
    scores = _score(second, (names[0], str(labels)))
    first = _score(queries.take(places), names)
    return {
        "queries": len(places),
        "of": len(queries),
        "first": {key: first.get(key) for key in scores},
        "second": scores,
    }


def _score(queries: Queries, names: tuple[str, str]) -> dict[str, float | None]:
    brief: dict[str, float | None] = score_queries(queries, names)["brief"]
    full = score_variants(queries).get("full")
    if full is not None:
        brief |= {"MR-full-R1@0.3": full["MR-R1"]["0.3"], "MR-full-mIoU": full["MR-mIoU"]}
    return brief
