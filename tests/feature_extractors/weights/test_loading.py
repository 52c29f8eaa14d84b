"""Weights from outside are read without running what they may hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cli import UserError
from feature_extractors.weights.loading import load_checkpoint


class Harmful:
    """Unpickled freely, this makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.file}'",)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    harm, file = tmp_path / "harm", tmp_path / "w.pt"
    content = {"model": {"w": torch.zeros(2)}, "note": Harmful(harm)}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError) as problem:
        load_checkpoint(file)
    assert not harm.exists()
    message = str(problem.value)
    # Which function, and no advice to load it nevertheless.
    assert message.startswith(f"{file}: refused") and "system" in message and "\n" not in message
    assert "weights_only" not in message
    torch.load(file, weights_only=False)
    assert harm.exists()  # it would have run


def test_tensors_and_plain_values_are_read(tmp_path: Path) -> None:
    content = {"iteration": 3, "model": {"w": torch.arange(3.0)}, "names": ["a", None, 1.5]}
    torch.save(content, tmp_path / "w.pt")
    loaded = load_checkpoint(tmp_path / "w.pt")
    assert torch.equal(loaded["model"]["w"], torch.arange(3.0))
    assert (loaded["iteration"], loaded["names"]) == (3, ["a", None, 1.5])


def test_safetensors_are_read_by_their_ending(tmp_path: Path) -> None:
    save_file({"w": torch.arange(3.0)}, tmp_path / "w.safetensors")
    assert torch.equal(load_checkpoint(tmp_path / "w.safetensors")["w"], torch.arange(3.0))
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:20])
    with pytest.raises(UserError, match=r"cut\.safetensors: not a readable checkpoint: "):
        load_checkpoint(tmp_path / "cut.safetensors")


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text", "cut", "list"])
def test_what_is_no_checkpoint_is_named_in_one_line(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "w.pt"
    if kind == "folder":
        file.mkdir()
    elif kind in ("cut", "list"):
        torch.save([torch.zeros(1000)], file)
        file.write_bytes(file.read_bytes()[: 1000 if kind == "cut" else None])
    elif kind != "missing":
        file.write_bytes(b"" if kind == "empty" else b"<html>404 Not Found</html>")
    with pytest.raises(UserError) as problem:
        load_checkpoint(file)
    assert str(problem.value).startswith(f"{file}: ") and "\n" not in str(problem.value)
    if kind == "missing":
        assert str(problem.value) == f"{file}: no such weights"
