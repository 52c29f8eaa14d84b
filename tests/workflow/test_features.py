"""Features of other kinds than the demo's: imported without any video, with published weights, with ready recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cli import UserError
from formats.store import Store
from tests.workflow.workspace import ROOT, Workspace, merge
from workflow.configuration import check
from workflow.encoders import check_streams, check_weights, imported_streams, weight_files, weights_argument

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
VIDS = ["-a_0.0_12.0", "b", "c"]
MADE = {"manifest": 1, "import_released": 4, "problems": 1}


def released(folder: Path) -> dict[str, Any]:
    """Released features of three videos of 12 s, one row short in two streams; gives the configuration to use them."""
    rng = np.random.default_rng(0)
    parts = {"slowfast": 24, "clip": 16, "pann": 8}
    for name in (*parts, "text"):
        (folder / "released" / name).mkdir(parents=True)
    rows = []
    for qid, vid in enumerate(VIDS):
        for name, dim in parts.items():
            features = rng.standard_normal((5 if vid == "b" and name != "clip" else 6, dim)).astype(np.float32)
            if name == "pann":
                np.save(folder / "released" / name / f"{vid}.npy", features)
            else:
                np.savez(folder / "released" / name / f"{vid}.npz", features=features)
        np.savez(folder / "released" / "text" / f"qid{qid}.npz", last_hidden_state=rng.standard_normal((4, 12)))
        labels = {"relevant_windows": [[2, 6]], "relevant_clip_ids": [1, 2], "saliency_scores": [[3, 2, 4], [4, 4, 4]]}
        rows.append({"qid": qid, "query": f"query {qid}", "vid": vid, "duration": 12, **labels})
    for name, part in (("train", rows[:2]), ("val", rows[2:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    layouts = {"slowfast": "moment_detr", "clip": "moment_detr", "pann": "umt"}
    imported = {name: {"layout": layout, "folders": [f"released/{name}"]} for name, layout in layouts.items()}
    imported["slowfast"] |= {"hold_last": 1}
    imported["clip_text"] = {"layout": "moment_detr_text", "folders": ["released/text"]}
    return {
        "dataset": {
            "name": "own",
            "videos": "",
            "annotations": {"train": "train.jsonl", "val": "val.jsonl"},
            "shards": 1,
        },
        "imported": imported,
        "model": {"video_streams": ["slowfast", "clip"], "audio_streams": ["pann"]},
    }


def test_a_model_is_trained_from_released_features_without_any_video(tmp_path: Path) -> None:
    changes = released(tmp_path)
    workspace = Workspace(tmp_path)
    assert workspace.planned("features", changes=changes) == MADE
    done = workspace.snakemake("--cores", "2", "runs/own/base/all/seed1/best.pt", changes=changes)
    assert done.returncode == 0, done.stderr[-4000:]
    stores = {path.parent.name: Store(path) for path in (tmp_path / "features/own").glob("*/000.h5")}
    assert {name: store.dim for name, store in stores.items()} == {
        "slowfast": 24,
        "clip": 16,
        "pann": 8,
        "clip_text": 12,
    }
    assert stores["slowfast"].on_grid("b", 6)[1].all()  # the network reads every clip
    assert stores["pann"].on_grid("b", 6)[1].tolist() == [True] * 5 + [False]
    assert workspace.planned("runs/own/base/all/seed1/best.pt", changes=changes) == {}
    # A changed file, duration or text re-runs what reads it.
    np.save(tmp_path / "released/pann/c.npy", np.ones((6, 8), np.float32))
    assert workspace.planned("features", changes=changes) == {"import_released": 1, "problems": 1}
    rows = [json.loads(line) for line in (tmp_path / "val.jsonl").read_text().splitlines()]
    (tmp_path / "val.jsonl").write_text(json.dumps(rows[0] | {"duration": 10}) + "\n")
    assert workspace.planned("features", changes=changes) == MADE


def test_released_files_are_checked_before_any_job(tmp_path: Path) -> None:
    """A missing folder, and folders of two streams that were swapped; a stream that no run reads is not looked for."""
    changes = released(tmp_path)
    changes["imported"]["unused"] = {"layout": "umt", "folders": ["no/such"]}
    changes["imported"]["slowfast"] |= {"dim": 24}
    assert Workspace(tmp_path).planned("features", changes=changes) == MADE
    swapped = {"imported": {"slowfast": {"folders": ["released/clip"]}}}
    gone = {"imported": {"pann": {"folders": ["released/pan"]}}}
    for change, message in (
        (swapped, "slowfast: dim is 24, but released/clip/-a_0.0_12.0.npz has 16 values per row: are folders of two"),
        (gone, "pann: folders: no such folder: released/pan"),
    ):
        done = Workspace(tmp_path).snakemake("--dry-run", "features", changes=merge(changes, change))
        assert done.returncode == 1
        [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert line.startswith(f"error: config: imported.{message}")


def test_streams_that_nothing_makes_are_named(config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"unknown stream 'slowfast' \(known: clip_visual, clip_text, pann, clap"):
        check_streams(config, ["slowfast"])
    config["dataset"]["videos"] = ""
    with pytest.raises(UserError, match=r"dataset\.videos is empty, but stream clap is encoded from videos"):
        check_streams(config, ["clip_text", "clap"])
    config["imported"] = {"clap": {"layout": "umt", "folders": ["x"]}}
    check_streams(config, ["clip_text", "clap"])
    check_weights(merge(config, {"clap": {"weights": "no/such"}}), ["clap"], made="weights/demo")
    with pytest.raises(
        UserError, match="imported: folders: tvsum_text takes one folder, because tokens cannot be joined"
    ):
        imported_streams({"imported": {"s": {"layout": "tvsum_text", "folders": ["x", "y"]}}})


@pytest.fixture
def config() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "config.yaml").read_text())
    return check(loaded, SCHEMA)


@pytest.mark.parametrize("name", ["features_l14_clap", "features_b32_pann"])
def test_recipes_fit_the_schema_and_their_weights_are_fetched(
    config: dict[str, Any], name: str, tmp_path: Path
) -> None:
    overlay = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
    recipe = check(merge(config, overlay), SCHEMA)
    check_weights(recipe, ["clip_visual", "clip_text", recipe["model"]["audio_streams"][0]], made="weights/demo")
    streams = {"features_l14_clap": ("clip_visual", "clap"), "features_b32_pann": ("clip_text", "pann")}[name]
    files = [file for stream in streams for file in weight_files(recipe, stream)]
    planned = Workspace(tmp_path).planned("features", changes=overlay)
    assert planned["fetch_weights"] == len(files)
    assert not planned.keys() & {"weights_clip", "weights_pann", "weights_clap"}
    for file in files:  # put there by hand, as the command says where there is no network
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert "fetch_weights" not in Workspace(tmp_path).planned("features", changes=overlay)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("siglip2", {"encode siglip_visual": 2, "encode siglip_text": 2}),
        ("dinov2", {"weights_clip": 1, "encode clip_visual": 2, "encode dino_visual": 2, "encode clip_text": 2}),
    ],
)
def test_encoders_of_overlays_are_planned_and_need_no_rule_of_their_own(
    name: str, made: dict[str, int], tmp_path: Path
) -> None:
    overlay = yaml.safe_load((ROOT / f"config/encoders/{name}.yaml").read_text())
    planned = Workspace(tmp_path).planned("features", changes=overlay)
    common = {"media": 1, "manifest": 2, "problems": 1, "weights_pann": 1, "weights_clap": 1}
    assert planned == {**common, "encode pann": 2, "encode clap": 2, **made}
    section = next(key for key in overlay if key != "model")
    overlay[section]["pretrained"] = ""
    done = Workspace(tmp_path).snakemake("--dry-run", "features", changes=overlay)
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    message = f"{section}.weights: empty: give a path or published:NAME, or the tag of published weights"
    assert message in line and f"{section}.pretrained" in line


def test_widths_of_the_recipes_are_the_published_ones() -> None:
    """1024 / 768 / 512 and 512 / 512 / 2048: of the models' definitions; nothing is downloaded."""
    from open_clip import get_model_config
    from transformers import ClapConfig

    def widths(name: str) -> tuple[int, int]:
        recipe = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
        model = get_model_config(recipe["clip"]["architecture"])
        projected = recipe["visual"]["output"] == "projected"
        visual = model["embed_dim"] if projected else model["vision_cfg"]["width"]
        return visual, model["text_cfg"]["width"]

    assert widths("features_l14_clap") == (1024, 768)
    assert widths("features_b32_pann") == (512, 512)
    assert ClapConfig().projection_dim == 512


