"""Studies on paper: empty files for videos and weights, made-up rows, planned by the real workflow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Study:
    """A study at its own size."""

    overlay: str
    splits: dict[str, tuple[int, int]]
    """Queries and videos of each split."""
    seconds: float
    """Of a video, on average."""
    given: bool = False
    """Whether a given checkpoint answers; nothing is trained."""


STUDIES = {
    "qvhighlights": Study(
        "config/qvhighlights.yaml", {"train": (7218, 7100), "val": (1550, 1519), "test": (1542, 1529)}, 150
    ),
    "tvsum": Study("config/tvsum.yaml", {"train": (40, 40), "val": (10, 10)}, 252),
    "folder": Study("config/folder.yaml", {"queries": (10_000, 10_000)}, 150, given=True),
}
# Domains of TVSum, with four videos for training and one for validation each.
DOMAINS = ("VT", "VU", "GA", "MS", "PK", "PR", "FM", "BK", "BT", "DS")


@dataclass(frozen=True)
class Measured:
    """A plan: its jobs, and what planning took."""

    jobs: list[str]
    """Rule of each job, with the stream after a blank."""
    needs: list[list[int]]
    """Jobs that each job waits for."""
    cpu: float
    """CPU seconds of a dry run of everything."""
    peak: int
    """Bytes of memory of that dry run."""
    start_cpu: float
    """CPU seconds until a job's own Snakemake, which plans this job alone, knows what to do."""
    videos: int
    queries: int
    shards: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Measured:
        return cls(**found)

    @property
    def counts(self) -> Counter[str]:
        return Counter(job.partition(" ")[0] for job in self.jobs)

    def describe(self) -> str:
        return (
            f"{self.videos:,} videos, {self.shards} shards, {len(self.jobs):,} jobs; planning {self.cpu:.1f} CPU s,"
            f" {self.peak / 2**20:,.0f} MiB; one job's start {self.start_cpu:.1f} CPU s"
        )


class Paper:
    """A working directory with a study of `factor` times its own size, of empty files."""

    def __init__(self, folder: Path, study: Study, factor: float) -> None:
        self.folder, self.study = folder, study
        self.settings: dict[str, Any] = yaml.safe_load((ROOT / study.overlay).read_text(encoding="utf-8"))
        dataset = self.settings["dataset"]
        if study.given:
            self._give_checkpoint()
            dataset["shards"] = 80  # as QVHighlights, which has as many videos
        # As many videos in a shard at every size, so that a lost job costs the same.
        dataset["shards"] = max(1, round(dataset["shards"] * factor))
        self.shards: int = dataset["shards"]
        self.videos = self.queries = 0
        for split, file in dataset["annotations"].items():
            queries, videos = (max(1, round(count * factor)) for count in study.splits[split])
            rows = [self._row(split, index, videos) for index in range(queries)]
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            for vid in {row["vid"] for row in rows}:
                self._touch(f"{dataset['videos']}/{vid}.mp4")
            self.queries += queries
            self.videos += min(videos, queries)
        for section in ("clip", "pann", "clap"):
            weights = self.settings.get(section, {}).get("weights")
            if weights and not weights.startswith("published:"):
                names = ["config.json", "model.safetensors", "preprocessor_config.json"] if section == "clap" else [""]
                for name in names:
                    self._touch(f"{weights}/{name}".rstrip("/"))

    def _give_checkpoint(self) -> None:
        """A checkpoint with settings alone, and the encoders of QVHighlights, in place of the bundle."""
        # In another process: the memory of this one would count as that of the processes that it starts.
        program = (
            "import torch; from model.config import ModelConfig as Config;"
            ' torch.save({"format": 1, "model": {}, "config": Config().to_dict(), "about": {}}, "given.pt")'
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", program], cwd=self.folder, env=environment, check=True)
        encoders = yaml.safe_load((ROOT / STUDIES["qvhighlights"].overlay).read_text(encoding="utf-8"))
        del self.settings["bundle"]
        self.settings |= {name: encoders[name] for name in ("clip", "visual", "pann", "clap")}
        self.settings["checkpoint"] = "given.pt"

    def _row(self, split: str, index: int, videos: int) -> dict[str, Any]:
        vid = f"{split:_<5}{index % videos:07d}_60.0_210.0"
        row: dict[str, Any] = {"qid": f"{split}{index}", "query": f"query number {index}", "vid": vid}
        row["duration"] = self.study.seconds
        if self.settings["dataset"]["name"] == "tvsum":
            clips = int(self.study.seconds // 2)
            # Twenty people, and the domain by which networks are trained.
            row |= {"domain": DOMAINS[index % len(DOMAINS)], "label": [[3] * 20] * clips}
        elif split in ("train", "val"):
            row |= {"relevant_clip_ids": [3, 4, 5], "saliency_scores": [[1, 2, 3]] * 3, "relevant_windows": [[6, 12]]}
        return row

    def _touch(self, file: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def _snakemake(self, *arguments: str) -> tuple[str, float, int]:
        """What Snakemake prints, with the CPU seconds and the peak memory in bytes that it took."""
        overlay = self.folder / "study.yaml"
        overlay.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
        command += ["--directory", str(self.folder), "--workflow-profile", "none", "--configfile", str(overlay)]
        command += arguments
        with (self.folder / "said").open("w") as said:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
            assert process.stdout is not None
            text = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit((self.folder / "said").read_text()[-3000:])
        return text, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss

    def measure(self) -> Measured:
        """Plan everything, and one job alone."""
        begin = time.monotonic()
        _, cpu, peak = self._snakemake("--dry-run", "--quiet", "all", "--", "all")
        graph, _, _ = self._snakemake("--dag", "dot", "--", "all")
        name = self.settings["dataset"]["name"]
        _, start_cpu, _ = self._snakemake("--dry-run", "--quiet", "all", "--", f"manifests/{name}/000.jsonl")
        jobs, needs = read_graph(graph)
        sys.stderr.write(f"({time.monotonic() - begin:.0f} s)\n")
        return Measured(jobs, needs, cpu, peak, start_cpu, self.videos, self.queries, self.shards)


def read_graph(dot: str) -> tuple[list[str], list[list[int]]]:
    """The jobs of a DAG that Snakemake prints, and for each those that it waits for; the target is left out."""
    nodes = dict(re.findall(r"^\t(\d+)\[label = \"([^\"]*)\"", dot, flags=re.MULTILINE))
    kept = [node for node, label in nodes.items() if label.partition("\\n")[0] != "all"]
    place = {node: index for index, node in enumerate(kept)}
    jobs = []
    for node in kept:
        rule, *wildcards = nodes[node].split("\\n")
        streams = [word.removeprefix("stream: ") for word in wildcards if word.startswith("stream: ")]
        jobs.append(" ".join([rule, *streams]))
    needs: list[list[int]] = [[] for _ in kept]
    for before, after in re.findall(r"^\t(\d+) -> (\d+)$", dot, flags=re.MULTILINE):
        if before in place and after in place:
            needs[place[after]].append(place[before])
    return jobs, needs
