"""Both CLIP towers against the model's own inner states, and weights or definitions that do not fit."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image

from cli import UserError
from feature_extractors.encoders.clip.model import (
    OTHER_TEXTS,
    ClipModel,
    build_clip,
    project_pooled,
    token_states,
    valid_lengths,
)
from feature_extractors.encoders.clip.settings import ClipEncoderConfig

TEXTS = [
    "A dog runs.",
    "Look !/ he falls",  # "!" before another sign is token 0, which is also what open_clip pads with
    "!",  # at the end of a word it is another token
    "",
    "word " * 100,  # cut at 77 tokens
]
# One start token, one end token, and in between what the byte-pair encoding makes of each: "a dog runs ." are 4
# tokens, "look ! / he falls" 5, "!" 1.
LENGTHS = [6, 7, 3, 2, 77]


@pytest.fixture(scope="module")
def clip(clip_definition: Path, clip_weights: Path) -> ClipModel:
    return build_clip(ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition)), clip_weights)


def test_lengths_count_exclamation_marks(clip: ClipModel) -> None:
    ids = clip.tokenise(TEXTS)
    assert ids.shape == (5, 77)
    assert 0 in ids[1, : LENGTHS[1]]  # the trap is there
    assert valid_lengths(ids).tolist() == LENGTHS
    assert all(ids[row, length - 1] == 49407 for row, length in enumerate(LENGTHS))  # CLIP's end token


@torch.no_grad()
def test_token_states_are_those_after_the_final_norm(clip: ClipModel) -> None:
    ids = clip.tokenise(TEXTS)
    seen: list[torch.Tensor] = []
    hook = clip.network.ln_final.register_forward_hook(lambda module, inputs, output: seen.append(output))
    pooled = clip.network.encode_text(ids)
    hook.remove()
    states = token_states(clip.network, ids)
    assert states.shape == (5, 77, 24)
    torch.testing.assert_close(states, seen[0], rtol=0, atol=1e-6)
    # And the pooled embedding is the state of the end token, projected.
    last = states[torch.arange(5), valid_lengths(ids) - 1]
    torch.testing.assert_close(last @ clip.network.text_projection, pooled, rtol=0, atol=1e-6)
    torch.testing.assert_close(project_pooled(clip.network, ids), pooled, rtol=0, atol=0)


@torch.no_grad()
def test_states_up_to_the_end_do_not_depend_on_the_padding(clip: ClipModel) -> None:
    ids = clip.tokenise(TEXTS[:1])
    other = ids.clone()
    other[:, LENGTHS[0] :] = 5
    states, padded = token_states(clip.network, ids), token_states(clip.network, other)
    torch.testing.assert_close(states[:, : LENGTHS[0]], padded[:, : LENGTHS[0]], rtol=0, atol=1e-6)


def test_the_definition_decides_the_activation(clip: ClipModel) -> None:
    """QuickGELU weights computed with GELU give wrong features."""
    kinds = {type(module).__name__ for module in clip.network.modules() if "GELU" in type(module).__name__}
    assert kinds == {"QuickGELU"}


def test_weights_are_loaded_and_the_model_does_not_train(clip: ClipModel, clip_weights: Path) -> None:
    assert not any(module.training for module in clip.network.modules())
    saved = torch.load(clip_weights, weights_only=True)
    loaded = clip.network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in saved.items())


class Harmful:
    """Unpickled freely, this makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "other", "list", "harmful", "safetensors"])
def test_weights_that_do_not_fit_are_named_in_one_line(tmp_path: Path, clip_definition: Path, kind: str) -> None:
    file = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pt")
    contents = {"other": {"a": torch.zeros(3)}, "list": [1], "harmful": {"a": Harmful(tmp_path / "harm")}}
    if kind in contents:
        torch.save(contents[kind], file)
    elif kind != "missing":
        file.write_bytes(b"" if kind == "empty" else b"<html>404 Not Found</html>")
    with pytest.raises(UserError) as problem:
        build_clip(ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition)), file)
    assert str(problem.value).startswith(f"{file}: ") and "\n" not in str(problem.value)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"embed_dim": 8}', '{"embed_dim": 8, "vision_cfg": {}}'])
def test_a_wrong_definition_is_named_and_does_no_harm(
    tmp_path: Path, clip_definition: Path, content: str | None
) -> None:
    file = tmp_path / "other-clip.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=r"other-clip\.json: (no such|not)"):
        build_clip(ClipEncoderConfig(architecture="other-clip", definition=str(file)), None)
    # open_clip reads all definitions anew with each: a wrong one must not have got among them.
    build_clip(ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition)), None)


def test_a_definition_that_makes_no_network_is_named(tmp_path: Path, clip_definition: Path) -> None:
    definition = json.loads(clip_definition.read_text())
    definition["text_cfg"]["heads"] = 5  # does not divide the width of 24
    file = tmp_path / "uneven-clip.json"
    file.write_text(json.dumps(definition))
    with pytest.raises(UserError, match=r"uneven-clip\.json: does not fit uneven-clip: "):
        build_clip(ClipEncoderConfig(architecture="uneven-clip", definition=str(file)), None)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(UserError, match="has no model 'ViT-Q-99'"):
        build_clip(ClipEncoderConfig(architecture="ViT-Q-99"), None)


def test_texts_of_another_vocabulary_are_refused_and_pictures_are_not(tmp_path: Path, clip_definition: Path) -> None:
    """In no other vocabulary is the end token the largest id, and nothing is downloaded to find that out."""
    definition = json.loads(clip_definition.read_text())
    definition["text_cfg"]["hf_tokenizer_name"] = "someone/words"
    for name, hint in (("tiny-siglip-like", "use the stream siglip_text"), ("tiny-other", "choose another one")):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(definition))
        other = build_clip(ClipEncoderConfig(architecture=name, definition=str(file)), None)
        assert other.network.encode_image(other.preprocess(Image.new("RGB", (8, 8)))[None]).shape == (1, 16)
        with pytest.raises(
            UserError, match=rf"clip\.architecture: {name} uses .* 'someone/words' instead of CLIP's.*: {hint}"
        ):
            other.tokenise(["a dog"])


def test_every_architecture_of_open_clip_either_ends_texts_in_the_largest_id_or_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each would read the whole vocabulary again.
    monkeypatch.setattr("open_clip.factory.SimpleTokenizer", cache(open_clip.SimpleTokenizer))
    for name in open_clip.list_models():
        text = open_clip.get_model_config(name)["text_cfg"]
        if not any(text.get(key) for key in OTHER_TEXTS):
            ids = open_clip.get_tokenizer(name)(["a dog", ""])
            assert isinstance(ids, torch.Tensor) and ids.argmax(dim=1).tolist() == [3, 1], name
            assert ids.max() == 49407, name  # the end token of CLIP's vocabulary