def test_where_weights_lie(config: dict[str, Any]) -> None:
    config["clip"]["weights"] = "published:clip-vit-l14-openai"
    assert weights_argument(config, "clip_visual") == "weights/published/clip-vit-l14-openai/ViT-L-14.pt"
    config["clap"]["weights"] = "published:clap-htsat-unfused"
    assert weights_argument(config, "clap") == "weights/published/clap-htsat-unfused"
    assert len(weight_files(config, "clap")) == 3
    config["clap"]["weights"] = "hub:laion/clap-htsat-unfused"
    assert (weight_files(config, "clap"), weights_argument(config, "clap")) == ([], "hub:laion/clap-htsat-unfused")
    check_weights(config, ["clip_visual", "clap"], made="weights/demo")
    config["clip"] |= {"weights": "", "pretrained": "openai"}
    assert weight_files(config, "clip_text") == []
    check_weights(config, ["clip_text"], made="weights/demo")
    config["clip"]["pretrained"] = ""
    with pytest.raises(UserError, match=r"clip\.weights: empty: give a path or published:NAME, or the tag"):
        check_weights(config, ["clip_text"], made="weights/demo")
    config["pann"]["weights"] = "published:clip-vit-l14-openai"
    with pytest.raises(UserError, match=r"pann\.weights: clip-vit-l14-openai is for clip"):
        check_weights(config, ["pann"], made="weights/demo")


def test_published_weights_come_from_a_mirror_or_fail_in_one_line(tmp_path: Path) -> None:
    """A right file cannot be made here; a wrong one in the mirror must stop the job and say which and why."""
    workspace = Workspace(tmp_path)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "config.json").write_text("{}")
    target = "weights/published/clap-htsat-unfused/config.json"
    changes = {"weights_mirror": str(tmp_path / "mirror")}
    done = workspace.snakemake("--cores", "1", "--retries", "0", target, changes=changes)
    log = (tmp_path / "logs/fetch_weights/clap-htsat-unfused/config.json.log").read_text().splitlines()
    assert done.returncode != 0 and not (tmp_path / target).exists()
    assert "mirror/config.json: 2 bytes, but the published config.json has 5,390" in log[-1]
