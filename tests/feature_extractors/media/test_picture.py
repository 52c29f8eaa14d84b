"""Colours: right where their tags can be obeyed, and a recorded guess where FFmpeg cannot."""

from __future__ import annotations

import gc
from pathlib import Path

import av
import numpy as np
import pytest

from feature_extractors.doctor.media_facts import inspect_media
from feature_extractors.media import Problems, frames_of_clips
from feature_extractors.media.picture import Shown
from tests.feature_extractors.made_media import Coding, read_number, steady, write_media

Y, CB, CR = 120, 100, 180
# Kr and Kb of ITU-T H.273 by matrix; unspecified and those that cannot be converted are taken for BT.601.
WEIGHTS = {1: (0.2126, 0.0722), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
BT601 = (0.299, 0.114)
OTHERS = [3, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18]


def exact(matrix: int, full: bool = False) -> list[float]:
    """RGB of the colour above, from the equations of H.273."""
    red, blue = WEIGHTS.get(matrix, BT601)
    luma = Y / 255 if full else (Y - 16) / 219
    cb, cr = ((chroma - 128) / (255 if full else 224) for chroma in (CB, CR))
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    return [255 * value for value in (r, (luma - red * r - blue * b) / (1 - red - blue), b)]


def plain(width: int = 64, height: int = 48) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (Y, CB, CR), strict=True):
        plane.update(np.full(plane.buffer_size, value, np.uint8).tobytes())
    return frame


@pytest.mark.parametrize("matrix", [1, 2, 4, 5, 6, 7, 9, *OTHERS])
def test_pixels_follow_the_matrix(matrix: int) -> None:
    frame, problems = plain(), Problems()
    frame.colorspace = matrix
    picture = Shown(frame, 0.0, 1.0).picture(problems)
    # swscale's tables: up to 2 off. BT.709 and BT.601 are 10 apart here, and FCC (4) is within 1 of BT.601.
    np.testing.assert_allclose(picture[10, 10], exact(matrix), atol=2.6)
    names = {3: "reserved", 8: "YCgCo", 10: "BT.2020 with constant luminance", 14: "ICtCp"}
    said = f"colours tagged with matrix {names.get(matrix, matrix)}: taken for BT.601" if matrix in OTHERS else ""
    assert str(problems) == said


@pytest.mark.parametrize(("extent", "full", "said"), [(0, False, ""), (1, False, ""), (2, True, ""), (3, False, "3")])
def test_pixels_follow_the_range(extent: int, full: bool, said: str) -> None:
    frame, problems = plain(), Problems()
    frame.color_range = extent
    picture = Shown(frame, 0.0, 1.0).picture(problems)
    np.testing.assert_allclose(picture[10, 10], exact(2, full), atol=2.6)
    assert str(problems) == (f"colours tagged with range {said}: taken for BT.601" if said else "")


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c", "ICtCp", "smpte2085", "bt709"])
@pytest.mark.parametrize("flags", ["", "tff=1:interlaced=1:"])
def test_videos_with_such_tags_give_pictures(tmp_path: Path, matrix: str, flags: str) -> None:
    options = {"x264-params": f"{flags}colormatrix={matrix}"}
    file = write_media(tmp_path / "v.mp4", steady(3.0), coding=Coding(options=options, height=96, width=128))
    problems = Problems()
    shown = [read_number(picture, None) for _, picture in frames_of_clips(file, 3, 1.0, problems=problems)]
    assert shown == [12, 37, 62]
    cause = str(problems)
    assert cause.startswith("colours tagged with matrix ") == (matrix != "bt709")
    assert inspect_media(file).pictures.notes == ((cause,) if cause else ())


def test_rgb_needs_no_matrix() -> None:
    frame, problems = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 77, np.uint8), format="rgb24"), Problems()
    frame.colorspace = 14
    assert (Shown(frame, 0.0, 1.0).picture(problems) == 77).all() and not str(problems)


def test_frames_that_were_shown_leave_the_memory_at_once(tmp_path: Path) -> None:
    """PyAV 18.1.0 keeps a frame whose `side_data` was read until garbage is collected."""

    def count() -> int:
        return sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())

    path = write_media(tmp_path / "a.mkv", steady(3.0))
    gc.collect()
    before = count()
    counts = []
    gc.disable()  # commands seldom look for garbage
    try:
        with av.open(path) as container:
            for frame in container.decode(video=0):
                Shown(frame, 0.0, 0.04).picture()
                counts.append(count() - before)
    finally:
        gc.enable()
    assert len(counts) == 75 and max(counts) <= 4  # the decoder gives up to three at once
