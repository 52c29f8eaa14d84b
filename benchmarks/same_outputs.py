"""Compare what two checkouts made of the same configuration: features, predictions, gate logs, metrics, byte by byte.

A change that only moves code must leave every one of these files as it was:

    python benchmarks/same_outputs.py ../before .

Prints each file that differs or that only one has, and the counts. Exit status 1 if there is any, or nothing to
compare.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
from pathlib import Path

PATTERNS = (
    "data/demo/*.jsonl",
    "data/demo/videos/*",
    "weights/demo/**/*",
    "manifests/**/*.jsonl",
    "features/**/*.h5",
    "runs/**/history.jsonl",
    "runs/**/predictions_*.jsonl",
    "runs/**/gate_logs_*.jsonl",
    "predictions/**/*.jsonl",
    "results/**/*.json",
    "results/**/*.md",
    "results/**/*.csv",
    "results/**/*.tex",
    "reports/*.tsv",
    "plots/**/*.png",
    "plots/**/*.svg",
)


def list_outputs(checkout: Path) -> set[str]:
    """Names, relative to the checkout, of what its workflow made."""
    files = (file for pattern in PATTERNS for file in checkout.glob(pattern) if file.is_file())
    return {file.relative_to(checkout).as_posix() for file in files}


def main() -> int:
    """Compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("first", type=Path, metavar="BEFORE")
    parser.add_argument("second", type=Path, metavar="AFTER")
    arguments = parser.parse_args()
    first, second = list_outputs(arguments.first), list_outputs(arguments.second)
    lines = [f"only in {arguments.first}: {name}" for name in sorted(first - second)]
    lines += [f"only in {arguments.second}: {name}" for name in sorted(second - first)]
    shared = sorted(first & second)
    differing = [
        name for name in shared if not filecmp.cmp(arguments.first / name, arguments.second / name, shallow=False)
    ]
    lines += [f"differs: {name}" for name in differing]
    folders = sorted({name.split("/")[0] for name in shared})
    counts = ", ".join(f"{sum(name.startswith(f'{folder}/') for name in shared)} in {folder}/" for folder in folders)
    lines.append(f"{len(shared) - len(differing)} of {len(shared)} shared files are the same bytes ({counts})")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(not shared or bool(differing) or first != second)


if __name__ == "__main__":
    sys.exit(main())
