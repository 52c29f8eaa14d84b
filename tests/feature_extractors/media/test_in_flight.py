"""A process that ends while it decodes a video costs that video. Stand-ins end it: no file here does."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from feature_extractors.media.faults import raise_if_of_machine
from feature_extractors.media.in_flight import ENDED, InFlight
from formats.store import Store, read_problems
from formats.video_table import read_table
from tests.feature_extractors.made_media import steady, write_media
from tests.warm import run_python

ROOT = Path(__file__).parents[3]
# Ends the process by itself: "abort" raises the signal that a failed check in a native library raises.
ENDINGS = """
import faulthandler, os, signal, sys
ways = {"abort": os.abort, "exit": lambda: os._exit(3), "kill": lambda: os.kill(os.getpid(), signal.SIGKILL)}
way, at = sys.argv[2], sys.argv[3]
"""
ENCODE = (
    ENDINGS
    + """
from pathlib import Path
import numpy as np
import torch
from feature_extractors.encoders.engine import Encoder, Piece, encode_videos
from feature_extractors.encoders.stream import FULL_PRECISION
from formats.store import Provenance
from formats.video_table import Video

folder = Path(sys.argv[1])
videos = []
for vid in "abc":
    (folder / f"{vid}.mp4").touch()
    videos.append(Video(vid=vid, file=f"{vid}.mp4", duration_s=6.0, n_clips=3, has_audio=False, sha256=""))

def decode(video, problems):
    for clip in range(video.n_clips):
        if (video.vid, clip) == (at, 1):
            ways[way]()
        yield Piece(clip, np.full(4, ord(video.vid) + clip, np.float32))

torch.manual_seed(0)
network = torch.nn.Linear(4, 8)

def encode(inputs):
    if at == "network":
        ways[way]()
    return network(inputs)

provenance = Provenance("made", "encoder", "0" * 64, "{}", clip_seconds=2.0)
encoder = Encoder(encode, torch.device("cpu"), FULL_PRECISION, 2, 8)
encode_videos(folder / "000.h5", provenance, videos, folder, decode, encoder)
"""
)


def encode(folder: Path, way: str = "", at: str = "") -> int:
    folder.mkdir(exist_ok=True)
    return run_python(["-c", ENCODE, folder, way, at], ROOT).returncode


def test_a_crash_of_the_decoder_costs_one_video(tmp_path: Path) -> None:
    assert encode(tmp_path / "made", "abort", "b") < 0
    assert encode(tmp_path / "made", "abort", "b") == 0  # left out: the stand-in would end this process as well
    store = Store(tmp_path / "made" / "000.h5")
    assert [len(store.rows(vid)) for vid in "abc"] == [3, 0, 3]
    assert read_problems(store.path)[1] == {"b": ENDED}
    assert not (tmp_path / "made" / "000.h5.part").exists()


def test_a_process_that_ends_without_a_trace_is_tried_once_more(tmp_path: Path) -> None:
    """It may have been killed from outside. A store that was made in two tries has the bytes of one made in one."""
    assert encode(tmp_path / "whole") == 0
    assert encode(tmp_path / "again", "kill", "b") < 0
    assert encode(tmp_path / "again") == 0
    assert (tmp_path / "again" / "000.h5").read_bytes() == (tmp_path / "whole" / "000.h5").read_bytes()
    assert encode(tmp_path / "twice", "kill", "b") < 0
    assert encode(tmp_path / "twice", "exit", "b") == 3
    assert encode(tmp_path / "twice", "kill", "b") == 0
    assert read_problems(tmp_path / "twice" / "000.h5")[1] == {"b": ENDED}


def test_a_full_disk_blames_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of the video in flight cannot be written: the message names the record, not the video."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError) as caught:
        InFlight(tmp_path / "000.part").run("v", lambda: 0)
    assert caught.value.filename == str(tmp_path / "000.part" / "in_flight.json")
    with pytest.raises(OSError) as caught_again:
        raise_if_of_machine(caught.value, tmp_path / "v.mp4")
    assert caught_again.value.filename == caught.value.filename


def test_a_crash_of_the_network_blames_no_video(tmp_path: Path) -> None:
    """The decoder is ahead by then. What was in flight is tried again, as after any other end."""
    assert encode(tmp_path / "made", "abort", "network") < 0
    assert encode(tmp_path / "made") == 0
    assert read_problems(tmp_path / "made" / "000.h5")[1] == {}


MANIFEST = (
    ENDINGS
    + """
from feature_extractors.__main__ import main
from feature_extractors.media import probing

real = probing.read_timeline

def read_timeline(file, *rest, **more):
    if file.stem == at:
        ways[way]()
    return real(file, *rest, **more)

probing.read_timeline = read_timeline
folder = sys.argv[1]
sys.argv = ["feature_extractors", "manifest", "--annotations", f"{folder}/rows.jsonl", "--videos", folder]
sys.argv += ["--shard", "0", "--shards", "1", "--config", '{"clips": {"seconds": 2}}', "--out", f"{folder}/000.jsonl"]
sys.exit(main())
"""
)


@pytest.mark.parametrize(("way", "tries"), [("abort", 1), ("kill", 2)])
def test_a_table_is_made_without_the_file_that_ended_its_process(tmp_path: Path, way: str, tries: int) -> None:
    write_media(tmp_path / "a.mkv", steady(4.0))
    write_media(tmp_path / "b.mkv", steady(4.0))
    rows = ({"qid": number, "query": "q", "vid": vid, "duration": 4} for number, vid in enumerate("ab"))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run() -> int:
        return run_python(["-c", MANIFEST, tmp_path, way, "a"], ROOT).returncode

    for _ in range(tries):
        assert run() < 0
    assert run() == 0
    table = {video.vid: (video.n_clips, video.problem) for video in read_table(tmp_path / "000.jsonl")}
    assert table == {"a": (0, ENDED), "b": (2, "")}
    assert not (tmp_path / "000.jsonl.part").exists()
    # Another file under its name is tried.
    for _ in range(tries):
        assert run() < 0
    write_media(tmp_path / "a.mkv", steady(6.0))
    assert run() < 0
