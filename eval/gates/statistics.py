"""Statistics of gate logs by kind, layer and group, and how well a gate separates two groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cli import UserError
from eval.parts import name_part
from formats.annotations import index_truth
from formats.arrays import Floats
from formats.gate_log import KINDS, GateLog
from formats.rows import Row

CONTRIBUTION = "|gate · update| / |features|, by length of the vectors"


def group_samples(log: GateLog, by: Sequence[str], ground_truth: Sequence[Row] = ()) -> dict[str, list[int]]:
    """Indices of the samples of each group: "all", "has_audio=true", and "key=value" for the keys in `by`.

    A key is looked up in the query's row of the ground truth, then in its row of the log.

    Raises:
        UserError: no row has one of the keys, or a malformed qid in the ground truth.
    """
    truth = index_truth(ground_truth, "ground truth")
    groups: dict[str, list[int]] = {"all": list(range(len(log.samples)))}
    for index, sample in enumerate(log.samples):
        if sample.has_audio is not None:
            groups.setdefault(f"has_audio={str(sample.has_audio).lower()}", []).append(index)
    for key in by:
        parts: dict[str, list[int]] = {}
        for index, sample in enumerate(log.samples):
            row = {**sample.row, **truth.get(sample.qid, {})}
            parts.setdefault(name_part(key, row, log.name), []).append(index)
        if list(parts) == [f"{key}=null"]:
            raise UserError(f"{log.name}: neither the log nor the ground truth has the key {key!r}")
        groups.update(sorted(parts.items()))
    return groups


def compute_statistics(log: GateLog, by: Sequence[str] = (), ground_truth: Sequence[Row] = ()) -> dict[str, Any]:
    """Compute mean, sd, min and max over samples, per kind, group and layer.

    The value of a sample is the mean of its gates over valid clips and channels. The result:

    {"log", "gating_type", "layers", "queries", "videos", "samples" ("videos" | "queries"), "gates": {kind: {"meaning",
    "groups": {group: {"samples": n, "layers": [{"mean", "sd", "min", "max"}, ..]}}}}, "contribution": the same or {},
    "separation": {key: {"true": n, "false": n, kind: [area under the ROC curve of each layer], .., "means": {kind:
    {"true": [mean of each layer], "false": [..]}}}}}.
    If the gates depend on the video alone, a video counts once in each group in which it has a query. `sd` is that of
    the population (n), since the log holds all samples. "separation" has the keys in `by` that are true for some and
    false for other samples with audio, such as audio_informative: the probability that a sample of the former has the
    higher gate (`compute_auc`).
    """
    per_video = log.are_per_video()
    groups = {name: log.distinct(found, per_video) for name, found in group_samples(log, by, ground_truth).items()}
    contributions = {kind: log.contributions(kind) for kind in log.kinds}
    return {
        "log": log.name,
        "gating_type": log.gating_type,
        "layers": log.layers,
        "queries": len(log.samples),
        "videos": len({sample.vid for sample in log.samples}),
        "samples": "videos" if per_video else "queries",
        "gates": {kind: {"meaning": KINDS[kind], "groups": _describe(log.means(kind), groups)} for kind in log.kinds},
        "contribution": {
            kind: {"meaning": CONTRIBUTION, "groups": _describe(values, groups)}
            for kind, values in contributions.items()
            if values is not None
        },
        "separation": {
            key: found for key in by if (found := _separate(log, groups.get(f"{key}=true"), groups.get(f"{key}=false")))
        },
    }


def _separate(log: GateLog, positive: list[int] | None, negative: list[int] | None) -> dict[str, Any] | None:
    """How well the gates of each layer separate two groups. Skips samples without audio: they have nothing to gate."""
    found, others = (
        [index for index in indices or [] if log.samples[index].has_audio is not False]
        for indices in (positive, negative)
    )
    others = [index for index in others if index not in found]  # a video with queries of both kinds
    if not found or not others:
        return None
    # Loading SciPy takes longer than everything else, and logs without such a key do not need it.
    from eval.rank_statistics import compute_auc

    labels = np.repeat([True, False], [len(found), len(others)])
    areas = {kind: compute_auc(log.means(kind)[found + others], labels) for kind in log.kinds}
    means = {
        kind: {
            name: [round(float(mean), 6) for mean in log.means(kind)[indices].mean(0)]
            for name, indices in (("true", found), ("false", others))
        }
        for kind in log.kinds
    }
    return {
        "true": len(found),
        "false": len(others),
        **{kind: [round(float(area), 6) for area in values] for kind, values in areas.items()},
        "means": means,
    }


def _describe(values: Floats, groups: dict[str, list[int]]) -> dict[str, Any]:
    """Statistics of (samples, layers) over the samples of each group."""
    return {
        name: {
            "samples": len(indices),
            "layers": [
                {
                    "mean": round(float(layer.mean()), 6),
                    "sd": round(float(layer.std()), 6),
                    "min": round(float(layer.min()), 6),
                    "max": round(float(layer.max()), 6),
                }
                for layer in values[indices].T
            ],
        }
        for name, indices in groups.items()
    }
