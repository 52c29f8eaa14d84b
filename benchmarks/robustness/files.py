"""Files that are spoilt or exchanged before they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import READ, RUN, SCORES, make
from tests.workflow.workspace import Workspace

OTHERS = {
    "features/demo/clip_visual/000.h5": "features/demo/clip_visual/001.h5",
    "features/demo/pann/000.h5": "features/demo/clip_visual/000.h5",
    "features/demo/clip_text/000.h5": "features/demo/clip_text/001.h5",
    "manifests/demo/000.jsonl": "manifests/demo/001.jsonl",
    "weights/demo/clip.pt": "weights/demo/pann.pth",
    "weights/demo/pann.pth": "weights/demo/clip.pt",
    f"{RUN}/best.pt": "weights/demo/pann.pth",
    f"{RUN}/predictions_val.jsonl": f"{RUN}/history.jsonl",
    f"{RUN}/gate_logs_val_Nall.jsonl": f"{RUN}/predictions_val.jsonl",
    f"{RUN}/history.jsonl": f"{RUN}/predictions_val.jsonl",
    f"{SCORES}/metrics_val.json": f"{SCORES}/queries_val.json",
    "results/demo/strip.npz": "features/demo/clip_text/000.h5",
}
"""A file of another kind or shard that is put in the place of each."""


def damages(seed: int) -> Iterator[Fault]:
    """Each kind of file spoilt in four ways, and exchanged for another."""
    rng = np.random.default_rng(seed)

    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
        return bytes(changed)

    ways: dict[str, Callable[[bytes], bytes]] = {
        "cut in half": lambda content: content[: len(content) // 2],
        "empty": lambda content: b"",
        "one wrong bit": flip,
        "zeros in its second third": lambda content: (
            content[: len(content) // 3].ljust(len(content) // 3 * 2, b"\0") + content[len(content) // 3 * 2 :]
        ),
    }
    for name, (rule, target) in READ.items():
        for what, spoil in ways.items():
            yield Fault(f"`{name}`: {what}", rule, target, _spoilt(name, target, spoil))
        other = OTHERS[name]
        yield Fault(f"`{name}`: `{other}` in its place", rule, target, _spoilt(name, target, None))


def _spoilt(name: str, target: str, spoil: Callable[[bytes], bytes] | None) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        file, made = workspace.folder / name, workspace.folder / target
        content, facts, expected = file.read_bytes(), file.stat(), made.read_bytes()
        file.write_bytes((workspace.folder / OTHERS[name]).read_bytes() if spoil is None else spoil(content))
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # damage leaves the time as it is
        made.unlink()
        said = make(workspace, target)
        unnoticed = made.is_file() and made.read_bytes() != expected
        file.write_bytes(content)
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        made.unlink(missing_ok=True)
        return said, unnoticed

    return provoke
