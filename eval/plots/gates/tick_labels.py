"""Numbers in gate figures, at any magnitude: enough digits to tell them apart, and tick labels that do not overlap.

matplotlib's own labels move a common factor ("1e-5") to the end of the axis, where readers overlook it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10

import numpy as np
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import Formatter, Locator, MaxNLocator
from numpy.typing import ArrayLike

from eval.plots.gates.scales import EQUAL, ZERO
from formats.arrays import Floats

# Values whose first digit is outside these places, or with more decimals, are written with a power of ten: 3.1e-7.
FIRST_PLACE, LAST_PLACE = 5, -4
MOST_DECIMALS = 7
# Width of a digit as a share of the font size, and the gap between two labels in inches.
DIGIT, GAP = 0.64, 0.06
TICK_SIZE = 8


def write_values(values: ArrayLike, digits: int = 3, *, apart: bool = True) -> list[str]:
    """Format values that are shown together.

    The largest gets `digits` digits, or up to six if different values would otherwise have equal texts. Without
    `apart`, it gets up to six so that the range of the values has two. Only 0 is written as 0.
    """
    found = np.asarray(values, dtype=np.float64)
    size = float(np.abs(found).max(initial=0))
    if size < ZERO:
        return ["0"] * len(found)
    first = floor(log10(size))
    decimals = digits - 1 - first
    spread = float(np.ptp(found))
    if not apart and spread > EQUAL * size:
        decimals = min(max(decimals, 1 - floor(log10(spread) + 1e-9)), 5 - first)
    ordered = np.unique(found)
    differ = np.diff(ordered) > EQUAL * size
    while apart and decimals < 5 - first and (np.diff(ordered.round(decimals))[differ] == 0).any():
        decimals += 1
    texts = _write(found, decimals, first)
    return [
        _write_small(value) if text.strip("-0.") == "" and abs(value) > 1e-9 * size else text
        for value, text in zip(found.tolist(), texts, strict=True)
    ]


def write_ticks(values: Iterable[float]) -> list[str]:
    """Format equally spaced ticks exactly, with as few digits as possible."""
    found = np.asarray(list(values), dtype=np.float64)
    size = float(np.abs(found).max(initial=0))
    if size < ZERO:
        return ["0"] * len(found)
    step = float(np.diff(np.sort(found)).min()) if len(found) > 1 else size
    first = floor(log10(size))
    decimals = next((d for d in range(-first, 10 - first) if np.abs(found.round(d) - found).max() < step / 1000), 9)
    return _write(found, decimals, first)


def _write(values: Floats, decimals: int, first: int) -> list[str]:
    """Format with this many decimals, or if they are too many, with a power of ten (the place of the `first` digit)."""
    power = 0 if LAST_PLACE <= first <= FIRST_PLACE and decimals <= MOST_DECIMALS else first
    decimals = max(decimals + power, 0)
    shown = np.round(values / 10.0**power, decimals)
    # A rounded 0 has no sign.
    return [f"{one:.{decimals}f}" + (f"e{power}" if power else "") if one else "0" for one in shown]


def _write_small(value: float) -> str:
    """Format with one digit a value that would round to 0 with the decimals of the others."""
    mantissa, power = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(power)}"


class GateFormatter(Formatter):
    """Formats ticks with `write_ticks`."""

    def __call__(self, value: float, place: int | None = None) -> str:
        return self.format_ticks([value])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return [self.fix_minus(text) for text in write_ticks(values)]


class GateLocator(MaxNLocator):
    """Limits the number of steps between ticks, with fewer along x if their labels would touch."""

    def __init__(self, steps: int) -> None:
        super().__init__(nbins=steps, steps=[1, 2, 2.5, 5, 10])
        self._most = steps

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Ticks for the given limits (interface of `Locator`)."""
        for steps in range(self._most, 0, -1):
            self.set_params(nbins=steps)
            ticks = np.asarray(super().tick_values(vmin, vmax)).tolist()
            if not isinstance(self.axis, XAxis):
                break
            shown = [tick for tick in ticks if vmin <= tick <= vmax]
            widest = measure_text(max(map(len, write_ticks(shown)), default=0), TICK_SIZE)
            if len(shown) < 2 or measure_axis(self.axis) * (shown[1] - shown[0]) / (vmax - vmin) >= widest + GAP:
                break
        return list(ticks)


class LayerLocator(Locator):
    """Places ticks at layers 0, 1, .., or at every second, third, .. one if their numbers would touch."""

    def __init__(self, layers: int) -> None:
        self.layers = layers

    def __call__(self) -> list[float]:
        return self.tick_values(-0.6, self.layers - 0.4)

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Positions of all ticks (interface of `Locator`)."""
        widest = measure_text(len(str(self.layers)), TICK_SIZE) + GAP
        room = measure_axis(self.axis) / (vmax - vmin) if isinstance(self.axis, XAxis) else widest
        return list(range(0, self.layers, max(1, ceil(widest / max(room, 1e-3)))))


def set_ticks(axis: Axis, steps: int) -> None:
    """Set the ticks of gates on an axis, with at most `steps` steps between them."""
    axis.set_major_locator(GateLocator(steps))
    axis.set_major_formatter(GateFormatter())


def measure_text(letters: int, size: float) -> float:
    """Width in inches of this many digits at a font size in points."""
    return letters * DIGIT * size / 72


def measure_axis(axis: XAxis) -> float:
    """Length of an x axis in inches."""
    return float(axis.axes.bbox.width / axis.axes.figure.dpi)
