"""A damaged archive of torch is one line that names the file; torch itself reads it without notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cli import UserError
from formats.checksums import check_archive

CONTENT = {"weights": torch.arange(40, dtype=torch.float32), "about": {"epoch": 3, "name": "a run"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.save(CONTENT, tmp_path / "best.pt")
    return tmp_path / "best.pt"


def read(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def same(found: Any) -> bool:
    return found["about"] == CONTENT["about"] and torch.equal(found["weights"], CONTENT["weights"])


def flip(path: Path, content: bytes, bit: int) -> None:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)


def test_a_wrong_bit_of_a_weight_is_named_and_torch_does_not_see_it(path: Path) -> None:
    check_archive(path)
    content = path.read_bytes()
    flip(path, content, 8 * content.index(CONTENT["weights"].numpy().tobytes()) + 30)
    assert not same(read(path))
    with pytest.raises(UserError, match=r"best\.pt: damaged since it was written: Bad CRC-32 for file '\S+/data/0'"):
        check_archive(path)


def test_any_wrong_bit_is_seen_or_changes_nothing(path: Path) -> None:
    """Of 300 wrong bits anywhere: what is not seen here either makes torch fail or leaves what it reads as it was."""
    content = path.read_bytes()
    seen = 0
    for bit in np.random.default_rng(0).permutation(8 * len(content))[:300].tolist():
        flip(path, content, bit)
        try:
            check_archive(path)
        except UserError as problem:
            assert str(path) in str(problem) and "\n" not in str(problem)
            seen += 1
            continue
        try:
            found = read(path)
        except Exception:  # whoever loads it makes one line of it
            continue
        assert same(found), bit
    assert seen > 50


def test_another_format_passes(tmp_path: Path) -> None:
    torch.save(CONTENT, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    check_archive(tmp_path / "old.pt")
