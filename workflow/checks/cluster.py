"""What the Slurm executor of Snakemake needs and does not say: without it, a run waits for ever without a word."""

from __future__ import annotations

import shutil
import subprocess
from typing import Protocol

from cli import UserError

PROFILE = "--workflow-profile profiles/slurm"
WITHOUT_ACCOUNTING = "--workflow-profile profiles/slurm_generic"
_ENOUGH_ATTEMPTS = 100


class SlurmSettings(Protocol):
    """Options `--slurm-...` of snakemake-executor-plugin-slurm 2.8.0 that are read here."""

    status_attempts: int
    array_jobs: str | None


def check_cluster(executor: str, settings: SlurmSettings) -> list[str]:
    """Check that the executor will see the ends of its jobs.

    Even with `--slurm-status-command squeue` the plugin falls back to `sacct` when the controller does not answer, and
    once all its attempts have failed, it forgets its jobs. So `sacct` must work, and be asked more than five times.

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
    if settings.status_attempts < _ENOUGH_ATTEMPTS:
        return [
            f"if Slurm does not answer {settings.status_attempts} times in a row, Snakemake waits for ever: run with"
            f" {PROFILE}, or add --slurm-status-attempts 1000 --max-status-checks-per-second 0.2"
        ]
    return []


def _accounting_failure() -> str:
    """Why `sacct` does not work, in its own words; empty if it does."""
    if not shutil.which("sacct"):
        return "no command sacct"
    asked = subprocess.run(["sacct", "-X", "--noheader", "--starttime", "now"], capture_output=True, text=True)
    return asked.stderr.strip().replace("\n", "; ") or f"sacct ends with {asked.returncode}" if asked.returncode else ""
