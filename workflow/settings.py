"""The configuration sections that the workflow alone consumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from cli import Settings
from model.config import NO_REPEATS, OR_ALL, AudioControl

Names = Annotated[tuple[str, ...], NO_REPEATS]


@dataclass(frozen=True, kw_only=True)
class DatasetConfig(Settings):
    """Videos and queries."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$")]
    """First part of the paths below features/ and runs/. The name `demo` means the embedded demo dataset."""
    videos: str
    """Folder of media files, each named by its video id; empty where all features of videos are imported. The clip grid
    then follows the annotated durations."""
    annotations: dict[Annotated[str, Field(pattern=r"^[a-z]+$")], str]
    """Annotation files in the QVHighlights schema (JSONL), one per split. `train` and `val` are needed, unless a
    checkpoint is given. An empty name leaves a split of config.yaml out."""
    shards: Annotated[int, Field(ge=1, le=999)] = 1
    """Feature files per stream. A video's id decides its shard, so that an added video changes one of them."""
    broken_videos: Literal["leave_out", "stop"] = "leave_out"
    """What becomes of videos that are missing or cannot be read: left out, or an error. Both policies list them in
    reports/problems.tsv."""
    scopes: Literal["all", "by_domain"] = "all"
    """One network for all rows, or one for each `domain` of the rows, as is the custom on TVSum (by_domain). The latter
    needs train.objective saliency."""


@dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """A named experiment: what it changes in the sections `model`, `train` and `inference`."""

    model: dict[str, Any] = field(default_factory=dict)
    """Keys of the section model that this run changes."""
    train: dict[str, Any] = field(default_factory=dict)
    """Keys of the section train that this run changes."""
    inference: dict[Literal["audio_control"], AudioControl] = field(default_factory=dict)
    """What this run changes in the section inference: audio_control alone."""
    checkpoint_of: Annotated[str, Field(min_length=1)] = ""
    """Run whose checkpoints this run, a control, predicts with instead of its own. Without it the run is trained."""
    init_from: Annotated[str, Field(min_length=1)] = ""
    """Checkpoint whose weights training starts from, a file or what another run of the study makes. `{seed}` and
    `{scope}` in it stand for those of each training. Without it training starts from scratch."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Settings):
    """Annotation keys by whose values results are broken down; keys that no row has are passed over."""

    score_by: Names = ()
    """Annotation keys by whose values scores are broken down."""
    gates_by: Names = ()
    """Annotation keys by whose values gate statistics are broken down."""


@dataclass(frozen=True, kw_only=True)
class PlotsConfig(Settings):
    """Figures."""

    num_samples: Annotated[int, OR_ALL] = -1
    """Queries in the gate figures, the first of the log; -1 = all."""
    topk: Annotated[int, Field(ge=1)] = 10
    """Samples with the highest and with the lowest gates that are named; moments per query in ranked tables."""
