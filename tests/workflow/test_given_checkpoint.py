"""`checkpoint` with a file of a reference implementation: imported, scored and its gates logged, in one command.

The stand-in files have the form of the originals: parameters by their names, options as an object of a class of theirs.
benchmarks/original/checkpoint.py does the same with files that the original code makes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from cli import UserError
from eval.plots import GATE_FIGURES
from eval.qvhighlights.evaluation import evaluate_files
from model.config import InferenceConfig, ModelConfig
from model.inference.split import predict_split
from model.reference.checkpoint import import_checkpoint
from tests.model.reference.parameters import OPTIONS, EasyDict, weights
from tests.workflow.test_scopes import rated
from tests.workflow.test_study import load
from tests.workflow.workspace import ROOT, Workspace, merge
from workflow.checkpoints import find_given
from workflow.study import load_study

CLIPS = 10


def save(path: Path, options: object, **made: Any) -> str:
    """A checkpoint in the form of a reference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": weights(**made), "optimizer": {}, "epoch": 3, "opt": options}, path)
    return str(path)


def marked(folder: Path) -> dict[str, Any]:
    """Three labelled queries about videos with released features; gives the configuration to use them."""
    rng = np.random.default_rng(0)
    for name in ("clip", "text", "pann"):
        (folder / "released" / name).mkdir(parents=True)
    rows = []
    for index in range(3):
        vid = f"v{index}"
        np.savez(folder / f"released/clip/{vid}.npz", features=rng.standard_normal((CLIPS, 8)))
        np.save(folder / f"released/pann/{vid}.npy", rng.standard_normal((CLIPS, 6)))
        np.savez(folder / f"released/text/qid{index}.npz", last_hidden_state=rng.standard_normal((4, 6)))
        row = {"qid": index, "vid": vid, "query": f"query {index}", "duration": 2 * CLIPS}
        row |= {
            "relevant_windows": [[2, 8]],
            "relevant_clip_ids": [1, 2, 3],
            "saliency_scores": [[1, 2, 3 + index % 2]] * 3,
        }
        rows.append(row)
    (folder / "val.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "dataset": {"name": "marked", "videos": "", "annotations": {"train": "", "val": "val.jsonl"}, "shards": 1},
        "imported": {
            "clip_visual": {"layout": "moment_detr", "folders": ["released/clip"]},
            "clip_text": {"layout": "moment_detr_text", "folders": ["released/text"]},
            "pann": {"layout": "umt", "folders": ["released/pann"]},
        },
        "model": {"audio_streams": ["pann"]},
    }


def test_a_gated_reference_is_imported_scored_and_its_gates_drawn(tmp_path: Path) -> None:
    """Options as EasyDict, as some forks save them; the predictions are those of the commands one by one."""
    changes, workspace = marked(tmp_path), Workspace(tmp_path)
    options = EasyDict({**OPTIONS, "a_feat_dim": 8, "use_avigate_custom": True, "fusion_layers": 2, "seed": 5})
    # 8 + 2 and 6 + 2 columns: the features, and start and end of each clip.
    source = save(tmp_path / "their model/model_best.ckpt", options, video=10, text=6, audio=8, gated=True)
    changes["checkpoint"] = source
    plan = workspace.planned(changes=changes)
    assert plan == {
        "manifest": 1,
        "import_released": 3,
        "problems": 1,
        "import_checkpoint": 1,
        "predict_gated": 1,
        "rank": 1,
        "plot_moments": 1,
        "score_given": 1,
        "baseline": 1,  # the table shows chance
        "score": 1,
        "summarise": 1,
        "gates": 1,
        "plot_gates": 1,
        "plot_gates_of_main_run": 1,
        "plot_gate_figures": 1,
        "plot_example": 1,
        "overview": 1,
        "explore": 1,
        "report_pages": 1,
    }
    done = workspace.snakemake("--cores", "2", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:]
    import_checkpoint(Path(source), tmp_path / "ours.pt", ["clip_visual"])
    stores = sorted((tmp_path / "features/marked").glob("*/*.h5"))
    out, log = tmp_path / "p.jsonl", tmp_path / "g.jsonl"
    predict_split(InferenceConfig(), tmp_path / "ours.pt", tmp_path / "val.jsonl", stores, out, gate_log=log)
    assert (tmp_path / "predictions/marked/val.jsonl").read_bytes() == out.read_bytes()
    assert (tmp_path / "predictions/marked/gate_logs_val_Nall.jsonl").read_bytes() == log.read_bytes()
    [scored] = (tmp_path / "results").rglob("given/all/seed5/metrics_val.json")
    metrics = json.loads(scored.read_text())
    assert metrics["brief"] == evaluate_files(out, tmp_path / "val.jsonl").metrics["brief"]
    assert metrics["about"]["run"] == "given" and (scored.parent / "queries_val.json").is_file()
    [gates] = (tmp_path / "results").rglob("given/gates_val.json")
    assert json.loads(gates.read_text())
    assert (tmp_path / "plots/gates_val.png").is_file()
    assert {path.stem for path in (tmp_path / "plots").rglob("gates_val/*.png")} == set(GATE_FIGURES)
    assert workspace.planned(changes=changes) == {}
    # The file is tracked.
    save(Path(source), {**options, "fusion_layers": 1}, video=10, text=6, audio=8, gated=True)
    assert workspace.planned(changes=changes).keys() >= {"import_checkpoint", "predict_gated", "score_given", "gates"}
    # So is the switch: without it there is no log to draw.
    silent = workspace.planned(changes=merge(changes, {"inference": {"gate_log": False}}))
    assert "predict" in silent and not {"predict_gated", "gates", "plot_gate_figures"} & silent.keys()


