"""Where the CPU time of `make run` or `make test` goes, side by side for several checkouts that are set up.

    python benchmarks/whole_run.py ../before . --target run --cores 2

Runs the target in each checkout in turn and prints a table of CPU seconds (user + system), including the start-up of
every interpreter: one line per kind of job, what Snakemake itself takes, and the sum. Each checkout needs its
environment (`make .venv/installed`), and for `run` no outputs of earlier runs (`make clean`). Wall time is printed too;
unlike CPU time, it depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Every job is one `bash -c`, which sources this file first and on its exit reports the time of its children.
REPORT = """trap '{ echo "job: $BASH_EXECUTION_STRING"; times; } >> "$JOB_TIMES"' EXIT\n"""
JOB = re.compile(r"python -m (\w+) ([\w-]+)(?: --(?:stream|encoder) '?(\w+))?")
TIME = re.compile(r"(\d+)m([\d.]+)s")
OUTPUTS = ("data", "features", "runs", "results")


@dataclass(frozen=True)
class Measured:
    """One run of a target: CPU seconds and number of jobs by kind, in all, the time on the wall, and its success."""

    seconds: Counter[str]
    jobs: Counter[str]
    cpu: float
    wall: float
    succeeded: bool


def measure(checkout: Path, target: str, cores: str) -> Measured:
    """Run a target of the Makefile in a checkout.

    Raises:
        SystemExit: the checkout is not set up, or has outputs, or `run` fails. A failed `test` is only marked, because
            failed tests have cost their time, too.
    """
    if not (checkout / ".venv/installed").exists():
        raise SystemExit(f"{checkout}: not set up: run `make .venv/installed` there")
    if target == "run" and any((checkout / name).exists() for name in OUTPUTS):
        raise SystemExit(f"{checkout}: has outputs, which would not be made again: run `make clean` there")
    with tempfile.TemporaryDirectory() as folder:
        report, times = Path(folder, "report.sh"), Path(folder, "times")
        report.write_text(REPORT)
        times.touch()
        environment = {**os.environ, "BASH_ENV": str(report), "JOB_TIMES": str(times)}
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(["make", target, f"CORES={cores}"], cwd=checkout, env=environment, stdout=sys.stderr)
        wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode and target == "run":
            raise SystemExit(f"{checkout}: make {target} failed")
        seconds, jobs = read_times(times.read_text())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if target == "run":
        seconds["Snakemake itself"] = cpu - seconds.total()
    return Measured(seconds, jobs, cpu, wall, done.returncode == 0)


def read_times(text: str) -> tuple[Counter[str], Counter[str]]:
    """CPU seconds and number of jobs by kind, such as `feature_extractors encode clap`."""
    seconds, jobs = Counter[str](), Counter[str]()
    for entry in text.split("job: ")[1:]:
        found = JOB.search(entry)
        if found is None:  # the Makefile's own line, which has the time of all jobs again
            continue
        kind = " ".join(filter(None, found.groups()))
        children = entry.strip().splitlines()[-1]
        seconds[kind] += sum(60 * int(minutes) + float(rest) for minutes, rest in TIME.findall(children))
        jobs[kind] += 1
    return seconds, jobs


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkouts", type=Path, nargs="+", metavar="CHECKOUT")
    parser.add_argument("--target", choices=("run", "test"), default="run")
    parser.add_argument("--cores", default="2", help="CORES of the Makefile (default: 2)")
    arguments = parser.parse_args()
    found = [measure(checkout, arguments.target, arguments.cores) for checkout in arguments.checkouts]
    names = [str(checkout) for checkout in arguments.checkouts]
    lines = ["CPU seconds", "| jobs | kind | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    kinds = sorted({kind for one in found for kind in one.seconds}, key=lambda kind: -found[0].seconds[kind])
    for kind in kinds if arguments.target == "run" else []:
        count = max(one.jobs[kind] for one in found) or ""
        lines.append(f"| {count} | {kind} | " + " | ".join(f"{one.seconds[kind]:.1f}" for one in found) + " |")
    lines.append("| | **all** | " + " | ".join(f"**{one.cpu:.1f}**" for one in found) + " |")
    lines.append("| | ratio to the first | " + " | ".join(f"{one.cpu / found[0].cpu:.2f}" for one in found) + " |")
    lines.append("| | wall time, s | " + " | ".join(f"{one.wall:.0f}" for one in found) + " |")
    lines.append("| | succeeded | " + " | ".join("yes" if one.succeeded else "no" for one in found) + " |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
