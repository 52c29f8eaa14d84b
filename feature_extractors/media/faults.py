"""Decide whose fault it is when a video fails: the video's, the machine's or the code's.

A fault of the video is recorded and costs that video. A fault of the machine says nothing about the video and ends the
job. An unexpected error costs one video as long as such errors are rare: if they hit most videos of a job, the code or
a library is at fault.
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
from collections.abc import Mapping
from pathlib import Path

import av

from cli import UserError
from cli.machine import OF_MACHINE, is_out_of_memory

OF_MACHINE_FROM_FFMPEG = {errno.EMFILE, errno.ENFILE}
"""FFmpeg also reports "input/output error" for damaged files. Those of the machine show up when the sha256 of a file is
computed, which reads all of it: that is done of every file with problems."""
SPARE_MEMORY = 1 << 28
"""Bytes that the machine must still have, if FFmpeg gets no memory, for that to be the fault of a damaged file, which
may ask for any amount."""
UNFORESEEN = "unexpected error: "
"""Prefix of the recorded cause of an unexpected error."""

_log = logging.getLogger(__name__)


def raise_if_of_machine(problem: Exception, file: Path) -> None:
    """End the job if a fault is the machine's.

    Raises:
        OSError: the fault is the machine's; the error names the file that it names itself, else `file`.
    """
    from_ffmpeg = isinstance(problem, av.FFmpegError)
    # A UserError says what is wrong with the file, perhaps in FFmpeg's words.
    if not isinstance(problem, UserError) and is_out_of_memory(problem) and not (from_ffmpeg and _has_memory()):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(file)) from problem
    number = getattr(problem, "errno", None)
    if isinstance(problem, OSError) and number in (OF_MACHINE_FROM_FFMPEG if from_ffmpeg else OF_MACHINE):
        named = None if from_ffmpeg else problem.filename
        raise OSError(number, os.strerror(number), named or str(file)) from problem


def _has_memory() -> bool:
    try:
        mmap.mmap(-1, SPARE_MEMORY).close()
    except (OSError, MemoryError):
        return False
    return True


def unforeseen(problem: Exception) -> str:
    """The cause to record for a video that raised an unexpected error; the run continues with the other videos.

    The traceback goes to the log, because the error may be a bug in the code.
    """
    _log.error("unexpected error; skipping the rest of this video and continuing with the others:", exc_info=problem)
    return f"{UNFORESEEN}{type(problem).__name__}: {problem}"


def stop_if_systematic(causes: Mapping[str, str], videos: int) -> None:
    """End a job in which most videos, and more than one, failed with an unexpected error.

    Args:
        causes: what was wrong with each video, by id; only unexpected errors count.
        videos: number of videos examined.

    Raises:
        UserError: the fault is systematic.
    """
    found = {vid: cause for vid, cause in causes.items() if UNFORESEEN in cause}
    if len(found) > max(1, videos / 2):
        vid, cause = next(iter(found.items()))
        raise UserError(
            f"{len(found)} of {videos} videos failed with an unexpected error, such as {vid!r} ({cause}): a bug in the "
            "code or in a library, not a fault of the videos (see the tracebacks above)"
        )
