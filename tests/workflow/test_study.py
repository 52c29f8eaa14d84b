"""The study that rules read: what the configuration says, where files lie, what Snakemake tracks."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from cli import UserError
from model.compat import Compat
from model.config import InferenceConfig, ModelConfig, TrainConfig
from tests.workflow.workspace import ROOT, merge
from workflow import layout
from workflow.checkpoints import GivenCheckpoint
from workflow.encoders import encode_json, further_files
from workflow.params import PREDICTION_KEYS, Params
from workflow.paths import Paths
from workflow.study import Study, load_study


def load(**changes: Any) -> Study:
    """The study of config.yaml with some keys changed. The demo's files need not be there: its plan tells them."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return load_study(merge(config, changes), ROOT)


def job(**wildcards: str) -> Any:
    return SimpleNamespace(**wildcards)


@pytest.fixture(scope="module")
def demo() -> Study:
    return load()


def test_files_from_outside_are_told_from_those_that_rules_make(demo: Study, tmp_path: Path) -> None:
    """The former must not be dated in the future, the latter are dated back."""
    settings = [Path("demo/encoders/demo-clip.json")]
    assert demo.further_sources == settings  # without weights/demo
    outside = tmp_path / "mine.pt"
    for file, expected in ((str(outside), [outside]), ("runs/demo/base/all/seed1/best.pt", [])):
        given = GivenCheckpoint({"all": file}, [], demo.settings["base"].model, 1)
        assert dataclasses.replace(demo, given=given).further_sources == settings + expected
    lists = dataclasses.replace(demo.evaluation, score_lists=(str(outside),))
    assert dataclasses.replace(demo, evaluation=lists).further_sources == [*settings, outside]


def test_sections_are_typed_and_nothing_can_be_changed(demo: Study) -> None:
    assert (demo.name, demo.dataset.shards, demo.clips.seconds) == ("demo", 1, 2.0)
    assert demo.annotations == {"train": "data/demo/train.jsonl", "val": "data/demo/val.jsonl"}
    assert demo.inference == InferenceConfig()
    assert demo.plots.topk == 10 and demo.evaluation.gates_by == ("audio_informative",)
    assert (list(demo.runs), list(demo.seeds)) == (["base", "film", "video_only", "base_shuffled"], [2018])
    with pytest.raises(dataclasses.FrozenInstanceError):
        demo.main_run = "film"  # type: ignore[misc]


def test_what_is_given_stays_as_it_was() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    del config["train"]["epochs"]
    study = load_study(config, ROOT)
    assert "epochs" not in config["train"] and study.config["train"]["epochs"] == 200


def test_what_follows_from_the_sections(demo: Study) -> None:
    assert "base_shuffled" not in demo.trained_runs and "trained_shuffled" in demo.trained_runs
    assert {run for run in demo.trained_runs if run not in demo.gated_runs} == {"concat", "video_only"}
    assert demo.logged_runs == ["base", "film", "base_shuffled"]
    assert demo.streams == ["clap", "clip_text", "clip_visual", "pann"]
    assert demo.needed_streams == ["clip_text", "clip_visual"]
    assert not demo.by_domain and list(demo.scopes) == ["all"] and not demo.rates_clips
    assert demo.other_checkpoint == "last"
    assert further_files(demo.config, "clip_visual") == [Path("demo/encoders/demo-clip.json")]
    consumed = json.loads(encode_json(demo.config, "clip_visual"))
    assert consumed["clip"]["architecture"] == "demo-clip" and "weights" not in consumed["clip"]
    assert list(demo.data.shards) == list(demo.grids) == ["000"] and "demo_000" in demo.grids["000"]


