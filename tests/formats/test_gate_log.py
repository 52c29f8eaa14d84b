"""The gate log: rows as written, merged and read; means over valid clips, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cli import UserError
from formats.gate_log import LoggedLayer, add_sound, gate_row, merge_gate_rows, read_gate_log

QUERY = {"qid": 3, "query": "q", "vid": "v", "domain": "BK", "label": [[1]]}


def layer(shape: tuple[int, int], clips: int, seed: int, film: bool = False) -> LoggedLayer:
    random = np.random.default_rng(seed)
    kinds = ("mha", "ffn", "gamma", "beta") if film else ("mha", "ffn")
    gates = {kind: random.normal(size=shape) for kind in kinds}
    return LoggedLayer(gates, {kind: random.uniform(size=clips) for kind in ("mha", "ffn")})


@pytest.mark.parametrize("gating", ["global", "clipwise", "elementwise"])
@pytest.mark.parametrize("film", [False, True])
def test_what_is_written_is_read(write, gating, film):
    shape = {"global": (1, 1), "clipwise": (4, 1), "elementwise": (4, 3)}[gating]
    layers = [layer(shape, 4, seed, film) for seed in range(2)]
    heard, saliency = np.array([False, True, True, False]), np.array([0.1, -2.0, 3.00000049, 1 / 3])
    row = gate_row(QUERY, gating, layers, heard, saliency, 2.0)
    kinds = ["mha", "ffn", *(["gamma", "beta"] if film else [])]
    assert list(row) == [
        "qid", "vid", "domain", "gating_type", "layer_gates", "clip_times", "audio_mask", "has_audio", "contribution",
        "saliency",
    ]  # fmt: skip
    assert list(row["layer_gates"][0]) == [f"gate_{kind}" for kind in kinds]
    assert np.shape(row["layer_gates"][0]["gate_ffn"]) == shape
    assert row["saliency"] == [0.1, -2.0, 3.0, 0.333333]
    assert row["clip_times"] == [[0.0, 2.0], [2.0, 4.0], [4.0, 6.0], [6.0, 8.0]]
    assert "domain" not in gate_row({"qid": 3, "vid": "v"}, gating, layers, heard, saliency, 2.0)

    log = read_gate_log(write("log.jsonl", [add_sound(row, [None, -20.0, -30.5, None], [None, 0.25, 0.5, None])]))
    (sample,) = log.samples
    assert (log.gating_type, log.kinds, log.layers) == (gating, tuple(kinds), 2)
    assert (sample.qid, sample.vid, sample.row["domain"], sample.has_audio) == (3, "v", "BK", True)
    assert sample.audio_mask.tolist() == heard.tolist()
    np.testing.assert_allclose(sample.gates["mha"], [of.gates["mha"].mean(1) for of in layers], atol=1e-6)
    if film:
        size = [np.sqrt((of.gates["beta"] ** 2).mean(1)) for of in layers]
        np.testing.assert_allclose(sample.gates["beta"], size, atol=1e-6)
    np.testing.assert_allclose(sample.contribution["ffn"], [of.contribution["ffn"] for of in layers], atol=1e-6)
    np.testing.assert_allclose(sample.saliency, saliency, atol=1e-6)
    np.testing.assert_array_equal(sample.level_db, [np.nan, -20.0, -30.5, np.nan])
    np.testing.assert_array_equal(sample.novelty, [np.nan, 0.25, 0.5, np.nan])


def test_a_network_that_hears_nothing_has_no_mask(write):
    row = gate_row(QUERY, "global", [layer((1, 1), 2, 0)], np.zeros(0, bool), np.zeros(2), 2.0)
    assert (row["audio_mask"], row["has_audio"]) == ([], False)
    assert read_gate_log(write("log.jsonl", [row])).samples[0].audio_mask is None


@pytest.mark.parametrize("gate", [0.25, [0.25], [[0.25]]])
def test_a_global_gate_may_be_a_bare_number(write, gate):
    row = {"qid": 1, "vid": "v", "gating_type": "global", "layer_gates": [{"gate_mha": gate, "gate_ffn": gate}]}
    assert read_gate_log(write("log.jsonl", [row])).means("mha").tolist() == [[0.25]]


def test_numbers_are_rounded_as_torch_rounds_them():
    """The log held what `torch.round(decimals=6)` gives of doubles made of singles: it must stay the same bytes."""
    random = np.random.default_rng(0)
    singles = np.concatenate([random.normal(size=300_000) * scale for scale in (1e-6, 1e-3, 1.0, 50.0)])
    halves = (np.arange(-2000, 2000) + 0.5) * 1e-6  # the places where a sum or a product too much would show
    values = np.concatenate([singles.astype(np.float32).astype(np.float64), halves, [0.0, -0.0, -1e-9, 1e-7, 0.5e-6]])
    row = gate_row(QUERY, "global", [], np.zeros(0, bool), values, 2.0)
    expected = torch.round(torch.from_numpy(values), decimals=6).numpy()
    # The same bits, and so the same text: of -0.0 as well.
    assert np.array_equal(np.array(row["saliency"]).view(np.int64), expected.view(np.int64))


@pytest.mark.parametrize("gating", ["clipwise", "elementwise"])
def test_gates_per_clip_are_means_over_the_spans(gating):
    shape = (4, 1 if gating == "clipwise" else 3)
    heard = np.ones(4, bool)
    rows = [gate_row(QUERY, gating, [layer(shape, 4, seed)], heard, np.full(4, seed), 2.0) for seed in (0, 1)]
    merged = merge_gate_rows([((0, 4), rows[0]), ((2, 6), rows[1])], 7, 2.0)
    first, second = (np.array(row["layer_gates"][0]["gate_mha"]) for row in rows)
    expected = np.concatenate([first[:2], (first[2:] + second[:2]) / 2, second[2:], np.zeros((1, shape[1]))])
    np.testing.assert_allclose(merged["layer_gates"][0]["gate_mha"], expected, atol=1e-6)
    assert merged["saliency"] == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 0.0]
    assert merged["clip_times"][-1] == [12.0, 14.0] and merged["domain"] == "BK"


def test_a_silent_window_says_nothing_of_the_gate_of_sound() -> None:
    def row(heard: list[bool], mha: float, ffn: float) -> dict[str, Any]:
        return {
            "qid": 1,
            "vid": "v",
            "gating_type": "global",
            "layer_gates": [{"gate_mha": [[mha]], "gate_ffn": [[ffn]]}],
            "audio_mask": heard,
            "has_audio": any(heard),
            "contribution": [{"mha": [mha] * 4, "ffn": [ffn] * 4}],
            "saliency": [1.0] * 4,
        }

    parts = [((0, 4), row([True] * 4, 0.6, 0.1)), ((2, 6), row([True] * 2 + [False] * 2, 0.4, 0.2))]
    parts.append(((4, 8), row([False] * 4, 0.0, 0.3)))
    merged = merge_gate_rows(parts, 9, 2.0)  # a last clip that no window holds
    assert merged["layer_gates"] == [{"gate_mha": [[0.5]], "gate_ffn": [[0.2]]}]
    assert merged["audio_mask"] == [True] * 4 + [False] * 5
    assert merged["contribution"][0]["mha"] == [0.6, 0.6, 0.5, 0.5, 0.2, 0.2, 0.0, 0.0, 0.0]
    # With `audio_mask_ignored` gates are open in silent windows too.
    ignored = merge_gate_rows([((0, 4), row([True] * 4, 0.6, 0.1)), ((2, 6), row([False] * 4, 0.2, 0.1))], 6, 2.0)
    assert ignored["layer_gates"][0]["gate_mha"] == [[0.4]]
    silent = merge_gate_rows([((0, 4), row([False] * 4, 0.0, 0.3))], 4, 2.0)
    assert silent["layer_gates"][0]["gate_mha"] == [[0.0]] and not silent["has_audio"]


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
