"""A folder of one's own videos with a given checkpoint: from a text file of queries to moments and pictures."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from av_highlights.bundle import make_bundle
from av_highlights.bundle.study import parts_of_run
from cli import UserError
from formats.bundle import DEMO_WARNING, read_bundle, sections_of
from model.config import ModelConfig
from tests.warm import run_python
from tests.workflow.workspace import ROOT, TINY, Workspace, merge
from workflow.configuration import check, check_checkpoint

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def overlay() -> dict[str, Any]:
    """config/folder.yaml without its bundle, for a checkpoint beside settings that are given one by one."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config/folder.yaml").read_text())
    assert loaded.pop("bundle") == "bundles/demo"
    return loaded


def write_checkpoint(path: Path) -> None:
    """What is read of a checkpoint before any job: its configuration."""
    torch.save({"format": 1, "model": {}, "config": ModelConfig().to_dict(), "about": {}}, path)


def test_videos_of_several_containers_are_searched(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle of the demo's network, and media under other names; 8-s windows, as no video here is long."""
    videos = tmp_path / "data/folder/videos"
    videos.mkdir(parents=True)
    sources = sorted((built.folder / "data/demo/videos").iterdir())
    for source, name in zip(sources, ("a b", "second"), strict=False):
        shutil.copy(source, videos / f"{name}{source.suffix}")
    (videos / "broken.mp4").write_bytes(b"no video at all")
    (tmp_path / "queries.txt").write_text("a red disc\nsecond\tsomething is heard\n")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(TINY))
    with monkeypatch.context() as patch:
        patch.chdir(built.folder)
        parts = parts_of_run("base", 1, configfiles=[tmp_path / "study.yaml"])
        bundle = make_bundle(parts, tmp_path / "bundles/demo")
    assert bundle.demo and bundle.window_seconds == 14.0  # the demo's longest video
    command = ["-m", "feature_extractors", "convert", "--from", "folder", "--files", "queries.txt"]
    command += ["--videos", str(videos), "--out", "data/folder"]
    assert run_python(command, tmp_path, {"PYTHONPATH": str(ROOT)}).returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "data/folder/queries.jsonl").read_text().splitlines()]
    assert [row["vid"] for row in rows] == ["a b", "second", "second"]

    # The workspace gives the encoders of the tiny configuration; they must be the bundle's.
    changes = merge(overlay(), {"bundle": "bundles/demo", "inference": {"window_seconds": 8.0}})
    workspace = Workspace(tmp_path)
    refused = workspace.snakemake("--dry-run", changes=changes)
    assert refused.returncode == 1
    line = (
        "error: config: clap.weights is 'weights/demo/clap', but 'bundles/demo/weights/clap' in the bundle bundles/demo"
    )
    assert f"{line}: leave the key out" in refused.stderr.splitlines()
    sections = sections_of(read_bundle(tmp_path / "bundles/demo"), Path("bundles/demo"))
    changes |= {section: sections[section] for section in ("clip", "pann", "clap")}
    planned = workspace.planned(changes=changes)
    assert planned == {
        "manifest": 1,
        "encode clip_visual": 1,
        "encode clip_text": 1,
        "encode pann": 1,
        "encode clap": 1,
        "problems": 1,
        "predict_gated": 1,
        "rank": 1,
        "plot_moments": 1,
        "gates": 1,
        "plot_gates": 1,
        "plot_gates_of_main_run": 1,
        "plot_gate_figures": 1,
        "strip": 1,
        "plot_example": 1,
        "overview": 1,
        "previews": 1,
        "explore": 1,
        "report_pages": 1,
    }
    done = workspace.snakemake("--cores", "2", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:]
    predicted = (tmp_path / "predictions/folder/queries.jsonl").read_text().splitlines()
    for row, line in zip(rows, map(json.loads, predicted), strict=True):
        assert line["qid"] == row["qid"]
        assert len(line["pred_saliency_scores"]) == row["duration"] // 2
        scores = [score for _, _, score in line["pred_relevant_windows"]]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) > 1
        assert all(0 <= start < end <= row["duration"] for start, end, _ in line["pred_relevant_windows"])
        assert (tmp_path / f"plots/folder/moments/{row['qid']}.png").is_file()
    table = (tmp_path / "results/folder/ranked.md").read_text()
    assert "something is heard" in table and f"**Warning:** {DEMO_WARNING}." in table
    page = (tmp_path / "results/folder/overview.txt").read_text()
    assert page.startswith("folder: nothing was trained; ") and "nothing is scored" in page
    assert page in done.stdout and "results/folder/ranked.md" in page
    assert "the network of bundles/demo answered" in page and f"WARNING: {DEMO_WARNING}" in " ".join(page.split())
    assert workspace.planned(changes=changes) == {}
    changes["inference"]["duplicate_iou"] = 0.9
    again = {"predict_gated", "rank", "plot_moments", "gates", "plot_gates", "plot_gates_of_main_run"}
    again |= {"plot_gate_figures", "plot_example", "overview", "explore", "report_pages"}
    assert workspace.planned(changes=changes) == dict.fromkeys(again, 1)

    # A query that is removed takes its picture with it.
    queries = tmp_path / "data/folder/queries.jsonl"
    queries.write_text("".join(line + "\n" for line in queries.read_text().splitlines()[1:]))
    done = workspace.snakemake("--cores", "2", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:]
    pictures = sorted(path.stem for path in (tmp_path / "plots/folder/moments").glob("*.png"))
    assert pictures == sorted(str(row["qid"]) for row in rows[1:])
    report = workspace.snakemake("--report", "report.html", changes=changes)
    assert report.returncode == 0, report.stderr[-4000:]
    assert all(f"query {row['qid']}" in (tmp_path / "report.html").read_text() for row in rows[1:])


