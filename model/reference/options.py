"""The options of a reference run, turned into our configuration of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Size

from cli import UserError
from model.config import ORIGINALS, ModelConfig
from model.detector import InputDims

_SAME = {
    "hidden_dim": "hidden_dim",
    "nheads": "n_heads",
    "enc_layers": "encoder_layers",
    "dec_layers": "decoder_layers",
    "dim_feedforward": "feedforward_dim",
    "num_queries": "num_queries",
    "dropout": "dropout",
    "input_dropout": "input_dropout",
    "max_q_l": "max_tokens",
}
_GATED = (
    "gating_type",
    "fusion_layers",
    "fusion_n_heads",
    "mha_gate_temp",
    "mha_gate_bias_init",
    "mha_gate_scale_init",
    "ffn_gate_alpha_init",
    "ffn_gate_film",
    "ffn_gate_beta_init",
)
_ONLY = {"n_input_proj": 2, "use_txt_pos": False, "pre_norm": False, "span_loss_type": "l1", "use_umt": False}
"""Options of the references of which one value alone has a counterpart here."""


def network_of(
    options: Mapping[str, Any],
    shapes: Mapping[str, Size],
    video_streams: Sequence[str],
    audio_streams: Sequence[str],
    text_stream: str,
) -> tuple[ModelConfig, InputDims]:
    """Configuration and input widths of the network that a reference run trained, with every `compat` on.

    Args:
        options: the run's options; those that are missing or None have the reference's defaults, which are ours.
        shapes: of every parameter, by the reference's name; widths of inputs are read from these, since the options
            tell them before or after the endpoint columns, depending on the version.

    Raises:
        UserError: an option has no counterpart here.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, only in _ONLY.items():
        if given.get(name, only) != only:
            raise UserError(f"option {name}={given[name]!r} of the reference has no counterpart here")
    keys: dict[str, Any] = {ours: given[name] for name, ours in _SAME.items() if name in given}
    widths = {kind: _width(shapes, kind) for kind in ("vid", "txt", "aud")}
    video, text, audio = widths["vid"], widths["txt"], widths["aud"]
    if video is None or text is None:
        raise UserError("no weights of a QD-DETR model: input_vid_proj or input_txt_proj is missing")
    if audio is not None:
        keys |= {"fusion": "avigate_custom", **{name: given[name] for name in _GATED if name in given}}
        keys["ffn_gate_film"] = bool(keys.get("ffn_gate_film", False))
    elif given.get("a_feat_dim"):
        audio = int(given["a_feat_dim"])
        video -= audio
        keys["fusion"] = "concat"
    else:
        keys["fusion"] = "none"
    config = ModelConfig.from_dict(
        {
            **keys,
            "video_streams": list(video_streams),
            "audio_streams": list(audio_streams),
            "text_stream": text_stream,
            "endpoint_features": "tef" in given.get("ctx_mode", "video_tef"),
            "compat": list(ORIGINALS),
        },
        where="options of the reference",
    )
    return config, InputDims(video=video, text=text, audio=audio or 0)


def _width(shapes: Mapping[str, Size], kind: str) -> int | None:
    shape = shapes.get(f"input_{kind}_proj.0.LayerNorm.weight")
    return None if shape is None else int(shape[0])
