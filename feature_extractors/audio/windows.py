"""Windows of sound around the clips of a video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feature_extractors.decode import Sound


def clip_windows(
    sound: Sound, n_clips: int, clip_seconds: float, window_seconds: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut one window centred on each clip that has sound in at least half of it.

    Returns:
        windows (rows, samples), zeros where a window reaches beyond the sound; clips (rows,).
    """
    clips = [i for i in range(n_clips) if sound.share_heard(i * clip_seconds, clip_seconds) >= 0.5]
    margin = (window_seconds - clip_seconds) / 2
    samples = round(window_seconds * sound.rate)
    windows = np.zeros((len(clips), samples), np.float32)
    for row, clip in enumerate(clips):
        windows[row] = sound.window(clip * clip_seconds - margin, window_seconds)
    return windows, np.array(clips, dtype=np.int64)
