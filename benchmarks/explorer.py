"""Size and speed of the explorer for a study as large as QVHighlights' validation split.

    python benchmarks/explorer.py --queries 1550 --runs 3

Makes a synthetic study (gates per clip, four layers, 75 clips per video), writes its page, and opens it in headless
Chromium (needs the package playwright and Debian's chromium). It prints the size of the page without media, and the
median and the longest times in milliseconds, from the action until what it changes is drawn; the first paint is from
the start of loading until the first contentful paint. Measure on an idle machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.eval.explorer.browser import Opened, open_browser
from tests.eval.explorer.small_study import explore, make_rows, write_study

write = sys.stdout.write
DRAWN = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
SORT = f"""async (key) => {{
    const before = performance.now();
    explorer.table.sortBy(key, true);
    {DRAWN};
    return performance.now() - before;
}}"""
OPEN = f"""async (index) => {{
    const before = performance.now();
    explorer.table.select(index, false);
    await new Promise((done) => {{
        const look = () => (document.documentElement.dataset.shown === String(index) ? done() : setTimeout(look));
        look();
    }});
    {DRAWN};
    return performance.now() - before;
}}"""
OPENED = (0.45, 0.001, 0.77)
"""Places in the table whose queries are opened, as shares of its length: none is the first, which is open already."""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Make the study, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--queries", type=int, default=1550)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=7, help="measurements of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = tuple(f"run{place}" for place in range(arguments.runs))
        options = write_study(folder, make_rows(arguments.queries, runs, clips=75, layers=4))
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
        explore(*options, "--out-dir", folder / "page")
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        size = sum(path.stat().st_size for path in (folder / "page").rglob("*") if path.is_file())
        write(f"written in {time.perf_counter() - started:.1f} s ({spent:.1f} CPU s), {size / 1e6:.1f} MB\n")
        try:
            with open_browser() as browser:
                places = [int(share * arguments.queries) for share in OPENED]
                measure(browser, folder / "page/index.html", arguments.repeat, places)
        except pytest.skip.Exception as problem:
            raise SystemExit(str(problem)) from None


def measure(browser: Any, index: Path, repeat: int, places: list[int]) -> None:
    """Print the median and the longest times of a page; `places` of the table are opened, one after the other."""
    paints, sorts, opens = [], [], []
    for _ in range(repeat):
        page = Opened(browser, viewport={"width": 1920, "height": 1080})
        page.open(index)
        paints.append(page.page.evaluate(PAINT))
        sorts += [page.page.evaluate(SORT, key) for key in ("MR-full-mAP", "gate-mha")]
        opens += [page.page.evaluate(OPEN, place) for place in places]
        page.context.close()
    for what, values in (("first paint", paints), ("sort", sorts), ("open a query", opens)):
        write(f"{what}: {statistics.median(values):.0f} ms (at most {max(values):.0f})\n")


if __name__ == "__main__":
    main()
