"""Titles, colours and limits of each kind of gate: its own scale, taken from the values that are drawn."""

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
# Colour of a kind where nothing else has one; Okabe and Ito's.
KIND_COLOURS = {"mha": "#0072B2", "ffn": "#D55E00", "gamma": "#CC79A7", "beta": "#009E73"}
# One colour map a kind, so that nobody compares cells of different kinds. All are told apart by the colour-blind.
SEQUENTIAL = {"mha": "viridis", "ffn": "cividis", "gamma": "magma", "beta": "cividis"}
DIVERGING = {"mha": "PuOr_r", "ffn": "RdBu_r", "gamma": "PiYG", "beta": "BrBG_r"}
# Signed by what they are; an MHA gate is so only in a fusion whose gates are (a tanh), a FiLM shift in the original's.
SIGNED = ("ffn",)
# Values that differ by no more than this share of their size are equal but for rounding (of float32, and of logs, which
# have six decimals): they get limits this share of their size to either side, or rounding would look like structure.
EQUAL, MARGIN = 1e-5, 0.02
# What is smaller is a 0 that sums have rounded; zeros have no size to go by, and get limits this far from 0.
ZERO, ZERO_MARGIN = 1e-15, 0.01


@dataclass(frozen=True)
class Scale:
    """Colours for one kind of gate in one figure."""

    colours: Colormap
    lowest: float
    highest: float

    def is_dark(self, value: float) -> bool:
        """Whether white letters are read better on the colour of a value."""
        red, green, blue, _ = self.colours((value - self.lowest) / (self.highest - self.lowest))
        return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.55)


def is_signed(kind: str, values: Floats) -> bool:
    """Whether a kind's scale has a middle at 0: by its kind, or because values are negative."""
    return kind in SIGNED or bool((values < 0).any())


def choose_scale(kind: str, values: Floats) -> Scale:
    """The range of the values, whatever their size; symmetric about 0 if signed."""
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
    """The limits as they are, or apart about the same middle where they are equal but for rounding."""
    size = max(abs(lowest), abs(highest))
    if size >= ZERO and highest - lowest > EQUAL * size:
        return lowest, highest
    middle = (lowest + highest) / 2
    margin = MARGIN * size if size >= ZERO else ZERO_MARGIN
    return middle - margin, middle + margin


def layer_colours(layers: int) -> list[tuple[float, float, float, float]]:
    """A colour a layer, first to last. Not to the end of the map, whose yellow is too pale on white."""
    return [tuple(colormaps["viridis"](value)) for value in np.linspace(0, 0.85, layers)]
