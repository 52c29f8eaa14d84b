"""The GPUs of one machine, called cards here: which there are, and whose turn it is on each.

A workflow that runs on one machine lists its cards in the variable AV_HIGHLIGHTS_CARDS. Each command that runs a
network then takes a free one, sees no other (CUDA_VISIBLE_DEVICES), and has it until its process ends. Who has a card
has locked a file (flock), which the kernel unlocks even after a kill. All studies on a machine share these files, so
two of them do not meet on one card either. Without the variable, as in a scheduler's job or a command by hand, nothing
is taken, and CUDA_VISIBLE_DEVICES means what it always does.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from cli.errors import UserError
from cli.ownership import scheduler_job

_log = logging.getLogger(__name__)
CARDS = "AV_HIGHLIGHTS_CARDS"
"""Variable: the cards to choose from, as in CUDA_VISIBLE_DEVICES."""
JOBS_PER_CARD = "AV_HIGHLIGHTS_JOBS_PER_CARD"
"""Variable: how many jobs may share a card; one without it."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))  # of Linux, and of Linux within Windows
_PATIENCE = 0.5
"""Seconds between two looks for a card that has become free."""
_held: list[int] = []
"""The open lock file of this process's card: open until the process ends."""


def parse_cards(text: str) -> list[str]:
    """The cards that a value of CUDA_VISIBLE_DEVICES lists: numbers, or names of GPUs and of parts of them (MIG).

    As in CUDA, the list ends before the first entry that is neither, such as -1 or NoDevFiles.
    """
    cards: list[str] = []
    for entry in text.split(","):
        card = entry.strip()
        if not re.fullmatch(r"[0-9]+|(GPU|MIG)-[\w/-]+", card):
            break
        cards.append(str(int(card)) if card.isdecimal() else card)  # 00 is card 0 and has its lock
    return list(dict.fromkeys(cards))


def cards_of_listing(listing: str) -> list[str]:
    """The cards in the output of `nvidia-smi -L`: numbers of GPUs or, if any GPU is in parts (MIG), names.

    CUDA counts at most one part, so parts have to be named; numbers mean the same as in a CUDA_VISIBLE_DEVICES that
    a user sets for another study.
    """
    cards: list[list[str]] = []
    names: list[str] = []
    for line in listing.splitlines():
        if found := re.match(r"GPU \d+:.*\(UUID: (GPU-[\w-]+)\)", line):
            names.append(found[1])
            cards.append([])
        elif cards and (found := re.search(r"\(UUID: (MIG-[\w/-]+)\)", line)):
            cards[-1].append(found[1])
    if any(cards):
        return [part for name, parts in zip(names, cards, strict=True) for part in parts or [name]]
    return [str(number) for number in range(len(cards))]


def cards_of_machine(environment: Mapping[str, str]) -> list[str]:
    """The cards that jobs on this machine may use.

    Those that the environment names, in AV_HIGHLIGHTS_CARDS or else in CUDA_VISIBLE_DEVICES; without either, all.
    """
    if CARDS in environment:
        return parse_cards(environment[CARDS])
    if not any(driver.exists() for driver in _DRIVERS):
        return []
    if VISIBLE in environment:
        return parse_cards(environment[VISIBLE])
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True)
        return cards_of_listing(listed.stdout)
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def share_cards(asked: int | None) -> int | None:
    """Let the commands that this process starts choose among the machine's cards.

    Args:
        asked: how many of them may run at once, if the user says so. More than cards: they share them evenly.

    Returns:
        How many may run at once; None for any number, as without cards.
    """
    cards = cards_of_machine(os.environ)
    if not cards:
        return asked
    jobs = len(cards) if asked is None else asked
    os.environ[CARDS] = ",".join(cards)
    os.environ[JOBS_PER_CARD] = str(max(1, -(-jobs // len(cards))))
    return jobs


def forget_cards() -> None:
    """Choose no cards in this process and those that it starts: a scheduler has chosen them."""
    for name in (CARDS, JOBS_PER_CARD):
        os.environ.pop(name, None)


def take_card(device: str) -> str | None:
    """Take a card, if the workflow lists any, and make it the only one that this process sees. Wait for a free one.

    Call it before CUDA starts, which reads CUDA_VISIBLE_DEVICES once.

    Args:
        device: as --device names it. No card is taken for the CPU, for a GPU that it names by number, or for one of
            several processes of a training (torchrun), which have numbers of their own.

    Returns:
        The card; None if none is taken.

    Raises:
        UserError: the lock files cannot be made, or something else is in their place.
    """
    cards = parse_cards(os.environ.get(CARDS, ""))
    if not cards or device not in ("auto", "cuda") or "LOCAL_RANK" in os.environ:
        return None
    if _held:
        return os.environ[VISIBLE]
    share = os.environ.get(JOBS_PER_CARD, "")
    # All cards first, so that jobs that share them spread.
    places = [(card, number) for number in range(int(share) if share.isdecimal() else 1) for card in cards]
    folder = _folder_of_locks()
    told = False
    while True:
        for card, number in places:
            if (lock := _lock(folder / _file_of(card, number))) is not None:
                _held.append(lock)
                os.environ[VISIBLE] = card
                return card
        if not told:
            takers = ", ".join(f"{card} ({_holder(folder / _file_of(card, number))})" for card, number in places)
            _log.warning("waiting for a free GPU: %s", takers)
            told = True
        time.sleep(_PATIENCE)


def _file_of(card: str, number: int) -> str:
    # In a scheduler's job card 0 is the first one of that job, which may be another on the machine.
    return quote("-".join(filter(None, [scheduler_job(), card, str(number)])), safe="")


def _folder_of_locks() -> Path:
    """A folder for all users of the machine, as /tmp is."""
    folder = Path(tempfile.gettempdir(), "av_highlights_cards")
    try:
        with suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o1777)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise UserError(f"{folder}: must be a folder: the locks of GPUs are in it")
    except OSError as problem:
        raise UserError(f"{folder}: {problem.strerror or problem}") from None
    return folder


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        # Without O_CREAT if it exists: Linux refuses that for other users' files in folders like /tmp.
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_CREAT, 0o666)
    with suppress(PermissionError):  # another user was quicker
        os.fchmod(descriptor, 0o666)
    return descriptor


def _lock(path: Path) -> int | None:
    """Open and lock a file that all users can lock; None if another process has locked it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            descriptor = _open(path)
            break
        except PermissionError:
            # Another user may be making the file or its folder, and has not opened it to all yet.
            if time.monotonic() > deadline:
                raise UserError(f"{path}: the lock of a GPU, which all users must be allowed to write") from None
            time.sleep(_PATIENCE / 10)
        except OSError as problem:
            raise UserError(f"{path}: {problem.strerror or problem}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise UserError(f"{path}: must be a plain file under one name: it is the lock of a GPU")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    with suppress(OSError):  # a full disk
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _holder(path: Path) -> str:
    """Who has locked a file, as it says."""
    with suppress(OSError, ValueError):
        return f"process {int(path.read_bytes()[:20])}"
    return "another process"
