"""The software that really ran: which versions of Python and its packages each command had.

A workflow names a folder in the variable AV_HIGHLIGHTS_SOFTWARE. Each command of its jobs notes there what it had
loaded when it ended, in one file per verb, together with what the verb loaded in other jobs; what it had in other
versions is replaced.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from cli.errors import UserError
from cli.outputs import replacing

FOLDER = "AV_HIGHLIGHTS_SOFTWARE"
"""Variable: where commands note their software."""
# Those on which results depend. Asking modules costs nothing; importlib.metadata would take longer than most verbs.
_MODULES = (
    "av",
    "h5py",
    "matplotlib",
    "numpy",
    "open_clip",
    "PIL",
    "pydantic",
    "safetensors",
    "scipy",
    "snakemake",
    "soxr",
    "timm",
    "tokenizers",
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "yaml",
)


def loaded_software() -> dict[str, str]:
    """Versions of Python and of those packages that this process has loaded, by their names in `import`."""
    found = {"python": sys.version.split()[0]}
    for name in _MODULES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            found[name] = str(version)
    return found


def note_software(command: str) -> None:
    """Write what this process has loaded to `COMMAND.json` in the folder that the workflow names, if it names one.

    A folder that cannot be written is no error: the notes are for the report alone.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    path, loaded = Path(folder, f"{command}.json"), loaded_software()
    known = _read(path) or {}
    if all(known.get(name, version) == version for name, version in loaded.items()):
        loaded = {**known, **loaded}
    if loaded != known:
        with suppress(OSError, ValueError, UserError), replacing(path) as part:
            part.write_text(json.dumps(loaded, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_software(folder: Path) -> dict[str, dict[str, str]]:
    """Versions by command, in the order of commands. Files that are no such notes are left out."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.json")):
        versions = _read(path)
        if versions is not None:
            found[path.stem] = versions
    return found


def _read(path: Path) -> dict[str, str] | None:
    with suppress(OSError, ValueError, RecursionError):
        versions = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(versions, dict) and all(isinstance(value, str) for value in versions.values()):
            return versions
    return None
