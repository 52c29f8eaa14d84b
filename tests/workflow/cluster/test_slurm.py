"""The workflow on a real Slurm, which is set up on this machine: the same bytes as without it, whatever breaks.

Not part of the default run: `make slurm`, as root. No test looks at how long anything takes, but they wait for jobs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.cluster.loopback import Cluster, wait_until, why_not
from tests.workflow.workspace import ROOT, TINY, merge

pytestmark = pytest.mark.slurm

NETWORK = "runs/demo/base/all/seed1"
# A training that is still running when something breaks; that of TINY takes a second.
LONG = {"train": {"epochs": 120, "validate_every": 40}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    made = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Study:
    """A folder in which Snakemake runs as a user would start it, with the profiles of the checkout."""

    def __init__(self, folder: Path, changes: dict[str, Any] | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.overlay = folder / "overlay.yaml"
        self.overlay.write_text(yaml.safe_dump(merge(TINY, changes or {})), encoding="utf-8")
        if not (folder / "profiles").exists():
            (folder / "profiles").symlink_to(ROOT / "profiles")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += [*arguments, "--configfile", str(self.overlay)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            # The tests run in a shell's background, where Ctrl-C is ignored, and so would Snakemake.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> str:
        """Run to the end; what was printed, which a failure shows too."""
        process = self.start(*arguments)
        told, _ = process.communicate()
        assert process.returncode == 0, told
        return told

    def bytes_of(self, *folders: str) -> dict[str, bytes]:
        found = {}
        for folder in folders:
            for path in sorted((self.folder / folder).rglob("*")):
                if path.is_file():
                    found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The whole study without a cluster."""
    study = Study(tmp_path_factory.mktemp("local"))
    study.run("--cores", "2", "all")
    return study


