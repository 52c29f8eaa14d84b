"""Compare, byte by byte, the outputs that two checkouts made from the same configuration.

Outputs are features, predictions, gate logs, metrics and figures. A change that only moves code must not change them:

    python benchmarks/same_outputs.py ../before .

Prints each file that differs or that only one checkout has, and the counts. The exit status is 1 if there is such a
file, or nothing to compare.
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
    "reports/**/*.tsv",
    "plots/**/*.png",
    "plots/**/*.svg",
)


def list_outputs(checkout: Path) -> set[str]:
    """Paths of a workflow's outputs, relative to the checkout."""
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
    lines.append(f"{len(shared) - len(differing)} of {len(shared)} shared files are identical ({counts})")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(not shared or bool(differing) or first != second)


if __name__ == "__main__":
    sys.exit(main())
