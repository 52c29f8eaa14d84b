#!/usr/bin/env bash
# The EDL that PySceneDetect writes names other frames than the scenes that it found.
#
# Believed: `scenedetect ... save-edl` and `write_scene_list_edl` write the scenes "in CMX 3600 EDL format" (its documentation), for
#   editors, which count the frames of its time code: under the header that it writes, FCM: NON-DROP FRAME, second n is frame 30 n at
#   29.97 frames per second. Two earlier reports of wrong frames in this file are closed (0.6.7 fixed one).
# Version: scenedetect==0.7.2.
# Seen: the frame of a time code is the seconds times the rate, cut off, and in floating point 29 / 25 * 25 is a little less than 29.
#   So 5 % of the cuts at 25 frames per second are written one frame early. At the rates of NTSC, hours, minutes and seconds are those of
#   the clock, from which non-drop time code falls behind by one frame in a thousand: the cuts that an editor reads are late by
#   as much, 1.8 s after half an hour. The list of scenes itself is right. Read here with OpenTimelineIO.
# Output:
#   a video of 25 fps, cut at 29 58 80 113
#     found     0 29 58 80 113
#     in EDL    00:00:00:00 00:00:01:03 00:00:02:07 00:00:03:05 00:00:04:12
#     which are 0 28 57 80 112
#   half an hour of scenes of 7 frames
#   rate    wrong in EDL   the last of these: frame, and what the EDL says
#   24               0 %        -
#   25               5 %    32753  00:21:50:02 = 32752
#   30               1 %    32725  00:18:10:24 = 32724
#   23.976          98 %    43148  00:29:59:15 = 43191
#   29.97           98 %    53935  00:29:59:18 = 53988
# Why it matters: shots and moments go to an editor in this file. A cut one frame early leaves a flash of the shot before, and
#   at 23.976 or 29.97 the cuts of a long video lie seconds from where the detector found them. Write the time codes from the frame
#   numbers of the scenes, which are whole: 24, 25 or 30 of them to a second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scenedetect==0.7.2 opentimelineio==0.18.1 av==18.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import itertools
import sys
from fractions import Fraction

import av
import numpy as np
import scenedetect
from opentimelineio.opentime import from_timecode
from scenedetect.output import write_scene_list_edl


def write(scenes: list) -> list[str]:
    """The time codes at which the scenes of a written list start."""
    file = io.StringIO()
    write_scene_list_edl(file, scenes)
    assert "FCM: NON-DROP FRAME" in file.getvalue()
    return [line.split()[4] for line in file.getvalue().splitlines() if " V     C " in line]


def film(cuts: list[int], frames: int) -> str:
    """Write a video of 25 frames per second that changes between dark and bright at the cuts."""
    with av.open("film.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(frames):
            level = 40 + 160 * (sum(cut <= i for cut in cuts) % 2)
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return "film.mp4"


cuts = [29, 58, 80, 113]
scenes = scenedetect.detect(film(cuts, 150), scenedetect.ContentDetector())
found = [start.frame_num for start, _ in scenes]
codes = write(scenes)
read = [round(from_timecode(code, 25).value) for code in codes]
print("a video of 25 fps, cut at", *cuts)
print("  found    ", *found)
print("  in EDL   ", *codes)
print("  which are", *read)
changed = found != [0, *cuts] or read != [0, 28, 57, 80, 112]

print("half an hour of scenes of 7 frames")
print("rate    wrong in EDL   the last of these: frame, and what the EDL says")
for rate, name, wrong_share in (
    (Fraction(24), "24", 0),
    (Fraction(25), "25", 5),
    (Fraction(30), "30", 1),
    (Fraction(24000, 1001), "23.976", 98),
    (Fraction(30000, 1001), "29.97", 98),
):
    frames = range(0, int(1800 * rate), 7)
    times = [scenedetect.FrameTimecode(i, rate) for i in frames]
    codes = write(list(itertools.pairwise(times)))
    read = [round(from_timecode(code, float(rate)).value) for code in codes]
    wrong = [(i, code, number) for i, code, number in zip(frames, codes, read, strict=False) if number != i]
    share = round(100 * len(wrong) / len(codes))
    print(f"{name:8}{share:10} %  ", "{:6}  {} = {}".format(*wrong[-1]) if wrong else "     -")
    changed |= abs(share - wrong_share) > 2 or bool(wrong) is (wrong_share == 0)
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
