"""The encoders with random weights: inputs per second in each precision, and the share of the bfloat16 peak."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu_sections.machine import peak_tflops
from benchmarks.gpu_sections.record import Record
from benchmarks.gpu_sections.turns import PRECISIONS, Jobs, allow_tf32, take_turns
from feature_extractors.encoders.device import use_device
from feature_extractors.encoders.engine import Encoder, computing
from feature_extractors.encoders.stream import EncodingConfig

ROOT = Path(__file__).parents[2]
WINDOWS = {"Cnn14": (2.0, 32_000), "CLAP": (10.0, 48_000)}
"""Seconds and Hz of a window of sound."""


def measure(record: Record) -> None:
    """Time each encoder."""
    use_device(record.device, torch.get_num_threads())
    names = ["ViT-B-32-quickgelu", "ViT-L-14-quickgelu", "Cnn14", "CLAP"]
    peak = record.attempt("bfloat16_peak_tflops", lambda: peak_tflops(record.device, 128 if record.dry else 8192))
    for name in names:
        record.attempt(name, lambda name=name: _time(record, name, peak or 0.0), needs=0 if record.dry else 8)
        if record.device == "cuda":
            torch.cuda.empty_cache()


def build(name: str, dry: bool) -> tuple[nn.Module, Callable[[Tensor], Tensor], tuple[int, ...], int]:
    """Network, forward pass, shape of one input, and inputs per batch on a GPU. Weights are drawn from a seed."""
    torch.manual_seed(0)
    if name in WINDOWS:
        from feature_extractors.encoders.sounds import BATCH_SECONDS

        seconds, rate = WINDOWS[name]
        sound = _cnn14(dry) if name == "Cnn14" else _clap(dry)
        return sound, sound, (round(seconds * rate),), 2 if dry else int(BATCH_SECONDS["cuda"] / seconds)
    from feature_extractors.encoders.clip.model import build_clip
    from feature_extractors.encoders.clip.settings import ClipEncoderConfig
    from feature_extractors.encoders.pictures import BATCH

    definition = {"architecture": "demo-clip", "definition": str(ROOT / "demo/encoders/demo-clip.json")}
    config = ClipEncoderConfig(**(definition if dry else {"architecture": name}))
    clip = build_clip(config, None).network
    return clip.visual, clip.encode_image, (3, *[picture_size(dry)] * 2), 2 if dry else BATCH


def picture_size(dry: bool) -> int:
    """Pixels along each side of a picture that CLIP sees."""
    return 64 if dry else 224


def _cnn14(dry: bool) -> nn.Module:
    from feature_extractors.encoders.audio.pann import Cnn14
    from feature_extractors.encoders.audio.settings import PannConfig

    return Cnn14(PannConfig(base_channels=2, embedding_dim=16) if dry else PannConfig()).eval()


def _clap(dry: bool) -> nn.Module:
    """The published unfused CLAP's audio side; small in a dry run, and with a small text side, which is not used."""
    from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig

    from feature_extractors.encoders.audio.clap import Clap

    small = {"patch_embeds_hidden_size": 16, "depths": [1, 1, 1, 1], "hidden_size": 128, "num_classes": 8}
    audio = ClapAudioConfig(**({**small, "num_attention_heads": [1, 2, 4, 8]} if dry else {}))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}
    text = ClapTextConfig(vocab_size=64, **sizes)
    model = ClapModel(ClapConfig(audio_config=audio.to_dict(), text_config=text.to_dict()))
    return Clap(model, ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")).eval()


def _time(record: Record, name: str, peak: float) -> dict[str, Any]:
    """Inputs per second by precision.

    `network`: the forward pass on inputs that are on the device. `encode`: from arrays in memory to arrays in memory,
    with the batch that extraction has on a GPU, so with the copies and the wait for the result.
    """
    network, forward, shape, batch = build(name, record.dry)
    network.to(record.device)
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((batch, *shape), dtype=np.float32)
    there = torch.from_numpy(inputs).to(record.device)
    configs = {p: EncodingConfig(precision="bfloat16" if p == "bfloat16" else "float32") for p in PRECISIONS}
    device = torch.device(record.device)
    with torch.no_grad():
        dim = forward(there[:1]).shape[1]
    encoders = {p: Encoder(forward, device, config, batch, dim) for p, config in configs.items()}

    def alone(precision: str) -> None:
        allow_tf32(precision == "tf32")
        with computing(configs[precision], device):
            forward(there)

    def encode(precision: str) -> None:
        allow_tf32(precision == "tf32")
        encoders[precision].encode(inputs)

    jobs: Jobs = {f"network {p}": lambda p=p: alone(p) for p in PRECISIONS}
    jobs |= {f"encode {p}": lambda p=p: encode(p) for p in PRECISIONS}
    times = take_turns(jobs, *((1, 1) if record.dry else (5, 3)))
    allow_tf32(False)
    gflops = _count(forward, there[:1])
    found: dict[str, Any] = {"batch": batch, "gflops_per_input": round(gflops, 2)}
    for job, values in times.items():
        rate = batch / statistics.median(values)
        entry = {"per_second": float(f"{rate:.4g}"), "low": float(f"{batch / max(values):.4g}")}
        entry["high"] = float(f"{batch / min(values):.4g}")
        if peak:
            entry["share_of_bfloat16_peak"] = round(rate * gflops / 1e3 / peak, 4)
        found[job] = entry
    return found


def _count(forward: Callable[[Tensor], Tensor], one: Tensor) -> float:
    """GFLOP of products and convolutions for one input; two per multiplication and addition."""
    # The fused encoder layer that torch otherwise takes without gradients is not counted.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            forward(one)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    return counter.get_total_flops() / 1e9
