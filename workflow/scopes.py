"""What a network is trained on: all of the dataset, or one network a domain, as is the custom on TVSum."""

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
# A domain is a folder's name and part of a command.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SPLITS = ("train", "val")


def find_scopes(config: dict[str, Any], data: Dataset) -> tuple[list[str], list[str]]:
    """The scopes of a dataset, and the domains that are left out: no video of them is there to train or to score.

    Raises:
        UserError: scopes are the domains, and rows have none, or one that cannot name a folder.
    """
    if config["dataset"]["scopes"] == ALL:
        return [ALL], []
    if config["checkpoint"]:
        raise UserError("config: dataset.scopes: a given checkpoint predicts for all: leave out by_domain")
    found = {split: _domains(Path(config["dataset"]["annotations"][split]), data) for split in _SPLITS}
    known = {domain for domains in found.values() for domain in domains}
    whole = sorted(known.intersection(*({name for name, there in found[split].items() if there} for split in _SPLITS)))
    if not whole:
        raise UserError("config: dataset.scopes: no domain has videos in both train and val")
    return whole, sorted(known.difference(whole))


def _domains(file: Path, data: Dataset) -> dict[str, bool]:
    """Domains of an annotation file, and whether any of their videos is there."""
    found: dict[str, bool] = {}
    for row in read_annotations([file]):
        domain = row.get("domain")
        if not isinstance(domain, str) or not _NAME.fullmatch(domain) or domain == ALL:
            raise UserError(
                f"{file}: qid {row['qid']}: domain must be a name of letters, digits, - and _ (and not {ALL!r}), as"
                f" dataset.scopes is by_domain; got {domain!r}"
            )
        found[domain] = found.get(domain, False) or not data.files or row["vid"] in data.files
    return found


def rates_clips(scopes: str, trained: Mapping[str, TrainConfig], runs: Iterable[str]) -> bool:
    """Whether the runs learn saliency alone and are scored as TVSum is, by domain, not as QVHighlights.

    Raises:
        UserError: some do and some do not, or scopes are domains and they do not.
    """
    objectives = {trained[run].objective for run in runs}
    if len(objectives) > 1:
        raise UserError("config: selected_runs: runs of both train.objective do not share one table")
    if objectives == {"saliency"}:
        return True
    if scopes != ALL:
        raise UserError("config: dataset.scopes: by_domain is for train.objective saliency (rows with label)")
    return False
