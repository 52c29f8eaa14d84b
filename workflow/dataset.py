"""What the configured dataset consists of: its queries and media files, known before the first job runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import UserError
from demo import plan, questions
from demo.plan import DemoConfig
from feature_extractors.released import ImportConfig
from feature_extractors.shards import shard_name, videos_of
from feature_extractors.video_files import locate_videos
from formats.annotations import read_annotations
from formats.grid import ClipGrid
from formats.rows import Row
from formats.video_table import annotated_videos


@dataclass(frozen=True)
class Dataset:
    """The queries of all splits, the media file of every video that has one, the videos of every shard that has any.

    There are no media files where `dataset.videos` is empty: all features were made elsewhere.
    """

    queries: list[Row]
    files: dict[str, Path]
    shards: dict[str, list[str]]

    def files_of(self, shard: str) -> list[Path]:
        """Media files of a shard."""
        return [self.files[vid] for vid in self.shards[shard] if vid in self.files]

    def grid_of(self, shard: str, clips: ClipGrid) -> list[Any]:
        """What decides the grid of a shard's videos, beside their files: the ids, and without files the durations."""
        vids = self.shards[shard]
        if self.files:
            return list(vids)
        table = annotated_videos((row for row in self.queries if row["vid"] in set(vids)), vids, clips)
        return [[video.vid, video.duration_s] for video in table]

    def released_of(self, shard: str, imported: ImportConfig) -> list[Path]:
        """The released files of a shard that there are."""
        vids = set(self.shards[shard])
        rows = [row for row in self.queries if row["vid"] in vids]
        files = {file for row in rows for part in imported.files(row["vid"], str(row["qid"])) for file in part}
        return sorted(file for file in files if file.is_file())

    def texts_of(self, shard: str) -> list[tuple[int | str, str]]:
        """The queries about the videos of a shard, as (qid, text)."""
        vids = set(self.shards[shard])
        return sorted((row["qid"], row["query"]) for row in self.queries if row["vid"] in vids)


def load_dataset(config: dict[str, Any]) -> Dataset:
    """Read the annotations and find the videos. The demo's are drawn from its seed, before they are rendered.

    Raises:
        UserError: an annotation file is malformed, no video is there, or one is missing where that is to stop the run.
    """
    folder = Path(config["dataset"]["videos"])
    if config["dataset"]["name"] == "demo":
        _check_demo_files(config["dataset"]["annotations"])
        demo = DemoConfig.from_dict(config["demo"], where="config: demo")
        queries = [row for split in config["dataset"]["annotations"] for row in questions.annotations(demo, split)]
        files = {Path(name).stem: folder / name for name in plan.video_files(demo)}
    else:
        queries = read_annotations(Path(file) for file in config["dataset"]["annotations"].values())
        policy = config["dataset"]["broken_videos"]
        files = _find(folder, {row["vid"] for row in queries}, policy) if config["dataset"]["videos"] else {}
    awkward = next((name for name in map(str, files.values()) if "{" in name or "}" in name), None)
    if awkward:
        raise UserError(f"{awkward}: braces in file names mean something else to Snakemake: rename the video")
    count = config["dataset"]["shards"]
    shards = {shard_name(shard): videos_of(queries, shard, count) for shard in range(count)}
    return Dataset(queries, files, {name: vids for name, vids in shards.items() if vids})


def _find(folder: Path, vids: set[str], policy: str) -> dict[str, Path]:
    files, causes = locate_videos(folder, sorted(vids))
    if causes and not files:
        raise UserError(f"{folder}: none of the {len(vids)} videos is there, such as {min(vids)!r}")
    if causes and policy == "stop":
        raise UserError(f"{folder}: {'; '.join(causes.values())}")
    return files


def _check_demo_files(annotations: dict[str, str]) -> None:
    """The demo writes its splits under their names into one folder."""
    names = sorted(Path(file).name for file in annotations.values())
    if names != ["train.jsonl", "val.jsonl"] or len({Path(file).parent for file in annotations.values()}) > 1:
        raise UserError("config: dataset.annotations: the demo has train.jsonl and val.jsonl, in one folder")
