"""A small study on disk: runs with gates, scores and histories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from eval.__main__ import build_command

Rows = list[dict[str, Any]]
CLIPS, LAYERS = 12, 3
MARKUP = '<img src="x" onerror="alert(1)"> & "quotes" `ticks`'
"""The query of every fourth row: it must be shown as it is."""


def make_rows(
    queries: int, runs: tuple[str, ...] = ("base", "film"), clips: int = CLIPS, layers: int = LAYERS
) -> dict[str, Rows]:
    """Query rows under "", and predictions, gate log, scores and history of each run under `RUN/...`."""
    found: dict[str, Rows] = {"": []}
    for qid in range(queries):
        begin = 2.0 * (1 + qid % (clips - 3))
        found[""].append(
            {
                "qid": qid,
                "query": MARKUP if qid % 4 == 3 else f"query number {qid}",
                "vid": f"video {qid // 2}",
                "duration": 2 * clips,
                "relevant_windows": [[begin, begin + 4]],
                "relevant_clip_ids": [int(begin / 2), int(begin / 2) + 1],
                "saliency_scores": [[4, 3, 2], [3, 3, 4]],
                "modality": ("visual", "audio")[qid % 2],
            }
        )
    for place, run in enumerate(runs):
        random = np.random.default_rng(place)
        names = ("predictions", "gates", "history")
        parts: dict[str, Rows] = {name: found.setdefault(f"{run}/{name}", []) for name in names}
        for row in found[""]:
            begin = row["relevant_windows"][0][0]
            parts["predictions"].append(
                {
                    "qid": row["qid"],
                    "query": row["query"],
                    "vid": row["vid"],
                    "pred_relevant_windows": [[begin, begin + 4 + 2 * place, 0.9], [0.0, 4.0, 0.25]],
                    "pred_saliency_scores": random.normal(size=clips).round(4).tolist(),
                }
            )
            parts["gates"].append(
                {
                    "qid": row["qid"],
                    "vid": row["vid"],
                    "gating_type": "clipwise",
                    "layer_gates": [
                        {
                            "gate_mha": random.uniform(0, 1, (clips, 1)).round(6).tolist(),
                            "gate_ffn": random.uniform(-1, 1, (clips, 1)).round(6).tolist(),
                        }
                        for _ in range(layers)
                    ],
                    "clip_times": [[2.0 * clip, 2.0 * clip + 2] for clip in range(clips)],
                    "audio_mask": [True] * clips,
                    "has_audio": True,
                    "contribution": [
                        {kind: random.uniform(0, 1, clips).round(6).tolist() for kind in ("mha", "ffn")}
                        for _ in range(layers)
                    ],
                    "audio_level_db": random.uniform(-50, -10, clips).round(2).tolist(),
                }
            )
        for epoch in (1, 2, 3):
            score = 10.0 * epoch + place
            parts["history"].append(
                {"epoch": epoch, "train": {"loss": 9.0 / epoch}, "val": {"MR-full-mAP": score} if epoch > 1 else None}
            )
        values = {"MR-full-mAP": [float((37 * row["qid"] + 11 * place) % 101) for row in found[""]]}
        values["MR-full-R1@0.5"] = [100.0 * (value > 50) for value in values["MR-full-mAP"]]
        about = {"run": run, "scope": "all", "seed": 1}
        found[f"{run}/values"] = [{"about": about, "qids": list(range(queries)), "values": values}]
    return found


def write_study(folder: Path, rows: dict[str, Rows]) -> list[str]:
    """Write the files, and return the options of `eval explore` that name them; --out-dir is left out."""
    runs = list(dict.fromkeys(name.partition("/")[0] for name in rows if name))
    for name, lines in rows.items():
        path = folder / (f"{name}.json" + ("" if name.endswith("values") else "l") if name else "queries.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    options = ["--dataset", "small", "--split", "val", "--queries", f"{folder}/queries.jsonl"]
    options += ["--predictions", f"{folder}/{{run}}/predictions.jsonl", "--gates", f"{folder}/{{run}}/gates.jsonl"]
    options += ["--per-query", f"{folder}/{{run}}/values.json", "--history", f"{folder}/{{run}}/history.jsonl"]
    for run in runs:
        options += ["--run", run, f"what {run} is"]
    return options


def explore(*options: object) -> int:
    """Run `eval explore` and return its exit status."""
    return build_command().main(["explore", *map(str, options)])


def read_call(path: Path) -> Any:
    """The last argument of the call in a data file: the object."""
    text = path.read_text(encoding="ascii")
    assert text.startswith("explorer.") and text.endswith(");\n")
    arguments = json.loads(f"[{text.partition('(')[2].removesuffix(');' + chr(10))}]")
    return arguments[-1]
