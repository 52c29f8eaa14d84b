"""For any rows that hypothesis draws, the numbers match the slow oracle.

Times and scores come from small sets, so that ties, duplicates, touching windows and IoUs on a threshold are common.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eval.qvhighlights.queries import read_queries
from eval.qvhighlights.score import score_queries
from tests.eval.oracle import highlight_scores, label_matrix, moment_scores

SECONDS = st.integers(0, 40).map(lambda clip: 2.0 * clip) | st.floats(0, 80).map(lambda second: round(second, 4))
SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9999, 1.0])
SALIENCY = st.sampled_from([-2.0, -0.5, -0.0, 0.0, 0.25, 1.0]) | st.floats(-3, 3, width=16)


@st.composite
def predicted_windows(draw):
    """Up to 13 windows (only ten count), some of zero length, some listed twice, possibly none."""
    windows = [[*sorted((draw(SECONDS), draw(SECONDS))), draw(SCORES)] for _ in range(draw(st.integers(0, 9)))]
    if windows:
        windows += draw(st.lists(st.sampled_from(windows), max_size=4))
    if draw(st.booleans()):
        windows.sort(key=lambda window: -window[2])
    return windows


@st.composite
def query(draw, qid):
    clips = draw(st.integers(1, 40))
    edges = sorted(draw(st.sets(st.integers(0, clips), min_size=2, max_size=8)))
    windows = [[2 * start, 2 * end] for start, end in zip(edges[::2], edges[1::2], strict=False)]
    ids = [clip for start, end in windows for clip in range(start // 2, end // 2)]
    points = st.lists(st.integers(0, 4), min_size=3, max_size=3)
    truth = {
        "qid": qid,
        "duration": 2 * clips + draw(st.integers(0, 1)),
        "relevant_windows": windows,
        "relevant_clip_ids": ids,
        "saliency_scores": [draw(points) for _ in ids],
    }
    prediction = {
        "qid": qid,
        "pred_relevant_windows": draw(predicted_windows()),
        # From a single score to a few too many.
        "pred_saliency_scores": draw(st.lists(SALIENCY, min_size=1, max_size=clips + 3)),
    }
    return prediction, truth


@st.composite
def split(draw):
    return [draw(query(qid)) for qid in range(draw(st.integers(1, 3)))]


def assert_equal(found, expected, where):
    """Compare percent with two decimals against a share that was summed in another order."""
    if expected is None:
        assert found is None, where
    else:
        assert found == pytest.approx(100 * expected, abs=0.005 + 1e-9), where
        assert math.isclose(found, round(found, 2)), where


@settings(max_examples=200, deadline=None)
@given(split())
@example(
    [
        (
            {"qid": 0, "pred_relevant_windows": [], "pred_saliency_scores": [-1.0]},
            {
                "qid": 0,
                "duration": 6,
                "relevant_windows": [[0, 6]],
                "relevant_clip_ids": [0, 1, 2],
                "saliency_scores": [[4, 4, 4]] * 3,
            },
        )
    ]
)
def test_every_number_is_the_oracles(rows):
    predictions, truth = [row for row, _ in rows], [row for _, row in rows]
    result = score_queries(read_queries(predictions, truth, as_listed=True))
    moments = moment_scores(
        [row["pred_relevant_windows"] for row in predictions], [row["relevant_windows"] for row in truth]
    )
    highlights = highlight_scores(
        [row["pred_saliency_scores"] for row in predictions], [label_matrix(row) for row in truth]
    )
    for name, part in moments.items():
        for metric, values in part.items():
            for key, value in values.items():
                assert_equal(result[name][metric][key], value, (name, metric, key))
    for name, part in highlights.items():
        for metric, value in part.items():
            assert_equal(result[name][metric], value, (name, metric))


@settings(max_examples=50, deadline=None)
@given(split())
def test_no_number_leaves_0_to_100(rows):
    result = score_queries(read_queries([row for row, _ in rows], [row for _, row in rows], as_listed=True))
    assert all(value is None or 0 <= value <= 100 for value in result["brief"].values())
