"""The engine of all clip streams: groups, batches, resumption after a kill, and what may not change a byte."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cli import UserError
from feature_extractors.encoders import engine
from feature_extractors.encoders.engine import (
    Decode,
    Encoder,
    Piece,
    encode_videos,
    group_videos,
)
from feature_extractors.encoders.stream import FULL_PRECISION, EncodingConfig
from feature_extractors.media import Problems, examine
from formats.grid import ClipGrid
from formats.store import Provenance, Store, read_problems
from formats.video_table import Video, write_table
from tests.feature_extractors.made_media import steady, write_media
from tests.killing import kill_at
from tests.warm import run_python

ROOT = Path(__file__).parents[3]
PROVENANCE = Provenance("made", "encoder", "0" * 64, "{}", clip_seconds=2.0)
CLIPS = {"a": 3, "b": 0, "c": 70, "d": 1, "e": 4}


@pytest.fixture
def videos(tmp_path: Path) -> list[Video]:
    for vid in CLIPS:
        (tmp_path / f"{vid}.mp4").touch()
    return [
        Video(vid=vid, file=f"{vid}.mp4", duration_s=2.0 * n, n_clips=n, has_audio=False, sha256="")
        for vid, n in CLIPS.items()
    ]


def decode(video: Video, problems: Problems) -> Iterator[Piece]:
    for clip in range(video.n_clips):
        yield Piece(clip, np.full(4, ord(video.vid) + clip / 100, np.float32))


def encoder(batch: int = 16, config: EncodingConfig = FULL_PRECISION) -> Encoder:
    torch.manual_seed(0)
    network = torch.nn.Linear(4, 8)
    return Encoder(network, torch.device("cpu"), config, batch, 8)


def test_groups_follow_from_the_table_alone(videos: list[Video]) -> None:
    assert group_videos(videos, 0) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert group_videos(videos, 4) == [["a", "b", "c"], ["d", "e"]]
    assert group_videos(videos, 1000) == [["a", "b", "c", "d", "e"]]
    assert group_videos([], 4) == []


@pytest.mark.parametrize("group_clips", [0, 4, 1000])
def test_rows_are_those_of_each_piece_however_they_are_batched(
    tmp_path: Path, videos: list[Video], group_clips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = group_videos(videos, group_clips)
    monkeypatch.setattr(engine, "group_videos", lambda *_: groups)
    encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, decode, encoder())
    store = Store(tmp_path / "000.h5")
    for video in videos:
        inputs = np.array([piece.value for piece in decode(video, Problems())], np.float32).reshape(-1, 4)
        with torch.inference_mode():
            expected = encoder().network(torch.from_numpy(inputs)).numpy()
        np.testing.assert_allclose(store.rows(video.vid), expected, rtol=1e-5, atol=1e-5)
    assert store.on_grid("c", 70)[1].all()


@pytest.mark.parametrize("group_clips", [0, 4])
def test_a_decoder_that_fails_costs_the_rest_of_its_video_only(
    tmp_path: Path, videos: list[Video], group_clips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = group_videos(videos, group_clips)
    monkeypatch.setattr(engine, "group_videos", lambda *_: groups)

    def failing(video: Video, problems: Problems) -> Iterator[Piece]:
        for piece in decode(video, problems):
            if video.vid == "c" and piece.clip == 20:
                raise UserError(f"{tmp_path / video.file}: the disk is worn")
            yield piece

    encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, failing, encoder())
    store = Store(tmp_path / "000.h5")
    assert store.on_grid("c", 70)[1].tolist() == [True] * 20 + [False] * 50
    assert len(store.rows("d")) == 1 and len(store.rows("e")) == 4
    assert read_problems(tmp_path / "000.h5")[1] == {"c": "the disk is worn"}


def test_an_unexpected_error_costs_one_video_and_is_logged(
    tmp_path: Path, videos: list[Video], caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(video: Video, problems: Problems) -> Iterator[Piece]:
        for piece in decode(video, problems):
            if video.vid == "c" and piece.clip == 20:
                raise ZeroDivisionError("by nothing")
            yield piece

    encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, wrong, encoder())
    store = Store(tmp_path / "000.h5")
    assert [len(store.rows(vid)) for vid in "abcde"] == [3, 0, 20, 1, 4]
    assert read_problems(tmp_path / "000.h5")[1] == {"c": "unexpected error: ZeroDivisionError: by nothing"}
    assert "Traceback" in caplog.text and "in wrong" in caplog.text  # a mistake in the code stays in view


def test_unexpected_errors_of_most_videos_end_the_job_and_are_tried_again(tmp_path: Path, videos: list[Video]) -> None:
    seen: list[str] = []

    def wrong_of(vids: str) -> Decode:
        def decode_some(video: Video, problems: Problems) -> Iterator[Piece]:
            seen.append(video.vid)
            if video.vid in vids:
                raise ZeroDivisionError("by nothing")
            yield from decode(video, problems)

        return decode_some

    store = tmp_path / "000.h5", PROVENANCE, videos, tmp_path
    with pytest.raises(
        UserError, match=r"^3 of 4 videos failed with an unexpected error, such as 'a' \(unexpected error: Zer"
    ):
        encode_videos(*store, wrong_of("acd"), encoder())  # b has no clips: there is nothing to look at
    assert not (tmp_path / "000.h5").exists()
    seen.clear()
    encode_videos(*store, wrong_of("ac"), encoder())
    assert seen == ["a", "c", "d"]  # e was kept
    found = Store(tmp_path / "000.h5")
    assert [len(found.rows(vid)) for vid in "abcde"] == [0, 0, 0, 1, 4]
    assert list(read_problems(tmp_path / "000.h5")[1]) == ["a", "c"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.ENOMEM, errno.ENOSPC])
def test_a_fault_of_the_machine_ends_the_job_and_what_is_made_stays(
    tmp_path: Path, videos: list[Video], number: int
) -> None:
    def failing(video: Video, problems: Problems) -> Iterator[Piece]:
        yield from decode(video, problems)
        if video.vid == "c":
            raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=os.strerror(number)) as problem:
        encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, failing, encoder())
    assert problem.value.filename == str(tmp_path / "c.mp4")
    assert sorted(file.stem for file in (tmp_path / "000.h5.part").glob("*.npz")) == ["000000", "000001"]


def test_a_disk_that_cannot_be_read_ends_the_job_and_names_the_file(
    tmp_path: Path, videos: list[Video], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(engine, "digest_of", fail)
    table = [replace(video, sha256="0" * 64) for video in videos]
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as problem:
        encode_videos(tmp_path / "000.h5", PROVENANCE, table, tmp_path, decode, encoder())
    assert problem.value.filename == str(tmp_path / "a.mp4")


def test_a_file_that_changed_since_its_table_gives_no_features(tmp_path: Path, videos: list[Video]) -> None:
    """Its grid and its sha256 are those of another film."""
    (tmp_path / "e.mp4").write_bytes(b"another film")
    sums = {vid: hashlib.sha256(b"").hexdigest() for vid in CLIPS}
    table = [replace(video, sha256=sums[video.vid]) for video in videos]
    encode_videos(tmp_path / "000.h5", PROVENANCE, table, tmp_path, decode, encoder())
    store = Store(tmp_path / "000.h5")
    assert [len(store.rows(vid)) for vid in "abcde"] == [3, 0, 70, 1, 0]
    cause = "the file is another than when its table was made: left out; make the table again"
    assert read_problems(tmp_path / "000.h5")[1] == {"e": cause}


def test_a_file_that_is_older_than_its_table_is_read_only_if_it_decodes_with_problems(
    tmp_path: Path, videos: list[Video], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg takes a disk that cannot be read for damage: reading all of the file tells the one from the other."""
    asked: list[str] = []

    def digest(file: Path) -> str:
        asked.append(file.stem)
        return hashlib.sha256(b"").hexdigest()

    def damaged(video: Video, problems: Problems) -> Iterator[Piece]:
        yield from decode(video, problems)
        if video.vid == "c":
            problems.add("damaged")

    monkeypatch.setattr(engine, "digest_of", digest)
    table = [replace(video, sha256=hashlib.sha256(b"").hexdigest(), size=0) for video in videos]
    encode_videos(tmp_path / "read.h5", PROVENANCE, table, tmp_path, damaged, encoder())
    assert asked == ["a", "c", "d", "e"]  # all that have clips
    encode_videos(tmp_path / "000.h5", PROVENANCE, table, tmp_path, damaged, encoder(), made_ns=2**62)
    assert asked[4:] == ["c"]
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "read.h5").read_bytes()

    def fail(file: Path) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(engine, "digest_of", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as problem:
        encode_videos(tmp_path / "001.h5", PROVENANCE, table, tmp_path, damaged, encoder(), made_ns=2**62)
    assert problem.value.filename == str(tmp_path / "c.mp4")


def test_a_file_that_is_replaced_and_restored_is_encoded_by_the_next_run(tmp_path: Path, videos: list[Video]) -> None:
    """The job that saw the other file was interrupted, so its unfinished store must not lack this one."""

    def interrupted(video: Video, problems: Problems) -> Iterator[Piece]:
        if video.vid == "c":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield from decode(video, problems)

    sums = {vid: hashlib.sha256(b"").hexdigest() for vid in CLIPS}
    table = [replace(video, sha256=sums[video.vid]) for video in videos]
    (tmp_path / "a.mp4").write_bytes(b"another film")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        encode_videos(tmp_path / "000.h5", PROVENANCE, table, tmp_path, interrupted, encoder())
    (tmp_path / "a.mp4").write_bytes(b"")
    encode_videos(tmp_path / "000.h5", PROVENANCE, table, tmp_path, decode, encoder())
    encode_videos(tmp_path / "whole.h5", PROVENANCE, table, tmp_path, decode, encoder())
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert len(Store(tmp_path / "000.h5").rows("a")) == 3


def test_a_folder_that_is_no_longer_there_is_an_error(tmp_path: Path, videos: list[Video]) -> None:
    (tmp_path / "c.mp4").unlink()
    with pytest.raises(UserError, match=r"c\.mp4: no such video"):
        encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, decode, encoder())


