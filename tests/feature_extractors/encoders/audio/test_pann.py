"""Cnn14 in the published layout, and its front end against an independent computation."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from cli import UserError
from feature_extractors.encoders.audio.log_mel import SLICE, log_mel
from feature_extractors.encoders.audio.pann import MIN_SAMPLES, RATE, Cnn14, load_pann
from feature_extractors.encoders.audio.settings import PannConfig
from feature_extractors.weights.loading import load_checkpoint
from tests.feature_extractors.mel import slaney_filters

TINY = PannConfig(base_channels=2, embedding_dim=16)


def decibels_of(samples: np.ndarray) -> np.ndarray:
    """Decibels (frames, 64): frames of 1024 samples every 320, the ends reflected, Hann window of period 1024."""
    padded = np.pad(samples.astype(np.float64), 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([padded[at : at + 1024] * window for at in range(0, len(samples) + 1, 320)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    return 10 * np.log10(np.maximum(power @ slaney_filters(), 1e-10))


@pytest.fixture(scope="module")
def published() -> Cnn14:
    return Cnn14(PannConfig())


def test_front_end_agrees_with_numpy() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    noise = rng.standard_normal(2 * RATE)
    clicks = np.where(np.arange(2 * RATE) % 5000 == 0, 0.9, 0)
    sweep = 0.5 * np.sin(2 * np.pi * (50 * time + 3000 * time**2))
    windows = np.stack([0.3 * noise, np.where(time < 1, 1e-3 * noise, 0), clicks, sweep]).astype(np.float32)
    measured = log_mel(Cnn14(TINY).mel, torch.from_numpy(windows))
    assert measured.shape == (4, 1, 201, 64)  # 64,000 samples / 320 + 1
    for decibels, window in zip(measured[:3, 0].numpy(), windows, strict=False):
        np.testing.assert_allclose(decibels, decibels_of(window), rtol=0, atol=1e-4)
    np.testing.assert_allclose(measured[1, 0, 103:].numpy(), -100.0, rtol=0, atol=1e-4)  # silence: the floor, 1e-10
    # Of a tone, the bands beside it get what their filters weigh near their corners, in single precision.
    expected = decibels_of(windows[3])
    loud = expected > expected.max(axis=1, keepdims=True) - 40
    np.testing.assert_allclose(measured[3, 0].numpy()[loud], expected[loud], rtol=0, atol=2e-3)


def test_windows_are_transformed_as_if_alone() -> None:
    at_a_time = SLICE // (2 * RATE)
    windows = 0.1 * torch.randn(2 * at_a_time + 1, 2 * RATE)
    mel = Cnn14(TINY).mel
    torch.testing.assert_close(log_mel(mel, windows), torch.cat([log_mel(mel, window[None]) for window in windows]))


def test_names_and_shapes_are_those_of_published_checkpoints(published: Cnn14) -> None:
    expected: dict[str, tuple[int, ...]] = {
        "fc1.weight": (2048, 2048),
        "fc1.bias": (2048,),
        "fc_audioset.weight": (527, 2048),  # the classes of AudioSet
        "fc_audioset.bias": (527,),
    }
    widths = [1, 64, 128, 256, 512, 1024, 2048]
    norms = {"bn0": 64}
    for block in range(1, 7):
        inputs, outputs = widths[block - 1 : block + 1]
        expected[f"conv_block{block}.conv1.weight"] = (outputs, inputs, 3, 3)
        expected[f"conv_block{block}.conv2.weight"] = (outputs, outputs, 3, 3)
        norms |= {f"conv_block{block}.bn1": outputs, f"conv_block{block}.bn2": outputs}
    for name, width in norms.items():
        expected |= {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
        expected[f"{name}.num_batches_tracked"] = ()
    state = {name: tuple(value.shape) for name, value in published.state_dict().items() if not name.startswith("mel.")}
    assert state == expected


def test_size_is_the_published_one(published: Cnn14) -> None:
    # 3 x 3 convolutions, two vectors for each of 13 batch norms, two linear layers.
    widths = [1, 64, 128, 256, 512, 1024, 2048]
    convolutions = sum(9 * (inputs + outputs) * outputs for inputs, outputs in pairwise(widths))
    norms = 2 * (64 + 2 * sum(widths[1:]))
    embedding, tags = 2048 * 2048 + 2048, 2048 * 527 + 527
    counted = sum(parameter.numel() for parameter in published.parameters())
    assert counted == convolutions + norms + embedding + tags == 80_753_615  # Kong et al. (2020), table X: 80.8 M
    assert round((counted - tags) / 1e5) == 797  # without the tagging head: 79.7 M
    # Cnn14_mAP=0.431.pth has 327,428,481 bytes. Four for each number: the parameters, the statistics of the norms, and
    # torchlibrosa's two transform matrices and mel filters. The rest, 15 kB, are names.
    numbers = counted + norms + 2 * 513 * 1024 + 513 * 64
    assert 0 < 327_428_481 - 4 * numbers < 20_000


@torch.no_grad()
def test_published_format_is_loaded(pann_weights: Path) -> None:
    network = load_pann(TINY, pann_weights)
    saved = load_checkpoint(pann_weights)["model"]
    state = network.state_dict()
    kept = [name for name in saved if not name.startswith(("spectrogram_extractor.", "logmel_extractor."))]
    assert len(kept) == len(saved) - 2 and all(torch.equal(state[name], saved[name]) for name in kept)
    # Not training: neither dropout nor the batch's own statistics, so that a window does not feel its neighbours.
    time = torch.arange(2 * RATE) / RATE
    windows = torch.stack([torch.sin(2 * torch.pi * pitch * time) for pitch in (150, 1000, 6000)])
    together = network(windows)
    assert together.shape == (3, 16) and (together >= 0).all() and (together.std(dim=0) > 0.01).any()
    torch.testing.assert_close(network(windows[:1]), together[:1], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_blocks_do_what_cnn14_does(pann_weights: Path) -> None:
    """The forward pass, written again with functions and the names of the checkpoint."""
    network = load_pann(TINY, pann_weights)
    state = network.state_dict()
    functional = torch.nn.functional

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(x, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"])

    windows = 0.1 * torch.randn(2, 2 * RATE)
    x = log_mel(network.mel, windows)  # (B, 1, frames, mels)
    x = norm(x.permute(0, 3, 2, 1), "bn0").permute(0, 3, 2, 1)  # over mels
    for block in range(1, 7):
        for part in (1, 2):
            x = functional.conv2d(x, state[f"conv_block{block}.conv{part}.weight"], padding=1)
            x = norm(x, f"conv_block{block}.bn{part}").relu()
        if block < 6:
            x = functional.avg_pool2d(x, 2)
    x = x.mean(dim=3)  # over mels, then the loudest and the mean moment
    x = x.max(dim=2).values + x.mean(dim=2)
    expected = (x @ state["fc1.weight"].T + state["fc1.bias"]).relu()
    torch.testing.assert_close(network(windows), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_shortest_window(pann_weights: Path) -> None:
    network = load_pann(TINY, pann_weights)
    assert network(torch.zeros(1, MIN_SAMPLES)).shape == (1, 16)  # 32 frames, halved five times
    with pytest.raises(RuntimeError):
        network(torch.zeros(1, MIN_SAMPLES - 1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state": {}}, "it has no 'model'"),
        ({"model": {}}, "does not fit Cnn14"),
        ({"model": "fc1.bias"}, "it has no 'model'"),
    ],
)
def test_what_is_no_pann_is_named_in_one_line(tmp_path: Path, content: dict[str, object], message: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match=rf"w\.pth: .*{message}"):
        load_pann(TINY, tmp_path / "w.pth")


def test_another_width_is_an_error_that_names_the_settings(pann_weights: Path) -> None:
    with pytest.raises(UserError, match=r'does not fit Cnn14 with \{"base_channels":4'):
        load_pann(PannConfig(base_channels=4, embedding_dim=16), pann_weights)


def test_the_sampler_of_published_checkpoints_is_read(pann_weights: Path) -> None:
    with pytest.raises(Exception, match="Weights only load failed"):
        torch.load(
            pann_weights, weights_only=True
        )  # what makes published checkpoints be loaded with weights_only=False
    sampler = load_checkpoint(pann_weights)["sampler"]
    assert [indexes.tolist() for indexes in sampler["indexes_per_class"]] == [[0, 1, 2], [0, 1]]
    assert sampler["queue"] == [4, 5]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("spectrogram_extractor.stft.conv_real.weight", torch.zeros(257, 1, 512), "windows of 512 samples, not 1024"),
        (
            "logmel_extractor.melW",
            torch.from_numpy(slaney_filters()).float().roll(1, 0),
            "mel filters are not for 32 kHz",
        ),
        ("logmel_extractor.melW", torch.zeros(257, 64), "mel filters are not for 32 kHz"),
    ],
)
def test_weights_of_another_front_end_are_refused(
    tmp_path: Path, pann_weights: Path, name: str, value: torch.Tensor, message: str
) -> None:
    """The published 8 and 16 kHz networks have the same parameters."""
    checkpoint = load_checkpoint(pann_weights)
    checkpoint["model"][name] = value
    torch.save(checkpoint, tmp_path / "Cnn14_16k_mAP=0.438.pth")
    with pytest.raises(UserError, match=f"Cnn14_16k.*another front end: .*{message}"):
        load_pann(TINY, tmp_path / "Cnn14_16k_mAP=0.438.pth")


def test_a_file_of_the_published_name_must_be_the_published_one(tmp_path: Path, pann_weights: Path) -> None:
    file = tmp_path / "Cnn14_mAP=0.431.pth"
    file.write_bytes(pann_weights.read_bytes())
    with pytest.raises(
        UserError, match=r"mAP=0\.431\.pth: .* bytes, but the published .* has 327,428,481: damaged, or"
    ):
        load_pann(TINY, file)
    load_pann(TINY, pann_weights)  # under its own name it is anyone's


def test_filters_agree_far_below_the_tolerance_of_the_check() -> None:
    ours = Cnn14(TINY).mel.mel_scale.fb.double().numpy()
    assert abs(ours - slaney_filters()).max() < 2e-5 * ours.max()
