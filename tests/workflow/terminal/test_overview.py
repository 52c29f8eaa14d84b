"""What the pages at the end of a run are told: runs in words, the query that is drawn, the files to open."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import torch

from model.audio_control import AudioControl
from model.config import ModelConfig
from tests.workflow.test_study import load
from workflow.dataset import choose_example
from workflow.paths import Paths
from workflow.study import Study
from workflow.terminal.overview import (
    describe_control,
    describe_example,
    describe_run,
    find_reference,
    overview_options,
)

ALL = ["base", "film", "mha_strong", "clipwise", "avigate", "concat", "video_only", "base_noise", "trained_zeroed"]


@pytest.fixture(scope="module")
def demo() -> Study:
    return load(selected_runs=ALL)


def test_every_run_in_a_few_words(demo: Study) -> None:
    assert {run: describe_run(demo, run) for run in demo.runs} == {
        "base": "gated fusion",
        "film": "gated fusion with FiLM",
        "mha_strong": "gated fusion, mha_gate_bias_init 1.8",
        "clipwise": "gated fusion, gates per clip",
        "avigate": "gated cross-attention",
        "concat": "sound beside the picture",
        "video_only": "no sound",
        "base_noise": "base, with noise for sound",
        "trained_zeroed": "gated fusion, trained without sound",
    }


def test_keys_without_effect_are_not_told() -> None:
    runs = {"near": {"model": {"fusion_window": 1}}, "far": {"model": {"fusion": "avigate", "ffn_gate_film": True}}}
    study = load(runs=runs)
    assert describe_run(study, "near") == "gated fusion" and describe_run(study, "far") == "gated cross-attention"
    assert describe_run(study, "avigate_near") == "gated cross-attention, fusion_window 1"


def test_numbers_of_a_run_are_short_and_whole() -> None:
    study = load(runs={"odd": {"model": {"mha_gate_temp": 1.0e6}, "train": {"epochs": 1234567}}})
    assert describe_run(study, "odd") == "gated fusion, mha_gate_temp 1e+06, epochs 1234567"


def test_a_control_in_a_few_words() -> None:
    assert describe_control(AudioControl()) == ""
    assert describe_control(AudioControl("shuffled", 0.25)) == "with another video's sound in 25 % of videos"
    assert describe_control(AudioControl("missing", 0.5)) == "without sound in 50 % of clips"
    assert describe_control(AudioControl("shifted", seconds=10.0)) == "with the sound 10 s late"
    assert describe_control(AudioControl("shifted", 0.5, -2.0)) == "with the sound 2 s early in 50 % of videos"
    assert describe_run(load(), "base_shifted") == "base, with the sound 10 s late"


def test_options_follow_from_the_configuration(demo: Study) -> None:
    words = shlex.split(overview_options(demo))
    assert words[:7] == ["--dataset", "demo", "--split", "val", "--run", "base", "gated fusion"]
    assert words[words.index("--against") + 1] == find_reference(demo) == "video_only"
    assert words[words.index("--gates-of") + 1] == "base" and "--any-time" not in words
    files = [words[place + 1] for place, word in enumerate(words) if word == "--see"]
    page = "reports/explorer/index.html"
    assert files == ["plots/demo/example.png", page, "plots/gates_val.png", "results/demo/summary.md"]
    other = load(selected_runs=["concat", "film"], inference={"round_to_clips": False})
    words = shlex.split(overview_options(other))
    # The main run is not selected: the first selected one with gates, and the main run to compare with.
    assert words[words.index("--gates-of") + 1] == "film" and "--any-time" in words
    assert "plots/gates_val.png" not in words


def test_files_of_the_overview(demo: Study) -> None:
    paths = Paths(demo)
    assert paths.values_of_runs[:2] == [f"results/demo/{run}/all/seed2018/queries_val.json" for run in ("base", "film")]
    # Controls have no training of their own.
    trained = [run for run in ALL if run != "base_noise"]
    assert paths.every_history == [f"runs/demo/{run}/all/seed2018/history.jsonl" for run in trained]
    assert paths.statistics_of_gates("film") == ["results/demo/film/gates_val.json"]


def test_the_query_that_is_drawn_is_the_first_about_sound_alone(demo: Study) -> None:
    assert demo.example is not None
    rows = demo.data.rows_of(demo.config, "val")
    assert demo.example == next(row for row in rows if row["modality"] == "audio")
    vid = demo.example["vid"]
    rule = "the first query of val that is about sound alone"
    assert describe_example(demo) == f"video {vid} · run base, seed 2018 · {rule}"
    paths = Paths(demo)
    assert paths.predictions_of_example == "runs/demo/base/all/seed2018/predictions_val.jsonl"
    assert paths.gates_of_example == ["runs/demo/base/all/seed2018/gate_logs_val_Nall.jsonl"]
    shard = Path(paths.manifest_of_example).stem
    assert vid in demo.data.videos[shard]
    assert Paths(load(inference={"gate_log": False})).gates_of_example == []


def test_rules_by_which_a_query_is_chosen() -> None:
    rows = [
        {"qid": 1, "vid": "a", "relevant_windows": []},
        {"qid": 2, "vid": "a", "relevant_windows": [[0, 2]], "domain": "BK"},
        {"qid": 3, "vid": "b", "modality": "joint"},
        {"qid": 4, "vid": "c", "modality": "audio"},
        {"qid": 5, "vid": "c", "modality": "audio"},
    ]

    def chosen(count: int, there: str = "", domains: tuple[str, ...] = ()) -> int | None:
        found = choose_example(rows[:count], {vid: Path(vid) for vid in there}, domains)
        return None if found is None else found["qid"]

    assert [chosen(count) for count in range(6)] == [None, 1, 2, 3, 4, 4]
    assert (chosen(5, "ab"), chosen(5, "a"), chosen(5, "x"), chosen(5, "", ("BK",))) == (3, 2, None, 2)


def test_a_given_checkpoint_is_named(tmp_path: Path) -> None:
    file = tmp_path / "best.pt"
    torch.save({"format": 1, "model": {}, "config": ModelConfig(fusion="none").to_dict(), "about": {}}, file)
    given = load(checkpoint=str(file))
    words = shlex.split(overview_options(given))
    assert words[4:7] == ["--run", "given", "best.pt"] and not {"--epoch", "--against", "--gates-of"} & set(words)
    assert describe_example(given).split(" · ")[1] == "best.pt"
    paths = Paths(given)
    assert paths.every_history == [] and paths.predictions_of_example == "predictions/demo/val.jsonl"
