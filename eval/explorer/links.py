"""Addresses of files relative to the page, so that a folder with both can be moved."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote


def relative_url(file: Path, folder: Path) -> str:
    """The address of a file for a page in `folder`. Every character that means something in addresses is escaped."""
    path = os.path.relpath(Path(file).absolute(), Path(folder).absolute())
    # Without the dot, a name such as `javascript:x` would be no path; quoting escapes its colon as well.
    return "./" + "/".join(quote(part, safe="") for part in Path(path).parts)
