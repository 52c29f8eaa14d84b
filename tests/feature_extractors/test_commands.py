"""`python -m feature_extractors`: from videos and annotations to stores on one grid, and one line for a mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from feature_extractors.__main__ import main
from feature_extractors.shards import shard_of
from formats.store import Store
from formats.strip import read_strip
from formats.video_table import Video, read_table, write_table
from tests.feature_extractors.made_media import steady, write_media

ROOT = Path(__file__).parents[2]
VIDS = ["-a", "_b [x]", "c:f"]
Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_verb(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["feature_extractors", *map(str, arguments)])
        return main()

    return run_verb


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos with sound, without, and with sound for a third of it; two queries about each."""
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "videos").mkdir()
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, size=(2, 6 * 44_100))
    write_media(folder / "videos" / "-a.mp4", steady(6.0), sound=noise, sound_codec="aac", rate=44_100, rotation=-90)
    write_media(folder / "videos" / "_b [x].mkv", steady(4.0))
    write_media(folder / "videos" / "c:f.ts", steady(6.0), sound=noise[:, : 2 * 44_100], sound_codec="mp2", rate=44_100)
    rows = [{"qid": qid, "query": f"query {qid}!", "vid": vid} for qid, vid in enumerate([*VIDS, *VIDS])]
    for name, part in (("train", rows[:4]), ("val", rows[4:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder


def manifest(dataset: Path, table: Path, **changes: object) -> list[object]:
    options: dict[str, object] = {
        "annotations": dataset / "train.jsonl",
        "videos": dataset / "videos",
        "shard": 0,
        "shards": 1,
        "config": '{"clips": {}}',
        "out": table,
    }
    return ["manifest", *(part for key, value in (options | changes).items() for part in (f"--{key}", value))]


def test_all_streams_lie_on_one_grid(
    dataset: Path,
    tmp_path: Path,
    run: Run,
    clip_definition: Path,
    clip_weights: Path,
    pann_weights: Path,
    clap_weights: Path,
) -> None:
    clip = {"architecture": "tiny-clip", "definition": str(clip_definition)}
    annotations = ["--annotations", dataset / "train.jsonl", dataset / "val.jsonl"]
    pann = {"base_channels": 2, "embedding_dim": 16}
    grids, qids = {}, []
    for shard in range(2):
        members = [vid for vid in VIDS if shard_of(vid, 2) == shard]
        assert members  # both have some
        place = [*annotations, "--shard", shard, "--shards", 2]
        table = tmp_path / f"table{shard}.jsonl"
        common = ["--videos", dataset / "videos", "--config", '{"clips": {"seconds": 2.0}}', "--out", table]
        assert run("manifest", *place, *common) == 0
        assert [video.vid for video in read_table(table)] == sorted(members)
        grids |= {video.vid: (video.n_clips, video.has_audio) for video in read_table(table)}

        settings = {
            "clip_visual": ({"clips": {}, "clip": clip, "visual": {}}, clip_weights),
            "clip_text": ({"clip": clip}, clip_weights),
            "pann": ({"clips": {}, "pann": pann}, pann_weights),
            "clap": ({"clips": {}, "clap": {}}, clap_weights),
        }
        masks: dict[str, dict[str, list[bool]]] = {}
        for name, (config, weights) in settings.items():
            what = place if name == "clip_text" else ["--manifest", table, "--videos", dataset / "videos"]
            for out in (tmp_path / "one" / f"{name}{shard}.h5", tmp_path / "two" / f"{name}{shard}.h5"):
                options = ["--config", json.dumps(config), "--weights", weights, "--out", out]
                assert run("encode", "--stream", name, *what, *options) == 0
            assert (tmp_path / "one" / out.name).read_bytes() == out.read_bytes()
            store = Store(out)
            if name == "clip_text":
                qids += store.ids
                continue
            assert store.ids == sorted(members)
            masks[name] = {vid: store.on_grid(vid, store.n_clips(vid))[1].tolist() for vid in members}
        for vid in members:
            heard = {"-a": [True] * 3, "_b [x]": [False] * 2, "c:f": [True, False, False]}[vid]
            assert masks["pann"][vid] == masks["clap"][vid] == heard
            assert masks["clip_visual"][vid] == [True] * len(heard)
    assert grids == {"-a": (3, True), "_b [x]": (2, False), "c:f": (3, True)}
    assert sorted(qids) == ["0", "1", "2", "3", "4", "5"]


def one_line(capfd: pytest.CaptureFixture[str]) -> str:
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and error.endswith("\n") and "Traceback" not in error
    return error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": "none.jsonl"}, "none.jsonl: no such file"),
        ({"annotations": "{dataset}/videos/-a.mp4"}, "-a.mp4: not UTF-8 text"),
        ({"videos": "nowhere"}, "nowhere: no such folder"),
        ({"config": "{"}, "--config: not JSON"),
        ({"config": "@none.json"}, "none.json"),
        ({"config": "{}"}, "--config: clips is required"),
        ({"config": '{"clips": {"second": 2}}'}, "--config: unknown key 'second' under clips: did you mean seconds?"),
        ({"config": '{"clips": {"seconds": 0}}'}, "clips.seconds: Input should be greater than 0, got 0"),
        ({"shard": 2, "shards": 2}, "--shard must be 0 to 1, got 2"),
        ({"shard": -1}, "--shard must be 0 to 0, got -1"),
        ({"out": "{dataset}/videos"}, "is a folder, not a file to write"),
    ],
)
def test_a_mistake_is_one_line(
    dataset: Path, tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str], changes: dict[str, object], message: str
) -> None:
    changes = {k: v.replace("{dataset}", str(dataset)) if isinstance(v, str) else v for k, v in changes.items()}
    assert run(*manifest(dataset, tmp_path / "table.jsonl", **changes)) == 1
    line = one_line(capfd)
    assert line.startswith("python -m feature_extractors manifest: error: ") and message in line
    assert not (tmp_path / "table.jsonl").exists()


