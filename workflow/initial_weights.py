"""The initial weights of a run, `init_from`: a file, or a checkpoint that another run makes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cli import UserError
from cli.errors import no_such
from workflow import layout
from workflow.configuration import RunSettings


def check_initial_weights(
    settings: Mapping[str, RunSettings],
    runs: Iterable[str],
    dataset: str,
    scopes: Collection[str],
    seeds: Iterable[int],
) -> set[str]:
    """Check that each checkpoint that `runs` start from exists, or that another run makes it without a cycle.

    Returns:
        the runs that must be trained first.

    Raises:
        UserError: neither holds; the message names the run and the file.
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
                    f"config: run {run}: init_from: only {{scope}} and {{seed}} may stand in braces, got {path}"
                )
            if made is None and not Path(path).is_file():
                raise UserError(f"config: run {run}: init_from: {no_such('file', path)}, and no run makes it")
            if made in seen:
                raise UserError(f"config: run {run}: init_from: {path} depends on itself")
            if made is not None:
                seen.add(made)
                before.add(made[0])
                waiting += settings[made[0]].initial_weights(*made[1:])
    return before


def _maker(
    path: str, settings: Mapping[str, RunSettings], dataset: str, scopes: Collection[str]
) -> tuple[str, str, str] | None:
    """The run, scope and seed whose training makes a file; None if no training does."""
    folder = layout.RUN.format(dataset=re.escape(dataset), run="([^/]+)", scope="([^/]+)", seed=r"(\d+)")
    made = re.fullmatch(rf"{folder}/(?:best|last)\.pt", path)
    if made is None or made[2] not in scopes:
        return None
    if made[1] not in settings or settings[made[1]].trained_as != made[1]:
        return None
    return made[1], made[2], made[3]
