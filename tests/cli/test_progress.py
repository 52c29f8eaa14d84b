"""Progress is lines in a log and a bar on a terminal; the items pass through either."""

from __future__ import annotations

import io
import logging
from types import SimpleNamespace

import pytest

from cli import progress, track


class Clock:
    """Seconds that pass only when they are added."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: self.now))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_few_lines_and_always_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock(monkeypatch)
    for _ in track(range(500), "videos"):
        clock.now += 0.015625  # a line comes every 5 s, that is after 320
    assert caplog.messages == ["videos: 320 of 500", "videos: 500 of 500"]


def test_a_slow_job_reports_every_so_often(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock(monkeypatch)
    for _ in track(iter("abcd"), "queries", every=0.5):
        clock.now += 0.75
    # No length is known, so no total, and no last line beside that of the fourth.
    assert caplog.messages == ["queries: 1", "queries: 2", "queries: 3", "queries: 4"]


def test_a_total_is_taken_where_the_items_have_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert list(track(iter("abc"), "files", total=3)) == ["a", "b", "c"]
    assert caplog.messages == ["files: 3 of 3"]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(track([1, 2, 3], "videos")) == [1, 2, 3]
    assert "videos: 100%" in terminal.getvalue() and "3/3" in terminal.getvalue()
    assert not caplog.messages


def test_items_are_taken_one_at_a_time() -> None:
    """A killed job must not have taken more than it has done."""
    taken = []
    items = track((taken.append(item) or item for item in range(9)), "items")
    assert next(items) == 0 and taken == [0]
    items.close()
    assert taken == [0]


def test_a_recording_is_metered_in_seconds_and_hides_what_is_within(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock(monkeypatch)
    with progress.metering("a.mp4 (1 of 2): clap", 600.0) as advance:
        for _ in track(range(3), "shard"):
            clock.now += 8.0  # a line comes every 10 s
            advance(250.0)  # the last 150 s do not exist
    # 500 s in 16 s; the third step is 8 s after that line.
    assert caplog.messages == ["a.mp4 (1 of 2): clap: 500 of 600 s, 31.2 x real time"]
    assert list(track([1], "videos")) == [1] and caplog.messages[-1] == "videos: 1 of 1"


def test_a_terminal_gets_a_bar_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, terminal = Clock(monkeypatch), Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress.metering("a.mp4", 100.0) as advance:
        clock.now += 5.0
        advance(60.0)
        advance(60.0)
    assert "a.mp4: 100%" in terminal.getvalue() and "100 of 100 s, 20.0 x real time" in terminal.getvalue()


def test_silence_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with progress.silence():
        assert list(track("ab", "files")) == ["a", "b"]
    assert list(track("ab", "files")) == ["a", "b"]
    assert caplog.messages == ["files: 2 of 2"]
