"""Progress: a bar on a terminal, a plain line every few seconds elsewhere (log files, CI)."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")
_log = logging.getLogger(__name__)


def track(items: Iterable[Item], what: str, total: int | None = None, every: float = 5.0) -> Iterator[Item]:
    """Yield `items` and report how many are done.

    `what` names the work ("clip_visual 000: videos"); `every` is the minimum time between two lines, in seconds.
    """
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
