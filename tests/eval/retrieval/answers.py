"""Answers to queries for the tests of retrieval: labelled and predicted windows, as `read_queries` gives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.qvhighlights.chance import predict_at_random
from eval.qvhighlights.queries import Queries, read_queries

Windows = Sequence[Sequence[float]]


def answer(*queries: tuple[Windows, Windows]) -> Queries:
    """Queries of (labelled windows [start, end], predicted windows [start, end, score])."""
    truth = [{"qid": qid, "relevant_windows": labelled} for qid, (labelled, _) in enumerate(queries)]
    found = [{"qid": qid, "pred_relevant_windows": predicted} for qid, (_, predicted) in enumerate(queries)]
    return read_queries(found, truth)


def answer_at_random(count: int, seed: int = 0, equal: bool = False) -> Queries:
    """`count` queries with one to four labelled windows, answered at random, some of them right."""
    random = np.random.default_rng(seed)
    truth = []
    for qid in range(count):
        edges = np.sort(random.choice(75, size=2 * random.integers(1, 5), replace=False)) * 2.0
        windows = edges.reshape(-1, 2).tolist()
        truth.append({"qid": qid, "query": f"q {qid}", "vid": f"v{qid}", "duration": 150, "relevant_windows": windows})
    rows = predict_at_random(truth, seed, "truth")
    for row, asked in zip(rows, truth, strict=True):
        row.pop("pred_saliency_scores", None)
        windows = [[start, end, float(score)] for start, end, score in row["pred_relevant_windows"]]
        for place, (start, end) in enumerate(asked["relevant_windows"]):
            if random.random() < 0.6:
                windows[place][:2] = [start, end + 2.0 * random.integers(0, 3)]
        for window in windows:
            window[2] = 0.5 if equal else round(float(random.random()), 4)
        row["pred_relevant_windows"] = sorted(windows, key=lambda window: -window[2])
    return read_queries(rows, truth)
