"""The rows: valid as QVHighlights annotations, true to the plan, and enough of each kind for a benchmark."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from demo import questions
from demo.plan import COLOURS, SOUNDS, SPLITS, DemoConfig, VideoPlan, plan_videos

SMALL = DemoConfig(train_videos=10, val_videos=4)
CONFIGS = [
    DemoConfig(),
    DemoConfig(seed=7, train_videos=20, val_videos=6),
    DemoConfig(train_videos=30, val_videos=10, min_seconds=8, max_seconds=14),  # hardly room for an event
    DemoConfig(train_videos=4, val_videos=2, min_seconds=150, max_seconds=150),
]
ROW_KEYS = {
    "qid", "query", "duration", "vid", "relevant_clip_ids", "saliency_scores", "relevant_windows", "duration_s",
    "modality", "audio_informative",
}  # fmt: skip


def rows_of(config: DemoConfig) -> list[dict[str, Any]]:
    return [row for split in SPLITS for row in questions.annotations(config, split)]


def named_spans(video: VideoPlan, query: str) -> dict[str, list[list[int]]]:
    """When what the words of a query name is in view or to be heard, read off the plan without its own helpers."""
    words = query.lower().rstrip(".").split()
    spans: dict[str, list[list[int]]] = {}
    for colour in COLOURS:
        if colour in words:
            shape = words[words.index(colour) + 1]
            spans["visual"] = [[e.start, e.end] for e in video.visual if (e.colour, e.shape) == (colour, shape)]
    for kind, (source, _) in SOUNDS.items():
        if source in query.lower():
            spans["audio"] = [[e.start, e.end] for e in video.audio if e.kind == kind]
    return spans


@pytest.mark.parametrize("config", CONFIGS)
def test_rows_hold_what_readers_of_qvhighlights_rely_on(config: DemoConfig) -> None:
    rows = rows_of(config)
    assert len({row["qid"] for row in rows}) == len(rows)
    assert len({(row["vid"], row["query"]) for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == ROW_KEYS
        windows = row["relevant_windows"]
        assert windows and windows == sorted(windows)
        assert all(0 <= start < end <= row["duration"] for start, end in windows)
        assert all(time % 2 == 0 for window in windows for time in window)
        clips = [clip for start, end in windows for clip in range(start // 2, end // 2)]
        assert row["relevant_clip_ids"] == clips == sorted(set(clips))
        assert [len(scores) for scores in row["saliency_scores"]] == [3] * len(clips)
        assert all(type(score) is int and 0 <= score <= 4 for scores in row["saliency_scores"] for score in scores)
        assert row["duration_s"] == row["duration"]
        json.dumps(row)  # plain values only, no NumPy


@pytest.mark.parametrize("config", CONFIGS)
def test_windows_are_where_everything_that_the_query_names_happens(config: DemoConfig) -> None:
    videos = {video.vid: video for video in plan_videos(config)}
    for row in rows_of(config):
        spans = named_spans(videos[row["vid"]], row["query"])
        asked = {"visual": {"visual"}, "audio": {"audio"}, "joint": {"visual", "audio"}}[row["modality"]]
        assert set(spans) == asked, row["query"]
        clips = [{clip for start, end in spans[sense] for clip in range(start // 2, end // 2)} for sense in asked]
        assert set(row["relevant_clip_ids"]) == set.intersection(*clips)


def test_a_joint_query_is_not_answered_by_one_sense() -> None:
    videos = {video.vid: video for video in plan_videos(DemoConfig())}
    joint = [row for row in rows_of(DemoConfig()) if row["modality"] == "joint"]
    assert len(joint) >= 50  # two for each of the 28 informative videos, where there are two
    found = Counter(
        sense
        for row in joint
        for sense, spans in named_spans(videos[row["vid"]], row["query"]).items()
        if max(overlap_over_union(span, truth) for span in spans for truth in row["relevant_windows"]) >= 0.5
    )
    assert max(found.values()) <= 0.15 * len(joint)
    assert all(end - start >= 4 for row in joint for start, end in row["relevant_windows"])


def overlap_over_union(one: Sequence[float], other: Sequence[float]) -> float:
    """IoU of two windows."""
    overlap = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return overlap / (one[1] - one[0] + other[1] - other[0] - overlap)


def test_default_dataset_has_the_queries_that_a_benchmark_needs() -> None:
    counts = {split: Counter(row["modality"] for row in questions.annotations(DemoConfig(), split)) for split in SPLITS}
    assert counts["train"]["audio"] == 60 and counts["val"]["audio"] == 24  # three for each informative video
    assert counts["train"]["visual"] >= 120 and counts["val"]["visual"] >= 48
    scores = Counter(score for row in rows_of(DemoConfig()) for three in row["saliency_scores"] for score in three)
    assert (scores[2] + scores[3] + scores[4]) / scores.total() > 0.9
    # Scores are higher in the middle than at the ends: the first clip of a window is never the best on average.
    rows = [row for row in rows_of(DemoConfig()) if len(row["relevant_clip_ids"]) >= 4]
    means = [[sum(three) / 3 for three in row["saliency_scores"]] for row in rows]
    assert sum(mean[0] for mean in means) / len(means) < sum(max(mean) for mean in means) / len(means) - 0.8


def test_same_seed_same_rows_and_another_seed_others() -> None:
    rows = rows_of(SMALL)
    plan_videos.cache_clear()
    assert rows_of(SMALL) == rows
    assert rows_of(replace(SMALL, seed=1)) != rows


def test_another_video_changes_no_other_rows() -> None:
    few = questions.annotations(SMALL, "val")
    assert questions.annotations(replace(SMALL, val_videos=SMALL.val_videos + 3), "val")[: len(few)] == few
