"""On a GPU the network, a training step and predictions have the CPU's numbers, within float32's rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from formats.annotations import read_annotations
from model.config import ModelConfig, TrainConfig
from model.data.feature_set import FeatureSet, Streams
from model.inference.predict import predict, submission_row
from model.network.detector import HighlightDetector
from model.network.tensors import Inputs, Outputs
from model.training.batches import Plan
from model.training.distributed import Processes
from model.training.engine import Engine, seed_everything
from tests.model.small_data import SMALL, STILL, Data, Json, write_data

pytestmark = pytest.mark.gpu

# Sums run in another order on a GPU. Values are about 1; measured on CPUs in other orders: 1e-6.
NEAR = {"rtol": 1e-4, "atol": 2e-5}
FUSIONS: list[Json] = [
    {"fusion": "none"},
    {"fusion": "concat"},
    {"fusion": "avigate"},
    {"fusion": "avigate", "fusion_window": 1},
    {"fusion": "avigate_custom", "ffn_gate_film": True},
    {"fusion": "avigate_custom", "gating_type": "elementwise"},
]


@pytest.fixture(autouse=True)
def full_precision() -> Iterator[None]:
    """Products in float32, as by default, and the process's setting of deterministic kernels afterwards."""
    torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("moments"), [12, 31, 9, 77, 20, 14, 25, 12])


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("ratings"), [12, 150, 9, 323, 20, 14, 25, 12], "ratings")


def flat(outputs: Outputs) -> list[torch.Tensor]:
    """All tensors of an output, on the CPU."""
    moved = outputs.to("cpu")
    layers = [tensor for layer in moved.moments for tensor in (layer.logits, layer.spans)]
    gates = [layer.values.mha for layer in moved.gates] + [layer.ffn_contribution for layer in moved.gates]
    return [moved.saliency, *layers, *gates]


@pytest.mark.parametrize("keys", FUSIONS, ids=str)
def test_the_forward_pass(
    gpu: str, build: Callable[..., HighlightDetector], inputs: Inputs, keys: dict[str, Any]
) -> None:
    network = build(**keys)
    with torch.no_grad():
        expected = flat(network(inputs))
        found = flat(network.to(gpu)(inputs.to(gpu)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **NEAR)


def step_on(
    device: str, data: Data, model: Json, train: Json
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Loss terms of the first step, and its gradients after clipping, on the CPU."""
    config = TrainConfig.from_dict({"batch_size": 4, **train})
    settings = ModelConfig.from_dict({**SMALL, **model})
    features = FeatureSet(settings, read_annotations([data.train]), Streams(data.stores))
    seed_everything(0)
    network = HighlightDetector(settings, features.dims).to(device)
    engine = Engine(network, config, features, 0, Processes())
    terms = engine.step(next(Plan(features, config, 0).epoch(1)), 0, 1e-3)
    gradients = {name: weight.grad.cpu() for name, weight in network.named_parameters() if weight.grad is not None}
    return {name: value.cpu() for name, value in terms.items()}, gradients


@pytest.mark.parametrize("keys", FUSIONS, ids=str)
@pytest.mark.parametrize("objective", ["moments_and_saliency", "saliency"])
def test_a_training_step(gpu: str, moments: Data, ratings: Data, keys: Json, objective: str) -> None:
    data = moments if objective == "moments_and_saliency" else ratings
    # Without clipping, whose factor would hide an error of scale.
    train = {"objective": objective, "gradient_clip": 1e6}
    train |= {} if objective == "moments_and_saliency" else {"best_metric": "mAP"}
    expected, expected_gradients = step_on("cpu", data, {**STILL, **keys}, train)
    terms, gradients = step_on(gpu, data, {**STILL, **keys}, train)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: name + text)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        error = (gradients[name] - gradient).norm() / (gradient.norm() + 1e-4)
        assert error < 1e-3, name


@pytest.mark.parametrize("model", [{"fusion": "none"}, {"fusion": "avigate_custom"}], ids=str)
def test_training_in_bfloat16_follows_float32(gpu: str, moments: Data, model: Json) -> None:
    """Its losses and gradients are near those of float32 on the CPU: bfloat16 keeps 8 bits."""
    terms, gradients = step_on(gpu, moments, {**STILL, **model}, {"precision": "bfloat16", "gradient_clip": 1e6})
    expected, expected_gradients = step_on("cpu", moments, {**STILL, **model}, {"gradient_clip": 1e6})
    assert abs(terms["loss"] / expected["loss"] - 1) < 0.03
    assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in gradients.values())
    found, wanted = (
        torch.cat([one[name].flatten() for name in expected_gradients]) for one in (gradients, expected_gradients)
    )
    assert torch.nn.functional.cosine_similarity(found, wanted, dim=0) > 0.98


def test_predictions(gpu: str, moments: Data) -> None:
    settings = ModelConfig.from_dict({**SMALL, "fusion": "avigate_custom"})
    features = FeatureSet(settings, read_annotations([moments.train]), Streams(moments.stores))
    seed_everything(0)
    network = HighlightDetector(settings, features.dims)
    expected = [submission_row(item, 2.0, round_to_clips=False) for item in predict(network, features, 3, "cpu")]
    found = [submission_row(item, 2.0, round_to_clips=False) for item in predict(network.to(gpu), features, 3, gpu)]
    for one, other in zip(found, expected, strict=True):
        assert one["qid"] == other["qid"]
        for key in ("pred_saliency_scores", "pred_relevant_windows"):
            torch.testing.assert_close(torch.tensor(one[key]), torch.tensor(other[key]), rtol=1e-3, atol=2e-3)
