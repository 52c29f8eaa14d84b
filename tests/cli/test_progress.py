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