def test_one_reference_per_domain(tmp_path: Path) -> None:
    changes, workspace = rated(tmp_path), Workspace(tmp_path)
    changes["dataset"]["annotations"]["train"] = ""
    for domain in ("BK", "VT"):
        options = argparse.Namespace(**OPTIONS, dset_name="tvsum", dset_domain=domain, seed=1)
        save(tmp_path / f"theirs/{domain}/model_best.ckpt", options, video=18, text=6)
    changes["checkpoint"] = "theirs/{scope}/model_best.ckpt"
    done = workspace.snakemake("--cores", "2", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:]
    for domain, vid in (("BK", "v4"), ("VT", "v5")):
        [row] = (tmp_path / f"predictions/rated/{domain}/val.jsonl").read_text().splitlines()
        assert json.loads(row)["vid"] == vid and "pred_relevant_windows" not in json.loads(row)
    [scored] = (tmp_path / "results").rglob("given/seed1/tvsum_val.json")
    assert set(json.loads(scored.read_text())["rows"]["predictions"]["mAP"]) == {"BK", "VT", "mean"}
    [table] = (tmp_path / "results").rglob("tvsum.md")
    assert "given" in table.read_text()
    # A single file says which domain it is for, as the original's inference does.
    changes["checkpoint"] = "theirs/VT/model_best.ckpt"
    plan = workspace.planned(changes=changes)
    # That domain is predicted already; its scores are now alone in their table.
    assert plan["tvsum_given"] == 1 and not {"import_checkpoint", "predict"} & plan.keys()


def test_rows_without_labels_are_not_scored(tmp_path: Path) -> None:
    changes = marked(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "val.jsonl").read_text().splitlines()]
    bare = [{key: row[key] for key in ("qid", "vid", "query", "duration")} for row in rows]
    (tmp_path / "val.jsonl").write_text("".join(json.dumps(row) + "\n" for row in bare))
    changes["checkpoint"] = save(tmp_path / "x.ckpt", argparse.Namespace(**OPTIONS), video=10, text=6)
    # Without gates and sound: neither a log nor the stream pann.
    assert Workspace(tmp_path).planned(changes=changes) == {
        "manifest": 1,
        "import_released": 2,
        "problems": 1,
        "import_checkpoint": 1,
        "predict": 1,
        "rank": 1,
        "plot_moments": 1,
        "plot_example": 1,
        "overview": 1,
        "explore": 1,
        "report_pages": 1,
    }


