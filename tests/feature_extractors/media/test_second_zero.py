"""Second 0 is where players have it: at the first picture, unless the sound starts long before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_extractors.doctor.examination import examine as examine_patients
from feature_extractors.doctor.patients import list_annotated
from feature_extractors.media import Problems, frames_of_clips, open_sound, probe
from feature_extractors.media.clock import PERIOD
from formats.grid import ClipGrid
from formats.video_table import Video
from tests.feature_extractors.edited_media import noise
from tests.feature_extractors.made_media import CLOCK, Coding, read_number, steady, write_media

CLIPS = ClipGrid()


def look(file: Path, clips: ClipGrid = CLIPS) -> tuple[Video, dict[int, int], list[tuple[float, float]], str]:
    """The table's row, the number on each clip's picture, where there is sound, what was recorded."""
    video = probe(file.parent, file, clips)
    problems = Problems()
    shown = frames_of_clips(file, video.n_clips, clips.seconds, problems=problems, start_s=video.start_s)
    numbers = {clip: read_number(picture) for clip, picture in shown}
    heard_problems = Problems()
    track = open_sound(file, 48_000, video.start_s, heard_problems)
    assert track is not None
    for _ in track.chunks():
        pass
    return video, numbers, track.heard, "; ".join(filter(None, [str(problems), str(heard_problems)]))


@pytest.mark.parametrize(
    ("name", "codec", "clock"),
    [("v.mp4", "aac", 0.0), ("v.mov", "aac", 0.0), ("v.mkv", "aac", 0.0), ("v.mkv", "pcm_s16le", 100.0),
     ("v.ts", "mp2", 1.4), ("v.ts", "mp2", 50.0), ("v.flv", "aac", 0.0)],
)  # fmt: skip
@pytest.mark.parametrize("options", [{"bf": "3", "g": "50"}, {"bf": "0", "g": "250"}])
def test_a_picture_that_starts_late(
    tmp_path: Path, name: str, codec: str, clock: float, options: dict[str, str]
) -> None:
    """As `ffmpeg -i whole.mp4 -ss 11 -t 20 -c copy` leaves it: sound at once, pictures from the next key frame on."""
    file = write_media(
        tmp_path / name, steady(9.0), start=clock + 8.97, sound=noise(18.0), sound_start=clock, sound_codec=codec,
        coding=Coding(options=options),
    )  # fmt: skip
    video, numbers, heard, recorded = look(file)
    assert (video.duration_s, video.n_clips, video.problem) == (pytest.approx(18.0, abs=0.1), 9, "")
    # Picture 0 is in view from 8.97 to 9.01 s; 9 s is the centre of clip 4.
    assert {clip: numbers[clip] for clip in (5, 6, 7, 8)} == {5: 50, 6: 100, 7: 150, 8: 200}
    assert list(numbers) == [4, 5, 6, 7, 8] and numbers[4] == 0
    assert heard[0] == pytest.approx((0.0, 18.0), abs=0.06) and len(heard) == 1
    assert recorded == "no picture in 4 of 9 clips"


@pytest.mark.parametrize("ahead", [0.0, 0.02, 0.3, 0.9])
@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "aac"), ("v.mkv", "aac"), ("v.ts", "mp2")])
def test_an_ordinary_offset_moves_nothing(tmp_path: Path, ahead: float, name: str, codec: str) -> None:
    """Below the limit the first picture is second 0, to the frame: it is at the very beginning of clip 0."""
    file = write_media(
        tmp_path / name, steady(6.0), start=2.0, sound=noise(6.0), sound_start=2.0 - ahead, sound_codec=codec
    )
    video, numbers, heard, recorded = look(file, ClipGrid(seconds=0.04))
    assert video.n_clips in (149, 150, 151)  # the length of the last frame is a guess
    assert list(numbers.values())[:149] == list(range(149))
    assert heard[0] == pytest.approx((0.0, 6.0 - ahead), abs=0.06) and not recorded


def test_the_limit_is_a_second(tmp_path: Path) -> None:
    starts = {}
    for ahead in (0.98, 1.02):
        file = write_media(tmp_path / "v.mkv", steady(4.0), start=10.0, sound=noise(6.0), sound_start=10.0 - ahead)
        starts[ahead] = probe(tmp_path, file, CLIPS).start_s
    assert starts == {0.98: 10.0, 1.02: pytest.approx(8.98, abs=0.001)}


def test_the_lead_in_of_a_codec_is_not_second_0(tmp_path: Path) -> None:
    """Opus and AAC begin some milliseconds before the file's own clock."""
    for codec in ("aac", "libopus"):
        file = write_media(tmp_path / "v.mkv", steady(4.0), start=5.0, sound=noise(9.0), sound_codec=codec)
        video = probe(tmp_path, file, CLIPS)
        assert (video.start_s, video.duration_s) == (0.0, pytest.approx(9.0, abs=0.001))


def test_sound_that_is_over_before_the_picture_is_on_another_clock(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mkv", steady(4.0), start=3600.0, sound=noise(4.0))
    video = probe(tmp_path, file, CLIPS)
    assert (video.start_s, video.n_clips) == (3600.0, 2)


def test_a_late_picture_where_the_clock_runs_full(tmp_path: Path) -> None:
    start = PERIOD / CLOCK
    file = write_media(
        tmp_path / "v.ts",
        steady(6.0),
        start=start + 0.97,
        sound=noise(10.0),
        sound_start=start - 3.0,
        sound_codec="mp2",
    )
    video, numbers, heard, _ = look(file)
    assert (video.n_clips, numbers) == (5, {1: 0, 2: 25, 3: 75, 4: 125})
    assert heard[0] == pytest.approx((0.0, 10.0), abs=0.06)


def test_sound_goes_back_only_where_it_does(tmp_path: Path) -> None:
    """Sound that starts long before the picture was taken for such sound."""
    file = write_media(tmp_path / "v.mkv", steady(4.0), start=5.0, sound=noise(9.0))
    problems = Problems()
    track = open_sound(file, 48_000, 5.0, problems)  # as tables of earlier versions have it
    assert track is not None
    samples = np.concatenate(list(track.chunks()))
    assert len(samples) == 4 * 48_000 and not str(problems)


def test_doctor_and_grid_have_the_same_second_0(tmp_path: Path) -> None:
    write_media(tmp_path / "v.mkv", steady(9.0), start=9.0, sound=noise(18.0))
    patients = list_annotated(tmp_path, {"v": {18.0}})
    examine_patients(patients, CLIPS, decode=False)
    (patient,) = patients
    assert patient.findings == [
        ("warning", "the picture starts 9.00 s after the sound; second 0 is the start of the sound, as in players")
    ]
    assert patient.facts is not None and patient.video is not None
    assert patient.facts.duration == patient.video.duration_s == 18.0
    assert patient.facts.pictures.fps == pytest.approx(25.0, abs=0.01)