def test_values_too_large_for_halves_are_an_error(tmp_path: Path, videos: list[Video]) -> None:
    def loud(video: Video, problems: Problems) -> Iterator[Piece]:
        yield Piece(0, np.full(4, 1e9, np.float32))

    with pytest.raises(UserError, match=r"encoding\.dtype: features are too large for float16"):
        half = EncodingConfig(dtype="float16")
        encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, loud, encoder(config=half))


@pytest.mark.parametrize(
    ("precision", "dtype", "weight", "message"),
    [
        (
            "float16",
            "float32",
            1e4,
            r"encoding\.precision: features overflow in float16: set it to bfloat16 or float32",
        ),
        ("float16", "float16", 1e4, r"encoding\.precision: features overflow"),
        ("float32", "float32", float("nan"), "features are not finite numbers: the weights are damaged"),
        ("bfloat16", "float16", float("inf"), "features are not finite numbers: the weights are damaged"),
    ],
)
def test_features_that_are_no_numbers_are_an_error_and_what_is_made_stays(
    tmp_path: Path, videos: list[Video], precision: str, dtype: str, weight: float, message: str
) -> None:
    def first_quiet(video: Video, problems: Problems) -> Iterator[Piece]:
        for clip in range(video.n_clips):
            yield Piece(clip, np.full(4, 0.0 if video.vid == "a" else 1e3, np.float32))

    config = EncodingConfig.from_dict({"precision": precision, "dtype": dtype})
    network = torch.nn.Linear(4, 8, bias=False)
    torch.nn.init.constant_(network.weight, weight if precision == "float16" else 1.0)
    made = Encoder(lambda x: network(x) * (1.0 if x.sum() == 0 else weight), torch.device("cpu"), config, 16, 8)
    with pytest.raises(UserError, match=message):
        encode_videos(tmp_path / "000.h5", PROVENANCE, videos, tmp_path, first_quiet, made)
    assert not (tmp_path / "000.h5").exists()
    assert sorted(file.stem for file in (tmp_path / "000.h5.part").glob("*.npz")) == ["000000", "000001"]


