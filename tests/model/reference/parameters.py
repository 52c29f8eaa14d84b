"""The parameters that the public references save: every name with its shape, for any widths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

Shape = tuple[int, ...]
D, FEED, QUERIES, LAYERS, FUSION_LAYERS = 16, 32, 5, 2, 2
OPTIONS = {
    "hidden_dim": D,
    "nheads": 2,
    "enc_layers": LAYERS,
    "dec_layers": LAYERS,
    "dim_feedforward": FEED,
    "num_queries": QUERIES,
    "n_input_proj": 2,
    "max_q_l": 32,
    "dropout": 0.1,
    "input_dropout": 0.5,
    "ctx_mode": "video_tef",
    "t_feat_dim": 6,
    "lr": 1e-4,
}


class EasyDict(dict[str, Any]):
    """Stands in for the public class of that name: a dictionary whose items are attributes too."""

    def __init__(self, items: dict[str, Any]) -> None:
        super().__init__()
        for name, value in items.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self[name] = value


def weights(video: int, text: int, audio: int = 0, gated: bool = False, film: bool = False) -> dict[str, Tensor]:
    """A state dictionary under the reference's names; `audio` > 0 without `gated` is joined to the video."""
    generator = torch.Generator().manual_seed(0)
    shapes = dict(_plain(video if gated else video + audio, text))
    if gated:
        shapes |= dict(_projection("input_aud_proj", audio))
        for layer in range(FUSION_LAYERS):
            shapes |= dict(_gated(f"fusion.fusion_layers.{layer}", film))
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def _linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _norm(name: str, dim: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (dim,)
    yield f"{name}.bias", (dim,)


def _projection(name: str, inputs: int) -> Iterator[tuple[str, Shape]]:
    for index, width in enumerate((inputs, D)):
        yield from _norm(f"{name}.{index}.LayerNorm", width)
        yield from _linear(f"{name}.{index}.net.1", width, D)


def _attention(name: str) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.in_proj_weight", (3 * D, D)
    yield f"{name}.in_proj_bias", (3 * D,)
    yield from _linear(f"{name}.out_proj", D, D)


def _feed_forward(name: str) -> Iterator[tuple[str, Shape]]:
    yield from _linear(f"{name}.linear1", D, FEED)
    yield from _linear(f"{name}.linear2", FEED, D)
    yield f"{name}.activation.weight", (1,)


def _plain(video: int, text: int) -> Iterator[tuple[str, Shape]]:
    yield "global_rep_token", (D,)
    yield "global_rep_pos", (D,)
    for kind in ("t2v_encoder", "encoder"):
        for layer in range(LAYERS):
            name = f"transformer.{kind}.layers.{layer}"
            yield from _attention(f"{name}.self_attn")
            yield from _feed_forward(name)
            yield from _norm(f"{name}.norm1", D)
            yield from _norm(f"{name}.norm2", D)
    for layer in range(LAYERS):
        name = f"transformer.decoder.layers.{layer}"
        for part in ("sa_qcontent", "sa_qpos", "sa_kcontent", "sa_kpos", "sa_v"):
            yield from _linear(f"{name}.{part}_proj", D, D)
        for part in ("ca_qcontent", "ca_kcontent", "ca_kpos", "ca_v", "ca_qpos_sine", *(["ca_qpos"] * (layer == 0))):
            yield from _linear(f"{name}.{part}_proj", D, D)
        yield from _linear(f"{name}.self_attn.out_proj", D, D)
        yield from _linear(f"{name}.cross_attn.out_proj", D, D)
        yield from _feed_forward(name)
        for norm in ("norm1", "norm2", "norm3"):
            yield from _norm(f"{name}.{norm}", D)
    yield from _norm("transformer.decoder.norm", D)
    for head, widths in (
        ("transformer.decoder.query_scale", (D, D, D)),
        ("transformer.decoder.ref_point_head", (D, D, D)),
        ("transformer.decoder.ref_anchor_head", (D, D, 1)),
        ("transformer.decoder.bbox_embed", (D, D, D, 2)),
        ("span_embed", (D, D, D, 2)),
    ):
        for index in range(len(widths) - 1):
            yield from _linear(f"{head}.layers.{index}", widths[index], widths[index + 1])
    yield "txt_position_embed.position_embeddings.weight", (32, D)
    yield from _norm("txt_position_embed.LayerNorm", D)
    yield from _linear("class_embed", D, 2)
    yield "query_embed.weight", (QUERIES, 2)
    yield from _projection("input_txt_proj", text)
    yield from _projection("input_vid_proj", video)
    yield from _linear("saliency_proj1", D, D)
    yield from _linear("saliency_proj2", D, D)


def _gated(name: str, film: bool) -> Iterator[tuple[str, Shape]]:
    gates = f"{name}.gating_function"
    for scalar in ("mha_bias", "mha_scale", "ffn_alpha", *(["ffn_beta"] * film)):
        yield f"{gates}.{scalar}", ()
    for head in ("mlp_mha", "mlp_ffn", *(["mlp_ffn_beta"] * film)):
        yield from _linear(f"{gates}.{head}.0", 2 * D, D // 2)
        yield from _linear(f"{gates}.{head}.2", D // 2, 1)
    yield from _linear(f"{name}.a_proj", D, D)
    yield from _linear(f"{name}.out_proj", D, D)
    for part in ("ffn1", "ffn2"):
        yield from _linear(f"{name}.{part}.0", D, 4 * D)
        yield from _linear(f"{name}.{part}.2", 4 * D, D)
    yield from _attention(f"{name}.self_attention")
    for norm in ("delta_norm_mha", "delta_norm_ffn", "norm1", "norm2", "norm3", "norm4"):
        yield from _norm(f"{name}.{norm}", D)
