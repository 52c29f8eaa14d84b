"""How well the audio gates of a log follow what the sound is worth: area under the ROC curve, and rank correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cli import UserError
from eval.rank_statistics import compute_auc, compute_rho
from formats.annotations import index_truth
from formats.arrays import Bools, Floats
from formats.gate_log import GateLog, GateSample
from formats.rows import Row

HEARD = ("audio", "joint")
"""Values of `modality` of queries that need the sound."""


def compute_by_level(log: GateLog, ground_truth: Sequence[Row], key: str, replaced: bool = False) -> dict[str, Any]:
    """Compute the calibration of the queries at each level that the annotation key `key` says: {level: calibration}.

    Raises:
        UserError: no query of the log has a number there.
    """
    truth = index_truth(ground_truth, "ground truth")
    levels: dict[str, list[GateSample]] = {}
    for sample in log.samples:
        at = truth.get(sample.qid, {}).get(key)
        if isinstance(at, int | float):
            levels.setdefault(f"{at:g}", []).append(sample)
    if not levels:
        raise UserError(f"{log.name}: no query has a number {key!r} in the ground truth")
    return {
        level: compute_calibration(replace(log, samples=tuple(samples)), ground_truth, replaced)
        for level, samples in sorted(levels.items(), key=lambda item: float(item[0]))
    }


def compute_calibration(log: GateLog, ground_truth: Sequence[Row], replaced: bool = False) -> dict[str, Any]:
    """Compare the mean audio gate over layers with what is known of the sound. Samples without sound are left out.

    A video's sound is informative if a query about it has `audio_informative` and the sound is its own. A clip's worth
    is 1 if it lies in a window of a query that needs the sound (`modality` audio or joint) and the sound is its own,
    else 0; a video's is the mean over its clips with sound.

    Args:
        replaced: no video's sound was its own. A log of which only a part was replaced says so (`audio_replaced`).

    Returns:
        {"samples": "videos" | "queries", "gate": mean gate, "informative": n, "others": n, "auc": area,
        "auc_contribution": of the size of the gated update, "auc_own": own against replaced sound, among videos with
        `audio_informative`, "rho": of worth and gate, "rho_of": "clips" (gates per clip) | "samples", "worths": n}.
        A number is None where one of the two groups is empty, or nothing varies.
    """
    rows = list(index_truth(ground_truth, "ground truth").values())
    per_video = log.are_per_video()
    heard = [index for index in range(len(log.samples)) if log.samples[index].has_audio is not False]
    samples = log.distinct(heard, per_video)
    labelled = {row["vid"] for row in rows if row.get("audio_informative") is True}
    own = np.array([not (replaced or log.samples[index].row.get("audio_replaced", False)) for index in samples], bool)
    informative = np.array([log.samples[index].vid in labelled for index in samples], bool)
    gates = log.means("mha").mean(1)[samples]
    sizes = log.contributions("mha")
    pairs = _pair_worth(log, samples, own, rows)
    return {
        "samples": "videos" if per_video else "queries",
        "gate": round(float(gates.mean()), 6) if len(gates) else None,
        "informative": int((informative & own).sum()),
        "others": int((~(informative & own)).sum()),
        "auc": _area(gates, informative & own),
        "auc_contribution": None if sizes is None else _area(sizes.mean(1)[samples], informative & own),
        "auc_own": _area(gates[informative], own[informative]),
        "rho": None if pairs is None else _correlate(*pairs),
        "rho_of": "samples" if log.gating_type == "global" else "clips",
        "worths": 0 if pairs is None else len(pairs[0]),
    }


def _area(values: Floats, labels: Bools) -> float | None:
    if labels.all() or not labels.any():
        return None
    return round(float(compute_auc(values[:, None], labels)[0]), 6)


def _correlate(worth: Floats, gates: Floats) -> float | None:
    found = float(compute_rho(worth, gates[:, None])[0]) if len(worth) else np.nan
    return None if np.isnan(found) else round(found, 6)


def _pair_worth(log: GateLog, samples: Sequence[int], own: Bools, rows: Sequence[Row]) -> tuple[Floats, Floats] | None:
    """Worth and mean gate over layers of each clip with sound, or of each sample if there is one gate per video.

    None if no query says what it needs.
    """
    if not any("modality" in row for row in rows):
        return None
    windows: dict[str, list[Sequence[float]]] = {}
    for row in rows:
        if row.get("modality") in HEARD:
            windows.setdefault(row["vid"], []).extend(row.get("relevant_windows") or [])
    worths, gates = [], []
    for index, is_own in zip(samples, own, strict=True):
        sample = log.samples[index]
        if sample.clip_times is None:
            return None
        worth = _worth_of_clips(sample, windows.get(sample.vid, [])) * float(is_own)
        mask = sample.audio_mask if sample.audio_mask is not None else np.ones(len(worth), bool)
        if log.gating_type == "global":
            worths.append(worth[mask].mean(keepdims=True))
            gates.append(sample.mean(sample.gates["mha"]).mean(keepdims=True))
        else:
            worths.append(worth[mask])
            gates.append(sample.gates["mha"].mean(0)[mask])
    return (np.concatenate(worths), np.concatenate(gates)) if worths else None


def _worth_of_clips(sample: GateSample, windows: Sequence[Sequence[float]]) -> Floats:
    """1 for each clip whose centre lies in a window, else 0, (clips,)."""
    assert sample.clip_times is not None
    centres = sample.clip_times.mean(1)
    inside = np.zeros(len(centres), bool)
    for start, end in windows:
        inside |= (centres >= start) & (centres < end)
    return inside.astype(np.float64)