def test_what_a_checkpoint_replaces() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    given = merge(overlay(), {"checkpoint": "best.pt"})
    checked = check(merge(config, given), SCHEMA, given)
    assert list(checked["dataset"]["annotations"]) == ["queries"]
    with pytest.raises(UserError, match=r"checkpoint: no such file: no/such\.pt"):
        check_checkpoint(merge(checked, {"checkpoint": "no/such.pt"}))
    with pytest.raises(
        UserError, match=r"dataset\.annotations\.train is required unless a checkpoint is given \(that of"
    ):
        check(merge(config, overlay()), SCHEMA, overlay())
    with pytest.raises(UserError, match="no split has a file"):
        check(merge(config, {"dataset": {"annotations": {"train": "", "val": ""}}}), SCHEMA)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (
            {"inference": {"window_seconds": 1.0}},
            r"inference\.window_seconds must be 0 or at least 4 \(two clips\), got 1",
        ),
        ({"clips": {"seconds": 1.0}}, r"config: clips\.seconds must be 2 to predict with a checkpoint, got 1"),
    ],
)
def test_what_prediction_would_refuse_is_refused_before_any_job(
    patch: dict[str, Any], message: str, tmp_path: Path
) -> None:
    changes = merge(merge(overlay(), patch), {"checkpoint": "best.pt"})
    write_checkpoint(tmp_path / "best.pt")
    done = Workspace(tmp_path).snakemake("--dry-run", changes=changes)
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and re.search(message, line), line


@pytest.mark.parametrize(
    ("qid", "message"), [("a/b", "pictures are named by qid"), ("x" * 300, "too long for the file name")]
)
def test_a_query_that_can_have_no_picture_is_refused_before_any_job(qid: str, message: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "best.pt")
    (tmp_path / "data/folder/videos").mkdir(parents=True)
    (tmp_path / "data/folder/videos/v.mp4").touch()
    row = {"qid": qid, "vid": "v", "query": "q", "duration": 20}
    (tmp_path / "data/folder/queries.jsonl").write_text(json.dumps(row) + "\n")
    done = Workspace(tmp_path).snakemake("--dry-run", changes=merge(overlay(), {"checkpoint": "best.pt"}))
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and line.startswith("error: config: dataset.annotations: qid") and message in line
