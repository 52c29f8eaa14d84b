"""What `make faults` does, for one fault of a kind: the suite itself works, and so does what it found."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from benchmarks.robustness.fault import Fault, Met, meet, render, write_part
from benchmarks.robustness.snakemakes import interfere
from benchmarks.robustness.study import MADE
from tests.workflow.workspace import Workspace


def provoke(rule: str, by: int, unlock: bool, built: Workspace, folder: Path) -> Met:
    return meet(Fault("a fault", rule, MADE[rule], interfere(MADE[rule], by, unlock)), built.folder, folder / "faulty")


def test_jobs_that_outlive_snakemake_are_named_by_the_next_one(built: Workspace, tmp_path: Path) -> None:
    """The second run starts while the job of the first is about to put its output in place."""
    met = provoke("encode", signal.SIGKILL, True, built, tmp_path)
    assert met.message.startswith("features/demo/clip_visual/000.h5: process ") and "is making it" in met.message
    assert met.same and not (met.lost or met.traceback or met.unnoticed), met.told[-4000:]


def test_jobs_that_take_a_moment_are_made_twice(built: Workspace, tmp_path: Path) -> None:
    met = provoke("score", signal.SIGKILL, True, built, tmp_path)
    assert met.same and not (met.message or met.lost or met.traceback or met.unnoticed), met.told[-4000:]


def test_of_two_snakemakes_in_one_folder_the_second_waits_for_nobody(built: Workspace, tmp_path: Path) -> None:
    met = provoke("score", 0, False, built, tmp_path)
    assert met.message.startswith("Error: Directory cannot be locked.")
    assert met.same and not (met.lost or met.traceback or met.unnoticed), met.told[-4000:]


def test_a_table_says_what_is_wrong(tmp_path: Path) -> None:
    fault = Fault("a wrong bit in `x`", "train", "x", lambda _: ("", False))
    good = Met(fault, "", "x: damaged", traceback=False, unnoticed=False, lost=[], same=True)
    bad = Met(fault, "", "", traceback=True, unnoticed=True, lost=["y"], same=False)
    assert (good.bad, bad.bad) == (False, True)
    counts, _, _, _, first, second = render([good, bad]).splitlines()
    assert counts.startswith("2 faults: 1 re-runs ended with the bytes of an undisturbed run; 1 faults gave another")
    assert first == "| a wrong bit in `x` | `train` | `x: damaged` | nothing | the same bytes |"
    assert second.endswith("| none, and another result | y | OTHER BYTES |")
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- disk: begin -->\nold\n<!-- disk: end -->\nz\n")
    write_part(page, "disk", "new")
    assert page.read_text() == "a\n<!-- disk: begin -->\nnew\n<!-- disk: end -->\nz\n"
    with pytest.raises(ValueError, match="has no marker <!-- kill: begin -->"):
        write_part(page, "kill", "new")
