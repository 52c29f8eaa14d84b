"""Files of results that are written and read again, in the forms of TimeLens and lmms-eval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from eval.grounding.exchange import export_answers, import_answers
from eval.qvhighlights.evaluation import evaluate_files
from formats.rows import write_rows

TRUTH = [
    {"qid": 1, "query": "A dog  barks.", "vid": "ab_1.0", "duration": 30, "relevant_windows": [[2, 8]]},
    {"qid": "b", "query": "a lamp goes on", "vid": "cd", "duration": 20, "relevant_windows": [[0.5, 4.25]]},
    {"qid": 3, "query": "a lamp goes on", "vid": "cd", "duration": 20, "relevant_windows": [[10, 14]]},
]
PREDICTIONS = [
    {"qid": 1, "pred_relevant_windows": [[2.0, 6.0, 0.9], [20.0, 24.0, 0.1]]},
    {"qid": "b", "pred_relevant_windows": []},
    {"qid": 3, "pred_relevant_windows": [[9.9999, 14.0, 0.5]]},
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    write_rows(tmp_path / "p.jsonl", PREDICTIONS)
    write_rows(tmp_path / "g.jsonl", TRUTH)
    return tmp_path / "p.jsonl", tmp_path / "g.jsonl"


def test_timelens_form(files):
    assert export_answers(*files, "timelens") == {
        "ab_1.0.mp4>>>A dog barks>>>[2.0, 8.0]": {
            "timestamps": [[2.0, 6.0]],
            "answers": "The event happens in 2 - 6 seconds.",
        },
        "cd.mp4>>>a lamp goes on>>>[0.5, 4.25]": {"timestamps": [], "answers": ""},
        "cd.mp4>>>a lamp goes on>>>[10.0, 14.0]": {
            "timestamps": [[9.9999, 14.0]],
            "answers": "The event happens in 9.9999 - 14 seconds.",
        },
    }


@pytest.mark.parametrize("form", ["timelens", "charades_sta"])
@pytest.mark.parametrize("lines", [False, True])
def test_what_is_written_is_read_again_with_the_same_scores(form, lines, files, tmp_path):
    result = export_answers(*files, form)
    path = tmp_path / ("r.jsonl" if lines else "r.json")
    path.write_text(
        "\n".join(json.dumps({key: value}) for key, value in result.items()) if lines else json.dumps(result)
    )
    rows = import_answers(path, files[1])
    assert [row["qid"] for row in rows] == [1, "b", 3]
    assert [row["pred_relevant_windows"] for row in rows] == [[[2.0, 6.0, 1.0]], [], [[9.9999, 14.0, 1.0]]]
    write_rows(tmp_path / "again.jsonl", rows)
    scores = [evaluate_files(one, files[1], variants=True).metrics for one in (files[0], tmp_path / "again.jsonl")]
    assert scores[0]["brief"]["MR-full-R1@0.5"] == scores[1]["brief"]["MR-full-R1@0.5"] == 66.67
    assert scores[0]["variants"]["full"]["MR-mIoU"] == scores[1]["variants"]["full"]["MR-mIoU"] == 55.55
    # (4/6 + 0 + 4/4.0001) / 3


@pytest.mark.parametrize(
    ("metric", "answer", "span", "expected"),
    [
        ("timelens_mIOU", "From 0:03 to 0:09", "[[2, 8]]", [[3.0, 9.0, 1.0]]),
        ("timelens_mIOU", "8 - 3, or 1 - 2", "[[2, 8]]", [[8.0, 8.0, 1.0], [1.0, 2.0, 1.0]]),
        ("charades_sta_mIOU", "It happens in 8 - 3", "[2, 8]", [[3.0, 8.0, 1.0]]),
        ("charades_sta_mIOU", f"It happens in 8 - {'9' * 400}", "(2.0, 8.0)", None),
    ],
)
def test_a_log_of_lmms_eval_is_read_as_its_task_reads_it(metric, answer, span, expected, files, tmp_path):
    log = tmp_path / "20260101_samples_timelens_qvhighlights.jsonl"
    logged = {f"videos/ab_1.0.mp4>>>A dog barks.>>>{span}": answer}
    write_rows(log, [{"doc_id": 0, "target": span, "filtered_resps": answer, "input": "..", metric: logged}])
    [row] = import_answers(log, files[1])
    assert row["qid"] == 1 and row["vid"] == "ab_1.0"
    if expected is None:
        [[start, end, _]] = row["pred_relevant_windows"]
        assert start == 8.0 and end > 1e30
    else:
        assert row["pred_relevant_windows"] == expected


def test_the_span_decides_between_queries_of_the_same_words(files, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"cd.mp4>>>a lamp goes on.>>>[10, 14]": {"answers": "1 - 2"}}))
    assert [row["qid"] for row in import_answers(path, files[1])] == [3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"cd.mp4>>>a lamp goes on": "1 - 2"}, "a key must be VIDEO>>>QUERY>>>SPAN"),
        ({"cd.mp4>>>a lamp goes on>>>soon": "1 - 2"}, "the span: not JSON"),
        ({"cd.mp4>>>a lamp goes on>>>[1]": "1 - 2"}, "the span: must be 2 numbers"),
        ({"cd.mp4>>>a lamp goes on>>>[0.5, 4.25]": {"timestamps": [[1, None]]}}, "timestamps: must be n x 2 numbers"),
        ({"cd.mp4>>>a lamp goes on>>>[0.5, 4.25]": {"duration": 3}}, "must have timestamps, or an answer in words"),
        ({"cd.mp4>>>a door>>>[0.5, 4.25]": "1 - 2"}, "g.jsonl has no such query about this video"),
        (
            {"ab_1.0.mp4>>>A dog barks>>>[2, 8]": "1 - 2", "ab_1.0.mp4>>>A dog barks.>>>[2, 8]": "1 - 2"},
            "a second answer",
        ),
        ({}, "no answers"),
    ],
)
def test_a_malformed_file_is_one_line(content, message, files, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message) as caught:
        import_answers(path, files[1])
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_log_of_another_task_is_named(files, tmp_path):
    log = tmp_path / "samples.jsonl"
    write_rows(log, [{"doc_id": 0, "exact_match": 1.0}])
    with pytest.raises(UserError, match=r"line 1: a log of another task: needs timelens_mIOU or charades_sta_mIOU"):
        import_answers(log, files[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relevant_windows": [[0, 2], [4, 6]]}, "qid 3: has 2 relevant windows"),
        ({"relevant_windows": []}, "qid 3: has 0 relevant windows"),
        ({"query": "a >>> b"}, "qid 3: needs a vid, and a query without >>>"),
        ({"relevant_windows": [[0.5, 4.25]]}, "qid 3: another query has the same video, words and window"),
    ],
)
def test_what_the_forms_cannot_hold_is_an_error(change, message, files):
    write_rows(files[1], [*TRUTH[:2], {**TRUTH[2], **change}])
    with pytest.raises(UserError, match=message):
        export_answers(*files, "timelens")
