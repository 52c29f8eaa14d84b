"""One ranking per query over all videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from av_highlights.answers import Answer, Moment

COMPARABLE = (
    "Scores of one query compare across the videos, because one network gave them. Scores of different queries do not."
)


@dataclass(frozen=True)
class RankedMoment:
    """One of the best moments of a query, or of its best clips if no moments were predicted.

    Attributes:
        rank: from 1.
        answer: of the video that it is in.
        moment: start, end and score.
        what: `moment` or `clip`.
        gate: mean audio gate over the moment; None without gates or sound.
    """

    rank: int
    answer: Answer
    moment: Moment
    what: str
    gate: float | None


def rank_moments(answers: Sequence[Answer], topk: int) -> dict[str, list[RankedMoment]]:
    """The `topk` best moments of each query over all videos, best first; equal scores are in the order of the videos.

    Clips are listed only if no video has a moment, because their scores are on another scale.
    """
    ranked: dict[str, list[RankedMoment]] = {}
    for query in dict.fromkeys(answer.query for answer in answers):
        asked = [answer for answer in answers if answer.query == query]
        asked = [answer for answer in asked if answer.moments] or asked
        found = [(answer, moment) for answer in asked for moment in answer.best[:topk]]
        found.sort(key=lambda pair: -pair[1].score)
        ranked[query] = [
            RankedMoment(rank, answer, moment, "moment" if answer.moments else "clip", answer.mean_gate(moment))
            for rank, (answer, moment) in enumerate(found[:topk], start=1)
        ]
    return ranked
