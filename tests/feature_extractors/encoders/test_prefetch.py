"""Items made in another thread: in order, bounded, with their exceptions, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest

from feature_extractors.encoders.prefetch import prefetch

# Seconds after which a wait that nothing ends is a fault.
DEADLOCK = 120


def prefetching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_items_come_in_order_and_the_thread_ends() -> None:
    assert list(prefetch(range(1000), 3)) == list(range(1000))
    assert list(prefetch([], 3)) == []
    assert not prefetching()


def test_no_more_than_asked_for_is_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    full = threading.Event()

    class Watched(Queue[Any]):
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            if self.full():
                full.set()
            super().put(item, block, timeout)

    def items() -> Iterator[int]:
        nonlocal made
        for number in range(50):
            made += 1
            yield number

    monkeypatch.setattr("feature_extractors.encoders.prefetch.Queue", Watched)
    for taken, _ in enumerate(prefetch(items(), 2), start=1):
        if taken < 40:
            full.clear()
            assert full.wait(DEADLOCK)  # the thread is held up
        assert made <= taken + 3  # two waiting, one in the hand of the thread


def test_work_of_both_sides_overlaps() -> None:
    """Each side waits in the middle of its work for the other: alone, it would wait forever."""
    both = threading.Barrier(2, timeout=DEADLOCK)

    def items() -> Iterator[int]:
        for number in range(10):
            if number > 0:
                both.wait()
            yield number

    taken = []
    for number in prefetch(items(), 2):
        if number < 9:
            both.wait()
        taken.append(number)
    assert taken == list(range(10))


def test_an_exception_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("gone")

    taken = []
    with pytest.raises(KeyError, match="gone"):
        for item in prefetch(items(), 5):
            taken.append(item)
    assert taken == [1] and not prefetching()


def test_a_taker_that_stops_ends_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    taking = prefetch(items(), 2)
    assert next(taking) == 0
    taking.close()  # type: ignore[attr-defined]
    assert closed.is_set() and not prefetching()
