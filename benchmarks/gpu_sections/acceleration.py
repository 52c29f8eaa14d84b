"""The training step with less overhead: the network as CUDA graphs, and compiled.

Matching reads the predictions on the CPU in the middle of a step, so a whole step cannot be one graph. What is captured
or compiled is the network's forward and backward pass on batches of one shape; targets, losses, matching and update run
as always.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu_sections.recipes import data_of
from benchmarks.gpu_sections.record import Record
from benchmarks.gpu_sections.training import build_ours, step_job
from benchmarks.gpu_sections.turns import Jobs, allow_tf32, computing_in, spread, synchronise, take_turns
from benchmarks.training import Ours
from model.network import cpu_layers
from model.network.detector import HighlightDetector
from model.network.tensors import Inputs, Moments, Outputs
from model.training.batches import take_part


class FlatNetwork(nn.Module):
    """A detector without audio as a function from tensors to a tuple of tensors."""

    def __init__(self, network: HighlightDetector, moments: bool) -> None:
        super().__init__()
        self.network = network
        self._moments = moments

    def forward(
        self, video: Tensor, video_mask: Tensor, text: Tensor, text_mask: Tensor, negative: Tensor
    ) -> tuple[Tensor, ...]:
        """Saliency, that of the negative queries, then logits and spans of each decoder layer."""
        inputs = Inputs(video, video_mask, text, text_mask, None, None)
        found = HighlightDetector.forward(self.network, inputs, negative, self._moments)
        assert found.negative_saliency is not None
        layers = [tensor for layer in found.moments for tensor in (layer.logits, layer.spans)]
        return found.saliency, found.negative_saliency, *layers


def use_in_place(network: HighlightDetector, flat: Callable[..., tuple[Tensor, ...]]) -> None:
    """Make a network compute by a captured or compiled form of its FlatNetwork."""

    def forward(inputs: Inputs, negative: Tensor | None = None, moments: bool = True) -> Outputs:
        saliency, other, *layers = flat(inputs.video, inputs.video_mask, inputs.text, inputs.text_mask, negative)
        pairs = zip(layers[::2], layers[1::2], strict=True)
        return Outputs([Moments(logits, spans) for logits, spans in pairs], saliency, other, [])

    network.forward = forward


def sample_of(ours: Ours, device: str) -> tuple[Tensor, ...]:
    """The tensors of one batch. All batches of QVHighlights have their shape."""
    batch = next(ours.plan())
    part = take_part(ours.features, batch, list(range(len(batch.indices))), device)
    inputs = part.inputs
    return inputs.video, inputs.video_mask, inputs.text, inputs.text_mask, part.negative


def capture(ours: Ours, precision: str, device: str) -> None:
    """Capture forward and backward pass as CUDA graphs."""
    flat = FlatNetwork(ours.engine.network, ours.recipe.train.trains_moments).train()
    sample = sample_of(ours, device)
    # The cache of casts would outlive the capture.
    torch.clear_autocast_cache()
    enabled = precision == "bfloat16"
    with torch.autocast(device, torch.bfloat16, enabled=enabled, cache_enabled=False):
        graphed = torch.cuda.make_graphed_callables(flat, sample, allow_unused_input=True)
    use_in_place(ours.engine.network, graphed)


def compile_network(ours: Ours, dry: bool) -> None:
    """Compile forward and backward pass; a dry run only traces them, as one graph without the code for CPUs."""
    if dry:
        cpu_layers.FEWEST_PRODUCTS = cpu_layers.FEWEST_DRAWS = sys.maxsize
    flat = FlatNetwork(ours.engine.network, ours.recipe.train.trains_moments).train()
    options: dict[str, Any] = {"backend": "aot_eager", "fullgraph": True} if dry else {}
    use_in_place(ours.engine.network, torch.compile(flat, dynamic=False, **options))


def measure(record: Record) -> None:
    """Time eager, captured and compiled steps of QVHighlights in turns, in each precision."""
    recipe, _, stores = data_of("QVHighlights", record)
    for precision in ("bfloat16", "tf32", "float32"):
        made: dict[str, Ours] = {}
        for form in ("eager", "graphs", "compiled"):
            needs = 40.0 if form == "compiled" and not record.dry else 0.0
            record.attempt(
                f"{precision}.ready_s.{form}",
                lambda form=form, p=precision, made=made: _prepare(record, made, recipe, stores, p, form),
                needs,
            )
            if form == "graphs" or (form == "compiled" and form in made):
                record.attempt(f"{precision}.step_ms", lambda p=precision, made=made: _steps(record, made, p))
        made.clear()
        torch.compiler.reset()


def _prepare(record: Record, made: dict[str, Ours], recipe: Any, stores: Any, precision: str, form: str) -> Any:
    """Seconds until the first step is done, from building the network on."""
    if form == "graphs" and record.device != "cuda":
        return {"skipped": "CUDA graphs need a GPU"}
    start = time.perf_counter()
    ours = build_ours(recipe, stores, precision, record.device)
    if form == "graphs":
        with computing_in("tf32" if precision == "tf32" else "float32", record.device):
            capture(ours, precision, record.device)
    elif form == "compiled":
        allow_tf32(precision == "tf32")
        compile_network(ours, record.dry)
    step_job(ours, precision)()
    synchronise()
    made[form] = ours
    return round(time.perf_counter() - start, 2)


def _steps(record: Record, made: dict[str, Ours], precision: str) -> dict[str, Any]:
    jobs: Jobs = {form: step_job(ours, precision) for form, ours in made.items()}
    times = take_turns(jobs, *((2, 1) if record.dry else (5, 10)), warm_up=3)
    allow_tf32(False)
    return {form: spread(values) for form, values in times.items()}
