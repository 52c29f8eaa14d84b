"""Measure a reel of a long recording, against decoding the recording once: time, CPU time and peak memory.

`python benchmarks/features/reel.py` makes an hour of 720p video (10 s of a moving noisy picture with stereo sound,
repeated without re-encoding, with a key frame every 10 s) and cuts 20 moments from it. Each step runs in a process of
its own, so that its peak memory is its own. It takes some five CPU minutes.

The moments of most reels lie anywhere, 6.6 s behind a key frame here, and are encoded anew. Those that begin and end
with groups of pictures are copied.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.features.stand_ins import make, repeat  # noqa: E402
from feature_extractors.media.container import open_media, pick_pictures, pick_sound  # noqa: E402
from feature_extractors.media.footage import examine  # noqa: E402
from formats.rows import write_rows  # noqa: E402

SOURCE_S = 10
"""Seconds of the repeated picture, and between two key frames."""
BEHIND_S = 6.6
"""Seconds by which an encoded moment begins after its key frame."""


def decode_all(video: Path, moments: int, seconds: float) -> None:
    """Decode all pictures and all sound of a file."""
    del moments, seconds
    with open_media(video) as container:
        sound = pick_sound(container)
        assert sound is not None
        for packet in container.demux(pick_pictures(video, container), sound):
            for _ in packet.decode():
                pass


def read_moments(video: Path, moments: int, seconds: float) -> None:
    """Read the pictures and the sound of a reel, without encoding them."""
    from av_highlights.reel.plan import make_plan
    from av_highlights.reel.source import Sources
    from av_highlights.reel.writing import read_blocks
    from eval.exchange.cuts import Cut

    footage = examine(video.parent, video.stem, video)
    cuts = [Cut(footage, start, end, "", None) for start, end in spans(footage.seconds, moments, seconds, BEHIND_S)]
    for _ in read_blocks(make_plan(cuts), Sources(video.parent), caption=False):
        pass


STEPS: dict[str, Callable[[Path, int, float], None]] = {"decode": decode_all, "read": read_moments}


def spans(length: float, count: int, seconds: float, behind: float) -> list[list[float]]:
    """Moments that lie evenly in a video of this length, each this far behind a key frame."""
    starts = [int(length / count / SOURCE_S * place) * SOURCE_S + behind for place in range(count)]
    return [[round(start, 3), round(start + seconds, 3)] for start in starts]


def say(line: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command: list[str]) -> tuple[float, float, float]:
    """Wall time and CPU time in seconds and peak memory in MB of a process."""
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def compare(minutes: int, moments: int, seconds: float) -> None:
    """Print a table with a line per step."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        once = make(folder / "once.mp4", SOURCE_S, 1280, 720, 25)
        video = repeat(once, folder / "long.mp4", 60 * minutes // SOURCE_S)
        once.unlink()
        length = 60.0 * minutes
        reels = {
            "encoded": spans(length, moments, seconds, BEHIND_S),
            "copied": spans(length, moments, SOURCE_S, 0),
        }
        step = [__file__, "--moments", str(moments), "--seconds", f"{seconds:g}", "--video", str(video), "--step"]
        commands = {
            f"decode all {minutes} minutes": [*step, "decode"],
            f"read {moments} moments of {seconds:g} s": [*step, "read"],
        }
        for name, windows in reels.items():
            asked = folder / f"{name}.jsonl"
            write_rows(asked, [{"qid": 1, "query": "q", "vid": "long", "relevant_windows": windows}])
            options = ["--queries", str(asked), "--videos", made, "--out", str(folder / f"{name}.mp4")]
            total = sum(end - start for start, end in windows)
            commands[f"reel of {total:g} s, {name}"] = ["-m", "av_highlights", "reel", *options]
        say(f"{video.stat().st_size / 1e6:.0f} MB\n\n| step | wall time, s | CPU s | peak MB |\n|---|---|---|---|")
        for name, command in commands.items():
            wall, cpu, peak = run(command)
            say(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak:.0f} |")


def main() -> None:
    """Read the arguments: with --step do one on --video, else measure all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of an encoded moment (default: 4)")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--video", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        STEPS[arguments.step](arguments.video, arguments.moments, arguments.seconds)
    else:
        compare(arguments.minutes, arguments.moments, arguments.seconds)


if __name__ == "__main__":
    main()
