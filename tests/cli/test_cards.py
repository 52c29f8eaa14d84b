"""GPUs of one machine: which there are, and one job on each. No GPU is needed: cards are names and lock files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import UserError, cards
from cli.cards import (
    CARDS,
    JOBS_PER_CARD,
    VISIBLE,
    cards_of_listing,
    cards_of_machine,
    forget_cards,
    parse_cards,
    share_cards,
    take_card,
)
from tests.conftest import ROOT

# Output of `nvidia-smi -L` as NVIDIA's manuals print it, without and with parts of GPUs (MIG).
TWO = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-4d1c6b5c-0a9f-4b8e-8a34-0c6f1a9d2b11)
"""
PARTS = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 3g.20gb     Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-4d1c6b5c-0a9f-4b8e-8a34-0c6f1a9d2b11)
"""
# Takes a card, says so, and keeps it until its input ends.
TAKE = "import sys; from cli.cards import take_card; print(take_card('auto'), flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver, lock files of this test's own, and a process that holds no card; nothing of this process's stays."""
    (tmp_path / "driver").touch()
    monkeypatch.setattr(cards, "_DRIVERS", (tmp_path / "driver",))
    monkeypatch.setattr(cards, "_held", [])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in (CARDS, JOBS_PER_CARD, VISIBLE, "LOCAL_RANK", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.setenv(name, "")  # so that what the test sets is taken back
        monkeypatch.delenv(name)
    yield
    for lock in cards._held:
        os.close(lock)


def take_elsewhere(tmp_path: Path, **environment: str) -> subprocess.Popen[str]:
    """A process that takes a card, once it has said which or that it waits."""
    return subprocess.Popen(
        [sys.executable, "-c", TAKE],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    """What a process prints first: the card that it has taken."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,1", ["0", "1"]),
        (" 3 , 1", ["3", "1"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2,-1,1", ["2"]),
        ("0,0", ["0"]),
        ("00,0,\u0661", ["0"]),
        ("GPU-5d5ba0d6,MIG-c7384736-a75d-5afc", ["GPU-5d5ba0d6", "MIG-c7384736-a75d-5afc"]),
        ("MIG-GPU-5d5ba0d6/1/0", ["MIG-GPU-5d5ba0d6/1/0"]),
    ],
)
def test_a_list_of_cards_is_read_as_cuda_reads_it(text: str, expected: list[str]) -> None:
    assert parse_cards(text) == expected


def test_the_listing_of_the_driver() -> None:
    assert cards_of_listing(TWO) == ["0", "1"]
    assert cards_of_listing(PARTS) == [
        "MIG-c7384736-a75d-5afc-978f-d2f1294409fd",
        "MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d",
        "GPU-4d1c6b5c-0a9f-4b8e-8a34-0c6f1a9d2b11",
    ]
    assert cards_of_listing("No devices found.\n") == []


def test_what_the_environment_names_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{TWO}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert cards_of_machine({}) == ["0", "1"]
    assert cards_of_machine({VISIBLE: "GPU-4d1c6b5c"}) == ["GPU-4d1c6b5c"]
    assert cards_of_machine({VISIBLE: ""}) == []
    assert cards_of_machine({VISIBLE: "1", CARDS: "7,8"}) == ["7", "8"]
    monkeypatch.setattr(cards, "_DRIVERS", (tmp_path / "none",))
    assert cards_of_machine({VISIBLE: "1"}) == []  # a variable that outlived its GPU
    assert cards_of_machine({CARDS: "7"}) == ["7"]


@pytest.mark.parametrize(
    ("asked", "jobs", "share"), [(None, 3, "1"), (1, 1, "1"), (3, 3, "1"), (4, 4, "2"), (6, 6, "2"), (7, 7, "3")]
)
def test_as_many_jobs_as_cards_unless_the_user_asks(
    asked: int | None, jobs: int, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "0,2,5")
    assert share_cards(asked) == jobs
    assert (os.environ[CARDS], os.environ[JOBS_PER_CARD]) == ("0,2,5", share)
    forget_cards()
    assert CARDS not in os.environ and JOBS_PER_CARD not in os.environ


def test_without_cards_nothing_is_limited_or_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "")
    assert share_cards(None) is None and share_cards(2) == 2
    assert take_card("auto") is None
    assert os.environ[VISIBLE] == "" and CARDS not in os.environ


def test_each_process_sees_a_card_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = ["0", "GPU-4d1c6b5c", "MIG-GPU-5d5ba0d6/1/0"]
    monkeypatch.setenv(CARDS, ",".join(named))
    assert take_card("auto") == "0" and os.environ[VISIBLE] == "0"
    assert take_card("auto") == "0"  # a second network of the same process
    others = [take_elsewhere(tmp_path), take_elsewhere(tmp_path)]
    taken = [first_line(other) for other in others]
    assert sorted(taken) == sorted(named[1:])
    others[0].communicate()
    next_one = take_elsewhere(tmp_path)
    assert first_line(next_one) == taken[0]
    next_one.communicate()
    others[1].communicate()


def test_a_killed_job_frees_its_card_for_one_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CARDS, "0")
    killed = take_elsewhere(tmp_path)
    assert first_line(killed) == "0"
    waiting = take_elsewhere(tmp_path)
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == f"waiting for a free GPU: 0 (process {killed.pid})\n"
    killed.kill()
    killed.communicate()
    assert first_line(waiting) == "0"
    waiting.communicate()


def test_jobs_that_may_share_cards_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CARDS, "0,1")
    monkeypatch.setenv(JOBS_PER_CARD, "2")
    jobs, taken = [], []
    for _ in range(4):
        jobs.append(take_elsewhere(tmp_path))
        taken.append(first_line(jobs[-1]))
    assert taken == ["0", "1", "0", "1"]
    for job in jobs:
        job.communicate()


def test_cards_of_two_jobs_of_a_scheduler_are_not_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each of them the first card is number 0."""
    monkeypatch.setenv(CARDS, "0")
    first, second = (take_elsewhere(tmp_path, SLURM_JOB_ID=number) for number in ("12", "13"))
    assert first_line(first) == first_line(second) == "0"
    first.communicate()
    second.communicate()


@pytest.mark.parametrize(("device", "environment"), [("cpu", {}), ("cuda:1", {}), ("auto", {"LOCAL_RANK": "1"})])
def test_a_device_that_is_chosen_otherwise_takes_no_card(
    device: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {CARDS: "0", VISIBLE: "0,1", **environment}.items():
        monkeypatch.setenv(name, value)
    assert take_card(device) is None
    assert os.environ[VISIBLE] == "0,1" and cards._held == []


@pytest.mark.parametrize("in_the_way", ["folder", "link", "pipe", "second name"])
def test_what_is_in_the_way_of_a_lock_is_named_and_kept(
    in_the_way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CARDS, "0")
    mine, folder = tmp_path / "mine", tmp_path / "av_highlights_cards"
    mine.write_text("kept")
    if in_the_way == "folder":
        folder.symlink_to(tmp_path)
    else:
        folder.mkdir()
        lock = folder / "0-0"
        if in_the_way == "link":
            lock.symlink_to(mine)
        elif in_the_way == "pipe":
            os.mkfifo(lock)
        else:
            lock.hardlink_to(mine)
    with pytest.raises(UserError, match=str(folder)):
        take_card("auto")
    assert mine.read_text() == "kept"


@pytest.mark.parametrize("opened", [True, False])
def test_another_users_lock_file_is_waited_for_until_it_is_open_to_all(
    opened: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its maker's umask for a moment."""
    monkeypatch.setenv(CARDS, "0")
    real, tries = os.open, []

    def refuse(path: Path, *rest: int) -> int:
        tries.append(path)
        if opened and len(tries) > 2:
            return real(path, *rest)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    if opened:
        assert take_card("auto") == "0"
    else:
        with pytest.raises(UserError, match=r"0-0: the lock of a GPU, which all users must be allowed to write$"):
            take_card("auto")