def test_annotations_that_the_demo_would_replace_are_refused(tmp_path: Path) -> None:
    """A name such as demo_office may be of somebody's own videos. What the demo made, or left torn, it may replace."""
    splits = {split: tmp_path / f"{split}.jsonl" for split in ("train", "val")}
    dataset = {
        "name": "demo_office",
        "videos": str(tmp_path),
        "annotations": {split: str(file) for split, file in splits.items()},
    }
    assert load(dataset=dataset).is_demo
    splits["train"].write_text('{"qid": 1, "query": "A dog.", "vid": "demo_000", "duration": 10}\n')
    splits["val"].write_text('{"qid": 2, "que')
    assert load(dataset=dataset).is_demo
    splits["val"].write_text('{"qid": 2, "query": "A dog.", "vid": "office", "duration": 10}\n')
    with pytest.raises(UserError, match=r"'demo_office' selects the demo, which would replace .*val, .*val.jsonl"):
        load(dataset=dataset)


def test_a_study_without_gates_or_sound() -> None:
    silent = load(selected_runs=["video_only"], inference={"gate_log": False, "checkpoint": "last"})
    assert silent.streams == ["clip_text", "clip_visual"]
    assert silent.gate_logging_runs == [] == silent.logged_runs
    assert silent.other_checkpoint == "best"


def test_a_given_checkpoint_is_the_only_run_and_names_its_streams(tmp_path: Any) -> None:
    config = ModelConfig(video_streams=("clip_visual",), fusion="none").to_dict()
    torch.save({"format": 1, "model": {}, "config": config, "about": {"seed": 4}}, tmp_path / "best.pt")
    study = load(checkpoint=str(tmp_path / "best.pt"))
    assert (study.runs, study.main_run, study.seeds) == (["given"], "given", [4])
    assert study.streams == ["clip_text", "clip_visual"] and not study.logged_runs
    assert study.given is not None and not study.given.references
    assert len(study.qids) == len(study.data.queries) and study.scored == ["train", "val"]
    paths = Paths(study)
    assert paths.given_checkpoint(job(split="val")) == str(tmp_path / "best.pt")
    assert paths.predictions("val") == ["predictions/demo/val.jsonl"]
    assert Params(study).titles("given") == "'demo, best.pt'"


def test_a_mistake_names_the_key() -> None:
    with pytest.raises(UserError, match=r"plots\.topk: 0 is less than the minimum of 1"):
        load(plots={"topk": 0})
    with pytest.raises(UserError, match=r"plots\.num_samples: 0 is not allowed \(Number of queries .* -1 = all\)"):
        load(plots={"num_samples": 0})
    with pytest.raises(UserError, match=r"evaluation\.score_by: \['a', 'a'\] has non-unique elements"):
        load(evaluation={"score_by": ["a", "a"]})
    with pytest.raises(UserError, match=r"runs\.base\.checkpoint_of: '' should be non-empty"):
        load(runs={"base": {"checkpoint_of": ""}})
    with pytest.raises(UserError, match=r"config: unknown key 'modle' under runs\.base: did you mean model\?"):
        load(runs={"base": {"modle": {}}})


def test_a_stream_of_the_wrong_kind_names_the_run_and_the_key() -> None:
    with pytest.raises(
        UserError, match=r"run base: model\.video_streams must be of clips, but clip_text is of queries"
    ):
        load(model={"video_streams": ["clip_text"]})
    with pytest.raises(UserError, match=r"model\.text_stream must be of queries, but clip_visual is of clips"):
        load(model={"text_stream": "clip_visual"})
    load(model={"audio_streams": ["clip_text"]}, selected_runs=["video_only"], main_run="video_only")


def test_seeds_fit_every_generator() -> None:
    with pytest.raises(UserError, match=r"seeds\.0: 4294967296 is greater than the maximum of 4294967295"):
        load(seeds=[2**32])


