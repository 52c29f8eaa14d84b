"""The clock of MPEG streams, which has 33 bits and wraps around to 0 after 26.5 hours."""

from __future__ import annotations

from typing import Any

from av.container import InputContainer

AS_WRITTEN = {"correct_ts_overflow": "0"}
"""Option for FFmpeg. Without it, FFmpeg takes every clock that restarts more than a minute lower for a wraparound, and
puts 26.5 hours between two recordings that were joined."""
PERIOD = 1 << 33
"""Ticks until the clock wraps around, at 90,000 ticks per second."""
NEAR = 60 * 90_000
"""After a wraparound, time continues where it was, give or take this many ticks."""
FORMATS = {"mpegts", "mpeg"}


class Clock:
    """Makes the packet times of a file continue past a wraparound of its clock. Other files are left as they are."""

    def __init__(self, container: InputContainer) -> None:
        self._wraps = container.format.name in FORMATS
        # The start of the earliest stream. If two streams begin on either side of a wraparound, it is the one after it.
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
            packet.pts += (
                round((packet.dts - packet.pts) / PERIOD) * PERIOD
            )  # only one of the two may have wrapped around
