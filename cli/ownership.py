"""Who is making an artefact: one process at a time, which a second one can name.

Jobs outlive a workflow that is killed, and a second workflow would start the same jobs in the same files. So whoever
makes an artefact over a longer time keeps a small file `.NAME.owner` beside it, which says who it is, and touches it
now and then. It needs no locks, which some disks lack. On the same machine the owner is alive if its process is; of
another machine, only the age of the last touch is known, by the clock of the disk that holds the file.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.errors import UserError
from cli.outputs import naming

BEAT = 20.0
"""Seconds between touches."""
SILENCE = 120.0
"""Seconds without a touch after which an owner on another machine counts as dead."""
_JOBS = {"SLURM_JOB_ID": "Slurm job", "PBS_JOBID": "PBS job", "LSB_JOBID": "LSF job"}


@dataclass(frozen=True)
class Owner:
    """A process that makes an artefact.

    Attributes:
        machine: what tells apart kernels, and containers on one: process ids mean the same only within one machine.
        started: when the process started, in the kernel's ticks, because process ids are used again.
        job: the job of a scheduler, or empty.
        claim: another text for every claim.
    """

    pid: int
    host: str
    machine: str
    started: str
    job: str
    claim: str

    def __str__(self) -> str:
        here = self.machine == _machine() and self.host == socket.gethostname()
        return f"process {self.pid}{'' if here else f' on {self.host}'}{f' ({self.job})' if self.job else ''}"


class Claim:
    """This process's ownership of an artefact."""

    def __init__(self, path: Path, file: Path, owner: Owner) -> None:
        self._path, self._file, self._owner = path, file, owner
        self._successor: Owner | None = None

    def renew(self) -> None:
        """Touch the file, unless another process took the artefact over."""
        with suppress(OSError):  # such as a file server that is away for a while
            found = _read(self._file)
            if found == self._owner:
                os.utime(self._file)
            elif found is not None:
                self._successor = found

    def check(self) -> None:
        """Check that the artefact is still this process's. Call it before a part of the artefact is written.

        Raises:
            UserError: another process took it over, because this one was silent for too long (suspended, or cut off).
        """
        if self._successor is not None:
            raise UserError(f"{self._path}: {self._successor} took over, because this process was silent for too long")

    def give_up(self) -> None:
        """Remove the file, unless it is another process's."""
        with suppress(OSError):
            if _read(self._file) == self._owner:
                self._file.unlink()


@contextmanager
def owning(path: Path) -> Iterator[Claim]:
    """Own the artefact `path` while the block runs. An owner that has died is replaced. Devices have no owner.

    Raises:
        UserError: another process is making it; the message says which.
        OSError: nothing can be written beside it.
    """
    file, mine = path.with_name(f".{path.name}.owner"), _this_process()
    if path.exists() and not path.is_file():
        yield Claim(path, file, mine)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        while not _create(file, mine):
            _remove_dead(path, file, mine)
    claim = Claim(path, file, mine)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT):
            claim.renew()

    threading.Thread(target=beat, name="owner", daemon=True).start()
    try:
        yield claim
    finally:
        stop.set()
        claim.give_up()


def scheduler_job() -> str:
    """The scheduler's job in which this process runs, such as "Slurm job 12"; empty without one."""
    return next((f"{kind} {os.environ[name]}" for name, kind in _JOBS.items() if os.environ.get(name)), "")


def _this_process() -> Owner:
    pid = os.getpid()
    return Owner(pid, socket.gethostname(), _machine(), _start_of(pid), scheduler_job(), uuid.uuid4().hex)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """When a process started; empty if there is none, or it has ended and nobody has asked how."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _create(file: Path, owner: Owner) -> bool:
    """Create the file of an owner; False if there is one."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as content:
            json.dump(asdict(owner), content)
    except OSError:  # a full disk
        file.unlink(missing_ok=True)
        raise
    return True


def _read(file: Path) -> Owner | None:
    """The owner that a file names; None if there is no such file, or it names none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Owner(pid=int(found.pop("pid")), **{key: str(value) for key, value in found.items()})
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _remove_dead(path: Path, file: Path, mine: Owner) -> None:
    """Remove the file of an owner that is dead. A scheduler's job waits until that is certain.

    Raises:
        UserError: it is alive, or may be.
    """
    owner = _read(file)
    who = "another process" if owner is None else str(owner)
    if owner is not None and owner.machine and owner.machine == _machine() and owner.host == socket.gethostname():
        if _start_of(owner.pid) == owner.started:
            raise UserError(
                f"{path}: {who} is making it: wait until it ends, or end it ({_how_to_end(owner, here=True)})"
            )
    else:
        age = _age(file)
        if age is not None and age < SILENCE and not (mine.job and _falls_silent(file)):
            end = "" if owner is None else f" ({_how_to_end(owner, here=False)})"
            raise UserError(
                f"{path}: {who} is making it, last heard of {max(age, 0):.0f} s ago: wait until it ends, or end it"
                f"{end}; if it has died, try again {SILENCE:.0f} s after that"
            )
    # Of several processes that find the owner dead, one moves its file away; whoever moves that of a new owner instead
    # puts it back.
    grave = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):
        file.rename(grave)
        found = _read(grave)
        if found is not None and found != owner:
            with suppress(OSError):
                os.link(grave, file)
        grave.unlink()


def _falls_silent(file: Path) -> bool:
    """Wait whether an owner on another machine is heard of again.

    A scheduler starts a job that it killed at a time limit, or that lost its machine, again within less than SILENCE.
    """
    touched = _touched(file)
    while (age := _age(file)) is not None and age < SILENCE:
        time.sleep(min(BEAT, SILENCE - age))
        if _touched(file) not in (touched, None):
            return False
    return True


def _touched(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _how_to_end(owner: Owner, here: bool) -> str:
    kind, _, number = owner.job.rpartition(" ")
    if kind == "Slurm job":
        return f"scancel {number}"
    return f"kill {owner.pid}" if here else f"kill {owner.pid} on {owner.host}"


def _age(file: Path) -> float | None:
    """Seconds since the last touch, by the clock that also dates new files there; None if the file has gone."""
    try:
        with tempfile.TemporaryFile(dir=file.parent) as new:
            now = os.fstat(new.fileno()).st_mtime
        return now - file.stat().st_mtime
    except FileNotFoundError:
        return None
