"""Break a small study in many ways, and look what is said and lost: `python -m benchmarks.robustness [--part kill]`.

Makes the study of tests/workflow once in --folder, and breaks a copy of it:

- `kill`: jobs killed, or told to end, when their output is written but not in place;
- `snakemake`: Snakemake itself killed or told to end, its jobs alive when it runs again, two in one folder;
- `damage`: files truncated, emptied, exchanged or with one wrong bit;
- `disk`: full and read-only disks (as root);
- `limits`: no more file handles, no more memory;
- `users`: files and folders of another user (as root);
- `clocks`: files dated ahead, machines whose clocks are off;
- `videos`: videos that grow, change or go during a job; the folder moved.

Then the fault is taken away and the same command run again. Prints a row per fault, or writes the parts that it ran
between their markers of a page (--write); all that was said is kept in FOLDER/told. The exit status is 1 if a fault
ended in a traceback, changed a result without a message or lost a finished file, or if the re-run did not end with the
bytes of an undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.robustness.clocks import dates
from benchmarks.robustness.fault import Fault, meet, render, write_part
from benchmarks.robustness.files import damages
from benchmarks.robustness.jobs import ends
from benchmarks.robustness.machine import disks, limits
from benchmarks.robustness.snakemakes import without_snakemake
from benchmarks.robustness.study import make
from benchmarks.robustness.users import strangers
from benchmarks.robustness.videos import changes
from tests.warm import stop
from tests.workflow.workspace import Workspace

PARTS: dict[str, Callable[[int], Iterator[Fault]]] = {
    "kill": lambda seed: ends(),
    "snakemake": without_snakemake,
    "damage": damages,
    "disk": lambda seed: disks() if os.geteuid() == 0 else iter(()),
    "limits": limits,
    "users": lambda seed: strangers() if os.geteuid() == 0 else iter(()),
    "clocks": lambda seed: dates(),
    "videos": lambda seed: changes(),
}


def main() -> int:
    """Run the parts; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (may be given more than once)")
    parser.add_argument("--count", type=int, help="only so many faults of each part, spread evenly over it")
    parser.add_argument("--seed", type=int, default=0, help="seed of bits, moments and limits (default: 0)")
    parser.add_argument("--folder", type=Path, default=Path("build/faults"), help="kept between runs (build/faults)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables between the markers of this page")
    arguments = parser.parse_args()
    built = arguments.folder.resolve() / "built"
    if not built.exists():
        sys.stderr.write("making the study\n")
        built.mkdir(parents=True)
        make(Workspace(built), "all")
    told = built.with_name("told")
    told.mkdir(exist_ok=True)
    bad = 0
    for part in arguments.part or PARTS:
        faults = list(PARTS[part](arguments.seed))
        if not faults:
            sys.stderr.write(f"{part}: needs root\n")
            continue
        step = max(1, len(faults) // arguments.count) if arguments.count else 1
        found = []
        for number, fault in enumerate(faults[::step]):
            met = meet(fault, built, built.with_name("faulty"))
            (told / f"{part}-{number:03}.txt").write_text(met.told, encoding="utf-8")
            found.append(met)
            sys.stderr.write(f"{part}: {' | '.join(met.cells)}{' TRACEBACK' if met.traceback else ''}\n")
        bad += sum(met.bad for met in found)
        if arguments.write:
            write_part(arguments.write, part, render(found))
        else:
            sys.stdout.write(f"## {part}\n\n{render(found)}\n\n")
    stop()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
