#!/usr/bin/env bash
# In a bare HEVC stream, only the first packets have their real duration.
#
# Believed: a packet's `duration` is how long it is shown, in units of `time_base` (PyAV's and FFmpeg's documentation), so
#   the sum over all packets is the length of a stream whose header has none. Code that counts seconds without decoding does this.
# Version: av==18.1.0 (FFmpeg 8.1); the same with av==15.1.0 (FFmpeg 7.1).
# Seen: in a bare (Annex B) HEVC stream whose VUI has no timing, which the standard allows, the packets that were read while the
#   file was opened (50 here) have the duration of one frame at the 25 Hz that FFmpeg assumes, all later ones 1 tick of 1/1200000 s.
#   Any video lasts about 2 seconds, without a warning or an error. Everything is right once the VUI has timing.
# Output:
#   timing in VUI: False  made:  2 s, 50 packets at 25 Hz  sum of durations: 2.000 s  packets of one frame: 50, of 1 tick: 0
#   timing in VUI: False  made: 10 s, 250 packets at 25 Hz  sum of durations: 2.000 s  packets of one frame: 50, of 1 tick: 200
#   timing in VUI: False  made: 20 s, 500 packets at 25 Hz  sum of durations: 2.000 s  packets of one frame: 50, of 1 tick: 450
#   timing in VUI: True   made:  2 s, 50 packets at 25 Hz  sum of durations: 2.000 s  packets of one frame: 50, of 1 tick: 0
#   timing in VUI: True   made: 10 s, 250 packets at 25 Hz  sum of durations: 10.000 s  packets of one frame: 250, of 1 tick: 0
#   timing in VUI: True   made: 20 s, 500 packets at 25 Hz  sum of durations: 20.000 s  packets of one frame: 500, of 1 tick: 0
# Why it matters: the number of clips of a video follows from its length. A one-hour camera recording becomes one clip of
#   2 seconds, and its features, labels and predictions are cut to that. Count packets and divide by the known rate instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import av
import numpy as np

RATE = 25


def encode(seconds: int, timing: bool) -> bytes:
    """A bare HEVC stream of grey frames, with or without timing in its VUI."""
    file = io.BytesIO()
    with av.open(file, "w", format="hevc") as container:
        parameters = f"log-level=error:keyint={RATE}:vui-timing-info={int(timing)}"
        stream = container.add_stream("libx265", rate=RATE, options={"x265-params": parameters})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(RATE * seconds):
            picture = np.full((64, 64, 3), i * 7 % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


changed = False
for timing in (False, True):
    for seconds in (2, 10, 20):
        with av.open(io.BytesIO(encode(seconds, timing)), format="hevc") as container:
            stream = container.streams.video[0]
            durations = [packet.duration for packet in container.demux(stream) if packet.size]
            tick, rate = stream.time_base, stream.average_rate
        total = float(sum(durations) * tick)
        whole = sum(duration * tick * rate == 1 for duration in durations)
        print(
            f"timing in VUI: {timing!s:5}  made: {seconds:2} s, {len(durations)} packets at {rate} Hz  "
            f"sum of durations: {total:.3f} s  packets of one frame: {whole}, of 1 tick: {durations.count(1)}"
        )
        expected = seconds if timing else 2
        changed |= abs(total - expected) > 0.01
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
