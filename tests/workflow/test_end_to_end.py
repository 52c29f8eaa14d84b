"""The whole chain on a few short videos: what must be there, and that it says what it should."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from eval.plots import GATE_FIGURES
from formats.store import Store
from tests.killing import kill_at
from tests.workflow.workspace import Workspace


def test_all_makes_every_kind_of_artefact(built: Workspace) -> None:
    expected = [
        "data/demo/train.jsonl",
        "manifests/demo/000.jsonl",
        "reports/demo/problems.tsv",
        "plots/gates_val.png",
        "plots/demo/base/gates_val.png",
        *(f"plots/demo/base/gates_val/{name}.{suffix}" for name in GATE_FIGURES for suffix in ("png", "svg")),
        "plots/gates_val.svg",
        "plots/demo/base/training.png",
        "plots/demo/base/training.svg",
        "plots/demo/video_only/training.png",
        "plots/demo/summary.png",
        "results/demo/summary.json",
        "results/demo/summary.md",
        "results/demo/summary.tex",
        "results/demo/summary.csv",
        "results/demo/overview.txt",
        "reports/explorer/index.html",
        "reports/explorer/data/study.js",
        "reports/explorer/data/queries/00000.js",
        "reports/explorer/previews/previews.jsonl",
        "results/demo/strip.npz",
        "plots/demo/example.png",
        "results/demo/base/all/seed1/queries_val.json",
        "results/demo/base/gates_val.json",
        "results/demo/random/all/seed1/metrics_val.json",
        "runs/demo/base/all/seed1/best.pt",
        "runs/demo/base/all/seed1/last.pt",
        "runs/demo/base/all/seed1/history.jsonl",
        "runs/demo/base/all/seed1/predictions_val.jsonl",
        "runs/demo/base/all/seed1/predictions_val_last.jsonl",
        "results/demo/base/all/seed1/metrics_val_last.json",
        "runs/demo/base/all/seed1/gate_logs_val_Nall.jsonl",
        "logs/train/demo/base/all/seed1.log",
        "logs/benchmarks/train/demo/base/all/seed1.tsv",
    ]
    missing = [name for name in expected if not (built.folder / name).is_file()]
    assert not missing
    # A run without gates logs none, and nothing half-written stays behind.
    assert not list((built.folder / "runs/demo/video_only").rglob("gate_logs*"))
    assert not [path for path in built.folder.rglob("*.part*") if ".snakemake" not in path.parts]


def test_streams_agree_on_the_clip_grid(built: Workspace) -> None:
    stores = [Store(path) for path in sorted((built.folder / "features/demo").glob("*/*.h5"))]
    grids: dict[str, set[int]] = {}
    for store in stores:
        if not store.text:
            for vid in store.ids:
                grids.setdefault(vid, set()).add(store.n_clips(vid))
    assert len(grids) == 6  # 4 train and 2 val videos
    assert all(len(counts) == 1 for counts in grids.values())


def test_predictions_and_gates_cover_the_split(built: Workspace) -> None:
    queries = read(built.folder / "data/demo/val.jsonl")
    folder = built.folder / "runs/demo/base/all/seed1"
    predictions = read(folder / "predictions_val.jsonl")
    gates = read(folder / "gate_logs_val_Nall.jsonl")
    assert [row["qid"] for row in predictions] == [row["qid"] for row in queries] == [row["qid"] for row in gates]
    for row, query in zip(predictions, queries, strict=True):
        assert len(row["pred_saliency_scores"]) == query["duration"] // 2
        assert all(0 <= start < end <= query["duration"] for start, end, _ in row["pred_relevant_windows"])
    assert all(len(row["layer_gates"]) == 2 for row in gates)  # fusion_layers of the tiny configuration


def test_best_and_last_epoch_stand_in_the_table(built: Workspace) -> None:
    rows = json.loads((built.folder / "results/demo/summary.json").read_text())["rows"]
    names = [row["run"] for row in rows]
    best, last = "(best epoch)", "(last epoch)"
    assert names == [f"base {best}", f"base {last}", f"video_only {best}", f"video_only {last}", "random"]


def test_a_killed_training_job_goes_on(built: Workspace, tmp_path: Path) -> None:
    """Snakemake deletes what a failed job has declared, and resume.pt is not among it."""
    changes = {"runs": {"long": {"train": {"epochs": 3, "validate_every": 3}}}}
    folder = built.folder / "runs/demo/long/all/seed1"
    log = built.folder / "logs/train/demo/long/all/seed1.log"
    command = ("--cores", "1", "runs/demo/long/all/seed1/last.pt")
    # It writes its state after its first step, the one that goes on after its second.
    environment = kill_at(tmp_path / "hook", "resume.pt")
    try:
        for going_on in (False, True):
            killed = built.snakemake(*command, changes=changes, environment=environment)
            assert killed.returncode != 0
            assert ("resuming at epoch" in log.read_text(encoding="utf-8")) == going_on
            assert [path.name for path in folder.glob("[!.]*")] == ["resume.pt"]
        done = built.snakemake(*command, changes=changes)
        assert done.returncode == 0, done.stderr
        assert "step 2" in log.read_text(encoding="utf-8")
        assert (folder / "last.pt").exists() and not (folder / "resume.pt").exists()
    finally:
        shutil.rmtree(folder.parents[1], ignore_errors=True)


def test_second_run_has_nothing_to_do(built: Workspace) -> None:
    again = built.snakemake("--cores", "8", "all")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


def test_gate_plot_alone_builds_just_what_it_needs(built: Workspace, tmp_path: Path) -> None:
    planned = Workspace(tmp_path).planned("plots/gates_val.png")
    # One run only, with every stream that it reads, and nothing that scores or compares.
    assert planned == {
        "media": 1,
        "weights_clip": 1,
        "weights_pann": 1,
        "weights_clap": 1,
        "manifest": 2,
        "encode clip_visual": 2,
        "encode clip_text": 2,
        "encode pann": 2,
        "encode clap": 2,
        "train": 1,
        "infer_gated": 1,
        "plot_gates": 1,
        "plot_gates_of_main_run": 1,
    }


def test_same_seed_gives_same_features_and_metrics(built: Workspace, tmp_path: Path) -> None:
    """Media and features byte by byte, and everything that is computed from them.

    The encoders' weights are copied: tests/demo/test_weights.py makes those again.
    """
    other = Workspace(tmp_path)
    shutil.copytree(built.folder / "weights", tmp_path / "weights")
    done = other.snakemake("--cores", "2", "results/demo/base/all/seed1/metrics_val.json")
    assert done.returncode == 0, done.stderr[-4000:]
    compared = sorted(path.relative_to(tmp_path) for path in (tmp_path / "features").rglob("*.h5"))
    compared += [path.relative_to(tmp_path) for path in sorted((tmp_path / "data").rglob("demo_*"))]
    compared += [
        Path("runs/demo/base/all/seed1/history.jsonl"),
        Path("runs/demo/base/all/seed1/predictions_val.jsonl"),
        Path("runs/demo/base/all/seed1/gate_logs_val_Nall.jsonl"),
        Path("results/demo/base/all/seed1/metrics_val.json"),
    ]
    assert len(compared) == 8 + 6 + 4  # 4 streams x 2 shards, 6 videos
    different = [name for name in compared if (tmp_path / name).read_bytes() != (built.folder / name).read_bytes()]
    assert not different


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
