"""One network a domain: which scopes there are, what runs for them, and the table by domain."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli import UserError
from model.config import TrainConfig
from tests.workflow.workspace import Workspace, merge
from workflow.dataset import Dataset
from workflow.scopes import find_scopes, rates_clips

CLIPS = 12


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rated(folder: Path) -> dict[str, Any]:
    """Two domains of three videos with released features in TVSum's layouts; gives the configuration to use them."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": []}
    for name in ("video", "text"):
        (folder / "released" / name).mkdir(parents=True)
    for index in range(6):
        vid, domain = f"v{index}", ("BK", "VT")[index % 2]
        label = rng.integers(1, 6, (CLIPS, 20)).astype(float)
        for part in ("rgb", "opt"):
            features = label.mean(1, keepdims=True) + rng.standard_normal((CLIPS, 8))
            np.save(folder / f"released/video/{vid}_{part}.npy", features.astype(np.float32))
        np.savez(folder / f"released/text/{vid}.npz", token=rng.standard_normal((3, 6)))
        row = {"qid": vid, "vid": vid, "query": "title", "domain": domain, "duration": CLIPS, "label": label.tolist()}
        rows["train" if index < 4 else "val"].append(row | {"relevant_windows": None, "relevant_clip_ids": None})
    for split, part in rows.items():
        write_rows(folder / f"{split}.jsonl", part)
    return {
        "dataset": {
            "name": "rated",
            "videos": "",
            "annotations": {"train": "train.jsonl", "val": "val.jsonl"},
            "shards": 1,
            "scopes": "by_domain",
        },
        "imported": {
            "i3d": {"layout": "tvsum_i3d", "folders": ["released/video"]},
            "clip_text": {"layout": "tvsum_text", "folders": ["released/text"]},
        },
        "model": {"video_streams": ["i3d"], "fusion": "none"},
        "train": {"objective": "saliency", "best_metric": "mAP", "batch_size": 4},
        "inference": {"checkpoint": "last"},
        "main_run": "video_only",
        "selected_runs": ["video_only"],
        "seeds": [1, 2],
    }


def test_domains_and_seeds_end_in_one_table(tmp_path: Path) -> None:
    changes, workspace = rated(tmp_path), Workspace(tmp_path)
    assert workspace.planned("all", changes=changes) == {
        "manifest": 1,
        "import_released": 2,
        "problems": 1,
        "train": 4,  # 2 domains x 2 seeds
        "infer": 4,
        "plot_training": 1,  # of the first scope and seed
        "tvsum": 2,
        "tvsum_table": 1,
        "plot_domains": 1,
        "summarise": 1,
        "plot_summary": 1,
        "overview": 1,
        "plot_example": 1,
        "explore": 1,
        "report_pages": 1,
    }
    done = workspace.snakemake("--cores", "2", "all", changes=merge(changes, {"seeds": [1]}))
    assert done.returncode == 0, done.stderr[-4000:]
    table = json.loads((tmp_path / "results/rated/tvsum.json").read_text())
    names = [(row["run"], row["epoch"]) for row in table["rows"]]
    assert names[:3] == [("video_only", "best epoch"), ("video_only", "last epoch"), ("chance", None)]
    assert {"mean human", "best found (25 clips)"} <= {name for name, _ in names}
    assert table["domains"] == ["BK", "VT"]
    # Each network saw its own domain, and the score is that of its history.
    for domain, count in (("BK", "v4"), ("VT", "v5")):
        folder = tmp_path / f"runs/rated/video_only/{domain}/seed1"
        predicted = [json.loads(line) for line in (folder / "predictions_val.jsonl").read_text().splitlines()]
        assert [row["qid"] for row in predicted] == [count]
        history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        assert table["rows"][1]["values"]["mAP"][domain]["by_seed"] == [history[-1]["val"]["mAP"]]
    assert "top-5 mAP (last epoch)" in (tmp_path / "results/rated/summary.md").read_text()
    assert (tmp_path / "plots/rated/summary.png").is_file()
    text = (tmp_path / "plots/rated/domains.svg").read_text()
    assert all(f">{word}<" in text for word in ("BK", "VT", "mean", "video_only", "chance", "ceiling", "best epoch"))


