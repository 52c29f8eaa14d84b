"""The clock of MPEG streams, which has 33 bits and starts again at 0 after 26.5 hours."""

from __future__ import annotations

from typing import Any

from av.container import InputContainer

AS_WRITTEN = {"correct_ts_overflow": "0"}
"""Option for FFmpeg, which else takes every clock that starts again more than a minute lower for one that ran full, and
puts 26.5 hours between two recordings that were joined."""
PERIOD = 1 << 33
"""Ticks, of which there are 90,000 a second."""
NEAR = 60 * 90_000
"""A clock that ran full goes on where it was, give or take this many ticks."""
FORMATS = {"mpegts", "mpeg"}


class Clock:
    """Makes the times of the packets of a file go on where its clock ran full; other files are left as they are."""

    def __init__(self, container: InputContainer) -> None:
        self._wraps = container.format.name in FORMATS
        # The earliest of all streams: of two that begin beside the wrap, on either side of it, this is the later one.
        self._start = (container.start_time or 0) * 9 // 100  # microseconds to ticks
        self._last: dict[int, int] = {}

    def unwrap(self, packet: Any) -> None:
        """Correct a packet's times in place. Packets come in the order of the file."""
        if not self._wraps or packet.dts is None:
            return
        stream, dts = packet.stream_index, packet.dts
        if stream in self._last:
            step = self._last[stream] - dts
            turns = round(step / PERIOD)
            turns = turns if abs(step - turns * PERIOD) < NEAR else 0
        else:
            turns = round((self._start - dts) / PERIOD)
        packet.dts = self._last[stream] = dts + turns * PERIOD
        if packet.pts is not None:
            packet.pts += turns * PERIOD
            packet.pts += round((packet.dts - packet.pts) / PERIOD) * PERIOD  # one of the two may have run full
