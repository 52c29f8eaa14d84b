"""What damage to a store does, and what checking for it costs.

    python -m benchmarks.robustness.damaged_stores [--sample 4000]

Flips single bits of a small store, one at a time (without --sample every one), and reads it with all readers in another
process, which is ended if one read takes longer than --limit seconds. Each flip must end in one line, or change nothing
that is read: the exit status is 1 if one does not. Then times checksums, and reading a store of --megabytes with its
checks next to reading the bytes of the file, in CPU time with the file in the page cache.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from cli import UserError
from formats.store import Arrays, Provenance, Store, read_columns, read_pooled, read_problems, write_store

PROVENANCE = Provenance("sound", "benchmark", "0" * 64, '{"a":1}', clip_seconds=2.0)
CLIPS = {"a": [0, 1, 2], "b": [], "c": [1, 3]}
DIM = 2816
"""Width of SlowFast and CLIP together."""


def write_small(path: Path) -> None:
    """A store of three videos with everything that a store can have."""

    def encode(name: str) -> Arrays:
        starts = 2.0 * np.array(CLIPS[name], np.float64)
        return {
            "features": np.random.default_rng(len(name)).standard_normal((len(starts), 4), dtype=np.float32),
            "times": np.stack([starts, starts + 2], axis=1),
            "level_db": np.full(len(starts), -20, np.float32),
            "problem": np.array(["cut off" if name == "c" else ""]),
        }

    columns = {"n_clips": np.array([3, 2, 5]), "source_sha256": np.array(["x", "yy", "zzz"])}
    write_store(path, PROVENANCE, CLIPS, encode, columns)


def read_all(path: Path) -> str:
    """Everything that the readers of a store say of it."""
    store = Store(path)
    rows = [(store.rows(name).tolist(), store.clips(name).tolist(), store.level_db(name, 9)) for name in store.ids]
    attributes = sorted((key, str(value)) for key, value in store.attributes.items())
    return repr((store.ids, attributes, rows, read_problems(path), read_columns(path), read_pooled(path)))


def try_flips(content: bytes, bits: list[int], expected: str, pipe: Connection) -> None:
    """Read the store with each bit flipped, and send the bit before and what came of it after."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flipped.h5"
        for bit in bits:
            pipe.send(bit)
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            try:
                found = "the same" if read_all(path) == expected else "OTHER RESULTS"
            except UserError as problem:
                found = "one line" if len(str(problem).splitlines()) == 1 else "SEVERAL LINES"
            except Exception as problem:
                found = f"TRACEBACK {type(problem).__name__}"
            pipe.send(found)


def sweep(content: bytes, bits: list[int], expected: str, limit: float) -> Iterator[str]:
    """What each flip led to. A process that hangs or crashes is replaced by one that goes on behind that flip."""
    context = multiprocessing.get_context("fork")
    while bits:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=try_flips, args=(content, bits, expected, theirs))
        process.start()
        theirs.close()
        done = 0
        for _ in bits:
            try:
                ours.recv()
                found = ours.recv() if ours.poll(limit) else "HANG"
            except EOFError:
                found = "CRASH"
            done += 1
            yield found
            if found in ("HANG", "CRASH"):
                break
        process.kill()
        process.join()
        bits = bits[done:]


def fastest(work: Callable[[], object], repeat: int = 3) -> float:
    """Least CPU seconds of some runs, because the machine may be shared."""
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def measure_costs(path: Path, megabytes: int) -> Iterator[tuple[str, float]]:
    """Speeds in MB/s of checksums and of reading a float16 store."""
    content = np.random.default_rng(0).bytes(64 << 20)
    for name, work in {
        "CRC-32": lambda: zlib.crc32(content),
        "SHA-256": lambda: hashlib.sha256(content).digest(),
        "BLAKE2b": lambda: hashlib.blake2b(content).digest(),
    }.items():
        yield name, len(content) / 1e6 / fastest(work)
    rows = np.random.default_rng(0).standard_normal((75, DIM), dtype=np.float32).astype(np.float16)
    times = 2.0 * np.stack([np.arange(75), np.arange(75) + 1], axis=1)
    ids = [str(index) for index in range(max(1, megabytes * 10**6 // rows.nbytes))]
    columns = {"n_clips": np.full(len(ids), 75)}
    write_store(path, PROVENANCE, ids, lambda _: {"features": rows, "times": times}, columns)
    size = path.stat().st_size / 1e6
    store = Store(path)
    yield "opening (all but the rows)", size / fastest(lambda: Store(path))
    yield "reading all rows with their checksums", size / fastest(lambda: [store.rows(name) for name in ids])
    yield "reading the bytes of the file", size / fastest(lambda: _read_pieces(path, lambda _: None))
    digest = hashlib.sha256()
    yield "a digest of the whole file", size / fastest(lambda: _read_pieces(path, digest.update))


def _read_pieces(path: Path, use: Callable[[bytes], None]) -> None:
    with path.open("rb") as file:
        while piece := file.read(75 * DIM * 2):
            use(piece)


def main() -> int:
    """Print the counts and the speeds; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, help="number of bits to flip (default: all)")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds that a read may take (default: 20)")
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the store that is read (default: 1000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.h5"
        write_small(path)
        content, expected = path.read_bytes(), read_all(path)
        bits = np.random.default_rng(0).permutation(8 * len(content))[: arguments.sample].tolist()
        counts = Counter(sweep(content, bits, expected, arguments.limit))
        sys.stdout.write(f"{len(bits)} of {8 * len(content)} single bits of a store flipped: {dict(counts)}\n")
        for name, speed in measure_costs(Path(folder) / "large.h5", arguments.megabytes):
            sys.stdout.write(f"{name}: {speed:.0f} MB/s\n")
    return int(bool(counts.keys() - {"one line", "the same"}))


if __name__ == "__main__":
    sys.exit(main())
