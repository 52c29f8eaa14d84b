"""Encode media files in several processes, which end when the process that started them does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from cli import UserError, track

Item = TypeVar("Item")


def encode_all(encode: Callable[[Item], None], items: Sequence[Item], processes: int, label: str) -> None:
    """Call `encode` for each item in one of some processes, with a progress bar.

    Raises:
        UserError: one of the processes was killed.
    """
    # Spawned, because FFmpeg's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_follow_parent) as pool:
        try:
            for _ in track(pool.map(encode, items), label, total=len(items)):
                pass
        except BrokenProcessPool:
            raise UserError(
                f"{label}: one of {processes} processes was killed, perhaps because memory ran out: run it again with"
                " fewer --threads"
            ) from None


def _follow_parent() -> None:
    """End this process with its parent, even if that is killed; Ctrl-C is for the parent to handle.

    Otherwise it would wait for work for ever, and whoever reads the output of the parent would wait with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
