"""What jobs ask a scheduler for, and the profiles that pass it on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.workflow.workspace import ROOT, Workspace
from workflow.resources import NEEDS, ask_for, lift_default_rate

PROFILES = ["slurm", "slurm_generic"]


class Input(list[str]):
    """Files as Snakemake passes them: some have names."""

    def __init__(self, *files: Path, **named: Path) -> None:
        super().__init__(map(str, [*files, *named.values()]))
        self._named: dict[str, Any] = {name: [str(file)] for name, file in named.items()}

    def get(self, name: str, default: Any = None) -> Any:
        return self._named.get(name, default)


def of_size(path: Path, megabytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(megabytes * 10**6)
    return path


def ask(rule: str, files: Input, attempt: int = 1) -> tuple[int, int]:
    """Memory in MB, minutes."""
    functions = ask_for(rule)
    return functions["mem_mb"](None, files, attempt), functions["runtime"](None, files, attempt)


def test_memory_and_time_grow_with_the_input_and_with_every_attempt(tmp_path: Path) -> None:
    # 4,000 MB and 30 minutes, 1.3 MB per MB and 60 minutes per GB of features.
    features = Input(of_size(tmp_path / "000.h5", 1500), of_size(tmp_path / "001.h5", 500))
    assert ask("train", Input()) == (4000, 30)
    assert ask("train", features) == (6600, 150)
    assert ask("train", features, attempt=3) == (19800, 450)


def test_videos_take_an_encoder_time_and_its_weights_memory(tmp_path: Path) -> None:
    files = Input(videos=of_size(tmp_path / "a.mp4", 1000), weights=of_size(tmp_path / "clip.pt", 400))
    assert ask("encode", files) == (4000 + 1000, round(20 + 30 * 1.4))


def test_the_pages_of_the_report_take_memory_for_their_tables_alone(tmp_path: Path) -> None:
    """All that is made comes before them, also features of any size."""
    files = Input(tables=of_size(tmp_path / "summary.csv", 1), made=of_size(tmp_path / "000.h5", 8000))
    assert ask("report_pages", files) == (1000 + 10, 3)


def test_inputs_count_from_when_they_exist(tmp_path: Path) -> None:
    """Those that another job of the same group makes do not exist when the group is submitted."""
    missing = tmp_path / "predictions.jsonl"
    assert ask("score", Input(missing)) == (1000, 3)
    of_size(missing, 100)
    assert ask("score", Input(missing)) == (2000, 3)


def rules() -> dict[str, str]:
    """The rules that run commands, with their text."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "workflow/rules").glob("*.smk")))
    parts = re.split(r"^ *(?:use )?rule (\w+)(?: as (\w+) with)?:$", text, flags=re.MULTILINE)[1:]
    return {made or name: body for name, made, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def test_one_block_for_each_event() -> None:
    """Snakemake runs the last `onstart` that it reads and forgets the others, without a word."""
    files = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    blocks = [block for file in files for block in re.findall(r"^on\w+(?=:$)", file.read_text("utf-8"), re.MULTILINE)]
    assert sorted(blocks) == sorted(set(blocks)) and "onstart" in blocks


def test_every_rule_asks_for_what_it_needs() -> None:
    asking = {name: set(re.findall(r'\*\*ask_for\("(\w+)"\)', body)) for name, body in rules().items()}
    # Rules made from another have its resources.
    assert {name for name, needs in asking.items() if needs} == set(NEEDS)
    assert all(needs <= {name} for name, needs in asking.items())


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_names_rules_that_exist(profile: str) -> None:
    settings = yaml.safe_load((ROOT / f"profiles/{profile}/profile.yaml").read_text(encoding="utf-8"))
    assert {*settings["groups"], *settings["set-resources"]} <= set(rules())
    assert set(settings["group-components"]) <= set(settings["groups"].values())


def test_both_profiles_group_and_ask_alike() -> None:
    first, second = (
        yaml.safe_load((ROOT / f"profiles/{profile}/profile.yaml").read_text(encoding="utf-8")) for profile in PROFILES
    )
    keys = {key for key in {*first, *second} if not key.startswith(("slurm-", "cluster-generic-"))}
    assert {key for key in keys if first.get(key) != second.get(key)} == {"executor", "max-status-checks-per-second"}


def test_a_limit_of_gpus_holds_on_one_machine_only() -> None:
    """On a cluster each job has its own: the scheduler counts. See `resource_scopes` of the Snakefile."""
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    assert re.search(r'^resource_scopes:\n    gpu="local",$', text, re.MULTILINE)


def test_what_jobs_ask_for_runs_nothing_again(built: Workspace) -> None:
    assert built.planned("all", "--set-resources", "train:mem_mb=9000", "train:runtime=7") == {}


def test_a_named_input_may_be_one_file(tmp_path: Path) -> None:
    files = Input(weights=of_size(tmp_path / "clip.pt", 400))
    files._named["weights"] = str(tmp_path / "clip.pt")
    assert ask("encode", files)[0] == 4000 + 1000


TWENTY_ONE_JOBS = """
from workflow.resources import lift_default_rate

onstart:
    lift_default_rate(workflow.scheduler)

rule all:
    input: ["threads0", "threads1"]

rule quick:
    output: touch("quick{i}")

rule last:
    input: expand("quick{i}", i=range(19))
    output: "threads{i}"
    shell: "ls /proc/$PPID/task | wc -l >{output}"
"""


def test_snakemake_keeps_no_thread_for_each_job_that_has_ended(tmp_path: Path) -> None:
    """Snakemake 9.27.1 has 20 more in the first of the last two jobs, with its default limit of jobs per second."""
    (tmp_path / "Snakefile").write_text(TWENTY_ONE_JOBS)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    assert max(int((tmp_path / f"threads{i}").read_text()) for i in range(2)) < 10


def test_a_limit_that_was_asked_for_stays() -> None:
    asked = SimpleNamespace(max_jobs=5, timespan=60)
    scheduler = SimpleNamespace(job_rate_limiter=asked)
    lift_default_rate(scheduler)
    assert scheduler.job_rate_limiter is asked
