"""Gate logs: shapes, means over valid clips, groups, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cli import UserError
from eval.gates import compute_statistics, group_samples, read_gate_log


@pytest.mark.parametrize("gating", ["global", "clipwise", "elementwise"])
@pytest.mark.parametrize("original", [False, True])
def test_means_are_over_valid_clips_and_channels(write, gate_rows, gating, original):
    rows = gate_rows(6, gating, original, film=True)
    log = read_gate_log(write("log.jsonl", rows))
    assert (log.gating_type, log.kinds, log.layers) == (gating, ("mha", "ffn", "beta"), 3)
    assert log.means("ffn").shape == (6, 3)
    gate = np.array(rows[0]["layer_gates"][1]["gate_ffn"])
    if gating != "global" and not original:
        gate = gate[3:]  # the clips with audio
    assert log.means("ffn")[0, 1] == pytest.approx(gate.mean())
    assert (log.contributions("mha") is None) == original


def test_without_audio_all_clips_count(write, gate_rows):
    rows = gate_rows(6, "clipwise")
    assert rows[4]["has_audio"] is False
    assert (read_gate_log(write("log.jsonl", rows)).means("mha")[4] == 0).all()


def test_has_audio_follows_from_the_mask(write, gate_rows):
    rows = gate_rows(6)
    for row in rows:
        del row["has_audio"]
    assert [sample.has_audio for sample in read_gate_log(write("log.jsonl", rows)).samples] == [True] * 4 + [False] * 2


def test_only_the_first_rows_are_read(write, gate_rows):
    assert len(read_gate_log(write("log.jsonl", gate_rows(6)), most=4).samples) == 4


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


def test_unknown_group_key_is_refused(write, gate_rows):
    with pytest.raises(UserError, match="has the key 'nothing'"):
        group_samples(read_gate_log(write("log.jsonl", gate_rows(2))), ["nothing"])


FAULTS = {
    "gating": (lambda row: row.update(gating_type="local"), "gating_type must be one of"),
    "layers": (lambda row: (row["layer_gates"].pop(), row["contribution"].pop()), "differ from the lines before"),
    "no gate": (lambda row: row["layer_gates"][0].pop("gate_ffn"), "gate_ffn: must be"),
    "nan": (lambda row: row["layer_gates"][0].update(gate_mha=[[float("nan")]]), "gate_mha: holds NaN"),
    "depth": (lambda row: row["layer_gates"][0].update(gate_mha=[[[0.5]]]), "gate_mha: must be clips x channels"),
    "clips": (lambda row: row["audio_mask"].pop(), "disagree on the number of clips"),
    "mask": (lambda row: row.update(audio_mask=["yes"] * 12), "audio_mask must be true or false"),
    "no vid": (lambda row: row.pop("vid"), "has no 'vid'"),
    "contribution": (lambda row: row["contribution"].pop(), "contribution must have one object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_file_and_line(write, gate_rows, fault):
    rows = gate_rows(2)
    spoil, message = FAULTS[fault]
    spoil(rows[1])
    with pytest.raises(UserError, match=rf"log\.jsonl: line 2: .*{message}"):
        read_gate_log(write("log.jsonl", rows))


def test_empty_log_is_refused(write):
    with pytest.raises(UserError, match="no rows"):
        read_gate_log(write("log.jsonl", []))
