"""The sound of a demo video: five kinds of events with distinct spectra, or three distractors, over quiet noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demo.plan import SOUND, AudioEvent, VideoPlan, swell

FADE_SECONDS = 0.05
"""Length of the ramps at both ends of an event, which prevent clicks."""
LOUDNESS = 0.1
"""Root mean square of an event at its loudest; the peaks of the drum are six times as high."""
INAUDIBLE = 1e-12
"""Share of a sound that is left out, far below what 24 bits resolve."""


def synthesise(video: VideoPlan, rate: int) -> np.ndarray:
    """Synthesise the whole audio track, mono: float32 (audio_seconds * rate,) in -1..1. `rate` in Hz."""
    rng = video.stream(SOUND)
    samples = video.audio_seconds * rate
    # Even a quiet room is not digital silence; its level differs from video to video.
    track = rng.uniform(0.002, 0.005) * rng.standard_normal(samples)
    if not samples:
        return track.astype(np.float32)
    louder = 10 ** (video.distractor_db / 20)
    for gain, event in (*((1.0, event) for event in video.audio), *((louder, event) for event in video.distractors)):
        first, last = event.start * rate, event.end * rate
        track[first:last] += gain * _perform(event, rng, rate)
    return np.clip(track, -1.0, 1.0).astype(np.float32)


def _perform(event: AudioEvent, rng: np.random.Generator, rate: int) -> np.ndarray:
    """An event at full length, louder towards its middle: float64 (seconds * rate,)."""
    t = np.arange((event.end - event.start) * rate) / rate
    sound = _KINDS[event.kind](t, event.pitch, rng)
    ramps = np.minimum(1.0, np.minimum(t, t[-1] - t) / FADE_SECONDS)
    # All kinds are equally loud, so that loudness does not reveal which one a query asks about.
    return LOUDNESS * (0.35 + 0.65 * swell(event, t + event.start)) * ramps * sound / np.sqrt(np.mean(sound**2))


def _siren(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """A tone that sweeps between 600 and 1200 Hz, up and down in 2 s, with two overtones."""
    sweep, phase = 0.5, rng.uniform(0, 2 * np.pi)
    cycles = 900 * t - 300 / (2 * np.pi * sweep) * np.cos(2 * np.pi * sweep * t + phase)
    angle = 2 * np.pi * pitch * cycles
    return np.sin(angle) + 0.3 * np.sin(2 * angle) + 0.15 * np.sin(3 * angle)


def _drum(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Two to three beats per second; each falls from 130 to 55 Hz and decays."""
    since = t % (1 / rng.uniform(2.0, 3.0))
    cycles = 55 * since + 75 / 25 * (1 - np.exp(-25 * since))
    return np.exp(-8 * since) * np.sin(2 * np.pi * pitch * cycles)


def _chirp(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Calls that rise from 3 to 6 kHz in 0.15 s, three or four per second."""
    since = t % (1 / rng.uniform(3.0, 4.0))
    part = np.minimum(since / 0.15, 1.0)
    return np.sin(np.pi * part) ** 2 * np.sin(2 * np.pi * pitch * (3000 * since + 3000 / (2 * 0.15) * since**2))


def _babble(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Speech without words: a voice at about 130 Hz whose formants (Hz) take a new vowel four to five times a second.

    Every period of the voice starts one decaying wave per formant, which strengthens the harmonics around it.
    """
    vowels = np.array([(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410)])
    syllables = t * rng.uniform(4.0, 5.0)
    spoken = vowels[rng.integers(len(vowels), size=int(syllables[-1]) + 1)][syllables.astype(int)]
    voice = 130 * pitch
    cycles = voice * t + 2.0 * np.sin(2 * np.pi * 0.7 * t)  # the melody: about 9 Hz up and down
    since = (cycles % 1.0) / voice
    waves = sum(
        loud * np.exp(-fade * since) * np.sin(2 * np.pi * spoken[:, place] * since)
        for place, (loud, fade) in enumerate([(1.0, 250.0), (0.6, 350.0), (0.3, 500.0)])
    )
    return np.sin(np.pi * (syllables % 1.0)) * waves


def _bell(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """A stroke every 1 to 1.4 s with inharmonic partials that decay, the high ones first."""
    since = t % rng.uniform(1.0, 1.4)
    partials = [(0.56, 0.6), (0.92, 0.5), (1.19, 1.0), (1.71, 0.9), (2.0, 1.0), (2.74, 0.8), (3.76, 0.6)]
    return sum(
        (
            loud * np.exp(-1.5 * ratio * since) * np.sin(2 * np.pi * 1150 * pitch * ratio * since)
            for ratio, loud in partials
        ),
        start=np.zeros_like(t),
    )


def _wind(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Low-passed noise that comes and goes."""
    kept = float(np.exp(-2 * np.pi * pitch * rng.uniform(300, 900) * t[1]))
    noise = (1 - kept) * rng.standard_normal(len(t))
    # Each sample keeps a share of the one before: noise[n] += kept * noise[n - 1]. Summed over twice as many samples in
    # every turn, until the next ones are too far away to be heard.
    reach = 1
    while reach < len(t) and kept**reach > INAUDIBLE:
        noise[reach:] += kept**reach * noise[:-reach]
        reach *= 2
    return (1 + 0.6 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.3) * t + rng.random()))) * noise


def _music(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """A random progression of triads, one every 2 s, with soft overtones."""
    key = 220 * pitch * 2 ** (rng.integers(-5, 6) / 12)
    minor = {2, 4, 9}
    degrees = rng.choice([0, 2, 4, 5, 7, 9], size=int(t[-1] // 2) + 1)
    since = t % 2
    shape = np.minimum(1.0, 20 * since) * np.exp(-0.8 * since) * np.minimum(1.0, 20 * (2 - since))
    waves = np.zeros_like(t)
    for place, degree in enumerate(degrees.tolist()):
        now = t // 2 == place
        notes = [key * 2 ** ((degree + step) / 12) for step in (0, 3 if degree in minor else 4, 7)]
        ago = since[now]
        waves[now] = sum(np.sin(2 * np.pi * n * note * ago) / n**2 for note in notes for n in (1, 2, 3))
    return shape * waves


def _hum(t: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """A machine: odd harmonics of about 100 Hz that beat slowly."""
    base = 100 * pitch
    beat = 1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.3, 0.8) * t + rng.random()))
    return beat * sum(np.sin(2 * np.pi * n * base * t) / n for n in (1, 3, 5, 7, 9))


_KINDS: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "siren": _siren,
    "drum": _drum,
    "chirp": _chirp,
    "babble": _babble,
    "bell": _bell,
    "wind": _wind,
    "music": _music,
    "hum": _hum,
}
