"""Remember which video is being decoded, so that a crash in a native library costs one video and not its shard.

A small file names the video in flight, and a restarted job finds it. If the trace of a fatal signal in the decoding
thread lies next to it, this video crashed the process. Without a trace (the process was killed from outside, or because
memory ran out) the video is tried once more.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cli.outputs import naming
from feature_extractors.media.container import Problems
from formats.video_table import Video

Item = TypeVar("Item")
Decode = Callable[[Video, Problems], Iterator[Item]]
ENDED = "ended the process that decoded it: left out"
"""The recorded cause of such a video."""
TRIES = 2
"""Times that a process may end without a trace while decoding a video before the video is left out."""

_log = logging.getLogger(__name__)


class InFlight:
    """Records the video in flight in a folder.

    Attributes:
        ended: names that must not be tried again.
    """

    def __init__(self, folder: Path) -> None:
        """Read what the last run left in `folder`, which need not exist."""
        self._folder = folder
        self._marker, self._trace = folder / "in_flight.json", folder / "fatal_signal.txt"
        name, self._deaths = self._read()
        if name is not None:
            crashed = self._crashed()
            self._deaths[name] = TRIES if crashed else self._deaths.get(name, 0) + 1
            how = "crashed" if crashed else "was killed or ended without a trace"
            _log.warning("the last run %s while decoding %r", how, name)
        self.ended = {one for one, deaths in self._deaths.items() if deaths >= TRIES}

    def guard(self, decode: Decode[Item]) -> Decode[Item]:
        """Wrap `decode` so that it records the video in flight, and skips videos that ended a process."""

        def guarded(video: Video, problems: Problems) -> Iterator[Item]:
            if video.vid in self.ended:
                problems.add(ENDED)
                return
            with self._remembered(video.vid):
                yield from decode(video, problems)

        return guarded

    def run(self, name: str, action: Callable[[], Item]) -> Item:
        """Run an action, recorded as in flight under `name`, and return its result."""
        with self._remembered(name):
            return action()

    @contextmanager
    def _remembered(self, name: str) -> Iterator[None]:
        with naming(self._marker):  # a full disk: not the fault of the video in flight
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(name)
        was_enabled = faulthandler.is_enabled()
        with self._trace.open("w", encoding="utf-8") as trace:
            faulthandler.enable(trace, all_threads=False)
            try:
                yield
            finally:
                faulthandler.disable()
                if was_enabled and sys.__stderr__ is not None:
                    faulthandler.enable(sys.__stderr__)
                with naming(self._marker):
                    self._write(None)

    def forget(self) -> None:
        """Remove the folder, once the output is written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, name: str | None) -> None:
        unfinished = self._marker.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"name": name, "deaths": self._deaths}), encoding="utf-8")
        unfinished.replace(self._marker)

    def _read(self) -> tuple[str | None, dict[str, int]]:
        try:
            found = json.loads(self._marker.read_text(encoding="utf-8"))
            return found["name"], {str(name): int(deaths) for name, deaths in found["deaths"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None, {}

    def _crashed(self) -> bool:
        """Whether the decoding thread raised a fatal signal: its trace then goes through this module."""
        try:
            return Path(__file__).name in self._trace.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