def test_a_domain_that_cannot_be_read_is_left_out_by_its_jobs(tmp_path: Path) -> None:
    """The first domain has no features to score, the third none to train on: the others end in marked tables."""
    changes, workspace = rated(tmp_path), Workspace(tmp_path)
    rows = {split: [json.loads(line) for line in (tmp_path / f"{split}.jsonl").open()] for split in ("train", "val")}
    for split, part in rows.items():
        extra = [row | {"qid": f"{row['qid']}-ga", "vid": f"{row['vid']}-ga", "domain": "GA"} for row in part[:1]]
        write_rows(tmp_path / f"{split}.jsonl", part + extra)
        for row in extra:
            np.savez(tmp_path / f"released/text/{row['vid']}.npz", token=np.ones((3, 6)))
    for part in ("rgb", "opt"):
        (tmp_path / f"released/video/v4_{part}.npy").unlink()  # BK's only video of val
        # Of GA, val alone has features.
        shutil.copy(tmp_path / f"released/video/v5_{part}.npy", tmp_path / f"released/video/v4-ga_{part}.npy")
    changes["imported"]["sound"] = changes["imported"]["i3d"]
    changes["model"] |= {"audio_streams": ["sound"], "fusion": "avigate_custom"}
    changes |= {"main_run": "base", "selected_runs": ["base"], "seeds": [1]}
    # The most expensive job of a small study, whose pictures nobody looks at here.
    without = ("--omit-from", "plot_gate_figures", "--")
    done = workspace.snakemake("--cores", "2", *without, "all", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
    table = json.loads((tmp_path / "results/rated/tvsum.json").read_text())
    assert table["domains"] == ["VT"]
    assert table["rows"][0]["coverage"] == {"queries": 1, "of": 3, "without": ["BK", "GA"]}
    said = "† base: 1 of 3 videos, without domains BK, GA, not comparable with full-set numbers."
    assert said in (tmp_path / "results/rated/tvsum.md").read_text()
    assert "†" in (tmp_path / "results/rated/summary.md").read_text()
    listed = [line.split("\t") for line in (tmp_path / "reports/rated/problems.tsv").read_text().splitlines()]
    assert [line for line in listed if line[2] == "domain"] == [
        ["domain BK", "", "domain", "left out: none of 1 queries in val.jsonl has features"],
        ["domain GA", "", "domain", "left out: none of 1 queries in train.jsonl has features"],
    ]
    assert "domain GA: left out, nothing is trained: train.jsonl: none of 1 queries" in done.stdout
    gates = json.loads((tmp_path / "results/rated/base/gates_val.json").read_text())
    assert gates["queries"] == 1
    assert workspace.planned("all", changes=changes) == {"plot_gate_figures": 1, "report_pages": 1}


def dataset(folder: Path, domains: dict[str, list[Any]], there: list[str]) -> tuple[dict[str, Any], Dataset]:
    files = {split: str(folder / f"{split}.jsonl") for split in domains}
    for split, names in domains.items():
        rows = [{"qid": f"{split}{i}", "vid": f"{split}{i}", "query": "q", "domain": n} for i, n in enumerate(names)]
        write_rows(Path(files[split]), rows)
    config = {"dataset": {"scopes": "by_domain", "domains": [], "annotations": files}, "checkpoint": ""}
    return config, Dataset([], {vid: Path(vid) for vid in there}, {})


def test_a_domain_needs_videos_to_train_and_to_score(tmp_path: Path) -> None:
    domains = {"train": ["VT", "BK", "VT", "GA"], "val": ["VT", "BK", "GA"]}
    there = ["train1", "train2", "train3", "val0", "val1"]
    assert find_scopes(*dataset(tmp_path, domains, there)) == (["BK", "VT"], ["GA"])
    # Without any media files all features are imported.
    assert find_scopes(*dataset(tmp_path, domains, [])) == (["BK", "GA", "VT"], [])
    with pytest.raises(UserError, match="no domain has videos in train and val"):
        find_scopes(*dataset(tmp_path, domains, ["train0", "val1"]))


def test_some_domains_alone(tmp_path: Path) -> None:
    config, data = dataset(tmp_path, {"train": ["VT", "BK", "GA"], "val": ["VT", "BK", "GA"]}, ["train0", "val0"])
    chosen = merge(config, {"dataset": {"domains": ["VT", "BK"]}})
    assert find_scopes(chosen, data) == (["VT"], ["BK"])
    with pytest.raises(UserError, match=r"dataset\.domains: no row has 'XX' \(known: BK, GA, VT\)"):
        find_scopes(merge(config, {"dataset": {"domains": ["BK", "XX"]}}), data)
    with pytest.raises(UserError, match=r"dataset\.scopes: no domain has videos in train and val"):
        find_scopes(merge(config, {"dataset": {"domains": ["GA"]}}), data)
    with pytest.raises(UserError, match=r"dataset\.domains has no effect with dataset\.scopes all"):
        find_scopes(merge(chosen, {"dataset": {"scopes": "all"}}), data)


def test_one_domain_and_a_run_with_a_dot_are_planned(tmp_path: Path) -> None:
    changes = merge(rated(tmp_path), {"dataset": {"domains": ["BK"], "name": "rated_v1.0"}, "seeds": [1]})
    changes |= {"runs": {"video_v1.2": {"model": {"fusion": "none"}}}, "main_run": "video_v1.2"}
    changes["selected_runs"] = ["video_v1.2"]
    planned = Workspace(tmp_path).planned("all", changes=changes)
    assert planned["train"] == 1 and planned["tvsum"] == 1
    path = "results/rated_v1.0/video_v1.2/seed1/tvsum_val.json"
    assert Workspace(tmp_path).planned(path, changes=changes)["tvsum"] == 1


@pytest.mark.parametrize("name", [None, "all", "../x", "a b", "", ".x"])
def test_domains_are_names(tmp_path: Path, name: str | None) -> None:
    with pytest.raises(UserError, match=r"train\.jsonl: qid train0: with dataset\.scopes by_domain, domain must"):
        find_scopes(*dataset(tmp_path, {"train": [name], "val": [name]}, []))


def test_one_table_holds_one_kind_of_score() -> None:
    moments, saliency = TrainConfig(), TrainConfig(objective="saliency", best_metric="mAP")
    trained = {"a": moments, "b": saliency, "c": saliency}
    assert rates_clips("by_domain", trained, ["b", "c"]) and rates_clips("all", trained, ["b"])
    assert not rates_clips("all", trained, ["a"])
    with pytest.raises(UserError, match=r"runs with different train\.objective"):
        rates_clips("all", trained, ["a", "b"])
    with pytest.raises(UserError, match="by_domain needs"):
        rates_clips("by_domain", trained, ["a"])


def test_queries_of_either_kind_of_id_are_in_one_order() -> None:
    rows: list[dict[str, Any]] = [{"qid": qid, "query": "q", "vid": "v"} for qid in ("b", 10, "a", 9)]
    found = Dataset(rows, {}, {"000": rows}).texts_of("000")
    assert found == [(9, "q"), (10, "q"), ("a", "q"), ("b", "q")]
