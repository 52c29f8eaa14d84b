"""Gates against what the sound is worth, with areas and correlations that follow by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cli import UserError
from eval.conditions.calibration import compute_by_level, compute_calibration
from formats.gate_log import read_gate_log

TIMES = [[2.0 * clip, 2.0 * clip + 2] for clip in range(4)]
# Four videos of four clips. a and b have informative sound, which is asked for in half of a and in a quarter of b.
TRUTH: list[dict[str, Any]] = [
    {"qid": 1, "vid": "a", "modality": "audio", "audio_informative": True, "relevant_windows": [[0, 4]]},
    {"qid": 2, "vid": "b", "modality": "joint", "audio_informative": True, "relevant_windows": [[2, 4]]},
    {"qid": 3, "vid": "c", "modality": "visual", "audio_informative": False, "relevant_windows": [[0, 8]]},
    {"qid": 4, "vid": "d", "modality": "visual", "audio_informative": False, "relevant_windows": [[0, 8]]},
]


def make_rows(gates: dict[str, Any], mask: dict[str, list[bool]] | None = None, **more: Any) -> list[dict[str, Any]]:
    """One query per video; `gates`: of each video one, or one per clip, in each of two layers (the second is 0)."""
    rows = []
    for row in TRUTH:
        vid, values = row["vid"], gates[row["vid"]]
        clipwise = isinstance(values, list)
        logged = [[value] for value in values] if clipwise else [[values]]
        heard = (mask or {}).get(vid, [True] * 4)
        rows.append(
            {
                "qid": row["qid"],
                "vid": vid,
                "gating_type": "clipwise" if clipwise else "global",
                "layer_gates": [
                    {"gate_mha": logged, "gate_ffn": logged},
                    {"gate_mha": [[0.0]] * len(logged), "gate_ffn": logged},
                ],
                "clip_times": TIMES,
                "audio_mask": heard,
                "has_audio": any(heard),
                "contribution": [{"mha": [0.5] * 4, "ffn": [0.1] * 4}] * 2,
                **{key: value[vid] for key, value in more.items()},
            }
        )
    return rows


def calibrate(write: Any, rows: list[dict[str, Any]], truth: Any = TRUTH, replaced: bool = False) -> dict[str, Any]:
    return compute_calibration(read_gate_log(write("g.jsonl", rows)), truth, replaced)


def test_gates_of_videos(write: Any) -> None:
    """Of the four pairs of an informative and another video, a wins both and b one: 3 of 4. The worths are 1/2, 1/4, 0
    and 0, the ranks 4, 3, 1.5, 1.5 against 4, 2, 3, 1: covariance 3 over the root of 4.5 times 5."""
    found = calibrate(write, make_rows({"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.3}))
    assert (found["samples"], found["informative"], found["others"]) == ("videos", 2, 2)
    # Means over layers of 0.9, 0.5, 0.7 and 0.3, whose second layer is 0.
    assert found["gate"] == 0.3
    assert found["auc"] == 0.75 and found["auc_contribution"] == 0.5 and found["auc_own"] is None
    assert (found["rho_of"], found["worths"]) == ("samples", 4)
    assert found["rho"] == pytest.approx(3.0 / (4.5 * 5) ** 0.5, abs=1e-6)


def test_gates_of_clips(write: Any) -> None:
    """Clips without sound do not count: of a one of the two worth hearing, and one more, are left."""
    gates: dict[str, Any] = {"a": [0.9, 0.1, 0.2, 0.2], "b": [0.2, 0.9, 0.2, 0.2], "c": [0.2] * 4, "d": [0.2] * 4}
    found = calibrate(write, make_rows(gates, mask={"a": [True, False, True, False]}))
    assert (found["rho_of"], found["worths"], found["rho"]) == ("clips", 14, 1.0)


def test_replaced_sound_is_worth_nothing(write: Any) -> None:
    """With b's sound replaced a alone is informative. Its gate is above all others, so above b's, too."""
    gates = {"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.3}
    own = {"a": False, "b": True, "c": False, "d": True}
    found = calibrate(write, make_rows(gates, audio_replaced=own))
    assert (found["informative"], found["others"], found["auc"], found["auc_own"]) == (1, 3, 1.0, 1.0)
    # Worths 1/2, 0, 0, 0 against the ranks 4, 2, 3, 1.
    assert found["rho"] == pytest.approx(3 / (3 * 5) ** 0.5, abs=1e-6)
    nothing = calibrate(write, make_rows(gates), replaced=True)
    assert (nothing["informative"], nothing["auc"], nothing["auc_own"], nothing["rho"]) == (0, None, None, None)


def test_videos_without_sound_are_left_out(write: Any) -> None:
    silent = {"c": [False] * 4}
    found = calibrate(write, make_rows({"a": 0.9, "b": 0.5, "c": 0.0, "d": 0.7}, mask=silent))
    assert (found["informative"], found["others"], found["auc"], found["worths"]) == (2, 1, 0.5, 3)


def test_without_labels_nothing_is_claimed(write: Any) -> None:
    bare = [{"qid": row["qid"], "vid": row["vid"], "relevant_windows": [[0, 4]]} for row in TRUTH]
    found = calibrate(write, make_rows({"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.3}), bare)
    assert (found["auc"], found["rho"], found["worths"]) == (None, None, 0)


def test_levels_are_calibrated_apart(write: Any) -> None:
    """Of a and c a has the higher gate, of b and d b; all four together have 3 of 4 pairs in order."""
    truth = [{**row, "loudness": level} for row, level in zip(TRUTH, (-6, 0.5, -6, 0.5), strict=True)]
    log = read_gate_log(write("g.jsonl", make_rows({"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.3})))
    found = compute_by_level(log, truth, "loudness")
    assert list(found) == ["-6", "0.5"] and [part["auc"] for part in found.values()] == [1.0, 1.0]
    assert [part["gate"] for part in found.values()] == [0.4, 0.2]
    with pytest.raises(UserError, match=r"g\.jsonl: no query has a number 'level' in the ground truth"):
        compute_by_level(log, truth, "level")
