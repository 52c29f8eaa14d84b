"""Checkpoints that the configuration names: one that predicts (`checkpoint`), and initial weights (`init_from`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cli import UserError
from cli.errors import no_such
from formats.rows import Row
from model.config import ModelConfig
from model.summary import Summary, summarise_checkpoint
from workflow import layout
from workflow.configuration import RunSettings
from workflow.scopes import ALL

Objective = Literal["moments_and_saliency", "saliency"]
"""The values of `train.objective`."""
_MOMENTS = ("relevant_windows", "saliency_scores")


@dataclass(frozen=True)
class GivenCheckpoint:
    """The networks of the key `checkpoint`: one, or one per domain.

    Attributes:
        files: by scope.
        references: scopes whose file is of a reference implementation and has to be imported first.
        model: the network; that of all scopes.
        seed: the seed of the training; 0 if unknown.
    """

    files: Mapping[str, str]
    references: Sequence[str]
    model: ModelConfig
    seed: int


def find_given(config: dict[str, Any], streams: ModelConfig, domains: Sequence[str]) -> GivenCheckpoint:
    """Look into the files of the key `checkpoint`.

    Args:
        streams: the main run's network, which names the streams of a reference.
        domains: the domains of the rows that are predicted; empty if one network predicts all rows.

    Raises:
        UserError: a file is missing or holds no network, files of different networks, or a single file for several
            domains that does not say which one it was trained on.
    """
    pattern = config["checkpoint"]
    scopes = list(domains) or [ALL]
    if domains and "{scope}" not in pattern:
        scopes = [_domain_of(pattern, streams, domains)]
    files = {scope: pattern.replace("{scope}", scope) for scope in scopes}
    found = {scope: _summarise(file, streams) for scope, file in files.items()}
    first = found[scopes[0]]
    for scope, summary in found.items():
        if _kind(summary.model) != _kind(first.model):
            raise UserError(
                f"config: checkpoint: {files[scope]} and {files[scopes[0]]} hold networks of different kinds"
            )
    references = [scope for scope, summary in found.items() if summary.is_reference]
    return GivenCheckpoint(files, references, first.model, first.seed)


def labelled_splits(rows: Mapping[str, Sequence[Row]]) -> tuple[list[str], Objective]:
    """The splits whose predictions can be scored, and what their labels are for: ratings per clip, or moments.

    Raises:
        UserError: some splits have ratings and others have moments.
    """
    rated = [split for split, part in rows.items() if any(row.get("label") is not None for row in part)]
    marked = [split for split, part in rows.items() if any(row.get(key) for row in part for key in _MOMENTS)]
    if rated and set(marked) - set(rated):
        raise UserError(
            f"config: dataset.annotations: {rated[0]} has ratings (label), {marked[0]} has moments: predict them apart"
        )
    return (rated, "saliency") if rated else (marked, "moments_and_saliency")


def _domain_of(file: str, streams: ModelConfig, domains: Sequence[str]) -> str:
    """The domain that a single checkpoint was trained on, or the only one that is predicted."""
    domain = _summarise(file, streams).domain
    if not domain and len(domains) == 1:
        return domains[0]
    if not domain:
        raise UserError(
            "config: checkpoint: with dataset.scopes by_domain, the name must contain {scope}, which stands for the "
            "domain; or choose one of dataset.domains, or set dataset.scopes to all"
        )
    if domain not in domains:
        raise UserError(
            f"config: checkpoint: {file} is for domain {domain}, which is not among those that are predicted"
            f" ({', '.join(domains)})"
        )
    return domain


def _summarise(file: str, streams: ModelConfig) -> Summary:
    if "{" in file or "}" in file:
        raise UserError(f"config: checkpoint: only {{scope}} may stand in braces, got {file}")
    if not Path(file).is_file():
        raise UserError(f"config: checkpoint: {no_such('file', file)}")
    try:
        return summarise_checkpoint(Path(file), streams)
    except UserError as problem:
        raise UserError(f"config: checkpoint: {problem}") from None


def _kind(model: ModelConfig) -> tuple[object, ...]:
    """What the networks of all scopes must share: what they read, and whether they have gates."""
    return model.fusion, model.video_streams, model.text_stream, model.audio_streams if model.reads_audio else ()


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
