"""The page for users of the original scripts: its settings and commands work on features in their layouts.

`python benchmarks/original/scripts.py OUT` runs the page's commands word for word. Here the settings that each command
line gives are read as Snakemake would, and what the rules do with them is done in one process, with small networks.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.original.scripts import SMALL, WIDTHS, make_root, read_commands
from cli import UserError
from feature_extractors.released.stores import ImportStage, import_texts, import_videos
from formats.annotations import read_annotations
from formats.gate_log import read_gate_log
from formats.store import Store
from formats.video_table import annotated_videos
from model.config import TrainStage
from model.inference.split import predict_split
from model.training.run import train_run
from tests.eval.running import run
from tests.workflow.workspace import ROOT, merge
from workflow.study import Study, load_study

TRAIN, INFER, DRAW = read_commands()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's folders next to a working directory, which is the current one."""
    monkeypatch.chdir(make_root(tmp_path / "root", clips=12))
    return Path.cwd()


def read_command(command: str) -> tuple[list[str], dict[str, Any]]:
    """Targets of a Snakemake command line, and the configuration that it gives.

    `--configfile` and `--config` take every word after them; the value of KEY=VALUE is YAML.
    """
    words = shlex.split(command)
    taken: dict[str, list[str]] = {"": []}
    option = ""
    for word in words[1:]:
        if word.startswith("--"):
            option = word
            taken[option] = []
        else:
            taken[option].append(word)
    _, *targets = taken["--cores"]
    given: dict[str, Any] = {}
    for name in taken["--configfile"]:
        given = merge(given, yaml.safe_load(Path(name).read_text(encoding="utf-8")))
    for key, value in (word.split("=", 1) for word in taken.get("--config", [])):
        given = merge(given, {key: yaml.safe_load(value)})
    return targets, given


def load(command: str, **changes: Any) -> Study:
    config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    _, given = read_command(command)
    given = merge(given, changes)
    return load_study(merge(config, given), ROOT, given=given)


def import_streams(study: Study) -> list[Path]:
    rows = read_annotations([Path(path) for path in study.annotations.values()])
    table = annotated_videos(rows, sorted({row["vid"] for row in rows}), study.clips)
    stores = []
    for stream in study.streams:
        stage = ImportStage(clips=study.clips, imported=study.imported[stream])
        store = Path("features", f"{stream}.h5")
        store.parent.mkdir(exist_ok=True)
        if stage.imported.kind.text:
            import_texts(stage, stream, rows, store)
        else:
            import_videos(stage, stream, table, store)
        stores.append(store)
    return stores


def test_the_presets_train_predict_and_log_their_gates(work: Path) -> None:
    targets, _ = read_command(TRAIN)
    study = load(TRAIN, **SMALL)
    assert targets == ["all"] and list(study.runs) == ["base", "film", "mha_strong"]
    assert (list(study.scopes), list(study.seeds)) == (["BK"], [2018])
    assert study.settings["mha_strong"].model.mha_gate_bias_init == 1.8
    stores = import_streams(study)
    widths = {store.stem: Store(store).dim for store in stores}
    assert widths == {"video": WIDTHS["v"], "clip_text": WIDTHS["t"], "audio": WIDTHS["a"]}
    train, val = (Path(study.annotations[split]) for split in ("train", "val"))
    for name in study.runs:
        settings = study.settings[name]
        folder = Path("runs/my_tvsum", name, "BK/seed2018")
        train_run(TrainStage(model=settings.model, train=settings.train), train, val, stores, folder, 2018, domain="BK")
    # The second command names a network that the first has trained.
    given = load(INFER)
    assert given.given is not None and given.inference.gate_sample_count == 50
    _, config = read_command(INFER)
    checkpoint, log = Path(config["checkpoint"]), Path(shlex.split(DRAW)[shlex.split(DRAW).index("--log") + 1])
    log.parent.mkdir(parents=True)
    predict_split(given.inference, checkpoint, train, stores, Path("train.jsonl"), gate_log=log, domain="BK")
    samples = read_gate_log(log, most=50).samples
    assert [sample.vid for sample in samples] == [f"train-{index}" for index in range(4)]
    assert {(kind, values.shape) for sample in samples for kind, values in sample.gates.items()} == {
        ("mha", (1, 1)),
        ("ffn", (1, 1)),
        ("beta", (1, 1)),
    }  # of one layer and a whole video, with FiLM


def test_swapped_folders_are_named_before_any_job(work: Path) -> None:
    """As the page promises: `dim` finds them. Both are .npy here, so that the layouts cannot tell."""
    _, given = read_command(TRAIN)
    swapped = merge(given, {"imported": {"audio": {**given["imported"]["audio"], "dim": WIDTHS["v"]}}})
    config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(
        UserError, match=r"dim is 1024, but .* has 512 values per row: are folders of two streams swapped"
    ):
        load_study(merge(config, swapped), ROOT, given=swapped)


def test_the_figures_command_has_these_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets as far as the log, which is not there: tests of the figures draw logs."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(DRAW)
    assert words[:4] == ["python", "-m", "eval", "plot-gate-figures"]
    assert run(*words[3:]) == 1
    log = words[words.index("--log") + 1]
    assert capsys.readouterr().err == f"python -m eval plot-gate-figures: error: {log}: no such file\n"
