"""Values of config.yaml that belong to the demo do not get into a study of another dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import UserError
from tests.workflow.workspace import ROOT, Workspace, merge
from workflow.checks.defaults import withhold
from workflow.configuration import check
from workflow.study import SCHEMA, Study, load_study


def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return loaded


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / SCHEMA).read_text(encoding="utf-8"))
    return loaded


def own(folder: Path, **changes: Any) -> dict[str, Any]:
    """What the user gives for two queries about one video, with weights of their own for CLIP and PANN."""
    (folder / "videos").mkdir()
    (folder / "videos/rex.mp4").touch()
    for qid, split in enumerate(("train", "val", "test")):
        row = f'{{"qid": {qid}, "query": "a dog", "vid": "rex", "duration": 10}}\n'
        (folder / f"{split}.jsonl").write_text(row)
    for name in ("clip.pt", "pann.pth"):
        (folder / name).touch()
    annotations = {split: str(folder / f"{split}.jsonl") for split in ("train", "val")}
    given: dict[str, Any] = {
        "dataset": {"name": "own", "videos": str(folder / "videos"), "annotations": annotations},
        "clip": {"architecture": "ViT-B-32", "weights": str(folder / "clip.pt")},
        "pann": {"weights": str(folder / "pann.pth")},
        "model": {"audio_streams": ["pann"]},
    }
    return merge(given, changes)


def load(given: dict[str, Any]) -> Study:
    return load_study(merge(config(), given), ROOT, given)


def test_another_dataset_has_only_its_own_encoders_and_queries(tmp_path: Path) -> None:
    study = load(own(tmp_path))
    assert [row["qid"] for row in study.data.queries] == [0, 1]
    # The demo's definition would tell the activation of any weights, and switch the QuickGELU check off.
    assert study.config["clip"]["definition"] == ""
    # Sizes of the published network, not those of the demo's small one.
    assert (study.config["pann"]["base_channels"], study.config["pann"]["embedding_dim"]) == (64, 2048)
    assert study.config["clap"]["weights"] == ""
    # What belongs to no dataset is still config.yaml's.
    assert study.config["train"]["epochs"] == 30 and study.main_run == "base"


def test_runs_of_the_demo_that_nobody_selected_stop_no_study(tmp_path: Path) -> None:
    """Without sound, runs with a fusion are mistakes; only those count that a user names."""
    silent = own(tmp_path) | {"model": {"fusion": "none", "audio_streams": []}, "selected_runs": ["base"]}
    study = load(silent)
    assert "base" in study.settings and not {"concat", "avigate"} & study.settings.keys()
    message = r"config: run concat: model\.audio_streams is empty, but model\.fusion is 'concat'"
    for change in (
        {"selected_runs": ["concat"]},
        {"main_run": "concat"},
        {"runs": {"concat": {"train": {"epochs": 3}}}},
    ):
        with pytest.raises(UserError, match=message):
            load(silent | change)


def test_a_split_of_the_demo_is_no_split_of_another_dataset(tmp_path: Path) -> None:
    given = own(tmp_path)
    del given["dataset"]["annotations"]["val"]
    given["dataset"]["annotations"]["test"] = str(tmp_path / "test.jsonl")
    with pytest.raises(UserError) as raised:
        load(given)
    said = (
        "config: dataset.annotations.val is required unless a checkpoint is given (that of config.yaml is the demo's)"
    )
    assert str(raised.value) == said


def test_snakemake_tells_what_the_user_gives(tmp_path: Path) -> None:
    """Both `--configfile` and `--config` count, and config.yaml, which Snakemake merges with them, does not."""
    (tmp_path / "t.jsonl").touch()
    dataset = {"name": "own", "videos": str(tmp_path), "annotations": {"train": "t.jsonl"}}
    for more, missing in (("{}", "val"), ("{annotations: {val: none.jsonl}}", "")):
        done = Workspace(tmp_path).snakemake("--dry-run", "--config", f"dataset={more}", changes={"dataset": dataset})
        [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        said = (
            "dataset.annotations.val is required unless" if missing else "dataset.annotations.val: no such file: none"
        )
        assert done.returncode == 1 and said in line, line


@pytest.mark.parametrize(
    ("section", "key", "message"),
    [
        ("dataset", "videos", "config: dataset.videos is required (that of config.yaml is the demo's)"),
        ("dataset", "annotations", "config: dataset.annotations is required (that of config.yaml is the demo's)"),
        ("clip", "architecture", "config: clip.architecture is required: the name of an open_clip model"),
        (
            "clip",
            "weights",
            "config: clip.weights: empty: give a path or published:NAME, or the tag of published weights in"
            " clip.pretrained",
        ),
        ("pann", "weights", "config: pann.weights: empty: give a path or published:NAME"),
    ],
)
def test_what_is_missing_is_named_before_any_job(tmp_path: Path, section: str, key: str, message: str) -> None:
    given = own(tmp_path)
    del given[section][key]
    with pytest.raises(UserError) as raised:
        load(given)
    assert str(raised.value) == message


def test_sections_that_no_stream_reads_may_be_missing(tmp_path: Path) -> None:
    given = own(tmp_path, model={"fusion": "none"}, selected_runs=["video_only"], main_run="video_only")
    del given["pann"], given["model"]["audio_streams"]
    assert load(given).streams == ["clip_text", "clip_visual"]


def test_the_demo_keeps_what_a_study_does_not_change() -> None:
    given = {"dataset": {"shards": 1}, "pann": {"base_channels": 4}}
    kept, withheld = withhold(merge(config(), given), given, schema())
    assert kept == merge(config(), given) and not withheld


def test_a_definition_that_is_left_over_in_the_demo_is_refused() -> None:
    said = r"clip\.definition: demo/encoders/demo-clip\.json defines demo-clip, but clip\.architecture is ViT-B-32: "
    given = {"clip": {"architecture": "ViT-B-32", "weights": "weights/demo/clip.pt"}}
    with pytest.raises(UserError, match=said):
        load(given)


def test_malformed_sections_are_left_to_the_schema() -> None:
    for given in ({"dataset": {"name": "own", "annotations": 3}}, {"clip": None, "dataset": {"name": "own"}}):
        with pytest.raises(UserError, match="config: "):
            check(merge(config(), given), ROOT / SCHEMA, given)
    with pytest.raises(UserError, match="config: dataset: None is not of type 'object'"):
        check(merge(config(), {"dataset": None}), ROOT / SCHEMA, {"dataset": None})


def test_each_marked_key_has_a_value_for_the_demo_only() -> None:
    """A mark on a key that config.yaml leaves at its default would say nothing."""
    given = {"dataset": {"name": "own"}}
    _, withheld = withhold(merge(config(), given), given, schema())
    assert withheld == [
        "dataset.videos",
        "dataset.annotations",
        "clip.architecture",
        "clip.definition",
        "clip.weights",
        "pann.base_channels",
        "pann.embedding_dim",
        "pann.weights",
        "clap.weights",
    ]
