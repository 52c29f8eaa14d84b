"""The queries about every demo video, in words, with the windows and scores that follow from the plan.

A query names something that is seen, heard, or both at once; its answer is where all of it happens. The words and
scores of each video come from a random stream of its own, like its plan.
"""

# No `from __future__ import annotations` here, because the function `annotations` has the same name.
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from demo.mixtures import all_videos
from demo.plan import (
    MOTIONS,
    QUERIES,
    SOUNDS,
    DemoConfig,
    Event,
    VideoPlan,
    choose_joint,
    of_colour,
    of_kind,
    overlaps,
    swell,
    windows_of,
)
from formats.grid import CLIP_SECONDS, clips_between

VISUAL_TEMPLATES = ("A {thing} {moves}.", "The {thing} is in view.", "We see a {thing}.")
AUDIO_TEMPLATES = ("{source} {acts}.", "{source} is heard.", "We hear {source}.")
JOINT_TEMPLATES = (
    "The {thing} is shown while {source} {acts}.",
    "{source} {acts} while the {thing} is in view.",
    "{source} is heard and we see the {thing}.",
)

COPIES = 10_000
"""Added to the index of a video in the qids of its first mixture; no demo has as many videos."""


def annotations(config: DemoConfig, split: str) -> list[dict[str, Any]]:
    """The queries of a split ("train", "val" or "distractors") as QVHighlights rows.

    Further keys: `duration_s` (seconds), `modality` ("visual", "audio" or "joint") and `audio_informative`; of mixtures
    also `distractor_db`.
    """
    return [row for video in all_videos(config) if video.split == split for row in _ask(video)]


def _ask(video: VideoPlan) -> list[dict[str, Any]]:
    """The rows of one video: 4 visual queries, or if the audio is informative, about 3 visual, 3 audio and 2 joint."""
    rng = video.stream(QUERIES)
    looks = {e.colour: {"thing": f"{e.colour} {e.shape}", "moves": MOTIONS[e.motion]} for e in video.visual}
    sounds = {e.kind: {"source": SOUNDS[e.kind][0], "acts": SOUNDS[e.kind][1]} for e in video.audio}
    asked: list[tuple[str, str, list[Sequence[Event]]]] = []

    def ask(modality: str, templates: Sequence[str], words: dict[str, str], senses: list[Sequence[Event]]) -> None:
        queries = [template.format(**words) for template in templates]
        used = {query for _, query, _ in asked}
        new = [query for query in (text[0].upper() + text[1:] for text in queries) if query not in used]
        asked.append((modality, new[int(rng.integers(len(new)))], senses))

    def rounds(names: Iterable[str], count: int) -> list[str]:
        """`count` names in random order; if there are fewer, some repeat in other words."""
        return (list(rng.permutation(list(names))) * 3)[:count]

    for colour in rounds(looks, min(3, max(2, len(looks))) if video.audio else 4):
        ask("visual", VISUAL_TEMPLATES, looks[colour], [of_colour(video.visual, colour)])
    for kind in rounds(sounds, 3) if sounds else []:
        ask("audio", AUDIO_TEMPLATES, sounds[kind], [of_kind(video.audio, kind)])
    for _, colour, kind in choose_joint(video.visual, video.audio):
        senses: list[Sequence[Event]] = [of_colour(video.visual, colour), of_kind(video.audio, kind)]
        ask("joint", JOINT_TEMPLATES, looks[colour] | sounds[kind], senses)
    return [_row(video, place, *question, rng) for place, question in enumerate(asked)]


def _row(
    video: VideoPlan, place: int, modality: str, query: str, senses: list[Sequence[Event]], rng: np.random.Generator
) -> dict[str, Any]:
    """One row. `senses` holds the visible events, the audible ones, or both; the windows are where all occur."""
    windows = windows_of(senses[0]) if len(senses) == 1 else overlaps(*senses)
    clips = [clip for start, end in windows for clip in clips_between(start, end)]
    centres = CLIP_SECONDS * (np.array(clips) + 0.5)
    grown = np.min([np.max([swell(event, centres) for event in events], axis=0) for events in senses], axis=0)
    # Annotators compare the moments of one query: its best clip gets a 4, however short the overlap.
    opinions = 1.5 + 2.8 * (grown / grown.max())[:, None] + rng.normal(0.0, 0.5, size=(len(clips), 3))
    return {
        "qid": (video.index + COPIES * video.copy) * 100 + place,
        "query": query,
        "duration": video.seconds,
        "vid": video.vid,
        "relevant_clip_ids": clips,
        "saliency_scores": np.clip(np.rint(opinions), 0, 4).astype(int).tolist(),
        "relevant_windows": [list(window) for window in windows],
        "duration_s": float(video.seconds),
        "modality": modality,
        "audio_informative": video.audio_informative,
        **({"distractor_db": video.distractor_db} if video.copy else {}),
    }
