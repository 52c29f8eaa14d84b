"""Statistics of gate logs: means by kind, layer and group, each video once, and how well gates separate groups."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cli import UserError
from eval.gates.statistics import compute_statistics, group_samples
from formats.gate_log import read_gate_log


def test_statistics_count_a_video_once_where_its_queries_agree(write, gate_rows):
    rows = gate_rows(8)
    log = read_gate_log(write("log.jsonl", rows))
    truth = [{"qid": row["qid"], "modality": "audio" if row["qid"] % 2 else "visual"} for row in rows]
    statistics = compute_statistics(log, ["modality", "audio_informative"], truth)
    assert (statistics["queries"], statistics["videos"], statistics["samples"]) == (8, 4, "videos")
    groups = statistics["gates"]["mha"]["groups"]
    assert {name: group["samples"] for name, group in groups.items()} == {
        "all": 4, "has_audio=true": 3, "has_audio=false": 1, "modality=audio": 4, "modality=visual": 4,
        "audio_informative=false": 2, "audio_informative=true": 2,
    }  # fmt: skip
    values = log.means("mha")[[0, 2, 6], 0]  # one query of each video with audio
    layer = groups["has_audio=true"]["layers"][0]
    expected = {"mean": values.mean(), "sd": values.std(), "min": values.min(), "max": values.max()}
    assert layer == pytest.approx(expected, abs=1e-6)
    assert set(statistics["contribution"]) == {"mha", "ffn"}
    json.dumps(statistics, allow_nan=False)


def test_statistics_count_queries_where_they_differ(write, gate_rows):
    rows = gate_rows(4)
    rows[1]["layer_gates"][0]["gate_mha"] = [[0.123]]
    assert compute_statistics(read_gate_log(write("log.jsonl", rows)))["samples"] == "queries"


def test_separation_counts_pairs_of_videos(write, gate_rows):
    rows = gate_rows(12)
    statistics = compute_statistics(read_gate_log(write("log.jsonl", rows)), ["audio_informative", "domain"])
    # Six videos: 2 and 5 have no audio, 0 and 4 are informative, 1 and 3 are not.
    found = statistics["separation"]["audio_informative"]
    assert (found["true"], found["false"]) == (2, 2)
    gates = np.array([rows[2 * video]["layer_gates"][0]["gate_ffn"][0][0] for video in (0, 4, 1, 3)])
    pairs = [(high > low) for high in gates[:2] for low in gates[2:]]
    assert found["ffn"][0] == np.mean(pairs)
    assert found["mha"] == [1.0, 1.0, 1.0]  # as the generator makes them
    means = found["means"]["ffn"]
    assert [means["true"][0], means["false"][0]] == [round(gates[:2].mean(), 6), round(gates[2:].mean(), 6)]
    assert set(statistics["separation"]) == {"audio_informative"}


def test_unknown_group_key_is_refused(write, gate_rows):
    with pytest.raises(UserError, match="has the key 'nothing'"):
        group_samples(read_gate_log(write("log.jsonl", gate_rows(2))), ["nothing"])


def test_a_malformed_qid_of_the_ground_truth_is_refused(write, gate_rows):
    with pytest.raises(UserError, match=r"ground truth: row 1: qid must be a whole number or a string, got \[1\]"):
        group_samples(read_gate_log(write("log.jsonl", gate_rows(2))), ["nothing"], [{"qid": [1]}])
