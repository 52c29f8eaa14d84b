"""A working directory of the real workflow with a tiny configuration."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.warm import run_python, server

ROOT = Path(__file__).parents[2]

# A few short videos, two epochs: everything that the demo has, in about a minute and a half on two cores.
TINY: dict[str, Any] = {
    "dataset": {"shards": 2},
    "demo": {"train_videos": 4, "val_videos": 2, "min_seconds": 12, "max_seconds": 14, "fps": 10},
    # The demo's encoders in full: tests of other datasets do not inherit them from config.yaml.
    "clip": {
        "architecture": "demo-clip",
        "definition": str(ROOT / "demo/encoders/demo-clip.json"),
        "weights": "weights/demo/clip.pt",
    },
    "pann": {"weights": "weights/demo/pann.pth", "base_channels": 4, "embedding_dim": 32},
    "clap": {"weights": "weights/demo/clap"},
    "model": {"hidden_dim": 32, "feedforward_dim": 64, "fusion_layers": 2},
    "train": {"epochs": 2, "validate_every": 1},
    "selected_runs": ["base", "video_only"],
    "seeds": [1],
}


@dataclass(frozen=True)
class Workspace:
    """A working directory of the workflow, with its tiny configuration."""

    folder: Path
    checkout: Path = ROOT
    """Where the Snakefile and the packages lie."""

    def snakemake(
        self, *arguments: str, changes: dict[str, Any] | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake here, with single keys changed (nested as in the configuration).

        It and the jobs fork from a Python that has their libraries.
        """
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(merge(TINY, changes or {})), encoding="utf-8")
        command = ["-m", "snakemake", "--snakefile", str(self.checkout / "Snakefile")]
        command += ["--directory", str(self.folder), "--configfile", str(overlay), *arguments]
        # The environment's own programs first: rules call `python`.
        folders = [Path(server().program).parent, Path(sys.executable).parent, os.environ["PATH"]]
        path = os.pathsep.join(map(str, folders))
        return run_python(command, environment={**(environment or os.environ), "PATH": path})

    def planned(self, *targets: str, changes: dict[str, Any] | None = None) -> dict[str, int]:
        """Jobs that a dry run would do, by rule (`encode` by stream as well), targets left out."""
        done = self.snakemake("--dry-run", "--cores", "2", *targets, changes=changes)
        assert done.returncode == 0, done.stderr + done.stdout
        table = done.stdout.partition("Job stats:")[2].partition("total")[0]
        counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
        if counts.pop("encode", 0):
            # One rule makes all streams; what a job says of itself tells them apart: `encode clip_text`.
            streams = re.findall(r"Encoding (\w+) of shard", done.stdout)
            counts |= {f"encode {stream}": streams.count(stream) for stream in streams}
        return {rule: count for rule, count in counts.items() if rule not in ("all", "features")}


def with_its_base(file: Path) -> dict[str, Any]:
    """An overlay of config/, together with those before it in the command at its head.

    `config/YOURS.yaml` stands for a dataset of the user's.
    """
    [names] = set(re.findall(r"--configfile ((?:config/\S+ ?)+)", file.read_text(encoding="utf-8")))
    assert file == ROOT / names.split()[-1]
    yours = {"name": "own", "videos": "v", "annotations": {"train": "t.jsonl", "val": "v.jsonl"}}
    given: dict[str, Any] = {}
    for name in names.split():
        own = name == "config/YOURS.yaml"
        given = merge(given, {"dataset": yours} if own else yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))
    return given


def merge(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`base` with `patch` laid over it, at every depth."""
    merged = dict(base)
    for key, value in patch.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if nested else value
    return merged
