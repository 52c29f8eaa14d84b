"""What all pictures share: fonts and colours, names that fit, and files whose bytes depend on the data alone."""

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

# Of sheets to look at on a screen, and of single figures for print.
DPI, PRINT_DPI = 150, 300
# Inches: a figure across both columns of a paper.
PAGE_WIDTH = 7.2
INK, QUIET, FAINT = "#222222", "#666666", "#d9d9d9"
# Okabe and Ito's colours, told apart by colour-blind readers. Yellow is left out: too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
# The font that matplotlib carries has Latin, Greek, Cyrillic and Arabic letters. Fonts of the machine are not asked:
# the same input would give other pictures elsewhere.
FONT = "DejaVu Sans"
_FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
_log = logging.getLogger(__name__)
# Texts that were saved with letters that the font lacks, and those letters, of each `house_style` that is entered.
_undrawn: list[dict[str, str]] = []


@contextmanager
def house_style() -> Iterator[None]:
    """Fix the fonts, and every setting that a user's own matplotlibrc could change.

    Mathematical markup is off: a "$" in a video's name is a dollar. Letters that the font lacks are drawn as the boxes
    of Last Resort, which matplotlib carries too; one line of the log says so of all pictures saved within the
    outermost `house_style`.
    """
    with _carried_fonts(), _reported_letters(), matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": [FONT],
                "svg.fonttype": "none",  # text stays text: to be searched, and set in the reader's fonts
                "svg.hashsalt": "av-highlights",  # ids in SVG files are random without one
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
    """Write the figure in the formats that the paths end in, .png or .svg.

    To be called within `house_style`. Equal figures give equal bytes (no date, no version of the software). Letters
    that the font lacks are boxes in PNG files; SVG files keep the text.

    Raises:
        UserError: another format.
    """
    for path in paths:
        if path.suffix not in (".png", ".svg"):
            raise UserError(f"{path}: pictures are written as .png or .svg")
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
    """Lay the figure out for good, its places rounded: the solver's last digits differ from one time to the next."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 6))
    for axes in figure.axes:
        axes.set_position(tuple(np.round(axes.get_position(original=True).bounds, 6)))


def explain_empty(axes: Axes, why: str) -> None:
    """Say in a panel why there is nothing in it."""
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    axes.text(0.5, 0.5, why, ha="center", va="center", fontsize=8, color=QUIET, transform=axes.transAxes, bbox=box)
    axes.set(xticks=[], yticks=[])


def fit_text(text: str, most: int) -> str:
    """A name as wide as at most `most` letters; the middle of a longer one gives way, since ids differ at their ends.

    Chinese, Japanese and Korean letters are twice as wide as others.
    """
    # Control characters, and halves of a pair, cannot stand in an SVG file.
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    widths = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text]
    if sum(widths) <= most:
        return text
    from_start = np.cumsum(widths) <= (most - 1) // 2
    from_end = np.cumsum(widths[::-1]) <= most - 1 - (most - 1) // 2
    return f"{text[: from_start.sum()]}…{text[len(text) - from_end.sum() :]}"


def can_draw(text: str) -> bool:
    """Whether the font has all letters of a text."""
    return not _missing(text, _FONTS / "DejaVuSans.ttf")


def _missing(text: str, font: str | Path) -> str:
    """The letters of a text that a font file lacks, each once."""
    letters = _letters(Path(font))
    return "".join(letter for letter in dict.fromkeys(text) if ord(letter) not in letters and not letter.isspace())


@cache
def _letters(font: Path) -> frozenset[int]:
    return frozenset(font_manager.get_font(font).get_charmap())


@contextmanager
def _carried_fonts() -> Iterator[None]:
    """Let matplotlib find the files of its own package alone, whatever else is installed under the same name."""
    manager = font_manager.fontManager
    installed = manager.ttflist
    manager.ttflist = []
    try:
        for file in sorted(_FONTS.glob("DejaVuSans*.ttf")):
            manager.addfont(file)  # which also forgets what was found before
        yield
    finally:
        manager.ttflist = installed


@contextmanager
def _reported_letters() -> Iterator[None]:
    """Say once, when the outermost block ends, which letters of its pictures could not be drawn."""
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
                "%s letters that matplotlib's font lacks, such as %s in %r: boxes in .png, text in .svg",
                several, " ".join(letters[:5]), shown,
            )  # fmt: skip
