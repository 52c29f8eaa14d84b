"""What the Slurm executor of Snakemake needs and does not say: without it, a run waits for ever without a word."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Protocol

from cli import UserError

PROFILE = "--workflow-profile profiles/slurm"
WITHOUT_ACCOUNTING = "--workflow-profile profiles/slurm_generic"
_ENOUGH_ATTEMPTS = 100
_LONGEST_INTERVAL = 200
"""Seconds; the plugin asks for the status of jobs every 180 s at the latest."""


class SlurmSettings(Protocol):
    """Options `--slurm-...` of snakemake-executor-plugin-slurm 2.8.0 that are read here."""

    status_command: str | None
    status_attempts: int
    init_seconds_before_status_checks: int
    array_jobs: str | None


def check_cluster(executor: str, settings: SlurmSettings) -> list[str]:
    """Check that the executor will see the ends of its jobs.

    The plugin asks `squeue` or `sacct`. It does not understand that `sacct` calls a state "CANCELLED by 1000", and
    waits for that job for ever. `squeue` forgets jobs some time after their end, and while the controller does not
    answer, the plugin asks `sacct` instead: both have to work. Once all attempts to ask have failed, it forgets its
    jobs and waits for ever.

    Args:
        executor: name of Snakemake's executor; all but `slurm` pass.

    Returns:
        notes, one line each.

    Raises:
        UserError: jobs would run, and Snakemake would never notice that they ended.
    """
    if executor != "slurm":
        return []
    failure = _accounting_failure()
    if failure:
        raise UserError(
            f"this cluster keeps no accounting ({failure}), from which --executor slurm learns that jobs ended:"
            f" run with {WITHOUT_ACCOUNTING}"
        )
    if settings.array_jobs:
        raise UserError("--slurm-array-jobs: failed tasks are reported as done: leave it out")
    kept = _seconds_kept()
    if settings.status_command == "squeue" and kept is not None:
        needed = max(_LONGEST_INTERVAL, 3 * settings.init_seconds_before_status_checks)
        if kept < needed:
            raise UserError(
                f"this cluster forgets jobs {kept} s after their end (MinJobAge), and --executor slurm needs {needed}:"
                f" run with {WITHOUT_ACCOUNTING}"
            )
    notes = []
    if settings.status_command != "squeue":
        notes.append(
            "after a scancel, --executor slurm waits for the cancelled job for ever:"
            f" run with {PROFILE}, or add --slurm-status-command squeue"
        )
    if settings.status_attempts < _ENOUGH_ATTEMPTS:
        notes.append(
            f"if Slurm does not answer {settings.status_attempts} times in a row, Snakemake waits for ever: run with"
            f" {PROFILE}, or add --slurm-status-attempts 1000 --max-status-checks-per-second 0.2"
        )
    return notes


def _accounting_failure() -> str:
    """Why `sacct` does not work, in its own words; empty if it does."""
    if not shutil.which("sacct"):
        return "no command sacct"
    done = _ask("sacct", "-X", "--noheader", "--starttime", "now")
    return done.stderr.strip().replace("\n", "; ") or f"sacct ends with {done.returncode}" if done.returncode else ""


def _seconds_kept() -> int | None:
    """How long Slurm remembers a job after its end; None if it does not say."""
    if not shutil.which("scontrol"):
        return None
    found = re.search(r"^MinJobAge\s*=\s*(\d+)", _ask("scontrol", "show", "config").stdout, re.MULTILINE)
    return int(found[1]) if found else None


def _ask(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)
