"""Measure `find` on a short and on a long recording: peak memory, which must not grow with length, and speed.

`python benchmarks/find.py --bundle bundles/demo` loops generated pictures and sound into files of 5 and 60 minutes (320
x 180, 10 frames per second), finds moments in each with a process and a cache of its own, asks a second query, and
prints a table. It takes some minutes and needs no other program.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ROOT = Path(__file__).parents[1]
RATE, FPS, LOOP_S = 32_000, 10, 20


def write_recording(path: Path, seconds: int) -> None:
    """Write moving bars and a rising tone that repeat every 20 s, as H.264 and AAC."""
    across, down = np.meshgrid(np.arange(320), np.arange(180))
    frames = []
    for number in range(LOOP_S * FPS):
        grey = (across + 3 * number) % 256
        picture = np.stack([grey, (down + number) % 256, np.full_like(grey, number)], axis=-1).astype(np.uint8)
        frames.append(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p"))
    time_s = np.arange(LOOP_S * RATE) / RATE
    sound = (0.2 * np.sin(2 * np.pi * (200 + 20 * time_s) * time_s)).astype(np.float32)[None]
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": "50"}
        video = container.add_stream("libx264", rate=FPS, width=320, height=180, pix_fmt="yuv420p", options=options)
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for second in range(seconds):
            for number in range(second * FPS, (second + 1) * FPS):
                frame = frames[number % len(frames)]
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(video.encode(frame))
            for begin in range(0, RATE, 1000):
                place = second % LOOP_S * RATE + begin
                piece = av.AudioFrame.from_ndarray(sound[:, place : place + 1000].copy(), format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = RATE, second * RATE + begin, Fraction(1, RATE)
                container.mux(audio.encode(piece))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def find(arguments: argparse.Namespace) -> None:
    """Find moments in one video, and print what it took as JSON."""
    from av_highlights import MomentFinder

    finder = MomentFinder.load(arguments.bundle, cache=arguments.cache, device="cpu", threads=arguments.threads)
    begin = time.monotonic()
    first = finder.find(arguments.video, "a siren is heard")
    encoded = time.monotonic()
    finder.find(arguments.video, "a dog runs")
    taken = {"clips": len(first[0].saliency), "first_s": encoded - begin, "second_s": time.monotonic() - encoded}
    used = resource.getrusage(resource.RUSAGE_SELF)
    taken |= {"peak_mb": used.ru_maxrss / 1024, "cpu_s": used.ru_utime + used.ru_stime}
    sys.stdout.write(json.dumps(taken) + "\n")


def compare(arguments: argparse.Namespace) -> None:
    """Print a table with a line per length."""
    sys.stdout.write("minutes  clips  peak MB  CPU s  first query s  second query s  x real time\n")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in arguments.minutes:
            video = Path(folder, f"{minutes}.mp4")
            write_recording(video, 60 * minutes)
            options = ["--bundle", arguments.bundle, "--threads", str(arguments.threads), "--video", str(video)]
            command = [sys.executable, __file__, *options, "--cache", str(Path(folder, "cache"))]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout)
            speed = 60 * minutes / found["first_s"]
            sys.stdout.write(
                f"{minutes:7d}  {found['clips']:5d}  {found['peak_mb']:7.0f}  {found['cpu_s']:5.0f}"
                f"  {found['first_s']:13.1f}  {found['second_s']:14.2f}  {speed:11.1f}\n"
            )


def main() -> None:
    """Read the arguments: with --video measure one file, else all lengths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True, metavar="DIR")
    parser.add_argument("--minutes", type=int, nargs="+", default=[5, 60])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--video", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.video:
        sys.path.insert(0, str(ROOT))
        find(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
