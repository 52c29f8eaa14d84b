"""Compare one command on a checkpoint of the original code with the original's own numbers.

Usage: python benchmarks/original/checkpoint.py CHECKOUT OUT [--python PYTHON]

CHECKOUT is a clone of wjun0830/QD-DETR, or of a variant with gated fusion; OUT a new folder. Small features in the
original's layout are drawn from a seed, its own code trains on them for a few steps and predicts on a CPU, and then
`snakemake --configfile` predicts and scores with its checkpoint. PYTHON is an interpreter with what the original
imports (torch, scikit-learn, pandas, easydict). None of its code is included here.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from eval.qvhighlights.evaluation import evaluate_files

ROOT = Path(__file__).parents[2]
WIDTHS = {"slowfast": 24, "clip": 16, "text": 12, "pann": 20}
# It validates every fifth epoch, and saves model_best.ckpt if its score is above 0; its width of 256 is fixed.
TRAINED = ["--n_epoch", "20", "--bsz", "4", "--lr", "1e-3", "--dim_feedforward", "128"]
SMALL = ["--num_workers", "0", "--no_pin_memory", "--device", "-1", "--seed", "7"]
# 150 s, as nearly all videos of QVHighlights. Of shorter ones the original does not cut moments at the end, nor keep
# the padding apart from that of other queries of the batch (docs/reference/model.md).
CLIPS = 75


def run_original(checkout: str, script: str, arguments: list[str]) -> None:
    """Run a script of the original in this process; only what needs a GPU or older libraries is replaced."""
    import torch

    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[assignment, method-assign]
    torch.serialization.add_safe_globals([argparse.Namespace])  # its own options, in the file that it has just written
    writer = types.ModuleType("torch.utils.tensorboard")
    writer.SummaryWriter = _Writer  # type: ignore[attr-defined]
    sys.modules["torch.utils.tensorboard"] = writer
    sys.path.insert(0, checkout)
    sys.argv = [script, *arguments]
    runpy.run_path(str(Path(checkout, "qd_detr", script)), run_name="__main__")


class _Writer:
    def __init__(self, *_: object, **__: object) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def write_qvhighlights(folder: Path, rng: np.random.Generator) -> None:
    """Fourteen videos with a moment each, in the layouts of the released features."""
    for name in ("slowfast", "clip", "text", "pann"):
        (folder / name).mkdir(parents=True)
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": []}
    for index in range(14):
        vid = f"v{index:02d}_0.0_150.0"
        # Short, middle and long moments: the original's evaluation fails without any of them.
        count = (4, 10, 20)[index % 3]
        first = int(rng.integers(0, CLIPS - count))
        marked = list(range(first, first + count))
        for name in ("slowfast", "clip"):
            features = rng.standard_normal((CLIPS, WIDTHS[name])).astype(np.float32)
            features[marked, 0] += 3
            np.savez(folder / f"{name}/{vid}.npz", features=features)
        sound = rng.standard_normal((CLIPS, WIDTHS["pann"])).astype(np.float32)
        np.save(folder / f"pann/{vid}.npy", sound)
        words = rng.standard_normal((int(rng.integers(4, 20)), WIDTHS["text"])).astype(np.float32)
        np.savez(folder / f"text/qid{index}.npz", last_hidden_state=words, pooler_output=words[:1])
        rows["train" if index < 6 else "val"].append(
            {
                "qid": index,
                "query": f"query {index}",
                "vid": vid,
                "duration": 2 * CLIPS,
                "relevant_windows": [[2 * first, 2 * (first + count)]],
                "relevant_clip_ids": marked,
                "saliency_scores": rng.integers(1, 5, (count, 3)).tolist(),
            }
        )
    _write_rows(folder, rows)


def write_tvsum(folder: Path, rng: np.random.Generator) -> None:
    """Five videos of one domain with ratings, in the layouts of the released features."""
    for name in ("i3d", "text", "pann"):
        (folder / name).mkdir(parents=True)
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": []}
    for index in range(5):
        vid, clips = f"t{index}", int(rng.integers(50, 90))
        label = rng.integers(1, 6, (clips, 20)).astype(float)
        for part in ("rgb", "opt"):
            features = label.mean(1, keepdims=True) + rng.standard_normal((clips, WIDTHS["clip"]))
            np.save(folder / f"i3d/{vid}_{part}.npy", features.astype(np.float32))
        sound = rng.standard_normal((clips, WIDTHS["pann"])).astype(np.float32)
        np.save(folder / f"pann/{vid}.npy", sound)
        # The original reads TVSum's titles as they are; the released ones have unit length.
        words = rng.standard_normal((6, WIDTHS["text"]))
        words /= np.linalg.norm(words, axis=1, keepdims=True)
        np.savez(folder / f"text/{vid}.npz", token=words.astype(np.float32))
        row = {"qid": vid, "vid": vid, "query": f"title {index}", "domain": "BK", "duration": clips}
        row |= {"label": label.tolist(), "relevant_clip_ids": None, "relevant_windows": None}
        rows["train" if index < 4 else "val"].append(row)
    _write_rows(folder, rows)


def _write_rows(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    for split, part in rows.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))


def original(python: str, checkout: Path, script: str, arguments: list[str]) -> str:
    """Run a script of the original in a process of its own; returns what it printed."""
    command = [python, str(Path(__file__).resolve()), "--run", str(checkout), script, *arguments]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} of the original failed:\n{done.stderr[-3000:]}")
    return done.stdout


def one_command(folder: Path, study: dict[str, Any]) -> None:
    """The command that is compared: `snakemake --cores 2 --configfile X.yaml`."""
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", "2", "--configfile", str(folder / "study.yaml")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"snakemake failed:\n{done.stderr[-4000:]}")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def find(folder: Path, name: str) -> Path:
    """The newest file of a name below a folder."""
    return max(folder.rglob(name), key=lambda path: path.stat().st_mtime)


def compare_qvhighlights(folder: Path, python: str, checkout: Path, sound: bool, gated: list[str]) -> dict[str, Any]:
    """Train, predict and compare on moments; with `gated` options, gate logs as well."""
    write_qvhighlights(folder, np.random.default_rng(3))
    dims = {"v": WIDTHS["slowfast"] + WIDTHS["clip"], "t": WIDTHS["text"], "a": WIDTHS["pann"] + 2}
    data = ["--dset_name", "hl", "--ctx_mode", "video_tef", "--train_path", str(folder / "train.jsonl")]
    data += ["--eval_path", str(folder / "val.jsonl"), "--eval_split_name", "val"]
    data += ["--v_feat_dirs", str(folder / "slowfast"), str(folder / "clip"), "--v_feat_dim", str(dims["v"])]
    data += ["--t_feat_dir", str(folder / "text"), "--t_feat_dim", str(dims["t"])]
    if sound:
        data += ["--a_feat_dir", str(folder / "pann"), "--a_feat_dim", str(dims["a"])]
    more = ["--results_root", str(folder / "original"), "--exp_id", "x", *TRAINED, *SMALL, *gated]
    original(python, checkout, "train.py", [*data, *more])
    checkpoint = find(folder / "original", "model_best.ckpt")
    if gated:
        log = ["--gate_log", "--gate_save_path", str(folder / "original_gates.jsonl")]
        rerun = ["--resume", str(checkpoint), "--eval_split_name", "val", "--eval_path", str(folder / "val.jsonl")]
        original(python, checkout, "inference.py", [*rerun, *log, *SMALL])
    study: dict[str, Any] = {
        "dataset": {
            "name": "theirs",
            "videos": "",
            "annotations": {"train": "", "val": str(folder / "val.jsonl")},
            "shards": 1,
        },
        "imported": {
            "slowfast": {"layout": "moment_detr", "folders": [str(folder / "slowfast")]},
            "clip_visual": {"layout": "moment_detr", "folders": [str(folder / "clip")]},
            "clip_text": {"layout": "moment_detr_text", "folders": [str(folder / "text")]},
            "pann": {"layout": "umt", "folders": [str(folder / "pann")]},
        },
        "model": {"video_streams": ["slowfast", "clip_visual"], "audio_streams": ["pann"]},
        "checkpoint": str(checkpoint),
    }
    one_command(folder, study)
    theirs = read_rows(find(folder / "original", "hl_val_submission.jsonl"))
    ours = {row["qid"]: row for row in read_rows(folder / "predictions/theirs/val.jsonl")}
    metrics = json.loads(find(folder / "original", "hl_val_submission_metrics.json").read_text())["brief"]
    scored = json.loads(find(folder / "results", "metrics_val.json").read_text())["brief"]
    found: dict[str, Any] = {"queries": len(theirs), **_difference(theirs, ours)}
    rounded = _scores_as_stored(folder, ours)
    for what, numbers in (("scores", scored), ("scores with saliency in float16", rounded)):
        other = {key: [value, numbers[key]] for key, value in metrics.items() if numbers[key] != value}
        found[what] = f"{len(metrics) - len(other)} of {len(metrics)} equal" + (f", not {other}" if other else "")
    if gated:
        found["largest difference of a gate"] = _gate_difference(folder)
    return found


def _difference(theirs: list[dict[str, Any]], ours: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    kinds = dict.fromkeys(("equal", "empty in the original", "different"), 0)
    score, saliency = 0.0, 0.0
    for row in theirs:
        mine = ours[row["qid"]]
        # Moments of equal score, in four decimals, may come in either order.
        listed = [sorted(of["pred_relevant_windows"], key=lambda item: (-item[2], *item)) for of in (row, mine)]
        for (start, end, value), (first, last, number) in zip(*listed, strict=True):
            equal = (start, end) == (first, last)
            kinds["equal" if equal else "empty in the original" if start >= end else "different"] += 1
            score = max(score, abs(value - number))
        gaps = np.array(row["pred_saliency_scores"]) - np.array(mine["pred_saliency_scores"])
        # The original stores float16.
        rounding = np.spacing(np.abs(row["pred_saliency_scores"]).astype(np.float16)).astype(float)
        saliency = max(saliency, float((np.abs(gaps) / rounding).max()))
    return {
        "windows": kinds,
        "largest difference of a window's score": score,
        "largest difference of a saliency, in steps of float16": round(saliency, 3),
    }


def _scores_as_stored(folder: Path, ours: dict[Any, dict[str, Any]]) -> dict[str, float]:
    """Our scores after rounding saliency to float16, as the original does before it scores."""
    rows = [
        {**row, "pred_saliency_scores": np.float16(row["pred_saliency_scores"]).astype(float).tolist()}
        for row in ours.values()
    ]
    rounded = folder / "rounded.jsonl"
    rounded.write_text("".join(json.dumps(row) + "\n" for row in rows))
    brief: dict[str, float] = evaluate_files(rounded, folder / "val.jsonl").metrics["brief"]
    return brief


def _gate_difference(folder: Path) -> float:
    theirs = {row["qid"]: row for row in read_rows(folder / "original_gates.jsonl")}
    worst = 0.0
    for row in read_rows(find(folder / "predictions", "gate_logs_val_Nall.jsonl")):
        pairs = zip(row["layer_gates"], theirs[row["qid"]]["layer_gates"], strict=True)
        for mine, other in pairs:
            for kind in ("gate_mha", "gate_ffn"):
                gap = np.array(mine[kind]) - np.array(other[kind]).reshape(np.shape(mine[kind]))
                worst = max(worst, float(np.abs(gap).max()))
    return worst


def compare_tvsum(folder: Path, python: str, checkout: Path) -> dict[str, Any]:
    """Train, predict and compare on ratings: the original keeps its score alone."""
    write_tvsum(folder, np.random.default_rng(4))
    data = ["--dset_name", "tvsum", "--dset_domain", "BK", "--ctx_mode", "video_tef", "--max_v_l", "1000"]
    data += ["--train_path", str(folder / "train.jsonl"), "--eval_path", str(folder / "val.jsonl")]
    data += ["--eval_split_name", "val", "--v_feat_dirs", str(folder / "i3d"), "--t_feat_dir", str(folder / "text")]
    data += ["--v_feat_dim", str(2 * WIDTHS["clip"]), "--t_feat_dim", str(WIDTHS["text"])]
    more = ["--results_root", str(folder / "original"), "--exp_id", "x", *TRAINED, *SMALL]
    original(python, checkout, "train.py", [*data, *more])
    study = {
        "dataset": {
            "name": "theirs",
            "videos": "",
            "annotations": {"train": "", "val": str(folder / "val.jsonl")},
            "shards": 1,
            "scopes": "by_domain",
        },
        "imported": {
            "i3d": {"layout": "tvsum_i3d", "folders": [str(folder / "i3d")]},
            "clip_text": {"layout": "tvsum_text", "folders": [str(folder / "text")]},
        },
        "model": {"video_streams": ["i3d"]},
        "checkpoint": str(find(folder / "original", "model_best.ckpt")),
    }
    one_command(folder, study)
    theirs = read_rows(find(folder / "original", "best_metric.jsonl"))[0]["brief"]["mAP"]
    ours = json.loads(find(folder / "results", "tvsum_val.json").read_text())["brief"]
    return {"top-5 mAP of the original": 100 * theirs, "ours": ours}


def main() -> None:
    """Run the comparisons that the checkout allows, and print them."""
    if sys.argv[1:2] == ["--run"]:
        run_original(sys.argv[2], sys.argv[3], sys.argv[4:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="clone of the original")
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--python", default=sys.executable, help="interpreter for the original (default: this one)")
    given = parser.parse_args()
    checkout, out = given.checkout.resolve(), given.out.resolve()
    gated = ["--use_avigate_custom", "--fusion_layers", "2", "--gating_type"]
    cases: dict[str, dict[str, Any]] = {}
    if (checkout / "qd_detr/avigate_custom.py").is_file():
        for kind in ("global", "clipwise", "elementwise"):
            film = ["--ffn_gate_film"] if kind == "global" else []
            options = [*gated, kind, *film]
            cases[f"gated, {kind}"] = compare_qvhighlights(out / kind, given.python, checkout, True, options)
    else:
        cases["video"] = compare_qvhighlights(out / "video", given.python, checkout, False, [])
        cases["video and audio"] = compare_qvhighlights(out / "audio", given.python, checkout, True, [])
        cases["TVSum"] = compare_tvsum(out / "tvsum", given.python, checkout)
    sys.stdout.write(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
