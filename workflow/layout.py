"""Where the artefacts of a run lie, as Snakemake patterns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from model.config import InferenceConfig

RUN = "runs/{dataset}/{run}/{scope}/seed{seed}"
RESULTS = "results/{run}/{scope}/seed{seed}"


def gate_log(inference: InferenceConfig) -> str:
    """The gate log: beside the predictions, or below the folder that `gate_save_path` names."""
    logged = "all" if inference.gate_sample_count < 0 else str(inference.gate_sample_count)
    folder = inference.gate_save_path.rstrip("/")
    return f"{folder}{'/' if folder else ''}{RUN}/gate_logs_{{split}}_N{logged}.jsonl"


def any_of(names: Iterable[str]) -> str:
    """A wildcard constraint: one of these names; nothing at all if there is none."""
    return "|".join(names) or "(?!)"


def gpus_a_job() -> int:
    """GPUs that an encoding or training job asks Snakemake for.

    Without one nothing has to queue: `profiles/default` allows a single GPU job at a time. A cluster's head node may
    have none where its workers do; there a profile sets the resource.
    """
    return int(Path("/dev/nvidiactl").exists())
