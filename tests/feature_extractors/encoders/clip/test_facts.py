"""What CLIP weights were trained with: a wrong activation is an error, colour statistics follow the weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import open_clip.pretrained
import pytest
import torch
from open_clip import get_model_config, list_pretrained
from open_clip.constants import INCEPTION_MEAN, INCEPTION_STD, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from PIL import Image
from safetensors.torch import save_file

from cli import UserError
from feature_extractors.encoders.clip.facts import digest_in, published_as, settle
from feature_extractors.encoders.clip.model import build_clip, find_weights, token_states
from feature_extractors.encoders.clip.settings import ClipEncoderConfig
from feature_extractors.weights.loading import load_checkpoint

OPENAI_B32 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"  # OpenAI's clip.py, the address
OWN = "f" * 64


def config(architecture: str, **keys: object) -> ClipEncoderConfig:
    return ClipEncoderConfig.from_dict({"architecture": architecture, **keys})


def facts_of(settings: ClipEncoderConfig, sha256: str = OWN) -> tuple[str, tuple[float, ...], tuple[float, ...], str]:
    facts = settle(settings, get_model_config(settings.architecture), "w.pt", sha256)
    return facts.activation, facts.image_mean, facts.image_std, facts.known_from


def test_published_files_are_recognised_by_their_content() -> None:
    assert published_as(OPENAI_B32) == ("ViT-B-32", "openai")
    # Of LAION-400M's files the address holds the beginning of the digest only.
    assert published_as("d867053b" + "0" * 56) == ("ViT-B-32", "laion400m_e31")
    assert published_as(OWN) is None
    digests = [digest_in(open_clip.pretrained.get_pretrained_url(*names)) for names in list_pretrained()]
    kept = {digest for digest in digests if digest}
    assert len(kept) == 20  # 9 of OpenAI, 11 of the first open_clip releases
    assert all(len(bytes.fromhex(digest)) in (4, 32) for digest in kept)


@pytest.mark.parametrize("keys", [{}, {"pretrained": "openai"}])
def test_a_mismatch_of_activations_is_an_error_that_names_the_way_out(keys: dict[str, str]) -> None:
    assert facts_of(config("ViT-B-32-quickgelu", **keys), OPENAI_B32)[0] == "quick_gelu"
    with pytest.raises(UserError, match=r"w\.pt: QuickGELU mismatch.*set clip\.architecture to ViT-B-32-quickgelu"):
        facts_of(config("ViT-B-32", **keys), OPENAI_B32)


def test_tags_decide_activation_and_colours() -> None:
    # LAION-2B's ViT-L/14: plain GELU, and the mean and deviation of Inception.
    settings = config("ViT-L-14", pretrained="laion2b_s32b_b82k")
    assert facts_of(settings) == ("gelu", INCEPTION_MEAN, INCEPTION_STD, "tag laion2b_s32b_b82k")
    with pytest.raises(UserError, match="no weights 'laion2b_s32b_b82k' for ViT-L-14-quickgelu"):
        facts_of(config("ViT-L-14-quickgelu", pretrained="laion2b_s32b_b82k"))
    with pytest.raises(UserError, match=r"set clip\.architecture to ViT-L-14-quickgelu"):
        facts_of(config("ViT-L-14", pretrained="openai"))


def test_every_tag_is_accepted_for_one_name_and_refused_for_the_other() -> None:
    """Over the whole table: open_clip only warns where this is an error."""
    refused = 0
    for architecture, tag in list_pretrained():
        same = get_model_config(architecture).get("quick_gelu", False) == open_clip.pretrained.get_pretrained_cfg(
            architecture, tag
        ).get("quick_gelu", False)
        settings = config(architecture, pretrained=tag)
        if same:
            facts_of(settings)
        else:
            refused += 1
            with pytest.raises(UserError, match="QuickGELU mismatch"):
                facts_of(settings)
    assert refused > 20


def test_unknown_weights_of_a_known_architecture_must_be_explained() -> None:
    with pytest.raises(UserError, match=r"w\.pt: .*set clip\.pretrained to its tag, or clip\.activation"):
        facts_of(config("ViT-B-32-quickgelu"))
    given = facts_of(config("ViT-B-32-quickgelu", activation="quick_gelu"))
    assert given == ("quick_gelu", OPENAI_DATASET_MEAN, OPENAI_DATASET_STD, "configuration")
    with pytest.raises(UserError, match="QuickGELU mismatch"):
        facts_of(config("ViT-B-32-quickgelu", activation="gelu"))
    own = config("ViT-B-32", activation="gelu", image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.2, 0.1])
    assert facts_of(own) == ("gelu", (0.5, 0.4, 0.3), (0.2, 0.2, 0.1), "configuration")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"image_mean": [0.5, 0.5, 0.5]}, r"clip\.image_mean: .*was trained with \(0\.48"),
        ({"activation": "gelu"}, r"clip\.activation: gelu, but w\.pt was trained with quick_gelu"),
        ({"pretrained": "laion400m_e31"}, r"is open_clip's ViT-B-32/openai, not laion400m_e31"),
    ],
)
def test_keys_that_contradict_what_is_known_are_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        facts_of(config("ViT-B-32-quickgelu", **keys), OPENAI_B32)


@pytest.mark.parametrize("keys", [{"image_mean": [0.5]}, {"image_std": [0.2, 0.2, 0.0]}, {"activation": "relu"}])
def test_keys_are_checked(keys: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(keys))):
        config("ViT-B-32", **keys)


def test_pictures_are_normalised_as_the_weights_were_trained(clip_definition: Path, clip_weights: Path) -> None:
    grey = Image.fromarray(np.full((40, 50, 3), 128, np.uint8))
    keys = {"definition": str(clip_definition), "image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.25, 0.1]}
    clip = build_clip(config("tiny-clip", **keys), clip_weights)
    wanted = (128 / 255 - torch.tensor([0.5, 0.4, 0.3])) / torch.tensor([0.5, 0.25, 0.1])
    torch.testing.assert_close(clip.preprocess(grey)[:, 7, 9], wanted)
    assert clip.facts is not None and clip.facts.image_std == (0.5, 0.25, 0.1)
    plain = build_clip(config("tiny-clip", definition=str(clip_definition)), clip_weights)
    wanted = (128 / 255 - torch.tensor(OPENAI_DATASET_MEAN)) / torch.tensor(OPENAI_DATASET_STD)
    torch.testing.assert_close(plain.preprocess(grey)[:, 7, 9], wanted)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, object]]:
    """open_clip's table of published weights, to which a test may add."""
    copy = dict(open_clip.pretrained._PRETRAINED)
    monkeypatch.setattr(open_clip.pretrained, "_PRETRAINED", copy)
    return copy


