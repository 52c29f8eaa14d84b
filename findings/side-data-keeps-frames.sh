#!/usr/bin/env bash
# Reading a frame's `side_data` keeps its picture in memory until Python looks for garbage, which it seldom does.
#
# Believed: a decoded frame is freed when nothing refers to it any more, as frames are whose pixels or times were read. So a loop
#   over a video needs the memory of a few frames, whatever its length.
# Version: av==18.1.0 (FFmpeg 8.1).
# Seen: the property makes a container of side data that refers to the frame, and the frame keeps it, also if there is none to read. Such a pair is
#   freed only by a search for garbage. Python counts objects, not bytes, before it searches: a few per frame, so hundreds of pictures
#   wait with its default threshold of 700, and every one where a program has set garbage collection aside, as many do for speed.
#   The same container, made by hand (`SideDataContainer(frame)`), reads the same and leaves nothing, since the frame does not know it.
# Output (200 frames of 640x360, 0.3 MB each; frames alive at most):
#   garbage collection as by default: nothing read:   2   side_data: 163   container by hand:   2
#   garbage collection off:           nothing read:   2   side_data: 201   container by hand:   2
# Why it matters: the display matrix (is the telephone's video upright?) is side data. Code that reads it for each frame needs gigabytes
#   for a minute of video. A reference cycle of another kind, between VideoFormat and its components, is known (issue 2206 of
#   PyAV-Org/PyAV); it keeps no pictures.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import io
import sys

import av
from av.sidedata.sidedata import SideDataContainer

FRAMES = 200
READERS = {
    "nothing read": lambda frame: None,
    "side_data": lambda frame: frame.side_data.get("DISPLAYMATRIX"),
    "container by hand": lambda frame: SideDataContainer(frame).get("DISPLAYMATRIX"),
}


def encode() -> bytes:
    """Grey frames, H.264 in Matroska."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(FRAMES):
            frame = av.VideoFrame(640, 360, "yuv420p")
            for plane in frame.planes:
                plane.update(b"\x80" * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def most_alive(data: bytes, read) -> int:
    """The largest number of frames that Python knows at once while a video is decoded."""
    most = 0
    gc.collect()
    with av.open(io.BytesIO(data)) as container:
        container.streams.video[0].thread_count = 1
        for frame in container.decode(video=0):
            read(frame)
            most = max(most, sum(isinstance(one, av.VideoFrame) for one in gc.get_objects()))
    return most


data = encode()
changed = False
for name, switch in (("as by default:", gc.enable), ("off:", gc.disable)):
    switch()
    found = {what: most_alive(data, read) for what, read in READERS.items()}
    print(f"garbage collection {name:14} " + "   ".join(f"{what}: {count:3}" for what, count in found.items()))
    changed |= found["side_data"] < FRAMES // 4 or max(found["nothing read"], found["container by hand"]) > 5
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
