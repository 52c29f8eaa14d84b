"""The pictures of a part of a reel: decoded, fitted into its size, with a caption."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from av_highlights.reel.plan import Part
from av_highlights.reel.source import Source
from eval.exchange.names import one_line
from feature_extractors.media.frames import frames_at

Picture = NDArray[np.uint8]
LINE = 22
"""Height of a picture in lines of caption."""
SHADE = 0.45
"""What is left of the picture's light behind a caption."""


def read_pictures(
    source: Source, part: Part, rate: Fraction, size: tuple[int, int], caption: bool
) -> Iterator[Picture]:
    """Yield the pictures of a part, each (height, width, 3) RGB.

    Each is what the video shows in the middle of a frame of the reel, so that rounded times lead to no other frame.

    Args:
        source: the part's video.
        rate: the reel's frames per second.
        size: the reel's width and height.
        caption: whether the query, and the score if there is one, are written onto the picture.
    """
    footage = part.cut.footage
    begin = part.start - footage.lead_s  # pictures count from the first one
    times = [begin + float((place + Fraction(1, 2)) / rate) for place in range(part.frames)]
    drawn = _draw_caption(one_line(part.cut.label), _show_score(part), size) if caption else None
    for picture in frames_at(source.file, times, source.timeline):
        fitted = fit(picture, size, footage.shape_of_pixels())
        if drawn is not None:
            top, text = drawn
            below = fitted[top:] * SHADE
            fitted[top:] = np.maximum(below, text[:, :, None]).astype(np.uint8)
        yield fitted


def fit(picture: Picture, size: tuple[int, int], aspect: Fraction = Fraction(1)) -> Picture:
    """Scale a picture into a size, keeping its shape, with black bars; the result can be written to.

    `aspect` is the width of the picture's pixels relative to their height; the result's pixels are square.
    """
    width, height = size
    rows, columns, _ = picture.shape
    scale = min(width / (columns * aspect), Fraction(height, rows))
    inner = max(1, round(columns * aspect * scale)), max(1, round(rows * scale))
    if inner != (columns, rows):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        picture = frame.reformat(width=inner[0], height=inner[1], interpolation="BICUBIC").to_ndarray()
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    whole[top : top + inner[1], left : left + inner[0]] = picture
    return whole


def _show_score(part: Part) -> str:
    return "" if part.cut.score is None else f"  {part.cut.score:.2f}"


def _draw_caption(text: str, ending: str, size: tuple[int, int]) -> tuple[int, NDArray[np.uint8]]:
    """The first row of a band at the bottom, and its brightness (rows, width).

    Both texts are on one line; `text` is cut so that `ending` fits.
    """
    width, height = size
    line = max(8, height // LINE)
    band = min(height, line * 2)
    image = Image.new("L", (width, band))
    draw, font = ImageDraw.Draw(image), _font(line)
    while text and draw.textlength(text + ending, font=font) > width - line:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    draw.text((line // 2, band // 2), text + ending, fill=255, font=font, anchor="lm")
    return height - band, np.asarray(image)


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings: it has Latin, Greek, Cyrillic and more."""
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf")), pixels)
