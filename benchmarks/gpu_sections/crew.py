"""Several processes that wait for orders: started once, so that no start is timed."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.gpu_sections.record import last_lines

Work = Callable[..., Any]
"""Called in a worker with the worker's state and the arguments of an order."""
START_SECONDS = 90.0


class Crew:
    """Worker processes, each with a state of its own (a dict)."""

    def __init__(self, size: int) -> None:
        # Spawned: neither CUDA nor FFmpeg's threads survive a fork.
        context = multiprocessing.get_context("spawn")
        self._pipes = []
        self._processes = []
        for _ in range(size):
            here, there = context.Pipe()
            process = context.Process(target=_obey, args=(there,), daemon=True)
            process.start()
            self._pipes.append(here)
            self._processes.append(process)

    def do(self, work: Work, orders: Sequence[tuple[Any, ...]], seconds: float = START_SECONDS) -> list[Any]:
        """Give one order to each of the first workers, all at once; returns their results.

        Raises:
            RuntimeError: a worker failed, or took more than `seconds`.
        """
        pipes = self._pipes[: len(orders)]
        for pipe, order in zip(pipes, orders, strict=True):
            pipe.send((work, order))
        results = []
        for pipe in pipes:
            if not pipe.poll(seconds):
                raise RuntimeError(f"a worker took more than {seconds:.0f} s")
            done, result = pipe.recv()
            if not done:
                raise RuntimeError(" / ".join(result))
            results.append(result)
        return results

    def end(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.kill()
            process.join()


def _obey(pipe: Any) -> None:
    state: dict[str, Any] = {}
    while True:
        try:
            work, order = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, work(state, *order)))
        except Exception:
            pipe.send((False, last_lines(traceback.format_exc())))


@contextmanager
def crew_of(size: int) -> Iterator[Crew]:
    """A crew that ends with the block."""
    crew = Crew(size)
    try:
        yield crew
    finally:
        crew.end()