def test_broken_videos_are_left_out_or_stop_by_the_policy(
    dataset: Path, tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset / "videos", tmp_path / "videos")
    (tmp_path / "videos" / "c:f.ts").write_bytes(b"<html>404 Not Found</html>")
    (tmp_path / "videos" / "-a.mp4").unlink()
    stop = manifest(dataset, tmp_path / "table.jsonl", videos=tmp_path / "videos", **{"broken-videos": "stop"})
    assert run(*stop) == 1
    error = capfd.readouterr().err.splitlines()[-1]
    assert "2 of 3 videos are broken: -a: no video '-a'; c:f.ts: not a readable media file" in error
    assert not (tmp_path / "table.jsonl").exists()
    assert run(*manifest(dataset, tmp_path / "table.jsonl", videos=tmp_path / "videos")) == 0
    table = read_table(tmp_path / "table.jsonl")
    assert [(video.vid, video.n_clips, bool(video.problem)) for video in table] == [
        ("-a", 0, True),
        ("_b [x]", 2, False),
        ("c:f", 0, True),
    ]
    capfd.readouterr()
    found = tmp_path / "problems.tsv"
    listing = ["problems", "--manifests", tmp_path / "table.jsonl", "--out", found]
    assert run(*listing) == 0
    lines = [line.split("\t") for line in found.read_text().splitlines()]
    assert lines[0] == ["vid", "file", "stage", "cause"]
    assert [line[:3] for line in lines[1:]] == [["-a", "", "manifest"], ["c:f", "c:f.ts", "manifest"]]
    assert "2 of 3 videos have problems, 2 are left out" in capfd.readouterr().err
    assert run(*listing, "--broken-videos", "stop") == 1
    assert "2 of 3 videos have problems: -a: manifest: no video" in capfd.readouterr().err.splitlines()[-1]
    assert found.exists()


def test_mistakes_of_the_encoding_verbs_are_one_line(
    dataset: Path,
    tmp_path: Path,
    run: Run,
    capfd: pytest.CaptureFixture[str],
    clip_definition: Path,
    clip_weights: Path,
    pann_weights: Path,
    clap_weights: Path,
) -> None:
    table = tmp_path / "table.jsonl"
    assert run(*manifest(dataset, table)) == 0
    (tmp_path / "bad.jsonl").write_text('{"vid": "x"}\n')
    (tmp_path / "moved").mkdir()
    (tmp_path / "page.pt").write_text("<html>404 Not Found</html>")
    clip = {"architecture": "tiny-clip", "definition": str(clip_definition)}
    visual = json.dumps({"clips": {}, "clip": clip, "visual": {}})
    unknown = json.dumps({"clips": {}, "clip": {"architecture": "ViT-Q"}, "visual": {}})
    clips, pann, clap = '{"clips": {}}', '{"clips": {}, "pann": {}}', '{"clips": {}, "clap": {}}'
    videos, none = dataset / "videos", tmp_path / "none"
    cases = [
        (("clip_visual",), none, videos, visual, clip_weights, str(none)),
        (
            ("clip_visual",),
            tmp_path / "bad.jsonl",
            videos,
            visual,
            clip_weights,
            "bad.jsonl: row 1: file is required",
        ),
        (("clip_visual",), table, tmp_path / "moved", visual, clip_weights, "moved/-a.mp4: no such video"),
        (("clip_visual", "--device", "tpu9"), table, videos, visual, clip_weights, "--device tpu9: "),
        (
            ("clip_visual", "--device", "meta"),
            table,
            videos,
            visual,
            clip_weights,
            "--device meta: must be auto, cpu, cuda",
        ),
        (("clip_visual", "--device", "cuda:77"), table, videos, visual, clip_weights, "--device cuda:77: "),
        (("clip_visual",), table, videos, visual, none, f"{none}: no such weights"),
        (("clip_visual",), table, videos, visual, tmp_path / "page.pt", "page.pt: does not fit tiny-clip"),
        (("clip_visual",), table, videos, unknown, clip_weights, "open_clip has no model 'ViT-Q'"),
        (("clip_visual",), table, videos, clips, clip_weights, "--config: clip is required"),
        (("pann",), table, videos, pann, none, f"{none}: no such weights"),
        (("pann",), table, videos, pann, pann_weights, "does not fit Cnn14"),  # not of the published width
        (("clap",), table, videos, clap, pann_weights, "not a CLAP checkpoint"),
        (("clap",), table, tmp_path / "moved", clap, clap_weights, "moved/-a.mp4: no such video"),
    ]
    for stream, manifest_file, folder, config, weights, message in cases:
        capfd.readouterr()
        out = tmp_path / "out" / "000.h5"
        options = ["--manifest", manifest_file, "--videos", folder, "--config", config, "--weights", weights]
        assert run("encode", "--stream", *stream, *options, "--out", out) == 1
        assert message in one_line(capfd)
        assert not out.exists()


