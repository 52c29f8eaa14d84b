"""Check and time everything on one NVIDIA GPU: `python benchmarks/gpu.py --out DIR [--reference CHECKOUT]`.

The sections are machine, training (steps and inference beside the reference), checks (tests marked `gpu`), encoders,
pipeline (files to features), seeds (several trainings at once) and acceleration (CUDA graphs, torch.compile). Each runs
in a process of its own with a time limit of its own, so that one that fails, hangs or spoils the GPU's state costs only
itself. All results so far are in DIR/gpu.json, rewritten as they come; at the end they are printed as a Markdown table,
which `--table DIR/gpu.json` prints again.

`--dry` runs everything at the smallest sizes on the CPU, in a few minutes: a test of the script, whose figures mean
nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gpu_sections.record import Record, last_lines, say  # noqa: E402
from benchmarks.gpu_sections.table import render  # noqa: E402

# In this order, so that what matters most is measured if the time runs out; seconds each may take.
SECTIONS = {
    "machine": 90,
    "training": 90,
    "checks": 120,
    "encoders": 60,
    "pipeline": 80,
    "seeds": 70,
    "acceleration": 110,
}
LOOK_EVERY = 0.5  # s


def main() -> None:
    """Run all sections, or one of them in this process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a section's processes are ended
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of gpu.json")
    parser.add_argument("--reference", type=Path, metavar="CHECKOUT", help="wjun0830/QD-DETR to compare with")
    parser.add_argument("--budget", type=float, default=420.0, metavar="S", help="seconds for all (default: 420)")
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), metavar="NAME")
    parser.add_argument("--dry", action="store_true", help="smallest sizes on the CPU")
    parser.add_argument("--table", type=Path, metavar="JSON", help="print the table of an earlier run")
    parser.add_argument("--one", nargs=3, metavar=("NAME", "WORK", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.table:
        say(render(json.loads(arguments.table.read_text(encoding="utf-8"))))
    elif arguments.one:
        run_one(arguments)
    elif arguments.out is None:
        parser.error("--out is required")
    else:
        run_all(arguments)


def run_one(arguments: argparse.Namespace) -> None:
    """Run one section in this process."""
    name, work, seconds = arguments.one[0], Path(arguments.one[1]), float(arguments.one[2])
    device = "cpu" if arguments.dry else "cuda"
    record = Record(work / f"{name}.json", work, device, arguments.dry, seconds, arguments.reference)
    try:
        importlib.import_module(f"benchmarks.gpu_sections.{name}").measure(record)
    except Exception:
        record.add("failed", last_lines(traceback.format_exc()))


def run_all(arguments: argparse.Namespace) -> None:
    """Run the sections, each in a process, until the time is used up; keep what they have found in gpu.json."""
    end = time.monotonic() + arguments.budget
    arguments.out.mkdir(parents=True, exist_ok=True)
    out = arguments.out / "gpu.json"
    results: dict[str, Any] = {"dry": arguments.dry}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sections:
            left = end - time.monotonic()
            say(f"{name} ({left:.0f} s left)")
            if left < (0 if arguments.dry else 15):
                results[name] = {"skipped": "the time was used up"}
                say("  skipped: the time was used up")
                continue
            start = time.monotonic()
            seconds = left if arguments.dry else min(left, SECTIONS[name])
            note = _watch(name, Path(folder), seconds, arguments, results, out)
            results[name] = {**results.get(name, {}), "took_s": round(time.monotonic() - start, 1), **note}
            _write(out, results)
    say("\n" + render(results))


def _watch(
    name: str, work: Path, seconds: float, arguments: argparse.Namespace, results: dict[str, Any], out: Path
) -> dict[str, str]:
    """Run a section and copy its results as they come; end it after its seconds. Returns a note if it failed."""
    command = [sys.executable, str(Path(__file__)), "--one", name, str(work), f"{seconds - 5:.1f}"]
    command += ["--dry"] if arguments.dry else []
    command += ["--reference", str(arguments.reference.resolve())] if arguments.reference else []
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    # Commands compute in one thread by default. A group of its own, so that its workers end with it.
    job = subprocess.Popen(command, cwd=ROOT, env=environment, process_group=0)
    stop = time.monotonic() + seconds
    found = work / f"{name}.json"
    seen = 0
    try:
        while job.poll() is None and time.monotonic() < stop:
            time.sleep(LOOK_EVERY)
            if found.exists() and found.stat().st_mtime_ns != seen:
                seen = found.stat().st_mtime_ns
                results[name] = json.loads(found.read_text(encoding="utf-8"))
                _write(out, results)
        finished = job.poll()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()
    if found.exists():
        results[name] = json.loads(found.read_text(encoding="utf-8"))
    if finished is None:
        say(f"  ended after {seconds:.0f} s")
        return {"ended": f"after its {seconds:.0f} s"}
    return {"ended": f"with exit code {finished}"} if finished else {}


def _write(out: Path, results: dict[str, Any]) -> None:
    part = out.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    part.replace(out)


if __name__ == "__main__":
    main()
