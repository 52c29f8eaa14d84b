"""The configuration: defaults are filled in, patches applied, and a mistake is one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import UserError
from model.config import ModelConfig
from tests.workflow.workspace import Workspace, merge, with_its_base
from workflow.configuration import check, pick, settings_of_run
from workflow.dataset import load_dataset
from workflow.encoders import check_weights

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    return loaded


@pytest.mark.parametrize("file", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda file: file.stem)
def test_overlays_are_valid(config: dict[str, Any], file: Path) -> None:
    given = with_its_base(file)
    check(merge(config, given), SCHEMA, given)


def test_missing_keys_are_filled_at_every_depth(config: dict[str, Any]) -> None:
    del config["train"]["loss"]["giou"], config["inference"]
    filled = check(config, SCHEMA)
    assert filled["train"]["loss"]["giou"] == 1.0
    assert filled["inference"]["gate_sample_count"] == -1


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"trian": {}}, "config: unknown key 'trian': did you mean train?"),
        ({"train": {"epochs": "ten"}}, "train.epochs: 'ten' is not of type 'integer'"),
        ({"train": {"epochs": 0}}, "train.epochs: 0 is less than the minimum of 1"),
        ({"model": {"fusion": "gated"}}, "model.fusion: 'gated' is not one of"),
        ({"main_run": "bass"}, "run 'bass' is not defined under runs (defined: base, "),
        ({"runs": {"random": {}}}, "random"),
        ({"runs": {"x": {"checkpoint_of": "bass"}}}, "run x: checkpoint_of: 'bass' is not defined under runs"),
        (
            {"runs": {"x": {"checkpoint_of": "base_noise"}}},
            "run x: checkpoint_of: 'base_noise' has no checkpoint of its own",
        ),
        ({"runs": {"x": {"checkpoint_of": "base", "train": {"epochs": 3}}}}, "run x: train has no effect"),
        ({"runs": {"x": {"checkpoint_of": "base", "init_from": "a.pt"}}}, "run x: init_from has no effect"),
        ({"runs": {"x": {"inference": {"audio_control": "loud"}}}}, "'loud' is not one of"),
    ],
)
def test_a_mistake_is_one_line(config: dict[str, Any], patch: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        check(merge(config, patch), SCHEMA)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("section", "patch", "message"),
    [
        ("model", {"num_queries": 3}, "run film: train.max_windows must not exceed model.num_queries"),
        (
            "train",
            {"objective": "saliency"},
            "run film: train.best_metric must be mAP with the objective saliency, got",
        ),
        ("model", {"n_heads": 5}, "run film: model.hidden_dim must be a multiple of n_heads"),
    ],
)
def test_keys_that_must_agree_are_compared_before_any_job(
    config: dict[str, Any], section: str, patch: dict[str, Any], message: str
) -> None:
    checked = check(merge(config, {"runs": {"film": {section: patch}}}), SCHEMA)
    with pytest.raises(UserError, match=re.escape(message)):
        settings_of_run(checked, "film")


def test_numbers_below_names_of_the_user_are_read(config: dict[str, Any]) -> None:
    imported = {"slowfast": {"layout": "moment_detr", "folders": ["f"], "hold_last": "2"}}
    assert check(merge(config, {"imported": imported}), SCHEMA)["imported"]["slowfast"]["hold_last"] == 2


def test_numbers_given_as_text_are_read(config: dict[str, Any]) -> None:
    """`--config train='{epochs: 3}'` hands on '3', and YAML reads 1e-4 as text."""
    patch = {"train": {"epochs": "3", "learning_rate": "1e-4"}, "model": {"ffn_gate_film": "true"}}
    checked = check(merge(config, patch), SCHEMA)
    assert checked["train"]["epochs"] == 3
    assert checked["train"]["learning_rate"] == 1e-4
    assert checked["model"]["ffn_gate_film"] is True


def test_paths_may_start_at_home(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    patch = {
        "dataset": {"videos": "~/videos"},
        "inference": {"gate_save_path": "~/gates"},
        "runs": {"film": {"init_from": "~/x.pt"}},
    }
    checked = check(merge(config, patch), ROOT / SCHEMA)
    assert checked["dataset"]["videos"] == "/home/me/videos"
    assert checked["inference"]["gate_save_path"] == "/home/me/gates"
    assert checked["runs"]["film"]["init_from"] == "/home/me/x.pt"


def test_runs_are_patches(config: dict[str, Any]) -> None:
    config = check(config, SCHEMA)
    assert settings_of_run(config, "film").model.ffn_gate_film
    assert settings_of_run(config, "mha_strong").model.mha_gate_bias_init == 1.8
    assert settings_of_run(config, "video_only").model.effective().keys().isdisjoint({"audio_streams", "gating_type"})
    control = settings_of_run(config, "base_shuffled")
    assert control.trained_as == "base" and control.inference.audio_control == "shuffled"
    assert settings_of_run(config, "base").trained_as == "base"
    assert settings_of_run(config, "base").model == ModelConfig.from_dict(config["model"])


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"train": {"epochs": 0}}, "config: run film: train.epochs: 0 is less than the minimum of 1"),
        (
            {"model": {"ffn_gate_flim": True}},
            "config: run film: unknown key 'ffn_gate_flim' under model: did you mean ffn_",
        ),
        ({"model": {"dropout": 7}}, "config: run film: model.dropout"),
    ],
)
def test_patches_are_checked_like_the_sections(config: dict[str, Any], patch: dict[str, Any], message: str) -> None:
    config["runs"]["film"] = patch
    with pytest.raises(UserError, match=re.escape(message)):
        check(config, SCHEMA)


def test_numbers_in_patches_are_read(config: dict[str, Any]) -> None:
    config["runs"]["film"] = {"train": {"learning_rate": "1e-4", "epochs": "7"}}
    settings = settings_of_run(check(config, SCHEMA), "film")
    assert (settings.train.learning_rate, settings.train.epochs) == (1e-4, 7)
    # The rest of the section is the section's, not the schema's default.
    assert settings.train.batch_size == config["train"]["batch_size"]


def test_heads_of_a_fusion_that_a_run_lacks_do_not_matter(config: dict[str, Any]) -> None:
    config["model"] |= {"hidden_dim": 60, "n_heads": 6, "fusion_n_heads": 6}
    effective = settings_of_run(check(config, SCHEMA), "video_only").model.effective()
    assert ModelConfig.from_dict(effective).hidden_dim == 60


@pytest.mark.parametrize("annotations", [{"test": "data/demo/test.jsonl"}, {"val": "elsewhere/val.jsonl"}])
def test_the_demo_has_two_splits_in_one_folder(config: dict[str, Any], annotations: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"train\.jsonl and val\.jsonl"):
        load_dataset(check(merge(config, {"dataset": {"annotations": annotations}}), SCHEMA))


def test_pick_keeps_the_nesting() -> None:
    config = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert pick(config, ["a/c/d", "e"]) == {"a": {"c": {"d": 2}}, "e": 3}


def test_missing_weights_are_named(config: dict[str, Any]) -> None:
    check_weights(config, ["clip_visual", "pann", "clap"], made="weights/demo")
    config["pann"]["weights"] = "no/such.pth"
    check_weights(config, ["clip_visual", "clap"], made="weights/demo")
    with pytest.raises(UserError, match=r"pann\.weights: no such file or folder: no/such\.pth"):
        check_weights(config, ["pann"], made="weights/demo")


def test_mistakes_reach_the_user_as_one_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "q.jsonl").write_text('{"qid": 1, "query": "a dog", "vid": "rex", "duration": 10}\n')
    own = {"name": "own", "videos": str(tmp_path), "annotations": {"train": "q.jsonl", "val": "q.jsonl"}}
    cases = [
        ({"train": {"epochs": "ten"}}, "train.epochs"),
        ({"modle": {}}, "modle"),
        ({"dataset": {**own, "annotations": {"train": "none.jsonl", "val": "q.jsonl"}}}, "none.jsonl"),
        ({"dataset": {**own, "annotations": {"train": "other.jsonl", "val": "q.jsonl"}}}, "'rex'"),
    ]
    (tmp_path / "other.jsonl").write_text('{"qid": 2, "query": "a dog", "vid": "rex", "duration": 10}\n')
    for changes, message in cases:
        done = workspace.snakemake("--dry-run", changes=changes)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("error: ")]
        assert done.returncode == 1
        assert len(lines) == 1 and message in lines[0], done.stderr
        assert "Traceback" not in done.stderr


def test_rules_use_only_tracked_settings() -> None:
    """`config[...]` in a shell command would be invisible to the re-run triggers."""
    for file in (ROOT / "workflow/rules").glob("*.smk"):
        text = file.read_text()
        for command in re.findall(r"shell:\n((?: +\"[^\n]*\n)+)", text):
            assert "config[" not in command, file.name
        assert not re.search(r"^\s+(script|run|notebook|wrapper):", text, flags=re.MULTILINE), file.name
