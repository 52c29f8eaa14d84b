"""Paths of a run's artefacts, as Snakemake patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from model.config import InferenceConfig

RUN = "runs/{dataset}/{run}/{scope}/seed{seed}"
RESULTS = "results/{dataset}/{run}/{scope}/seed{seed}"


GIVEN = "given"
"""Name, among runs, of the network of a given checkpoint: its results and plots lie under it."""
IMPORTED = "weights/imported/{dataset}/{scope}.pt"
"""A given checkpoint of a reference implementation, converted."""


def predictions_of_given(by_domain: bool) -> str:
    """Folder of the predictions of a given checkpoint."""
    return "predictions/{dataset}/{scope}" if by_domain else "predictions/{dataset}"


def gate_log(inference: InferenceConfig, folder: str = RUN) -> str:
    """The gate log: next to the predictions in `folder`, or under the folder `gate_save_path`, or that file."""
    if inference.gate_file:
        return inference.gate_file
    logged = "all" if inference.gate_sample_count < 0 else str(inference.gate_sample_count)
    above = inference.gate_save_path.rstrip("/")
    return f"{above}{'/' if above else ''}{folder}/gate_logs_{{split}}_N{logged}.jsonl"


def any_of(names: Iterable[str]) -> str:
    """A wildcard constraint that matches one of these names, or nothing if there are no names."""
    return "|".join(map(re.escape, names)) or "(?!)"
