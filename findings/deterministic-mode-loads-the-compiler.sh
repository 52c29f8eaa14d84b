#!/usr/bin/env bash
# torch.use_deterministic_algorithms loads torch's compiler; set_deterministic_debug_mode sets the same flag without it.
#
# Believed: `torch.use_deterministic_algorithms(True)` only sets a flag, so it costs nothing in a program that never compiles
#   (its documentation, "Reproducibility", names no cost), and an optimizer's class costs no more than its function.
# Version: torch==2.13.0.
# Seen: the call imports torch._inductor, and with it torch._dynamo: hundreds of modules, more than `import torch` takes on some machines.
#   `torch.set_deterministic_debug_mode("error")` sets the same flag at once. The first optimizer that is made loads both, too;
#   the function `torch.optim.adamw.adamw`, which the class calls, does not, and gives the same numbers.
# Output:
#     modules of torch._inductor and torch._dynamo that are loaded afterwards:
#     torch.set_deterministic_debug_mode("error")       none
#     torch.use_deterministic_algorithms(True)          both
#     torch.optim.adamw.adamw(...)                      none
#     torch.optim.AdamW([weight])                       both
# Why it matters: a workflow of dozens of short jobs, each of which asks for reproducible kernels or trains a little, pays a
#   second or more of CPU time in each job for a compiler that it never uses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cd "$folder"
cat >look.py <<'PYTHON'
import sys

import torch
from torch.optim.adamw import adamw

weight, gradient = torch.nn.Parameter(torch.zeros(3)), torch.ones(3)
state = [torch.zeros(3), torch.zeros(3), torch.zeros(())]
options = {"amsgrad": False, "beta1": 0.9, "beta2": 0.999, "lr": 1e-3, "weight_decay": 1e-4, "eps": 1e-8, "maximize": False}


def step_by_function():
    with torch.no_grad():
        adamw([weight], [gradient], state[:1], state[1:2], [], state[2:], fused=True, **options)


def step_by_class():
    torch.optim.AdamW([weight], lr=1e-3, weight_decay=1e-4, fused=True)


ways = {
    'torch.set_deterministic_debug_mode("error")': lambda: torch.set_deterministic_debug_mode("error"),
    "torch.use_deterministic_algorithms(True)": lambda: torch.use_deterministic_algorithms(True),
    "torch.optim.adamw.adamw(...)": step_by_function,
    "torch.optim.AdamW([weight])": step_by_class,
}
compilers = ("torch._inductor", "torch._dynamo")
assert not set(compilers) & sys.modules.keys()
name = sys.argv[1]
ways[name]()
if "determin" in name:
    assert torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled()
loaded = [compiler for compiler in compilers if compiler in sys.modules]
print(f"{name:<50}{'both' if len(loaded) == 2 else ''.join(loaded) or 'none'}")
PYTHON
{
  echo "modules of torch._inductor and torch._dynamo that are loaded afterwards:"
  for way in 'torch.set_deterministic_debug_mode("error")' 'torch.use_deterministic_algorithms(True)' \
    'torch.optim.adamw.adamw(...)' 'torch.optim.AdamW([weight])'; do
    "$folder/venv/bin/python" look.py "$way"
  done
} | tee seen
cat >expected <<'TEXT'
modules of torch._inductor and torch._dynamo that are loaded afterwards:
torch.set_deterministic_debug_mode("error")       none
torch.use_deterministic_algorithms(True)          both
torch.optim.adamw.adamw(...)                      none
torch.optim.AdamW([weight])                       both
TEXT
cmp -s seen expected || { echo "the behaviour has changed"; exit 1; }
