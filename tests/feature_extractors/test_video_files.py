"""What is a video, and which file is that of an id: the same answer for `convert`, `manifest` and `doctor`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image

from cli import UserError
from feature_extractors.annotations.folder import list_videos, read_queries
from feature_extractors.doctor.examination import examine as examine_patients
from feature_extractors.doctor.patients import list_annotated, list_folder
from feature_extractors.doctor.tables import write_table
from feature_extractors.media import examine
from feature_extractors.video_files import locate_videos, why_no_video
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import numbered, steady, write_media

CLIPS = ClipGrid()


def answers(folder: Path, vid: str) -> tuple[str, str, list[str]]:
    """The file that each of the three takes for a video's: `manifest`, `convert`, `doctor`."""
    files, causes = locate_videos(folder, [vid])
    video = examine(folder, vid, files.get(vid), causes.get(vid, ""), CLIPS)
    try:
        listed = list_videos(folder)
    except UserError:
        listed = {}
    patients = list_folder(folder)
    examine_patients(patients, CLIPS, decode=False)
    fine = [patient.file.name for patient in patients if patient.file and patient.severity in ("ok", "note")]
    assert vid not in listed or listed[vid] == video.duration_s
    return (video.file if video.n_clips else ""), vid if vid in listed else "", fine


@pytest.mark.parametrize(
    "beside", ["THM", "AAE", "idx", "sub", "HEIC", "avif", "xmp", "srt", "info.json", "wav", "LRF", "LRV", "png"]
)
def test_what_lies_beside_a_video_does_not_take_it_away(tmp_path: Path, beside: str) -> None:
    write_media(tmp_path / "one.mp4", steady(4.0))
    if beside in ("LRV", "LRF"):  # a whole video of low resolution
        write_media(tmp_path / "small.mp4", steady(4.0)).rename(tmp_path / f"one.{beside}")
    else:
        Image.fromarray(numbered(3)).save(tmp_path / "picture.png")
        (tmp_path / "picture.png").rename(tmp_path / f"one.{beside}")
    assert answers(tmp_path, "one") == ("one.mp4", "one", ["one.mp4"])


def test_a_copy_alone_is_the_video(tmp_path: Path) -> None:
    write_media(tmp_path / "small.mp4", steady(4.0)).rename(tmp_path / "one.LRV")
    assert answers(tmp_path, "one") == ("one.LRV", "one", ["one.LRV"])


@pytest.mark.parametrize("broken", ["one.mkv", "one.avi", "one.unknown"])
def test_a_broken_file_beside_a_good_one(tmp_path: Path, broken: str) -> None:
    write_media(tmp_path / "one.mp4", steady(4.0))
    (tmp_path / broken).write_bytes(b"<html>404 Not Found</html>" * 50)
    assert answers(tmp_path, "one") == ("one.mp4", "one", ["one.mp4"])
    patients = list_folder(tmp_path)
    assert [patient.findings[0][0] for patient in patients] == ["note"] and broken in patients[0].findings[0][1]


def test_two_good_files_are_refused_and_two_broken_ones_named(tmp_path: Path) -> None:
    for name in ("one.mp4", "one.mkv"):
        write_media(tmp_path / name, steady(4.0))
        (tmp_path / name.replace("one", "two")).write_bytes(b"")
    files, causes = locate_videos(tmp_path, ["one", "two"])
    assert not files and causes == {
        "one": "several files for video 'one': one.mkv, one.mp4",
        "two": "no video 'two': none of several files is one: two.mkv: not a readable media file: it is empty; "
        "two.mp4: not a readable media file: it is empty",
    }
    with pytest.raises(UserError, match="would have the same id"):
        list_videos(tmp_path)


def test_the_ending_does_not_make_a_video(tmp_path: Path) -> None:
    write_media(tmp_path / "good.mkv", steady(4.0)).rename(tmp_path / "good.unknown")
    (tmp_path / "bad.unknown").write_bytes(b"no video" * 100)
    assert answers(tmp_path, "good")[:2] == ("good.unknown", "good")
    assert answers(tmp_path, "bad")[:2] == ("", "")
    assert locate_videos(tmp_path, ["bad"])[1]["bad"].startswith("no video 'bad': bad.unknown: not a readable media")


@pytest.mark.parametrize(("frames", "reason"), [(1, "not a video but a picture (avif)"), (60, "")])
def test_pictures_of_telephones_and_the_web_under_a_videos_name(tmp_path: Path, frames: int, reason: str) -> None:
    """FFmpeg opens HEIC and AVIF as MP4 with one frame; animations are videos, as GIF is."""
    first, *more = [Image.fromarray(numbered(number)) for number in range(frames)]
    first.save(tmp_path / "a.avif", save_all=True, append_images=more, duration=100)
    file = (tmp_path / "a.avif").rename(tmp_path / "a.mp4")
    assert why_no_video(file) == reason
    video = examine(tmp_path, "a", file, "", CLIPS)
    assert (video.n_clips, video.problem) == ((0, reason) if reason else (3, ""))
    assert (tmp_path / "a.mp4").rename(tmp_path / "a.avif") and locate_videos(tmp_path, ["a"])[0] == {}


