"""Items made in another thread: in order, bounded, with their exceptions, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from feature_extractors.encoders.prefetch import prefetch


def prefetching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_items_come_in_order_and_the_thread_ends() -> None:
    assert list(prefetch(range(1000), 3)) == list(range(1000))
    assert list(prefetch([], 3)) == []
    assert not prefetching()


def test_no_more_than_asked_for_is_made_ahead() -> None:
    made = 0

    def items() -> Iterator[int]:
        nonlocal made
        for number in range(50):
            made += 1
            yield number

    for taken, _ in enumerate(prefetch(items(), 2), start=1):
        time.sleep(0.002)
        assert made <= taken + 3  # two waiting, one in the hand of the thread


def test_work_of_both_sides_overlaps() -> None:
    def items() -> Iterator[int]:
        for number in range(10):
            time.sleep(0.02)
            yield number

    start = time.monotonic()
    for _ in prefetch(items(), 2):
        time.sleep(0.02)
    assert time.monotonic() - start < 0.36  # one after the other: 0.4 s


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