def test_files_of_a_run(demo: Study) -> None:
    paths = Paths(demo)
    stores = paths.features_of_run(job(run="video_only"))
    assert stores == [f"features/demo/{stream}/000.h5" for stream in ("clip_visual", "clip_text")]
    assert len(paths.features) == 4
    wildcards = job(run="base_noise", scope="all", seed="3")
    found = paths.checkpoints_of_run(wildcards)
    assert found == [f"runs/demo/base/all/seed3/{epoch}.pt" for epoch in ("best", "last")]  # a control has none
    assert paths.initial_weights(wildcards) == []
    assert paths.histories(job(run="base_noise")) == ["runs/demo/base/all/seed2018/history.jsonl"]
    assert paths.gate_logs(job(run="film", split="val")) == ["runs/demo/film/all/seed2018/gate_logs_val_Nall.jsonl"]
    assert paths.gate_logs(job(split="val")) == ["runs/demo/base/all/seed2018/gate_logs_val_Nall.jsonl"]
    rated = paths.ratings_of_run("last")(job(run="film", seed="4", split="val"))
    assert rated == ["runs/demo/film/all/seed4/predictions_val_last.jsonl"]
    scores = paths.results_of_runs("metrics")
    assert scores[:2] == [f"results/demo/base/all/seed2018/metrics_val{part}.json" for part in ("", "_last")]
    assert scores[-1] == "results/demo/random/all/seed2018/metrics_val.json" and len(scores) == 9


def test_initial_weights_follow_scope_and_seed() -> None:
    study = load(runs={"tuned": {"init_from": "runs/demo/base/{scope}/seed{seed}/last.pt"}})
    found = Paths(study).initial_weights(job(run="tuned", scope="all", seed="7"))
    assert found == ["runs/demo/base/all/seed7/last.pt"]


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({}, "runs/{dataset}/{run}/{scope}/seed{seed}/gate_logs_{split}_Nall.jsonl"),
        ({"gate_sample_count": 3}, "runs/{dataset}/{run}/{scope}/seed{seed}/gate_logs_{split}_N3.jsonl"),
        ({"gate_save_path": "a/b/"}, "a/b/runs/{dataset}/{run}/{scope}/seed{seed}/gate_logs_{split}_Nall.jsonl"),
        ({"gate_save_path": "a/b.jsonl"}, "a/b.jsonl"),
    ],
)
def test_where_gate_logs_lie(section: dict[str, Any], path: str) -> None:
    assert layout.gate_log(InferenceConfig(**section)) == path


def test_a_constraint_of_no_names_matches_nothing() -> None:
    assert layout.any_of(["a", "b"]) == "a|b"
    assert re.fullmatch(layout.any_of(["v1.2", "c"]), "v1.2") and not re.fullmatch(layout.any_of(["v1.2"]), "v1x2")
    assert layout.any_of([]) == "(?!)"


def test_params_are_one_canonical_json_of_what_a_rule_consumes(demo: Study) -> None:
    tracked = Params(demo)
    text = tracked.section("clips", "clip/architecture", version=3)(job())
    assert text == '{"clip":{"architecture":"demo-clip"},"clips":{"seconds":2.0},"version":3}'
    trained = json.loads(tracked.training(job(run="video_only")))
    assert sorted(trained) == ["model", "train", "version"]
    assert "mha_gate_temp" not in trained["model"] and trained["train"]["epochs"] == 30
    whole, part = (json.loads(tracked.inference(*keys)(job(run="base_noise"))) for keys in ((), PREDICTION_KEYS))
    assert whole["inference"]["audio_control"] == "noise"  # the run's patch
    assert set(whole["inference"]) - set(part["inference"]) == {"gate_log", "gate_sample_count", "gate_save_path"}
    # With gates to log, their number counts as well; the path does not change what is written.
    keys = set(json.loads(tracked.prediction(job()))["inference"])
    # Written only where the control uses them, and if it is not float32.
    idle = {"audio_control_share", "audio_control_seconds", "precision"}
    assert keys == {*PREDICTION_KEYS, "gate_sample_count"} - {"checkpoint"} - idle


def test_parts_of_command_lines(demo: Study) -> None:
    tracked = Params(demo)
    assert tracked.domain(job(scope="all")) == tracked.domains == tracked.domain_problems == ""
    assert tracked.labels == "--moments-of data/demo/train.jsonl data/demo/val.jsonl"
    assert Params(dataclasses.replace(demo, rates_clips=True)).labels.startswith("--ratings-of data/demo/train.jsonl ")
    given = GivenCheckpoint({"all": "best.pt"}, [], ModelConfig(), 0)
    assert Params(dataclasses.replace(demo, given=given)).labels == ""  # nothing is trained
    assert tracked.covered == "--covered-only"
    assert Params(load(dataset={"broken_videos": "stop"})).covered == ""
    assert tracked.by(("modality", "no_such_key")) == "--by modality"
    assert tracked.by(("no_such_key",)) == tracked.by(()) == ""
    assert tracked.titles("film") == "'demo, run film, seed 2018'"
    assert tracked.title("film") == "'demo, run film, seed 2018'"


