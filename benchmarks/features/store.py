"""Compare compressions of stored features: `python benchmarks/features/store.py features/demo/clip_visual/000.h5 ...`.

Rewrites the rows of each store uncompressed and with the filters that every HDF5 build has, as float32 and float16.
Prints the size relative to plain float32, and the seconds for writing and reading (best run).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

WAYS: dict[str, dict[str, object]] = {
    "none": {},
    "lzf": {"compression": "lzf", "chunks": True},
    "gzip 1": {"compression": "gzip", "compression_opts": 1, "chunks": True},
    "gzip 4 and shuffle": {"compression": "gzip", "compression_opts": 4, "shuffle": True, "chunks": True},
}


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", type=Path, nargs="+", metavar="H5")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    write = sys.stdout.write
    write("| store | rows x width | type | compression | size | write, s | read, s |\n|---|---|---|---|---|---|---|\n")
    for path in arguments.stores:
        with h5py.File(path, "r", locking=False) as store:
            rows = store["features" if "features" in store else "tokens"][:].astype(np.float32)  # tokens: of texts
            stream = store.attrs["stream"]
        for kind in (np.float32, np.float16):
            for name, options in WAYS.items():
                size, writing, reading = measure(rows.astype(kind), options, arguments.repeat)
                share = size / rows.nbytes
                write(f"| {stream} | {rows.shape[0]} x {rows.shape[1]} | {np.dtype(kind)} | {name} | {share:.2f} |")
                write(f" {writing:.3f} | {reading:.3f} |\n")


def measure(rows: np.ndarray, options: dict[str, object], repeat: int) -> tuple[int, float, float]:
    """Bytes on disk, seconds of writing, seconds of reading."""
    writing, reading, size = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.h5"
        for _ in range(repeat):
            start = time.process_time()
            with h5py.File(file, "w", locking=False) as store:
                store.create_dataset("features", data=rows, **options)
            writing.append(time.process_time() - start)
            size = file.stat().st_size
            start = time.process_time()
            with h5py.File(file, "r", locking=False) as store:
                store["features"][:]
            reading.append(time.process_time() - start)
    return size, min(writing), min(reading)


if __name__ == "__main__":
    main()
