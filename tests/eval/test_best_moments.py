"""The table of predictions: best first, times as video players show them, nothing that Markdown would misread."""

from __future__ import annotations

from typing import Any

import pytest

from cli import UserError
from eval.best_moments import picture_names, rank_queries, render_markdown, render_tsv, show_time

QUERIES = [
    {"qid": 7, "vid": "a b", "query": "a dog\tbarks | `loud`"},
    {"qid": 8, "vid": "gone", "query": "a cat"},
    {"qid": 9, "vid": "a b", "query": "clips alone"},
]


MOMENTS = {"qid": 7, "pred_relevant_windows": [[3600, 3662, 0.9], [0, 4.5, 0.25], [8, 10, 0.1]]}


PREDICTIONS: list[dict[str, Any]] = [
    {**MOMENTS, "pred_saliency_scores": [0.5, -1.0]},
    {"qid": 9, "pred_saliency_scores": [0.5, 3.0, -1.0, 3.0]},
]


NAMES = "p", "q"


def test_best_moments_first_or_clips_where_there_are_none() -> None:
    ranked = rank_queries(PREDICTIONS, QUERIES, 2, NAMES)
    found = {qid: [(one.rank, one.what, one.start, one.end, one.score) for one in rows] for qid, rows in ranked.items()}
    assert found == {
        7: [(1, "moment", 3600.0, 3662.0, 0.9), (2, "moment", 0.0, 4.5, 0.25)],
        8: [],
        9: [(1, "clip", 2.0, 4.0, 3.0), (2, "clip", 6.0, 8.0, 3.0)],  # of equal scores the earlier first
    }


def test_a_prediction_may_name_no_moment() -> None:
    silent: list[dict[str, Any]] = [{"qid": 7, "pred_relevant_windows": []}]
    assert rank_queries(silent, QUERIES, 2, NAMES) == {7: [], 8: [], 9: []}
    clips = [{**silent[0], "pred_saliency_scores": [0.0, 1.0]}]
    assert [one.what for one in rank_queries(clips, QUERIES, 1, NAMES)[7]] == ["clip"]


def test_tables() -> None:
    ranked = rank_queries(PREDICTIONS, QUERIES, 2, NAMES)
    text = render_markdown(ranked, QUERIES, "../plots")
    assert "## a dog barks | &#96;loud&#96;" in text
    assert "Video `a b`, query 7. [Highlight curve](../plots/7.png)" in text
    assert "| 1 | moment | 1:00:00 | 1:01:02 | 0.9000 |" in text
    assert "| 2 | moment | 0:00 | 0:04.5 | 0.2500 |" in text
    assert text.count("No moment: none was predicted, or the video was left out") == 1
    warned = render_markdown(ranked, QUERIES, "../plots", warning="means nothing")
    assert warned == text.replace("# Ranked moments\n", "# Ranked moments\n\n**Warning:** means nothing.\n", 1)
    named = render_markdown({"<i>[a](b)": []}, [{"qid": "<i>[a](b)", "vid": "`<b>", "query": "<b>"}], None)
    assert "## &lt;b>\n\nVideo `'<b>`, query &lt;i>&#91;a](b)." in named
    lines = render_tsv(ranked).splitlines()
    assert lines[0] == "video\tquery\trank\twhat\tstart_s\tend_s\tscore\twarning"
    assert lines[1] == "a b\ta dog barks | `loud`\t1\tmoment\t3600\t3662\t0.9\t"
    warned = render_tsv(ranked, "means nothing").splitlines()
    assert warned == [lines[0], *(f"{line}means nothing" for line in lines[1:])]
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.96, "1:00"), (65, "1:05"), (3599.5, "59:59.5"), (3661, "1:01:01")]
)
def test_times(seconds: float, text: str) -> None:
    assert show_time(seconds) == text


@pytest.mark.parametrize(
    ("predictions", "queries", "message"),
    [
        ([{"qid": 1, "pred_saliency_scores": [1]}], QUERIES, "p: qid 1: no such query in q"),
        ([{"qid": 7, "pred_saliency_scores": []}], QUERIES, "p: qid 7: pred_saliency_scores: empty"),
        ([], [{"qid": 1, "vid": 3, "query": "x"}], "q: qid 1: vid must be text"),
        ([{**MOMENTS, "vid": "gone"}], QUERIES, "p: qid 7: vid is 'gone', but 'a b' in q"),
    ],
)
def test_faults_are_named(predictions: list[dict[str, Any]], queries: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        rank_queries(predictions, queries, 2, NAMES)


def test_moments_are_listed_by_score_however_they_come() -> None:
    moments = [[0, 4, 0.1], [8, 10, 0.9], [4, 8, 0.9]]
    ranked = rank_queries([{"qid": 7, "pred_relevant_windows": moments}], QUERIES, 2, NAMES)
    assert [(one.start, one.score) for one in ranked[7]] == [(8.0, 0.9), (4.0, 0.9)]
    none = {"qid": 7, "pred_relevant_windows": [], "pred_saliency_scores": [0.5, 2.0]}
    assert [one.what for one in rank_queries([none], QUERIES, 1, NAMES)[7]] == ["clip"]


def test_pictures_bear_the_names_of_queries() -> None:
    assert picture_names([{"qid": 7}, {"qid": "-a_1"}], "q") == {7: "7", "-a_1": "-a_1"}
    for qid in ("a/b", "..", "a b"):
        with pytest.raises(UserError, match="pictures are named by qid"):
            picture_names([{"qid": qid}], "q")


def test_a_qid_too_long_for_a_file_name_is_named() -> None:
    assert picture_names([{"qid": "x" * 200}], "q")
    with pytest.raises(UserError, match=r"^q: qid 'x{20}'\.\.\.: too long"):
        picture_names([{"qid": "x" * 300}], "q")


def test_a_number_and_its_text_share_no_picture() -> None:
    with pytest.raises(UserError, match="qid 7: is both a number and a string"):
        picture_names([{"qid": 7}, {"qid": "7"}], "q")
