#!/usr/bin/env bash
# imageio's PyAV plugin reads other frames by index than it counts when it reads all of them.
#
# Believed: `file.read(index=i)` and `iio.imread(..., index=i, plugin="pyav")` read "the index-th frame from the file" (imageio's
#   documentation), which is item i of `iio.imiter`. It warns of B-frames; these videos have none, and their frame rate is constant.
# Version: imageio==2.38.1 with av==18.1.0.
# Seen: unless the container format is one of variable rate, the plugin makes a time of the index, index / rate, seeks to it, and counts
#   on from the key frame there, whose number is its time * rate, cut off. Matroska rounds times to milliseconds, so the key
#   frame at 0.400 s of 29.97 frames per second is taken for frame 11 although it is 12, and its group comes one frame late. In a
#   file whose video starts late, every frame is out by the delay. In MPEG-TS the seek lands behind its target: whatever the index, the next
#   key frame comes, and after the last one none. Nothing warns. `constant_framerate=False` reads the right frames, from the start.
# Output:
#   file        wrong by index  without constant_framerate  index 10, 20, 30 return
#   plain.mp4       0 of 48                    0 of 48        10, 20, 30
#   plain.mkv      26 of 48                    0 of 48        10, 21, 30
#   late.mp4       47 of 48                    0 of 48        0, 10, 20
#   plain.ts       43 of 48                    0 of 48        12, 24, 36
# Why it matters: samplers name frames by index. Features then come from the next frame, from pictures before the clip, or from the next
#   key frame, seconds away in most videos, while the labels stay where they were. Iterate and keep what you need, or
#   pass `constant_framerate=False`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet imageio==2.38.1 av==18.1.0 numpy==2.4.6 pillow==13.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import sys
from fractions import Fraction

import av
import imageio.v3 as iio
import numpy as np

FRAMES, GROUP = 48, 12
NTSC = Fraction(30000, 1001)


def encode(name: str, codec: str, rate: Fraction, first: int) -> str:
    """Write frame i as grey of level 5 i + 8, without B-frames; the first is shown at `first` / `rate` seconds."""
    with av.open(name, "w") as container:
        options = {"g": str(GROUP), "bf": "0", "x264-params": "scenecut=0", "b": "2M"}
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * i + 8, np.uint8), format="rgb24")
            frame.pts = first + i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return name


def number(picture: np.ndarray) -> int:
    return round((float(picture.mean()) - 8) / 5)


def read(file: str, **options) -> list[int | None]:
    """The number of the frame that is returned for each index, asked for in any order, None where none is."""
    numbers: list[int | None] = [None] * FRAMES
    with iio.imopen(file, "r", plugin="pyav") as opened:
        for i in np.random.default_rng(0).permutation(FRAMES).tolist():
            with contextlib.suppress(StopIteration):
                numbers[i] = number(opened.read(index=i, thread_count=1, **options))
    return numbers


files = [
    (encode("plain.mp4", "libx264", NTSC, 0), 0, 20),
    (encode("plain.mkv", "libx264", NTSC, 0), 20, 21),
    (encode("late.mp4", "libx264", Fraction(25), 10), 40, 10),
    (encode("plain.ts", "libx264", Fraction(25), 0), 40, 24),
]
changed = False
print("file        wrong by index  without constant_framerate  index 10, 20, 30 return")
for file, expected, twentieth in files:
    ordered = [number(picture) for picture in iio.imiter(file, plugin="pyav")] == list(range(FRAMES))
    seen = read(file)
    slow = read(file, constant_framerate=False)
    wrong, slow_wrong = (sum(shown != i for i, shown in enumerate(numbers)) for numbers in (seen, slow))
    examples = ", ".join(str(seen[i]) for i in (10, 20, 30))
    print(f"{file:11} {wrong:5} of {FRAMES} {slow_wrong:20} of {FRAMES}        {examples}")
    changed |= not ordered or slow_wrong > 0 or (wrong > 0) is (expected == 0) or seen[20] != twentieth
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
