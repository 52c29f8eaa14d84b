"""The cache of features: shared by processes, and no larger in memory for longer videos."""

from __future__ import annotations

import fcntl
import logging
import shutil
import tracemalloc
from pathlib import Path

import pytest
import torch

from av_highlights import Bundle, UserError, load_bundle
from av_highlights.features import FeatureSource, default_cache
from feature_extractors.fingerprints import digest_of
from tests.av_highlights.conftest import write_video

CPU = torch.device("cpu")


def test_a_second_process_waits_and_finds_the_features(
    loaded: Bundle, street: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held by another open file, as by another process, which encodes the video before it lets go."""
    caplog.set_level(logging.INFO)
    cache, other = tmp_path / "cache", tmp_path / "other"
    FeatureSource(loaded, other, CPU).of_video(street)
    digest = digest_of(street)
    folder = cache / "videos" / digest[:2] / digest
    folder.mkdir(parents=True)
    held = (folder / "lock").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    lock = fcntl.flock

    def finish(file: object, operation: int) -> None:
        if operation == fcntl.LOCK_EX:  # this process waits
            for store in (other / "videos" / digest[:2] / digest).iterdir():
                if store.name != "lock":
                    store.rename(folder / store.name)
            held.close()
        lock(file, operation)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", finish)
    caplog.clear()
    found = FeatureSource(loaded, cache, CPU).of_video(street)
    assert found.cached and caplog.messages == [
        "another process encodes street.mp4: waiting for it",
        "features of street.mp4 are cached",
    ]


def test_copies_of_a_bundle_share_features(loaded: Bundle, bundle: Path, street: Path, tmp_path: Path) -> None:
    FeatureSource(loaded, tmp_path / "cache", CPU).of_video(street)
    moved = load_bundle(Path(shutil.copytree(bundle, tmp_path / "moved")))
    assert FeatureSource(moved, tmp_path / "cache", CPU).of_video(street).cached


def test_a_file_that_changes_meanwhile(
    loaded: Bundle, street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that is still running."""
    monkeypatch.setattr("av_highlights.features.digest_of", lambda file: "0" * 64)
    with pytest.raises(UserError, match=r"street\.mp4: changes while it is read"):
        FeatureSource(loaded, tmp_path / "cache", CPU).of_video(street)


def test_memory_holds_a_few_batches_of_a_long_video(loaded: Bundle, tmp_path: Path) -> None:
    """Of ten batches of pictures two wait, one is made and one encoded. benchmarks/find.py measures an hour."""
    source = FeatureSource(loaded, tmp_path / "cache", CPU)
    source.of_video(write_video(tmp_path / "first.mp4", 4.0, sound=False))  # loads the encoders
    video = write_video(tmp_path / "long.mp4", 1280.0, sound=False, fps=0.5)
    tracemalloc.start()
    source.of_video(video)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    batch = 64 * 3 * 32 * 32 * 4
    assert batch < peak < 5 * batch


def test_the_default_is_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "av-highlights"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_cache() == Path("/home/ada/.cache/av-highlights")
