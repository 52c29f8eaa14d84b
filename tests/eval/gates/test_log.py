"""Gate logs as they are read: shapes, means over valid clips, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cli import UserError
from eval.gates.log import read_gate_log


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


def test_sound_of_a_clip_may_be_unknown(write, gate_rows):
    rows = gate_rows(6)
    log = read_gate_log(write("log.jsonl", rows))
    level = log.samples[0].level_db
    assert np.isnan(level[:3]).all()  # the clips without audio
    assert level[3:] == pytest.approx(rows[0]["audio_level_db"][3:])
    assert log.samples[4].level_db is None  # nothing but nulls
    assert log.samples[4].novelty is None


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
