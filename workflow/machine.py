"""What the machine that runs the workflow has."""

from __future__ import annotations

from pathlib import Path


def gpus_a_job() -> int:
    """GPUs that an encoding or training job asks Snakemake for.

    Without one nothing has to queue: `profiles/default` allows a single GPU job at a time. A cluster's head node may
    have none where its workers do; there a profile sets the resource.
    """
    return int(Path("/dev/nvidiactl").exists())
