"""How the C library keeps memory that a step or a batch frees, for the next one to use."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt, from its malloc.h, and the advice of Linux's mman.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_MADV_HUGEPAGE = 14

LARGE_PAGE = 1 << 21
"""Bytes of a large page on x86-64, and on ARM with small pages of 4 KiB. A multiple of the page size anywhere else."""
RESERVED = 1 << 31
"""Bytes of addresses that are prepared for large pages: twice what a step of QVHighlights' size uses."""


def keep_freed_memory(large_pages: bool = False) -> None:
    """Keep what is freed instead of returning it to the system. Does nothing where the C library is not glibc.

    By default glibc takes tensors of more than some megabytes from the system each time and returns them when they are
    freed, so a training step pays for the same pages again and again: 24,000 page faults in a step of QVHighlights'
    size, 6 % of its time in float32. Encoders and inference gain as well. The process needs about as much memory at its
    peak as before, and keeps it to its end. Results do not depend on it.

    Args:
        large_pages: put the kept memory into large pages, where the system grants them. The processor then translates
            fewer addresses, and a step takes 4 to 8 % less time (docs/measurements/performance.md). It is for long
            trainings: a virtual machine may have to ask its host for each such page, which once took 20 ms per page.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, -1)
    library.mallopt(_TOP_PAD, 1 << 26)
    if large_pages:
        _prefer_large_pages(library)


def _prefer_large_pages(library: ctypes.CDLL) -> None:
    """Take addresses from the system, ask for large pages behind them, and hand them to the C library as free.

    Only memory that is used later takes room. Where the addresses or the pages are refused, all stays as it was.
    """
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    start = library.malloc(RESERVED)
    if start is None:
        return
    first = -(-start // LARGE_PAGE) * LARGE_PAGE
    last = (start + RESERVED) // LARGE_PAGE * LARGE_PAGE
    library.madvise(first, last - first, _MADV_HUGEPAGE)
    library.free(start)
