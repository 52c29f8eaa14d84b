"""Progress: a bar on a terminal, a plain line every few seconds elsewhere (log files, CI)."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Item = TypeVar("Item")
_log = logging.getLogger(__name__)
_silent: ContextVar[bool] = ContextVar("silent", default=False)
"""Whether a caller reports the progress, so that `track` reports none."""


def track(items: Iterable[Item], what: str, total: int | None = None, every: float = 5.0) -> Iterator[Item]:
    """Yield `items` and report how many are done.

    `what` names the work ("clip_visual 000: videos"); `every` is the minimum time between two lines, in seconds.
    """
    if _silent.get():
        yield from items
        return
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        from tqdm import tqdm  # takes a tenth of the time of `eval score`, and most commands draw no bar

        yield from tqdm(items, desc=what, total=total, file=sys.stderr, dynamic_ncols=True)
        return
    last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= every or done == total:
            _log.info("%s: %d%s", what, done, f" of {total}" if total is not None else "")
            last = time.monotonic()


@contextmanager
def silence() -> Iterator[None]:
    """Silence `track`, for work that its caller reports."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


@contextmanager
def metering(what: str, seconds: float, every: float = 10.0) -> Iterator[Callable[[float], None]]:
    """Report how many of a recording's `seconds` are done, and how fast; `track` is silent meanwhile.

    Yields a function that takes the seconds done since its last call. A recording that is done within `every` seconds
    gets no line in a log.
    """
    begin = last = time.monotonic()
    done = 0.0

    def speed() -> str:
        passed = time.monotonic() - begin
        return f"{done / passed:.1f} x real time" if passed else ""

    with silence():
        if sys.stderr.isatty():
            from tqdm import tqdm

            looks: dict[str, Any] = {
                "bar_format": "{desc}: {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s{postfix}",
                "leave": False,
                "mininterval": 0,  # calls are rare: one per batch
                "miniters": 0,
            }
            with tqdm(desc=what, total=seconds, file=sys.stderr, dynamic_ncols=True, **looks) as bar:

                def draw(more: float) -> None:
                    nonlocal done
                    more = min(more, seconds - done)
                    done += more
                    bar.set_postfix_str(speed(), refresh=False)
                    bar.update(more)

                yield draw
            return

        def log(more: float) -> None:
            nonlocal done, last
            done = min(done + more, seconds)
            if time.monotonic() - last >= every:
                _log.info("%s: %.0f of %.0f s, %s", what, done, seconds, speed())
                last = time.monotonic()

        yield log
