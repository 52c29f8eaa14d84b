"""The mel filters of PANN, computed from their definition."""

from __future__ import annotations

import numpy as np


def slaney_filters() -> np.ndarray:
    """64 triangles of equal area, 50 to 14,000 Hz, for the 513 bins of a 1024-point transform at 32 kHz: (513, 64).

    Slaney's scale (Auditory Toolbox, 1998; the default of librosa, with which the weights were trained): linear with
    15 mels a kHz up to 1 kHz, above it 27 mels for each factor of 6.4.
    """

    def mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)

    def hertz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    corners = [hertz(value) for value in np.linspace(mel(50), mel(14_000), 66)]
    bins = np.arange(513) * 32_000 / 1024
    filters = np.zeros((513, 64))
    for place in range(64):
        low, middle, high = corners[place : place + 3]
        rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
        filters[:, place] = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return filters