class Published(torch.nn.Module):
    """The weights of a CLIP in half precision with three numbers among them, as OpenAI's archives have them."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        for name, value in state.items():
            owner: torch.nn.Module = self
            *parents, last = name.split(".")
            for parent in parents:
                if not hasattr(owner, parent):
                    owner.add_module(parent, torch.nn.Module())
                owner = getattr(owner, parent)
            owner.register_buffer(last, value)
        for name, number in (("input_resolution", 32), ("context_length", 77), ("vocab_size", 49408)):
            self.register_buffer(name, torch.tensor(number))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def write_archive(file: Path, weights: Path) -> str:
    state = {name: value.half() for name, value in torch.load(weights, weights_only=True).items()}
    torch.jit.script(Published(state)).save(str(file))
    return hashlib.sha256(file.read_bytes()).hexdigest()


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_openai_archives_are_read_if_they_are_the_published_ones(
    tmp_path: Path, clip_definition: Path, clip_weights: Path, table: dict[str, dict[str, object]]
) -> None:
    file = tmp_path / "ViT.pt"
    sha256 = write_archive(file, clip_weights)
    settings = config("tiny-clip", definition=str(clip_definition))
    with pytest.raises(
        UserError, match=r"ViT\.pt: refused, because it is a TorchScript archive but not one of OpenAI's"
    ):
        build_clip(settings, file)
    url = f"https://openaipublic.azureedge.net/clip/models/{sha256}/ViT.pt"
    table["tiny-clip"] = {"openai": open_clip.pretrained._pcfg(url=url, quick_gelu=True)}
    clip, plain = build_clip(settings, file), build_clip(settings, clip_weights)
    assert clip.facts is not None and clip.facts.known_from == "checksum: tiny-clip/openai"
    ids = clip.tokenise(["a dog"])
    assert clip.network.positional_embedding.dtype == torch.float32
    torch.testing.assert_close(token_states(clip.network, ids), token_states(plain.network, ids), rtol=0.02, atol=0.02)
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(UserError, match="refused"):  # one byte more: another file
        build_clip(settings, file)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_published_file_must_have_the_whole_digest(
    tmp_path: Path, clip_definition: Path, clip_weights: Path, table: dict[str, dict[str, object]]
) -> None:
    file = tmp_path / "ViT.pt"
    sha256 = write_archive(file, clip_weights)
    url = f"https://github.com/mlfoundations/open_clip/releases/download/v0/tiny-{sha256[:8]}.pt"
    table["tiny-clip"] = {"own": open_clip.pretrained._pcfg(url=url, quick_gelu=True)}
    assert published_as(sha256) == ("tiny-clip", "own")
    with pytest.raises(UserError, match="refused"):  # eight digits can be imitated
        build_clip(config("tiny-clip", definition=str(clip_definition)), file)


def test_weights_of_a_tag_come_from_the_cache(
    tmp_path: Path,
    clip_definition: Path,
    clip_weights: Path,
    table: dict[str, dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    table["tiny-clip"] = {
        "own": open_clip.pretrained._slpcfg(hf_hub="someone/tiny/", quick_gelu=True, resize_mode="squash")
    }
    settings = config("tiny-clip", definition=str(clip_definition), pretrained="own")
    with pytest.raises(UserError, match=r"not cached.*huggingface\.co/someone/tiny.*set clip\.weights") as problem:
        find_weights("clip", "tiny-clip", "own", "")
    assert "\n" not in str(problem.value)
    # As huggingface_hub keeps it.
    place = tmp_path / "models--someone--tiny"
    (place / "snapshots" / "0" / "x").parent.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0")
    save_file(load_checkpoint(clip_weights), place / "snapshots" / "0" / "open_clip_model.safetensors")
    file = find_weights("clip", "tiny-clip", "own", "")
    clip = build_clip(settings, file)
    assert file.name == "open_clip_model.safetensors"
    assert clip.facts is not None
    assert (clip.facts.image_mean, clip.facts.resize_mode) == ((0.5, 0.5, 0.5), "squash")
    assert find_weights("clip", "tiny-clip", "own", "own.pt") == Path("own.pt")
    with pytest.raises(UserError, match=r"clip\.weights: give a file"):
        find_weights("clip", "tiny-clip", "", "")
