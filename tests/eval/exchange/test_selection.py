"""Which moments are exported."""

from __future__ import annotations

from typing import Any

import pytest

from cli import UserError
from eval.exchange.selection import Selection, select_labelled, select_predicted
from tests.eval.exchange.timelines import make_footage

FOOTAGE = {"v": make_footage(vid="v", file="v.mp4", seconds=100.0)}
QUERIES: list[dict[str, Any]] = [{"qid": 1, "vid": "v", "query": "a"}, {"qid": 2, "vid": "v", "query": "b"}]
WINDOWS = [[50, 60, 0.9], [10, 14, 0.8], [12, 20, 0.7], [21, 22, 0.6], [90, 99, 0.1]]
PREDICTIONS: list[dict[str, Any]] = [{"qid": 1, "vid": "v", "query": "a", "pred_relevant_windows": WINDOWS}]


def select(selection: Selection, predictions: list[dict[str, Any]] = PREDICTIONS) -> list[tuple[float, ...]]:
    found = select_predicted(predictions, QUERIES, FOOTAGE, selection, ("p", "q"))
    assert list(found) == [1, 2] and not found[2]  # a query without prediction has no moments
    return [(cut.start, cut.end, cut.score) for cut in found[1] if cut.score is not None]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        # Moments that overlap become one, with the better score; the order is that of time.
        (Selection(), [(10, 20, 0.8), (21, 22, 0.6), (50, 60, 0.9), (90, 99, 0.1)]),
        (Selection(merge_gap=None), [(10, 14, 0.8), (12, 20, 0.7), (21, 22, 0.6), (50, 60, 0.9), (90, 99, 0.1)]),
        (Selection(merge_gap=1.0), [(10, 22, 0.8), (50, 60, 0.9), (90, 99, 0.1)]),
        (Selection(merge_gap=0.99), [(10, 20, 0.8), (21, 22, 0.6), (50, 60, 0.9), (90, 99, 0.1)]),
        (Selection(topk=2), [(10, 14, 0.8), (50, 60, 0.9)]),
        (Selection(threshold=0.6), [(10, 20, 0.8), (21, 22, 0.6), (50, 60, 0.9)]),
        (Selection(threshold=2.0), []),
        # A minimum is asked of merged moments; 12 to 20 and 10 to 14 are 10 s together.
        (Selection(min_length=9.5), [(10, 20, 0.8), (50, 60, 0.9)]),
        (Selection(min_length=10.0, merge_gap=None), [(50, 60, 0.9)]),
        # Padding stays within the video, and what then overlaps is merged.
        (Selection(padding=5.0), [(5, 27, 0.8), (45, 65, 0.9), (85, 100, 0.1)]),
        (Selection(padding=20.0, topk=2), [(0, 80, 0.9)]),
        (Selection(padding=1.0, min_length=4.0, threshold=0.6), [(9, 23, 0.8), (49, 61, 0.9)]),
    ],
)
def test_steps_of_a_selection(selection: Selection, expected: list[tuple[float, ...]]) -> None:
    assert select(selection) == expected


def test_moments_behind_the_end_of_a_video_are_named(caplog: pytest.LogCaptureFixture) -> None:
    windows = [[120, 130, 0.9], [98, 130, 0.8], [100, 101, 0.7]]
    rows = [{"qid": 1, "vid": "v", "query": "a", "pred_relevant_windows": windows}]
    assert select(Selection(), rows) == [(98, 100, 0.8)]
    line = "left out: 2 moments lie behind the end of the video: query 1 asks for 120 s of v, which lasts 100 s"
    assert caplog.messages == [line]
    labelled = [{**QUERIES[0], "relevant_windows": [[0, 2], [150, 160]]}]
    found = select_labelled(labelled, FOOTAGE, Selection(), "q")
    assert [(cut.start, cut.end) for cut in found[1]] == [(0, 2)]
    assert "left out: a moment lies behind the end of the video: query 1 asks for 150 s" in caplog.messages[1]
    caplog.clear()
    assert select(Selection(padding=5.0, merge_gap=None), rows) == [(93, 100, 0.8), (95, 100, 0.7)]
    assert len(caplog.messages) == 1


def test_clips_stand_in_where_no_moments_were_predicted() -> None:
    rows = [{"qid": 1, "vid": "v", "query": "a", "pred_saliency_scores": [0.1, 3.0, 2.0, 0.0, 1.0]}]
    assert select(Selection(topk=3), rows) == [(2, 6, 3.0), (8, 10, 1.0)]


def test_a_moment_beyond_the_file_is_left_out_and_one_across_its_end_is_cut() -> None:
    rows = [{**PREDICTIONS[0], "pred_relevant_windows": [[95, 105, 0.9], [100, 110, 0.8], [30, 30, 0.7]]}]
    assert select(Selection(merge_gap=None), rows) == [(95, 100, 0.9)]


def test_labelled_moments_have_no_score() -> None:
    rows = [{**QUERIES[0], "relevant_windows": [[30, 40], [2, 4]]}, {**QUERIES[1], "relevant_windows": []}]
    found = select_labelled(rows, FOOTAGE, Selection(threshold=0.5), "q")
    assert [(cut.start, cut.end, cut.score, cut.label) for cut in found[1]] == [(2, 4, None, "a"), (30, 40, None, "a")]
    assert found[2] == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (QUERIES, "q: no row has relevant_windows to export: give --predictions"),
        ([{"qid": 1, "vid": "v"}], "q: qid 1: query must be text"),
        ([{"qid": 1, "vid": "w", "query": "a", "relevant_windows": [[0, 2]]}], "video 'w' is not in the footage table"),
        ([{"qid": 1, "vid": "v", "query": "a", "relevant_windows": [[2, 0]]}], "a window does not end after it starts"),
    ],
)
def test_faults_of_labels_are_named(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        select_labelled(rows, FOOTAGE, Selection(), "q")