def test_a_killed_job_encodes_no_finished_video_again(
    tmp_path: Path, clip_definition: Path, clip_weights: Path
) -> None:
    """SIGKILL before the third video's file has its name. Videos that were done are then taken away: unread."""
    folder = tmp_path / "videos"
    folder.mkdir()
    names = [f"v{number}" for number in range(6)]
    for number, name in enumerate(names):
        write_media(folder / f"{name}.mp4", steady(8.0), first=number)
    table = [examine(folder, name, folder / f"{name}.mp4", "", ClipGrid(seconds=0.1)) for name in names]
    write_table(tmp_path / "table.jsonl", table)
    clip = {"architecture": "tiny-clip", "definition": str(clip_definition)}
    config = json.dumps({"clips": {"seconds": 0.1}, "clip": clip, "visual": {}})

    def command(out: str) -> list[str]:
        files = ["--manifest", tmp_path / "table.jsonl", "--videos", folder, "--weights", clip_weights]
        options = [*files, "--config", config, "--device", "cpu", "--out", tmp_path / out]
        return ["-m", "feature_extractors", "encode", "--stream", "clip_visual", *map(str, options)]

    assert run_python(command("whole.h5"), ROOT).returncode == 0
    part = tmp_path / "killed.h5.part"
    environment = kill_at(tmp_path / "hook", "000002.npz", before=True)
    killed = run_python(command("killed.h5"), ROOT, environment)
    assert killed.returncode == -signal.SIGKILL
    done = sorted(file.stem for file in part.glob("??????.npz"))
    assert done == ["000000", "000001"] and (part / "000002.tmp.npz").exists()
    assert not (tmp_path / "killed.h5").exists()
    for name in done:
        (folder / f"{names[int(name)]}.mp4").unlink()
    resumed = run_python(command("killed.h5"), ROOT)
    assert resumed.returncode == 0 and "4 of 4" in resumed.stderr
    assert (tmp_path / "killed.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
