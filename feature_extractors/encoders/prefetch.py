"""Make items in a thread of their own, a few ahead of who takes them: decoding beside encoding."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import Any, TypeVar

Item = TypeVar("Item")
_END = object()


def prefetch(items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """Yield `items` in their order, made in another thread at most `ahead` items before they are taken.

    What the items raise is raised here. However the taker ends, the thread has ended when this generator is closed.
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
            # Here, not wherever the garbage collector comes by: it closes files in the thread that opened them.
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
