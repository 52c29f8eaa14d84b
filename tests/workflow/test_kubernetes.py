"""The profile for Kubernetes: what it asks for, and a small workflow through it. Here `kubectl` runs jobs itself."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.workspace import ROOT

PROFILE = ROOT / "profiles/kubernetes"
# `create` runs the job and keeps what was asked for; `get` says how it ended, as a jsonpath prints it.
KUBECTL = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys

jobs = pathlib.Path(os.environ["FAKE_JOBS"])
if sys.argv[1] == "create":
    job = json.load(sys.stdin)
    name = f"{{job['metadata']['generateName']}}{{len(list(jobs.iterdir()))}}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    done = subprocess.run(container["command"], cwd=container["workingDir"], stdout=subprocess.DEVNULL, check=False)
    (jobs / name).write_text(json.dumps({{"job": job, "failed": done.returncode}}))
    print(f"job.batch/{{name}}")
elif not (jobs / sys.argv[3]).exists():
    sys.exit(f'Error from server (NotFound): jobs.batch "{{sys.argv[3]}}" not found')
else:
    print("/1" if json.loads((jobs / sys.argv[3]).read_text())["failed"] else "1/", end="")
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the jobs of a made-up cluster are noted."""
    for folder in ("bin", "jobs"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "bin/kubectl"
    program.write_text(KUBECTL)
    program.chmod(0o755)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    monkeypatch.setenv("FAKE_JOBS", str(tmp_path / "jobs"))
    return tmp_path / "jobs"


def submit(folder: Path, **changes: str) -> tuple[str, dict[str, Any]]:
    """Submit a script; its name, and the job that was asked for."""
    options = {
        "image": "av:full", "claim": "study", "mount": "/study", "name": "encode",
        "cpus": "2", "memory-mb": "3000", "minutes": "90", "gpus": "1",
    } | changes  # fmt: skip
    command = [
        sys.executable,
        str(PROFILE / "submit.py"),
        *(f"--{key}={value}" for key, value in options.items()),
        "job.sh",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    name = done.stdout.strip()
    return name, json.loads((Path(os.environ["FAKE_JOBS"]) / name).read_text())["job"]


def status(name: str) -> str:
    return subprocess.run([PROFILE / "status.sh", name], capture_output=True, text=True, check=True).stdout.strip()


def test_a_job_asks_for_what_its_rule_needs(jobs: Path, tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("touch made\n")
    name, job = submit(tmp_path)
    assert name == "av-highlights-0" and (tmp_path / "made").exists()
    assert job["spec"]["backoffLimit"] == 0
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never" and pod["activeDeadlineSeconds"] == 90 * 60
    assert pod["volumes"] == [{"name": "study", "persistentVolumeClaim": {"claimName": "study"}}]
    # The user of the image may write to the volume, here and in the pod that runs Snakemake.
    (user,) = re.findall(
        r"^USER (\d+)$", (ROOT / "containers/Dockerfile").read_text(encoding="utf-8").split("AS full")[1], re.M
    )
    launcher = list(yaml.safe_load_all((PROFILE / "launcher.yaml").read_text(encoding="utf-8")))[-1]
    assert launcher["kind"] == "Pod" and pod["securityContext"] == launcher["spec"]["securityContext"]
    assert pod["securityContext"]["fsGroup"] == int(user)
    (container,) = pod["containers"]
    assert container["workingDir"] == str(tmp_path) and container["image"] == "av:full"
    assert container["volumeMounts"] == [{"name": "study", "mountPath": "/study"}]
    # Kubernetes takes GPUs from the limits.
    assert container["resources"]["limits"] == {"memory": "3000M", "nvidia.com/gpu": "1"}
    assert container["resources"]["requests"] == {"cpu": "2", "memory": "3000M"}
    _, job = submit(tmp_path, gpus="0", name="statistics_" + "x" * 70)
    assert "nvidia.com/gpu" not in json.dumps(job)
    assert re.fullmatch(r"[a-z0-9]([\w.-]{0,61}[a-z0-9])?", job["metadata"]["labels"]["job"])


def test_the_state_of_a_job(jobs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job.sh").write_text("exit 3\n")
    failed, _ = submit(tmp_path)
    (tmp_path / "job.sh").write_text("exit 0\n")
    good, _ = submit(tmp_path)
    assert (status(failed), status(good), status("deleted")) == ("failed", "success", "failed")
    # Before its pod has ended a job has no counts; a server that is away says something else.
    for answer in ("printf /", "echo connection refused; exit 1"):
        (tmp_path / "bin/kubectl").write_text(f"#!/bin/sh\n{answer}\n")
        assert status(good) == "running"


@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None,
    reason="needs snakemake-executor-plugin-cluster-generic",
)
def test_a_workflow_through_the_profile(jobs: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    input: "scored"\n'
        'rule encode:\n    output: "encoded"\n    shell: "touch {output}"\n'
        'rule score:\n    input: "encoded"\n    output: "scored"\n    shell: "touch {output}"\n'
    )
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", str(PROFILE), "all"]
    command += ["--seconds-between-status-checks", "1", "--latency-wait", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scored").exists()
    asked = [json.loads(file.read_text())["job"] for file in sorted(jobs.iterdir())]
    assert [job["metadata"]["labels"]["job"] for job in asked] == ["encode", "score"]
    limits = [job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] for job in asked]
    assert limits == [{"memory": "2000M", "nvidia.com/gpu": "1"}, {"memory": "2000M"}]


def test_the_files_for_kubernetes_agree() -> None:
    profile = yaml.safe_load((PROFILE / "profile.yaml").read_text())
    options = dict(re.findall(r"--(\w+) (\S+)", profile["cluster-generic-submit-cmd"]))
    kinds = {item["kind"]: item for item in yaml.safe_load_all((PROFILE / "launcher.yaml").read_text())}
    pod = kinds["Pod"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == options["image"] and container["workingDir"] == options["mount"]
    assert container["volumeMounts"][0]["mountPath"] == options["mount"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == options["claim"]
    assert kinds["PersistentVolumeClaim"]["metadata"]["name"] == options["claim"]
    account = kinds["ServiceAccount"]["metadata"]["name"]
    assert pod["serviceAccountName"] == account == kinds["RoleBinding"]["subjects"][0]["name"]
    assert kinds["RoleBinding"]["roleRef"]["name"] == kinds["Role"]["metadata"]["name"]
    # The verbs of kubectl that the profile uses.
    assert kinds["Role"]["rules"] == [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "delete"]}
    ]


def test_the_rules_that_ask_for_a_gpu_are_those_of_the_profile() -> None:
    profile = yaml.safe_load((PROFILE / "profile.yaml").read_text())
    asking, inheriting = set(), {}
    for file in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^ *(?=(?:use )?rule )", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            if found := re.match(r"use rule (\w+) as (\w+)", rule):
                inheriting[found[2]] = found[1]
            elif re.search(r"^ +gpu=1,", rule, re.MULTILINE):
                asking.add(re.match(r"rule (\w+)", rule)[1])  # type: ignore[index]
    asking |= {rule for rule, parent in inheriting.items() if parent in asking}
    assert profile["set-resources"] == {rule: {"gpu": 1} for rule in asking}


def test_the_recipe_of_the_images() -> None:
    lines = (ROOT / "containers/Dockerfile").read_text(encoding="utf-8").splitlines()
    stages: dict[str, str] = {}
    for line in lines:
        words = line.split()
        if words[:1] == ["FROM"]:
            base, stages[words[3]] = words[1], words[1]
            # A version of Python that the project supports, or an earlier stage.
            assert base in stages or re.fullmatch(r"python:3\.1[123]-slim-bookworm", base), line
        elif words[:1] == ["COPY"] and not words[1].startswith("--from="):
            assert all((ROOT / name).exists() for name in words[1:-1]), line
        elif words[:1] == ["COPY"]:
            assert words[1].removeprefix("--from=") in stages, line
    assert {"core", "full"} <= stages.keys()
    text = "\n".join(lines)
    assert text.count("-c constraints.txt") == text.count("pip install") - text.count("cluster-generic==")
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    made = re.findall(r"^/(\w+)/$", (ROOT / ".gitignore").read_text(), re.MULTILINE)
    assert set(made) <= set(ignored)
