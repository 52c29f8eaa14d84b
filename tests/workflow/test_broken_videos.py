"""A folder with broken videos: features of the others, a list with causes, and an exit status by the stated policy."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from formats.store import Store
from tests.feature_extractors.edited_media import noise
from tests.feature_extractors.made_media import steady, write_media
from tests.workflow.workspace import Workspace

GOOD = ["a", "b", "-c"]
BROKEN = {"empty": "it is empty", "page": "not a readable media file", "missing": "no video 'missing'"}


@pytest.fixture(scope="module")
def workspace(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("broken")
    shutil.copytree(built.folder / "weights", folder / "weights")
    videos = folder / "videos"
    videos.mkdir()
    for vid in GOOD:
        write_media(videos / f"{vid}.mkv", steady(6.0), sound=noise(6.0))
    whole = (videos / "a.mkv").read_bytes()
    (videos / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (videos / "empty.mp4").write_bytes(b"")
    (videos / "page.mp4").write_bytes(b"<html>404 Not Found</html>")
    vids = [*GOOD, "cut", *BROKEN]
    rows = [{"qid": qid, "query": f"a query {qid}", "vid": vid, "duration": 6} for qid, vid in enumerate(vids)]
    rows[1] |= {"duration": 20, "relevant_windows": [[2, 18]]}  # of a longer film than b.mkv, whose 6 s are 3 clips
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "v.jsonl").write_text(json.dumps({**rows[0], "qid": 99}) + "\n")
    return Workspace(folder)


def changes(workspace: Workspace, policy: str) -> dict[str, Any]:
    annotations = {"train": "q.jsonl", "val": "v.jsonl"}
    dataset = {"name": "own", "videos": "videos", "annotations": annotations, "broken_videos": policy}
    return {"dataset": dataset, "model": {"audio_streams": ["pann"]}}


def listed(folder: Path) -> dict[str, list[str]]:
    lines = [line.split("\t") for line in (folder / "reports/own/problems.tsv").read_text().splitlines()]
    assert lines[0] == ["vid", "file", "stage", "cause"]
    found: dict[str, list[str]] = {}
    for vid, _, stage, cause in lines[1:]:
        found.setdefault(vid, []).append(f"{stage}: {cause}")
    return found


def test_they_are_left_out_and_listed(workspace: Workspace) -> None:
    done = workspace.snakemake("--cores", "2", "features", changes=changes(workspace, "leave_out"))
    assert done.returncode == 0, done.stderr[-4000:]
    found = listed(workspace.folder)
    assert set(found) == {*BROKEN, "cut", "b"}
    assert found["b"] == ["labels: left out of q.jsonl: labels reach 18 s, but the video has 6 s (qid 1)"]
    for vid, cause in BROKEN.items():
        assert len(found[vid]) == 1 and found[vid][0].startswith("manifest: ") and cause in found[vid][0]
    assert any(cause.startswith("manifest: cut off") for cause in found["cut"])
    assert any(cause.startswith("clip_visual: no picture in") for cause in found["cut"])
    said = done.stdout + done.stderr
    assert "5 of 7 videos have problems, 3 are left out" in said
    for stream in ("clip_visual", "pann"):
        stores = [Store(path) for path in (workspace.folder / "features/own" / stream).glob("*.h5")]
        rows = {vid: len(store.rows(vid)) for store in stores for vid in store.ids}
        assert {vid: rows[vid] for vid in [*GOOD, *BROKEN]} == dict.fromkeys(GOOD, 3) | dict.fromkeys(BROKEN, 0)
        assert 0 < rows["cut"] < 3
    again = workspace.snakemake("--cores", "2", "features", changes=changes(workspace, "leave_out"))
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_video_replaced_by_an_older_file_is_noticed(workspace: Workspace) -> None:
    """Snakemake compares modification times alone."""
    file, tables = workspace.folder / "videos/a.mkv", sorted((workspace.folder / "manifests/own").glob("*.jsonl"))
    before = [(path, path.read_bytes(), path.stat()) for path in (file, *tables)]
    write_media(file, steady(4.0), sound=noise(4.0))
    os.utime(file, ns=(before[0][2].st_atime_ns, before[0][2].st_mtime_ns - 10**12))
    told = workspace.snakemake("--dry-run", "--cores", "2", "features", changes=changes(workspace, "leave_out"))
    assert re.search(r"note: videos/a\.mkv is another file than when manifests/own/\d+\.jsonl was made", told.stderr)
    planned = workspace.planned("features", changes=changes(workspace, "leave_out"))
    assert planned["manifest"] == 1 and planned["encode clip_visual"] == 1, planned
    for path, content, facts in before:
        path.write_bytes(content)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert workspace.planned("features", changes=changes(workspace, "leave_out")) == {}


def test_a_table_of_other_videos_is_made_again(workspace: Workspace) -> None:
    """Rows are missing, or the table of another shard lies in its place."""
    first, second = sorted((workspace.folder / "manifests/own").glob("*.jsonl"))
    content, facts = first.read_bytes(), first.stat()
    vid = json.loads(content.splitlines()[-1])["vid"]
    for damaged, said in (
        (content[: content[:-1].rfind(b"\n") + 1], f"lacks the video {vid!r}"),
        (second.read_bytes(), "lacks the video|lists a video of another shard, "),
    ):
        first.write_bytes(damaged)
        os.utime(first, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        told = workspace.snakemake("--dry-run", "--cores", "2", "features", changes=changes(workspace, "leave_out"))
        assert re.search(rf"note: manifests/own/{first.name} ({said}).*: its shard is made again", told.stderr)
        assert workspace.planned("features", changes=changes(workspace, "leave_out"))["manifest"] == 1
    first.write_bytes(content)
    os.utime(first, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert workspace.planned("features", changes=changes(workspace, "leave_out")) == {}


def test_the_other_policy_ends_with_an_error_and_the_list_stays(workspace: Workspace) -> None:
    """Nothing is made again; what is wrong with any video is one line, and the list stays."""
    before = listed(workspace.folder)
    missing = workspace.folder / "videos" / "missing.mp4"
    missing.touch()  # without it the run would stop at once; older than its table, so that nothing else is to be done
    os.utime(missing, (0, 0))
    options = ["--cores", "2", "--rerun-triggers", "mtime", "--", "features"]
    done = workspace.snakemake(*options, changes=changes(workspace, "stop"))
    missing.unlink()
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "Computing the clip grids" not in said and "Encoding" not in said
    assert "5 of 7 videos have problems: b.mkv: labels: left out of q.jsonl: labels reach 18 s" in said, said[-4000:]
    assert "; cut.mkv: manifest: cut off" in said
    assert listed(workspace.folder) == before
    assert not (workspace.folder / "reports" / "no_problems.tsv").exists()


def test_or_they_stop_the_run(workspace: Workspace) -> None:
    """One that is missing at once; the others in the first job, which names them all."""
    stop = changes(workspace, "stop")
    done = workspace.snakemake("--dry-run", "features", changes=stop)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        "error: videos: no video 'missing'"
    ]
    rows = (workspace.folder / "q.jsonl").read_text().splitlines()
    (workspace.folder / "q.jsonl").write_text("\n".join(rows[:-1]) + "\n")
    done = workspace.snakemake("--cores", "2", "--forcerun", "manifest", "--", "features", changes=stop)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "broken: " in said
    assert "empty.mp4: not a readable media file: it is empty" in said or "page.mp4: not a readable" in said
