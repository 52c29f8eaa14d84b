"""How the C library keeps memory that a step frees, for the next step to use."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt, from its malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Keep what is freed instead of returning it to the system. Does nothing where the C library is not glibc.

    By default glibc takes tensors of more than some megabytes from the system each time and returns them when they are
    freed, so a training step pays for the same pages again and again: 24,000 page faults in a step of QVHighlights'
    size, 6 % of its time in float32. The process needs as much memory at its peak as before, and keeps it to its end.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)
    mallopt(_TOP_PAD, 1 << 26)
