"""Convert the options of a reference run to our configuration of the network. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from cli import Settings, UserError
from model.compat import Compat
from model.config import ModelConfig

# Far above any real value, so that a file cannot make us build a network that exceeds memory.
Layers = Annotated[int, Field(ge=1, le=1000)]
Width = Annotated[int, Field(ge=1, le=1 << 20)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class _Options(Settings):
    """The options of the references that are read; None = not given (the reference's default equals ours).

    Other options (paths, the recipe) do not affect the network.
    """

    hidden_dim: Width | None = None
    nheads: Width | None = None
    enc_layers: Layers | None = None
    dec_layers: Layers | None = None
    dim_feedforward: Width | None = None
    num_queries: Width | None = None
    dropout: Number | None = None
    input_dropout: Number | None = None
    max_q_l: Width | None = None
    a_feat_dim: Annotated[int, Field(ge=0)] | None = None
    dset_name: str = "hl"
    dset_domain: str | None = None
    ctx_mode: str = "video_tef"
    gating_type: str | None = None
    fusion_layers: Layers | None = None
    fusion_n_heads: Width | None = None
    mha_gate_temp: Number | None = None
    mha_gate_bias_init: Number | None = None
    mha_gate_scale_init: Number | None = None
    ffn_gate_alpha_init: Number | None = None
    ffn_gate_film: bool = False
    ffn_gate_beta_init: Number | None = None
    # Only the default values of these are supported here.
    n_input_proj: int = 2
    use_txt_pos: bool = False
    pre_norm: bool = False
    span_loss_type: str = "l1"
    use_umt: bool = False


_ONLY = ("n_input_proj", "use_txt_pos", "pre_norm", "span_loss_type", "use_umt")
_OURS = {
    "nheads": "n_heads",
    "enc_layers": "encoder_layers",
    "dec_layers": "decoder_layers",
    "dim_feedforward": "feedforward_dim",
    "max_q_l": "max_tokens",
}
"""Our names of options with different names."""
_PLAIN = ("hidden_dim", *_OURS, "num_queries", "dropout", "input_dropout")
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


@dataclass(frozen=True)
class Widths:
    """Widths of the network's inputs, including endpoint features; audio 0 = none."""

    video: int
    text: int
    audio: int


def network_of(
    options: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    video_streams: Sequence[str],
    audio_streams: Sequence[str],
    text_stream: str,
) -> tuple[ModelConfig, Widths]:
    """Configuration and input widths of the network that a reference run trained, with every `compat` on.

    Args:
        options: the run's options; missing ones and None mean the reference's defaults, which equal ours.
        shapes: shape of every parameter, by the reference's name. Input widths are read from these, because the options
            give them with or without the endpoint columns, depending on the version.

    Raises:
        UserError: an option is unsupported or has the wrong type, or the weights are not those of a QD-DETR model.
    """
    known = _read(options)
    for name in _ONLY:
        if getattr(known, name) != getattr(_Options, name):
            raise UserError(f"option {name}={getattr(known, name)!r} of the reference is not supported")
    keys = _select(known, _PLAIN)
    widths = {kind: _width(shapes, kind) for kind in ("vid", "txt", "aud")}
    video, text, audio = widths["vid"], widths["txt"], widths["aud"]
    if video is None or text is None:
        raise UserError("not the weights of a QD-DETR model: input_vid_proj or input_txt_proj is missing")
    if not any(name.startswith("transformer.t2v_encoder.") for name in shapes):
        raise UserError(
            "not the weights of a QD-DETR model: there is no text-to-video encoder (transformer.t2v_encoder), as in "
            "Moment-DETR, whose network is another one"
        )
    endpoints = "tef" in known.ctx_mode
    if audio is not None:
        keys |= {"fusion": "avigate_custom", **_select(known, _GATED)}
    elif known.a_feat_dim and options.get("a_feat_dir", True) is not None:
        # The references append audio if its folder was given, whatever the width; reduced options may lack the folder.
        audio = known.a_feat_dim
        video -= audio
        keys["fusion"] = "concat"
        if video <= 2 * endpoints:
            raise UserError(
                f"option a_feat_dim={audio} of the reference leaves no video columns: the input has {video + audio}"
            )
    else:
        keys["fusion"] = "none"
    config = ModelConfig.from_dict(
        {
            **keys,
            "video_streams": list(video_streams),
            "audio_streams": list(audio_streams),
            "text_stream": text_stream,
            "endpoint_features": endpoints,
            "compat": Compat.whole().names(),
        },
        where="options of the reference",
    )
    return config, Widths(video=video, text=text, audio=audio or 0)


def domain_of(options: Mapping[str, Any]) -> str:
    """The domain of TVSum that the run was trained on; empty if the options name none."""
    return _read(options).dset_domain or ""


def objective_of(options: Mapping[str, Any]) -> str:
    """The run's `train.objective`: on TVSum and YouTube Highlights its decoder gets no gradient."""
    return "saliency" if _read(options).dset_name in ("tvsum", "youtube_uni") else "moments_and_saliency"


def _read(options: Mapping[str, Any]) -> _Options:
    known = {name: options[name] for name in asdict(_Options()) if options.get(name) is not None}
    for name, value in known.items():
        if not isinstance(value, str | int | float):
            raise UserError(f"option {name} of the reference must be a plain value, got {type(value).__name__}")
    return _Options.from_dict(known, where="option of the reference")


def _select(options: _Options, names: Sequence[str]) -> dict[str, Any]:
    """The given ones among some options, by our names."""
    values = {_OURS.get(name, name): getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _width(shapes: Mapping[str, tuple[int, ...]], kind: str) -> int | None:
    name = f"input_{kind}_proj.0.LayerNorm.weight"
    shape = shapes.get(name)
    if shape is not None and len(shape) != 1:
        raise UserError(f"not the weights of a QD-DETR model: {name} must have one dimension, got {len(shape)}")
    return None if shape is None else int(shape[0])
