"""Training targets from annotation rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cli import UserError
from model.config import TrainConfig
from model.training.labels import check_labels
from model.training.targets import QueryTargets, read_labels, read_moment_labels, read_rating_labels, read_window_labels

ROW: dict[str, Any] = {
    "qid": 7,
    "relevant_windows": [[2, 6], [8, 10]],
    "relevant_clip_ids": [1, 2, 4],
    "saliency_scores": [[1, 2, 1], [4, 4, 4], [2, 2, 3]],
}


def draw_targets(
    row: dict[str, Any], n_clips: int, clip_seconds: float, max_windows: int, rng: np.random.Generator
) -> QueryTargets:
    return read_moment_labels(row, np.ones(n_clips, bool), clip_seconds, max_windows).draw(rng)


def test_clips_without_a_picture_are_neither_labelled_nor_paired() -> None:
    seen = np.ones(10, bool)
    seen[[2, 7, 9]] = False
    labels = read_moment_labels(ROW, seen, 2.0, 5)
    drawn = [labels.draw(np.random.default_rng(seed)) for seed in range(50)]
    assert drawn[0].saliency.tolist() == [0, 4, 0, 0, 7, 0, 0, 0, 0, 0]
    assert len(drawn[0].spans) == 2  # when it happens is known all the same
    assert {targets.higher[0] for targets in drawn} == {4} and {targets.lower[0] for targets in drawn} == {1}
    assert {clip for targets in drawn for clip in targets.lower[1:]} == {0, 3, 5, 6, 8}
    seen[[1, 4]] = False
    unseen = read_moment_labels(ROW, seen, 2.0, 5).draw(np.random.default_rng(0))
    assert not unseen.saliency.any() and unseen.higher == unseen.lower == (0, 0)

    ratings = {"qid": 1, "label": [[5.0], [4.0], [3.0], [1.0], [2.0]]}
    seen = np.array([False, True, True, False, True])
    rated = read_rating_labels(ratings, seen).targets
    assert (rated.higher, rated.lower) == ((1,), (4,))
    assert rated.saliency.tolist() == [0, 9, 6, 0, 3]
    assert read_rating_labels(ratings, np.zeros(5, bool)).targets.higher == (0,)

    caption = {"qid": 1, "relevant_windows": [[2, 6]]}
    targets = read_window_labels(caption, np.array([True, False, True, False]), 2.0, 5).draw(np.random.default_rng(0))
    assert targets.saliency.tolist() == [0, 0, 1, 0]
    assert (targets.higher, targets.lower) == ((2, 2), (0, 0))
    nothing = read_window_labels(caption, np.array([True, False, False, True]), 2.0, 5).draw(np.random.default_rng(0))
    assert nothing.higher == nothing.lower == (0, 0)


def test_spans_and_saliency() -> None:
    targets = draw_targets(ROW, 10, 2.0, 5, np.random.default_rng(0))
    # Seconds [2, 6) and [8, 10) of a grid of 20 s.
    np.testing.assert_allclose(targets.spans, [[0.2, 0.2], [0.45, 0.1]], atol=1e-7)
    assert targets.saliency.tolist() == [0, 4, 12, 0, 7, 0, 0, 0, 0, 0]
    assert (targets.higher[0], targets.lower[0]) == (2, 1)
    assert targets.higher[1] in (1, 2, 4)
    assert targets.lower[1] not in (1, 2, 4)


def test_labels_beyond_the_grid_are_left_out() -> None:
    """The reference runs out of range or clamps to a wrong clip there (qd_detr.md section 10)."""
    targets = draw_targets(ROW, 3, 2.0, 5, np.random.default_rng(0))
    assert targets.saliency.tolist() == [0, 4, 12]
    assert targets.spans.max() <= 1.0
    assert max(targets.higher + targets.lower) < 3


def test_at_most_so_many_windows() -> None:
    row = {**ROW, "relevant_windows": [[2 * i, 2 * i + 2] for i in range(0, 16, 2)]}
    drawn = {tuple(draw_targets(row, 20, 2.0, 5, np.random.default_rng(seed)).spans[:, 0]) for seed in range(5)}
    assert all(len(centers) == 5 for centers in drawn)
    assert len(drawn) > 1  # another choice each epoch


def test_a_fully_relevant_video_has_no_easy_pair() -> None:
    row = {
        "qid": 7,
        "relevant_windows": [[0, 4]],
        "relevant_clip_ids": [0, 1],
        "saliency_scores": [[1, 1, 1], [2, 2, 2]],
    }
    targets = draw_targets(row, 2, 2.0, 5, np.random.default_rng(0))
    assert targets.higher == (1, 1)
    assert targets.lower == (0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relevant_windows": []}, "has relevant_clip_ids, but relevant_windows is empty"),
        (
            {"relevant_windows": None},
            r"relevant_windows must be a list of \[start, end\], \[\] if no moment is relevant",
        ),
        ({"relevant_windows": [[6, 2]]}, "relevant_windows: a window does not end after it starts"),
        ({"relevant_windows": [[2, float("nan")]]}, "relevant_windows: holds NaN"),
        ({"relevant_windows": [[2]]}, "relevant_windows"),
        ({"relevant_windows": "2-6"}, "relevant_windows"),
        ({"relevant_clip_ids": [1, -2, 4]}, "relevant_clip_ids"),
        ({"relevant_clip_ids": [1, 2]}, "saliency_scores"),
        ({"saliency_scores": [[1], ["high"], [2]]}, "saliency_scores"),
        ({"relevant_clip_ids": None}, "needs both relevant_clip_ids and saliency_scores"),
    ],
)
def test_malformed_labels_are_named(change: dict[str, Any], message: str) -> None:
    check_labels(ROW, "t.jsonl")
    with pytest.raises(UserError, match=rf"^t\.jsonl: qid 7: .*{message}"):
        check_labels({**ROW, **change}, "t.jsonl")


def test_a_window_beyond_the_video_is_no_target() -> None:
    row = {**ROW, "relevant_windows": [[2, 6], [1000, 1020]]}
    targets = draw_targets(row, 10, 2.0, 5, np.random.default_rng(0))
    np.testing.assert_allclose(targets.spans, [[0.2, 0.2]], atol=1e-7)
    with pytest.raises(UserError, match="qid 7: no relevant window lies within the 20 s"):
        draw_targets({**row, "relevant_windows": [[1000, 1020]]}, 10, 2.0, 5, np.random.default_rng(0))


@pytest.mark.parametrize(
    "row",
    [
        {"qid": 7, "relevant_windows": []},
        {"qid": 7, "relevant_windows": [], "relevant_clip_ids": [], "saliency_scores": []},  # as QVHighlights would
        {"qid": 7, "relevant_windows": [], "relevant_clip_ids": None, "saliency_scores": None},  # as pandas writes it
    ],
)
def test_a_query_without_a_relevant_moment(row: dict[str, Any]) -> None:
    check_labels(row, "t")
    targets = read_labels(row, np.ones(10, bool), 2.0, TrainConfig()).draw(np.random.default_rng(0))
    assert targets.spans.shape == (0, 2) and targets.spans.dtype == np.float32
    assert not targets.saliency.any() and targets.higher == targets.lower == (0, 0)


def test_windows_alone_are_all_true() -> None:
    """QV-M2: rows with three and more windows, and without saliency. A window beyond the video does not count."""
    row = {"qid": 7, "relevant_windows": [[2, 6], [14, 18], [50, 60]], "relevant_clip_ids": [1, 2, 7, 8]}
    check_labels(row, "t")
    labels = read_labels(row, np.ones(10, bool), 2.0, TrainConfig())
    drawn = [labels.draw(np.random.default_rng(seed)) for seed in range(50)]
    np.testing.assert_allclose(drawn[0].spans, [[0.2, 0.2], [0.8, 0.2]], rtol=1e-6)
    assert drawn[0].saliency.tolist() == [0, 1, 1, 0, 0, 0, 0, 1, 1, 0]
    assert {clip for targets in drawn for clip in targets.higher} == {1, 2, 7, 8}
    assert {clip for targets in drawn for clip in targets.lower} == {0, 3, 4, 5, 6, 9}
    few = read_window_labels(row, np.ones(10, bool), 2.0, 1)
    centers = [few.draw(np.random.default_rng(seed)).spans[:, 0].tolist() for seed in range(9)]
    assert {len(found) for found in centers} == {1} and {round(found[0], 1) for found in centers} == {0.2, 0.8}


def test_a_row_without_relevant_clips() -> None:
    row = {"qid": 7, "relevant_windows": [[2, 6]], "relevant_clip_ids": [], "saliency_scores": []}
    targets = draw_targets(row, 10, 2.0, 5, np.random.default_rng(0))
    assert targets.saliency.sum() == 0
    assert targets.higher == targets.lower
