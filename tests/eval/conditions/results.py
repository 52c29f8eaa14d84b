"""Results of runs under conditions as the workflow leaves them: a plan, ground truth, and files per run and seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MODALITIES = ("visual", "audio", "joint", "visual")
TRUTH = [
    {"qid": qid, "vid": f"v{qid}", "query": "q", "modality": modality, "loudness": -6 if qid < 3 else 6}
    for qid, modality in enumerate(MODALITIES, start=1)
]
RUNS = ("video_only", "concat", "base", "film")


def make_plan(
    seeds: Sequence[int], runs: Sequence[str] = RUNS, levels: Sequence[float] = (0.0, 5.0), level_key: str = ""
) -> dict[str, Any]:
    """A plan with one condition in levels, in which video_only does not change; or in levels by an annotation key."""
    cells = [
        {
            "run": run,
            "condition": "shift",
            "level": level,
            "name": run if run == "video_only" or not level else f"{run}.shift_5",
        }
        for run in runs
        for level in ((None,) if level_key else levels)
    ]
    return {
        "runs": [{"name": run, "label": f"{run} in words", "like": "base" if run == "film" else ""} for run in runs],
        "conditions": [{"name": "shift", "label": "delay (s)", "split": "val", "level_key": level_key}],
        "cells": cells,
        "against": [run for run in ("concat", "video_only") if run in runs],
        "seeds": list(seeds),
    }


def write_values(folder: Path, run: str, seed: int, values: Sequence[float | None], **more: Any) -> Path:
    """Write the scores of four queries, the same for R1@0.5 and mAP."""
    content = {
        "about": {"run": run, "scope": "all", "seed": seed},
        "qids": [1, 2, 3, 4],
        "values": {"MR-full-R1@0.5": list(values), "MR-full-mAP": list(values)},
    }
    return write(folder, run, seed, "queries", content | more)


def write_gates(folder: Path, run: str, seed: int, area: float | None) -> Path:
    """Write a calibration."""
    return write(
        folder,
        run,
        seed,
        "calibration",
        {"gate": 0.7, "auc": area, "rho": 0.5, "auc_own": None, "auc_contribution": 0.6},
    )


def write(folder: Path, run: str, seed: int, kind: str, content: dict[str, Any]) -> Path:
    path = folder / run / f"seed{seed}" / f"{kind}_val.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_study(folder: Path, seeds: Sequence[int], runs: Sequence[str] = RUNS) -> str:
    """Write all files of `make_plan`, in which everything depends on run, level and seed; the pattern of folders."""
    for place, run in enumerate(runs):
        for level in (0, 5):
            name = run if run == "video_only" or not level else f"{run}.shift_5"
            for seed in seeds:
                start = 40.0 + 10 * place - level + 3 * ((seed * 7 + place) % 5)
                write_values(folder, name, seed, [start, start + 4, start - 4, None])
                if place >= 2:
                    write_gates(folder, name, seed, 0.8 - 0.02 * level + 0.01 * seed)
    return f"{folder}/{{run}}/seed{{seed}}"
