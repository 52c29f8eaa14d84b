"""The configuration sections that only the workflow reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from cli import Settings
from feature_extractors.encoders.stream import OF_DATASET
from model.config import NO_REPEATS, OR_ALL

Names = Annotated[tuple[str, ...], NO_REPEATS]
ControlKey = Literal["audio_control", "audio_control_share", "audio_control_seconds"]


@dataclass(frozen=True, kw_only=True)
class DatasetConfig(Settings):
    """Videos and queries."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$")]
    """Dataset name, the first folder under features/, runs/, results/ and plots/. The name `demo`, or
    one that begins with `demo_`, selects the embedded demo dataset."""
    videos: Annotated[str, OF_DATASET]
    """Folder of media files, each named by its video id, also in subfolders; empty if all video features are imported.
    The clip grid then follows the annotated durations."""
    annotations: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]+$")], str], OF_DATASET]
    """Annotation files in the QVHighlights schema (JSONL), one per split. `train` and `val` are needed unless a
    checkpoint is given. An empty name drops a split of an earlier file."""
    shards: Annotated[int, Field(ge=1, le=999)] = 1
    """Feature files per stream. A video's id determines its shard, so an added video changes only one of them."""
    broken_videos: Literal["leave_out", "stop"] = "leave_out"
    """How to treat videos that are missing or unreadable: leave them out, or stop with an error. Both policies list
    them in reports/{dataset}/problems.tsv."""
    scopes: Literal["all", "by_domain"] = "all"
    """One network for all rows, or one per `domain` of the rows, as is usual on TVSum (by_domain). The latter needs
    train.objective saliency."""
    domains: Names = ()
    """Domains to train and score with scopes by_domain; empty = all. Features are made of the videos of all domains."""


@dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """A named experiment: its changes to the sections `model`, `train` and `inference`."""

    model: dict[str, Any] = field(default_factory=dict)
    """Changes to the section model."""
    train: dict[str, Any] = field(default_factory=dict)
    """Changes to the section train."""
    inference: dict[ControlKey, Any] = field(default_factory=dict)
    """Changes to the section inference; only audio_control and its share and seconds may change."""
    checkpoint_of: Annotated[str, Field(min_length=1)] = ""
    """Run whose checkpoints are used instead of training this run, a control. Without it the run is trained."""
    init_from: Annotated[str, Field(min_length=1)] = ""
    """Checkpoint to start training from: a file, or the output of another run of the study. `{seed}` and `{scope}` are
    replaced by those of each training. Without it training starts from scratch."""


@dataclass(frozen=True, kw_only=True)
class LevelConfig(Settings):
    """One level of a condition: its changes to the sound that networks are trained with and that they hear."""

    at: Annotated[float, Field(allow_inf_nan=False)]
    """The level, in the unit that the condition's label names."""
    train: dict[ControlKey, Any] = field(default_factory=dict)
    """Changes to the section train; only audio_control and its share and seconds may change."""
    inference: dict[ControlKey, Any] = field(default_factory=dict)
    """Changes to the section inference; only audio_control and its share and seconds may change."""


@dataclass(frozen=True, kw_only=True)
class ConditionConfig(Settings):
    """Something that varies in levels, such as the share of videos with the sound of another one."""

    label: Annotated[str, Field(min_length=1)]
    """What varies, with its unit: the name of the axis in the figure."""
    levels: tuple[LevelConfig, ...] = ()
    """The levels. One without changes is the run as it is."""
    split: str = "val"
    """The split that is predicted and scored."""
    level_key: str = ""
    """Annotation key that says at which level each query of the split is, instead of levels."""


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig(Settings):
    """Runs that are compared under conditions, for the target `conditions`."""

    runs: Names = ()
    """The runs to cross with the conditions; empty = nothing is compared under conditions."""
    against: Names = ()
    """Those of these runs that each of the others is compared with, in pairs of equal seeds."""
    conditions: Names = ()
    """The conditions; empty = all that `conditions` defines."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Settings):
    """Annotation keys to break results down by; keys that no row has are ignored."""

    score_by: Names = ()
    """Annotation keys to break scores down by."""
    score_lists: Names = ()
    """Files of query ids of val; the queries of each file are scored as a part of their own."""
    gates_by: Names = ()
    """Annotation keys to break gate statistics down by."""


@dataclass(frozen=True, kw_only=True)
class PlotsConfig(Settings):
    """Figures."""

    num_samples: Annotated[int, OR_ALL] = -1
    """Number of queries in the gate figures, from the start of the log; -1 = all."""
    topk: Annotated[int, Field(ge=1)] = 10
    """Number of samples named with the highest and lowest gates, and of moments per query in ranked tables."""
