"""What the explorer is told of a study: patterns whose files are those that the rules make."""

from __future__ import annotations

import shlex

from formats.rows import Row
from tests.workflow.test_study import load
from workflow.paths import Paths
from workflow.study import Study
from workflow.terminal.explorer import Explored


def explored(**changes: object) -> Explored:
    study: Study = load(**changes)
    return Explored(study, Paths(study))


def value(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_patterns_and_files_agree() -> None:
    told = explored(selected_runs=["base", "video_only", "base_noise"], seeds=[1, 2])
    words = shlex.split(told.options)
    folder = "runs/demo/{run}/{scope}/seed{seed}"
    assert value(words, "--predictions") == f"{folder}/predictions_val.jsonl"
    assert value(words, "--gates") == f"{folder}/gate_logs_val_Nall.jsonl"
    assert words[words.index("--seeds") + 1 : words.index("--scopes") + 2] == ["1", "2", "--scopes", "all"]
    names = {name.replace("runs/demo/", "").replace("results/demo/", "") for name in told.files if "seed2/" in name}
    assert names == {
        *(f"{run}/all/seed2/predictions_val.jsonl" for run in ("base", "video_only", "base_noise")),
        *(f"{run}/all/seed2/queries_val.json" for run in ("base", "video_only", "base_noise")),
        # Only networks with gates log them, and a control has no training of its own.
        *(f"{run}/all/seed2/gate_logs_val_Nall.jsonl" for run in ("base", "base_noise")),
        *(f"{run}/all/seed2/history.jsonl" for run in ("base", "video_only")),
    }
    assert told.figures == {"plots/gates_val.png": "the gates of base, over all videos"} and told.stores == []
    assert told.summary == ["results/demo/summary.json"] and told.domains == []


def test_videos_are_those_of_the_split() -> None:
    told = explored()
    rows: list[Row] = told.study.data.rows_of(told.study.config, "val")
    assert sorted(told.videos) == sorted({str(told.study.data.files[row["vid"]]) for row in rows})


def test_without_gate_logs_the_stores_of_sound_tell_its_level() -> None:
    told = explored(selected_runs=["concat"])
    streams = {name.split("/")[2] for name in told.stores}
    assert streams == {"pann", "clap"} and told.gates == "" and told.figures == {}
    assert explored(selected_runs=["video_only"]).stores == []


def test_one_file_of_gates_says_not_whose_it_is() -> None:
    told = explored(selected_runs=["base"], seeds=[1], inference={"gate_save_path": "gates.jsonl"})
    assert told.gates == "" and "--gates" not in shlex.split(told.options)
