"""Plan a study of any size on a Slurm cluster: `python benchmarks/scale.py --measure build/scale` and `--write PAGE`.

`--measure FOLDER` builds the real DAG of a study with empty files for videos and made-up rows, by dry runs, at several
sizes: jobs, with what each waits for, and the CPU time and memory that planning takes. It notes them in
FOLDER/scale.json, size by size, and goes on where it was interrupted. `--report FOLDER` simulates how Snakemake and
Slurm run these DAGs on a cluster, with the durations of `benchmarks/scale_sections/rates.py`, and prints tables;
`--write PAGE` puts them between the marks of a page. Nothing is decoded or trained.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.scale_sections.paper import STUDIES, Measured, Paper  # noqa: E402
from benchmarks.scale_sections.tables import render  # noqa: E402

SIZES = {"qvhighlights": (0.1, 0.3, 1.0, 3.0, 10.0), "tvsum": (1.0,), "folder": (1.0,)}
"""Times the study's own size that are planned. A hundred times is extrapolated."""
MARKS = ("<!-- scale: begin -->", "<!-- scale: end -->")


def measure(folder: Path, sizes: dict[str, tuple[float, ...]]) -> None:
    """Plan each study at each size that has not been planned yet."""
    file = folder / "scale.json"
    folder.mkdir(parents=True, exist_ok=True)
    found = json.loads(file.read_text()) if file.exists() else {}
    # Small ones first, so that an interrupted measurement has most of them.
    for factor, name in sorted((factor, name) for name, factors in sizes.items() for factor in factors):
        key = f"{name} x{factor:g}"
        if key in found:
            continue
        work = Path(tempfile.mkdtemp(prefix="scale-"))
        try:
            measured = Paper(work, STUDIES[name], factor).measure()
        finally:
            shutil.rmtree(work)
        found[key] = measured.to_json()
        file.write_text(json.dumps(found) + "\n")
        sys.stdout.write(f"{key}: {measured.describe()}\n")
        sys.stdout.flush()


def main() -> None:
    """Measure, print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", type=Path, metavar="FOLDER", help="plan the studies, and note the plans there")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="print the tables of these plans")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page instead")
    parser.add_argument("--most", type=float, default=10.0, metavar="N", help="plan up to N times (default: 10)")
    arguments = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if arguments.measure:
        measure(
            arguments.measure,
            {name: tuple(size for size in sizes if size <= arguments.most) for name, sizes in SIZES.items()},
        )
    if arguments.report:
        found = json.loads((arguments.report / "scale.json").read_text())
        text = render({key: Measured.from_json(value) for key, value in found.items()})
        if arguments.write:
            page = arguments.write.read_text(encoding="utf-8")
            begin, end = (re.escape(mark) for mark in MARKS)
            page = re.sub(f"({begin}\n).*(\n{end})", lambda match: match[1] + text + match[2], page, flags=re.DOTALL)
            arguments.write.write_text(page, encoding="utf-8")
        else:
            sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
