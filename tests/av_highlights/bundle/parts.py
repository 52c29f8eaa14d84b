"""The parts of small bundles: networks that record their features, and files that stand for weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from av_highlights.bundle import BundleParts
from model.checkpoint import save_checkpoint
from model.config import ModelConfig
from model.network.detector import HighlightDetector
from model.network.tensors import InputDims

SMALL = {"hidden_dim": 16, "n_heads": 2, "fusion_n_heads": 2, "fusion_layers": 1, "feedforward_dim": 16}


def sha256(*contents: bytes) -> str:
    """The digest of one file, or the digest of several files' digests: what a checkpoint records."""
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


CLIP, PANN = b"the weights of CLIP", b"the weights of Cnn14"
CLAP = {"config.json": b"{}", "model.safetensors": b"the weights of CLAP", "preprocessor_config.json": b"[]"}
RECORDED: dict[str, Any] = {
    "clip_visual": {
        "extractor": "open_clip tiny projected",
        "weights_sha256": sha256(CLIP),
        "clip_seconds": 2.0,
        "dim": 8,
        "clip.architecture": "tiny",
        "clip.image_mean": [],
        "visual.output": "projected",
        "visual.frames_per_clip": 1,
    },
    "clip_text": {"weights_sha256": sha256(CLIP), "clip_seconds": 0.0, "dim": 6, "clip.architecture": "tiny"},
    "pann": {"weights_sha256": sha256(PANN), "clip_seconds": 2.0, "dim": 4, "pann.embedding_dim": 4},
    "clap": {
        "weights_sha256": sha256(CLAP["config.json"], CLAP["model.safetensors"], CLAP["preprocessor_config.json"]),
        "clip_seconds": 2.0,
        "dim": 4,
        "clap.mode": "centred",
    },
}


def write_network(path: Path, about: dict[str, Any], **keys: Any) -> Path:
    """A checkpoint of a small network, which hears both audio streams unless the keys say otherwise."""
    torch.manual_seed(0)
    config = ModelConfig.from_dict({**SMALL, "audio_streams": ["pann", "clap"], **keys})
    save_checkpoint(path, HighlightDetector(config, InputDims(video=10, text=6, audio=8)), about)
    return path


def write_parts(folder: Path, about: dict[str, Any] | None = None, **keys: Any) -> BundleParts:
    """Parts in a folder; `keys` are of the network."""
    (folder / "clap").mkdir(parents=True)
    (folder / "clip.pt").write_bytes(CLIP)
    (folder / "pann.pth").write_bytes(PANN)
    (folder / "tiny.json").write_text(json.dumps({"embed_dim": 8}))
    for name, content in CLAP.items():
        (folder / "clap" / name).write_bytes(content)
    sections = {
        "clips": {"seconds": 2.0},
        "encoding": {"precision": "float32", "dtype": "float16"},
        "clip": {
            "architecture": "tiny",
            "definition": str(folder / "tiny.json"),
            "activation": "gelu",
            "weights": str(folder / "clip.pt"),
        },
        "visual": {"output": "projected"},
        "pann": {"base_channels": 2, "embedding_dim": 4, "weights": str(folder / "pann.pth")},
        "clap": {"mode": "centred", "weights": str(folder / "clap")},
        "dino": {"weights": "of no stream of this network"},
    }
    return BundleParts(
        checkpoint=write_network(folder / "best.pt", {"features": RECORDED} if about is None else about, **keys),
        sections=sections,
        where="study.yaml",
        name="small",
        description="trained on\nnothing",
        window_seconds=60.0,
    )
