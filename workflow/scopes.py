"""Scopes of training: one network for the whole dataset, or one per domain, as is usual on TVSum."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cli import UserError
from formats.annotations import read_annotations
from model.config import TrainConfig
from workflow.dataset import Dataset

ALL = "all"
# A domain becomes a folder name and a command-line argument.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SPLITS = ("train", "val")


def find_scopes(config: dict[str, Any], data: Dataset) -> tuple[list[str], list[str]]:
    """The scopes of a dataset, and the domains that are left out because train or val has none of their videos.

    With a given checkpoint, every split counts.

    Raises:
        UserError: scopes are domains, but a row has no domain or one that cannot name a folder; or an unknown domain is
            chosen.
    """
    chosen = config["dataset"]["domains"]
    if config["dataset"]["scopes"] == ALL:
        if chosen:
            raise UserError("config: dataset.domains has no effect with dataset.scopes all: set that to by_domain")
        return [ALL], []
    splits = list(config["dataset"]["annotations"]) if config["checkpoint"] else _SPLITS
    found = {split: _domains(Path(config["dataset"]["annotations"][split]), data) for split in splits}
    known = {domain for domains in found.values() for domain in domains}
    unknown = [domain for domain in chosen if domain not in known]
    if unknown:
        raise UserError(f"config: dataset.domains: no row has {unknown[0]!r} (known: {', '.join(sorted(known))})")
    known = known.intersection(chosen) if chosen else known
    whole = sorted(known.intersection(*({name for name, there in found[split].items() if there} for split in splits)))
    if not whole:
        raise UserError(f"config: dataset.scopes: no domain has videos in {' and '.join(splits)}")
    return whole, sorted(known.difference(whole))


def _domains(file: Path, data: Dataset) -> dict[str, bool]:
    """Domains of an annotation file, and whether any of their videos was found."""
    found: dict[str, bool] = {}
    for row in read_annotations([file]):
        domain = row.get("domain")
        if not isinstance(domain, str) or not _NAME.fullmatch(domain) or domain == ALL:
            raise UserError(
                f"{file}: qid {row['qid']}: with dataset.scopes by_domain, domain must consist of letters, digits, -,"
                f" _ and dots, start with a letter or digit, and not be {ALL!r}; got {domain!r}"
            )
        found[domain] = found.get(domain, False) or not data.files or row["vid"] in data.files
    return found


def rates_clips(scopes: str, trained: Mapping[str, TrainConfig], runs: Iterable[str]) -> bool:
    """Whether the runs learn only saliency and are scored like TVSum, by domain, rather than like QVHighlights.

    Raises:
        UserError: only some runs do, or none do although the scopes are domains.
    """
    objectives = {trained[run].objective for run in runs}
    if len(objectives) > 1:
        raise UserError("config: selected_runs: runs with different train.objective cannot share one table")
    if objectives == {"saliency"}:
        return True
    if scopes != ALL:
        raise UserError("config: dataset.scopes: by_domain needs train.objective saliency (rows with label)")
    return False
