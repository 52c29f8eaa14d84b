"""The table of queries."""

from __future__ import annotations

import numpy as np
import pytest

from eval.explorer.answers import Answers, Patterns, read_answers
from eval.explorer.study_data import describe_table, rate_video
from eval.tvsum.evaluation import evaluate_files
from formats.gate_log import GateSample, read_gate_sample
from tests.eval.explorer.small_study import make_rows, write_study


def test_columns_are_in_the_order_of_the_queries(tmp_path) -> None:
    rows = make_rows(5)
    write_study(tmp_path, rows)
    patterns = Patterns(
        f"{tmp_path}/{{run}}/predictions.jsonl", f"{tmp_path}/{{run}}/gates.jsonl", f"{tmp_path}/{{run}}/values.json"
    )
    answers = read_answers([("base", ""), ("film", "")], patterns)
    table = describe_table(rows[""][::-1], answers, "q")
    assert table["queries"]["qid"] == [4, 3, 2, 1, 0]
    assert table["queries"]["group"] == ["visual", "audio", "visual", "audio", "visual"]
    assert [metric["key"] for metric in table["metrics"]] == ["MR-full-mAP", "MR-full-R1@0.5"]
    assert table["answers"][1]["values"]["MR-full-mAP"] == [float((37 * qid + 11) % 101) for qid in (4, 3, 2, 1, 0)]
    layers = [layer["gate_mha"] for layer in rows["base/gates"][4]["layer_gates"]]
    assert table["answers"][0]["gates"]["mha"][0] == pytest.approx(np.mean(layers), abs=1e-4)


def test_the_audio_gate_of_a_video_without_sound_is_none() -> None:
    layers = [{"gate_mha": [0.0, 0.0], "gate_ffn": [0.5, 0.5]}]
    logged = {"qid": 1, "vid": "v", "gating_type": "local", "layer_gates": layers, "audio_mask": [False, False]}
    gates: dict[int | str, GateSample] = {1: read_gate_sample({**logged, "has_audio": False}, "g")}
    table = describe_table([{"qid": 1}], [Answers("base", "base", "", {}, gates)], "q")
    assert table["answers"][0]["gates"] == {"mha": [None], "ffn": [0.5]}


def test_unknown_values_are_none() -> None:
    table = describe_table([{"qid": 1}], [Answers("base", "base", "", {})], "q")
    assert table["metrics"] == [] and table["kinds"] == [] and table["queries"]["query"] == [""]


def test_a_rated_video_has_the_average_precision_of_tvsum(tmp_path, write) -> None:
    random = np.random.default_rng(0)
    row = {"qid": "a", "vid": "a", "query": "q", "domain": "BK", "label": random.integers(1, 6, (20, 4)).tolist()}
    row["duration"] = 20
    prediction = {"qid": "a", "vid": "a", "query": "q", "pred_saliency_scores": random.normal(size=20).tolist()}
    truth, predictions = write("truth.jsonl", [row]), write("predictions.jsonl", [prediction])
    scored = evaluate_files(truth, predictions=[predictions]).metrics["rows"]["predictions"]["mAP"]["BK"]
    assert rate_video(row, prediction, "q") == pytest.approx(scored, abs=0.01)
    assert rate_video({"qid": "a"}, prediction, "q") is None and rate_video(row, None, "q") is None
