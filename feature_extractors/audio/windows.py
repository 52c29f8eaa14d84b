"""Windows of sound around the clips of a video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feature_extractors.decode import Sound


def heard_clips(sound: Sound, n_clips: int, clip_seconds: float) -> NDArray[np.int64]:
    """The clips that have sound in at least half of them, (rows,)."""
    heard = [clip for clip in range(n_clips) if sound.share_heard(clip * clip_seconds, clip_seconds) >= 0.5]
    return np.array(heard, dtype=np.int64)


def clip_windows(
    sound: Sound, clips: NDArray[np.int64], clip_seconds: float, window_seconds: float
) -> NDArray[np.float32]:
    """Cut one window centred on each of the clips: (rows, samples), zeros where it reaches beyond the sound."""
    margin = (window_seconds - clip_seconds) / 2
    windows = np.zeros((len(clips), round(window_seconds * sound.rate)), np.float32)
    for row, clip in enumerate(clips.tolist()):
        windows[row] = sound.window(clip * clip_seconds - margin, window_seconds)
    return windows
