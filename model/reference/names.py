"""Map parameter names of the references to ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from cli import UserError

# (pattern of the reference, replacement), applied in turn: later patterns see the results of earlier ones.
_TABLE = [
    # Encoders.
    (r"^transformer\.t2v_encoder\.layers\.(\d+)\.self_attn\.", r"text_to_video.\1.attention."),
    (r"^transformer\.t2v_encoder\.layers\.", "text_to_video."),
    (r"^transformer\.encoder\.layers\.(\d+)\.self_attn\.", r"encoder.\1.attention."),
    (r"^transformer\.encoder\.layers\.", "encoder."),
    # Decoder: sa = self-attention, ca = cross-attention; q, k, v of content, of position, of its sine.
    (r"^transformer\.decoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"decoder.layers.\1.self_out."),
    (r"^transformer\.decoder\.layers\.(\d+)\.cross_attn\.out_proj\.", r"decoder.layers.\1.cross_out."),
    (r"^transformer\.decoder\.ref_point_head\.", "decoder.anchor_head."),
    (r"^transformer\.decoder\.ref_anchor_head\.", "decoder.width_head."),
    (r"^transformer\.decoder\.bbox_embed\.", "decoder.span_head."),
    (r"^transformer\.decoder\.", "decoder."),
    (r"\.sa_qcontent_proj\.", ".self_query."),
    (r"\.sa_qpos_proj\.", ".self_query_position."),
    (r"\.sa_kcontent_proj\.", ".self_key."),
    (r"\.sa_kpos_proj\.", ".self_key_position."),
    (r"\.sa_v_proj\.", ".self_value."),
    (r"\.ca_qcontent_proj\.", ".cross_query."),
    (r"\.ca_qpos_sine_proj\.", ".cross_query_sine."),
    (r"\.ca_qpos_proj\.", ".cross_query_position."),
    (r"\.ca_kcontent_proj\.", ".cross_key."),
    (r"\.ca_kpos_proj\.", ".cross_key_position."),
    (r"\.ca_v_proj\.", ".cross_value."),
    # Heads and tokens.
    (r"^span_embed\.", "span_head."),
    (r"^class_embed\.", "class_head."),
    (r"^query_embed\.weight$", "anchors"),
    (r"^global_rep_token$", "global_token"),
    (r"^global_rep_pos$", "global_position"),
    (r"^saliency_proj1\.", "saliency_clip."),
    (r"^saliency_proj2\.", "saliency_global."),
    # Inputs.
    (r"^input_txt_proj\.", "text_projection."),
    (r"^input_vid_proj\.", "video_projection."),
    (r"^input_aud_proj\.", "audio_projection."),
    (r"_projection\.(\d+)\.LayerNorm\.", r"_projection.norms.\1."),
    (r"_projection\.(\d+)\.net\.1\.", r"_projection.linears.\1."),
    # Gated fusion.
    (r"^fusion\.fusion_layers\.", "fusion.layers."),
    (r"\.gating_function\.mlp_mha\.", ".gates.mha_head."),
    (r"\.gating_function\.mlp_ffn_beta\.", ".gates.beta_head."),
    (r"\.gating_function\.mlp_ffn\.", ".gates.ffn_head."),
    (r"\.gating_function\.", ".gates."),
    (r"^(fusion\.layers\.\d+)\.a_proj\.", r"\1.audio_value."),
    (r"^(fusion\.layers\.\d+)\.out_proj\.", r"\1.audio_out."),
    (r"^(fusion\.layers\.\d+)\.delta_norm_mha\.", r"\1.audio_delta_norm."),
    (r"^(fusion\.layers\.\d+)\.delta_norm_ffn\.", r"\1.update_delta_norm."),
    (r"^(fusion\.layers\.\d+)\.ffn1\.", r"\1.update."),
    (r"^(fusion\.layers\.\d+)\.ffn2\.", r"\1.refine_update."),
    (r"^(fusion\.layers\.\d+)\.self_attention\.", r"\1.refine_attention."),
    (r"^(fusion\.layers\.\d+)\.norm1\.", r"\1.audio_norm."),
    (r"^(fusion\.layers\.\d+)\.norm2\.", r"\1.update_norm."),
    (r"^(fusion\.layers\.\d+)\.norm3\.", r"\1.refine_norm."),
    (r"^(fusion\.layers\.\d+)\.norm4\.", r"\1.refine_update_norm."),
]

_NEVER_READ = "txt_position_embed."
"""QD-DETR's table of text positions and its norm. It reads them only with `use_txt_pos`, which is refused."""


def is_read(name: str) -> bool:
    """Whether the reference uses a parameter in any computation."""
    return not name.startswith(_NEVER_READ)


def rename(name: str) -> str:
    """Our name for a reference parameter."""
    for pattern, replacement in _TABLE:
        name = re.sub(pattern, replacement, name)
    return name


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a reference state dictionary to our names, without parameters that the reference never reads.

    Raises:
        UserError: two parameters would get the same name.
    """
    read = {name: value for name, value in state.items() if is_read(name)}
    converted = {rename(name): value for name, value in read.items()}
    if len(converted) != len(read):
        raise UserError("two parameters of the reference map to the same name")
    return converted
