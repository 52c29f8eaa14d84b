"""SigLIP: its own preprocessing, true lengths from the tokenizer's padding, states of the model's own computation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.tokenizer import HFTokenizer
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from cli import UserError
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.siglip import (
    SIGLIP,
    SiglipTextConfig,
    SiglipTextStage,
    SiglipVisualConfig,
    SiglipVisualStage,
    load_text,
    load_visual,
)
from feature_extractors.media import frames_at, probe
from formats.grid import ClipGrid
from formats.store import Store, read_pooled
from tests.feature_extractors.encoding import CPU, encode_clips, encode_queries
from tests.feature_extractors.made_media import steady, write_media

VISUAL, TEXT = SIGLIP
# SigLIP 2's text tower, narrow: no causal mask, pooled at the last of 64 positions, a projection with a bias.
DEFINITION = {
    "embed_dim": 16,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {
        "context_length": 64,
        "vocab_size": 16,
        "hf_tokenizer_name": "someone/tiny",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 24,
        "heads": 2,
        "layers": 2,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
        "act_kwargs": {"approximate": "tanh"},
    },
}
WORDS = ["<pad>", "<eos>", "<unk>", "a", "dog", "runs", "home", *"bcdefghi"]
WORDS[-1] = "zebra"  # the largest id of the vocabulary is an ordinary word
# A text, and the number of its tokens: its words and the end token.
LENGTHS = {"A dog runs!": 4, "zebra, runs home": 4, "!": 1, "dog " * 100: 64}


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("siglip") / "tiny-siglip.json"
    file.write_text(json.dumps(DEFINITION))
    return file


@pytest.fixture(scope="module")
def weights(definition: Path) -> Path:
    open_clip.add_model_config(definition)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny-siglip")
    torch.save(network.state_dict(), definition.with_name("w.pt"))
    return definition.with_name("w.pt")


def write_tokenizer(folder: Path, pad: str) -> Path:
    """Words to ids, an end token behind; no file of it needs a network."""
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, eos_token="<eos>", unk_token="<unk>")
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def visual(definition: Path) -> SiglipVisualStage:
    config = SiglipVisualConfig(architecture="tiny-siglip", definition=str(definition))
    return SiglipVisualStage(clips=ClipGrid(), siglip=config)


@pytest.fixture(params=["<pad>", "<eos>"])
def text(definition: Path, tmp_path: Path, request: pytest.FixtureRequest) -> SiglipTextStage:
    """With a token of its own for padding, as SigLIP 2 has it, and with the end token for it, as SigLIP has it."""
    folder = write_tokenizer(tmp_path / "tokenizer", request.param)
    config = SiglipTextConfig(architecture="tiny-siglip", definition=str(definition), tokenizer=str(folder))
    return SiglipTextStage(siglip=config)


@torch.no_grad()
def test_tokens_are_those_of_the_text_and_pooled_rows_the_models_own(
    tmp_path: Path, text: SiglipTextStage, weights: Path
) -> None:
    rows = [{"qid": qid, "query": query, "vid": "v"} for qid, query in enumerate(LENGTHS)]
    encode_queries(TEXT, text, rows, weights, tmp_path / "000.h5")
    store, pooled = Store(tmp_path / "000.h5"), read_pooled(tmp_path / "000.h5")
    assert (store.stream, store.dim, pooled.shape) == ("siglip_text", 24, (4, 16))
    network = open_clip.create_model("tiny-siglip", pretrained=str(weights)).eval()
    seen: list[torch.Tensor] = []
    network.text.ln_final.register_forward_hook(lambda module, inputs, output: seen.append(output))
    ids = HFTokenizer(text.siglip.tokenizer, context_length=64, clean="canonicalize")(list(LENGTHS))
    expected = network.encode_text(ids)  # padding takes part, as in training
    for place, length in enumerate(LENGTHS.values()):
        np.testing.assert_allclose(store.rows(str(place)), seen[0][place, :length], atol=1e-6)
        np.testing.assert_allclose(pooled[place], expected[place], atol=1e-6)
    assert ids.max() == ids[1, 0] == len(WORDS) - 1  # the rule of CLIP's vocabulary would keep one row of this text
    encode_queries(TEXT, text, rows, weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "000.h5").read_bytes()


def test_another_tokenizer_is_another_provenance(tmp_path: Path, text: SiglipTextStage, weights: Path) -> None:
    details = load_text(text, str(weights), CPU).details
    other = json.loads(Path(text.siglip.tokenizer, "tokenizer.json").read_text())
    other["model"]["vocab"] |= {"dog": 5, "runs": 4}
    Path(text.siglip.tokenizer, "tokenizer.json").write_text(json.dumps(other))
    assert "tokenizer_sha256" in details and load_text(text, str(weights), CPU).details != details


@torch.no_grad()
def test_rows_are_of_squashed_pictures_with_a_mean_of_one_half(
    tmp_path: Path, visual: SiglipVisualStage, weights: Path
) -> None:
    encoder = load_visual(visual, str(weights), CPU)
    wide = np.full((20, 120, 3), 51, np.uint8)
    wide[:, :20] = 255  # a crop of the middle would not see this
    seen = encoder.preprocess(Image.fromarray(wide))
    assert seen.shape == (3, 32, 32)
    torch.testing.assert_close(seen[:, 16, 0], torch.full((3,), 1.0))  # (255 / 255 - 0.5) / 0.5
    torch.testing.assert_close(seen[:, 16, -1], torch.full((3,), -0.6))  # (51 / 255 - 0.5) / 0.5
    (tmp_path / "videos").mkdir()
    file = write_media(tmp_path / "videos/a.mp4", steady(4.0))
    encode_clips(VISUAL, visual, [probe(file.parent, file, ClipGrid())], file.parent, weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    network = open_clip.create_model("tiny-siglip", pretrained=str(weights)).eval()
    inputs = torch.stack([encoder.preprocess(Image.fromarray(frame)) for frame in frames_at(file, [1.0, 3.0])])
    np.testing.assert_allclose(store.rows("a"), network.encode_image(inputs), atol=1e-5)
    assert (store.stream, store.dim) == ("siglip_visual", 16) and abs(np.diff(store.rows("a"), axis=0)).max() > 1e-3


def test_each_stream_consumes_its_own_keys_only() -> None:
    section = {"architecture": "x", "definition": "", "pretrained": "", "weights": "w.pt", "tokenizer": "t"}
    config = {"clips": {"seconds": 2.0}, "encoding": {}, "siglip": section | {"frames_per_clip": 3}}
    assert STREAMS["siglip_visual"].settings(config)["siglip"].keys() == {*section, "frames_per_clip"} - {
        "weights",
        "tokenizer",
    }
    assert STREAMS["siglip_text"].settings(config)["siglip"].keys() == section.keys() - {"weights"}
    assert TEXT.files(config) == [Path("t/tokenizer.json"), Path("t/tokenizer_config.json")]
    assert VISUAL.files(config | {"siglip": section | {"definition": "d.json"}}) == [Path("d.json")]


@pytest.mark.parametrize(
    ("keys", "content", "message"),
    [
        ({"architecture": "ViT-Q", "definition": ""}, None, r"siglip\.architecture: open_clip has no model 'ViT-Q'"),
        (
            {"architecture": "ViT-B-32", "definition": ""},
            None,
            r"siglip\.architecture: ViT-B-32 is not a SigLIP model: use the streams",
        ),
        ({"pretrained": "v9"}, None, r"siglip\.pretrained: open_clip has no weights 'v9' for tiny-siglip"),
        # A file's colour statistics are those of its tag, so a wrong tag is not passed over.
        ({"pretrained": "v9"}, {}, r"siglip\.pretrained: open_clip has no weights 'v9' for tiny-siglip"),
        ({}, None, r"siglip\.weights: give a file, or the tag of open_clip's weights in siglip\.pretrained"),
        ({}, b"<html>404 Not Found</html>", r"w\.pt: does not fit tiny-siglip: refused"),
        ({}, {"text.positional_embedding": torch.zeros(1)}, r"w\.pt: does not fit tiny-siglip: "),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, visual: SiglipVisualStage, keys: dict[str, Any], content: object, message: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / "w.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / "w.pt")
    with pytest.raises(UserError, match=message) as problem:
        stage = replace(visual, siglip=replace(visual.siglip, **keys))
        load_visual(stage, "" if content is None else str(tmp_path / "w.pt"), CPU)
    assert "\n" not in str(problem.value)


def test_a_clip_has_at_least_one_frame() -> None:
    with pytest.raises(UserError, match=r"siglip: frames_per_clip: Input should be greater than or equal to 1, got 0"):
        SiglipVisualConfig.from_dict({"frames_per_clip": 0}, where="siglip")


def test_a_tokenizer_that_is_not_there_is_named(
    tmp_path: Path, definition: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    config = SiglipTextConfig(architecture="tiny-siglip", definition=str(definition))
    message = r"siglip\.tokenizer: someone/tiny is not cached and could not be downloaded .* put tokenizer\.json and"
    with pytest.raises(UserError, match=message) as problem:
        load_text(SiglipTextStage(siglip=config), str(weights), CPU)
    assert "\n" not in str(problem.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"siglip\.tokenizer: .*/empty: holds no tokenizer"):
        load_text(SiglipTextStage(siglip=replace(config, tokenizer=str(tmp_path / "empty"))), str(weights), CPU)


def test_all_of_open_clips_siglips_are_taken_with_their_own_statistics() -> None:
    """Over open_clip's whole table: what is fixed here for files is what it says of every published SigLIP."""
    names = [name for name in open_clip.list_models() if "SigLIP" in name]
    assert len(names) > 20
    for name in names:
        assert open_clip.get_model_config(name)["text_cfg"]["pool_type"] == "last"
        for tag in open_clip.pretrained.list_pretrained_tags_by_model(name):
            known = open_clip.pretrained.get_pretrained_cfg(name, tag)
            assert (known["mean"], known["std"], known["resize_mode"]) == ((0.5,) * 3, (0.5,) * 3, "squash")
