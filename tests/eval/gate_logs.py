"""A generator of synthetic gate logs, with every case that the figures must handle."""

from __future__ import annotations

from typing import Any

import numpy as np

Rows = list[dict[str, Any]]

# 80 letters each.
LONG_NAME = "a_very_long_name_of_a_video_" * 3
CHINESE_NAME = "一段名字很长的视频" * 9


def make_gate_rows(
    count: int,
    gating: str = "global",
    original: bool = False,
    film: bool = False,
    layers: int = 3,
    *,
    clips: int = 12,
    signed: bool = False,
    equal: float | None = None,
    gamma: bool = False,
    silent: int = 3,
    domains: int = 3,
    names: tuple[str, ...] = ("video",),
    size: float = 1.0,
) -> Rows:
    """Rows of a gate log: two queries per video, each video without audio at its start.

    `original`: the keys of the original tool alone. `film`: with gate_beta; `gamma`: with gate_gamma as
    well. `clips`: of the shortest video. `signed`:
    MHA gates as a tanh gives them. `equal`: the value of every gate. `silent`: every so many videos one has no audio
    (1: all). `size`: what gates and contributions are multiplied by.

    The sound's level makes the MHA gate of layer 1 rise from clip to clip, and videos whose audio is informative have
    higher ones throughout.
    """
    rows: Rows = []
    for qid in range(count):
        video = qid // 2
        random = np.random.default_rng(video)
        length = clips + video % 5
        mask = np.arange(length) >= 3 if video % silent != silent - 1 else np.zeros(length, bool)
        informative = video % 2 == 0
        level = random.uniform(-50, -10, length)
        shape = {"global": (1, 1), "clipwise": (length, 1), "elementwise": (length, 8)}[gating]
        forced = mask.any() if gating == "global" else mask[:, None]

        def draw(low: float, high: float, forced: Any = forced, shape: Any = shape, random: Any = random) -> Any:
            values = random.uniform(low, high, shape) if equal is None else np.full(shape, equal)
            return values * forced

        layer_gates = []
        for layer in range(layers):
            mha = draw(-0.6, 0.6) if signed else draw(0.5, 0.7) + 0.2 * informative * forced * (equal is None)
            if gating != "global" and layer == 0 and equal is None:
                mha = mha + 0.004 * (level[:, None] + 30) * forced
            gates = {"gate_mha": mha, "gate_ffn": draw(-0.3, 0.3), **({"gate_beta": draw(-0.1, 0.1)} if film else {})}
            if gamma:
                gates["gate_gamma"] = draw(-0.1, 0.1)
            layer_gates.append({name: (size * np.round(values, 6)).tolist() for name, values in gates.items()})
        vid = f"{names[video % len(names)]}{video}"
        row = {"qid": qid, "vid": vid, "gating_type": gating, "layer_gates": layer_gates}
        if not original:
            row |= {
                "clip_times": [[2.0 * clip, 2.0 * clip + 2] for clip in range(length)],
                "audio_mask": mask.tolist(),
                "has_audio": bool(mask.any()),
                "contribution": [
                    {
                        "mha": (size * np.round(random.uniform(0, 1, length) * mask, 6)).tolist(),
                        "ffn": (size * np.round(random.uniform(0, 0.2, length), 6)).tolist(),
                    }
                    for _ in range(layers)
                ],
                "saliency": np.round(random.normal(size=length), 6).tolist(),
                "audio_informative": informative,
                "audio_level_db": [
                    round(float(value), 3) if heard else None for value, heard in zip(level, mask, strict=True)
                ],
                "audio_novelty": np.round(random.uniform(0, 1, length), 6).tolist() if mask.any() else None,
            }
            if domains:
                row["domain"] = f"domain {video % domains}"
        rows.append(row)
    return rows


def make_history(epochs: int, layers: int = 3, every: int = 5) -> Rows:
    """Lines of a history with the gates of every `every`-th epoch, the first layer's opening over time."""
    rows: Rows = []
    for epoch in range(epochs):
        gates = None
        if epoch % every == every - 1 or epoch == epochs - 1:
            share = (epoch + 1) / epochs
            gates = {
                "mha": [round(0.66 + 0.2 * share * (layer == 0), 6) for layer in range(layers)],
                "ffn": [round(-0.1 * share * layer, 6) for layer in range(layers)],
                "mha_contribution": [round(0.5 * share + 0.1 * layer, 6) for layer in range(layers)],
                "ffn_contribution": [round(0.2 * share, 6)] * layers,
            }
        row = {"epoch": epoch, "step": 10 * epoch, "lr": 1e-4, "train": {"loss": 30 / (epoch + 1), "loss_span": 0.5}}
        rows.append({**row, "val": {"MR-full-mAP": 10.0 + epoch} if gates else None, "gates": gates})
    return rows
