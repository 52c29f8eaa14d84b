"""What the Slurm executor needs is said before a run that would wait for ever."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import UserError
from workflow.checks.cluster import check_cluster


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def sacct(programs: Path, script: str) -> None:
    install(programs / "sacct", script)


def install(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def settings(**changes: Any) -> Any:
    good = {"status_command": "squeue", "status_attempts": 1000, "init_seconds_before_status_checks": 20}
    return SimpleNamespace(**{**good, "array_jobs": None, **changes})


def test_a_cluster_without_accounting_is_refused_in_one_line(programs: Path) -> None:
    sacct(programs, "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    with pytest.raises(UserError) as raised:
        check_cluster("slurm", settings())
    assert str(raised.value) == (
        "this cluster keeps no accounting (Slurm accounting storage is disabled), from which --executor slurm learns"
        " that jobs ended: run with --workflow-profile profiles/slurm_generic"
    )


def test_so_is_one_without_its_command(programs: Path) -> None:
    with pytest.raises(UserError, match=r"\(no command sacct\)"):
        check_cluster("slurm", settings())


def test_few_attempts_are_noted(programs: Path) -> None:
    sacct(programs, "exit 0")
    assert check_cluster("slurm", settings()) == []
    [note] = check_cluster("slurm", settings(status_attempts=5))
    assert "does not answer 5 times in a row" in note and "--slurm-status-attempts 1000" in note


def test_sacct_as_the_source_of_states_is_noted(programs: Path) -> None:
    """The default: the plugin does not understand "CANCELLED by 1000"."""
    sacct(programs, "exit 0")
    [note] = check_cluster("slurm", settings(status_command="sacct"))
    assert "after a scancel" in note and "--slurm-status-command squeue" in note


@pytest.mark.parametrize(("kept", "first"), [(120, 20), (300, 101)])
def test_a_cluster_that_forgets_jobs_soon_is_refused(kept: int, first: int, programs: Path) -> None:
    """The plugin asks after `first` seconds, and every 180 s at the latest; it wants three times the first."""
    sacct(programs, "exit 0")
    install(programs / "scontrol", f"echo 'MinJobAge               = {kept} sec'")
    with pytest.raises(
        UserError, match=rf"forgets jobs {kept} s after their end \(MinJobAge\).*profiles/slurm_generic"
    ):
        check_cluster("slurm", settings(init_seconds_before_status_checks=first))


def test_a_cluster_that_remembers_jobs_passes(programs: Path) -> None:
    sacct(programs, "exit 0")
    install(programs / "scontrol", "echo 'MinJobAge               = 300 sec'")
    assert check_cluster("slurm", settings()) == []


def test_array_jobs_are_refused(programs: Path) -> None:
    sacct(programs, "exit 0")
    with pytest.raises(UserError, match="--slurm-array-jobs"):
        check_cluster("slurm", settings(array_jobs="all"))


@pytest.mark.parametrize("executor", ["local", "cluster-generic", "kubernetes"])
def test_other_executors_need_no_accounting(executor: str, programs: Path) -> None:
    assert check_cluster(executor, SimpleNamespace()) == []
