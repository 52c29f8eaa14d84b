"""Files mapped into memory: processes that read the same file share one copy of it, which the system may drop and read
again when memory is short.

`mmap` of Python holds a file handle per mapping, and a process often has at most 1024; a mapping by torch has none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray


def map_file(path: Path) -> NDArray[np.uint8] | None:
    """Map a file: its bytes, (size,), private to this process if they are changed; None if it cannot be mapped.

    A file that is replaced by renaming, as all of ours are, stays mapped as it was. One that is cut short in place
    kills the process (SIGBUS).
    """
    try:
        content: NDArray[np.uint8] = torch.from_file(str(path), size=path.stat().st_size, dtype=torch.uint8).numpy()
    except (OSError, RuntimeError):  # such as a file system without mapping
        return None
    return content
