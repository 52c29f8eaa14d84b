"""Titles, colours and limits of each kind of gate; its scale follows from the values that are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap

from eval.plots.gates.view import SHUT
from formats.arrays import Floats

TITLES = {"mha": "MHA gate", "ffn": "FFN gate", "gamma": "FiLM scale", "beta": "FiLM shift"}
MEANINGS = {
    "mha": "weight of the audio update",
    "ffn": "weight of the feed-forward update",
    "gamma": "change of the update's scale",
    "beta": "shift of the update",
}
UPDATES = {"mha": "audio (MHA) update", "ffn": "FFN update", "gamma": "FiLM scaling", "beta": "FiLM update"}
# Colour of a kind in figures without other colours (Okabe and Ito).
KIND_COLOURS = {"mha": "#0072B2", "ffn": "#D55E00", "gamma": "#CC79A7", "beta": "#009E73"}
# One colour map per kind, so that nobody compares cells of different kinds. All suit colour-blind readers.
SEQUENTIAL = {"mha": "viridis", "ffn": "cividis", "gamma": "magma", "beta": "cividis"}
DIVERGING = {"mha": "PuOr_r", "ffn": "RdBu_r", "gamma": "PiYG", "beta": "BrBG_r"}
# Always signed. MHA gates are signed only in a fusion with signed gates (tanh), FiLM shifts only in the original's.
SIGNED = ("ffn",)
# Values that differ by at most EQUAL times their size are equal up to rounding (of float32, and of the six decimals of
# logs). Their limits are MARGIN times their size to either side; otherwise rounding would look like structure.
EQUAL, MARGIN = 1e-5, 0.02
# Smaller values are zeros with rounding errors of sums. Zeros have no size, so their limits are ZERO_MARGIN from 0.
ZERO, ZERO_MARGIN = 1e-15, 0.01


@dataclass(frozen=True)
class Scale:
    """Colour scale of one kind of gate in one figure."""

    colours: Colormap
    lowest: float
    highest: float

    def is_dark(self, value: float) -> bool:
        """Whether white text is easier to read on the colour of a value."""
        red, green, blue, _ = self.colours((value - self.lowest) / (self.highest - self.lowest))
        return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.55)


def is_signed(kind: str, values: Floats) -> bool:
    """Whether the scale is centred at 0: because of the kind, or because values are negative."""
    return kind in SIGNED or bool((values < 0).any())


def choose_scale(kind: str, values: Floats) -> Scale:
    """Choose a scale over the range of the values, symmetric about 0 if signed."""
    signed = is_signed(kind, values)
    colours = colormaps[(DIVERGING if signed else SEQUENTIAL)[kind]].with_extremes(bad=SHUT)
    if not values.size:
        return Scale(colours, -1.0 if signed else 0.0, 1.0)
    if signed:
        reach = float(np.abs(values).max())
        reach = reach if reach >= ZERO else ZERO_MARGIN
        return Scale(colours, -reach, reach)
    if values.max() < ZERO:
        return Scale(colours, 0.0, ZERO_MARGIN)
    return Scale(colours, *widen(float(values.min()), float(values.max())))


def widen(lowest: float, highest: float) -> tuple[float, float]:
    """Return the limits unchanged, or widened around their middle if they are equal up to rounding."""
    size = max(abs(lowest), abs(highest))
    if size >= ZERO and highest - lowest > EQUAL * size:
        return lowest, highest
    middle = (lowest + highest) / 2
    margin = MARGIN * size if size >= ZERO else ZERO_MARGIN
    return middle - margin, middle + margin


def layer_colours(layers: int) -> list[tuple[float, float, float, float]]:
    """One colour per layer, first to last. The yellow end of the map is not used: it is too pale on white."""
    return [tuple(colormaps["viridis"](value)) for value in np.linspace(0, 0.85, layers)]
