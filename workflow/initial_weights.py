"""Where the weights come from that a run's training starts from: `init_from`, a file or what another run makes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cli import UserError
from workflow import layout
from workflow.configuration import RunSettings


def check_initial_weights(
    settings: Mapping[str, RunSettings],
    runs: Iterable[str],
    dataset: str,
    scopes: Collection[str],
    seeds: Iterable[int],
) -> set[str]:
    """Check that each checkpoint that `runs` start from is there, or is made by a run that does not wait for them.

    Returns:
        the runs that are trained before them.

    Raises:
        UserError: neither is so, naming the run and the file.
    """
    before: set[str] = set()
    trainings = [(settings[run].trained_as, scope, seed) for run in runs for scope in scopes for seed in seeds]
    for run, scope, seed in trainings:
        seen = {(run, scope, str(seed))}
        waiting = settings[run].initial_weights(scope, seed)
        while waiting:
            path = waiting.pop()
            made = _maker(path, settings, dataset, scopes)
            if "{" in path or "}" in path:
                raise UserError(
                    f"config: run {run}: init_from: of braces only {{scope}} and {{seed}} have a meaning: {path}"
                )
            if made is None and not Path(path).is_file():
                raise UserError(f"config: run {run}: init_from: no such file, and no run makes it: {path}")
            if made in seen:
                raise UserError(f"config: run {run}: init_from: {path} waits for itself")
            if made is not None:
                seen.add(made)
                before.add(made[0])
                waiting += settings[made[0]].initial_weights(*made[1:])
    return before


def _maker(
    path: str, settings: Mapping[str, RunSettings], dataset: str, scopes: Collection[str]
) -> tuple[str, str, str] | None:
    """The run, scope and seed whose training makes a file; None if none does."""
    folder = layout.RUN.format(dataset=re.escape(dataset), run="([^/]+)", scope="([^/]+)", seed=r"(\d+)")
    made = re.fullmatch(rf"{folder}/(?:best|last)\.pt", path)
    if made is None or made[2] not in scopes:
        return None
    if made[1] not in settings or settings[made[1]].trained_as != made[1]:
        return None
    return made[1], made[2], made[3]
