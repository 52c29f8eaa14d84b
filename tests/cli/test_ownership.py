"""An artefact in the making has one owner, whom a second one names; an owner that has died is replaced."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli import UserError, ownership
from cli.ownership import SILENCE, owning
from tests.conftest import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resume.pt"


@pytest.fixture
def file(path: Path) -> Path:
    return path.with_name(".resume.pt.owner")


def claim_elsewhere(file: Path, age: float = 0.0, **changes: Any) -> None:
    """Another owner's file, last touched some seconds ago."""
    about = {"pid": 4711, "host": "node3", "machine": "another", "started": "1", "job": "", "claim": "x"}
    file.write_text(json.dumps({**about, **changes}), encoding="utf-8")
    now = file.stat().st_mtime
    os.utime(file, (now - age, now - age))


def test_a_second_one_says_who_the_first_is(path: Path, file: Path) -> None:
    with owning(path) as claim:
        line = rf"resume\.pt: process {os.getpid()} is making it: wait until it ends, or end it \(kill {os.getpid()}\)"
        with pytest.raises(UserError, match=line), owning(path):
            pass
        claim.renew()
        claim.check()
    assert list(path.parent.iterdir()) == []
    with owning(path):
        assert file.exists()


def test_the_next_one_can_begin_whatever_ended_the_first(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), owning(path):
        raise ZeroDivisionError
    program = f"""if True:
        import os, pathlib
        from cli.ownership import owning
        with owning(pathlib.Path({str(path)!r})):
            os.kill(os.getpid(), 9)"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert [found.name for found in path.parent.iterdir()] == [".resume.pt.owner"]
    with owning(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_a_process_id_that_is_used_again_is_not_the_owner(path: Path, file: Path) -> None:
    mine = ownership._this_process()
    claim_elsewhere(file, pid=os.getpid(), host=mine.host, machine=mine.machine, started="1")
    with owning(path):
        pass


def test_of_another_machine_the_last_touch_counts(path: Path, file: Path) -> None:
    claim_elsewhere(file, age=5.0, job="Slurm job 12")
    line = r"process 4711 on node3 \(Slurm job 12\) is making it, last heard of \d+ s ago: .*\(scancel 12\).*try again"
    with pytest.raises(UserError, match=line), owning(path):
        pass
    claim_elsewhere(file, age=SILENCE + 1)
    with owning(path):
        pass
    claim_elsewhere(file, age=1.0)
    with pytest.raises(UserError, match=r"or end it \(kill 4711 on node3\)"), owning(path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"pid": "x"}', '{"pid": 1, "colour": 2}'])
def test_a_file_that_names_nobody_counts_by_its_age(path: Path, file: Path, content: str) -> None:
    """A process was killed between creating the file and writing it, or the file is damaged."""
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="another process is making it, last heard of"), owning(path):
        pass
    os.utime(file, (1.0, 1.0))
    with owning(path):
        pass


def test_an_owner_that_was_taken_for_dead_stops_writing(path: Path, file: Path) -> None:
    with owning(path) as claim:
        claim_elsewhere(file)
        claim.check()  # as it looks only when it touches the file
        claim.renew()
        with pytest.raises(UserError, match=r"resume\.pt: process 4711 on node3 took over, because this process"):
            claim.check()
    assert json.loads(file.read_text(encoding="utf-8"))["claim"] == "x"


def test_of_two_that_find_a_dead_owner_one_begins(path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looks at the dead owner's file before the first replaces it, and moves the first one's file away."""
    claim_elsewhere(file, age=SILENCE + 1)
    rename = Path.rename

    def replace_first(source: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        claim_elsewhere(file, claim="first")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", replace_first)
    with pytest.raises(UserError, match="process 4711 on node3 is making it"), owning(path):
        pass
    assert [found.name for found in path.parent.iterdir()] == [file.name]
    assert json.loads(file.read_text(encoding="utf-8"))["claim"] == "first"


def test_a_device_has_no_owner() -> None:
    with owning(Path("/dev/null")), owning(Path("/dev/null")) as claim:
        claim.renew()
        claim.check()
    assert not Path("/dev/.null.owner").exists()


def test_a_full_disk_leaves_no_owner(path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dump", fail)
    with pytest.raises(OSError, match="No space left") as problem, owning(path):
        pass
    assert problem.value.filename == str(path) and not file.exists()


def test_a_schedulers_job_waits_until_an_owner_elsewhere_is_dead(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm starts a job again at once on another node, after it killed it at a time limit."""
    claim_elsewhere(file, age=10)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    slept: list[float] = []
    monkeypatch.setattr(ownership.time, "sleep", slept.append)
    monkeypatch.setattr(ownership, "_age", lambda file: 10 + sum(slept))
    with owning(path):
        assert json.loads(file.read_text(encoding="utf-8"))["job"] == "Slurm job 7"
    assert sum(slept) == SILENCE - 10


def test_a_schedulers_job_does_not_wait_for_an_owner_elsewhere_that_lives(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_elsewhere(file, age=10)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(ownership.time, "sleep", lambda seconds: os.utime(file))
    with pytest.raises(UserError, match="process 4711 on node3 is making it"), owning(path):
        pass
