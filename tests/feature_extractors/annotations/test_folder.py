"""A folder of videos in several containers and a text file of queries."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from cli import UserError
from feature_extractors.__main__ import main
from feature_extractors.annotations.folder import list_videos, make_rows, read_queries
from feature_extractors.annotations.tvsum_files import _frame_rate
from formats.annotations import read_annotations
from formats.rows import read_rows


def write_video(path: Path, seconds: float, codec: str = "libx264", **options: str) -> None:
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=10, width=32, height=32, pix_fmt="yuv420p")
        for number in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), number % 256, np.uint8), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_song(path: Path) -> None:
    """Sound with a cover picture, which FFmpeg shows as a video stream of one frame."""
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        picture = container.add_stream("mjpeg", width=32, height=32, pix_fmt="yuvj420p")
        picture.disposition = Disposition.attached_pic
        for packet in picture.encode(av.VideoFrame(32, 32, "yuvj420p")):
            container.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "videos"
    folder.mkdir()
    write_video(folder / "cat.mp4", 5.0)
    write_video(folder / "-dog.walk.mkv", 3.0)
    write_video(folder / "bird.webm", 8.0, "libvpx-vp9")
    write_video(folder / "live.mkv", 4.0, live="1")  # as browsers record: the file does not say how long it is
    write_video(folder / "raw.h264", 4.0)  # no container, so no times
    (folder / ".hidden.mp4").write_bytes((folder / "cat.mp4").read_bytes())
    (folder / "notes.txt").write_text("no video\n" * 200)
    (folder / "broken.mp4").write_bytes((folder / "cat.mp4").read_bytes()[:200])
    write_song(folder / "song.mp4")
    (folder / "song.m4a").write_bytes((folder / "cat.mp4").read_bytes())  # by its name extracted from song.mp4
    with av.open(str(folder / "cover.png"), "w", format="image2", options={"update": "1"}) as picture:
        stream = picture.add_stream("png", width=32, height=32, pix_fmt="rgb24")
        picture.mux(stream.encode(av.VideoFrame(32, 32, "rgb24")))
        picture.mux(stream.encode(None))
    return folder


def queries(folder: Path, text: str) -> Path:
    path = folder / "queries.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_container_is_measured_and_the_rest_is_named(videos: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = list_videos(videos)
    assert list(found) == ["-dog.walk", "bird", "cat", "live", "raw", "song"]
    assert found["song"] == pytest.approx(1.0, abs=0.1)  # sound alone, of 1 s
    assert found["cat"] == pytest.approx(5.0, abs=0.01)
    assert found["bird"] == pytest.approx(8.0, abs=0.01)
    assert found["live"] == pytest.approx(4.0, abs=0.01)
    assert found["raw"] == pytest.approx(4.0, abs=0.01)  # 10 frames per second, which the stream tells
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    left_out = sorted(Path(record.message.split(":")[0]).name for record in warnings)
    assert left_out == ["broken.mp4"]  # what lies beside videos by its ending is not worth a line


def test_a_fault_of_the_machine_leaves_no_video_out(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: Path, _: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(file))

    monkeypatch.setattr(sys.modules["feature_extractors.annotations.folder"], "measure", fail)
    with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
        list_videos(videos)


def test_tags_need_not_be_utf8(tmp_path: Path) -> None:
    write_video(tmp_path / "cat.mkv", 5.0)
    content = (tmp_path / "cat.mkv").read_bytes()
    assert b"Lavf" in content  # the name of the writing program, which is such a tag
    (tmp_path / "cat.mkv").write_bytes(content.replace(b"Lavf", b"Lav\xe9"))
    assert list_videos(tmp_path) == {"cat": pytest.approx(5.0, abs=0.01)}
    assert _frame_rate(tmp_path / "cat.mkv") == 10.0


def test_plain_lines_are_about_every_video(videos: Path, tmp_path: Path) -> None:
    rows = make_rows(queries(tmp_path, "a dog runs\n\n  #1   best jump \na dog runs\n"), videos)
    assert {(row["vid"], row["query"]) for row in rows} == {
        (vid, query)
        for vid in ("-dog.walk", "bird", "cat", "live", "raw", "song")
        for query in ("a dog runs", "#1 best jump")
    }
    assert {row["duration"] for row in rows if row["vid"] == "cat"} == {4}  # whole clips of 5 s


def test_lines_with_a_tab_are_about_one(videos: Path, tmp_path: Path) -> None:
    rows = make_rows(queries(tmp_path, "cat\tit sleeps\n-dog.walk.mkv\tit runs\nbird\tit sings\nit eats\n"), videos)
    pairs = {(row["vid"], row["query"]) for row in rows}
    assert pairs >= {("cat", "it sleeps"), ("-dog.walk", "it runs"), ("bird", "it sings")}
    assert len(pairs) == 3 + 6


def test_separators_within_a_line_do_not_split_it(videos: Path, tmp_path: Path) -> None:
    """U+2028 is a line break to `str.splitlines`, and comes along when text is copied from a web page."""
    rows = make_rows(queries(tmp_path, "cat\tit\u2028sleeps\nbird\tit\x0bsings\x85loudly\r\n"), videos)
    assert [(row["vid"], row["query"]) for row in rows] == [("bird", "it sings loudly"), ("cat", "it sleeps")]


def test_ids_stay_when_queries_and_videos_are_added(videos: Path, tmp_path: Path) -> None:
    before = {row["qid"]: row["query"] for row in make_rows(queries(tmp_path, "cat\tit sleeps\n"), videos)}
    after = {row["qid"]: row["query"] for row in make_rows(queries(tmp_path, "it eats\ncat\tit sleeps\n"), videos)}
    assert before.items() <= after.items()
    # The first 48 bits of the text's hash: features and predictions bear this number, so later versions must keep it.
    assert before == {190515623311940: "it sleeps"}


@pytest.mark.parametrize("mark", [",", ", ", ";", " | ", "    ", ": "])
def test_a_line_with_another_mark_than_a_tab_is_named(
    mark: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = queries(tmp_path, f"cat.mp4{mark}it sleeps\nbird sings, loudly\na dog, a cow\ncat\tit, eats\n")
    pairs, problems = read_queries(text, ["cat", "bird"])
    assert not problems and len(pairs) == 2 * 3 + 1
    (line,) = caplog.messages  # a comma after other words is one of the query
    assert "line 1" in line and "is a query about every video: for one about 'cat.mp4' alone, put a tab" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no queries"),
        ("cat\t \n", "line 1: no query after the video"),
    ],
)
def test_mistakes_in_the_list_name_the_line(text: str, message: str, videos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        make_rows(queries(tmp_path, text), videos)


def test_missing_and_broken_videos_are_named_and_follow_the_policy(
    videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Their rows stay, so that the workflow lists the videos and the table says that there is no prediction."""
    text = queries(tmp_path, "\ufeffcat\tit sleeps\ncow.mp4\tit eats\nbroken.mp4\tit sings\nv1.2 final\tit ends\n")
    found = {row["vid"]: row for row in make_rows(text, videos)}
    assert found.keys() == {"cat", "cow", "broken", "v1.2 final"}
    assert "duration" in found["cat"] and "duration" not in found["cow"]
    assert "line 2: video 'cow' is missing or cannot be read" in caplog.text
    with pytest.raises(UserError, match=r"line 2: video 'cow' is missing.*line 3: video 'broken' is missing"):
        make_rows(text, videos, "stop")


def test_two_files_of_one_id_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no video in this folder"):
        list_videos(tmp_path)
    write_video(tmp_path / "cat.mp4", 1.0)
    write_video(tmp_path / "cat.mkv", 1.0)
    with pytest.raises(UserError, match=r"cat\.mkv and cat\.mp4"):
        list_videos(tmp_path)


def test_command_writes_rows_that_the_stages_read(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["convert", "--from", "folder", "--files", str(queries(tmp_path, "a dog\n")), "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["feature_extractors", *arguments])
    assert main() == 1
    assert "needs --videos" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["feature_extractors", *arguments, "--videos", str(videos)])
    assert main() == 0
    rows = read_annotations([tmp_path / "queries.jsonl"])
    assert len(rows) == len(read_rows(tmp_path / "queries.jsonl")) == 6
