"""Compare sampling of one frame per clip with ffmpeg's `-vf fps=0.5,scale` on the same files.

`python benchmarks/features/decode_sampling.py`

Needs the ffmpeg program (Debian's package). Makes videos of moving noise in several codecs, with and without B-frames
and with long and short key-frame intervals, runs both programs in turns with one thread each, and prints the CPU time
of the best run. Ours is timed within the process (an extraction job starts once per shard), ffmpeg as a whole process;
`start` is the time of an ffmpeg that decodes nothing. Both give RGB frames at their original size.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from feature_extractors.media import frames_of_clips

KINDS = {
    "H.264, B-frames, GOP 250": ("mp4", "-c:v libx264 -preset veryfast -bf 3 -g 250"),
    "H.264, B-frames, GOP 25": ("mp4", "-c:v libx264 -preset veryfast -bf 3 -g 25"),
    "H.264, no B-frames, GOP 250": ("mp4", "-c:v libx264 -preset veryfast -bf 0 -g 250"),
    "H.264, no B-frames, GOP 25": ("mp4", "-c:v libx264 -preset veryfast -bf 0 -g 25"),
    "HEVC, B-frames, GOP 250": ("mp4", "-c:v libx265 -preset ultrafast -bf 3 -x265-params log-level=none:keyint=250"),
    "HEVC, B-frames, GOP 25": ("mp4", "-c:v libx265 -preset ultrafast -bf 3 -x265-params log-level=none:keyint=25"),
    "VP9, GOP 250": ("webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 800k -g 250"),
    "VP9, GOP 25": ("webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 800k -g 25"),
}
SECONDS = 2.0


def make(folder: Path, name: str, seconds: int, size: str) -> Path:
    """A video of one kind."""
    suffix, options = KINDS[name]
    file = folder / f"{''.join(filter(str.isalnum, name))}.{suffix}"
    source = f"testsrc2=size={size}:rate=25:duration={seconds}"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-vf", "noise=alls=8:allf=t"]
    subprocess.run([*command, *options.split(), "-pix_fmt", "yuv420p", str(file)], check=True)
    return file


def time_ours(file: Path, clips: int) -> tuple[float, int]:
    """CPU seconds and number of frames."""
    before = time.process_time()
    count = sum(1 for _ in frames_of_clips(file, clips, SECONDS))
    return time.process_time() - before, count


def time_ffmpeg(*arguments: str) -> float:
    """CPU seconds of a whole ffmpeg process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def say(line: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=150)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--profile", metavar="KIND", help="profile our code on this kind of video instead")
    arguments = parser.parse_args()
    clips = int(arguments.seconds / SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.profile:
            file = make(Path(folder), arguments.profile, arguments.seconds, arguments.size)
            with cProfile.Profile() as profile:
                time_ours(file, clips)
            pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(12)
            return
        blank = ["-f", "lavfi", "-i", "color=size=16x16:rate=1:duration=1", "-f", "null", "-"]
        start = min(time_ffmpeg(*blank) for _ in range(arguments.repeat))
        say(f"{arguments.seconds} s of {arguments.size}, 25 frames per second; ffmpeg start {start:.2f} s")
        say("| video | ours, CPU s | ffmpeg, CPU s | ratio |\n|---|---|---|---|")
        for name in KINDS:
            file = make(Path(folder), name, arguments.seconds, arguments.size)
            size = arguments.size.replace("x", ":")
            chain = ["-threads", "1", "-i", str(file), "-vf", f"fps=0.5,scale={size}", "-pix_fmt", "rgb24"]
            turns = []
            for _ in range(arguments.repeat):
                theirs = time_ffmpeg(*chain, "-f", "rawvideo", "/dev/null")
                ours, count = time_ours(file, clips)
                assert count == clips
                turns.append((ours, theirs))
            ours, theirs = (min(column) for column in zip(*turns, strict=True))
            say(f"| {name} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")
            file.unlink()


if __name__ == "__main__":
    main()