@pytest.fixture(scope="module")
def trained(local: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The local study with one long training, which nothing disturbed."""
    return _train(_copy(local, tmp_path_factory.mktemp("trained") / "study"), "--cores", "2")


def _copy(study: Study, folder: Path) -> Study:
    """Its media, weights and features, with what Snakemake knows about them."""
    for name in ("data", "weights", "manifests", "features", ".snakemake/metadata"):
        shutil.copytree(study.folder / name, folder / name, copy_function=shutil.copy2)
    return Study(folder, LONG)


def _train(study: Study, *arguments: str) -> Study:
    study.run(*arguments, f"{NETWORK}/best.pt")
    return study


# The plugin asks soon after a submission, and then less and less often: tests wait for it.
SLURM = ["--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "3"]
GENERIC = ["--workflow-profile", "profiles/slurm_generic"]
MADE = ("manifests", "features", "runs", "results", "plots", "reports")


@pytest.mark.parametrize("profile", [SLURM, GENERIC], ids=["slurm", "generic"])
def test_a_study_has_the_bytes_of_a_local_run(
    profile: list[str], cluster: Cluster, local: Study, tmp_path: Path
) -> None:
    study = Study(tmp_path / "study")
    study.run(*profile, "all")
    made, expected = study.bytes_of(*MADE), local.bytes_of(*MADE)
    assert made.keys() == expected.keys()
    assert [name for name in expected if made[name] != expected[name]] == []


def _running_training(study: Study, process: subprocess.Popen[str], cluster: Cluster) -> str:
    """The job of a training that has saved its state once."""
    resumable = study.folder / NETWORK / "resume.pt"
    wait_until(lambda: resumable.exists() or process.poll() is not None, 600, "the training saves its state")
    [job] = cluster.jobs(study.folder)
    return job


def _break_the_controller(cluster: Cluster, job: str) -> None:
    cluster.stop_daemon("slurmctld")
    time.sleep(20)
    cluster.start_controller()


def _break_accounting(cluster: Cluster, job: str) -> None:
    cluster.stop_daemon("slurmdbd")
    time.sleep(20)
    cluster.start_accounting()


def _break_both(cluster: Cluster, job: str) -> None:
    cluster.stop_daemon("slurmdbd")
    _break_the_controller(cluster, job)
    cluster.start_accounting()


def _kill_the_node(cluster: Cluster, job: str) -> None:
    """All that runs on it dies at once; it comes back after Slurm has given it up."""
    node = cluster.ask("squeue", "-j", job, "-h", "-o", "%N")
    cluster.kill_node(node, job)
    # `sinfo` may still call the node MIXED.
    wait_until(lambda: cluster.ask("squeue", "-j", job, "-h", "-o", "%T") == "PENDING", 120, f"{node} is given up")
    cluster.start_node(node)


def _cancel_the_job(cluster: Cluster, job: str) -> None:
    subprocess.run(["scancel", job], check=True)


@pytest.mark.parametrize(
    ("profile", "disturb"),
    [
        (SLURM, _break_the_controller),
        (SLURM, _break_accounting),
        (SLURM, _break_both),
        (SLURM, _kill_the_node),
        (SLURM, _cancel_the_job),
        (GENERIC, _break_the_controller),
        (GENERIC, _kill_the_node),
        (GENERIC, _cancel_the_job),
    ],
)
def test_a_training_ends_with_the_same_network_whatever_breaks(
    profile: list[str], disturb: Callable[[Cluster, str], None], cluster: Cluster, trained: Study, tmp_path: Path
) -> None:
    study = _copy(trained, tmp_path / "study")
    process = study.start(*profile, f"{NETWORK}/best.pt")
    disturb(cluster, _running_training(study, process, cluster))
    told, _ = process.communicate(timeout=1200)
    assert process.returncode == 0, told
    assert study.bytes_of("runs") == trained.bytes_of("runs")


@pytest.mark.parametrize("profile", [SLURM, GENERIC], ids=["slurm", "generic"])
def test_a_job_that_runs_out_of_memory_asks_for_more(
    profile: list[str], cluster: Cluster, trained: Study, tmp_path: Path
) -> None:
    study = _copy(trained, tmp_path / "study")
    told = study.run(*profile, f"{NETWORK}/best.pt", "--set-resources", "train:mem_mb=600*attempt**3")
    assert "Trying to restart job" in told
    assert study.bytes_of("runs") == trained.bytes_of("runs")


@pytest.mark.parametrize("profile", [SLURM, GENERIC], ids=["slurm", "generic"])
def test_a_training_goes_on_after_a_time_limit(
    profile: list[str], cluster: Cluster, trained: Study, tmp_path: Path
) -> None:
    study = _copy(trained, tmp_path / "study")
    process = study.start(*profile, f"{NETWORK}/best.pt", "--set-resources", "train:runtime=60**(attempt-1)")
    job = _running_training(study, process, cluster)
    # It does not get further, however fast the machine is.
    for pid in cluster.processes(job):
        if b"model\0train" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGSTOP)
    told, _ = process.communicate(timeout=1200)
    assert process.returncode == 0, told
    assert "TIMEOUT" in cluster.ask("sacct", "-X", "-n", "-j", job, "-o", "State")
    assert study.bytes_of("runs") == trained.bytes_of("runs")


def test_interrupted_snakemake_cancels_its_jobs(cluster: Cluster, trained: Study, tmp_path: Path) -> None:
    study = _copy(trained, tmp_path / "study")
    process = study.start(*SLURM, f"{NETWORK}/best.pt")
    _running_training(study, process, cluster)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    wait_until(lambda: not cluster.jobs(study.folder), 60, "the job is gone")
    study.run(*SLURM, f"{NETWORK}/best.pt")
    assert study.bytes_of("runs") == trained.bytes_of("runs"), told


def test_without_accounting_the_run_says_what_to_set(cluster: Cluster, trained: Study, tmp_path: Path) -> None:
    study = _copy(trained, tmp_path / "study")
    cluster.stop_daemon("slurmdbd")
    try:
        process = study.start("--executor", "slurm", "--jobs", "2", f"{NETWORK}/best.pt")
        told, _ = process.communicate(timeout=120)
    finally:
        cluster.start_accounting()
    assert process.returncode == 1
    assert "run with --workflow-profile profiles/slurm_generic" in told.splitlines()[-1]
