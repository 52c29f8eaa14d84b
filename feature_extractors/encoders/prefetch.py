"""Produce items in a separate thread, a few ahead of the consumer, so that decoding overlaps with encoding."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import Any, TypeVar

Item = TypeVar("Item")
_END = object()


def prefetch(items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """Yield `items` in order, produced in another thread at most `ahead` items before they are consumed.

    Exceptions in the thread are raised here. When this generator is closed, for whatever reason, the thread has ended.
    """
    queue: Queue[tuple[Any, BaseException | None]] = Queue(maxsize=max(1, ahead))
    stop = threading.Event()

    def put(item: Any, problem: BaseException | None) -> bool:
        while not stop.is_set():
            try:
                queue.put((item, problem), timeout=0.1)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        making = iter(items)
        try:
            for item in making:
                if not put(item, None):
                    return
            put(_END, None)
        except BaseException as problem:
            put(_END, problem)
        finally:
            # Close here rather than in the garbage collector: files must be closed in the thread that opened them.
            close = getattr(making, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, problem = queue.get()
            if problem is not None:
                raise problem
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join()
