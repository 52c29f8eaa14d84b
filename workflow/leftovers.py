"""Scores and pictures of runs that the configuration no longer defines: nothing would ever renew them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from eval.plots import RETRIEVAL_FIGURES
from workflow.layout import GIVEN
from workflow.study import Study

FOLDERS = ("results", "plots")
# What the rules write below results/{dataset}/{run}/ and plots/{dataset}/{run}/. Other files there are not ours.
_MADE = r"""
    gates_SPLIT\.(json|png|svg) | gates_SPLIT/gate_\w+\.(png|svg) | training\.(png|svg)
    | retrieval_SPLIT/(RETRIEVAL)\.(png|svg)
    | seed\d+/tvsum_SPLIT\.json | [^/]+/seed\d+/(metrics|queries|calibration)_SPLIT(_best|_last)?\.json
"""


def remove_leftovers(study: Study) -> list[str]:
    """Remove what the rules made of runs that are no longer defined; it costs seconds to make again.

    Checkpoints, predictions and gate logs stay, and so do files that no rule writes. With a given checkpoint nothing is
    removed: the runs are not those of the dataset's training then. Nor do its own scores go when runs are trained next:
    one compares the two.

    Returns:
        the folders of these runs, such as `plots/demo/old`.
    """
    if study.given:
        return []
    known = {*study.config["runs"], "random", GIVEN}
    # Also of runs under conditions that this study leaves out, so that a part of a comparison can be asked for.
    crossed = tuple(f"{run}.{condition}_" for run in study.config["runs"] for condition in study.config["conditions"])
    found = [
        path
        for name in FOLDERS
        for path in _folders(Path(name) / study.name)
        if path.name not in known and not path.name.startswith(crossed)
    ]
    return [str(folder) for folder in found if _clear(folder)]


def _folders(parent: Path) -> Iterable[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _clear(folder: Path) -> bool:
    """Remove what rules made in a run's folder, and the folders that are then empty; whether there was anything."""
    figures = "|".join(RETRIEVAL_FIGURES)
    made = re.compile(_MADE.replace("SPLIT", "[a-z]+").replace("RETRIEVAL", figures), re.VERBOSE)
    inside = sorted(folder.rglob("*"), reverse=True)
    files = [path for path in inside if path.is_file() and made.fullmatch(path.relative_to(folder).as_posix())]
    for path in files:
        path.unlink()
    if files:
        for path in (*inside, folder):
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
    return bool(files)
