"""What jobs take, beside what `workflow/resources.py` asks for: peak memory and time, by rule.

    python benchmarks/job_needs.py FOLDER --cores 2 --target all --configfile config/demo_full.yaml

Runs the workflow in FOLDER, a checkout without outputs, and prints a table. Each command is started by a small process
that reads its peak from the kernel: the column max_rss of Snakemake's own benchmarks is sampled, and a job of half a
second ends before a sample counts. Exits with 1 if a job took more than two thirds of what it would have asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from workflow.resources import NEEDS, ask_for  # noqa: E402

# Of the two Snakemake processes that a job on a cluster has.
SNAKEMAKE_MB = 270
# Sourced by the `bash -c` of every job.
MEASURE = """python() { BASH_COMMAND_LINE=$BASH_EXECUTION_STRING command python "$MEASURE_WITH" "$@"; }\n"""
# Its own peak would count too: it imports nothing else.
RUN = """\
import json, os, sys, time
begun = time.monotonic()
pid = os.posix_spawnp("python", ["python", *sys.argv[1:]], os.environ)
_, status, used = os.wait4(pid, 0)
with open(os.environ["MEASURED"], "a") as file:
    facts = {"command": os.environ["BASH_COMMAND_LINE"], "mb": used.ru_maxrss / 1024, "s": time.monotonic() - begun}
    file.write(json.dumps(facts) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Job:
    """One job that ran: its peak in MB, its seconds, the files that it read."""

    rule: str
    memory_mb: float
    seconds: float
    inputs: list[str]


def run(folder: Path, cores: str, target: str, configfiles: list[str]) -> list[Job]:
    """Run the workflow in a folder.

    Raises:
        SystemExit: it fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        started, program, measured = (Path(scratch, name) for name in ("start.sh", "run.py", "measured"))
        started.write_text(MEASURE, encoding="utf-8")
        program.write_text(RUN, encoding="utf-8")
        environment = {**os.environ, "BASH_ENV": str(started), "MEASURE_WITH": str(program), "MEASURED": str(measured)}
        options = ["--configfile", *(str(Path(file).resolve()) for file in configfiles)] if configfiles else []
        command = ["snakemake", "--cores", cores, target, *options]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr)
        if done.returncode:
            raise SystemExit(f"{folder}: the workflow failed")
        lines = [json.loads(line) for line in measured.read_text(encoding="utf-8").splitlines()]
    taken = {line["command"].partition("pipefail; ")[2].strip(): line for line in lines}
    jobs = {}
    for file in (folder / ".snakemake/metadata").rglob("*"):
        if file.is_file():
            record = json.loads(file.read_text(encoding="utf-8"))
            facts = taken.get((record.get("shellcmd") or "").strip())
            if facts:
                inputs = [str(folder / name) for name in record["input"]]
                jobs[record["shellcmd"]] = Job(record["rule"], facts["mb"], facts["s"], inputs)
    return list(jobs.values())


def tabulate(jobs: Iterable[Job]) -> tuple[list[str], list[str]]:
    """The table in Markdown, and the rules that took more than two thirds of what they ask for."""
    by_rule: dict[str, list[Job]] = {}
    for job in jobs:
        by_rule.setdefault(base_rule(job.rule), []).append(job)
    lines = ["| rule | jobs | input, MB | peak, MB | asked, MB | longest, s | asked, min |", "|---" + "|--:" * 6 + "|"]
    close = []
    for rule, ran in sorted(by_rule.items()):
        largest = max(ran, key=lambda job: job.memory_mb)
        size = sum(Path(file).stat().st_size for file in largest.inputs if Path(file).is_file()) / 1e6
        peak, seconds = largest.memory_mb + SNAKEMAKE_MB, max(job.seconds for job in ran)
        inputs = Inputs(largest.inputs)
        memory, minutes = (ask_for(rule)[name](None, inputs, 1) for name in ("mem_mb", "runtime"))
        lines.append(f"| `{rule}` | {len(ran)} | {size:.1f} | {peak:.0f} | {memory} | {seconds:.1f} | {minutes} |")
        if peak > memory * 2 / 3 or seconds > minutes * 40:
            close.append(rule)
    return lines, close


class Inputs(list[str]):
    """A job's input whose files have no names: what counts only some of them counts all."""

    def get(self, key: str, default_value: list[str]) -> list[str]:
        return self


def base_rule(rule: str) -> str:
    """The rule that another was made from: of `score_other`, `score`."""
    return max((name for name in NEEDS if rule.startswith(name) or rule == f"check_{name}"), key=len)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", default="all")
    parser.add_argument("--target", default="all")
    parser.add_argument("--configfile", nargs="+", default=[])
    arguments = parser.parse_args()
    lines, close = tabulate(run(arguments.folder, arguments.cores, arguments.target, arguments.configfile))
    sys.stdout.write("\n".join(lines) + "\n")
    if close:
        raise SystemExit(f"more than two thirds of what they ask for: {', '.join(close)}")


if __name__ == "__main__":
    main()
