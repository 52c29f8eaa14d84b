"""The small study that is broken: a file that each rule makes, and the files that rules read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO

from tests.warm import server
from tests.workflow.workspace import Workspace

RUN = "runs/demo/base/all/seed1"
OTHER_RUN = "runs/demo/video_only/all/seed1"
SCORES = "results/demo/base/all/seed1"
MADE = {
    "media": "data/demo/val.jsonl",
    "weights_clip": "weights/demo/clip.pt",
    "weights_pann": "weights/demo/pann.pth",
    "manifest": "manifests/demo/000.jsonl",
    "encode": "features/demo/clip_visual/000.h5",
    "encode (text)": "features/demo/clip_text/000.h5",
    "encode (sound)": "features/demo/pann/000.h5",
    "problems": "reports/demo/problems.tsv",
    "train": f"{RUN}/best.pt",
    "infer": f"{OTHER_RUN}/predictions_val.jsonl",
    "infer_gated": f"{RUN}/predictions_val.jsonl",
    "baseline": "runs/demo/random/all/seed1/predictions_val.jsonl",
    "score": f"{SCORES}/metrics_val.json",
    "score_other": f"{SCORES}/metrics_val_last.json",
    "summarise": "results/demo/summary.json",
    "gates": "results/demo/base/gates_val.json",
    "overview": "results/demo/overview.txt",
    "plot_summary": "plots/demo/summary.png",
    "plot_training": "plots/demo/base/training.png",
    "plot_gates": "plots/demo/base/gates_val.png",
    "plot_example": "plots/demo/example.png",
    "strip": "results/demo/strip.npz",
}
"""A file that each rule makes."""
READ = {
    "features/demo/clip_visual/000.h5": ("train", f"{RUN}/best.pt"),
    "features/demo/pann/000.h5": ("train", f"{RUN}/best.pt"),
    "features/demo/clip_text/000.h5": ("train", f"{RUN}/best.pt"),
    "manifests/demo/000.jsonl": ("encode", "features/demo/pann/000.h5"),
    "weights/demo/clip.pt": ("encode", "features/demo/clip_visual/000.h5"),
    "weights/demo/pann.pth": ("encode", "features/demo/pann/000.h5"),
    f"{RUN}/best.pt": ("infer_gated", f"{RUN}/predictions_val.jsonl"),
    f"{RUN}/predictions_val.jsonl": ("score", f"{SCORES}/metrics_val.json"),
    f"{RUN}/gate_logs_val_Nall.jsonl": ("gates", "results/demo/base/gates_val.json"),
    f"{RUN}/history.jsonl": ("plot_training", "plots/demo/base/training.png"),
    f"{SCORES}/metrics_val.json": ("summarise", "results/demo/summary.json"),
    "results/demo/strip.npz": ("plot_example", "plots/demo/example.png"),
}
"""A rule that reads each kind of file, and what it makes."""


def make(workspace: Workspace, *targets: str, environment: dict[str, str] | None = None) -> str:
    """Run the workflow to some targets; returns all that it says."""
    done = workspace.snakemake("--printshellcmds", "--cores", "2", *targets, environment=environment)
    return done.stdout + done.stderr


def begin(workspace: Workspace, target: str, environment: dict[str, str], log: IO[str]) -> subprocess.Popen[str]:
    """Start the workflow to a target, and do not wait for it. `log` gets all that it says, also that of its jobs."""
    command = [server().program, "-m", "snakemake", "--snakefile", str(workspace.checkout / "Snakefile")]
    command += ["--directory", str(workspace.folder), "--configfile", str(workspace.folder / "overlay.yaml")]
    path = os.pathsep.join([str(Path(server().program).parent), environment["PATH"]])
    return subprocess.Popen(
        [*command, "--cores", "2", target],
        env={**environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        text=True,
    )
