"""Check sampling on many kinds of odd media.

    python -m benchmarks.robustness.odd_media --write docs/measurements/extraction.md

Uses the kinds of tests/feature_extractors/odd_media.py, which PyAV makes, and more kinds made by the ffmpeg program
(Debian's package). Every frame shows its number, and frame times are known: the numbers read back from the sampled
frames show whether each clip has the frame that is displayed at its centre. Prints a Markdown table, or writes it
between the markers of a page; exits with 1 if a clip is wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from cli import UserError
from feature_extractors.media import Problems, examine, frames_of_clips, open_sound
from formats.grid import ClipGrid
from formats.video_table import Video
from tests.feature_extractors.made_media import Coding, read_number, steady, write_media
from tests.feature_extractors.odd_media import Odd, kinds

SECONDS = 1.0
BEGIN, END = "<!-- odd media: begin -->", "<!-- odd media: end -->"
HEADER = ["file", "grid", "rows", "sound heard", "recorded", "right to the frame"]


def with_ffmpeg(options: str, before: str = "", height: int = 72, width: int = 96) -> Callable[[Path], object]:
    """A function that re-encodes six seconds of numbered frames with the ffmpeg program."""

    def make(path: Path) -> None:
        source = path.with_name(f"source-{path.stem}.mkv")
        write_media(source, steady(6.0), coding=Coding("ffv1", "yuv420p", {}, height, width, Fraction(1, 1000)))
        command = ["ffmpeg", "-v", "error", "-y", *before.split(), "-i", str(source), *options.split(), str(path)]
        subprocess.run(command, check=True)
        source.unlink()

    return make


def cut_copy(path: Path) -> None:
    """Cut with `ffmpeg -ss 1.3 -c copy`, as many data sets were."""
    whole = write_media(path.with_name("whole.mp4"), steady(7.3), coding=Coding(options={"bf": "3", "g": "250"}))
    subprocess.run(["ffmpeg", "-v", "error", "-ss", "1.3", "-i", whole, "-c", "copy", path], check=True)
    whole.unlink()


def more_kinds() -> list[Odd]:
    """Kinds that need the ffmpeg program."""
    fields = "-vf setfield=tff -flags +ilme+ildct -top 1"
    shifted = steady(7.3)[33:] - 1.3
    return [
        Odd("AV1, MP4", "av1.mp4", with_ffmpeg("-c:v libsvtav1 -preset 12 -g 50")),
        Odd("Theora, Ogg", "theora.ogv", with_ffmpeg("-c:v libtheora -q:v 8")),
        Odd("Windows Media 8, ASF", "wmv2.wmv", with_ffmpeg("-c:v wmv2 -q:v 2", height=96, width=128)),
        Odd("MS MPEG-4 v3, AVI", "div3.avi", with_ffmpeg("-c:v msmpeg4 -q:v 2", height=96, width=128)),
        Odd("raw H.264 without a container", "raw.h264", with_ffmpeg("-c:v libx264 -bf 2")),
        Odd("DV, interlaced, PAL", "tape.dv", with_ffmpeg("-s 720x576 -c:v dvvideo -pix_fmt yuv420p", "", 576, 720)),
        Odd("H.264, fields, TS", "broadcast.ts", with_ffmpeg(f"{fields} -c:v libx264 -bf 3", "", 96, 128)),
        Odd("MPEG-2 PS, DVD-like", "dvd.vob", with_ffmpeg("-c:v mpeg2video -bf 2 -q:v 2 -f vob", "", 96, 128)),
        Odd(
            "12 bit 4:4:4, HEVC",
            "twelve.mkv",
            with_ffmpeg("-c:v libx265 -pix_fmt yuv444p12le -x265-params log-level=0"),
        ),
        Odd("cut with -ss 1.3 -c copy, MP4", "copied.mp4", cut_copy, times=shifted, first=33, duration=6.0),
        Odd("MXF", "camera.mxf", with_ffmpeg("-c:v mpeg2video -bf 2 -q:v 2", "", 96, 128)),
    ]


def look(folder: Path, odd: Odd) -> tuple[Video, dict[int, int], str, str]:
    """Make and read a file: its table row, the number on each clip's frame, its sound and the recorded problems."""
    file = folder / odd.name
    odd.make(file)
    video = examine(folder, file.stem, file, "", ClipGrid(seconds=SECONDS))
    problems = Problems()
    numbers, sound = {}, "-"
    if video.n_clips:
        pictures = frames_of_clips(file, video.n_clips, SECONDS, problems=problems, start_s=video.start_s)
        try:
            numbers = {clip: read_number(picture, None) for clip, picture in pictures}
        except UserError as problem:  # sound alone
            problems.add(str(problem).removeprefix(f"{file}: "))
        track = open_sound(file, 32_000, video.start_s, problems)
        if track is not None:
            list(track.chunks())
            sound = ", ".join(f"{begin:.2f} to {end:.2f} s" for begin, end in track.heard)
    causes = "; ".join(filter(None, [video.problem, str(problems)]))
    file.unlink()
    return video, numbers, sound, causes


def judge(odd: Odd, video: Video, numbers: dict[int, int]) -> str:
    """Whether each row has the frame displayed at its clip's centre, or in the last clip the last frame of the file."""
    if not len(odd.times):
        return "WRONG" if numbers else "no pictures" if video.n_clips else "no video"
    if odd.first < 0:
        rises = set(np.diff(list(numbers.values())).tolist())
        return "yes, from its first whole picture on" if rises == {25} else "WRONG"
    centres = [(clip + 0.5) * SECONDS for clip in numbers]
    expected = odd.first + np.searchsorted(odd.times, centres, side="right") - 1
    found = np.array(list(numbers.values()))
    right = found == expected
    if odd.broken and len(right):
        # If a file ends within a clip, its last frame stays on display.
        right[-1] |= found[-1] < expected[-1] and odd.times[found[-1]] + 0.04 > list(numbers)[-1] * SECONDS
    whole = odd.broken or len(numbers) == video.n_clips == max(1, int(odd.duration / SECONDS + 0.05))
    return "yes" if len(right) and right.all() and whole else f"WRONG {numbers}"


def main() -> int:
    """Print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table between the markers of this page")
    arguments = parser.parse_args()
    rows = [HEADER, ["---"] * len(HEADER)]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for odd in [*kinds(), *more_kinds()]:
            video, numbers, sound, causes = look(Path(folder), odd)
            verdict = judge(odd, video, numbers)
            wrong += verdict.startswith("WRONG")
            grid = f"{video.n_clips} clips" if video.n_clips else "left out"
            rows.append([odd.what, grid, str(len(numbers)), sound, causes or "-", verdict])
            sys.stderr.write(f"{odd.name}: {verdict}\n")
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if arguments.write:
        page = arguments.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        _, _, tail = rest.partition(END)
        arguments.write.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")
    else:
        sys.stdout.write(table + "\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
