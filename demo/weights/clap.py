"""The demo's CLAP, a small network of transformers' kind, calibrated on sounds."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import ClapAudioConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig
from transformers import ClapConfig as ClapModelConfig

from cli.outputs import saving
from demo.weights.calibration import calibrate_norms, set_to_whitening, windows_of_sound
from demo.weights.settings import ClapWeights
from feature_extractors.encoders.audio.clap import Clap


@torch.no_grad()
def write_clap(stage: ClapWeights, out: Path) -> None:
    """Write a CLAP checkpoint directory, as transformers loads it."""
    torch.manual_seed(stage.demo_encoders.seed)
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16,
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 4, 8],
        hidden_size=128,
        projection_dim=64,
        num_classes=8,
    )
    # The text side is not used, so it is as small as the library allows.
    text = ClapTextConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        projection_dim=64,
    )
    config = ClapModelConfig(audio_config=audio.to_dict(), text_config=text.to_dict(), projection_dim=64)
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    clap = Clap(ClapModel(config), extractor)
    seconds = clap.front_end.samples / clap.front_end.rate
    windows = windows_of_sound(stage.demo_encoders, clap.front_end.rate, seconds, every=4)
    spectra = clap.front_end(windows)
    network, projection = clap.model.audio_model, clap.model.audio_projection
    calibrate_norms(network, spectra)
    pooled = torch.cat([network(input_features=batch).pooler_output for batch in spectra.split(32)])
    set_to_whitening(projection.linear1, pooled)
    hidden = projection.linear1(pooled).relu()
    nn.init.orthogonal_(projection.linear2.weight)
    projection.linear2.bias.copy_(-(projection.linear2.weight @ hidden.mean(dim=0)))
    out.mkdir(parents=True, exist_ok=True)
    with saving(out):
        clap.model.save_pretrained(out)
        extractor.save_pretrained(out)
