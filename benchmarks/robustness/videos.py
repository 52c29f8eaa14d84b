"""Videos that grow, change or go while jobs read them, and a study that is moved to another folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import MADE, make
from tests.killing import begin_with
from tests.workflow.workspace import Workspace

# The job that is about to put a file called NAME in place changes a video first.
HOOK = """
import os
import sys

rename = os.replace


def replace(source, target, **options):
    if os.path.basename(os.fspath(target)) == {name!r}:
        {change}
    rename(source, target, **options)


if "--snakefile" not in sys.argv:
    os.replace = replace
"""
CHANGES = {
    "grows": "rename({whole!r}, {video!r})",
    "is replaced": "rename({other!r}, {video!r})",
    "is removed": "os.path.exists({video!r}) and rename({video!r}, {whole!r})",
}


def changes() -> Iterator[Fault]:
    """A video that changes while its clip grid is computed, or its pictures or sound are encoded; a moved folder."""
    for what in CHANGES:
        for rule in ("manifest", "encode", "encode (sound)"):
            yield Fault(f"a video {what} during the job", rule, MADE[rule], _during(what, MADE[rule]))
    for rule in ("encode", "encode (sound)"):
        yield Fault("a video grows between the jobs", rule, MADE[rule], _between(MADE[rule]))
    for rule in ("train", "plot_summary"):
        yield Fault("the folder is moved", rule, MADE[rule], _moved(MADE[rule]))


def _first_video(workspace: Workspace) -> Path:
    """The first video of shard 000 that has a sound track."""
    lines = (workspace.folder / "manifests/demo/000.jsonl").read_text(encoding="utf-8").splitlines()
    rows = map(json.loads, lines)
    return workspace.folder / "data/demo/videos" / next(row["file"] for row in rows if row["has_audio"])


def _during(what: str, target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        video = _first_video(workspace)
        whole, other = video.with_name("whole"), video.with_name("other")
        content = video.read_bytes()
        if what == "grows":
            whole.write_bytes(content)
            video.write_bytes(content[: len(content) // 2])
        if what == "is replaced":
            another = next(file for file in sorted(video.parent.glob("*.mp4")) if file != video)
            other.write_bytes(another.read_bytes())
        change = CHANGES[what].format(video=str(video), whole=str(whole), other=str(other))
        with tempfile.TemporaryDirectory() as hooks:
            (workspace.folder / target).unlink()
            code = HOOK.format(name=Path(target).name, change=change)
            said = make(workspace, target, environment=begin_with(Path(hooks, "hook"), code))
        if what != "is removed":
            said += make(workspace, target)  # what the next run says, before the old video is back
        if not video.is_file() or video.read_bytes() != content:
            video.write_bytes(content)
        for file in (whole, other):
            file.unlink(missing_ok=True)
        return said, False

    return provoke


def _between(target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        video = _first_video(workspace)
        content = video.read_bytes()
        video.write_bytes(content[: len(content) // 2])
        said = make(workspace, "manifests/demo/000.jsonl")
        video.write_bytes(content)
        return said + make(workspace, "--allowed-rules", "encode", "--", target), False

    return provoke


def _moved(target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        made = workspace.folder / target
        expected, before = made.read_bytes(), made.stat().st_mtime_ns
        elsewhere = workspace.folder.rename(workspace.folder.with_name("elsewhere"))
        said = make(Workspace(elsewhere), target)
        elsewhere.rename(workspace.folder)
        return said, made.read_bytes() != expected or made.stat().st_mtime_ns != before

    return provoke
