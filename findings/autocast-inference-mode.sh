#!/usr/bin/env bash
# Under bfloat16 autocast on a CPU, inference mode makes attention and linear layers many times slower.
#
# Believed: `torch.inference_mode()` is never slower than `torch.no_grad()` and computes the same numbers (PyTorch's documentation
#   recommends it as the faster of the two), and freezing weights changes nothing about a forward pass.
# Version: torch==2.13.0, CPU, one thread; the times below are of a processor with AVX-512 and AMX.
# Seen: a linear layer folds the first two axes of an input (T, B, D) that is a permuted (B, T, D), and does one matrix product,
#   if its weight requires grad. If not, it expands the weight and does a batched product, whose bfloat16 kernel is slow. The
#   bfloat16 copy that autocast makes of a weight in inference mode does not require grad, nor does that of a frozen weight. So the
#   same module on the same input takes 6 to 40 times as long. The two products add in different orders: some elements differ
#   in the last bits. In float32 the two modes take the same time.
# Output (times and counts depend on the processor, the operators do not):
#   Linear, no_grad, weights that require grad: 11.2 ms, {'addmm': 0, 'mm': 1, 'bmm': 0}
#   Linear, inference_mode: 301.8 ms, 27.1 times as long, {'addmm': 0, 'mm': 0, 'bmm': 1}, 67 of 3276800 elements differ
#   Linear, no_grad, frozen weights: 272.1 ms, 24.4 times as long, {'addmm': 0, 'mm': 0, 'bmm': 1}, 67 of 3276800 elements differ
#   MultiheadAttention, no_grad, weights that require grad: 22.0 ms, {'addmm': 1, 'mm': 1, 'bmm': 0}
#   MultiheadAttention, inference_mode: 143.2 ms, 6.5 times as long, {'addmm': 1, 'mm': 0, 'bmm': 1}, 5859 of 819200 elements differ
#   MultiheadAttention, no_grad, frozen weights: 180.6 ms, 8.2 times as long, {'addmm': 1, 'mm': 0, 'bmm': 1}, 5859 of 819200 elements differ
# Why it matters: features are extracted and moments scored in inference mode with frozen networks, often on input permuted to
#   (T, B, D) for attention, and bfloat16 is what one turns on to save time. It costs time instead, and outputs are not
#   bit-identical to those of validation inside training. Make the input contiguous.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
B, T, D = 32, 50, 512
ATTENTION = nn.MultiheadAttention(D, 8).eval()
LINEAR = nn.Linear(D, 4 * D).eval()
TOKENS = torch.randn(B, T, D).permute(1, 0, 2)


def attend() -> torch.Tensor:
    return ATTENTION(TOKENS, TOKENS, TOKENS, need_weights=False)[0]


def project() -> torch.Tensor:
    return LINEAR(TOKENS)


def measure(run, context):
    """The result, the shortest of 5 times in seconds, and the matrix products that were called."""

    def once() -> torch.Tensor:
        with context(), torch.autocast("cpu", dtype=torch.bfloat16):
            return run()

    result = once().float().clone()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        once()
    counts = {event.key.removeprefix("aten::"): event.count for event in profile.key_averages()}
    return result, min(times), {name: counts.get(name, 0) for name in ("addmm", "mm", "bmm")}


changed = False
for name, run, module in (("Linear", project, LINEAR), ("MultiheadAttention", attend, ATTENTION)):
    reference, base, operators = measure(run, torch.no_grad)
    print(f"{name}, no_grad, weights that require grad: {1000 * base:.1f} ms, {operators}")
    inference = measure(run, torch.inference_mode)
    module.requires_grad_(False)
    for label, (result, seconds, more) in {
        "inference_mode": inference,
        "no_grad, frozen weights": measure(run, torch.no_grad),
    }.items():
        differ = int((result != reference).sum())
        print(
            f"{name}, {label}: {1000 * seconds:.1f} ms, {seconds / base:.1f} times as long, {more}, "
            f"{differ} of {result.numel()} elements differ"
        )
        changed |= seconds < 1.3 * base or more["bmm"] <= operators["bmm"]
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
