"""What each audio control leaves of the sound, for shares of the videos and of the clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cli import UserError
from model.audio_control import AudioControl
from model.config import InferenceConfig, TrainConfig
from model.data.audio_controls import control_audio
from model.data.packed import Packed

LENGTHS = {f"v{number}": 4 + number for number in range(8)}


def make_audio() -> tuple[Packed[np.float32], Packed[np.bool_]]:
    """Audio whose rows say which video and which clip they are of; the last clip of each video is silent."""
    audio, heard = Packed(LENGTHS, np.float32, 2), Packed(LENGTHS, np.bool_)
    for number, (vid, length) in enumerate(LENGTHS.items()):
        audio[vid][:] = np.stack([np.full(length, number + 1), np.arange(length) + 1], axis=1)
        heard[vid][:-1] = True
    return audio, heard


def controlled(kind: Any, share: float = 1.0, seconds: float = 0.0, seed: int = 3) -> Any:
    audio, heard = make_audio()
    return audio, heard, control_audio(audio, heard, AudioControl(kind, share, seconds), seed)


@pytest.mark.parametrize("kind", ["zeroed", "noise", "shuffled", "shifted"])
def test_a_share_of_the_videos_is_replaced_and_the_others_stay(kind: str) -> None:
    """A quarter of 8 videos is 2; what is replaced does not depend on the kind, nor what replaces it on the share."""
    original, _ = make_audio()
    seconds = 4.0 if kind == "shifted" else 0.0
    before: frozenset[str] = frozenset()
    whole, silence, every = controlled(kind, seconds=seconds)
    assert every == set(LENGTHS)
    for share, count in ((0.25, 2), (0.5, 4), (0.75, 6)):
        audio, heard, replaced = controlled(kind, share, seconds)
        assert len(replaced) == count and before < replaced
        assert replaced == controlled("zeroed", share)[2]
        before = replaced
        for vid in LENGTHS:
            expected = whole if vid in replaced else original
            assert np.array_equal(audio[vid], expected[vid])
            assert np.array_equal(heard[vid], silence[vid] if vid in replaced else make_audio()[1][vid])
            assert np.array_equal(audio[vid], original[vid]) == (vid not in replaced)
    assert controlled(kind, 0.5, seconds, seed=4)[2] != controlled(kind, 0.5, seconds)[2]


def test_shifted_audio_comes_later_and_what_leaves_returns_at_the_start() -> None:
    audio, heard, _ = controlled("shifted", seconds=4.0)
    assert audio["v0"][:, 1].tolist() == [3, 4, 1, 2] and heard["v0"].tolist() == [True, False, True, True]
    audio, _, _ = controlled("shifted", seconds=-2.0)
    assert audio["v0"][:, 1].tolist() == [2, 3, 4, 1]


def test_missing_silences_a_share_of_the_clips_of_every_video() -> None:
    before = make_audio()[1]
    for share in (0.25, 0.5, 0.75, 1.0):
        audio, heard, replaced = controlled("missing", share)
        assert replaced == set(LENGTHS)
        for vid, length in LENGTHS.items():
            gone = ~audio[vid].any(axis=1)
            assert gone.sum() == int(share * length + 0.5)
            assert not heard[vid][gone].any()
            assert not (heard[vid] & ~before[vid]).any()  # what a smaller share silences stays silent
        before = heard


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"audio_control_share": 0.5}, "audio_control_share has no effect with audio_control original"),
        ({"audio_control": "noise", "audio_control_seconds": 2}, "audio_control_seconds has no effect with"),
        ({"audio_control": "shifted"}, r"must be a multiple of 2 \(a clip\), and not 0, with .* got 0"),
        ({"audio_control": "shifted", "audio_control_seconds": 3}, r"multiple of 2 .* got 3"),
        (
            {"audio_control": "shuffled", "audio_control_share": 0},
            "audio_control_share: Input should be greater than 0",
        ),
    ],
)
def test_settings_without_effect_are_refused(values: dict[str, Any], message: str) -> None:
    for settings in (InferenceConfig, TrainConfig):
        with pytest.raises(UserError, match=message):
            settings.from_dict(values)


def test_a_plain_word_is_written_as_before() -> None:
    """Snakemake compares these texts: new keys in them would train every network again."""
    plain = InferenceConfig(audio_control="noise").to_dict()
    assert plain["audio_control"] == "noise" and not {"audio_control_share", "audio_control_seconds"} & plain.keys()
    some = TrainConfig(audio_control="shuffled", audio_control_share=0.25).to_dict()
    assert some["audio_control_share"] == 0.25 and "audio_control_seconds" not in some
    assert TrainConfig.from_dict(some).control == AudioControl("shuffled", 0.25)
