"""Whose fault it is when a video fails: its own, the machine's, or that of the code.

A video's own faults are recorded and cost that video. The machine's say nothing about it and end the job. What nobody
foresaw costs one video as long as it is rare: where it hits most videos of a job, it is the code or a library.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import av

from cli import UserError

OF_MACHINE = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ENODEV,
    errno.ENXIO,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
}
OF_MACHINE_FROM_FFMPEG = {errno.EMFILE, errno.ENFILE}
"""FFmpeg says "out of memory" and "input/output error" of damaged files too; the machine's own are met where the sha256
of a file is computed, which reads all of it."""
UNFORESEEN = "not foreseen: "
"""Begins the cause of a problem that nobody foresaw."""

_log = logging.getLogger(__name__)


def raise_if_of_machine(problem: Exception, file: Path) -> None:
    """End the job if a fault is the machine's.

    Raises:
        OSError: it is; names the file that was being read.
    """
    from_ffmpeg = isinstance(problem, av.FFmpegError)
    if isinstance(problem, MemoryError) and not from_ffmpeg:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(file)) from problem
    number = getattr(problem, "errno", None)
    if isinstance(problem, OSError) and number in (OF_MACHINE_FROM_FFMPEG if from_ffmpeg else OF_MACHINE):
        raise OSError(number, os.strerror(number), str(file)) from problem


def unforeseen(problem: Exception) -> str:
    """The cause to record where one video raised what nobody foresaw: the rest of a night's run goes on without it.

    The traceback goes to the log: it may be a mistake in the code.
    """
    _log.error("not foreseen; this video is left at that and the others go on:", exc_info=problem)
    return f"{UNFORESEEN}{type(problem).__name__}: {problem}"


def stop_if_systematic(causes: Mapping[str, str], videos: int) -> None:
    """End a job in which most videos, and more than one, failed with what nobody foresaw.

    Args:
        causes: what was wrong with each video, by id; only the unforeseen counts.
        videos: looked at.

    Raises:
        UserError: the fault is systematic.
    """
    found = {vid: cause for vid, cause in causes.items() if UNFORESEEN in cause}
    if len(found) > max(1, videos / 2):
        vid, cause = next(iter(found.items()))
        raise UserError(
            f"{len(found)} of {videos} videos failed with what nobody foresaw, such as {vid!r} ({cause}): a mistake in "
            "the code or in a library, not in the videos (tracebacks: above)"
        )