def test_files_are_opened_only_where_names_do_not_settle_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    module = sys.modules["feature_extractors.video_files"]
    monkeypatch.setattr(module, "why_no_video", lambda file: opened.append(file.name) or "")
    for number in range(20):
        (tmp_path / f"{number}.mp4").touch()
        (tmp_path / f"{number}.THM").touch()
    for name in ("two.mp4", "two.mkv", "odd.unknown", "unasked.mp4", "unasked.mkv"):
        (tmp_path / name).touch()
    files, _ = locate_videos(tmp_path, [*map(str, range(20)), "two", "odd"])
    assert len(files) == 21 and sorted(opened) == ["odd.unknown", "two.mkv", "two.mp4"]


def test_links_to_nothing_are_named(tmp_path: Path) -> None:
    (tmp_path / "one.mp4").symlink_to(tmp_path / "gone" / "one.mp4")
    write_media(tmp_path / "two.mp4", steady(4.0))
    (tmp_path / "three.mp4").symlink_to(tmp_path / "two.mp4")
    files, causes = locate_videos(tmp_path, ["one", "three"])
    assert list(files) == ["three"]
    gone = tmp_path / "gone" / "one.mp4"
    assert causes == {"one": f"no video 'one': one.mp4 is a link to {gone}, which is not there"}
    patients = {patient.vid: patient for patient in list_folder(tmp_path)}
    examine_patients(list(patients.values()), CLIPS, decode=False)
    assert patients["one"].findings == [("error", f"a link to {gone}, which is not there")]
    assert list(list_videos(tmp_path)) == ["three", "two"]


def test_names_in_another_unicode_normal_form(tmp_path: Path) -> None:
    """macOS takes accents apart; annotations made elsewhere do not."""
    apart, whole = normalize("NFD", "caf\xe9"), normalize("NFC", "caf\xe9")
    write_media(tmp_path / f"{apart}.mp4", steady(4.0))
    files, causes = locate_videos(tmp_path, [whole])
    assert not causes and examine(tmp_path, whole, files[whole], "", CLIPS).vid == whole
    patients = list_annotated(tmp_path, {whole: {4.0}})
    assert [(patient.findings, patient.file) for patient in patients] == [([], files[whole])]
    queries = tmp_path / "queries.txt"
    queries.write_text(f"{whole}.mp4\tcoffee\n", encoding="utf-8")
    assert read_queries(queries, {apart: 4.0}) == ([(apart, "coffee")], [])
    # Both on one disk: the very name counts, and `convert` refuses ids that look the same.
    shutil.copy(tmp_path / f"{apart}.mp4", tmp_path / f"{whole}.mp4")
    assert locate_videos(tmp_path, [whole, apart])[0] == {name: tmp_path / f"{name}.mp4" for name in (whole, apart)}
    with pytest.raises(UserError, match="differ only in their Unicode normal form") as problem:
        list_videos(tmp_path)
    assert "\n" not in str(problem.value)


def test_names_with_line_breaks_cost_one_line_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_media(tmp_path / "a\nb.mp4", steady(4.0))
    write_media(tmp_path / "c{d}.mp4", steady(4.0))
    assert list(list_videos(tmp_path)) == ["c{d}"]
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1 and "\n" not in warnings[0] and "'a\\nb'" in warnings[0]
    patients = list_folder(tmp_path)
    examine_patients(patients, CLIPS, decode=False)
    told = {patient.vid: patient.severity for patient in patients}
    assert told == {"a\nb": "warning", "c{d}": "warning"}  # the latter: the same content
    assert len([line for line in write_table(patients).splitlines() if line[0] != " "]) == 3


def test_one_length_for_rows_and_grid(tmp_path: Path) -> None:
    """Sound that outlasts the picture makes the container longer than it."""
    sound = np.zeros((1, 9 * 48_000))
    file = write_media(tmp_path / "one.mp4", steady(5.0), sound=sound, sound_codec="aac")
    assert list_videos(tmp_path) == {"one": 5.0}
    assert examine(tmp_path, "one", file, "", CLIPS).duration_s == 5.0
    patients = list_annotated(tmp_path, {"one": {list_videos(tmp_path)["one"]}})
    examine_patients(patients, CLIPS, decode=False)
    assert {severity for severity, _ in patients[0].findings} <= {"note"}


