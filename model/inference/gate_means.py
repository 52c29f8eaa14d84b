"""Gates as a result: one JSON line a query, readable by tools made for the original logs, and means over a split."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.inference.predict import Predicted
from model.network.tensors import LayerGates


def gate_row(predicted: Predicted, gating_type: str, clip_seconds: float) -> dict[str, Any]:
    """The gates of one query.

    `qid`, `vid`, `gating_type` and `layer_gates` are those of the original logs: per layer nested lists (1, 1) for
    global gates, (L, 1) clipwise, (L, D) elementwise. Further: clip times in seconds, which clips have audio, the
    contribution |gate * delta| / |x| of each clip, the predicted saliency, and the domain if the annotation has one.
    """
    sample, n_clips = predicted.sample, predicted.n_clips
    audio_mask = predicted.inputs.audio_mask
    heard = [] if audio_mask is None else audio_mask[sample, :n_clips].tolist()
    domain = {"domain": predicted.row["domain"]} if "domain" in predicted.row else {}
    return {
        "qid": predicted.row["qid"],
        "vid": predicted.row["vid"],
        **domain,
        "gating_type": gating_type,
        "layer_gates": [_values(layer, sample, n_clips) for layer in predicted.outputs.gates],
        "clip_times": [[i * clip_seconds, (i + 1) * clip_seconds] for i in range(n_clips)],
        "audio_mask": heard,
        "has_audio": any(heard),
        "contribution": [
            {
                "mha": _rounded(layer.mha_contribution[sample, :n_clips]),
                "ffn": _rounded(layer.ffn_contribution[sample, :n_clips]),
            }
            for layer in predicted.outputs.gates
        ],
        "saliency": _rounded(predicted.outputs.saliency[sample, :n_clips]),
    }


class GateMeans:
    """Means over a split, by layer: of each kind of gate, and of its contribution, over clips that have sound.

    Where there is none the gates of the audio are 0 by force, which says nothing about what was learnt.
    """

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._count = 0

    @torch.no_grad()
    def add(self, predicted: Predicted) -> None:
        """Take in one query: the mean over the clips of its video."""
        mask = predicted.inputs.audio_mask
        if mask is None or not predicted.outputs.gates:
            return
        sample, n_clips = predicted.sample, predicted.n_clips
        heard = mask[sample, :n_clips]
        if not heard.any():
            return
        found = [
            {
                "mha": layer.values.mha,
                "ffn": layer.values.ffn,
                "mha_contribution": layer.mha_contribution,
                "ffn_contribution": layer.ffn_contribution,
            }
            for layer in predicted.outputs.gates
        ]
        for name in found[0]:
            # A global gate has one row, whatever the number of clips.
            rows = [layer[name][sample] for layer in found]
            means = np.array([float((row if len(row) == 1 else row[:n_clips][heard]).mean()) for row in rows])
            self._sums[name] = self._sums.get(name, 0) + means
        self._count += 1

    def result(self) -> dict[str, list[float]] | None:
        """`{mha, ffn, mha_contribution, ffn_contribution}`, a list of one number a layer each; None without gates."""
        if not self._sums:
            return None
        return {name: np.round(total / self._count, 6).tolist() for name, total in self._sums.items()}


def _values(layer: LayerGates, sample: int, n_clips: int) -> dict[str, Any]:
    values = {
        "gate_mha": layer.values.mha,
        "gate_ffn": layer.values.ffn,
        "gate_gamma": layer.values.gamma,
        "gate_beta": layer.values.beta,
    }
    # A global gate has one row, whatever the number of clips.
    return {name: _rounded(gate[sample, :n_clips]) for name, gate in values.items() if gate is not None}


def _rounded(values: Tensor) -> Any:
    return torch.round(values.double(), decimals=6).tolist()
