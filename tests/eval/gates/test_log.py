"""Gate logs: shapes, means over valid clips, groups, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.stats

from cli import UserError
from eval.gates.log import read_gate_log
from eval.gates.statistics import compute_auc, compute_statistics, correlate_ranks, group_samples


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


@pytest.mark.parametrize("size", [5e-4, 1.0])
def test_queries_have_the_same_gates_but_for_rounding(write, gate_rows, size):
    """At any size: batches round the last digits of float32, logs to six decimals."""
    rows = gate_rows(6)
    for difference, expected in ((0.0, True), (1e-6 + 1e-5 * size, True), (2e-6 + 0.02 * size, False)):
        for row in rows:
            for layer in row["layer_gates"]:
                layer["gate_mha"] = [[size * 0.6 + difference * (row["qid"] % 2)]]
                layer["gate_ffn"] = [[0.2]]
        assert read_gate_log(write("log.jsonl", rows)).are_per_video() is expected


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


def test_sound_of_a_clip_may_be_unknown(write, gate_rows):
    rows = gate_rows(6)
    log = read_gate_log(write("log.jsonl", rows))
    level = log.samples[0].level_db
    assert np.isnan(level[:3]).all()  # the clips without audio
    assert level[3:] == pytest.approx(rows[0]["audio_level_db"][3:])
    assert log.samples[4].level_db is None  # nothing but nulls
    assert log.samples[4].novelty is None


def test_separation_counts_pairs_of_videos(write, gate_rows):
    rows = gate_rows(12)
    statistics = compute_statistics(read_gate_log(write("log.jsonl", rows)), ["audio_informative", "domain"])
    # Six videos, of which 2 and 5 have no audio; 0 and 4 are informative, 1 and 3 are not.
    found = statistics["separation"]["audio_informative"]
    assert (found["true"], found["false"]) == (2, 2)
    gates = np.array([rows[2 * video]["layer_gates"][0]["gate_ffn"][0][0] for video in (0, 4, 1, 3)])
    pairs = [(high > low) for high in gates[:2] for low in gates[2:]]
    assert found["ffn"][0] == np.mean(pairs)
    assert found["mha"] == [1.0, 1.0, 1.0]  # as the generator makes them
    assert set(statistics["separation"]) == {"audio_informative"}


def test_area_under_the_curve_counts_equal_values_half():
    values = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    labels = np.array([True, True, False, False])
    # 3 > 2, 3 > 1, 1 < 2, 1 = 1.
    assert compute_auc(values, labels).tolist() == [2.5 / 4, 0.5]


def test_rank_correlation_equals_scipy():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 6, 40).astype(float), random.normal(size=40)
    assert correlate_ranks(first, second) == pytest.approx(scipy.stats.spearmanr(first, second).statistic)
    assert np.isnan(correlate_ranks(first, np.ones(40)))
    assert np.isnan(correlate_ranks(first[:1], second[:1]))


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
    "level": (lambda row: row.update(audio_level_db=["loud"] * 12), "audio_level_db: must be n numbers"),
    "novelty": (lambda row: row["audio_novelty"].pop(), "disagree on the number of clips"),
    "no list": (lambda row: row.update(audio_novelty=0.5), "audio_novelty: must be a number or null for each clip"),
    "has_audio": (lambda row: row.update(has_audio="yes"), "has_audio must be true or false"),
    "qid": (lambda row: row.update(qid=[1]), "qid must be a whole number or a string"),
    "empty gate": (lambda row: row["layer_gates"][0].update(gate_mha=[]), "gate_mha: must be clips x channels"),
    "huge": (lambda row: row["layer_gates"][0].update(gate_mha=[[1e308]]), "gate_mha: holds a number beyond"),
    "times": (lambda row: row["clip_times"].reverse(), "one clip after the other"),
    "no clips": (lambda row: row.update(saliency=[]), "disagree on the number of clips"),
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
