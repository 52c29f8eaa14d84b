"""HDF5 files are read and written without locks, and what cannot be written is one line that names the output."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import pytest

import formats.store
from formats.store import Store
from tests.formats.small_store import write
from tests.warm import ROOT, run_python


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """A lock that lets no other handle lock the file, so asking for one fails, as on disks without locks."""
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for mode in ("r", "a"):
            with pytest.raises(OSError, match="unable to lock file"):
                h5py.File(path, mode)
        yield


def test_stores_are_read_without_a_lock(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    with locked(tmp_path / "000.h5"):
        assert Store(tmp_path / "000.h5").length("c") == 2


def test_stores_are_written_without_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 never opens the file that is written."""
    part = tmp_path / "part.h5"
    with h5py.File(part, "w") as file:
        file["old"] = [1]

    @contextmanager
    def replacing(path: Path) -> Iterator[Path]:
        yield part
        part.replace(path)

    monkeypatch.setattr(formats.store, "replacing", replacing)
    with locked(part):
        write(tmp_path / "000.h5")
    assert Store(tmp_path / "000.h5").length("c") == 2


FULL = """
import resource, signal, sys
from pathlib import Path
from cli import Command
from tests.formats.small_store import encode, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def limit(name):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    return encode(name)

def run(arguments):
    "Write a store."
    write(Path(sys.argv[1]), limit)

command = Command("writer", "Write a store.")
command.verb("run", run)
sys.exit(command.main(["run"]))
"""


@pytest.mark.parametrize(("most", "file"), [(4000, "000.h5"), (3000, "000.h5"), (200, "000.h5.part/000000.npz")])
def test_a_full_disk_is_one_line(tmp_path: Path, most: int, file: str) -> None:
    """A file may have no more than some bytes: the store has 11 kB. HDF5 would end the process when it closes it."""
    done = run_python(["-c", FULL, tmp_path / "000.h5", most], ROOT)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == f"python -m writer run: error: {tmp_path / file}: file too large"
    assert [entry.name for entry in tmp_path.iterdir()] == ["000.h5.part"]
