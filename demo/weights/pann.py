"""The demo's PANN, a narrow Cnn14, calibrated on sounds."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from demo.plan import CLIP
from demo.weights.calibration import calibrate_norms, save, set_to_whitening, windows_of_sound
from demo.weights.settings import PannWeights
from feature_extractors.encoders.audio.pann import RATE, Cnn14


@torch.no_grad()
def write_pann(stage: PannWeights, out: Path) -> None:
    """Write a Cnn14 checkpoint as published: `{"model": state}`."""
    torch.manual_seed(stage.demo_encoders.seed)
    network = Cnn14(stage.pann)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    windows = windows_of_sound(stage.demo_encoders, RATE, CLIP)
    calibrate_norms(network, windows)
    pooled = torch.cat([network.pooled(batch) for batch in windows.split(64)])
    set_to_whitening(network.fc1, pooled)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("mel.")}
    save({"iteration": 0, "model": state}, out)
