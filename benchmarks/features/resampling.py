"""Compare speed and quality of resampling with av, torchaudio and soxr: `python benchmarks/features/resampling.py`.

Quality is measured on tones: the error against the exact tone at the new rate (pass band, up to 0.9 of the lower of the
two Nyquist frequencies), and the remainder of tones above it, which would return as aliases. Time is the CPU seconds of
the best run on one minute of sound, with one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import av
import numpy as np
import soxr
import torch
import torchaudio

RATES = [(44_100, 32_000), (48_000, 32_000), (44_100, 48_000), (22_050, 48_000)]
Resampler = Callable[[np.ndarray, int, int], np.ndarray]


def with_av(samples: np.ndarray, old: int, new: int) -> np.ndarray:
    """libswresample with its defaults, one second at a time."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=new)
    made = []
    for first in range(0, len(samples), old):
        frame = av.AudioFrame.from_ndarray(samples[None, first : first + old], format="flt", layout="mono")
        frame.sample_rate, frame.pts = old, first
        made += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    made += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(made)


def with_torchaudio(samples: np.ndarray, old: int, new: int) -> np.ndarray:
    """torchaudio with its defaults (a windowed sinc of 6 zero crossings)."""
    return torchaudio.functional.resample(torch.from_numpy(samples), old, new).numpy()


def with_soxr(samples: np.ndarray, old: int, new: int) -> np.ndarray:
    """soxr's stream at HQ, one second at a time, as in `feature_extractors.media.sound`."""
    resampler = soxr.ResampleStream(old, new, 1, dtype="float32", quality="HQ")
    made = [resampler.resample_chunk(samples[first : first + old], last=False) for first in range(0, len(samples), old)]
    return np.concatenate([*made, resampler.resample_chunk(np.zeros(0, np.float32), last=True)])


def say(line: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    say("| rates | library | times real time | error in the pass band, dB | aliases, dB |\n|---|---|---|---|---|")
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 60 * 48_000).astype(np.float32)
    for old, new in RATES:
        minute = noise[: 60 * old]
        for name, resample in (("av", with_av), ("torchaudio", with_torchaudio), ("soxr HQ", with_soxr)):
            times = []
            for _ in range(arguments.repeat):
                start = time.process_time()
                resample(minute, old, new)
                times.append(time.process_time() - start)
            error, alias = measure(resample, old, new)
            row = (
                f"{60 / min(times):.0f} | {error:.0f} | {alias:.0f}"
                if new < old
                else f"{60 / min(times):.0f} | {error:.0f} | -"
            )
            say(f"| {old} to {new} | {name} | {row} |")


def measure(resample: Resampler, old: int, new: int) -> tuple[float, float]:
    """Worst error in the pass band and worst remainder of tones above it, in dB relative to the tone."""
    lower = min(old, new) / 2
    seconds, edge = 2, new // 4

    def tone(pitch: float, rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * pitch * np.arange(seconds * rate) / rate)

    def level(samples: np.ndarray) -> float:
        return 20 * float(np.log10(max(np.sqrt(2 * np.mean(samples[edge:-edge] ** 2)), 1e-9)))

    errors, rests = [], [-180.0]
    for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9):
        made = resample(tone(share * lower, old).astype(np.float32), old, new).astype(np.float64)
        wanted = tone(share * lower, new)
        length = min(len(made), len(wanted))
        errors.append(level(made[:length] - wanted[:length]))
    for pitch in np.linspace(1.05 * lower, 0.99 * old / 2, 6) if new < old else []:
        rests.append(level(resample(tone(pitch, old).astype(np.float32), old, new).astype(np.float64)))
    return max(errors), max(rests)


if __name__ == "__main__":
    main()
