"""Val videos with distractors mixed in: nothing but the loudness of the distractors differs between levels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from demo import questions
from demo.mixtures import all_videos, mix_videos, splits_of
from demo.plan import DISTRACTORS, DemoConfig, plan_videos
from demo.sound import synthesise

LEVELS = (-20.0, 0.0, 6.0)
CONFIG = DemoConfig(train_videos=8, val_videos=8, distractor_db=LEVELS)
PLAIN = DemoConfig(train_videos=8, val_videos=8)


def test_without_levels_there_are_none() -> None:
    assert mix_videos(PLAIN) == () and splits_of(PLAIN) == ("train", "val")
    assert all_videos(PLAIN) == plan_videos(PLAIN) and "distractor_db" not in PLAIN.to_dict()
    assert questions.annotations(PLAIN, "distractors") == []


def test_every_val_video_with_informative_sound_at_every_level() -> None:
    mixtures = mix_videos(CONFIG)
    informative = [video for video in plan_videos(CONFIG) if video.split == "val" and video.audio_informative]
    assert len(informative) == 4 and len(mixtures) == 12
    assert Counter(video.distractor_db for video in mixtures) == dict.fromkeys(LEVELS, 4)
    assert len({video.file for video in all_videos(CONFIG)}) == len(all_videos(CONFIG)) == 16 + 12
    for video in informative:
        copies = [copy for copy in mixtures if copy.index == video.index]
        assert {event.kind for copy in copies for event in copy.distractors} <= set(DISTRACTORS)
        assert copies[0].distractors == copies[2].distractors != ()
        for copy in copies:
            assert all(event.end <= video.audio_seconds for event in copy.distractors)
            bare = replace(copy, vid=video.vid, split="val", copy=0, distractors=(), distractor_db=0.0)
            assert bare == video


def test_train_and_val_stay_as_they_are() -> None:
    assert plan_videos(CONFIG) == plan_videos(PLAIN)
    for split in ("train", "val"):
        assert questions.annotations(CONFIG, split) == questions.annotations(PLAIN, split)


def test_queries_are_those_of_the_video_under_ids_of_their_own() -> None:
    rows = questions.annotations(CONFIG, "distractors")
    everything = [row for split in splits_of(CONFIG) for row in questions.annotations(CONFIG, split)]
    assert len({row["qid"] for row in everything}) == len(everything)
    val = {row["qid"]: row for row in questions.annotations(CONFIG, "val") if row["audio_informative"]}
    assert len(rows) == 3 * len(val)
    for row in rows:
        original = val[row["qid"] % 1_000_000]
        assert row["vid"].startswith(f"{original['vid']}_d") and row["distractor_db"] in LEVELS
        same = original.keys() - {"qid", "vid"}
        assert {key: row[key] for key in same} == {key: original[key] for key in same}


@pytest.mark.parametrize("place", [0, 2])
def test_distractors_are_as_much_louder_as_the_level_says(place: int) -> None:
    """What a mixture adds to the sound of the video, against what it adds at 0 dB: a factor of 10^(dB / 20)."""
    rate = 8000
    copies = [copy for copy in mix_videos(CONFIG) if copy.quirk == "none"][:3]
    sounds = [synthesise(copy, rate).astype(float) for copy in copies]
    [video] = [video for video in plan_videos(CONFIG) if video.index == copies[0].index]
    plain = synthesise(video, rate)
    added, at_zero = sounds[place] - plain, sounds[1] - plain
    # Where nothing was cut off at full scale.
    free = np.max(np.abs([*sounds, plain]), axis=0) < 1
    assert free.mean() > 0.99 and np.abs(at_zero[free]).max() > 0.05
    np.testing.assert_allclose(added[free], 10 ** (LEVELS[place] / 20) * at_zero[free], atol=1e-5)
