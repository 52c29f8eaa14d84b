"""Damaged media through all that opens them.

    python -m benchmarks.robustness.damaged_media [--count 2000] [--seed 0]

Makes the kinds of tests/feature_extractors/odd_media.py, changes each at random places (bits, zeros, pieces cut out,
doubled or moved, the end cut off), and examines, decodes and doctors the result in another process, which has
--megabytes of memory and --limit seconds per file. A file that ends that process costs itself alone: the next one is
tried in a new process. Prints how many files had rows, were left out, crashed a native library, took too long or met an
unexpected error, the slowest and the largest memory. The exit status is 1 after a traceback or a time-out.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from cli import UserError
from feature_extractors.doctor.media_facts import NoVideo, inspect_media
from feature_extractors.media import Problems, examine, frames_of_clips, open_sound
from feature_extractors.media.faults import UNFORESEEN
from formats.grid import ClipGrid
from tests.feature_extractors.odd_media import kinds

GRID = ClipGrid(seconds=1.0)
LARGEST = 4_000_000
"""Bytes of a made file that is changed; larger ones take too long."""


@dataclass(frozen=True)
class Tried:
    """What came of a damaged file."""

    name: str
    found: str
    seconds: float
    megabytes: float


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """A copy with one to four changes; half of them in the first 4 KB, where the structure of most formats is."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        size = len(changed)
        if not size:
            break
        first = int(rng.integers(0, min(size, 4096) if rng.random() < 0.5 else size))
        stop = min(size, first + int(rng.choice([1, 4, 64, 1024, 16384])))
        match int(rng.integers(0, 7)):
            case 0 | 1:
                changed[first] ^= 1 << int(rng.integers(0, 8))
            case 2:
                changed[first:stop] = rng.bytes(stop - first)
            case 3:
                changed[first:stop] = bytes(stop - first)
            case 4:
                del changed[first:stop]
            case 5:
                changed[first:first] = changed[first:stop]
            case _:
                del changed[max(1, first) :]
    return bytes(changed)


def look(file: Path) -> str:
    """Do with a file what the workflow and `doctor` do; returns what came of it."""
    problems, rows = Problems(), 0
    with contextlib.suppress(NoVideo):
        inspect_media(file, decode=True)
    video = examine(file.parent, file.stem, file, "", GRID)
    if UNFORESEEN in video.problem:
        return f"UNEXPECTED {video.problem}"
    if not video.n_clips:
        return "left out"
    with contextlib.suppress(UserError):  # sound alone
        rows = sum(1 for _ in frames_of_clips(file, video.n_clips, 1.0, problems=problems, start_s=video.start_s))
    with contextlib.suppress(UserError):
        track = open_sound(file, 32_000, video.start_s, problems)
        rows += 0 if track is None else sum(1 for _ in track.chunks())
    return "rows" if rows else "no rows"


def try_all(files: Sequence[tuple[Path, int]], megabytes: int, pipe: Connection) -> None:
    """Damage and look at files, and send what came of each."""
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    logging.disable()
    for source, seed in files:
        file = source.with_name(f"damaged-{source.name}")
        file.write_bytes(damage(source.read_bytes(), np.random.default_rng(seed)))
        start = time.monotonic()
        try:
            found = look(file)
        except Exception as problem:
            found = f"TRACEBACK {type(problem).__name__}: {problem}"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send(Tried(f"{source.name}, seed {seed}", found, time.monotonic() - start, memory))


def sweep(files: Sequence[tuple[Path, int]], limit: float, megabytes: int) -> Iterator[Tried]:
    """What came of each file. A process that hangs or crashes is replaced by one that goes on behind that file."""
    context = multiprocessing.get_context("fork")
    while files:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=try_all, args=(files, megabytes, theirs))
        process.start()
        theirs.close()
        done = 0
        for source, seed in files:
            done += 1
            try:
                tried = ours.recv() if ours.poll(limit) else None
                yield tried or Tried(f"{source.name}, seed {seed}", "TIME-OUT", limit, 0.0)
            except EOFError:
                process.join()
                tried = None
                yield Tried(f"{source.name}, seed {seed}", f"crash (status {process.exitcode})", 0.0, 0.0)
            if tried is None:
                break
        process.kill()
        process.join()
        files = files[done:]


def main() -> int:
    """Print the counts; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="number of damaged files (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damage (default: 0)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that a file may take (default: 60)")
    parser.add_argument("--megabytes", type=int, default=4096, help="address space of the process (default: 4096)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for odd in kinds():
            path = Path(folder, odd.name)
            odd.make(path)
            if path.is_file() and 0 < path.stat().st_size <= LARGEST:
                sources.append(path)
        files = [(sources[n % len(sources)], arguments.seed + n) for n in range(arguments.count)]
        results = []
        for tried in sweep(files, arguments.limit, arguments.megabytes):
            results.append(tried)
            if tried.found.split()[0] not in ("rows", "no", "left"):
                sys.stdout.write(f"{tried.name}: {tried.found}\n")
    counts = Counter(tried.found.split()[0] for tried in results)
    slowest = max(results, key=lambda tried: tried.seconds)
    largest = max(tried.megabytes for tried in results)
    sys.stdout.write(
        f"{len(results)} damaged files of {len(sources)} kinds: {dict(counts)}; slowest {slowest.seconds:.1f} s "
        f"({slowest.name}); largest memory of a process {largest:.0f} MB\n"
    )
    return int(any(counts[bad] for bad in ("TRACEBACK", "TIME-OUT")))


if __name__ == "__main__":
    sys.exit(main())
