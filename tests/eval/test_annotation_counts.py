"""Dataset statistics, including those of the published annotations, measured independently."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.annotation_counts import describe_annotations, describe_queries, describe_videos
from formats.rows import read_rows


def test_counts_and_lengths(queries):
    _, truth = queries(12)
    found = describe_queries(truth, ["modality"])
    lengths = [end - start for row in truth for start, end in row["relevant_windows"]]
    assert found["queries"] == 12 and found["videos"] == 6
    assert found["windows"]["count"] == len(lengths)
    assert found["windows"]["mean"] == round(sum(lengths) / len(lengths), 4)
    assert found["relevant_clips"] == sum(lengths) / 2
    assert found["ranges"]["short"]["windows"] == sum(length <= 10 for length in lengths)
    assert found["parts"] == {"modality=audio": 4, "modality=joint": 4, "modality=visual": 4}


def test_a_split_without_labels_has_counts_alone(queries):
    _, truth = queries(3)
    rows = [{key: row[key] for key in ("qid", "query", "vid", "duration")} for row in truth]
    assert set(describe_queries(rows)) == {"queries", "videos", "words", "duration_s", "clips", "parts"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vid": ["a"]}, "vid must be text"),
        ({"vid": 5}, "vid must be text"),
        ({"query": {}}, "query must be text"),
        ({"duration": 2e9}, "duration must be seconds"),
        ({"relevant_windows": [[-1e308, 1e308]]}, "relevant_windows: holds a number beyond"),
    ],
)
def test_faults_are_named(queries, change, message):
    _, truth = queries(3)
    truth[1] |= change
    with pytest.raises(UserError, match=f"g: qid 1: {message}"):
        describe_queries(truth, where="g")


def test_points_of_an_average_are_counted_as_they_are(queries):
    _, truth = queries(1)
    truth[0] |= {"relevant_clip_ids": [0], "saliency_scores": [[2.5, 2, 2.0]]}
    assert describe_queries(truth)["points"] == {"2": 2, "2.5": 1}


def test_published_annotations(published):
    folder = published / "qvhighlights"
    val = describe_queries(read_rows(folder / "highlight_val_release.jsonl"))
    assert (val["queries"], val["videos"], val["windows"]["count"], val["relevant_clips"]) == (1550, 1519, 2803, 32549)
    assert round(val["windows"]["mean"], 2) == 23.22
    assert [val["ranges"][name]["queries"] for name in ("short", "middle", "long")] == [429, 957, 574]
    assert (val["windows_per_query"]["max"], val["queries_relevant_throughout"]) == (25, 52)
    train = describe_queries(read_rows(folder / "highlight_train_release.jsonl"))
    assert train["points"] == {"0": 15594, "1": 34972, "2": 88925, "3": 147642, "4": 194586}
    test = describe_queries(read_rows(folder / "highlight_test_with_gt.jsonl"))
    assert (test["queries"], test["videos"], test["windows_per_query"]["max"]) == (1542, 1529, 20)
    videos = describe_videos(read_rows(published / "tvsum" / "tvsum_val.jsonl"))
    assert (videos["videos"], videos["clips"], set(videos["domains"].values())) == (10, 1879, {1})
    assert videos["positive_share"]["min"] >= 0.31 and videos["positive_share"]["max"] <= 0.375


def test_rows_with_a_label_are_rated_videos(queries):
    _, truth = queries(3)
    assert describe_annotations(truth, ["modality"]) == describe_queries(truth, ["modality"])
    rated = [{"qid": "a", "domain": "A", "label": [[1], [2]]}]
    assert describe_annotations(rated) == describe_videos(rated)