@pytest.mark.parametrize(
    ("stream", "changes", "message"),
    [
        ("pann", {"videos": None}, "--videos: required, because pann encodes the clips of videos"),
        ("pann", {"weights": None}, "--weights: required by pann"),
        ("pann", {"shards": 2}, "--shards: has no effect, because pann encodes the clips of videos"),
        ("clip_text", {"annotations": None}, "--annotations: required, because clip_text encodes queries"),
        ("clip_text", {"manifest": "table.jsonl"}, "--manifest: has no effect, because clip_text encodes queries"),
        ("clip_text", {"shard": 1}, "--shard must be 0 to 0, got 1"),
    ],
)
def test_each_kind_of_stream_reads_its_own_files(
    tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str], stream: str, changes: dict[str, object], message: str
) -> None:
    clips = {"manifest": "table.jsonl", "videos": "videos"}
    queries = {"annotations": "train.jsonl", "shard": 0, "shards": 1}
    options = (queries if stream == "clip_text" else clips) | {"weights": "w.pt", "config": "{}", "out": tmp_path / "o"}
    given = {name: value for name, value in (options | changes).items() if value is not None}
    assert run("encode", "--stream", stream, *(part for name, value in given.items() for part in (f"--{name}", value)))
    assert message in one_line(capfd)


def test_a_strip_of_a_video_that_cannot_be_read_is_empty(
    tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """So that one broken video does not stop a study whose other videos are fine."""
    known = Video(vid="v", file="v.mp4", duration_s=4.0, n_clips=2, has_audio=True, sha256="")
    gone = Video(vid="w", file="", duration_s=0, n_clips=0, has_audio=False, sha256="", problem="no such file")
    write_table(tmp_path / "m.jsonl", [known, gone])
    (tmp_path / "v.mp4").write_text("no video")
    options = ["--manifest", tmp_path / "m.jsonl", "--videos", tmp_path, "--out", tmp_path / "s.npz"]
    for vid, seconds in (("v", 4.0), ("w", 2.0)):
        assert run("strip", f"--vid={vid}", *options) == 0
        assert vid in one_line(capfd)
        strip = read_strip(tmp_path / "s.npz")
        assert (strip.vid, strip.seconds, len(strip.frames), strip.sound.size) == (vid, seconds, 0, 0)
    assert run("strip", "--vid=x", *options) == 1
    assert "m.jsonl: no video 'x'" in one_line(capfd)


@pytest.mark.parametrize("verb", ["manifest", "encode", "problems", "strip"])
def test_every_verb_explains_itself(run: Run, capfd: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as stop:
        run(verb, "--help")
    assert stop.value.code == 0
    help_text = capfd.readouterr().out
    assert f"python -m feature_extractors {verb}" in help_text and "--out" in help_text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "--stream", "vggish"], "invalid choice: 'vggish'"),
        (["encode", "--threads", "0"], "--threads: must be a whole number from 1 of at most 18 digits, got '0'"),
        (["manifest", "--shards", "none"], "--shards: must be a whole number from 1 of at most 18 digits, got 'none'"),
        (["extract"], "invalid choice: 'extract'"),
    ],
)
def test_wrong_arguments_are_one_line(
    run: Run, capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2
    assert message in one_line(capfd)


def test_module_runs_without_torch_until_it_encodes(dataset: Path, tmp_path: Path) -> None:
    options = {"videos": tmp_path / "nowhere", "annotations": tmp_path / "none.jsonl"}
    arguments = [str(part) for part in manifest(dataset, tmp_path / "t.jsonl", **options)]
    # `-X importtime` lists every module that is loaded.
    command = [sys.executable, "-X", "importtime", "-m", "feature_extractors", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    modules, lines = [], []
    for line in done.stderr.splitlines():
        (modules if line.startswith("import time:") else lines).append(line)
    assert done.returncode == 1
    assert lines == [f"python -m feature_extractors manifest: error: {tmp_path / 'none.jsonl'}: no such file"]
    assert not any(line.endswith((" torch", " open_clip", " transformers")) for line in modules)
