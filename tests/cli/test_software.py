"""Which versions a command had loaded is noted where the workflow says, and nowhere else."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy
import pytest

from cli import Command, UserError
from cli.software import FOLDER, loaded_software, note_software, read_software


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "software"))
    return tmp_path / "software"


def test_versions_are_those_that_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    found = loaded_software()
    assert found["python"] == "{}.{}.{}".format(*sys.version_info[:3])
    assert found["numpy"] == numpy.__version__
    assert "torch" not in found


def test_a_verb_notes_its_software_when_it_has_ended_well(folder: Path) -> None:
    def good(_: argparse.Namespace) -> None:
        """Succeed."""

    def bad(_: argparse.Namespace) -> None:
        """Fail."""
        raise UserError("a mistake")

    command = Command("model", "Does things.")
    command.verb("train", good)
    command.verb("infer", bad)
    assert command.main(["train"]) == 0 and command.main(["infer"]) == 1
    assert [path.name for path in folder.iterdir()] == ["model.train.json"]
    assert read_software(folder) == {"model.train": loaded_software()}


def test_other_versions_replace_a_note_and_the_same_leave_it(folder: Path) -> None:
    note_software("model.train")
    file = folder / "model.train.json"
    written = file.stat().st_ino
    note_software("model.train")
    assert file.stat().st_ino == written
    file.write_text('{"python": "2.7"}')
    note_software("model.train")
    assert json.loads(file.read_text()) == loaded_software()


def test_jobs_of_one_verb_are_told_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder of sound loads other packages than one of pictures, and either may end last."""
    found = loaded_software()
    for part in ({"open_clip": "3.3.0"}, {"transformers": "5.1"}):
        monkeypatch.setattr(sys.modules["cli.software"], "loaded_software", lambda part=part: {**found, **part})
        note_software("feature_extractors.encode")
    told = {**found, "open_clip": "3.3.0", "transformers": "5.1"}
    assert read_software(folder) == {"feature_extractors.encode": told}
    monkeypatch.setattr(sys.modules["cli.software"], "loaded_software", lambda: {**found, "open_clip": "4.0"})
    note_software("feature_extractors.encode")
    assert read_software(folder) == {"feature_extractors.encode": {**found, "open_clip": "4.0"}}


def test_without_a_folder_nothing_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER)
    note_software("model.train")
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_ends_no_command(folder: Path) -> None:
    folder.touch()
    note_software("model.train")
    assert folder.read_text() == ""


def test_what_is_no_note_is_left_out(folder: Path) -> None:
    folder.mkdir()
    for name, text in {"a": "{", "b": "[1]", "c": '{"numpy": 2}', "d": '{"numpy": "2.4"}'}.items():
        (folder / f"{name}.json").write_text(text)
    assert read_software(folder) == {"d": {"numpy": "2.4"}}