def test_lists_of_queries_are_parts_of_val_alone(demo: Study, tmp_path: Path) -> None:
    about_sound = tmp_path / "about sound.txt"
    with pytest.raises(UserError, match=r"config: evaluation\.score_lists: no such file: .*about sound\.txt"):
        load(evaluation={"score_lists": [str(about_sound)]})
    about_sound.write_text("1\n")
    study = load(evaluation={"score_lists": [str(about_sound)]})
    assert Params(study).parts(job(split="val")) == f"--by modality --list '{about_sound}'"
    assert Params(study).parts(job(split="train")) == Params(demo).parts(job(split="val")) == "--by modality"
    assert Paths(study).score_lists(job(split="val")) == [str(about_sound)] and not Paths(demo).score_lists(
        job(split="val")
    )
    study = load(evaluation={"score_lists": [str(about_sound)], "score_by": []})
    assert Params(study).parts(job(split="val")) == f"--list '{about_sound}'"


def test_parts_of_command_lines_by_domain(demo: Study) -> None:
    dataset = dataclasses.replace(demo.dataset, scopes="by_domain")
    tracked = Params(dataclasses.replace(demo, dataset=dataset, scopes=["BK", "VT"]))
    assert tracked.domain(job(scope="BK")) == "--domain BK --leave-out"
    assert tracked.domains == "--domain BK VT"
    files = "data/demo/train.jsonl data/demo/val.jsonl"
    assert tracked.domain_problems == f"--domains-of {files} --needed clip_text clip_visual"
    assert tracked.titles("film") == "'demo, run film, domain BK, seed 2018' 'demo, run film, domain VT, seed 2018'"
    assert tracked.title("film") == "'demo, run film, 2 domains, seed 2018'"
    one = Params(dataclasses.replace(tracked.study, scopes=["BK"]))
    assert one.title("film") == "'demo, run film, domain BK, seed 2018'"
    scores = Paths(tracked.study).results_of_runs("metrics")
    assert scores[:2] == [f"results/demo/base/{scope}/seed2018/metrics_val.json" for scope in ("BK", "VT")]


def test_the_original_presets_are_those_of_its_scripts() -> None:
    """run_avigate_custom.sh, run_avigate_custom_film.sh and run_avigate_custom_mha_strong.sh of QD-DETR-exp."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    overlay = yaml.safe_load((ROOT / "config/studies/original.yaml").read_text(encoding="utf-8"))
    study = load_study(merge(merge(config, {"model": {"audio_streams": ["pann"]}}), overlay), ROOT)
    assert (list(study.runs), study.main_run, list(study.seeds)) == (["base", "film", "mha_strong"], "base", [2018])
    recipes = {run: (study.settings[run].train.epochs, study.settings[run].train.batch_size) for run in study.runs}
    assert recipes == {"base": (200, 32), "film": (10, 16), "mha_strong": (10, 16)}
    networks = {run: study.model_of(run) for run in study.runs}
    assert {run: network.fusion_n_heads for run, network in networks.items()} == {"base": 8, "film": 4, "mha_strong": 4}
    assert {run for run, network in networks.items() if network.ffn_gate_film} == {"film"}
    biases = {run: network.mha_gate_bias_init for run, network in networks.items()}
    assert biases == {"base": 1.0, "film": 1.0, "mha_strong": 1.8}
    # Everything else is QD-DETR's, which the classes have as defaults, with every repair undone.
    compat = Compat.whole()
    assert all(network.compat == compat and network.hidden_dim == 256 for network in networks.values())
    assert networks["base"] == ModelConfig(compat=compat, fusion_n_heads=8)
    assert study.settings["base"].train == TrainConfig()
