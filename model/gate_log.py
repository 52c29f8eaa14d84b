"""The gate log: one JSON line a query, readable by tools made for the original logs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model.fusion.layer_gates import LayerGates
from model.inference import Predicted


def gate_row(predicted: Predicted, gating_type: str, clip_seconds: float) -> dict[str, Any]:
    """The gates of one query.

    `qid`, `vid`, `gating_type` and `layer_gates` are those of the original logs: per layer nested lists (1, 1) for
    global gates, (L, 1) clipwise, (L, D) elementwise. Further: clip times in seconds, which clips have audio, the
    contribution |gate * delta| / |x| of each clip, and the predicted saliency.
    """
    sample, n_clips = predicted.sample, predicted.n_clips
    audio_mask = predicted.inputs.audio_mask
    heard = [] if audio_mask is None else audio_mask[sample, :n_clips].tolist()
    return {
        "qid": predicted.row["qid"],
        "vid": predicted.row["vid"],
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
