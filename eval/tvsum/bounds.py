"""References for TVSum's top-5 mAP: chance, human and best possible scores, from the annotations alone.

The metric looks at the order of five clips of a single video per domain, and publications report the best epoch on that
video. So a random ranking scores 0.43, and the best of 400 random rankings scores as much as ranking by the true mean
of all annotators; neither is near 1.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from eval.tvsum.precision import TOP, Bools, Floats, compute_trapezoid_ap, find_positives, rank_clips, score_ranking

DRAWS = 2000
EPOCHS = 400  # evaluations in a published training run: 2000 epochs, every fifth
CANDIDATES = 25


@dataclass(frozen=True)
class Bounds:
    """Top-5 mAP of one video, from 0 to 1."""

    chance: float
    """Exact mean of random rankings."""
    chance_sd: float
    """Standard deviation of 2000 random rankings."""
    best_of_400: float
    """Mean of the maximum of 400 random rankings: chance if the best epoch is selected on the test video."""
    mean_human: float
    """Ranking by the mean label of all annotators."""
    mean_positive: float
    """Ranking by the share of annotators for whom a clip is positive."""
    ceiling: float
    """Best order of five clips found among the 25 that are positive for most annotators."""
    ceiling_all: float
    """Best order of five clips found among all; both ceilings are lower bounds of the true maximum."""


def find_bounds(labels: Floats, seed: int, name: str) -> Bounds:
    """Find the bounds of a video from its labels (T, A). The draws depend only on the seed and the video's name."""
    positive = find_positives(labels)
    draws = draw_scores(positive, seed_of(seed, name))
    by_share = rank_clips(positive.mean(1))
    return Bounds(
        chance=expect_by_chance(positive),
        chance_sd=float(draws.std()),
        best_of_400=float(draws.reshape(-1, EPOCHS).max(1).mean()),
        mean_human=score_ranking(rank_clips(labels.mean(1)), positive),
        mean_positive=score_ranking(by_share, positive),
        ceiling=search_best(positive[by_share[:CANDIDATES]]),
        ceiling_all=search_best(positive[by_share]),
    )


def seed_of(seed: int, name: str) -> np.random.Generator:
    """Random generator of one video. Not seeded by hash(), which Python salts differently in every process."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def expect_by_chance(positive: Bools) -> float:
    """Expected AP of a uniformly random order, mean over annotators, for positives (T, A).

    Sums over the 32 patterns of hits, weighted by their probability when drawing from T clips without replacement.
    """
    clips, top = len(positive), min(TOP, len(positive))
    total = 0.0
    for code, value in enumerate(_values(top)):
        hits, probability = 0, np.ones(positive.shape[1])
        for place in range(top):
            left = clips - place
            if code >> place & 1:
                probability = probability * (positive.sum(0) - hits) / left
                hits += 1
            else:
                probability = probability * (left - (positive.sum(0) - hits)) / left
        total += value * float(probability.mean())
    return total


def draw_scores(positive: Bools, random: np.random.Generator, top: int | None = TOP, draws: int = DRAWS) -> Floats:
    """Draw random rankings; returns the mean AP of their first `top` clips (None: all), (draws,)."""
    orders = random.random((draws, len(positive))).argsort(axis=1)[:, :top]
    scores: Floats = compute_trapezoid_ap(positive[orders].swapaxes(1, 2)).mean(1)
    return scores


def search_best(positive: Bools) -> float:
    """Search for the order of five clips with the best mean AP, given positives (C, A).

    Starts from every clip: extends greedily to five, then repeats the best replacement of a clip or swap of two places
    until none helps.
    """
    clips, top = len(positive), min(TOP, len(positive))
    values = _values(top)
    # The hits of a ranking for an annotator, as a number: bit j for rank j.
    bits = positive.astype(np.intp)[None] << np.arange(top)[:, None, None]  # (rank, C, A)
    ranks = np.arange(top)

    def score(order: list[int]) -> float:
        return float(values[bits[ranks, order].sum(0)].mean())

    best = 0.0
    for first in range(clips):
        order = [first]
        while len(order) < top:
            place = len(order)
            extended = values[bits[ranks[:place], order].sum(0) + bits[place]].mean(1)
            extended[order] = -1
            order.append(int(extended.argmax()))
        reached = score(order)
        while True:
            code = bits[ranks, order].sum(0)
            better, step = reached, order
            for place in range(top):
                replaced = values[code - bits[place, order[place]] + bits[place]].mean(1)
                replaced[order] = -1
                clip = int(replaced.argmax())
                moves = [[*order[:place], clip, *order[place + 1 :]]]
                for other in range(place):
                    moves.append(list(order))
                    moves[-1][place], moves[-1][other] = order[other], order[place]
                for move in moves:
                    value = score(move) if len(set(move)) == top else -1.0
                    if value > better + 1e-12:
                        better, step = value, move
            if step is order:
                break
            reached, order = better, step
        best = max(best, reached)
    return best


def _values(top: int) -> Floats:
    """AP of every pattern of hits, indexed by its number: bit j for rank j."""
    patterns = (np.arange(2**top)[:, None] >> np.arange(top) & 1).astype(bool)
    return compute_trapezoid_ap(patterns)
