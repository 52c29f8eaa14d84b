"""`make` sets up `.venv` once, and again if that was interrupted or the folder was moved."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Stands for Python, pip and uv: writes the environment's python and uv, then installs, or is killed halfway.
PROGRAM = """#!/bin/bash
echo "$*" >>"$CALLS"
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/uv ;;
  "pip install"*)
    touch .venv/library
    [[ ! -e $KILL ]] || kill -9 $PPID
    touch .venv/other_library ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the Makefile and a Python that installs nothing; while `kill` is there, make is killed."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    program = tmp_path / "python"
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("KILL", str(tmp_path / "kill"))
    return folder


def set_up(folder: Path) -> str:
    """Run make; returns what it says, and what it ran."""
    calls = Path(os.environ["CALLS"])
    calls.write_text("")
    command = ["make", "-C", folder, ".venv/installed", f"PYTHON={folder.parent / 'python'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr + calls.read_text()


def test_once(checkout: Path) -> None:
    assert "pip install" in set_up(checkout) and (checkout / ".venv/other_library").exists()
    assert "pip install" not in set_up(checkout)


def test_a_half_made_environment_is_made_anew(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "kill").touch()
    set_up(checkout)
    assert (checkout / ".venv/library").exists() and not (checkout / ".venv/installed").exists()
    (checkout / ".venv/half").touch()
    (tmp_path / "kill").unlink()
    assert "removing an unfinished .venv" in set_up(checkout)
    assert (checkout / ".venv/other_library").exists() and not (checkout / ".venv/half").exists()
    assert "pip install" not in set_up(checkout)


def test_an_interrupted_update_is_made_anew(checkout: Path, tmp_path: Path) -> None:
    set_up(checkout)
    (checkout / ".venv/mine").touch()
    os.utime(checkout / ".venv/installed", (0, 0))
    assert "pip install" in set_up(checkout) and (checkout / ".venv/mine").exists()  # an update keeps what is there
    os.utime(checkout / ".venv/installed", (0, 0))
    (tmp_path / "kill").touch()
    set_up(checkout)
    (tmp_path / "kill").unlink()
    assert "removing an unfinished .venv" in set_up(checkout) and not (checkout / ".venv/mine").exists()


def test_in_a_moved_folder_it_is_made_anew(checkout: Path) -> None:
    set_up(checkout)
    (checkout / ".venv/old").touch()
    moved = checkout.rename(checkout.with_name("moved"))
    said = set_up(moved)
    assert "the folder was moved" in said and "pip install" in said and not (moved / ".venv/old").exists()
    assert "pip install" not in set_up(moved)


def test_an_environment_of_an_earlier_version_stays(checkout: Path) -> None:
    """Its `installed` is empty."""
    set_up(checkout)
    (checkout / ".venv/installed").write_text("")
    assert "pip install" not in set_up(checkout)
