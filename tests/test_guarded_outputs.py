"""No command overwrites its inputs, or starts work if it cannot write the result."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from cli import Command, Verb

PACKAGES = ("av_highlights", "demo", "eval", "feature_extractors", "model")
OUTPUTS = {"out", "out_dir", "gate_log", "tensorboard"}


def parsers(package: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Verb]:
    """The verbs of a package, as built by its `__main__`."""
    commands: list[Command] = []
    monkeypatch.setattr(Command, "main", lambda command: commands.append(command) or 0)
    # Not by runpy, which warns if another test has imported the module.
    program = importlib.import_module(f"{package}.__main__")
    (program.build_command() if hasattr(program, "build_command") else program).main()
    return commands[0]._verbs.choices


@pytest.mark.parametrize("package", PACKAGES)
def test_every_output_is_named_as_one(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is checked before the verb runs."""
    found = [
        (name, action.dest, parser.names_outputs(action.dest))
        for name, parser in parsers(package, monkeypatch).items()
        for action in parser._actions
        if action.dest in OUTPUTS
    ]
    assert found and all(guarded for *_, guarded in found), found


TRAIN = ("model", "train", "--train", "t.jsonl", "--val", "v.jsonl", "--features", "f.h5", "--seed", "1")
INFER = ("model", "infer", "--checkpoint", "c.pt", "--queries", "t.jsonl", "--features", "f.h5", "--config", "{}")
IMPORT = ("model", "import-checkpoint", "--checkpoint", "c.pt", "--video-streams", "clip_visual")
SHARD = ("--annotations", "t.jsonl", "--shard", "0", "--shards", "1", "--config", "{}")
RELEASED = ("feature_extractors", "import-released", *SHARD, "--manifest", "m.jsonl", "--stream", "slowfast")
CONVERT = ("feature_extractors", "convert", "--from", "charades", "--files", "t.jsonl", "v.jsonl")
MEDIA, WEIGHTS = ("demo", "media", "--config", "{}"), ("demo", "weights", "--encoder", "clip", "--config", "{}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*INFER, "--out", "t.jsonl"), "t.jsonl: would overwrite the input t.jsonl"),
        ((*INFER, "--out", "p.jsonl", "--gate-log", "f.h5"), "f.h5: would overwrite the input f.h5"),
        ((*INFER, "--out", "p.jsonl", "--gate-log", "p.jsonl"), "p.jsonl: would be written twice"),
        ((*IMPORT, "--out", "c.pt"), "c.pt: would overwrite the input c.pt"),
        (
            (*TRAIN, "--config", "{}", "--init-from", "best.pt", "--out", "."),
            "best.pt: would overwrite the input best.pt",
        ),
        ((*TRAIN, "--config", "@last.pt", "--out", "."), "last.pt: would overwrite the input last.pt"),
        ((*TRAIN, "--config", "{}", "--out", "t.jsonl"), "t.jsonl: is a file, not a folder"),
        ((*TRAIN, "--config", "{}", "--out", "run", "--tensorboard", "t.jsonl"), "t.jsonl: is a file, not a folder"),
        (("feature_extractors", "manifest", *SHARD, "--out", "t.jsonl"), "t.jsonl: would overwrite the input t.jsonl"),
        ((*RELEASED, "--out", "m.jsonl"), "m.jsonl: would overwrite the input m.jsonl"),
        (
            ("feature_extractors", "problems", "--manifests", "m.jsonl", "--out", "m.jsonl"),
            "m.jsonl: would overwrite the input m.jsonl",
        ),
        (
            ("feature_extractors", "doctor", "--videos", ".", "--annotations", "t.jsonl", "--out", "t.jsonl"),
            "t.jsonl: would overwrite the input t.jsonl",
        ),
        ((*CONVERT, "--out", "t.jsonl"), "t.jsonl: is a file, not a folder"),
        (("feature_extractors", "fetch-weights", "cnn14", "--out", "t.jsonl/x"), "t.jsonl is not a folder"),
        ((*MEDIA, "--videos", "t.jsonl", "--annotations", "x"), "t.jsonl: is a file, not a folder"),
        ((*MEDIA, "--videos", "x", "--annotations", "t.jsonl"), "t.jsonl: is a file, not a folder"),
        (("demo", "rehearsal", "--annotations", "t.jsonl", "--videos", "t.jsonl"), "t.jsonl: is a file, not a folder"),
        ((*WEIGHTS, "--out", "t.jsonl/x.pt"), "t.jsonl is not a folder"),
    ],
)
def test_an_input_is_kept(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ("t.jsonl", "v.jsonl", "m.jsonl", "f.h5", "c.pt", "best.pt", "last.pt")
    for name in names:
        (tmp_path / name).write_text("kept")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{arguments[0]}/__main__.py", *arguments[1:]])
    assert importlib.import_module(f"{arguments[0]}.__main__").main() == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert all((tmp_path / name).read_text() == "kept" for name in names)


def test_a_folder_may_be_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Overwriting an input is an error; running a second time is not."""
    for name in ("best.pt", "last.pt", "history.jsonl", "resume.pt", "t.jsonl", "v.jsonl", "f.h5"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["model", *TRAIN[1:], "--config", '{"model": {"x": 1}, "train": {}}', "--out", "."]
    )
    assert importlib.import_module("model.__main__").main() == 1
    assert "unknown key 'x' under model" in capsys.readouterr().err  # it continued to its settings