def test_nothing_beside_a_video_is_taken_for_it(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.srt", "a.json", "a.JPG", "a.m4a", "a.npy"):
        (tmp_path / name).touch()
    (tmp_path / "b.json").touch()
    assert locate_videos(tmp_path, ["a", "b"]) == ({"a": tmp_path / "a.mp4"}, {"b": "no video 'b'"})


def test_subfolders_are_searched(tmp_path: Path) -> None:
    """`videos/part1/clip.mp4` is the video `clip`, for all three commands, also through links to folders."""
    for place, name in (("part1", "clip"), ("part2/day", "other"), ("elsewhere", "linked"), (".cache", "hidden")):
        (tmp_path / place).mkdir(parents=True)
        write_media(tmp_path / place / f"{name}.mp4", steady(4.0))
    folder = tmp_path / "videos"
    folder.mkdir()
    for place in ("part1", "part2", ".cache"):
        (tmp_path / place).rename(folder / place)
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "part1" / "round").symlink_to(folder)  # leads back up
    files, causes = locate_videos(folder, ["clip", "other", "linked", "part1/clip", "part2/clip", "hidden"])
    assert {vid: str(file.relative_to(folder)) for vid, file in files.items()} == {
        "clip": "part1/clip.mp4",
        "other": "part2/day/other.mp4",
        "linked": "more/linked.mp4",
        "part1/clip": "part1/clip.mp4",  # or the path
    }
    assert causes == {vid: f"no video {vid!r}" for vid in ("part2/clip", "hidden")}
    video = examine(folder, "clip", files["clip"], "", CLIPS)
    assert (video.vid, video.file, video.n_clips) == ("clip", "part1/clip.mp4", 2)
    assert list_videos(folder) == {"clip": 4.0, "linked": 4.0, "other": 4.0}
    queries = tmp_path / "queries.txt"
    queries.write_text("part1/clip.mp4\ta dog\nclip\ta cat\n", encoding="utf-8")
    assert read_queries(queries, list_videos(folder)) == ([("clip", "a dog"), ("clip", "a cat")], [])
    patients = list_folder(folder)
    examine_patients(patients, CLIPS, decode=False)
    assert {patient.vid: patient.name for patient in patients}["other"] == "part2/day/other.mp4"
    assert all(patient.video and patient.video.n_clips == 2 for patient in patients)


def test_one_id_in_two_subfolders_is_one_line_that_names_both(tmp_path: Path) -> None:
    for place in ("part1", "part2"):
        (tmp_path / place).mkdir()
        write_media(tmp_path / place / "clip.mp4", steady(4.0))
    files, causes = locate_videos(tmp_path, ["clip", "part2/clip"])
    assert list(files) == ["part2/clip"]
    assert causes == {"clip": "several files for video 'clip': part1/clip.mp4, part2/clip.mp4"}
    with pytest.raises(UserError, match=r"part1/clip\.mp4 and part2/clip\.mp4 would have the same id: rename one"):
        list_videos(tmp_path)
    errors = {patient.name: patient.findings for patient in list_folder(tmp_path)}
    assert errors == {
        "part1/clip.mp4": [("error", "same id as part2/clip.mp4")],
        "part2/clip.mp4": [("error", "same id as part1/clip.mp4")],
    }
    # An id that is a path tells them apart.
    patients = {patient.vid: patient for patient in list_annotated(tmp_path, {"part2/clip": {4.0}})}
    assert patients["part2/clip"].file == tmp_path / "part2" / "clip.mp4" and not patients["part2/clip"].findings
    assert patients["clip"].findings[-1] == ("note", "not in the annotations")
    # What lies in the folder itself comes first, as before subfolders were searched.
    write_media(tmp_path / "clip.mkv", steady(6.0))
    assert locate_videos(tmp_path, ["clip"]) == ({"clip": tmp_path / "clip.mkv"}, {})
    assert list_videos(tmp_path) == {"clip": 6.0}
    [patient] = list_folder(tmp_path)
    assert [severity for severity, _ in patient.findings] == ["note", "note"]


def test_sound_counts_only_where_there_is_no_video(tmp_path: Path) -> None:
    """Sound next to a video, also in a folder of its own, was extracted from it."""
    (tmp_path / "audio").mkdir()
    (tmp_path / "video").mkdir()
    write_media(tmp_path / "video" / "one.mp4", steady(4.0))
    for name in ("one.wav", "audio/one.mp3", "audio/two.flac"):
        (tmp_path / name).write_bytes(b"sound")  # never opened
    files, causes = locate_videos(tmp_path, ["one", "two"])
    assert files == {"one": tmp_path / "video" / "one.mp4", "two": tmp_path / "audio" / "two.flac"} and not causes
    (tmp_path / "broken.mp4").write_bytes(b"")
    (tmp_path / "broken.m4a").write_bytes(b"sound")
    assert locate_videos(tmp_path, ["broken"])[0] == {"broken": tmp_path / "broken.mp4"}  # reported as broken
    # An unknown ending that is no media does not stand in the way.
    (tmp_path / "audio" / "two.unknown").write_bytes(b"no video" * 100)
    assert locate_videos(tmp_path, ["two"])[0] == {"two": tmp_path / "audio" / "two.flac"}
