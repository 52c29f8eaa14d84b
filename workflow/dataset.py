"""The configured dataset: its queries and media files, which are known before the first job runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cli import UserError
from cli.errors import no_such
from demo import questions
from demo.mixtures import OF_DEMO, all_videos, splits_of
from demo.plan import DemoConfig
from feature_extractors.released.layouts import ImportConfig
from feature_extractors.shards import shard_name, split_by_shard
from feature_extractors.video_files import locate_videos
from formats.annotations import read_annotations, sort_by_qid
from formats.grid import ClipGrid
from formats.rows import Row
from formats.video_table import annotated_videos
from workflow.checks.defaults import is_demo


@dataclass(frozen=True)
class Dataset:
    """The queries of all splits, the media file of each video found, and the queries of each non-empty shard.

    `files` is empty if `dataset.videos` is: all features are then imported.
    """

    queries: list[Row]
    files: dict[str, Path]
    asked: dict[str, list[Row]]
    planned: Mapping[str, list[Row]] = field(default_factory=dict)
    """The queries of each split, if they follow from the configuration rather than from files."""

    @property
    def shards(self) -> list[str]:
        """Names of the shards that have videos."""
        return list(self.asked)

    def rows_of(self, config: dict[str, Any], split: str) -> list[Row]:
        """The queries of one split."""
        if split in self.planned:
            return self.planned[split]
        return read_annotations([Path(config["dataset"]["annotations"][split])])

    @cached_property
    def videos(self) -> Mapping[str, list[str]]:
        """Sorted ids of the videos of each shard."""
        return {shard: sorted({row["vid"] for row in rows}) for shard, rows in self.asked.items()}

    def files_of(self, shard: str) -> list[Path]:
        """Media files of a shard."""
        return [self.files[vid] for vid in self.videos[shard] if vid in self.files]

    def grid_of(self, shard: str, clips: ClipGrid) -> list[Any]:
        """What determines the clip grids of a shard besides its media files: ids, plus durations if no files exist."""
        vids = self.videos[shard]
        if self.files:
            return list(vids)
        return [[video.vid, video.duration_s] for video in annotated_videos(self.asked[shard], vids, clips)]

    def released_of(self, shard: str, imported: ImportConfig) -> list[Path]:
        """The released files of a shard that exist."""
        rows = self.asked[shard]
        files = {file for row in rows for part in imported.files(row["vid"], str(row["qid"])) for file in part}
        return sorted(file for file in files if file.is_file())

    def texts_of(self, shard: str) -> list[tuple[int | str, str]]:
        """The queries about the videos of a shard, as (qid, text)."""
        return [(row["qid"], row["query"]) for row in sort_by_qid(self.asked[shard])]


def load_dataset(config: dict[str, Any]) -> Dataset:
    """Read the annotations and find the videos. For the demo, both follow from its seed before anything is rendered.

    Raises:
        UserError: an annotation file is malformed, no video is found, or one is missing and `broken_videos` is stop.
    """
    for file in config["evaluation"]["score_lists"]:
        if not Path(file).is_file():
            raise UserError(f"config: evaluation.score_lists: {no_such('file', file)}")
    folder = Path(config["dataset"]["videos"])
    planned: dict[str, list[Row]] = {}
    if is_demo(config["dataset"]["name"]):
        demo = DemoConfig.from_dict(config["demo"], where="config: demo")
        _check_demo_files(config["dataset"]["name"], config["dataset"]["annotations"], splits_of(demo))
        planned = {split: questions.annotations(demo, split) for split in config["dataset"]["annotations"]}
        queries = [row for rows in planned.values() for row in rows]
        files = {video.vid: folder / video.file for video in all_videos(demo)}
    else:
        for split, file in config["dataset"]["annotations"].items():
            if not Path(file).is_file():
                raise UserError(f"config: dataset.annotations.{split}: {no_such('file', file)}")
        queries = read_annotations(Path(file) for file in config["dataset"]["annotations"].values())
        policy = config["dataset"]["broken_videos"]
        files = _find(folder, {row["vid"] for row in queries}, policy) if config["dataset"]["videos"] else {}
    awkward = next((name for name in map(str, files.values()) if "{" in name or "}" in name), None)
    if awkward:
        raise UserError(f"{awkward}: Snakemake reads braces in file names as wildcards: rename the video")
    asked = enumerate(split_by_shard(queries, config["dataset"]["shards"]))
    return Dataset(queries, files, {shard_name(shard): rows for shard, rows in asked if rows}, planned)


def choose_example(rows: Iterable[Row], files: Mapping[str, Path], domains: Collection[str] = ()) -> Row | None:
    """The query to draw: the first one about sound alone, else about sound and picture, else with moments, else any.

    So it is not chosen by how well it is answered. None if there is no query.

    Args:
        rows: the queries of a split.
        files: the media files that exist; if there are any, the query is about one of them.
        domains: if given, the query belongs to one of them.
    """
    able = [row for row in rows if (not files or row["vid"] in files) and (not domains or row.get("domain") in domains)]
    rules: list[Callable[[Row], bool]] = [
        lambda row: row.get("modality") == "audio",
        lambda row: row.get("modality") == "joint",
        lambda row: bool(row.get("relevant_windows")),
        lambda row: True,
    ]
    return next((row for rule in rules for row in able if rule(row)), None)


def _find(folder: Path, vids: set[str], policy: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(
            f'config: dataset.videos: {no_such("folder", folder)}; set it to "" if all video features are imported'
        )
    files, causes = locate_videos(folder, sorted(vids))
    if causes and not files:
        raise UserError(f"{folder}: none of the {len(vids)} videos was found, for example {min(vids)!r}")
    if causes and policy == "stop":
        raise UserError(f"{folder}: {'; '.join(causes.values())}")
    return files


def _check_demo_files(name: str, annotations: dict[str, str], splits: Sequence[str]) -> None:
    """Check the files that the demo writes: train.jsonl, val.jsonl and, with mixtures, distractors.jsonl in one folder.

    Raises:
        UserError: they have other names, or there are such files that the demo did not make: it would replace them.
    """
    files = {split: Path(file) for split, file in annotations.items()}
    names = {split: file.name for split, file in files.items()}
    if names != {split: f"{split}.jsonl" for split in splits} or len({file.parent for file in files.values()}) > 1:
        needed = " and ".join(f"{split}.jsonl" for split in splits)
        raise UserError(
            f"config: dataset.annotations: the demo needs {needed}, in one folder (dataset.name {name!r} selects the"
            " demo, demo.distractor_db its split distractors)"
        )
    for split, file in files.items():
        if file.is_file() and not _is_of_demo(file):
            raise UserError(
                f"config: dataset.name {name!r} selects the demo, which would replace dataset.annotations.{split},"
                f" {file}: its rows are not the demo's; choose a name that does not begin with demo"
            )


def _is_of_demo(file: Path) -> bool:
    """Whether the first row of an annotation file is about a video of the demo; also if the file is damaged."""
    with file.open("rb") as lines:
        try:
            row = json.loads(lines.readline())
        except ValueError:
            return True
    return not isinstance(row, dict) or OF_DEMO.match(str(row.get("vid", "demo_000"))) is not None