def test_a_network_without_sound_needs_no_streams_of_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`base`, the main run, has a fusion; the file says that its network has none."""
    monkeypatch.chdir(tmp_path)
    changes = merge(marked(tmp_path), {"model": {"audio_streams": []}})
    given = changes | {"checkpoint": save(tmp_path / "x.ckpt", argparse.Namespace(**OPTIONS), video=10, text=6)}
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    study = load_study(merge(config, given), ROOT, given)
    assert study.streams == ["clip_text", "clip_visual"]


def test_a_file_that_is_no_checkpoint_is_named_before_any_job(tmp_path: Path) -> None:
    def refused(message: str, file: str | Path) -> None:
        with pytest.raises(UserError, match=message) as raised:
            find_given({"checkpoint": str(file)}, ModelConfig(), [])
        assert "\n" not in str(raised.value) and "eights only" not in str(raised.value)

    (tmp_path / "empty.pt").touch()
    refused(r"config: checkpoint: .*empty\.pt: not a checkpoint of torch", tmp_path / "empty.pt")
    torch.save({"weights": torch.ones(2)}, tmp_path / "other.pt")
    refused(r"other\.pt: not a checkpoint of this project, nor of QD-DETR", tmp_path / "other.pt")
    torch.save({"format": 1, "no_network": "no video to train on"}, tmp_path / "none.pt")
    refused(r"none\.pt: holds no network: no video to train on", tmp_path / "none.pt")
    odd = save(tmp_path / "odd.ckpt", {**OPTIONS, "use_txt_pos": True}, video=10, text=6)
    refused(r"odd\.ckpt: option use_txt_pos=True of the reference is not supported", odd)
    refused(r"only \{scope\} may stand in braces, got runs/\{seed\}/all\.pt", "runs/{seed}/{scope}.pt")
    refused(r"config: checkpoint: no such file: none/all\.pt", "none/{scope}.pt")


def test_domains_need_files_that_say_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    changes = rated(tmp_path)
    save(tmp_path / "BK.ckpt", argparse.Namespace(**OPTIONS, dset_name="tvsum"), video=18, text=6)
    with pytest.raises(UserError, match=r"scopes by_domain, the name must contain \{scope\}"):
        load(**changes, checkpoint="BK.ckpt")
    with pytest.raises(UserError, match=r"config: checkpoint: no such file: VT\.ckpt"):
        load(**changes, checkpoint="{scope}.ckpt")
    save(tmp_path / "VT.ckpt", argparse.Namespace(**OPTIONS, a_feat_dim=8), video=10, text=6, audio=8)
    with pytest.raises(UserError, match=r"VT\.ckpt and BK\.ckpt hold networks of different kinds"):
        load(**changes, checkpoint="{scope}.ckpt")
    save(tmp_path / "FM.ckpt", argparse.Namespace(**OPTIONS, dset_domain="FM"), video=18, text=6)
    with pytest.raises(UserError, match=r"FM\.ckpt is for domain FM, which is not among .* \(BK, VT\)"):
        load(**changes, checkpoint="FM.ckpt")
    # A file that does not say it, under any name, is for the only domain that is predicted.
    changes["dataset"]["domains"] = ["VT"]
    study = load(**changes, checkpoint="BK.ckpt")
    assert study.given is not None and study.given.files == {"VT": "BK.ckpt"}


def test_one_file_of_gates_for_one_job(tmp_path: Path) -> None:
    changes = marked(tmp_path)
    options = argparse.Namespace(**OPTIONS, a_feat_dim=8, use_avigate_custom=True, fusion_layers=2)
    changes["checkpoint"] = save(tmp_path / "x.ckpt", options, video=10, text=6, audio=8, gated=True)
    changes["inference"] = {"gate_save_path": "my gates/x.jsonl", "gate_sample_count": 2}
    workspace = Workspace(tmp_path)
    done = workspace.snakemake("--cores", "2", "my gates/x.jsonl", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:]
    assert len((tmp_path / "my gates/x.jsonl").read_text().splitlines()) == 2
    assert len((tmp_path / "predictions/marked/val.jsonl").read_text().splitlines()) == 3
    plan = workspace.planned(changes=changes)
    assert "predict_gated" not in plan and plan["plot_gate_figures"] == 1


def test_a_file_of_gates_that_several_jobs_would_write() -> None:
    message = (
        r"config: inference\.gate_save_path: 3 jobs would write g\.jsonl, such as those of run base, scope all, seed "
        r"2018, val and run film, scope all, seed 2018, val: name a folder"
    )
    with pytest.raises(UserError, match=message):
        load(inference={"gate_save_path": "g.jsonl"})
    with pytest.raises(
        UserError, match=r"gate_save_path: data/demo/val\.jsonl is the file of dataset\.annotations\.val"
    ):
        load(inference={"gate_save_path": "./data/demo/val.jsonl"})
    one = load(inference={"gate_save_path": "g.jsonl"}, selected_runs=["film", "video_only"], main_run="film")
    assert one.gate_file_job is not None and (one.gate_file_job.run, one.gate_file_job.split) == ("film", "val")
    assert load(inference={"gate_save_path": "g.jsonl", "gate_log": False}).gate_file_job is None


def test_a_trained_run_writes_the_file_of_gates(tmp_path: Path) -> None:
    changes = {"inference": {"gate_save_path": "g.jsonl"}, "selected_runs": ["base"]}
    workspace = Workspace(tmp_path)
    plan = workspace.planned("all", changes=changes)
    assert (plan["infer_gated"], plan["score_other"], plan["plot_gates"]) == (1, 1, 1)
    assert "infer" not in plan
    # The same run predicts another split without a log, and another run's gates are not drawn from the file.
    train = workspace.planned("runs/demo/base/all/seed1/predictions_train.jsonl", changes=changes)
    assert train["infer"] == 1 and "infer_gated" not in train
    done = workspace.snakemake("--dry-run", "plots/demo/film/gates_val.png", changes=changes)
    assert done.returncode and "Traceback" not in done.stderr
    # No selected run has gates: nothing writes the file, and nothing is drawn from one that another study left.
    changes["selected_runs"] = ["video_only"]
    (tmp_path / "g.jsonl").touch()
    plan = workspace.planned("all", changes=changes)
    assert plan["infer"] == 1 and not {"infer_gated", "plot_gates", "plot_gates_of_main_run"} & plan.keys()
    base = workspace.planned("runs/demo/base/all/seed1/predictions_val.jsonl", changes=changes)
    assert base["infer"] == 1 and "infer_gated" not in base
    done = workspace.snakemake("--dry-run", "plots/gates_val.png", changes=changes)
    assert done.returncode and "g.jsonl of base, val" in done.stderr + done.stdout
