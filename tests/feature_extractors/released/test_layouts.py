"""The layouts of released features: names and arrays, own patterns, widths, and what is said of wrong folders."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli import UserError
from feature_extractors.released.layouts import LAYOUTS, OWN, ImportConfig, check_folders
from feature_extractors.released.stores import ImportStage, import_texts, import_videos
from formats.store import Store
from formats.video_table import Video

IDS = [("v1", "1"), ("v2", "2")]


def save(file: Path, rows: int = 3, dim: int = 4, key: str = "features") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.arange(rows * dim, dtype=np.float32).reshape(rows, dim)
    if file.suffix == ".npy":
        np.save(file, values)
    else:
        np.savez(file, **{key: values})


def config(*folders: Path, **keys: Any) -> ImportConfig:
    return ImportConfig.from_dict({"folders": [str(folder) for folder in folders], **keys})


def test_all_layouts_are_offered() -> None:
    for layout in LAYOUTS:
        assert ImportConfig.from_dict({"layout": layout, "folders": ["x"]}).layout == layout
    with pytest.raises(UserError, match="tokens cannot be joined"):
        ImportConfig.from_dict({"layout": "tvsum_text", "folders": ["x", "y"]})
    with pytest.raises(UserError, match="cannot be a file name"):
        ImportConfig.from_dict({"layout": "umt", "folders": ["x"]}).files("../../etc/passwd")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {},
            "give a layout (moment_detr, umt, tvsum_i3d, moment_detr_text, lighthouse_text, univtg_text, tvsum_text)",
        ),
        ({"layout": OWN}, "or name the files by `file`"),
        ({"file": "a.npy"}, "file must hold {vid} or {qid} and no other braces, got 'a.npy'"),
        ({"file": "{name}.npy"}, "file must hold {vid} or {qid} and no other braces, got '{name}.npy'"),
        ({"file": "{vid.npy"}, "file must hold {vid} or {qid} and no other braces"),
        ({"file": "{qid:05d}.npy"}, "file must hold {vid} or {qid} and no other braces, got '{qid:05d}.npy'"),
        ({"file": "{vid!r}.npy"}, "file must hold {vid} or {qid} and no other braces, got '{vid!r}.npy'"),
        ({"file": "{vid}.pt"}, "file must end in .npy or .npz, got '{vid}.pt'"),
        ({"file": "{vid}.npz"}, "key: '{vid}.npz' needs the name of an array in the file"),
        ({"file": "{vid}.npy", "key": "x"}, "key: '{vid}.npy' is a .npy file, which holds one array without a name"),
        ({"layout": "umt", "folders": ["~no-such-user/pann"]}, "folders: no home folder for ~ in ~no-such-user/pann"),
        ({"layout": "umt", "key": "x"}, "key: layout umt has .npy files, which hold one array without a name"),
    ],
)
def test_keys_that_do_not_agree_are_one_line(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as problem:
        ImportConfig.from_dict({"folders": ["x"], **keys}, where="config: imported.s")
    assert str(problem.value).startswith("config: imported.s: imported: ") and "\n" not in str(problem.value)


def test_own_files_and_arrays(tmp_path: Path) -> None:
    """Names and arrays of others: one stream of videos, one of queries, and a named layout with another array."""
    save(tmp_path / "v" / "v1_clip.npz", key="arr_0")
    save(tmp_path / "q" / "query_1.npy", rows=5, dim=2)
    save(tmp_path / "t" / "v1.npz", rows=6, key="last_hidden_state")
    table = [Video(vid="v1", file="", duration_s=6.0, n_clips=3, has_audio=False, sha256="")]
    queries = [{"qid": 1, "query": "x", "vid": "v1"}]
    for name, keys in {
        "v": {"file": "{vid}_clip.npz", "key": "arr_0"},
        "q": {"file": "query_{qid}.npy"},
        "t": {"layout": "tvsum_text", "key": "last_hidden_state"},  # UniVTG's text of TVSum
    }.items():
        imported = {**keys, "folders": [str(tmp_path / name)]}
        check_folders(ImportConfig.from_dict(imported), [("v1", "1")])
        stage = ImportStage.from_dict({"clips": {}, "imported": imported})
        if name == "v":
            import_videos(stage, name, table, tmp_path / f"{name}.h5")
        else:
            import_texts(stage, name, queries, tmp_path / f"{name}.h5")
    assert [len(Store(tmp_path / f"{name}.h5").rows("v1" if name == "v" else "1")) for name in "vqt"] == [3, 5, 6]


def test_univtg() -> None:
    """showlab/UniVTG, main/dataset.py: `txt_clip/{qid}.npz` with `last_hidden_state`, `vid_clip/{vid}.npz`."""
    text, video = config(Path("txt_clip"), layout="univtg_text"), config(Path("vid_clip"), layout="moment_detr")
    assert text.files("v", "7") == [[Path("txt_clip/7.npz")]] and text.kind.text
    assert text.kind.key == "last_hidden_state"
    assert video.files("v") == [[Path("vid_clip/v.npz")]] and video.kind.key == "features"


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "pann" / "v1.npy")
    imported = config(Path("~/pann"), layout="umt")
    check_folders(imported, IDS)
    assert imported.files("v1") == [[tmp_path / "pann" / "v1.npy"]]
    assert imported.to_dict()["folders"] == ("~/pann",)


def test_settings_of_earlier_stores_are_the_same_bytes() -> None:
    """New keys at their defaults are left out of the settings that a store records."""
    stage = ImportStage.from_dict({"clips": {}, "imported": {"layout": "umt", "folders": ["x"]}})
    written = json.loads(stage.to_json())
    assert written["imported"] == {"folders": ["x"], "hold_last": 0, "layout": "umt"}
    checked = {"clips": {}, "imported": {"layout": "umt", "folders": ["x"], "dim": 4}}
    assert json.loads(ImportStage.from_dict(checked).to_json())["imported"] == {**written["imported"], "dim": 4}


def test_swapped_folders_are_found_by_width(tmp_path: Path) -> None:
    """Both hold `{vid}.npy`: only the widths differ."""
    save(tmp_path / "i3d" / "v2.npy", dim=6)
    save(tmp_path / "pann" / "v2.npy", dim=4)
    check_folders(config(tmp_path / "i3d", layout="umt", dim=6), IDS)
    with pytest.raises(UserError) as problem:
        check_folders(config(tmp_path / "pann", layout="umt", dim=6), IDS)
    assert str(problem.value) == (
        f"dim is 6, but {tmp_path}/pann/v2.npy has 4 values per row: are folders of two streams swapped?"
    )
    check_folders(config(tmp_path / "i3d", tmp_path / "pann", layout="umt", dim=10), IDS)
    with pytest.raises(UserError, match=r"dim is 9, but .*/i3d/v2\.npy and .*/pann/v2\.npy have 6 \+ 4 values per row"):
        check_folders(config(tmp_path / "i3d", tmp_path / "pann", layout="umt", dim=9), IDS)
    table = [Video(vid="v2", file="", duration_s=6.0, n_clips=3, has_audio=False, sha256="")]
    imported = config(tmp_path / "pann", layout="umt", dim=6).to_dict()
    stage = ImportStage.from_dict({"clips": {}, "imported": imported})
    with pytest.raises(UserError, match=r"^imported\.i3d: dim is 6, but .*v2\.npy has 4 values per row"):
        import_videos(stage, "i3d", table, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("layout", "there", "key", "message"),
    [
        ("moment_detr", "v2.npy", "", "for example {folder}/v1.npz; there is v2.npy: use layout umt"),
        ("umt", "v1.npz", "features", "for example {folder}/v1.npy; there is v1.npz: use layout moment_detr"),
        ("umt", "v1_rgb.npy", "", "there is v1_rgb.npy: use layout tvsum_i3d"),
        ("moment_detr_text", "1.npz", "last_hidden_state", "there is 1.npz: use layout lighthouse_text"),
        ("umt", "v1.npz", "arr_0", "there is v1.npz: name such files by `file`, and the array of a .npz by `key`"),
        ("umt", "feat_v2.npy", "", "there is feat_v2.npy: name such files by `file`, and the array of a .npz by `key`"),
        ("umt", "other.npy", "", "there is other.npy: name such files by `file`"),
        ("umt", "", "", "; the folder is empty"),
        (
            "tvsum_text",
            "v1.npz",
            "last_hidden_state",
            "has no array 'token' (it has: last_hidden_state): name one by `key`",
        ),
        ("tvsum_text", "v1.npz", "features", "has no array 'token' (it has: features): name one by `key`"),
        ("moment_detr", "v1.npz", "token", "has no array 'features' (it has: token): name one by `key`"),
    ],
)
def test_what_is_there_instead_is_named(tmp_path: Path, layout: str, there: str, key: str, message: str) -> None:
    if there:
        save(tmp_path / there, key=key)
    with pytest.raises(UserError, match=re.escape(message.format(folder=tmp_path))) as problem:
        check_folders(config(tmp_path, layout=layout), IDS)
    assert "\n" not in str(problem.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^folders: no such folder: {tmp_path}/released$"):
        check_folders(config(tmp_path / "released", layout="umt"), IDS)
