"""CLAP: the fast front end against transformers' own, and checkpoints as transformers saves them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

from cli import UserError
from feature_extractors.encoders.audio.clap import Clap, ClapFrontEnd, checkpoint_files, find_checkpoint, load_clap
from feature_extractors.encoders.audio.settings import ClapConfig as ClapSettings

RATE, SAMPLES = 48_000, 480_000  # 10 s, what the published model was trained on


@pytest.fixture(scope="module")
def windows() -> torch.Tensor:
    """Noise, a sweep up to 14 kHz, and 2 s of sound between zeros, as a window at an end has them."""
    rng = np.random.default_rng(0)
    time = np.arange(SAMPLES) / RATE
    edge = np.where(abs(time - 5) < 1, 0.2 * rng.standard_normal(SAMPLES), 0)
    sweep = 0.5 * np.sin(2 * np.pi * (50 * time + 700 * time**2))
    return torch.from_numpy(np.stack([0.3 * rng.standard_normal(SAMPLES), sweep, edge]).astype(np.float32))


def test_front_end_agrees_with_the_library(windows: torch.Tensor) -> None:
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    front_end = ClapFrontEnd(extractor)
    assert (front_end.rate, front_end.samples) == (RATE, SAMPLES)
    measured = front_end(windows)
    assert measured.shape == (3, 1, 1001, 64)
    for place, window in enumerate(windows.numpy()):
        decibels = measured[place].numpy()
        expected = extractor(window, sampling_rate=RATE, return_tensors="np")["input_features"][0]  # double precision
        # Of a tone, the bands beside it get what their filters weigh near their corners, in single precision.
        kept = expected > expected.max(axis=2, keepdims=True) - 40 if place == 1 else np.full(expected.shape, True)
        np.testing.assert_allclose(decibels[kept], expected[kept], rtol=0, atol=5e-3 if place == 1 else 2e-4)
    silent = measured[2, 0, :100]
    torch.testing.assert_close(silent, torch.full_like(silent, -100.0), rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_saved_checkpoint_is_the_model_in_memory(
    clap_weights: Path, windows: torch.Tensor, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = load_clap(clap_weights)
    model = ClapModel.from_pretrained(clap_weights, local_files_only=True)
    assert not any(module.training for module in loaded.modules())
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    memory = Clap(model, extractor).eval()
    embeddings = loaded(windows)
    assert torch.equal(embeddings, memory(windows))
    assert embeddings.shape == (3, 16)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))
    # And what the library makes of its own features; a difference of 1e-3 dB may remain.
    own = extractor(windows[0].numpy(), sampling_rate=RATE, return_tensors="pt")["input_features"]
    pooled = model.get_audio_features(input_features=own).pooler_output
    torch.testing.assert_close(embeddings[:1], pooled, rtol=0, atol=1e-4)


def test_loading_is_quiet(clap_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_clap(clap_weights)
    output = capfd.readouterr()
    assert output.out == output.err == ""  # logs of jobs are read by people


def change_weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file(change(load_file(file)), file, metadata={"format": "pt"})

    return write


def fuse(folder: Path) -> None:
    """A whole checkpoint of the fused kind."""
    config = ClapConfig.from_pretrained(folder, local_files_only=True)
    config.audio_config.enable_fusion = True
    config.audio_config.fusion_type = "channel_map"
    ClapModel(config).save_pretrained(folder)


NORM = "audio_model.audio_encoder.batch_norm.running_mean"
LAST = "audio_projection.linear2.weight"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"<html>404</html>"), "not a readable checkpoint"),
        (lambda folder: (folder / "config.json").write_text("{"), "not a readable checkpoint"),
        (lambda folder: (folder / "config.json").write_text("[]"), "not a readable checkpoint"),
        (lambda folder: (folder / "preprocessor_config.json").write_text("{"), "not a readable checkpoint"),
        # transformers would draw these at random and go on.
        (change_weights(lambda state: {k: v for k, v in state.items() if k != LAST}), f"1 missing, such as {LAST}"),
        (change_weights(lambda state: {k: v for k, v in state.items() if k != NORM}), f"1 missing, such as {NORM}"),
        (change_weights(lambda state: state | {LAST: torch.zeros(3, 3)}), f"1 missing, such as {LAST}"),
        (change_weights(lambda state: {f"net.{k}": v for k, v in state.items()}), "missing, such as audio_"),
        (lambda folder: fuse(folder), "use an unfused checkpoint"),
    ],
)
def test_checkpoints_that_do_not_fit_are_named_in_one_line(
    tmp_path: Path, clap_weights: Path, spoil: Callable[[Path], None], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "clap"
    shutil.copytree(clap_weights, folder)
    spoil(folder)
    with pytest.raises(UserError, match=message) as problem:
        load_clap(folder)
    assert str(problem.value).startswith(f"{folder}: ") and "\n" not in str(problem.value)
    assert capfd.readouterr().err == ""


def test_a_checkpoint_without_its_text_side_or_in_half_precision_will_do(tmp_path: Path, clap_weights: Path) -> None:
    def reduce(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        audio = {name: value for name, value in state.items() if name.startswith("audio_")}
        return {name: value.half() if value.is_floating_point() else value for name, value in audio.items()}

    folder = tmp_path / "clap"
    shutil.copytree(clap_weights, folder)
    change_weights(reduce)(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    clap, whole = load_clap(folder), load_clap(clap_weights)
    assert clap(torch.zeros(1, SAMPLES)).dtype == torch.float32
    for name, parameter in clap.model.audio_model.named_parameters():
        assert parameter.dtype == torch.float32  # as the front end computes
        torch.testing.assert_close(parameter, whole.model.audio_model.get_parameter(name), rtol=1e-3, atol=1e-6)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clap: not a CLAP checkpoint: no config\.json"):
        load_clap(tmp_path / "clap")


@torch.no_grad()
@pytest.mark.parametrize("seconds", [2.0, 3.0, 10.0])
def test_a_clip_alone_is_repeated_as_the_library_repeats_it(clap_weights: Path, seconds: float) -> None:
    """2 s fit five times; 3 s three times, with a second of zeros behind."""
    clap = load_clap(clap_weights)
    sound = (0.3 * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    own = extractor(sound, sampling_rate=RATE, return_tensors="pt")["input_features"]
    assert own.shape == (1, 1, 1001, 64)
    expected = clap.model.get_audio_features(input_features=own).pooler_output
    torch.testing.assert_close(clap(torch.from_numpy(sound)[None]), expected, rtol=0, atol=1e-4)


def test_modes_say_how_much_sound_is_cut_out() -> None:
    settings = ClapSettings()
    assert settings.heard_seconds(2.0, 10.0) == 10.0
    assert ClapSettings(mode="repeat").heard_seconds(2.0, 10.0) == 2.0
    with pytest.raises(UserError, match=r"clap\.mode: repeat needs clips of at most 10 s, got 12"):
        ClapSettings(mode="repeat").heard_seconds(12.0, 10.0)
    with pytest.raises(UserError, match=r"clap\.window_seconds: the checkpoint takes 10 s, got 7"):
        ClapSettings(window_seconds=7.0).heard_seconds(2.0, 10.0)


@torch.no_grad()
def test_the_older_published_format_is_read(tmp_path: Path, clap_weights: Path, windows: torch.Tensor) -> None:
    """laion/clap-htsat-unfused has no safetensors file, but pytorch_model.bin of 2023 with position_ids in it."""
    folder = tmp_path / "clap"
    shutil.copytree(clap_weights, folder)
    state = load_file(folder / "model.safetensors")
    state["text_model.embeddings.position_ids"] = torch.arange(64)[None]
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert "pytorch_model.bin" in [file.name for file in checkpoint_files(folder)]
    assert torch.equal(load_clap(folder)(windows[:1]), load_clap(clap_weights)(windows[:1]))


def test_code_in_the_older_format_is_refused(tmp_path: Path, clap_weights: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    folder = tmp_path / "clap"
    shutil.copytree(clap_weights, folder)
    (folder / "model.safetensors").unlink()
    torch.save({"a": Harmful()}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="clap: "):
        load_clap(folder)
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_of_the_hub_comes_from_the_cache(
    tmp_path: Path, clap_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        UserError,
        match=r"hub:someone/clap is not cached and could not be downloaded.*of huggingface\.co/someone/clap into",
    ):
        find_checkpoint("hub:someone/clap")
    # As huggingface_hub keeps it: a revision is a folder, a branch a file that names it.
    place = tmp_path / "models--someone--clap"
    commit = "0123456789" * 4
    shutil.copytree(clap_weights, place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    for name in ("hub:someone/clap", f"hub:someone/clap@{commit}"):
        assert find_checkpoint(name) == place / "snapshots" / commit
    load_clap(find_checkpoint("hub:someone/clap"))
    assert find_checkpoint("weights/demo/clap") == Path("weights/demo/clap")
