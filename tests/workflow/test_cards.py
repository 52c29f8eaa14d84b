"""Several GPUs on one machine: jobs at once, each with a card of its own. Here cards are only names."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.warm import server
from tests.workflow.workspace import ROOT

# Four jobs that use a GPU and one that decodes.
RULES = f"""
resource_scopes:
    gpu="local",  # as in our Snakefile

include: {str(ROOT / "workflow/rules/cards.smk")!r}

rule all:
    input: "decoded", [f"network{{number}}" for number in range(4)]

rule decode:
    output: "decoded"
    shell: "python job.py {{output}} cpu"

rule network:
    output: "network{{number}}"
    resources: gpu=1
    shell: "python job.py {{output}} auto"
"""
# Takes a card, says so, and ends when it is told to.
JOB = """
import json, os, pathlib, socket, sys
from cli.cards import take_card
output, device = sys.argv[1:]
about = {"job": output, "taken": take_card(device), "sees": os.environ.get("CUDA_VISIBLE_DEVICES")}
with socket.socket(socket.AF_UNIX) as test:
    test.connect("test.socket")
    test.sendall(json.dumps(about).encode() + b"\\n")
    assert test.recv(1)
pathlib.Path(output).touch()
"""


class Jobs:
    """The jobs that run at this moment, as they say themselves."""

    def __init__(self, folder: Path) -> None:
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / "test.socket"))
        self._door.listen()
        self._door.settimeout(120)  # a test that fails rather than one that hangs
        self.running: dict[str, tuple[dict[str, Any], socket.socket]] = {}

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many run at once."""
        while len(self.running) < count:
            job, _ = self._door.accept()
            about = json.loads(job.makefile().readline())
            self.running[about["job"]] = (about, job)
        return [about for about, _ in self.running.values()]

    def end(self, *names: str) -> None:
        """Let jobs end: all without names."""
        for name in names or list(self.running):
            _, job = self.running.pop(name)
            job.sendall(b".")
            job.close()

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.chdir(tmp_path)  # addresses of sockets are short
    (tmp_path / "Snakefile").write_text(RULES)
    (tmp_path / "job.py").write_text(JOB)
    found = Jobs(Path())
    yield found
    found.close()


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the workflow; lock files are in its folder."""
    (folder / "locks").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "LOCAL_RANK")}
    path = os.pathsep.join([str(Path(server().program).parent), os.environ["PATH"]])
    added = {"PATH": path, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "locks"), **environment}
    command = [server().program, "-m", "snakemake", "--workflow-profile", "none", *arguments]
    return subprocess.Popen(command, cwd=folder, env=kept | added, stderr=subprocess.PIPE, text=True)


def finish(workflow: subprocess.Popen[str]) -> str:
    """What a workflow said, when it has ended well."""
    _, said = workflow.communicate()
    assert workflow.returncode == 0, said
    return said


def test_each_job_has_a_card_of_its_own_and_others_run_beside(jobs: Jobs, tmp_path: Path) -> None:
    run = start(tmp_path, "--cores", "4", AV_HIGHLIGHTS_CARDS="1,GPU-4d1c6b5c")
    # Four cores: without a limit, more than two networks would run.
    first = jobs.wait_for(3)
    assert sorted(str(job["taken"]) for job in first) == ["1", "GPU-4d1c6b5c", "None"]
    assert [job["job"] for job in first if job["taken"] is None] == ["decoded"]
    assert all(job["sees"] == job["taken"] for job in first)
    jobs.end("decoded")
    [ends, goes_on] = [job for job in first if job["taken"]]
    jobs.end(ends["job"])
    second = jobs.wait_for(2)
    assert {job["taken"] for job in second} == {"1", "GPU-4d1c6b5c"} and goes_on in second
    jobs.end(goes_on["job"])
    assert {job["taken"] for job in jobs.wait_for(2)} == {"1", "GPU-4d1c6b5c"}
    jobs.end()
    # The first two held back the others: Snakemake's limit, and not only the locks.
    assert re.search(r"^Provided resources: gpu=\D*2\b", finish(run), re.MULTILINE)


def test_more_jobs_than_cards_run_if_asked(jobs: Jobs, tmp_path: Path) -> None:
    run = start(tmp_path, "--cores", "4", "--resources", "gpu=3", AV_HIGHLIGHTS_CARDS="0")
    assert [job["taken"] for job in jobs.wait_for(4) if job["job"] != "decoded"] == ["0", "0", "0"]
    jobs.end()
    jobs.wait_for(1)
    jobs.end()
    finish(run)


def test_without_cards_nothing_is_limited(jobs: Jobs, tmp_path: Path) -> None:
    run = start(tmp_path, "--cores", "5", AV_HIGHLIGHTS_CARDS="")
    assert {job["taken"] for job in jobs.wait_for(5)} == {None}
    jobs.end()
    finish(run)


def test_two_studies_share_no_card(jobs: Jobs, tmp_path: Path) -> None:
    """The second one's job waits for the first one's, although each workflow counts only its own."""
    studies = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "Snakefile").write_text(RULES)
        (folder / "job.py").write_text(JOB.replace('"test.socket"', '"../test.socket"'))
        environment = {"AV_HIGHLIGHTS_CARDS": "0", "TMPDIR": str(tmp_path)}
        studies.append(start(folder, "--cores", "1", "network0", **environment))
        if name == "one":
            jobs.wait_for(1)
    first, second = studies
    assert second.stderr is not None
    assert any(line.startswith("waiting for a free GPU: 0 (process ") for line in second.stderr)
    jobs.end()
    finish(first)
    assert [job["taken"] for job in jobs.wait_for(1)] == ["0"]
    jobs.end()
    finish(second)


def test_on_a_cluster_the_scheduler_chooses(jobs: Jobs, tmp_path: Path) -> None:
    """A job's own Snakemake, on the machine where a cluster runs it."""
    arguments = ("--cores", "1", "--mode", "remote", "network0")
    run = start(tmp_path, *arguments, AV_HIGHLIGHTS_CARDS="0,1", CUDA_VISIBLE_DEVICES="MIG-7")
    assert jobs.wait_for(1) == [{"job": "network0", "taken": None, "sees": "MIG-7"}]
    jobs.end()
    finish(run)
