"""A gate log is told from that of another network by the highlight scores that it repeats."""

from __future__ import annotations

from typing import Any

import pytest

from eval.gates.origin import warn_of_other_network
from formats.gate_log import read_gate_sample

NAMES = ("log", "predictions")


def predictions_of(rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {row["qid"]: {"qid": row["qid"], "pred_saliency_scores": row["saliency"]} for row in rows}


def test_the_log_of_the_same_answers_is_not_named(gate_rows, caplog):
    rows = gate_rows(6)
    samples = [read_gate_sample(row, "log") for row in rows]
    warn_of_other_network(samples, predictions_of(rows), NAMES)
    # A log may hold fewer queries than the predictions, and a clip without a picture has their lowest score.
    unseen = predictions_of(rows)
    unseen[0]["pred_saliency_scores"] = [min(rows[0]["saliency"][1:]), *rows[0]["saliency"][1:]]
    warn_of_other_network(samples[:2], unseen, NAMES)
    # Neither the original's logs nor answers of language models have scores.
    warn_of_other_network([read_gate_sample(row, "log") for row in gate_rows(6, original=True)], unseen, NAMES)
    warn_of_other_network(samples, {row["qid"]: {"qid": row["qid"]} for row in rows}, NAMES)
    assert not caplog.records


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers[4].update(pred_saliency_scores=[x + 0.01 for x in answers[4]["pred_saliency_scores"]]),
        lambda answers: answers[4].update(pred_saliency_scores=answers[4]["pred_saliency_scores"][:-1]),
        lambda answers: answers.pop(4),
    ],
    ids=["another network", "another length", "another split"],
)
def test_the_log_of_other_answers_is_named(gate_rows, caplog, change):
    rows = gate_rows(6)
    answers = predictions_of(rows)
    change(answers)
    warn_of_other_network([read_gate_sample(row, "log") for row in rows], answers, NAMES)
    assert caplog.messages == [
        "note: log is not of the network that made predictions: 1 of its 6 queries have other highlight scores there,"
        " first qid 4"
    ]
