"""Digests of files: of their content alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
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


def test_a_file_is_untouched_if_its_last_change_was_before_its_table_was_made(tmp_path: Path) -> None:
    file = tmp_path / "v.mp4"
    file.write_bytes(b"a film")
    video = Video(vid="v", file="v.mp4", duration_s=2.0, n_clips=1, has_audio=False, sha256="", size=6)
    state = state_of(file)
    assert state is not None
    changed = max(state[1:])
    assert is_untouched(file, video, changed + 1)
    assert not is_untouched(file, video, changed)  # in the same moment: the order is unknown
    assert not is_untouched(file, video, 0)
    assert not is_untouched(file, replace(video, size=0), changed + 1)  # of an earlier version's table
    assert not is_untouched(tmp_path / "missing.mp4", video, changed + 1)


def test_a_modification_time_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    """As `cp -p` and `rsync -a` do: the time at which the inode changed cannot be set."""
    file, made = tmp_path / "v.mp4", 10**18  # in the year 2001
    file.write_bytes(b"a film")
    os.utime(file, ns=(0, 0))
    video = Video(vid="v", file="v.mp4", duration_s=2.0, n_clips=1, has_audio=False, sha256="", size=6)
    assert file.stat().st_mtime_ns < made and not is_untouched(file, video, made)
