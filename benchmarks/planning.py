"""Measure planning of QVHighlights at full size by dry runs, and reading the Snakefile for the demo.

    python benchmarks/planning.py [--against CHECKOUT]

10,148 empty files replace the videos, 10,310 made-up rows the queries; nothing is decoded or trained. The workflow is
planned with config/qvhighlights.yaml (dry run), marked as done, and planned again after changing one key, and after
adding one video with one query. Prints time, peak memory and number of jobs of each plan, and fails if a target is
missed: a dry run must need at most 15 s of CPU time and 1 GiB, and plan fewer than 500 jobs.

With --against, only two things are compared with another checkout of this project, in turns, as other work on the
machine changes CPU times too: planning everything, and reading the Snakefile for the demo (the time of
`--list-target-rules`, which plans nothing, without that of an empty Snakefile). The other checkout runs with the Python
in its folder .venv, if there is one. Medians count. The floor is what Snakemake takes to plan the jobs with the same
videos as inputs from a Snakefile of three rules that reads nothing else.

--annotations uses the released files instead of made-up rows. Everything is written to a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

ROOT = Path(__file__).parents[1]
# Number of queries and videos per split; the last queries of a split reuse its first videos.
SIZES = {"train": (7218, 7100), "val": (1550, 1519), "test": (1542, 1529)}
MOST_CPU_SECONDS, MOST_BYTES, MOST_JOBS = 15.0, 2**30, 500


@dataclass(frozen=True)
class Plan:
    """The jobs of one dry run, and the resources that planning needed."""

    jobs: dict[str, int]
    wall: float
    cpu: float
    peak: int
    """Bytes."""

    @property
    def total(self) -> int:
        return sum(self.jobs.values())


def made_up(split: str, first: int) -> list[dict[str, object]]:
    """Rows like the released ones: ids of the same form, one moment, three scores per clip."""
    queries, videos = SIZES[split]
    rows = []
    for index in range(queries):
        vid = f"{split:_<5}{index % videos:06d}_60.0_210.0"
        row: dict[str, object] = {"qid": first + index, "query": f"query number {index}", "duration": 150, "vid": vid}
        if split != "test":
            row |= {"relevant_clip_ids": [3, 4, 5], "saliency_scores": [[1, 2, 3]] * 3, "relevant_windows": [[6, 12]]}
        rows.append(row)
    return rows


def read_released(folder: Path, split: str) -> list[dict[str, object]]:
    lines = (folder / f"highlight_{split}_release.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def cpu_seconds() -> float:
    """CPU seconds of all child processes so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def snakemake(checkout: Path, *arguments: str, snakefile: Path | None = None) -> str:
    """Run Snakemake with a checkout's Python, and return what it prints."""
    own = checkout / ".venv/bin/python"
    python = own if checkout != ROOT and own.exists() else Path(sys.executable)
    command = [str(python), "-m", "snakemake", "--snakefile", str(snakefile or checkout / "Snakefile"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return done.stdout


def read_time(folder: Path, checkout: Path) -> tuple[float, float]:
    """CPU seconds of listing the demo's targets, and of listing those of an empty Snakefile."""
    empty = folder / "Snakefile"
    empty.touch()
    found = []
    for snakefile in (None, empty):
        before = cpu_seconds()
        snakemake(checkout, "--directory", str(folder), "--list-target-rules", snakefile=snakefile)
        found.append(cpu_seconds() - before)
    return found[0], found[1]


BARE = """
import json
SHARDS = json.load(open("shards.json"))
rule all:
    input: expand("{what}/{shard}", what=["manifest", "visual", "sound"], shard=SHARDS)
rule manifest:
    input: lambda wildcards: SHARDS[wildcards.shard]
    output: "manifest/{shard}"
    shell: "touch {output}"
rule visual:
    input: "manifest/{shard}", lambda wildcards: SHARDS[wildcards.shard]
    output: "visual/{shard}"
    shell: "touch {output}"
rule sound:
    input: "manifest/{shard}", lambda wildcards: SHARDS[wildcards.shard]
    output: "sound/{shard}"
    shell: "touch {output}"
"""


def floor_time(paper: Paper) -> float:
    """CPU seconds of planning the jobs that have videos as inputs, with a Snakefile that does nothing else."""
    videos = sorted(paper.videos)
    shards = paper.settings["dataset"]["shards"]
    (paper.folder / "shards.json").write_text(json.dumps({f"{k:03d}": videos[k::shards] for k in range(shards)}))
    (paper.folder / "bare.smk").write_text(BARE)
    options = ["--directory", str(paper.folder), "--cores", "2", "--dry-run", "--quiet", "rules", "all"]
    before = cpu_seconds()
    snakemake(paper.checkout, *options, snakefile=paper.folder / "bare.smk")
    return cpu_seconds() - before


def compare(checkouts: Sequence[Path], turns: int) -> None:
    """Print CPU seconds of planning everything and of reading the Snakefile, per checkout, measured in turns."""
    with tempfile.TemporaryDirectory(prefix="planning-") as name:
        papers = []
        for number, checkout in enumerate(checkouts):
            folder = Path(name, str(number))
            folder.mkdir()
            (folder / "demo").symlink_to(checkout / "demo")  # config.yaml names a file in it
            papers.append(Paper(folder / "study", checkout=checkout))
        times: dict[tuple[Path, str], list[float]] = {}

        def add(what: str, checkout: Path, seconds: float) -> None:
            times.setdefault((checkout, what), []).append(seconds)

        for _ in range(turns):
            for paper in papers:
                checkout = paper.checkout
                add("dry run", checkout, paper.plan().cpu)
                add("floor", checkout, floor_time(paper))
                whole, empty = read_time(paper.folder.parent, checkout)
                add("demo", checkout, whole)
                add("empty", checkout, empty)
                add("reading", checkout, whole - empty)
    head = ["checkout", "dry run (from, to)", "floor", "dry run / floor", "demo's Snakefile", "Snakemake's start"]
    rows = [head, ["---"] * len(head)]
    for checkout in checkouts:
        spread = times[checkout, "dry run"]
        dry, floor, reading, empty = (
            median(times[checkout, what]) for what in ("dry run", "floor", "reading", "empty")
        )
        cells = [f"{dry:.2f} ({min(spread):.2f}, {max(spread):.2f})", f"{floor:.2f}", f"{dry / floor:.2f}"]
        label = "this one" if checkout == ROOT else "the other one"
        rows.append([label, *cells, f"{reading:.2f}", f"{empty:.2f}"])
    sys.stdout.write("\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n")


class Paper:
    """A working directory in which every video, weight file and artefact is an empty file."""

    def __init__(self, folder: Path, released: Path | None = None, checkout: Path = ROOT) -> None:
        self.folder, self.checkout = folder, checkout
        self.overlay = checkout / "config/qvhighlights.yaml"
        self.settings = yaml.safe_load(self.overlay.read_text(encoding="utf-8"))
        self.videos: set[str] = set()
        first = 0
        for split, file in self.settings["dataset"]["annotations"].items():
            rows = read_released(released, split) if released else made_up(split, first)
            first += len(rows)
            self._write(file, rows)
            self.videos |= {f"{self.settings['dataset']['videos']}/{row['vid']}.mp4" for row in rows}
        for video in self.videos:
            self.touch(video)
        self.touch(self.settings["clip"]["weights"])
        self.touch(self.settings["pann"]["weights"])
        for name in ("config.json", "model.safetensors", "preprocessor_config.json"):
            self.touch(f"{self.settings['clap']['weights']}/{name}")

    def _write(self, file: str, rows: list[dict[str, object]]) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def touch(self, file: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def add_video(self) -> None:
        """Add one video, and one query about it to the train split."""
        train = self.folder / self.settings["dataset"]["annotations"]["train"]
        row = {**made_up("train", 0)[0], "qid": 999_999, "vid": "one_more_one_0.0_150.0", "query": "one more query"}
        with train.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        self.touch(f"{self.settings['dataset']['videos']}/{row['vid']}.mp4")

    def snakemake(self, *arguments: str, changes: dict[str, object] | None = None) -> str:
        overlay = self.folder / "changes.yaml"
        overlay.write_text(yaml.safe_dump(changes or {"dataset": self.settings["dataset"]}), encoding="utf-8")
        options = ["--directory", str(self.folder), "--configfile", str(self.overlay), str(overlay)]
        return snakemake(self.checkout, *options, "--cores", "2", *arguments, "all")

    def mark_done(self) -> None:
        """Create every output as an empty file, and let Snakemake record it as made with these settings."""
        for line in self.snakemake("--summary").splitlines()[1:]:
            self.touch(line.split("\t")[0])
        self.snakemake("--touch", "--forceall", "--quiet")  # all outputs: files without a record count as finished

    def plan(self, changes: dict[str, object] | None = None) -> Plan:
        start, before = time.perf_counter(), cpu_seconds()
        text = self.snakemake("--dry-run", "--quiet", "rules", changes=changes)
        wall, cpu = time.perf_counter() - start, cpu_seconds() - before
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # the largest child so far, in KiB on Linux
        table = text.partition("Reasons:")[0]
        jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
        jobs.pop("total", None)
        return Plan(jobs, wall, cpu, 1024 * peak)


def report(what: str, plan: Plan) -> None:
    rules = ", ".join(f"{rule} {count}" for rule, count in plan.jobs.items()) or "nothing"
    numbers = f"{plan.wall:.1f} s wall, {plan.cpu:.1f} s CPU, peak {plan.peak / 2**20:.0f} MiB, {plan.total} jobs"
    sys.stdout.write(f"{what}: {numbers}\n  {rules}\n")
    sys.stdout.flush()


def main() -> None:
    """Print the plans; exit with an error if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path, help="folder of highlight_{train,val,test}_release.jsonl")
    parser.add_argument("--first-only", action="store_true", help="only plan everything once")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="only compare with another checkout, in turns")
    parser.add_argument("--turns", type=int, default=5, help="turns of a comparison")
    arguments = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if arguments.against:
        compare([arguments.against.resolve(), ROOT], arguments.turns)
        return
    folder = Path(tempfile.mkdtemp(prefix="planning-"))
    try:
        paper = Paper(folder, arguments.annotations)
        everything = paper.plan()
        report("everything", everything)
        if not arguments.first_only:
            paper.mark_done()
            report("nothing changed", paper.plan())
            report("inference.round_to_clips changed", paper.plan({"inference": {"round_to_clips": False}}))
            report("model.mha_gate_bias_init changed", paper.plan({"model": {"mha_gate_bias_init": 1.1}}))
            report("visual.output changed", paper.plan({"visual": {"output": "pre_projection"}}))
            paper.add_video()
            report("one video and one query added", paper.plan())
    finally:
        shutil.rmtree(folder)
    if everything.cpu > MOST_CPU_SECONDS or everything.peak > MOST_BYTES or everything.total >= MOST_JOBS:
        raise SystemExit("error: a target is missed (15 s of CPU time, 1 GiB, fewer than 500 jobs)")


if __name__ == "__main__":
    main()
