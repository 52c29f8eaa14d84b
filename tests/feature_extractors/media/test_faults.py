"""Whose fault it is when a video fails: its own, the machine's or the code's."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from cli import UserError
from feature_extractors.media import Problems, examine, examine_all
from feature_extractors.media.container import decode_packet, open_media
from feature_extractors.media.faults import raise_if_of_machine
from feature_extractors.media.in_flight import InFlight
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import steady, write_media
from tests.warm import run_python

ROOT = Path(__file__).parents[3]


def test_an_unexpected_error_costs_one_video_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_media(tmp_path / "v.mkv", steady(3.0))

    def wrong(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(sys.modules["feature_extractors.media.probing"], "pick_sound", wrong)
    video = examine(tmp_path, "v", file, "", ClipGrid())
    assert (video.n_clips, video.problem) == (0, "unexpected error: ZeroDivisionError: by nothing")
    assert "Traceback" in caplog.text and "in wrong" in caplog.text


def test_unexpected_errors_of_most_videos_end_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {vid: write_media(tmp_path / f"{vid}.mkv", steady(2.0)) for vid in "abcd"}
    pick_sound = sys.modules["feature_extractors.media.probing"].pick_sound  # type: ignore[attr-defined]

    def wrong_of(vids: str) -> None:
        def pick(container: av.container.InputContainer) -> object:
            if Path(container.name).stem in vids:
                raise KeyError("a mistake")
            return pick_sound(container)

        monkeypatch.setattr(sys.modules["feature_extractors.media.probing"], "pick_sound", pick)

    flight = InFlight(tmp_path / "table.jsonl.part")
    wrong_of("ab")
    table = examine_all(tmp_path, [*files, "gone"], files, {"gone": "no video 'gone'"}, ClipGrid(), flight)
    assert [video.n_clips for video in table] == [0, 0, 1, 1, 0]
    wrong_of("abc")
    with pytest.raises(
        UserError, match=r"^3 of 4 videos failed with an unexpected error, such as 'a' \(.*KeyError: 'a mis"
    ):
        examine_all(tmp_path, files, files, {}, ClipGrid(), flight)
    only = {"a": files["a"]}
    assert examine_all(tmp_path, only, only, {}, ClipGrid(), flight)[0].problem.startswith("unexpected error: KeyError")


@pytest.mark.parametrize("left", [0, 1])
def test_a_machine_without_free_files_ends_the_job(tmp_path: Path, left: int) -> None:
    write_media(tmp_path / "v.mkv", steady(2.0))
    code = f"""
import os, resource, sys
from pathlib import Path
from feature_extractors.media import examine
from feature_extractors.media.in_flight import InFlight
from formats.grid import ClipGrid
folder = Path(sys.argv[1])
print(examine(folder, "v", folder / "v.mkv", "", ClipGrid()).n_clips)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    for one in held[:{left}]:
        os.close(one)
try:
    print(examine(folder, "v", folder / "v.mkv", "", ClipGrid()).problem or "fine")
except OSError as problem:
    print(problem.filename, problem.strerror)
"""
    done = run_python(["-c", code, tmp_path], ROOT)
    expected = "fine" if left else f"{tmp_path / 'v.mkv'} Too many open files"
    assert done.stdout.splitlines() == ["1", expected]


UNLOADED = ImportError("av/x.abi3.so: failed to map segment from shared object")
"""Of a library that is loaded at its first use, when memory is short by then."""


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        *(
            (OSError(number, os.strerror(number)), number)
            for number in (errno.EIO, errno.ENOMEM, errno.ENOSPC, errno.ESTALE)
        ),
        (MemoryError(), errno.ENOMEM),
        (UNLOADED, errno.ENOMEM),
    ],
    ids=str,
)
def test_a_fault_of_the_machine_ends_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, number: int
) -> None:
    file = write_media(tmp_path / "v.mkv", steady(2.0))

    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(sys.modules["feature_extractors.media.probing"], "digest_of", fail)
    with pytest.raises(OSError, match=os.strerror(number)) as problem:
        examine(tmp_path, "v", file, "", ClipGrid())
    assert problem.value.filename == str(file)


def test_what_ffmpeg_says_of_a_damaged_file_is_the_videos_own_fault(tmp_path: Path) -> None:
    """It has the machine's numbers for some of that as well."""
    for number in (errno.EIO, errno.ENOMEM):
        damage = av.error.classes[number](number, os.strerror(number), "v.mkv")
        raise_if_of_machine(damage, tmp_path / "v.mkv")


def test_a_good_video_is_not_called_damaged_without_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when it is opened nor when it is decoded: it was left out, or lost frames, without a word."""
    file = write_media(tmp_path / "v.mkv", steady(1.0))
    shortage = av.error.classes[errno.ENOMEM](errno.ENOMEM, os.strerror(errno.ENOMEM), "v.mkv")

    def fail(*_: object, **__: object) -> None:
        raise shortage

    with open_media(file) as container:
        packet = SimpleNamespace(stream=SimpleNamespace(container=container, type="video"), decode=fail)
        assert decode_packet(packet, Problems()) == []
        monkeypatch.setattr(sys.modules["feature_extractors.media.faults"], "SPARE_MEMORY", 1 << 62)
        with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)) as problem:
            decode_packet(packet, Problems())
    assert problem.value.filename == str(file)
    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)) as problem:
        examine(tmp_path, "v", file, "", ClipGrid())
    assert problem.value.filename == str(file)
