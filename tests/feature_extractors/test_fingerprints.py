"""Digests of files: of their content alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.fingerprints import digest_of, fingerprint, git_blob_of, is_untouched, state_of
from formats.video_table import Video


def test_one_file_has_the_digest_that_is_published_of_it(tmp_path: Path) -> None:
    file, copy = tmp_path / "ViT-B-32.pt", tmp_path / "renamed.pt"
    for path in (file, copy):
        path.write_bytes(b"weights")
    assert fingerprint([file]) == fingerprint([copy]) == digest_of(file) == hashlib.sha256(b"weights").hexdigest()


def test_of_several_files_order_and_contents_count(tmp_path: Path) -> None:
    one, two = tmp_path / "config.json", tmp_path / "model.safetensors"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    before = fingerprint([one, two])
    assert fingerprint([two, one]) != before
    two.write_bytes(b"3")
    assert fingerprint([one, two]) != before
    with pytest.raises(UserError, match=r"model\.bin: no such weights"):
        fingerprint([one, tmp_path / "model.bin"])


def test_the_id_of_a_blob_is_that_of_git(tmp_path: Path) -> None:
    """Larger than the piece that is read at a time."""
    (tmp_path / "file").write_bytes(b"\0\xff" * 700_000)
    done = subprocess.run(["git", "hash-object", "--no-filters", "file"], cwd=tmp_path, capture_output=True, check=True)
    assert git_blob_of(tmp_path / "file") == done.stdout.decode().strip()


def test_a_damaged_archive_has_no_fingerprint(tmp_path: Path) -> None:
    """As torch.save writes them: with one wrong bit open_clip, timm and torch would load other weights."""
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data/0", b"weights")
    fingerprint([path])
    path.write_bytes(path.read_bytes().replace(b"weights", b"weighty"))
    with pytest.raises(UserError, match=r"net\.pt: damaged since it was written: Bad CRC-32 for file 'net/data/0'"):
        fingerprint([path])


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """A line of a table, and its file in a folder of videos."""
    for name in ("videos", "others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "v.mp4").write_bytes(f"{name[0]} film".encode())
    return Video(vid="v", file="v.mp4", duration_s=2.0, n_clips=1, has_audio=False, sha256="", size=6)


def make_table(folder: Path) -> int:
    """The time of a table that is made now, with a pause before and after it: clocks of disks have ticks."""
    time.sleep(0.02)
    (folder / "000.jsonl").touch()
    time.sleep(0.02)
    return (folder / "000.jsonl").stat().st_mtime_ns


def test_a_file_is_untouched_if_its_last_change_was_before_its_table_was_made(tmp_path: Path, video: Video) -> None:
    folder = tmp_path / "videos"
    made = make_table(tmp_path)
    assert is_untouched(folder, video, made)
    assert not is_untouched(folder, video, 0)
    assert not is_untouched(folder, replace(video, size=0), made)  # of an earlier version's table
    assert not is_untouched(folder, replace(video, file="missing.mp4"), made)
    state = state_of(folder / "v.mp4")
    assert state is not None
    assert not is_untouched(folder, video, max(state[1:]))  # in the same moment: the order is unknown


@pytest.mark.parametrize("change", ["mv", "cp -p", "ln -sf", "folder", "link to the folder"])
def test_no_way_to_replace_a_file_by_an_older_one_is_missed(tmp_path: Path, video: Video, change: str) -> None:
    folder, others = tmp_path / "videos", tmp_path / "others"
    if change == "ln -sf":
        (folder / "v.mp4").rename(tmp_path / "a.mp4")
        (folder / "v.mp4").symlink_to("../a.mp4")
    elif change == "link to the folder":
        folder = tmp_path / "link"
        folder.symlink_to("videos")
    made = make_table(tmp_path / "others")  # beside the videos, folders change all the time
    assert is_untouched(folder, video, made)
    if change in ("mv", "cp -p", "ln -sf"):
        subprocess.run([*change.split(), str(others / "v.mp4"), str(folder / "v.mp4")], check=True)
    elif change == "folder":
        folder.rename(tmp_path / "old")
        others.rename(folder)
    else:
        folder.unlink()
        folder.symlink_to("others")
    assert (folder / "v.mp4").read_bytes() == b"o film"
    assert not is_untouched(folder, video, made)


def test_a_modification_time_that_was_set_back_hides_nothing(tmp_path: Path, video: Video) -> None:
    """As `cp -p` and `rsync -a` do: the time at which the inode changed cannot be set."""
    folder, made = tmp_path / "videos", 10**18  # in the year 2001
    os.utime(folder / "v.mp4", ns=(0, 0))
    assert (folder / "v.mp4").stat().st_mtime_ns < made and not is_untouched(folder, video, made)
