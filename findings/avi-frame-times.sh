#!/usr/bin/env bash
# Frames of H.264 in AVI come in the right order with the wrong times.
#
# Believed: `frame.pts` (and `frame.time`) says when a decoded frame is shown (PyAV's documentation), and frames come in ascending
#   pts (common reading: every loop that takes "the first frame at or after t" relies on it).
# Version: av==18.1.0 (FFmpeg 8.1); the same with av==15.1.0 (FFmpeg 7.1).
# Seen: one brightening video with B-frames, in three containers. AVI stores no presentation times; packets in decoding order get
#   pts 1, 2, 3 ... with dts 0, 1, 2 ..., and each decoded frame keeps the number of its packet. The pictures come in
#   display order, but their pts jump back and forth, and none is 0. MP4 and Matroska are right.
# Output:
#   avi       pictures in display order: True  pts in frames: [1, 4, 5, 3, 6, 7, 2, 8, 10, 9, 11, 13] ...  largest error: 4 frames
#   matroska  pictures in display order: True  pts in frames: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] ...  largest error: 0 frames
#   mp4       pictures in display order: True  pts in frames: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] ...  largest error: 0 frames
# Why it matters: old camera and web collections are AVI. A sampler that compares pts with its targets skips frames or takes
#   one from the next clip, and sorting by pts, which repairs other files, shuffles the pictures of this one, so
#   that motion features see movement back and forth. Number the decoded frames and divide by the rate.
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

RATE, FRAMES = 25, 50


def encode(container_format: str) -> bytes:
    """Frame i is grey of level 5 i, encoded with 5 B-frames between references."""
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        options = {"bf": "5", "g": str(RATE), "x264-params": "b-adapt=0"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * i, np.uint8), format="rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


changed = False
for container_format in ("avi", "matroska", "mp4"):
    data = encode(container_format)
    with av.open(io.BytesIO(data)) as container:
        frames = [(frame.time, float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)]
    shown = [round(level / 5) for _, level in frames]
    numbers = [round(time * RATE) for time, _ in frames]
    error = max(abs(number - i) for i, number in enumerate(numbers))
    ordered = shown == list(range(FRAMES))
    print(
        f"{container_format:8}  pictures in display order: {ordered}  pts in frames: {numbers[:12]} ...  "
        f"largest error: {error} frames"
    )
    changed |= not ordered or (error == 0) is (container_format == "avi")
    changed |= container_format == "avi" and (numbers == sorted(numbers) or 0 in numbers)
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
