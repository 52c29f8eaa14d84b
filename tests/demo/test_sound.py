"""The five sounds can be told apart by their spectra, and the track is silent where the plan says so."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from demo.plan import SOUNDS, AudioEvent, DemoConfig, VideoPlan, plan_videos
from demo.sound import synthesise

RATE = 16000


def video_with(*audio: AudioEvent) -> VideoPlan:
    video = next(video for video in plan_videos(DemoConfig()) if video.audio_informative and video.quirk == "none")
    return replace(video, seconds=12, audio_seconds=12, audio=audio)


def band_energies(samples: np.ndarray) -> np.ndarray:
    """Energy in dB in 12 bands of equal width on a logarithmic scale, 50 Hz to half the rate."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    edges = np.geomspace(50, RATE / 2, 13) / RATE * len(samples)
    return 10 * np.log10([power[int(low) : int(high)].mean() for low, high in pairwise(edges)])


def test_kinds_differ_in_their_mean_spectra() -> None:
    spectra = []
    for kind in SOUNDS:
        track = synthesise(video_with(AudioEvent(start=2, end=10, kind=kind, pitch=1.0)), RATE)
        spectra.append(band_energies(track[2 * RATE : 10 * RATE]))
    distances = [
        np.sqrt(np.mean((a - b) ** 2)) for place, a in enumerate(spectra) for b in spectra[place + 1 :]
    ]  # dB; a random network must tell them apart without training
    assert min(distances) > 6


@pytest.mark.parametrize("kind", SOUNDS)
def test_an_event_stands_out_and_is_loudest_in_its_middle(kind: str) -> None:
    track = synthesise(video_with(AudioEvent(start=2, end=12, kind=kind, pitch=1.05)), RATE)
    loudness = np.sqrt((track.reshape(6, 2 * RATE) ** 2).mean(axis=1))  # by clip of 2 s
    assert track.dtype == np.float32 and np.abs(track).max() <= 1
    assert loudness[1:].min() > 5 * loudness[0]
    assert loudness[3] == loudness.max()


def test_track_is_repeatable_and_as_long_as_planned() -> None:
    for video in plan_videos(DemoConfig(train_videos=14, min_seconds=8, max_seconds=12)):
        track = synthesise(video, 8000)
        assert track.shape == (video.audio_seconds * 8000,)
        assert np.array_equal(track, synthesise(video, 8000))


def test_loudness_does_not_tell_informative_sound_from_the_rest() -> None:
    """Neither the mean level nor its spread nor the share of silence does."""
    measures: dict[bool, list[list[float]]] = {True: [], False: []}
    for video in plan_videos(DemoConfig()):
        if video.audio_seconds:
            track = synthesise(video, 8000)
            levels = 10 * np.log10((track.reshape(-1, 2 * 8000) ** 2).mean(axis=1))
            measures[video.audio_informative].append([levels.mean(), levels.std(), (levels < -35).mean()])
    one, other = np.array(measures[True]), np.array(measures[False])
    area = ((one[:, None] > other) + 0.5 * (one[:, None] == other)).mean(axis=(0, 1))
    assert np.all(np.abs(area - 0.5) < 0.1), area


def test_wind_is_low_passed() -> None:
    """A filter of the first order: from its corner on, 300 to 900 Hz, power falls by 6 dB per octave."""
    wind = AudioEvent(start=0, end=12, kind="wind", pitch=1.0)
    power = np.abs(np.fft.rfft(synthesise(video_with(wind), 3 * RATE))) ** 2
    low, high, higher = (
        power[12 * first : 12 * last].mean() for first, last in ((20, 100), (2000, 2500), (4000, 5000))
    )
    assert low > 4 * high
    assert 10 * np.log10(high / higher) == pytest.approx(6, abs=1)
