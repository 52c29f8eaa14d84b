"""The folder of finished ids: a killed job resumes from it, and what is damaged in it is made again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli import UserError
from cli.ownership import owning
from formats.store import Arrays, Provenance, write_groups, write_store
from formats.unfinished import Unfinished
from tests.formats.small_store import CLIPS, COLUMNS, PROVENANCE, Breaking, encode, write


def stop_at(path: Path, last: str) -> Path:
    """Write a store until it comes to an id; returns the folder."""
    with pytest.raises(KeyboardInterrupt):
        write(path, Breaking(last))
    return path.with_name(path.name + ".part")


def test_damaged_arrays_are_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "whole.h5")
    content = (stop_at(tmp_path / "000.h5", "c") / "000000.npz").read_bytes()
    for damaged in (content[:300] + b"?" + content[301:], content[:100], b"", b"PK" + bytes(200)):
        folder = stop_at(tmp_path / "000.h5", "c")
        (folder / "000000.npz").write_bytes(damaged)
        caplog.clear()
        again = Breaking()
        write(tmp_path / "000.h5", again)
        assert again.encoded == ["-a", "c"]
        assert caplog.text.count("000000.npz: damaged: made again") == 1
        assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_any_wrong_bit_is_seen(tmp_path: Path) -> None:
    """Of the archive's list of members too, without which `problem` could get lost."""
    unfinished = Unfinished(tmp_path / "a.h5", "{}", ["v"])
    unfinished.save("v", {"features": np.ones((2, 4), np.float32), "problem": np.array(["cut off"])})
    file = tmp_path / "a.h5.part" / "000000.npz"
    content = file.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * len(content), 400).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"000000\.npz: damaged"):
            unfinished.load("v")
    file.write_bytes(content)
    assert unfinished.holds("v") and unfinished.load("v")["problem"].tolist() == ["cut off"]


def test_an_unreadable_identity_begins_anew(tmp_path: Path) -> None:
    folder = stop_at(tmp_path / "000.h5", "c")
    (folder / "identity.json").write_bytes(b"\xff\xfe")
    again = Breaking()
    write(tmp_path / "000.h5", again)
    assert again.encoded == ["-a", "b b", "c"]


def test_files_are_on_the_disk_before_they_are_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a power failure could leave an empty file with the final name."""
    events: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        events.append(f"sync {os.stat(descriptor).st_ino}")
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        if path.is_file():
            events.append(f"rename {path.stat().st_ino}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write(tmp_path / "000.h5")
    renames = [index for index, event in enumerate(events) if event.startswith("rename")]
    assert len(renames) == 3 + 1  # three ids and the store
    for index in renames:
        assert events[index - 1] == events[index].replace("rename", "sync")


def test_a_killed_job_goes_on_where_it_was(tmp_path: Path) -> None:
    write(tmp_path / "whole.h5")
    stopped, resumed = Breaking("c"), Breaking()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", stopped)
    assert not (tmp_path / "000.h5").exists()
    write(tmp_path / "000.h5", resumed)
    assert (stopped.encoded, resumed.encoded) == (["-a", "b b"], ["c"])
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not (tmp_path / "000.h5.part").exists()


def test_an_array_written_by_half_is_made_again(tmp_path: Path) -> None:
    write(tmp_path / "whole.h5")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"))
    # Until it is whole, an array's file has another name: this is what a job killed while it wrote leaves.
    (tmp_path / "000.h5.part" / "000002.tmp.npz").write_bytes(b"PK")
    write(tmp_path / "000.h5")
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize(
    ("provenance", "columns"),
    [
        (replace(PROVENANCE, config='{"a":2}'), COLUMNS),
        (replace(PROVENANCE, weights_sha256="1" * 64), COLUMNS),
        # The same settings, but a video was replaced, or a query was put in other words.
        (PROVENANCE, COLUMNS | {"source_sha256": np.array(["x", "new", "я"])}),
    ],
)
def test_what_was_begun_from_something_else_is_thrown_away(
    tmp_path: Path, provenance: Provenance, columns: Arrays
) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"))
    again = Breaking()
    write_store(tmp_path / "000.h5", provenance, CLIPS, again, columns)
    assert again.encoded == list(CLIPS)


def test_a_folder_without_a_readable_identity_is_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"))
    identity = tmp_path / "000.h5.part" / "identity.json"
    assert json.loads(identity.read_text())["ids"] == list(CLIPS)
    identity.write_bytes(identity.read_bytes()[:10])  # killed while it was written
    again = Breaking()
    write(tmp_path / "000.h5", again)
    assert again.encoded == list(CLIPS)


def test_a_group_that_is_not_whole_is_made_again_as_a_whole(tmp_path: Path) -> None:
    """Ids that share batches give the same bytes only if they share them again."""
    groups, asked = [["-a", "b b"], ["c"]], []

    def produce(pending: list[list[str]], stop: str = "") -> Iterator[tuple[str, Arrays]]:
        asked.append(pending)
        for name in [name for group in pending for name in group]:
            if name == stop:
                raise KeyboardInterrupt
            yield name, encode(name)

    with pytest.raises(KeyboardInterrupt):
        write_groups(tmp_path / "000.h5", PROVENANCE, groups, lambda pending: produce(pending, "b b"), COLUMNS)
    write_groups(tmp_path / "000.h5", PROVENANCE, groups, produce, COLUMNS)
    assert asked == [groups, groups]
    write(tmp_path / "whole.h5")
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_one_process_at_a_time_makes_a_store(tmp_path: Path) -> None:
    """What the first one has finished stays, although the second one has other settings."""
    path = tmp_path / "000.h5"
    with pytest.raises(KeyboardInterrupt):
        write(path, Breaking("c"))
    before = sorted(file.name for file in (tmp_path / "000.h5.part").iterdir())
    with owning(path), pytest.raises(UserError, match=r"000\.h5: process \d+ is making it"):
        write(path, provenance=replace(PROVENANCE, extractor="extractor 2"))
    assert sorted(file.name for file in (tmp_path / "000.h5.part").iterdir()) == before
    write(path)
    assert [file.name for file in tmp_path.iterdir()] == ["000.h5"]
