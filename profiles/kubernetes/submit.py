"""Submit one job of Snakemake to Kubernetes, and print the name that Kubernetes gives it.

`kubectl` creates a Job with one pod: it runs the script that Snakemake wrote, in the same folder, on the volume that
all pods mount at the same place.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def describe_job(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The Job, as Kubernetes wants it. It is tried once: Snakemake repeats failed jobs, and asks for more."""
    labels = {"app": "av-highlights", "job": options.name[:63].strip("-_.")}
    memory = f"{options.memory_mb}M"
    limits = {"memory": memory} | ({"nvidia.com/gpu": str(options.gpus)} if options.gpus else {})
    container = {
        "name": "job",
        "image": options.image,
        "command": ["bash", options.script],
        "workingDir": str(folder),
        "resources": {"requests": {"cpu": str(options.cpus), "memory": memory}, "limits": limits},
        "volumeMounts": [{"name": "study", "mountPath": options.mount}],
    }
    pod = {
        "restartPolicy": "Never",
        # The image's user, who writes to the volume.
        "securityContext": {"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"},
        "activeDeadlineSeconds": 60 * options.minutes,  # of the pod: the time in the queue does not count
        "containers": [container],
        "volumes": [{"name": "study", "persistentVolumeClaim": {"claimName": options.claim}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "av-highlights-", "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 86400,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def main() -> int:
    """Submit; returns the exit status of `kubectl`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True, help="the image `full` of containers/Dockerfile")
    parser.add_argument("--claim", required=True, help="PersistentVolumeClaim of the volume with the study")
    parser.add_argument("--mount", required=True, metavar="DIR", help="where pods mount it, this one too")
    parser.add_argument("--name", required=True, help="what the job does, for its label")
    parser.add_argument("--cpus", type=int, required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--minutes", type=int, required=True, help="the job is killed after that")
    parser.add_argument("--gpus", type=int, required=True)
    parser.add_argument("script", help="what to run")
    job = describe_job(parser.parse_args(), Path.cwd())
    command = ["kubectl", "create", "--filename", "-", "--output", "name"]
    done = subprocess.run(command, input=json.dumps(job), stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout.strip().rpartition("/")[2] + "\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
