#!/usr/bin/env bash
# The duration of a DASH file that does not start at zero is its end, if it has a segment index.
#
# Believed: `stream.duration` and `container.duration` are lengths (PyAV's and FFmpeg's documentation, for every format), so
#   the end is `start_time + duration` (common reading).
# Version: av==18.1.0 (FFmpeg 8.1). av==15.1.0 (FFmpeg 7.1) reads these files alike, but writes 0 s as the index's earliest time.
# Seen: 6 seconds of video cut from a live broadcast at 3600 s, as fragmented MP4. Without a segment index (`sidx`) the duration is
#   6 s. With the index that DASH players need, one for the whole file or one per fragment, whose earliest time is 3600 s, the
#   duration is 3606 s: the absolute end. The packets and the start are the same in all three files.
# Output:
#   no index            packets from 3600.00 to 3605.96 s  start 3600 s  duration of the stream 6 s, of the container 6 s
#   index per fragment  packets from 3600.00 to 3605.96 s  start 3600 s  duration of the stream 3606 s, of the container 3606 s
#   index of the file   packets from 3600.00 to 3605.96 s  start 3600 s  duration of the stream 3606 s, of the container 3606 s
# Why it matters: recordings of live streams look like this, and the length decides how many clips a video has, where
#   evenly spaced frames are taken, and how long the longest moment may be. 6 seconds get 1803 clips of 2 s, or 3603 at
#   `start_time + duration`, of which 3 have frames. Take the end of the last packet instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
from fractions import Fraction

import av
import numpy as np

RATE, SECONDS, START = 25, 6, 3600


def write(flags: str) -> None:
    """A fragmented MP4 whose time stamps begin at START."""
    with av.open("video.mp4", "w", options={"movflags": flags}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"bf": "0", "g": str(RATE)})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(RATE * SECONDS):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), i * 7 % 256, np.uint8), format="rgb24")
            frame.pts, frame.time_base = START * RATE + i, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


seen = {}
for name, flags in {
    "no index": "frag_keyframe+delay_moov",
    "index per fragment": "frag_keyframe+delay_moov+dash",
    "index of the file": "frag_keyframe+delay_moov+dash+global_sidx",
}.items():
    write(flags)
    with av.open("video.mp4") as container:
        stream = container.streams.video[0]
        unit = stream.time_base
        start, duration = float(stream.start_time * unit), float(stream.duration * unit)
        whole = container.duration / av.time_base
        times = [float(packet.pts * unit) for packet in container.demux(stream) if packet.size]
    print(
        f"{name:18}  packets from {times[0]:.2f} to {times[-1]:.2f} s  start {start:.0f} s  "
        f"duration of the stream {duration:.0f} s, of the container {whole:.0f} s"
    )
    seen[name] = (start, duration, whole)
end = START + SECONDS
expected = {
    "no index": (START, SECONDS, SECONDS),
    "index per fragment": (START, end, end),
    "index of the file": (START, end, end),
}
sys.exit(0 if seen == expected else "the behaviour has changed")
PYTHON
