"""Where the artefacts of a run lie, as Snakemake patterns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RUN = "runs/{dataset}/{run}/{scope}/seed{seed}"
RESULTS = "results/{run}/{scope}/seed{seed}"


def gate_log(inference: dict[str, Any]) -> str:
    """The gate log: beside the predictions, or below the folder that `gate_save_path` names."""
    count = inference["gate_sample_count"]
    logged = "all" if count < 0 else str(count)
    folder = inference["gate_save_path"].rstrip("/")
    return (
        f"{folder}/{RUN}/gate_logs_{{split}}_N{logged}.jsonl"
        if folder
        else f"{RUN}/gate_logs_{{split}}_N{logged}.jsonl"
    )


def gpus_a_job() -> int:
    """GPUs that an encoding or training job asks Snakemake for.

    Without one nothing has to queue: `profiles/default` allows a single GPU job at a time. A cluster's head node may
    have none where its workers do; there a profile sets the resource.
    """
    return int(Path("/dev/nvidiactl").exists())
