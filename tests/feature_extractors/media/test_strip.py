"""A video at a glance: which frames, and which bands of the sound, on the grid's clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_extractors.media import probe
from feature_extractors.media.container import Problems
from feature_extractors.media.strip import ACROSS, BANDS, UPRIGHT, make_strip
from formats.grid import ClipGrid
from formats.strip import HIGHEST_HZ, LOWEST_HZ, Strip
from tests.feature_extractors.made_media import HEIGHT, WIDTH, Coding, read_number, steady, write_media

FPS = 10


def strip_of(file: Path, seconds: float) -> Strip:
    problems = Problems()
    made = make_strip(file.parent, probe(file.parent, file, ClipGrid()), seconds, problems)
    assert not str(problems)
    return made


def test_frames_are_from_the_middle_of_equal_parts(tmp_path: Path) -> None:
    # The second 0 of the grid is when the first picture is shown, half a second into the file.
    strip = strip_of(write_media(tmp_path / "a.mp4", steady(16, FPS), start=0.5), 16.0)
    assert strip.frames.shape == (ACROSS, HEIGHT, WIDTH, 3) and strip.sound.size == 0
    # Parts of 2 s, so their middles are the seconds 1, 3, 5 ...
    assert [read_number(frame) for frame in strip.frames] == [10 * (1 + 2 * part) for part in range(ACROSS)]


def test_an_upright_video_has_more_frames_and_large_ones_are_made_smaller(tmp_path: Path) -> None:
    file = write_media(tmp_path / "a.mp4", steady(4, FPS), coding=Coding(height=320, width=192))
    assert strip_of(file, 4.0).frames.shape == (UPRIGHT, 144, round(192 * 144 / 320), 3)


def test_a_tone_is_in_its_band_while_it_lasts(tmp_path: Path) -> None:
    rate, tone = 16_000, 1000.0
    times = np.arange(4 * rate) / rate
    sound = np.where((times >= 1) & (times < 2), np.sin(2 * np.pi * tone * times), 0.0)[None, : 3 * rate]
    strip = strip_of(write_media(tmp_path / "a.mkv", steady(4, FPS), sound=sound, rate=rate), 4.0)
    columns = strip.sound.shape[1]
    assert strip.sound.shape[0] == BANDS and columns == 4 * rate // 1024
    # Bands are equal steps of the logarithm between the two ends.
    band = int(BANDS * np.log(tone / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ))
    middle = strip.sound[:, int(1.5 / 4 * columns)]
    assert int(middle.argmax()) == band
    # A sine of full scale is one line of the spectrum and its neighbours, of the 4 lines in this band.
    assert middle[band] == pytest.approx(-3.0, abs=4.0)
    assert strip.sound[band, int(0.5 / 4 * columns)] == -100.0
    # The track ends a second before the pictures do.
    assert np.isnan(strip.sound[:, -1]).all() and np.isfinite(strip.sound[:, 0]).all()
