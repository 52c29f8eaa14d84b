"""Files dated in the future: sources are refused, what the rules made is dated to now."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cli import UserError
from workflow.checks.dates import SLACK, check_dates, date_back

NOW = 1_700_000_000.0
DAY = 86_400


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A store, a checkpoint and a table of results, all made now."""
    monkeypatch.chdir(tmp_path)
    found = [Path("features/own/pann/000.h5"), Path("runs/own/base/all/seed1/best.pt"), Path("results/own/summary.md")]
    for file in found:
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (NOW, NOW))
    return found


def test_sources_of_today_are_taken(files: list[Path]) -> None:
    check_dates([*files, Path("none.mp4")], NOW)
    os.utime(files[0], (NOW + SLACK, NOW + SLACK))  # the clock of a file server
    check_dates(files, NOW)


def test_a_source_dated_in_the_future_is_refused(files: list[Path]) -> None:
    os.utime(files[0], (NOW + DAY, NOW + DAY))
    with pytest.raises(UserError, match=r"^features/own/pann/000\.h5 is dated in the future \(2023-11-1.*`touch` it$"):
        check_dates(files, NOW)
    os.utime(files[1], (NOW + 2 * DAY, NOW + 2 * DAY))
    with pytest.raises(UserError, match=r"^runs/.*\(2023-11-1.*\), the latest of 2 such files: .*`touch` them$"):
        check_dates(files, NOW)


def test_what_was_made_is_dated_back_in_its_order(files: list[Path]) -> None:
    assert date_back(NOW) == []
    os.utime(files[2], (NOW - DAY, NOW - DAY))
    os.utime(files[0], (NOW + 2 * DAY, NOW + 2 * DAY))  # newer than the checkpoint: the network is trained again
    os.utime(files[1], (NOW + DAY, NOW + DAY))
    [line] = date_back(NOW)
    assert line.startswith("features/own/pann/000.h5 was dated in the future (2023-11-1")
    assert line.endswith("), the latest of 2 such files: dated back to now")
    times = [file.stat().st_mtime for file in files]
    assert NOW <= times[1] < times[0] < NOW + 1 and times[2] == NOW - DAY
    assert date_back(NOW) == []


def test_another_users_file_is_named_and_stops_nothing(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.utime

    def refuse(file: Path, *, ns: tuple[int, int]) -> None:
        if file == files[2]:
            raise PermissionError(1, "Operation not permitted")
        real(file, ns=ns)

    for file in (files[0], files[2]):
        os.utime(file, (NOW + DAY, NOW + DAY))
    monkeypatch.setattr(os, "utime", refuse)
    first, second = date_back(NOW)
    assert re.fullmatch(r"features/own/pann/000\.h5 was dated in the future \([^)]*\): dated back to now", first)
    assert second.startswith("results/own/summary.md is dated in the future (2023-11-1")
    assert second.endswith(
        ") and cannot be dated back (operation not permitted): Snakemake would remove what is made from it"
    )
