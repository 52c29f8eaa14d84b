"""The demo's encoders: files that the extractors load, the same every time, whose features tell clips apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ClapFeatureExtractor, ClapModel

from demo.__main__ import main
from demo.picture import draw_frame
from demo.plan import DemoConfig, VideoPlan, plan_videos
from demo.questions import annotations
from demo.sound import synthesise
from demo.weights import calibration
from demo.weights.clap import write_clap
from demo.weights.clip import write_clip
from demo.weights.pann import write_pann
from demo.weights.settings import ClapWeights, ClipWeights, EncoderConfig, PannWeights
from feature_extractors.encoders.audio.clap import Clap, load_clap
from feature_extractors.encoders.audio.pann import RATE, Cnn14, load_pann
from feature_extractors.encoders.audio.settings import PannConfig
from feature_extractors.encoders.clip.model import ClipModel, build_clip, token_states, valid_lengths
from feature_extractors.encoders.clip.settings import ClipEncoderConfig

DEFINITION = Path(__file__).parents[2] / "demo" / "encoders" / "demo-clip.json"
CLIP = ClipEncoderConfig(architecture="demo-clip", definition=str(DEFINITION))
PANN = PannConfig(base_channels=8, embedding_dim=128)  # as in config.yaml
CENTRES = np.arange(1, 39, 2)


def shown_videos() -> list[VideoPlan]:
    """Four of the default demo; the encoders are calibrated on videos under another seed."""
    return [video for video in plan_videos(DemoConfig()) if video.audio_informative and video.quirk == "none"][:4]


@pytest.fixture(scope="module", autouse=True)
def few_videos() -> Iterator[None]:
    """A third of the calibration videos, and one thread: seconds instead of a quarter of a minute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "CALIBRATION_VIDEOS", 4)
        yield
    torch.set_num_threads(threads)


def write(encoder: str, out: Path, seed: int = 1) -> None:
    config = EncoderConfig(seed=seed)
    if encoder == "clip":
        write_clip(ClipWeights(demo_encoders=config, clip=CLIP), out)
    elif encoder == "pann":
        write_pann(PannWeights(demo_encoders=config, pann=PANN), out)
    else:
        write_clap(ClapWeights(demo_encoders=config), out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for encoder in ("clip", "pann", "clap"):
        write(encoder, folder / encoder)
    assert sorted(file.name for file in folder.iterdir()) == ["clap", "clip", "pann"]  # and no .part file
    return folder


def bytes_of(path: Path) -> dict[str, bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


def test_another_seed_draws_others(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "CALIBRATION_VIDEOS", 1)  # the first weights are drawn before
    write("clip", tmp_path / "clip", seed=2)
    one, two = (torch.load(place / "clip", weights_only=True) for place in (folder, tmp_path))
    assert not torch.equal(one["visual.conv1.weight"], two["visual.conv1.weight"])


def sounds(rate: int, seconds: float) -> torch.Tensor:
    """Windows (n, samples) around the clips of videos that no encoder was calibrated on."""
    length = round(seconds * rate)
    windows = []
    for video in shown_videos():
        track = np.pad(synthesise(video, rate), length)
        windows += [track[round(centre * rate) + length // 2 :][:length] for centre in CENTRES]
    return torch.from_numpy(np.stack(windows).astype(np.float32))


def likeness(features: torch.Tensor | np.ndarray) -> float:
    """Mean cosine between different rows."""
    rows = torch.as_tensor(features)
    rows = rows / rows.norm(dim=1, keepdim=True)
    cosines = rows @ rows.T
    return float((cosines.sum() - cosines.trace()) / (len(rows) * (len(rows) - 1)))


# The bounds below lie well between what was measured with four calibration videos, and with none: pictures 0.16 and
# 0.93, tokens 0.02 and 0.56, PANN 0.37 and 1.00, CLAP 0.09 and 0.99.


@torch.no_grad()
def test_pictures_and_words_are_told_apart(folder: Path) -> None:
    pictures = [draw_frame(video, float(centre)) for video in shown_videos() for centre in CENTRES[::2]]
    queries = [row["query"] for row in annotations(DemoConfig(), "val")][:40]

    def likenesses(clip: ClipModel) -> tuple[float, float]:
        ids = clip.tokenise(queries)
        states = zip(token_states(clip.network, ids), valid_lengths(ids), strict=True)
        tokens = torch.cat([state[:length] for state, length in states])
        prepared = torch.stack([clip.preprocess(Image.fromarray(picture)) for picture in pictures])
        return likeness(clip.network.encode_image(prepared)), likeness(tokens)

    torch.manual_seed(0)
    seen, read = likenesses(build_clip(CLIP, None))
    assert seen > 0.8 and read > 0.4
    seen, read = likenesses(build_clip(CLIP, folder / "clip"))
    assert seen < 0.4 and read < 0.1


@torch.no_grad()
def test_sounds_are_told_apart(folder: Path) -> None:
    windows = sounds(RATE, 2.0)
    torch.manual_seed(0)
    assert likeness(Cnn14(PANN).eval()(windows)) > 0.9
    features = load_pann(PANN, folder / "pann")(windows)
    assert features.shape == (76, 128) and likeness(features) < 0.6

    clap = load_clap(folder / "clap")
    windows = sounds(clap.front_end.rate, 10.0)[::4]
    extractor = ClapFeatureExtractor.from_pretrained(folder / "clap", local_files_only=True)
    assert likeness(Clap(ClapModel(clap.model.config), extractor).eval()(windows)) > 0.9
    features = clap(windows)
    assert features.shape == (19, 64) and likeness(features) < 0.5


def test_command_writes_the_same_bytes_from_the_same_seed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sections = {"clip": {"clip": CLIP.to_dict()}, "pann": {"pann": PANN.to_dict()}, "clap": {}}
    for encoder, section in sections.items():
        config = json.dumps({"demo_encoders": {"seed": 1}, **section})
        out = tmp_path / "made" / encoder
        monkeypatch.setattr(
            "sys.argv", ["demo", "weights", "--encoder", encoder, "--config", config, "--out", str(out)]
        )
        torch.manual_seed(99)  # what was drawn before must not matter
        assert main() == 0
        assert bytes_of(out) == bytes_of(folder / encoder)
    capfd.readouterr()
    monkeypatch.setattr("sys.argv", ["demo", "weights", "--encoder", "pann", "--config", "{}", "--out", str(tmp_path)])
    assert main() == 1
    error = capfd.readouterr().err
    assert "--config: demo_encoders is required" in error and error.count("\n") == 1
