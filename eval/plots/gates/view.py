"""Arrangement of a gate log for all figures: the order of the samples, their groups and their names.

A sample is a video if all queries of a video have the same gates, else a query. Samples without audio form a group of
their own: their MHA gate is 0 because there is nothing to let through, not because the network closed it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.patches import Patch

from eval.markup import count
from eval.plots.style import can_draw, fit_text
from formats.annotations import Qid
from formats.arrays import Bools, Floats
from formats.gate_log import GateLog, GateSample
from formats.rows import Row

# In the order of the columns; grey if a gate has nothing to act on.
GROUPS = {
    "audio informative": "#0072B2",
    "audio not informative": "#E69F00",
    "with audio": "#009E73",
    "all samples": "#0072B2",
    "no audio": "#7f7f7f",
}
# Style of cells without a gate, and of time spans without sound.
SHUT, SHUT_EDGE, HATCH = "#e3e3e3", "#b0b0b0", "////"


@dataclass(frozen=True)
class GateView:
    """A gate log arranged for drawing: one column per sample, group by group."""

    log: GateLog
    truth: Mapping[Qid, Row]
    columns: tuple[int, ...]  # indices into log.samples
    groups: tuple[tuple[str, int], ...]  # name and number of columns
    per_video: bool
    means: dict[str, Floats]  # kind -> (samples of the log, layers), over the clips with audio
    contributions: dict[str, Floats | None]  # kind -> (samples of the log, layers), None if not logged
    silent: Bools  # (samples of the log,), known to have no audio

    @property
    def what(self) -> str:
        """What columns stand for: "videos" or "queries"."""
        return "videos" if self.per_video else "queries"

    def slices(self) -> list[tuple[str, slice]]:
        """The columns of each group."""
        ends = np.cumsum([count for _, count in self.groups]).tolist()
        return [(name, slice(end - count, end)) for (name, count), end in zip(self.groups, ends, strict=True)]

    def members(self) -> list[tuple[str, list[int]]]:
        """The samples of each group."""
        return [(name, list(self.columns[part])) for name, part in self.slices()]

    def heard(self) -> list[int]:
        """The samples of the columns over which means are taken: all that are not known to have no audio."""
        return [index for index in self.columns if not self.silent[index]]

    def shut(self, kind: str) -> Bools:
        """(samples of the log,): whether a sample has no audio and every gate of the kind is exactly 0."""
        return self.silent & np.all(self.means[kind] == 0, axis=1)

    def row(self, index: int) -> Row:
        """The keys of a sample in the log and the ground truth, apart from its gates."""
        sample = self.log.samples[index]
        return {**sample.row, **self.truth.get(sample.qid, {})}

    def name(self, index: int, most: int) -> str:
        """A label of at most `most` letters. Includes the qid if the video's name cannot be drawn or is ambiguous."""
        sample = self.log.samples[index]
        if self.per_video and can_draw(sample.vid):
            return fit_text(sample.vid, most)
        query = f"q{sample.qid}"
        return f"{fit_text(sample.vid, max(most - len(query) - 1, 4))} {fit_text(query, most)}"

    def source(self) -> str:
        """Split and size in words: "val · 91 queries of 16 videos · global gating · 4 layers"."""
        split = re.match(r"gate_logs_(.+)_N(all|\d+)", self.log.name)
        videos = len({sample.vid for sample in self.log.samples})
        facts = [
            *([fit_text(split[1], 20)] if split else []),
            f"{count(len(self.log.samples), 'query', 'queries')} of {count(videos, 'video', 'videos')}",
            f"{self.log.gating_type} gating",
            count(self.log.layers, "layer", "layers"),
        ]
        return " · ".join(facts)

    def key(self, *shown: str) -> list[Patch]:
        """Legend of all groups, or only of the `shown` ones."""
        return [
            Patch(color=GROUPS[name], label=f"{name} ({number})")
            for name, number in self.groups
            if name in (shown or GROUPS)
        ]


def is_informative(row: Row) -> bool | None:
    """Whether the audio answers a query: its label, else its modality, else unknown."""
    label = row.get("audio_informative")
    if label is None and row.get("modality") is not None:
        label = row["modality"] in ("audio", "joint")
    return None if label is None else bool(label)


def arrange(log: GateLog, ground_truth: Sequence[Row] = ()) -> GateView:
    """Choose the samples and their order: by group, then by descending mean MHA gate.

    A video with queries in several groups belongs to the first of these: its audio is informative if it is so for one
    query.
    """
    truth = {row["qid"]: row for row in ground_truth if isinstance(row.get("qid"), int | str)}
    order = list(GROUPS)
    names = [_group_of(sample, {**sample.row, **truth.get(sample.qid, {})}) for sample in log.samples]
    per_video = log.are_per_video()
    by_rank = sorted(range(len(names)), key=lambda index: (order.index(names[index]), index))
    means = {kind: log.means(kind) for kind in log.kinds}
    level = means["mha"].mean(1)
    columns = sorted(
        log.distinct(by_rank, per_video), key=lambda index: (order.index(names[index]), -level[index], index)
    )
    used = [names[index] for index in columns]
    groups = tuple((name, used.count(name)) for name in order if name in used)
    silent = np.array([sample.has_audio is False for sample in log.samples])
    contributions = {kind: log.contributions(kind) for kind in log.kinds}
    return GateView(log, truth, tuple(columns), groups, per_video, means, contributions, silent)


def _group_of(sample: GateSample, row: Row) -> str:
    if sample.has_audio is False:
        return "no audio"
    informative = is_informative(row)
    if informative is not None:
        return "audio informative" if informative else "audio not informative"
    return "all samples" if sample.has_audio is None else "with audio"
