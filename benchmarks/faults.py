"""Break a small study in many ways, and look what is said and lost: `python benchmarks/faults.py [--part kill]`.

Makes the study of tests/workflow once in --folder, and breaks a copy of it: jobs killed when their output is written
but not in place (`kill`), files truncated, emptied, exchanged or with one wrong bit (`damage`), full and read-only
disks (`disk`, as root). Then the fault is taken away and the same command run
again. Prints a row per fault, or writes the parts that it ran between their markers of a page (--write). The exit
status is 1 if a fault ended in a traceback, or the re-run did not end with the bytes of an undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.killing import kill_at  # noqa: E402
from tests.warm import stop  # noqa: E402
from tests.workflow.workspace import Workspace  # noqa: E402

RUN = "runs/demo/base/all/seed1"
SCORES = "results/demo/base/all/seed1"
MADE = {
    "weights_clip": "weights/demo/clip.pt",
    "weights_pann": "weights/demo/pann.pth",
    "manifest": "manifests/demo/000.jsonl",
    "encode": "features/demo/clip_visual/000.h5",
    "encode (text)": "features/demo/clip_text/000.h5",
    "encode (sound)": "features/demo/pann/000.h5",
    "problems": "reports/demo/problems.tsv",
    "train": f"{RUN}/best.pt",
    "infer_gated": f"{RUN}/predictions_val.jsonl",
    "baseline": "runs/demo/random/all/seed1/predictions_val.jsonl",
    "score": f"{SCORES}/metrics_val.json",
    "summarise": "results/demo/summary.json",
    "gates": "results/demo/base/gates_val.json",
    "plot_summary": "plots/demo/summary.png",
    "plot_training": "plots/demo/base/training.png",
    "plot_gates": "plots/demo/base/gates_val.png",
    "strip": "results/demo/strip.npz",
}
"""A file that each rule makes."""
READ = {
    "features/demo/clip_visual/000.h5": ("train", f"{RUN}/best.pt"),
    "features/demo/pann/000.h5": ("train", f"{RUN}/best.pt"),
    "features/demo/clip_text/000.h5": ("train", f"{RUN}/best.pt"),
    "manifests/demo/000.jsonl": ("encode", "features/demo/pann/000.h5"),
    "weights/demo/clip.pt": ("encode", "features/demo/clip_visual/000.h5"),
    "weights/demo/pann.pth": ("encode", "features/demo/pann/000.h5"),
    f"{RUN}/best.pt": ("infer_gated", f"{RUN}/predictions_val.jsonl"),
    f"{RUN}/predictions_val.jsonl": ("score", f"{SCORES}/metrics_val.json"),
    f"{RUN}/gate_logs_val_Nall.jsonl": ("gates", "results/demo/base/gates_val.json"),
    f"{RUN}/history.jsonl": ("plot_training", "plots/demo/base/training.png"),
    f"{SCORES}/metrics_val.json": ("summarise", "results/demo/summary.json"),
    "results/demo/strip.npz": ("plot_example", "plots/demo/example.png"),
}
"""A rule that reads each kind of file, and what it makes."""
OTHERS = {
    "features/demo/clip_visual/000.h5": "features/demo/clip_visual/001.h5",
    "features/demo/pann/000.h5": "features/demo/clip_visual/000.h5",
    "features/demo/clip_text/000.h5": "features/demo/clip_text/001.h5",
    "manifests/demo/000.jsonl": "manifests/demo/001.jsonl",
    "weights/demo/clip.pt": "weights/demo/pann.pth",
    "weights/demo/pann.pth": "weights/demo/clip.pt",
    f"{RUN}/best.pt": "weights/demo/pann.pth",
    f"{RUN}/predictions_val.jsonl": f"{RUN}/history.jsonl",
    f"{RUN}/gate_logs_val_Nall.jsonl": f"{RUN}/predictions_val.jsonl",
    f"{RUN}/history.jsonl": f"{RUN}/predictions_val.jsonl",
    f"{SCORES}/metrics_val.json": f"{SCORES}/queries_val.json",
    "results/demo/strip.npz": "features/demo/clip_text/000.h5",
}
"""A file of another kind or shard that is put in the place of each."""


@dataclass(frozen=True)
class Fault:
    """A fault: what is done, the rule that meets it, its target, and how it is brought about and taken away."""

    what: str
    rule: str
    target: str
    provoke: Callable[[Workspace], tuple[str, bool]]
    """Breaks something, runs the target and takes the fault away. Returns what was said, and whether the target was
    made nevertheless, with other bytes."""


@dataclass(frozen=True)
class Met:
    """What came of a fault."""

    fault: Fault
    message: str
    traceback: bool
    unnoticed: bool
    same: bool

    @property
    def cells(self) -> list[str]:
        """The cells of its row."""
        result = "the same bytes" if self.same else "OTHER BYTES"
        nothing = "none, and another result" if self.unnoticed else "none, and the same result"
        message = f"`{self.message}`" if self.message else nothing
        return [self.fault.what, f"`{self.fault.rule}`", message, result]


def make(workspace: Workspace, target: str, environment: dict[str, str] | None = None) -> str:
    """Run the workflow to a target; returns all that it says."""
    done = workspace.snakemake("--cores", "2", target, environment=environment)
    return done.stdout + done.stderr


def kills() -> Iterator[Fault]:
    """Each rule killed (-9) when an output is written, but has not got its name yet."""
    for rule, target in MADE.items():

        def provoke(workspace: Workspace, target: str = target) -> tuple[str, bool]:
            (workspace.folder / target).unlink()
            with tempfile.TemporaryDirectory() as hooks:
                return make(workspace, target, kill_at(Path(hooks, "hook"), Path(target).name, before=True)), False

        yield Fault(f"`kill -9` while `{Path(target).name}` is written", rule, target, provoke)


def damages(seed: int) -> Iterator[Fault]:
    """Each kind of file spoilt before it is read, in five ways."""
    rng = np.random.default_rng(seed)

    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
        return bytes(changed)

    ways: dict[str, Callable[[bytes], bytes]] = {
        "cut in half": lambda content: content[: len(content) // 2],
        "empty": lambda content: b"",
        "one wrong bit": flip,
        "zeros in its second third": lambda content: (
            content[: len(content) // 3].ljust(len(content) // 3 * 2, b"\0") + content[len(content) // 3 * 2 :]
        ),
    }
    for name, (rule, target) in READ.items():
        for what, spoil in ways.items():
            yield Fault(f"`{name}`: {what}", rule, target, _spoilt(name, target, spoil))
        other = OTHERS[name]
        yield Fault(f"`{name}`: `{other}` in its place", rule, target, _spoilt(name, target, None))


def _spoilt(name: str, target: str, spoil: Callable[[bytes], bytes] | None) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        file, made = workspace.folder / name, workspace.folder / target
        content, facts, expected = file.read_bytes(), file.stat(), made.read_bytes()
        file.write_bytes((workspace.folder / OTHERS[name]).read_bytes() if spoil is None else spoil(content))
        made.unlink()
        said = make(workspace, target)
        unnoticed = made.is_file() and made.read_bytes() != expected
        file.write_bytes(content)
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        made.unlink(missing_ok=True)
        return said, unnoticed

    return provoke


def disks() -> Iterator[Fault]:
    """Each rule with a full or read-only disk at the folder that it writes to. Needs root, to mount one."""
    for rule, target in MADE.items():
        for what, options in (("full disk", ""), ("read-only disk", "remount,ro")):

            def provoke(workspace: Workspace, target: str = target, options: str = options) -> tuple[str, bool]:
                folder = (workspace.folder / target).parent
                kept = folder.with_name(f"{folder.name}.kept")
                (workspace.folder / target).unlink()
                folder.rename(kept)
                folder.mkdir()
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True)
                try:
                    shutil.copytree(kept, folder, dirs_exist_ok=True, symlinks=True)
                    if options:
                        subprocess.run(["mount", "-o", options, folder], check=True)
                    else:
                        subprocess.run(["dd", "if=/dev/zero", f"of={folder}/rest"], capture_output=True, check=False)
                    return make(workspace, target), False
                finally:
                    subprocess.run(["umount", folder], check=True)
                    folder.rmdir()
                    kept.rename(folder)

            yield Fault(f"{what} at `{Path(target).parent}/`", rule, target, provoke)


PARTS: dict[str, Callable[[int], Iterator[Fault]]] = {
    "kill": lambda seed: kills(),
    "damage": damages,
    "disk": lambda seed: disks() if os.geteuid() == 0 else iter(()),
}
OURS = re.compile(rf'File "{ROOT}/(av_highlights|cli|demo|eval|feature_extractors|formats|model|workflow)/')
"""A line of a traceback in our code. Snakemake has tracebacks of its own, such as of a read-only disk."""


def meet(fault: Fault, built: Path, folder: Path) -> Met:
    """Break a copy of the study, mend it, and run the same command again."""
    shutil.rmtree(folder, ignore_errors=True)
    workspace = Workspace(Path(shutil.copytree(built, folder, symlinks=True)))
    expected = (built / fault.target).read_bytes()
    said, unnoticed = fault.provoke(workspace)
    make(workspace, fault.target)
    found = workspace.folder / fault.target
    lines = [line.partition(": error: ")[2] for line in said.splitlines() if ": error: " in line]
    lines = lines or [line for line in said.splitlines() if re.match(r"\w*(Error|Exception)(:| in rule) ", line)]
    lines = lines or ["killed"] * ("non-zero exit code" in said)
    message = re.sub(rf"\S*/faulty/|{ROOT}/", "", lines[-1] if lines else "").replace("|", "\\|").replace("`", "'")
    ours = OURS.search(said) is not None
    return Met(fault, message[:240], ours, unnoticed, found.is_file() and found.read_bytes() == expected)


def render(found: list[Met]) -> str:
    """The rows of a part as a Markdown table, with a line of counts."""
    rows = [["fault", "rule", "message", "after the same command again"], ["---"] * 4, *(met.cells for met in found)]
    same, unnoticed = sum(met.same for met in found), sum(met.unnoticed for met in found)
    tracebacks = sum(met.traceback for met in found)
    counts = (
        f"{len(found)} faults: {same} re-runs ended with the bytes of an undisturbed run; {unnoticed} faults gave"
        f" another result without a message, {tracebacks} a traceback of our code."
    )
    return "\n".join([counts, "", *(f"| {' | '.join(row)} |" for row in rows)])


def write_part(page: Path, part: str, text: str) -> None:
    """Replace what is between the markers of a part."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    page.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def main() -> int:
    """Run the parts; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (may be given more than once)")
    parser.add_argument("--count", type=int, help="only so many faults of each part, spread evenly over it")
    parser.add_argument("--seed", type=int, default=0, help="seed of the wrong bits (default: 0)")
    parser.add_argument("--folder", type=Path, default=Path("build/faults"), help="kept between runs (build/faults)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables between the markers of this page")
    arguments = parser.parse_args()
    built = arguments.folder.resolve() / "built"
    if not built.exists():
        sys.stderr.write("making the study\n")
        built.mkdir(parents=True)
        make(Workspace(built), "all")
    bad = 0
    for part in arguments.part or PARTS:
        faults = list(PARTS[part](arguments.seed))
        step = max(1, len(faults) // arguments.count) if arguments.count else 1
        found = []
        for fault in faults[::step]:
            met = meet(fault, built, built.with_name("faulty"))
            found.append(met)
            sys.stderr.write(f"{part}: {' | '.join(met.cells)}{' TRACEBACK' if met.traceback else ''}\n")
        bad += sum(met.traceback or not met.same for met in found)
        if arguments.write:
            write_part(arguments.write, part, render(found))
        else:
            sys.stdout.write(f"## {part}\n\n{render(found)}\n\n")
    stop()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
