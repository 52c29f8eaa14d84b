"""Shared style of all figures: fonts, colours, shortened names, and files whose bytes depend on the data alone."""

from __future__ import annotations

import io
import logging
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from cli import UserError
from cli.outputs import write_bytes

# For sheets on a screen, and for single figures in print.
DPI, PRINT_DPI = 150, 300
# Inches, for a figure across both columns of a paper.
PAGE_WIDTH = 7.2
INK, QUIET, FAINT = "#222222", "#666666", "#d9d9d9"
# The colours of Okabe and Ito, which colour-blind readers can tell apart; without yellow, too pale for lines on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
# This font ships with matplotlib and has Latin, Greek, Cyrillic and Arabic letters. Installed fonts are not used: the
# same input would give different figures on different machines.
FONT = "DejaVu Sans"
_FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
_log = logging.getLogger(__name__)
logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it names its own cache of fonts
# Per entered `house_style`: saved texts with characters that the font cannot draw, and these characters.
_undrawn: list[dict[str, str]] = []


@contextmanager
def house_style() -> Iterator[None]:
    """Fix the fonts, and every setting that a user's own matplotlibrc could change.

    Math markup is off: a "$" in a video's name is a dollar sign. Characters that the font cannot draw become the boxes
    of Last Resort, which ships with matplotlib; one log line reports them for all figures saved within the outermost
    `house_style`.
    """
    with _carried_fonts(), _reported_letters(), matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": [FONT],
                "svg.fonttype": "none",  # text stays text, so that it can be searched and set in the reader's fonts
                "svg.hashsalt": "av-highlights",  # without it, ids in SVG files are random
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


def save_figure(figure: Figure, paths: Sequence[Path], dpi: int = DPI) -> None:
    """Write the figure to each path, in the format of its suffix, .png or .svg.

    Call it within `house_style`. Equal figures give equal bytes (no date, no software version). Characters that the
    font cannot draw are boxes in PNG files; SVG files keep the text.

    Raises:
        UserError: a path has another suffix.
    """
    for path in paths:
        if path.suffix not in (".png", ".svg"):
            raise UserError(f"{path}: pictures must end in .png or .svg")
    _settle(figure)
    for text in figure.findobj(Text):
        missing = _missing(text.get_text(), font_manager.findfont(text.get_fontproperties()))
        if missing and _undrawn and text.get_visible():
            _undrawn[0][" ".join(text.get_text().split())] = missing
    for path in paths:
        buffer = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(buffer, format=path.suffix[1:], dpi=dpi, metadata=metadata)
        write_bytes(path, buffer.getvalue())


def _settle(figure: Figure) -> None:
    """Fix the layout of the figure, with rounded positions: the solver's last digits differ between runs.

    With an engine for the layout, even for none, matplotlib would draw each file twice.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    for part in figure.subfigs:
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 6))
    for axes in figure.axes:
        axes.set_position(tuple(np.round(axes.get_position(original=True).bounds, 6)))


def explain_empty(axes: Axes, why: str) -> None:
    """Write into an empty panel why it is empty."""
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    axes.text(0.5, 0.5, why, ha="center", va="center", fontsize=8, color=QUIET, transform=axes.transAxes, bbox=box)
    axes.set(xticks=[], yticks=[])


def fit_text(text: str, most: int) -> str:
    """Shorten a name to the width of `most` letters. The middle is cut, since ids differ at their ends.

    Chinese, Japanese and Korean characters count as two letters.
    """
    # SVG files cannot hold control characters or lone surrogates.
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    widths = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text]
    if sum(widths) <= most:
        return text
    from_start = np.cumsum(widths) <= (most - 1) // 2
    from_end = np.cumsum(widths[::-1]) <= most - 1 - (most - 1) // 2
    return f"{text[: from_start.sum()]}…{text[len(text) - from_end.sum() :]}"


def can_draw(text: str) -> bool:
    """Whether the font can draw all characters of a text."""
    return not _missing(text, _FONTS / "DejaVuSans.ttf")


def _missing(text: str, font: str | Path) -> str:
    """Characters of a text that are not in a font file, each once."""
    letters = _letters(Path(font))
    return "".join(letter for letter in dict.fromkeys(text) if ord(letter) not in letters and not letter.isspace())


@cache
def _letters(font: Path) -> frozenset[int]:
    return frozenset(font_manager.get_font(font).get_charmap())


@contextmanager
def _carried_fonts() -> Iterator[None]:
    """Let matplotlib find only the font files of its own package, even if others of the same name are installed."""
    manager = font_manager.fontManager
    installed = manager.ttflist
    manager.ttflist = []
    try:
        for file in sorted(_FONTS.glob("DejaVuSans*.ttf")):
            manager.addfont(file)  # also clears matplotlib's cache of fonts found
        yield
    finally:
        manager.ttflist = installed


@contextmanager
def _reported_letters() -> Iterator[None]:
    """Report once, when the outermost block ends, which characters in its figures could not be drawn."""
    _undrawn.append({})
    try:
        yield
    finally:
        texts = _undrawn.pop()
        if texts and not _undrawn:
            example, letters = next(iter(texts.items()))
            shown = fit_text(example, 60)
            several = f"{len(texts)} texts have" if len(texts) > 1 else "1 text has"
            _log.warning(
                "%s characters that matplotlib's font cannot draw, such as %s in %r: boxes in .png, text in .svg",
                several, " ".join(letters[:5]), shown,
            )  # fmt: skip
