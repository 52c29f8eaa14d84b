"""Labels of annotation rows: windows, points and ratings as arrays, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cli import UserError
from formats.labels import find_misfit, read_points, read_ratings, read_relevant_windows, read_saliency

ROW: dict[str, Any] = {
    "qid": 7,
    "duration": 10,
    "relevant_windows": [[2, 6], [8, 10]],
    "relevant_clip_ids": [4, 1, 2],
    "saliency_scores": [[1, 2, 1], [4, 4, 4], [2, 0, 3]],
}


def test_windows_are_seconds() -> None:
    windows = read_relevant_windows(ROW, "g")
    assert windows is not None and windows.tolist() == [[2.0, 6.0], [8.0, 10.0]]
    for nothing in (None, []):
        assert read_relevant_windows({"qid": 7, "relevant_windows": nothing}, "g") is None
    assert read_relevant_windows({"qid": 7}, "g") is None


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ("2-6", "must be n x 2 numbers, got '2-6'"),
        ([2, 6], "must be n x 2 numbers"),
        ([[2]], "must be n x 2 numbers"),
        ([[2, True]], "must be n x 2 numbers, holds true or false"),
        ([[2, float("nan")]], "holds NaN or infinity"),
        ([[0, 2], [6, 2]], r"a window does not end after it starts: \[6, 2\]"),
        ([[2, 2]], r"a window does not end after it starts: \[2, 2\]"),
    ],
)
def test_malformed_windows_are_named(windows: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^g: qid 7: relevant_windows: {message}"):
        read_relevant_windows({"qid": 7, "relevant_windows": windows}, "g")


def test_points_keep_their_order_and_saliency_has_every_clip() -> None:
    labels = read_points(ROW, "g")
    assert labels is not None
    assert labels.clips.tolist() == [4, 1, 2]
    assert labels.points.tolist() == [[1, 2, 1], [4, 4, 4], [2, 0, 3]]
    saliency = read_saliency(ROW, "g")
    assert saliency is not None
    assert saliency.tolist() == [[0, 0, 0], [4, 4, 4], [2, 0, 3], [0, 0, 0], [1, 2, 1]]
    empty = read_saliency({**ROW, "relevant_clip_ids": [], "saliency_scores": []}, "g")
    assert empty is not None and empty.shape == (5, 3) and not empty.any()  # three official annotators
    for key in ("relevant_clip_ids", "saliency_scores"):
        assert read_points({**ROW, key: None}, "g") is None
        assert read_saliency({name: value for name, value in ROW.items() if name != key}, "g") is None


def test_points_need_no_duration_and_no_scale() -> None:
    """Training leaves out what lies beyond the video; only scores need the official scale."""
    row = {"qid": 7, "relevant_clip_ids": [30], "saliency_scores": [[9.5]]}
    labels = read_points(row, "g")
    assert labels is not None and labels.points.tolist() == [[9.5]]


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no list": ({"relevant_clip_ids": "1"}, "relevant_clip_ids and saliency_scores must be lists"),
    "fewer": ({"relevant_clip_ids": [1, 2]}, "2 relevant_clip_ids but 3 saliency_scores"),
    "nobody": ({"saliency_scores": [[], [], []]}, "saliency_scores: must have at least one annotator"),
    "ragged": ({"saliency_scores": [[1, 2], [1], [1, 2]]}, "saliency_scores: must be n x 2 numbers"),
    "text": ({"saliency_scores": [[1], ["high"], [2]]}, "saliency_scores: must be n x 1 numbers"),
    "NaN": ({"saliency_scores": [[1], [float("nan")], [2]]}, "saliency_scores: holds NaN"),
    "half": ({"relevant_clip_ids": [1.5, 2, 4]}, "relevant_clip_ids must be whole numbers from 0 to 43199"),
    "negative": ({"relevant_clip_ids": [1, -2, 4]}, "relevant_clip_ids must be whole numbers from 0 to 43199"),
    "huge": ({"relevant_clip_ids": [1, 2e30, 4]}, "relevant_clip_ids must be whole numbers from 0 to 43199"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_malformed_points_are_named_by_both_readers(fault: str) -> None:
    change, message = FAULTS[fault]
    for read in (read_points, read_saliency):
        with pytest.raises(UserError, match=f"^g: qid 7: {message}"):
            read({**ROW, **change}, "g")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relevant_clip_ids": [1, 2, 5]}, r"relevant_clip_ids outside 0\.\.4 \(duration 10 s\)"),
        ({"saliency_scores": [[1], [5], [2]]}, "saliency_scores: points must be 0 to 4"),
        ({"saliency_scores": [[1], [-1], [2]]}, "saliency_scores: points must be 0 to 4"),
        ({"duration": None}, "duration must be seconds"),
    ],
)
def test_saliency_lies_within_the_video_and_the_scale(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^g: qid 7: {message}"):
        read_saliency({**ROW, **change}, "g")


def test_ratings_are_of_clips_and_annotators() -> None:
    assert read_ratings({"qid": "a", "label": [[1, 5], [2, 2]]}, "g").tolist() == [[1, 5], [2, 2]]
    # YouTube Highlights: plain numbers, and CG-DETR's key, which counts only without a label.
    assert read_ratings({"qid": "a", "match": [1, 0, -1]}, "g").tolist() == [[1], [0], [-1]]
    assert read_ratings({"qid": "a", "label": None, "match": [1]}, "g").tolist() == [[1]]
    assert read_ratings({"qid": "a", "label": [0], "match": [1]}, "g").tolist() == [[0]]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, "must be n x n numbers, got None"),
        ([], "empty"),
        ([[]], "empty"),
        ([[1, 5], [2]], "must be n x 2 numbers, got rows of different lengths"),
        ([[1, True]], "must be n x 2 numbers, holds true or false"),
        ([[1, float("nan")]], "holds NaN"),
    ],
)
def test_malformed_ratings_are_named(label: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^g: qid a: label: {message}"):
        read_ratings({"qid": "a", "label": label}, "g")


@pytest.mark.parametrize(
    ("change", "n_clips", "cause"),
    [
        ({}, 5, ""),
        ({}, 4, ""),  # labels up to 10 s, rounded up from 9.x s, of which four whole clips are left
        ({}, 3, "labels reach 10 s, but the video has 6 s"),
        ({}, 500, ""),
        ({"relevant_windows": [[2, 6]]}, 3, "labels reach 10 s, but the video has 6 s"),  # relevant clip 4
        ({"relevant_windows": [[2, 6]], "relevant_clip_ids": [1], "saliency_scores": [[1]]}, 2, ""),
        ({"relevant_windows": [[2, 40]]}, 5, ""),  # beyond the row's own 10 s: cut
        ({"relevant_windows": [[2, 40]], "duration_s": 40.5}, 5, "labels reach 40 s, but the video has 10 s"),
        ({"relevant_windows": [[2, 40]], "duration": None}, 5, "labels reach 40 s, but the video has 10 s"),
        ({"relevant_windows": [[2, 40]], "duration": "10"}, 5, "labels reach 40 s, but the video has 10 s"),
        # Within the tolerance, but nothing of it is in the video.
        ({"relevant_windows": [[8, 10]]}, 4, "relevant_windows start at 8 s, but the video has 8 s"),
        ({"relevant_windows": [[90, 95]]}, 5, "relevant_windows start at 90 s, but the video has 10 s"),
        ({"relevant_windows": [], "relevant_clip_ids": [], "saliency_scores": []}, 1, ""),
        ({"relevant_windows": None, "relevant_clip_ids": None}, 1, ""),
    ],
)
def test_labels_of_a_longer_video_are_found(change: dict[str, Any], n_clips: int, cause: str) -> None:
    assert find_misfit({**ROW, **change}, n_clips, "g", ratings=False) == cause


@pytest.mark.parametrize(
    ("n_clips", "cause"),
    [(11, ""), (10, ""), (9, ""), (8, "label rates 10 clips, but the video has 8"), (12, "label rates 10 clips, ")],
)
def test_ratings_of_another_video_are_found(n_clips: int, cause: str) -> None:
    found = find_misfit({"qid": 1, "label": [[1, 2]] * 10, "duration": 10}, n_clips, "g", ratings=True)
    assert found.startswith(cause) and bool(found) == bool(cause)
