"""Val videos with distractors mixed into their sound, at several levels: the split `distractors`.

All levels of a video have the same pictures, asked sounds and distractors, and the same queries, so that they differ
in the loudness of the distractors alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from demo.plan import DISTRACTORS, MIXTURE, SPLITS, DemoConfig, VideoPlan, draw_sounds, plan_videos

SPLIT = "distractors"
OF_DEMO = re.compile(r"demo_\d{3,}(_d\d+)?$")
"""The ids of the demo's videos, and of its mixtures."""


@lru_cache(maxsize=4)
def mix_videos(config: DemoConfig) -> tuple[VideoPlan, ...]:
    """The mixtures of each val video with informative sound, level by level; none without levels."""
    return tuple(
        replace(
            video,
            vid=f"{video.vid}_d{copy}",
            split=SPLIT,
            copy=copy,
            distractors=draw_sounds(video.stream(MIXTURE), video.audio_seconds, DISTRACTORS),
            distractor_db=level,
        )
        for video in plan_videos(config)
        if video.split == "val" and video.audio
        for copy, level in enumerate(config.distractor_db, start=1)
    )


def splits_of(config: DemoConfig) -> tuple[str, ...]:
    """The splits of a demo."""
    return (*SPLITS, SPLIT) if config.distractor_db else SPLITS


def all_videos(config: DemoConfig) -> tuple[VideoPlan, ...]:
    """The videos of all splits, train before val before mixtures."""
    return (*plan_videos(config), *mix_videos(config))
