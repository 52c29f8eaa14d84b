"""Collect the problems of all videos from the tables and stores of all shards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli import UserError
from cli.outputs import write_text
from formats.annotations import read_annotations
from formats.grid import ClipGrid
from formats.labels import find_misfit
from formats.store import Store, read_problems
from formats.video_table import read_table

COLUMNS = ("vid", "file", "stage", "cause")


@dataclass(frozen=True)
class Problem:
    """A problem with a video, and the stage that noticed it: `manifest`, a stream, or `labels`."""

    vid: str
    file: str
    stage: str
    cause: str


@dataclass(frozen=True)
class Findings:
    """Problems (each cause once per video and stage), the total number of videos, and how many are left out."""

    problems: list[Problem]
    videos: int
    left_out: int


def gather(tables: Sequence[Path], stores: Sequence[Path]) -> Findings:
    """Read the problems of all shards, sorted by id. A problem in the table is not repeated for each stream."""
    videos = {video.vid: video for table in tables for video in read_table(table)}
    found = [Problem(video.vid, video.file, "manifest", video.problem) for video in videos.values() if video.problem]
    for path in stores:
        stream, causes = read_problems(path)
        for vid, cause in causes.items():
            video = videos.get(vid)
            if video is None or cause != video.problem:
                found.append(Problem(vid, video.file if video else "", stream, cause))
    return Findings(arrange(found), len(videos), sum(not video.n_clips for video in videos.values()))


def arrange(problems: Sequence[Problem]) -> list[Problem]:
    """Sort problems by video, those of its table first."""
    return sorted(problems, key=lambda problem: (problem.vid, problem.stage != "manifest", problem.stage))


def find_lost_domains(splits: Sequence[Path], stores: Sequence[Path], needed: Collection[str]) -> list[Problem]:
    """Find domains that cannot be trained or scored: in some annotation file none of their queries has features.

    A query has features if each of the streams `needed` has rows for its video or for the query itself.
    """
    present: dict[str, set[str]] = {stream: set() for stream in needed}
    for store in map(Store, stores):
        if store.stream in present:
            present[store.stream] |= {name for name in store.ids if store.length(name)}
    read = {path: read_annotations([path]) for path in splits}
    lost = []
    for domain in sorted({str(row.get("domain")) for rows in read.values() for row in rows}):
        causes = []
        for path, rows in read.items():
            asked = [row for row in rows if str(row.get("domain")) == domain]
            if not any(all(names & {row["vid"], str(row["qid"])} for names in present.values()) for row in asked):
                causes.append(f"none of {len(asked)} queries in {path} has features")
        if causes:
            lost.append(Problem(f"domain {domain}", "", "domain", f"left out: {'; '.join(causes)}"))
    return lost


def find_misfits(splits: Sequence[Path], tables: Sequence[Path], *, ratings: bool) -> list[Problem]:
    """Find videos that the labels of annotation files do not fit, one problem per file and video.

    Training leaves these queries out, and inference predicts them. Malformed labels are reported by training.

    Args:
        splits: annotation files.
        ratings: compare the rows' `label`; else their windows and relevant clips.
    """
    clips = ClipGrid()
    videos = {video.vid: video for table in tables for video in read_table(table) if video.n_clips}
    found = []
    for path in splits:
        causes: dict[str, list[tuple[str, object]]] = {}
        for row in read_annotations([path]):
            video = videos.get(row["vid"])
            with suppress(UserError):
                cause = video and find_misfit(row, clips.count(video.duration_s), str(path), ratings=ratings)
                if cause:
                    causes.setdefault(row["vid"], []).append((cause, row["qid"]))
        for vid, ((cause, qid), *others) in causes.items():
            more = f"; and {len(others)} more" if others else ""
            found.append(Problem(vid, videos[vid].file, "labels", f"left out of {path}: {cause} (qid {qid}{more})"))
    return arrange(found)


def write_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Tab-separated lines under a header."""
    rows = [COLUMNS, *((item.vid, item.file, item.stage, item.cause) for item in problems)]
    write_text(path, "".join("\t".join(" ".join(value.split()) for value in row) + "\n" for row in rows))
