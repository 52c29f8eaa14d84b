"""Clip times and counts are right to the frame for many kinds of files: the pictures say which frame they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from cli import UserError
from feature_extractors.media import Problems, examine, frames_of_clips, open_sound
from feature_extractors.media.container import open_media
from feature_extractors.media.frames import _decode_all, _decode_wanted
from feature_extractors.media.timeline import read_timeline
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import read_number
from tests.feature_extractors.odd_media import Odd, kinds

SECONDS = 1.0


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Odd], Path]:
    """Make a file, once for all tests of it."""
    folder = tmp_path_factory.mktemp("odd")

    def make_file(odd: Odd) -> Path:
        file = folder / odd.name / odd.name
        if not file.exists():
            file.parent.mkdir()
            odd.make(file)
        return file

    return make_file


def last_number(file: Path) -> int:
    """The number on the last picture that decoding everything, packet by packet, gives.

    In one thread, as we decode: with more, FFmpeg leaves out some of the pictures that are damaged.
    """
    last = None
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        while True:
            try:
                for packet in container.demux(stream):
                    try:
                        for frame in packet.decode():
                            last = frame
                    except av.FFmpegError:
                        continue
                break
            except av.BlockingIOError:
                continue
            except av.FFmpegError:
                break
    assert last is not None
    return read_number(last.to_ndarray(format="rgb24"), None)


@pytest.mark.parametrize("odd", kinds(), ids=lambda odd: odd.name)
def test_clips_show_what_they_should(make: Callable[[Odd], Path], odd: Odd) -> None:
    file = make(odd)
    video = examine(file.parent, file.stem, file, "", ClipGrid(seconds=SECONDS))
    problems = Problems()
    if not len(odd.times):
        cause = video.problem
        if odd.name == "only.m4a":  # sound alone has a grid, and no pictures
            assert video.n_clips == 1 and video.has_audio and not cause
            with pytest.raises(UserError) as caught:
                list(frames_of_clips(file, video.n_clips, SECONDS))
            cause, video = str(caught.value), replace(video, n_clips=0)
        assert video.n_clips == 0 and odd.problem in cause
        return
    assert odd.problem in video.problem
    assert odd.broken or bool(odd.problem) == bool(video.problem)
    if odd.duration:
        assert video.duration_s == pytest.approx(odd.duration, abs=0.1)  # the length of the last frame is a guess
        assert video.n_clips == max(1, int(odd.duration / SECONDS + 0.05))
    shown = dict(frames_of_clips(file, video.n_clips, SECONDS, problems=problems))
    numbers = {clip: read_number(picture, None) for clip, picture in shown.items()}
    if odd.first < 0:
        assert list(numbers) == list(range(video.n_clips)) and set(np.diff(list(numbers.values()))) == {25}
        return
    expected = {
        clip: odd.first + int(np.searchsorted(odd.times, (clip + 0.5) * SECONDS, side="right")) - 1
        for clip in range(video.n_clips)
    }
    if odd.broken:
        last = last_number(file)
        there = odd.times[last] + 0.04
        expected = {clip: min(number, last) for clip, number in expected.items() if clip * SECONDS < there}
        assert not odd.duration or 0 < len(expected) < video.n_clips
        assert bool(str(problems)) == (len(expected) < video.n_clips) or "damaged" in str(problems)
    assert numbers == expected


@pytest.mark.parametrize("odd", kinds(), ids=lambda odd: odd.name)
def test_skipping_is_exact(make: Callable[[Odd], Path], odd: Odd) -> None:
    """What is decoded of the wanted frames alone is, byte by byte, what decoding everything gives."""
    if not len(odd.times):
        pytest.skip("no video")
    file = make(odd)
    with open_media(file) as container:
        timeline = read_timeline(file, container, Problems())
    times = np.arange(0.02, timeline.end, 0.7).tolist()
    quick = list(_decode_wanted(file, timeline, timeline.frames_shown(times), near=False)) if timeline.exact else []
    full = list(_decode_all(file, timeline, times, Problems()))
    assert len(full) == len(times)
    assert bool(quick) != odd.full  # the kinds that need it do take the long way, and no others
    # Where the size changes the decoder drops its last frame, and one then goes on the long way.
    if not odd.broken and not odd.full and odd.name != "sizes.ts":
        assert len(quick) == len(times)
    for one, other in zip(quick, full, strict=False):
        assert one.begin == other.begin
        np.testing.assert_array_equal(one.picture(), other.picture())


@pytest.mark.parametrize("odd", [odd for odd in kinds() if odd.heard], ids=lambda odd: odd.name)
def test_sound_lies_where_it_should(make: Callable[[Odd], Path], odd: Odd) -> None:
    assert odd.heard is not None
    file = make(odd)
    video = examine(file.parent, file.stem, file, "", ClipGrid(seconds=SECONDS))
    assert video.has_audio
    track = open_sound(file, 32_000, video.start_s, Problems())
    assert track is not None
    samples = np.concatenate(list(track.chunks()))
    assert len(track.heard) == 1
    # Codecs fill their last block: up to 50 ms.
    assert track.heard[0] == pytest.approx(odd.heard, abs=0.05)
    begin, end = (round(32_000 * second) for second in odd.heard)
    assert not abs(samples[: max(0, begin - 1600)]).max(initial=0) > 1e-3
    assert np.sqrt(np.mean(samples[begin + 1600 : end - 1600] ** 2)) > 0.01
