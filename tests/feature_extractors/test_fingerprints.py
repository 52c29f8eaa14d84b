"""Digests of files: of their content alone."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.fingerprints import digest_of, fingerprint, git_blob_of


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
