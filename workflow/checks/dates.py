"""Files dated in the future: Snakemake removes what a job has just made if it is older than what it was made from."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cli import UserError

SLACK = 60.0
"""Seconds by which the clock of a file server may be ahead."""
MADE = ("weights", "manifests", "features", "runs", "results", "plots", "reports")
"""Folders that the rules write to."""


def check_dates(sources: Iterable[Path], now: float) -> None:
    """Check that no source is dated in the future: a job would run to its end in vain.

    Args:
        sources: files that jobs read; those that do not exist do not count.
        now: seconds since 1970.

    Raises:
        UserError: one is; a camera or another machine may have had a wrong clock.
    """
    ahead = _ahead(sources, now)
    if ahead:
        moment, file = ahead[-1]
        raise UserError(
            f"{file} is dated in the future ({_render(moment)}){_others(ahead)}: Snakemake would remove what is made"
            f" from it; if this machine's clock is right, `touch` {'it' if len(ahead) == 1 else 'them'}"
        )


def date_back(now: float, sources: Iterable[Path] = ()) -> list[str]:
    """Date what the rules made on a machine with a wrong clock to now, in the same order.

    So nothing is made again that need not be, since no source is newer.

    Args:
        now: seconds since 1970.
        sources: further files that the rules made: the demo's media and labels.

    Returns:
        one line for those that were dated back and one for those that this user cannot date, if there were any.
    """
    ahead = _ahead([*sources, *(file for name in MADE for file in _files(Path(name)))], now)
    dated, refused = [], []
    for place, (moment, file) in enumerate(ahead):
        nanoseconds = round(now * 10**9) + 1000 * place
        try:
            os.utime(file, ns=(nanoseconds, nanoseconds))
            dated.append((moment, file))
        except OSError as problem:  # another user's file, or a read-only disk
            refused.append((moment, file, problem.strerror or str(problem)))
    told = []
    if dated:
        moment, file = dated[-1]
        told.append(f"{file} was dated in the future ({_render(moment)}){_others(dated)}: dated back to now")
    if refused:
        moment, file, why = refused[-1]
        told.append(
            f"{file} is dated in the future ({_render(moment)}){_others(refused)} and cannot be dated back"
            f" ({why.lower()}): Snakemake would remove what is made from it"
        )
    return told


def _ahead(files: Iterable[Path], now: float) -> Sequence[tuple[float, Path]]:
    return sorted((moment, file) for file in files if (moment := _date(file)) > now + SLACK)


def _others(ahead: Sequence[object]) -> str:
    return f", the latest of {len(ahead)} such files" if len(ahead) > 1 else ""


def _files(folder: Path) -> Iterator[Path]:
    return (Path(place, name) for place, _, names in os.walk(folder) for name in names)


def _date(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _render(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
