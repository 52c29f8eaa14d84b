"""What all pictures share: fonts and colours, names that fit, and PNG files whose bytes depend on the data alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from cli.files import write_bytes

DPI = 150
INK, QUIET, FAINT = "#222222", "#666666", "#d9d9d9"
# Okabe and Ito's colours, told apart by colour-blind readers. Yellow is left out: too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


@contextmanager
def house_style() -> Iterator[None]:
    """Fix every setting that a user's own matplotlibrc could change.

    Mathematical markup is off: a "$" in a video's name is a dollar.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.size": 9,
                "axes.titlesize": 10,
                "axes.titlelocation": "left",
                "axes.labelsize": 9,
                "axes.labelcolor": INK,
                "axes.edgecolor": QUIET,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "xtick.labelsize": 8,
                "ytick.labelsize": 8,
                "xtick.color": QUIET,
                "ytick.color": QUIET,
                "xtick.labelcolor": INK,
                "ytick.labelcolor": INK,
                "legend.fontsize": 8,
                "legend.frameon": False,
                "grid.color": FAINT,
                "grid.linewidth": 0.6,
                "text.parse_math": False,
                "axes.formatter.useoffset": False,
            }
        )
        yield


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure; equal figures give equal bytes (no date, no version of the software)."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def fit_text(text: str, most: int) -> str:
    """A name of at most `most` characters; the middle of a longer one gives way, since ids differ at their ends."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
