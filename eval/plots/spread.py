"""How a number is spread over samples: dots where there are few, boxes where there are many."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from eval.gates import Floats
from eval.plots.style import INK

# More dots than this in one place cover each other.
MOST_DOTS = 40
# Fractions of the golden ratio: neighbours in the order are far apart, the same every time.
GOLDEN = 0.618033988749895


def draw_spread(
    axes: Axes, place: float, values: Floats, colour: str, width: float, *, horizontal: bool = False
) -> None:
    """Draw (samples,) at one place of an axis: dots, or quartiles with whiskers from 5 to 95 %; a bar at the mean.

    `horizontal`: the values run along x, and `place` is on y. Nothing is drawn of no values.
    """
    if not len(values):
        return
    if len(values) <= MOST_DOTS:
        aside = place + ((np.arange(len(values)) * GOLDEN + 0.5) % 1 - 0.5) * width * (len(values) > 1)
        points = (values, aside) if horizontal else (aside, values)
        axes.plot(*points, "o", color=colour, markersize=3.6, alpha=0.6, markeredgewidth=0)
    else:
        low, first, middle, third, high = np.percentile(values, [5, 25, 50, 75, 95])
        drawn = {"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high, "fliers": []}
        line = {"color": colour, "linewidth": 0.9}
        axes.bxp(
            [drawn], positions=[place], widths=width, orientation="horizontal" if horizontal else "vertical",
            patch_artist=True, showfliers=False, manage_ticks=False, whiskerprops=line, capprops=line,
            medianprops={"color": colour, "linewidth": 0.9, "linestyle": ":"},
            boxprops={"facecolor": colour, "edgecolor": colour, "alpha": 0.35, "linewidth": 0.9},
        )  # fmt: skip
    if len(values) == 1:
        return  # the dot is the mean
    mean = float(values.mean())
    ends = [place - width / 2, place + width / 2]
    line_ends = ([mean, mean], ends) if horizontal else (ends, [mean, mean])
    axes.plot(*line_ends, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=5)


SPREAD_NOTE = f"Bar: mean; up to {MOST_DOTS} samples as dots, more as a box (quartiles, whiskers 5–95 %, dotted median)"
