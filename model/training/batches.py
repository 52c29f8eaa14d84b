"""The batches of each epoch. Everything follows from (seed, epoch, batch), so any batch can be made independently.

So a killed run can resume in the middle of an epoch, and several processes agree without communication: each makes the
same plan of the whole batch and takes its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.config import ModelConfig, TrainConfig
from model.data.feature_set import FeatureSet
from model.draws import Draw, generator
from model.network.tensors import Inputs
from model.training.denoising import draw_starts
from model.training.losses import Targets
from model.training.targets import QueryTargets, read_labels


@dataclass(frozen=True)
class Batch:
    """A whole batch: its queries, their targets and their negative queries.

    Attributes:
        indices: indices of the queries in the feature set.
        targets: targets of each query.
        negative: for each query the position, in this batch, of a query about another video.
        has_negative: whether each query has such a negative query.
        starts: (B, G, N, 2) starting points of the denoising groups; None without such groups.
    """

    indices: list[int]
    targets: list[QueryTargets]
    negative: list[int]
    has_negative: list[bool]
    starts: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Part:
    """The part of a batch that is computed in one pass.

    Attributes:
        inputs: inputs of its queries, followed by the texts of negative queries that are not among them.
        negative: (B,) row of each query's negative text.
        targets: targets of its queries.
        samples, matches: its fractions of the batch's queries and true moments, the weights of its loss terms.
        starts: (B, G, N, 2) starting points of its denoising groups; None without such groups.
    """

    inputs: Inputs
    negative: torch.Tensor
    targets: Targets
    samples: float
    matches: float
    starts: torch.Tensor | None


class Plan:
    """The batches of a run, by epoch and number.

    Attributes:
        steps: batches in an epoch; the last may be smaller.

    Raises:
        UserError: the labels of a query do not fit its video.
    """

    def __init__(
        self, features: FeatureSet, config: TrainConfig, seed: int, num_queries: int = ModelConfig.num_queries
    ) -> None:
        self.steps = -(-len(features) // config.batch_size)
        self._vids = [row["vid"] for row in features.rows]
        self._labels = [
            read_labels(row, features.seen(i), features.clip_seconds, config) for i, row in enumerate(features.rows)
        ]
        self._rolls = features.rolls_negatives
        self._groups = config.denoising_groups if config.trains_moments else 0
        self._num_queries = num_queries
        self._batch_size = config.batch_size
        self._seed = seed

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (counted from 1), with all queries in random order, starting at batch `first`."""
        order = generator(self._seed, Draw.ORDER, epoch).permutation(len(self._vids)).tolist()
        for number in range(first, self.steps):
            rng = generator(self._seed, Draw.TARGETS, epoch, number)
            indices = order[number * self._batch_size : (number + 1) * self._batch_size]
            targets = [self._labels[i].draw(rng) for i in indices]
            negative, has_negative = other_video([self._vids[i] for i in indices], self._rolls)
            drawn = [
                draw_starts(target.spans, self._groups, self._num_queries, len(target.saliency), rng)
                for target in targets
            ]
            starts = np.stack(drawn) if self._groups else None
            yield Batch(indices, targets, negative.tolist(), has_negative.tolist(), starts)


def split_places(
    features: FeatureSet, batch: Batch, rank: int, processes: int, pass_clips: float | None
) -> list[list[int]]:
    """The positions in a batch that process `rank` computes: every `processes`-th, in groups computed one at a time.

    Videos of similar length are grouped if that saves more clips of padding than a pass through the network costs,
    `pass_clips` (None = one group). Gradients add up, so the result equals that of one group. A process with nothing to
    compute gets one empty group.
    """
    places = list(range(rank, len(batch.indices), processes))
    if pass_clips is None or len(places) < 2:
        return [places]
    clips = {place: features.n_clips(batch.indices[place]) for place in places}
    if max(clips.values()) * len(places) - sum(clips.values()) <= pass_clips:
        return [places]
    places.sort(key=lambda place: clips[place])
    # Cheapest way to cut each prefix of the sorted list: (cost in clips, start of the last group).
    cheapest: list[tuple[float, int]] = [(0, 0)]
    for end in range(1, len(places) + 1):
        longest = clips[places[end - 1]]
        cheapest.append(min((cheapest[i][0] + (end - i) * longest + pass_clips, i) for i in range(end)))
    groups: list[list[int]] = []
    while places:
        start = cheapest[len(places)][1]
        groups.insert(0, places[start:])
        places = places[:start]
    return groups


def take_part(features: FeatureSet, batch: Batch, places: list[int], device: str) -> Part:
    """The part of a batch at some positions.

    Without positions it is the first query with weight 0, so that all processes add the same terms.
    """
    weight = float(bool(places))
    places = places or [0]
    row_of = {place: row for row, place in enumerate(places)}
    for place in places:
        row_of.setdefault(batch.negative[place], len(row_of))
    further = [batch.indices[place] for place in list(row_of)[len(places) :]]
    targets = [batch.targets[place] for place in places]
    moments = [len(target.spans) for target in batch.targets]
    return Part(
        inputs=features.batch([batch.indices[place] for place in places], further).to(device),
        negative=torch.tensor([row_of[batch.negative[place]] for place in places]).to(device),
        targets=_collate(targets, [batch.has_negative[place] for place in places], device),
        samples=weight * len(places) / len(batch.indices),
        matches=weight * sum(moments[place] for place in places) / max(sum(moments), 1),
        starts=None if batch.starts is None else torch.from_numpy(batch.starts[places]).to(device),
    )


def _collate(targets: list[QueryTargets], has_negative: list[bool], device: str) -> Targets:
    saliency = np.zeros((len(targets), max(len(item.saliency) for item in targets)), np.float32)
    for row, item in zip(saliency, targets, strict=True):
        row[: len(item.saliency)] = item.saliency
    spans = torch.from_numpy(np.concatenate([item.spans for item in targets])).to(device)
    return Targets(
        spans=list(spans.split([len(item.spans) for item in targets])),
        saliency=torch.from_numpy(saliency).to(device),
        higher=torch.tensor([item.higher for item in targets]).to(device),
        lower=torch.tensor([item.lower for item in targets]).to(device),
        has_negative=torch.tensor(has_negative).to(device),
    )


def other_video(vids: list[str], rolled: bool = False) -> tuple[Tensor, Tensor]:
    """For each sample of a batch, the next sample about another video.

    Args:
        rolled: take the next sample regardless of its video, as the references do; a single sample then takes itself.

    Returns:
        index (B,), and has (B,) bool: False if the whole batch is about one video (a sample's index is then its own).
    """
    count = len(vids)
    if rolled:
        return torch.arange(1, count + 1) % count, torch.ones(count, dtype=torch.bool)
    index = list(range(count))
    has = [False] * count
    for i, vid in enumerate(vids):
        for step in range(1, count):
            j = (i + step) % count
            if vids[j] != vid:
                index[i], has[i] = j, True
                break
    return torch.tensor(index), torch.tensor(has)
