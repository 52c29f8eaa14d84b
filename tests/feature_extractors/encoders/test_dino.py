"""DINOv2 through timm: which tokens become rows, pictures as timm prepares them, weights of either naming."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer, _create_vision_transformer

from cli import UserError
from feature_extractors.encoders.dino import DINO, DinoConfig, DinoStage, load
from feature_extractors.media import frames_at, probe
from formats.grid import ClipGrid
from formats.store import Store
from tests.feature_extractors.encoding import CPU, encode_clips
from tests.feature_extractors.made_media import steady, write_media

SIZE, PATCH, WIDTH = 28, 14, 24
[STREAM] = DINO


@pytest.fixture(scope="module", autouse=True)
def vit_tiny_dinov2() -> Iterator[str]:
    """DINOv2's ViT, narrow, under a name of its own among timm's."""

    def vit_tiny_dinov2(pretrained: bool = False, **options: Any) -> VisionTransformer:
        shape = {"patch_size": PATCH, "embed_dim": WIDTH, "depth": 2, "num_heads": 2, "init_values": 1.0}
        size = {"img_size": options.pop("img_size", None) or SIZE}
        return _create_vision_transformer("vit_tiny_dinov2", pretrained=False, **shape, **size, **options)

    vit_tiny_dinov2.__module__ = "timm.models.vision_transformer"
    register_model(vit_tiny_dinov2)
    yield "vit_tiny_dinov2"
    for table in (timm.models._registry._model_entrypoints, timm.models._registry._model_to_module):
        table.pop("vit_tiny_dinov2")
    timm.models._registry._module_to_models["vision_transformer"].discard("vit_tiny_dinov2")


@pytest.fixture(scope="module")
def network(vit_tiny_dinov2: str) -> VisionTransformer:
    torch.manual_seed(0)
    return timm.create_model(vit_tiny_dinov2, num_classes=0).eval()


@pytest.fixture(scope="module")
def weights(network: VisionTransformer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("dino") / "model.safetensors"
    save_file(network.state_dict(), file)
    return file


def stage(**keys: object) -> DinoStage:
    return DinoStage(clips=ClipGrid(), dino=DinoConfig.from_dict({"architecture": "vit_tiny_dinov2", **keys}))


@torch.no_grad()
def test_rows_are_the_class_token_the_mean_of_the_patches_or_both(
    tmp_path: Path, network: VisionTransformer, weights: Path
) -> None:
    (tmp_path / "videos").mkdir()
    file = write_media(tmp_path / "videos/a.mp4", steady(4.0))
    videos = [probe(file.parent, file, ClipGrid())]
    prepare = load(stage(), str(weights), CPU).preprocess
    inputs = torch.stack([prepare(Image.fromarray(frame)) for frame in frames_at(file, [1.0, 3.0])])
    seen: list[torch.Tensor] = []
    hook = network.norm.register_forward_hook(lambda module, inputs, output: seen.append(output))
    network(inputs)
    hook.remove()
    states = seen[0]  # of a class token and (28 / 14)^2 patches
    assert states.shape == (2, 5, WIDTH)
    expected = {"cls": states[:, 0], "patches": states[:, 1:].mean(dim=1)}
    expected["both"] = torch.cat([expected["cls"], expected["patches"]], dim=1)
    for output, rows in expected.items():
        out = tmp_path / f"{output}.h5"
        encode_clips(STREAM, stage(output=output), videos, file.parent, weights, out)
        store = Store(out)
        np.testing.assert_allclose(store.rows("a"), rows, atol=1e-5)
        assert store.attributes["extractor"] == f"timm vit_tiny_dinov2 {output}"
    assert abs(np.diff(store.rows("a"), axis=0)).max() > 1e-3
    encode_clips(STREAM, stage(output="both"), videos, file.parent, weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == out.read_bytes()

    encode_clips(STREAM, stage(frames_per_clip=2), videos, file.parent, weights, tmp_path / "two.h5")
    inputs = torch.stack([prepare(Image.fromarray(frame)) for frame in frames_at(file, [0.5, 1.5, 2.5, 3.5])])
    spread = network(inputs).reshape(2, 2, WIDTH).mean(dim=1)
    np.testing.assert_allclose(Store(tmp_path / "two.h5").rows("a"), spread, atol=1e-5)


@torch.no_grad()
def test_pictures_of_another_size_interpolate_the_positions(network: VisionTransformer, weights: Path) -> None:
    encoder = load(stage(image_size=56), str(weights), CPU)
    picture = encoder.preprocess(Image.fromarray(np.full((90, 120, 3), 128, np.uint8)))
    assert picture.shape == (3, 56, 56)
    larger = timm.create_model("vit_tiny_dinov2", num_classes=0, img_size=56).eval()
    larger.load_state_dict(timm.models.vision_transformer.checkpoint_filter_fn(network.state_dict(), larger))
    torch.testing.assert_close(encoder.forward(picture[None]), larger(picture[None]))


def test_weights_of_the_original_release_are_translated(
    tmp_path: Path, network: VisionTransformer, weights: Path
) -> None:
    """facebookresearch/dinov2 saves a mask token, which no picture needs, and a pickle."""
    torch.save({**network.state_dict(), "mask_token": torch.zeros(1, WIDTH)}, tmp_path / "dinov2.pth")
    picture = torch.rand(1, 3, SIZE, SIZE)
    ours, published = (load(stage(), str(file), CPU).forward(picture) for file in (weights, tmp_path / "dinov2.pth"))
    assert torch.equal(ours, published)


@pytest.mark.parametrize(
    ("keys", "change", "message"),
    [
        ({"architecture": "vit_tinier"}, {}, r"dino\.architecture: timm cannot create vit_tinier: Unknown model"),
        (
            {"architecture": "vit_small_patch14_dinov2", "pretrained": "v9"},
            {},
            r"dino\.architecture: timm cannot create vit_small_patch14_dinov2\.v9: Invalid pretrained tag",
        ),
        ({"architecture": "resnet10t"}, {}, r"dino\.architecture: resnet10t is not a ViT"),
        ({"architecture": "vit_tiny_patch16_siglip"}, {}, r"dino\.architecture: timm cannot create"),
        ({"image_size": 30}, {}, r"dino\.image_size: must be a multiple of 14, got 30"),
        ({"output": "mean"}, {}, r"output: Input should be 'cls', 'patches' or 'both'"),
        ({}, {"norm.weight": None}, r"w\.pt: does not fit vit_tiny_dinov2: .*Missing key.*norm\.weight"),
        ({}, {"norm.weight": torch.ones(7)}, r"w\.pt: does not fit vit_tiny_dinov2: .*size mismatch for norm\.weight"),
        ({}, {"stray": torch.ones(7)}, r"w\.pt: does not fit vit_tiny_dinov2: .*stray"),
        ({}, None, r"w\.pt: no such weights"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path,
    network: VisionTransformer,
    keys: dict[str, object],
    change: dict[str, torch.Tensor | None] | None,
    message: str,
) -> None:
    if change is not None:
        state = {**network.state_dict(), **change}
        torch.save({key: value for key, value in state.items() if value is not None}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=message) as problem:
        load(stage(**keys), str(tmp_path / "w.pt"), CPU)
    assert "\n" not in str(problem.value)


def test_a_network_without_a_class_token_has_its_patches(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dino\.output: vit_base_patch16_siglip_224 has no class token"):
        load(stage(architecture="vit_base_patch16_siglip_224"), str(tmp_path / "w.pt"), CPU)


def test_weights_of_a_tag_come_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    published = stage(architecture="vit_small_patch14_dinov2", pretrained="lvd142m", image_size=28)
    message = r"dino\.pretrained: lvd142m for .* is not cached .*huggingface\.co/timm/vit_small_patch14_dinov2"
    with pytest.raises(UserError, match=message) as problem:
        load(published, "", CPU)
    assert "\n" not in str(problem.value)
    # As huggingface_hub keeps it.
    place = tmp_path / "models--timm--vit_small_patch14_dinov2.lvd142m"
    (place / "snapshots" / "0").mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0")
    save_file(
        timm.create_model("vit_small_patch14_dinov2", num_classes=0, img_size=28).state_dict(),
        place / "snapshots" / "0" / "model.safetensors",
    )
    encoder = load(published, "", CPU)
    assert encoder.forward(torch.zeros(1, 3, 28, 28)).shape == (1, 384)  # ViT-S
    with pytest.raises(UserError, match=r"dino\.weights: give a file, or timm's tag of published weights"):
        load(stage(), "", CPU)
