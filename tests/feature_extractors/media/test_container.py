"""Packets are read on behind what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

from feature_extractors.media.container import LATE_STREAM, RETRIES, Problems, read_packets


class Recording:
    """A transport stream that gains a stream: PyAV raises IndexError for each of its packets (None here)."""

    format = SimpleNamespace(name="mpegts")
    start_time = 0

    def __init__(self, packets: list[int | None]) -> None:
        self.packets = iter(packets)
        self.asked = 0

    def demux(self, *_: object) -> Iterator[SimpleNamespace]:
        self.asked += 1
        for number in self.packets:
            if number is None:
                raise IndexError("list index out of range")
            yield SimpleNamespace(number=number, dts=None, stream_index=0)


def test_a_stream_that_begins_later_is_left_out() -> None:
    problems = Problems()
    found = read_packets(Recording([0, 1, None, None, 2, None, 3]), [], problems)  # type: ignore[arg-type]
    assert [packet.number for packet in found] == [0, 1, 2, 3]
    assert str(problems) == LATE_STREAM


def test_of_such_a_stream_alone_nothing_is_read_for_ever() -> None:
    recording = Recording([0, *[None] * (2 * RETRIES)])
    assert len(list(read_packets(recording, [], Problems()))) == 1  # type: ignore[arg-type]
    assert recording.asked <= RETRIES + 1
