"""Spans of labels: which video they are about, and how they become windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_extractors.annotations import spans
from feature_extractors.annotations.spans import Span


@pytest.mark.parametrize(
    ("name", "vid"),
    [
        ("a", "a"),
        ("a.mp4", "a"),
        ("x/a.webm", "a"),
        ("C:\\x\\a.mp4", "a"),
        ("file:///x/a%2Eb.mp4", "a.b"),
        ("a.b.mp4", "a.b"),
        ("https://example.org/x/a.mp4?token=1", "a"),
        ("/data/upload/1/0123abcd-a.mp4", "a"),
        ("0123abcd-a", "a"),
        ("e\u0301.mp4", "é"),
        ("b.mp4", None),
        ("", None),
        ("../a/..", None),
    ],
)
def test_videos_are_found_by_their_names(name: str, vid: str | None) -> None:
    assert spans.find_video(name, ["a", "a.b", "é"]) == vid


def test_spans_of_many_labels_are_cut_and_merged(labelled_videos: Path) -> None:
    random = np.random.default_rng(0)
    starts = random.uniform(0, 9, size=200)
    given = [Span("a", "xyz"[i % 3], float(start), float(start) + 0.5, "w") for i, start in enumerate(starts)]
    for row in spans.make_rows(given, labelled_videos, "w"):
        windows = np.array(row["relevant_windows"])
        assert (windows[:, 1] > windows[:, 0]).all() and (windows[1:, 0] > windows[:-1, 1]).all()
        mine = [span for span in given if span.query == row["query"]]
        covered = np.arange(0.005, 10, 0.01)
        wanted = [any(span.start <= at <= (span.end or 0) for span in mine) for at in covered]
        found = [bool(((windows[:, 0] <= at) & (at <= windows[:, 1])).any()) for at in covered]
        assert np.mean(np.array(wanted) == found) > 0.99  # times are rounded to milliseconds
