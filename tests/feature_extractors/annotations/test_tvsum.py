"""TVSum's raw files to rows: on made-up videos, and against the public files where they are present."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
import pytest

from cli import UserError
from feature_extractors.__main__ import main
from feature_extractors.annotations import tvsum
from feature_extractors.annotations.tvsum_files import read_mat, read_tsv
from formats.annotations import read_annotations
from formats.rows import read_rows
from tests.feature_extractors.annotations.conftest import Entry, write_mat, write_tsv


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["feature_extractors", "convert", *map(str, arguments)])
    return main()


@pytest.fixture
def videos(entries: list[Entry], tmp_path: Path) -> Path:
    """A file a video: two frames, at the rate that the conversion needs to know."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for entry in entries:
        with av.open(f"file:{folder / entry.vid}.mp4", "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(int(entry.fps)), width=32, height=32)
            for _ in range(2):
                container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
            container.mux(stream.encode(None))
    return folder


@pytest.mark.parametrize("split", ["train", "val"])
def test_public_files_are_reproduced_byte_by_byte(
    split: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = published / "tvsum/ydata-tvsum50.mat"
    assert run(monkeypatch, "--from", "tvsum-mat", "--files", source, "--out", tmp_path, "--published") == 0
    assert (tmp_path / f"tvsum_{split}.jsonl").read_bytes() == (published / f"tvsum/tvsum_{split}.jsonl").read_bytes()


def test_rows_of_all_public_videos_have_seconds(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = published / "tvsum/ydata-tvsum50.mat"
    assert run(monkeypatch, "--from", "tvsum-mat", "--files", source, "--out", tmp_path) == 0
    rows = read_annotations([tmp_path / "train.jsonl", tmp_path / "val.jsonl"])
    public = {
        row["vid"]: row for split in ("train", "val") for row in read_rows(published / f"tvsum/tvsum_{split}.jsonl")
    }
    assert len(rows) == len(public) == 50
    assert sum(row["duration_s"] for row in rows) == pytest.approx(12_582.6, abs=0.05)  # 3.5 hours
    for row in rows:
        other = public[row["vid"]]
        assert (row["query"], row["domain"]) == (other["query"], other["domain"])
        assert 0 <= row["duration_s"] - row["duration"] < 2
        # One video's features, and so its public labels, ended a clip early.
        spare = 1 if row["vid"] == "kLxoNp-UchI" else 0
        assert row["duration"] == 2 * (other["duration"] + spare)
        assert row["label"][: other["duration"]] == other["label"]
        assert len(row["label"]) == other["duration"] + spare


def test_labels_are_those_of_the_shots(entries: list[Entry], mat: Path) -> None:
    found = {video.vid: video for video in read_mat(mat)}
    for entry in entries:
        video = found[entry.vid]
        assert (video.title, video.domain) == (entry.title, entry.domain)
        assert video.fps == pytest.approx(entry.fps)
        assert video.n_clips == len(entry.shots)
        np.testing.assert_array_equal(video.label(video.n_clips), entry.shots)


def test_centres_are_safe_from_shots_that_end_a_frame_early(entries: list[Entry]) -> None:
    """At 29.97 frames per second a shot has 60 frames, a clip 59.94: their bounds drift apart, 2 frames per minute."""
    shots = np.arange(30) % 5 + 1.0
    scores = shots.repeat(60)[None, :]
    video = tvsum.AnnotatedVideo("x", "VT", "x", scores.shape[1] * 1001 / 30_000, scores)
    assert [row[0] for row in video.label(30)] == shots.tolist()


def test_tsv_gives_what_the_mat_gives(
    entries: list[Entry], mat: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, anno = write_tsv(tmp_path, entries)
    for form in ([], ["--published"]):
        one, two = tmp_path / "mat", tmp_path / "tsv"
        assert run(monkeypatch, "--from", "tvsum-mat", "--files", mat, "--out", one, *form) == 0
        arguments = ["--files", info, anno, "--videos", videos, "--out", two, *form]
        assert run(monkeypatch, "--from", "tvsum-tsv", *arguments) == 0
    names = sorted(path.name for path in one.iterdir())
    assert names == ["train.jsonl", "tvsum_train.jsonl", "tvsum_val.jsonl", "val.jsonl"]
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_published_rows_count_clips_and_bear_the_video_as_id(entries: list[Entry], mat: Path) -> None:
    splits = tvsum.select(read_mat(mat), "small")
    rows = [json.loads(line) for line in tvsum.published_text(splits["train"]).splitlines()]
    by_vid = {entry.vid: entry for entry in entries}
    assert [row["vid"] for row in rows] == list(tvsum.SPLITS["train"])
    for row in rows:
        shots = by_vid[row["vid"]].shots
        expected = shots[:64] if row["vid"] == "kLxoNp-UchI" else shots
        assert row["label"] == expected.tolist()
        assert row["duration"] == len(expected)
        assert row["qid"] == row["vid"]
        assert row["relevant_windows"] is row["relevant_clip_ids"] is None


def test_ids_do_not_depend_on_the_other_videos(mat: Path) -> None:
    videos = read_mat(mat)
    all_of_them = {row["vid"]: row["qid"] for row in tvsum.rows_in_seconds(videos, "small")}
    [alone] = tvsum.rows_in_seconds(videos[7:8], "small")
    assert all_of_them[alone["vid"]] == alone["qid"]
    assert len(set(all_of_them.values())) == 50


@pytest.mark.parametrize(
    "damage",
    ["not hdf5", "no table", "linked table", "outer scores", "missing field", "frames", "score", "fewer videos"],
)
def test_damaged_mat_is_one_line(
    damage: str,
    entries: list[Entry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "damaged.mat"
    if damage == "not hdf5":
        path.write_text("MATLAB 5.0 MAT-file")
    else:
        write_mat(path, entries[:-1] if damage == "fewer videos" else entries)
        with h5py.File(path, "r+") as file:
            if damage == "no table":
                del file["tvsum50"]
            elif damage == "linked table":
                file.move("tvsum50", "table")
                file["tvsum50"] = h5py.SoftLink("/table")
            elif damage == "outer scores":  # in place of the scores, whatever another file holds
                shape = file["#refs#/user_anno0"].shape
                del file["#refs#/user_anno0"]
                outside = [(str(tmp_path / "other"), 0, h5py.h5f.UNLIMITED)]
                moved = file.create_dataset("#refs#/user_anno0", shape, "f8", external=outside)
                file["tvsum50/user_anno"][0, 0] = moved.ref
            elif damage == "missing field":
                del file["tvsum50/user_anno"]
            elif damage == "frames":
                file["#refs#/nframes0"][...] = 7
            elif damage == "score":
                file["#refs#/user_anno0"][0, 0] = 9
    assert run(monkeypatch, "--from", "tvsum-mat", "--files", path, "--out", tmp_path / "out") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "damaged.mat" in line
    assert {"linked table": "links are not followed", "outer scores": "in other files"}.get(damage, "") in line
    assert not (tmp_path / "out").exists()


def test_tsv_faults_name_the_line(entries: list[Entry], videos: Path, tmp_path: Path) -> None:
    info, anno = write_tsv(tmp_path, entries)
    good = anno.read_text()
    anno.write_text(good.replace(",", ";", 1))
    with pytest.raises(UserError, match=r"anno\.tsv: line 1: scores"):
        read_tsv(info, anno, videos)
    lines = good.splitlines()
    anno.write_text("\n".join([lines[0], lines[1] + ",1", *lines[2:]]))
    with pytest.raises(UserError, match=r"anno\.tsv: line 2: \d+ scores"):
        read_tsv(info, anno, videos)
    anno.write_text("\n".join(lines[3:]))
    with pytest.raises(UserError, match=f"no scores for '{entries[0].vid}'"):
        read_tsv(info, anno, videos)
    anno.write_text(good)
    with pytest.raises(UserError, match="no video 'Se3oxnaPsz0'"):  # a wrong folder
        read_tsv(info, anno, tmp_path / "nowhere")


def test_tsv_goes_on_without_some_videos(
    entries: list[Entry], videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One missing, one broken: their rows stay, or scores would not count them, and the others' are what they were."""
    info, anno = write_tsv(tmp_path, entries)
    for path in (info, anno):  # as a spreadsheet saves it
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    whole = {video.vid: video for video in read_tsv(info, anno, videos)}
    some = tmp_path / "some"
    shutil.copytree(videos, some)
    next(some.glob("*Se3oxnaPsz0*")).unlink()
    next(some.glob("*J0nA4VgnoCo*")).write_bytes(b"no video")
    found = {video.vid: video for video in read_tsv(info, anno, some)}
    assert found.keys() == whole.keys()
    for vid, video in found.items():
        lost = vid in ("Se3oxnaPsz0", "J0nA4VgnoCo")
        assert video.duration_s == (9.0 if lost else whole[vid].duration_s)  # 0:09 in the file
    assert len(caplog.records) == 2
    assert "no video 'Se3oxnaPsz0': using the length of Se3oxnaPsz0 from" in caplog.text
    with pytest.raises(UserError, match=r"J0nA4VgnoCo.*not a readable media file"):
        read_tsv(info, anno, some, "stop")
    text = info.read_text(encoding="utf-8")
    for length, message in (("99:00:00", "356400 s are over a day"), ("9" * 5000 + ":00", "at most a day")):
        info.write_text(text.replace("0:09", length), encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_tsv(info, anno, some)
