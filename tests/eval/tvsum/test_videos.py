"""Rated videos: segments of clips, and errors."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.tvsum.scores import (
    read_scores,
    score_predictions,
)
from eval.tvsum.videos import read_videos
from tests.eval.tvsum.rows import make_rows, predict


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ([[0, 20], [10, 40]], "in order and without overlap"),
        ([[20, 0]], "with start < end"),
        ([], "segments must not be empty"),
        ([[100, 200]], "no segment contains the centre of a clip"),
        (None, "must be n x 2 numbers"),
        ([[0, 8], [8, 40]], "no segment fits into 15% of 20 clips, the shortest has 4 clips"),
    ],
)
def test_segments_are_checked(segments, message):
    rows = make_rows()[:1]
    with pytest.raises(UserError, match=f"segments: vid A1: .*{message}|segments: vid A1.*{message}"):
        read_videos(rows, {"A1": {"vid": "A1", "segments": segments}})


def test_segments_give_f1():
    rows = make_rows()[:1]
    segments = {"A1": {"vid": "A1", "segments": [[2 * clip, 2 * clip + 2] for clip in range(0, 20)]}}
    videos = read_videos(rows, segments)
    assert videos["A1"].segment.tolist() == list(range(20))
    found = score(predict(rows), rows, segments=segments)
    assert 0 < found["F1"]["mean"] <= 100


def score(predictions, rows, **options):
    return score_predictions(read_scores(predictions, rows, ("p", "g")), read_videos(rows, **options), where="p")
