"""What each step of an epoch sees. Everything follows from (seed, epoch, batch), so any batch can be made alone.

That is what lets a killed run go on in the middle of an epoch, and several processes agree without a word: each makes
the same plan of the whole batch and takes its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.config import TrainConfig
from model.data.feature_set import FeatureSet
from model.network.tensors import Inputs
from model.training.losses import Targets
from model.training.targets import QueryTargets, read_labels


@dataclass(frozen=True)
class Batch:
    """A whole batch: places in the feature set, what each is trained on, and whose query is its negative one.

    Attributes:
        indices: places of the queries in the feature set.
        targets: of each query.
        negative: for each query the place, in this batch, of one about another video.
        has_negative: whether there is one.
    """

    indices: list[int]
    targets: list[QueryTargets]
    negative: list[int]
    has_negative: list[bool]


@dataclass(frozen=True)
class Part:
    """The part of a batch that is computed at a time.

    Attributes:
        inputs: of its queries; the texts of negative queries that are not among them follow.
        negative: (B,) rows of the texts.
        targets: of its queries.
        samples, matches: its shares of the whole batch's queries and true moments, which weigh its loss terms.
    """

    inputs: Inputs
    negative: torch.Tensor
    targets: Targets
    samples: float
    matches: float


class Plan:
    """The batches of a run, by epoch and number.

    Attributes:
        steps: batches in an epoch; the last may be smaller.

    Raises:
        UserError: the labels of a query do not fit its video.
    """

    def __init__(self, features: FeatureSet, config: TrainConfig, seed: int) -> None:
        self.steps = -(-len(features) // config.batch_size)
        self._vids = [row["vid"] for row in features.rows]
        self._labels = [
            read_labels(row, features.seen(i), features.clip_seconds, config) for i, row in enumerate(features.rows)
        ]
        self._rolls = features.rolls_negatives
        self._batch_size = config.batch_size
        self._seed = seed

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (from 1), all queries in random order, from batch `first` on."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._vids)).tolist()
        for number in range(first, self.steps):
            rng = np.random.default_rng([self._seed, epoch, number])
            indices = order[number * self._batch_size : (number + 1) * self._batch_size]
            targets = [self._labels[i].draw(rng) for i in indices]
            negative, has_negative = other_video([self._vids[i] for i in indices], self._rolls)
            yield Batch(indices, targets, negative.tolist(), has_negative.tolist())


def split_places(
    features: FeatureSet, batch: Batch, rank: int, processes: int, pass_clips: float | None
) -> list[list[int]]:
    """The places in a batch that process `rank` computes: every `processes`-th, in groups to be computed one by one.

    Videos of like lengths are grouped where that saves padding of more clips than a pass through the network costs,
    `pass_clips` (None = one group): gradients add up, so the result is that of one group. A process for which nothing
    is left gets one empty group.
    """
    places = list(range(rank, len(batch.indices), processes))
    if pass_clips is None or len(places) < 2:
        return [places]
    clips = {place: features.n_clips(batch.indices[place]) for place in places}
    if max(clips.values()) * len(places) - sum(clips.values()) <= pass_clips:
        return [places]
    places.sort(key=lambda place: clips[place])
    # Cheapest way to cut the sorted list, for every beginning of it: (cost in clips, start of the last group).
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
    """The part of a batch at some places.

    Without any it is the first query with weight 0, so that all processes have the same terms to add.
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
    """For each sample of a batch the next one about another video.

    Args:
        rolled: as the references do, take the next one whatever it is about; the only sample then takes itself.

    Returns:
        index (B,), and has (B,) bool: False where the whole batch is about one video (the index is then its own).
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
