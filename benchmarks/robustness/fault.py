"""A fault, what came of it, and the table of many."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.robustness.study import make
from tests.workflow.workspace import ROOT, Workspace


@dataclass(frozen=True)
class Fault:
    """A fault: what is done, the rule that meets it, its target, and how it is brought about and taken away."""

    what: str
    rule: str
    target: str
    provoke: Callable[[Workspace], tuple[str, bool]]
    """Breaks something, runs the target and takes the fault away. Returns what was said, and whether the target was
    made nevertheless, with other bytes."""
    afresh: bool = False
    """Whether the run begins without any output, so that nothing was finished before."""


@dataclass(frozen=True)
class Met:
    """What came of a fault.

    Attributes:
        told: all that was said, also by the run after the fault was taken away.
        lost: finished files, not among the outputs of the jobs that ran, that are gone or changed before the re-run.
    """

    fault: Fault
    told: str
    message: str
    traceback: bool
    unnoticed: bool
    lost: list[str]
    same: bool

    @property
    def bad(self) -> bool:
        """Whether the project is at fault."""
        return self.traceback or self.unnoticed or bool(self.lost) or not self.same

    @property
    def cells(self) -> list[str]:
        """The cells of its row."""
        nothing = "none, and another result" if self.unnoticed else "none, and the same result"
        message = f"`{self.message}`" if self.message else nothing
        lost = ", ".join(self.lost) or "nothing"
        return [
            self.fault.what,
            f"`{self.fault.rule}`",
            message,
            lost,
            "the same bytes" if self.same else "OTHER BYTES",
        ]


HEADER = ["fault", "rule", "message", "lost", "after the same command again"]
# Of a rule that is not run again, Snakemake does not make these alike twice.
UNLIKE = re.compile(r"(\.snakemake|logs|overlay\.yaml)(/|$)|.*/resume\.pt$|.*\.owner$|.*\.part/")
OURS = re.compile(rf'File "{ROOT}/(av_highlights|cli|demo|eval|feature_extractors|formats|model|workflow)/')
"""A line of a traceback in our code. Snakemake has tracebacks of its own, such as of a read-only disk."""


def meet(fault: Fault, built: Path, folder: Path) -> Met:
    """Break a copy of the study, mend it, and run the same command again."""
    shutil.rmtree(folder, ignore_errors=True)
    workspace = Workspace(Path(shutil.copytree(built, folder, symlinks=True)))
    said, unnoticed = fault.provoke(workspace)
    lost = [] if fault.afresh else _lost(built, folder, said, fault.target)
    said_again = make(workspace, fault.target)
    same = _same(built, folder, fault.target)
    told = f"{said}\nAFTERWARDS:\n{said_again}"
    return Met(fault, told, _message_of(said), OURS.search(said) is not None, unnoticed, lost, same)


def _same(built: Path, folder: Path, target: str) -> bool:
    """Whether a file has the bytes of an undisturbed run; of another target, all files."""
    if (built / target).is_file():
        names = [target]
    else:
        names = [str(path.relative_to(built)) for path in built.rglob("*") if path.is_file()]
    return all(_content(built / name) == _content(folder / name) for name in names if not UNLIKE.match(name))


# What a job writes, by its command: Snakemake does not name the outputs of jobs that have a message.
WRITTEN = re.compile(r"--(?:out[\w-]*|per-query|gate-log) (.+?)(?= --| [2>]|$)|demo media .*--annotations (\S+)", re.M)


def _lost(built: Path, folder: Path, said: str, target: str) -> list[str]:
    """Finished files that are gone or changed, although no job that ran makes them."""
    own = (target, *(name for found in WRITTEN.findall(said) for part in found for name in part.split()))
    names = (str(path.relative_to(built)) for path in sorted(built.rglob("*")) if path.is_file())
    return [
        name
        for name in names
        if not name.startswith(own) and not UNLIKE.match(name) and _content(folder / name) != _content(built / name)
    ]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _message_of(said: str) -> str:
    """The line that says what is wrong: ours, or else one of the shell, Snakemake or Python."""
    said = re.sub(rf"\S*/faulty(/|\b)|\S*/site-packages/|{ROOT}/", "", said)
    lines = re.findall(r": error: (.+)", said) or re.findall(r"^note: (.+)", said, re.M)
    lines = lines or re.findall(r": line 1: +\d+ (\w[\w ]*?)  +python -m", said)  # the shell's, of a fatal signal
    lines = lines or re.findall(r"^\w*(?:Error|Exception)(?:: | in rule )(?:.*:\n)?.+", said, re.M)
    lines = lines or ["killed"] * ("non-zero exit code" in said)
    return " ".join(lines[-1].split()).replace("|", "\\|").replace("`", "'")[:240] if lines else ""


def render(found: list[Met]) -> str:
    """The rows of a part as a Markdown table, with a line of counts."""
    rows = [HEADER, ["---"] * len(HEADER), *(met.cells for met in found)]
    same, unnoticed = sum(met.same for met in found), sum(met.unnoticed for met in found)
    tracebacks, lost = sum(met.traceback for met in found), sum(bool(met.lost) for met in found)
    counts = (
        f"{len(found)} faults: {same} re-runs ended with the bytes of an undisturbed run; {unnoticed} faults gave"
        f" another result without a message, {tracebacks} a traceback of our code; {lost} lost finished files."
    )
    return "\n".join([counts, "", *(f"| {' | '.join(row)} |" for row in rows)])


def write_part(page: Path, part: str, text: str) -> None:
    """Replace what is between the markers of a part."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    if not rest:
        raise ValueError(f"{page}: has no marker {begin}")
    page.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
