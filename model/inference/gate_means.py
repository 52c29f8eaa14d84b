"""Gates as results: one row of the gate log per query, and means over a split."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from formats.gate_log import LoggedLayer, gate_row
from formats.rows import Row
from model.inference.predict import Predicted


def log_gates(predicted: Predicted, gating_type: str, clip_seconds: float) -> Row:
    """The gates of one query as a row of the gate log."""
    outputs, sample, n_clips = predicted.outputs, predicted.sample, predicted.n_clips
    mask = predicted.audio_mask

    def of_query(values: Tensor) -> NDArray[np.float64]:
        # A global gate has one row, whatever the number of clips.
        return values[sample, :n_clips].double().numpy()

    layers = []
    for layer in outputs.gates:
        gates = layer.values
        kinds = {"mha": gates.mha, "ffn": gates.ffn, "gamma": gates.gamma, "beta": gates.beta}
        contribution = {"mha": of_query(layer.mha_contribution), "ffn": of_query(layer.ffn_contribution)}
        layers.append(
            LoggedLayer({kind: of_query(gate) for kind, gate in kinds.items() if gate is not None}, contribution)
        )
    heard = np.zeros(0, bool) if mask is None else mask.numpy()
    return gate_row(predicted.row, gating_type, layers, heard, of_query(outputs.saliency), clip_seconds)


class GateMeans:
    """Means over a split, by layer, of each kind of gate and of its contribution, over clips that have sound.

    In clips without sound the audio gates are forced to 0, which does not reflect what was learnt.
    """

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._count = 0

    @torch.no_grad()
    def add(self, predicted: Predicted) -> None:
        """Add one query: the mean over the clips of its video."""
        heard = predicted.audio_mask
        if heard is None or not predicted.outputs.gates or not heard.any():
            return
        sample, n_clips = predicted.sample, predicted.n_clips
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
        """`{mha, ffn, mha_contribution, ffn_contribution}`, each a list of one number per layer; None without gates."""
        if not self._sums:
            return None
        return {name: np.round(total / self._count, 6).tolist() for name, total in self._sums.items()}
