"""`python -m av_highlights find`: one clear line for each typical mistake."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from av_highlights.__main__ import build_command
from tests.av_highlights.commands.conftest import QUERY, Find
from tests.av_highlights.conftest import tone


def song(path: Path) -> Path:
    import av

    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=32_000, layout="mono")
        for begin in range(0, 64_000, 1024):
            frame = av.AudioFrame.from_ndarray(tone(2.1)[:, begin : begin + 1024].copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 32_000, begin
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def link(path: Path) -> Path:
    path.symlink_to(path.with_name("gone.mp4"))
    return path


def picture(path: Path) -> Path:
    Image.new("RGB", (8, 8)).save(path, "png")
    return path


MISTAKES: dict[str, tuple[Callable[[Path, Path], list[str | Path]], str]] = {
    "no such file": (lambda tmp, street: [tmp / "no.mp4", *QUERY], "no.mp4: no such file or folder"),
    "empty folder": (lambda tmp, street: [folder(tmp / "none"), *QUERY], "none: no video in this folder"),
    "folder named like a video": (
        lambda tmp, street: [folder(tmp / "a.mp4"), *QUERY],
        "a.mp4: no video in this folder",
    ),
    "text for a video": (
        lambda tmp, street: [written(tmp / "a.mp4", "Dear diary,\n" * 50), *QUERY],
        "a.mp4: not a readable media file",
    ),
    "empty file": (
        lambda tmp, street: [written(tmp / "a.mp4", ""), *QUERY],
        "a.mp4: not a readable media file: it is empty",
    ),
    "half a download": (
        lambda tmp, street: [written(tmp / "a.mp4", street.read_bytes()[:400]), *QUERY],
        "a.mp4: not a readable media file",
    ),
    "a picture": (
        lambda tmp, street: [picture(tmp / "a.mp4"), *QUERY],
        "a.mp4: not a video but a picture",
    ),
    "sound alone": (lambda tmp, street: [song(tmp / "a.m4a"), *QUERY], "a.m4a: no video stream, only sound"),
    "dangling link": (lambda tmp, street: [link(tmp / "a.mp4"), *QUERY], "gone.mp4, which is not there"),
    "no bundle there": (lambda tmp, street: [street, *QUERY, "--bundle", tmp / "no"], "no such bundle: "),
    "no such published bundle": (
        lambda tmp, street: [street, *QUERY, "--bundle", "published:x"],
        "no published bundle 'x' is known (known: qd-detr-clip",
    ),
    "folder that is no bundle": (lambda tmp, street: [street, *QUERY, "--bundle", tmp], "not a bundle"),
    "checkpoint instead of a bundle": (
        lambda tmp, street: [street, *QUERY, "--bundle", written(tmp / "best.pt", "x")],
        "best.pt: a file, and not a bundle",
    ),
    "web address": (lambda tmp, street: ["https://a.org/b.mp4", *QUERY], "a web address: download the video first"),
    "empty query": (lambda tmp, street: [street, "--query", "  "], "--query: a query must not be empty"),
    "query that is not text": (
        lambda tmp, street: [street, "--query", os.fsdecode(b"caf\xe9")],
        "--query: 'caf\\udce9' is not UTF-8 text",
    ),
    "no such file of queries": (lambda tmp, street: [street, "--queries", tmp / "q.txt"], "q.txt: no such file"),
    "file of queries in another code": (
        lambda tmp, street: [street, "--queries", written(tmp / "q.txt", b"caf\xe9\n")],
        "q.txt: not UTF-8 text",
    ),
    "file without queries": (
        lambda tmp, street: [street, "--queries", written(tmp / "q.txt", "\n\n")],
        "q.txt: no queries",
    ),
    "video without its query": (
        lambda tmp, street: [street, "--queries", written(tmp / "q.txt", "street\t\n")],
        "q.txt: line 1: no query after the video",
    ),
    "query about an unknown video": (
        lambda tmp, street: [street, "--queries", written(tmp / "q.txt", "cow.mp4\ta cow\n")],
        "q.txt: line 1: video 'cow' is missing or cannot be read",
    ),
    "--out is a file": (
        lambda tmp, street: [street, *QUERY, "--out", written(tmp / "f", "x")],
        "f: is a file, not a folder to write into",
    ),
    "--out below a file": (
        lambda tmp, street: [street, *QUERY, "--out", written(tmp / "f", "x") / "out"],
        "cannot be written",
    ),
    "--cache is a file": (
        lambda tmp, street: [street, *QUERY, "--cache", written(tmp / "f", "x")],
        "f: is a file, not a folder to write into",
    ),
    "negative number": (lambda tmp, street: [street, *QUERY, "--top", "-3"], "--top: must be a whole number from 1"),
    "unknown option": (lambda tmp, street: [street, *QUERY, "--querry", "x"], "unrecognized arguments: --querry"),
    "option without a value": (lambda tmp, street: [street, "--query"], "--query: expected one argument"),
    "no video": (lambda tmp, street: [*QUERY], "the following arguments are required: VIDEO"),
    "unknown device": (lambda tmp, street: [street, *QUERY, "--device", "tpu"], "--device tpu: must be auto"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_line(mistake: str, find: Find, videos: Path, tmp_path: Path) -> None:
    make, message = MISTAKES[mistake]
    status, printed, log = find(*make(tmp_path, videos / "street.mp4"))
    assert status in (1, 2) and not printed
    (line,) = log
    assert line.startswith("python -m av_highlights") and message in line
    assert not (tmp_path / "out").exists()


def test_a_file_that_may_not_be_read(find: Find, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path, algorithm: str = "sha256") -> str:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("av_highlights.features.digest_of", refuse)  # root may read everything
    status, _, (line,) = find(videos / "street.mp4", *QUERY)
    assert status == 1 and line.endswith("street.mp4: permission denied")


def test_a_damaged_bundle(find: Find, make_bundle: Callable[..., Path], videos: Path) -> None:
    bundle = make_bundle()
    checkpoint = bundle / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-10])
    status, _, (line,) = find(videos / "street.mp4", *QUERY, "--bundle", bundle)
    assert status == 1 and "checkpoint.pt" in line


def test_without_a_bundle_a_line_says_how_to_get_one(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where nothing was fetched
    status = build_command().main(["find", str(videos / "street.mp4"), "--cache", "cache", *QUERY])
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1 and "python -m av_highlights fetch qd-detr-clip" in line and "av_highlights bundle --run" in line


def test_several_mistakes_are_named_one_by_one(find: Find, tmp_path: Path) -> None:
    status, _, log = find(tmp_path / "a.mp4", written(tmp_path / "b.mp4", "x"), *QUERY)
    assert status == 1 and len(log) == 3
    assert log[-1].endswith("nothing could be answered: 2 problems, named above")
