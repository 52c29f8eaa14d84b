"""Do what docs/tutorial/coming-from-scripts.md says, word for word, with features in the original's layouts.

Usage: python benchmarks/original/scripts.py OUT [--small]

OUT is a new folder: the page's `root`, with features of widths 1024, 768 and 512 for one domain of TVSum, drawn from a
seed, its annotations in QD-DETR's rows, and a working directory that has the checkout's files. The settings and the
commands are those of the page. `--small` shrinks the networks and trains one epoch. One line per command says how long
it took.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial/coming-from-scripts.md"
PARTS = ("TVSum: train base, film and mha_strong", "Infer with a checkpoint, and log 50 gates", "Draw a gate log")
"""Sections of the page whose commands are run."""
WIDTHS = {"v": 1024, "t": 768, "a": 512}
CHECKOUT = ("Snakefile", "config.yaml", "config", "profiles", "workflow")
SETTINGS = "my_tvsum.yaml"
SMALL = {
    "model": {"hidden_dim": 16, "feedforward_dim": 16, "fusion_layers": 1, "encoder_layers": 1, "decoder_layers": 1},
    "train": {"epochs": 1},
    "runs": {"film": {"train": {"epochs": 1}}, "mha_strong": {"train": {"epochs": 1}}},
}
"""Sizes and epochs of a trial, as a further configuration."""


def read_settings() -> str:
    """The page's my_tvsum.yaml."""
    return _blocks(PARTS[0], "yaml")[0]


def read_commands() -> list[str]:
    """The page's commands, in order, each as one line."""
    return [re.sub(r" \\\n *", " ", block.strip()) for part in PARTS for block in _blocks(part, "")]


def _blocks(part: str, language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    return [
        block
        for found, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        if found == language
    ]


def make_root(root: Path, clips: int = 60) -> Path:
    """Write features, annotations and the page's settings; gives the working directory.

    Pictures and sound have a row per clip (sound one fewer, as released features do), and rise with the ratings.
    """
    rng = np.random.default_rng(2018)
    features, data, work = root / "features/tvsum", root / "data/tvsum", root / "av-highlights"
    for folder in (*(features / name for name in WIDTHS), data, work):
        folder.mkdir(parents=True)
    for split, count in (("train", 4), ("val", 1)):
        rows = []
        for vid in (f"{split}-{index}" for index in range(count)):
            label = rng.integers(1, 6, (clips, 20)).astype(float)
            signal = label.mean(1, keepdims=True)
            np.savez(features / f"v/{vid}.npz", features=_rows(rng, clips, WIDTHS["v"]) + signal)
            np.savez(features / f"t/{vid}.npz", token=_rows(rng, 8, WIDTHS["t"]))
            np.save(features / f"a/{vid}.npy", (_rows(rng, clips, WIDTHS["a"]) + signal)[:-1])
            row = {"qid": vid, "query": "a title", "vid": vid, "duration": clips, "domain": "BK"}
            rows.append(row | {"label": label.tolist(), "relevant_clip_ids": None, "relevant_windows": None})
        (data / f"tvsum_{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name in CHECKOUT:
        (work / name).symlink_to(ROOT / name)
    (work / SETTINGS).write_text(read_settings(), encoding="utf-8")
    return work


def _rows(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    return rng.standard_normal((count, width)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--small", action="store_true", help="small networks, one epoch")
    arguments = parser.parse_args()
    work = make_root(arguments.out)
    if arguments.small:
        (work / "small.yaml").write_text(json.dumps(SMALL), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in read_commands():
        shown = command.replace(SETTINGS, f"{SETTINGS} small.yaml") if arguments.small else command
        started = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", shown],
            cwd=work,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{shown}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        print(f"{time.monotonic() - started:6.1f} s  {shown}")  # noqa: T201
    print((work / "results/my_tvsum/tvsum.md").read_text(encoding="utf-8"))  # noqa: T201


if __name__ == "__main__":
    main()
