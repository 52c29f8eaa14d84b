"""Files that are no store, and stores whose parts do not fit: one line each."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from cli import UserError
from formats.store import Store
from tests.formats.small_store import levels, write
from tests.unsealed import unseal


@pytest.mark.parametrize("kind", ["missing", "folder", "garbage", "cut", "cut in the block", "foreign", "later"])
def test_what_is_no_store_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "000.h5"
    if kind in ("cut", "cut in the block", "later"):
        write(path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "cut in the block":
        path.write_bytes(path.read_bytes()[:300])
    elif kind == "later":
        with h5py.File(unseal(path), "a") as file:
            file.attrs["schema_version"] = 3
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["features"] = np.zeros(3)
    elif kind == "garbage":
        path.write_bytes(b"not HDF5" * 100)
    elif kind == "folder":
        path.mkdir()
    cause = {"missing": "no such file$", "folder": "is a folder, not a feature store$"}.get(
        kind, "not a .*feature store"
    )
    with pytest.raises(UserError, match=rf"000\.h5: {cause}"):
        Store(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("offsets", "not a readable feature store: its offsets do not fit"),
        ("first offset", "not a readable feature store: its offsets do not fit"),
        ("stream", "not a readable feature store"),
        ("extractor", "not a readable feature store: no attribute extractor$"),
        ("whole ids", "not a readable feature store"),
        ("plain rows", r"not a readable feature store: its rows are of shape \(\d+,\), not \(rows, dim\)"),
        ("group", "not a readable feature store"),
        ("ids", "not a readable feature store: an id occurs twice"),
        ("clips", "not a readable feature store: its numbers of clips do not fit its ids"),
        ("seconds", "not a readable feature store: clips of 0 s"),
        ("times", "not a readable feature store: its times do not fit its rows"),
        ("before", "not a readable feature store: its times do not fit its rows"),
        ("ends", "not a readable feature store: its times do not fit its rows"),
        ("doubled", "not a readable feature store: video 'c' has two rows for one clip$"),
        ("shrunken", "not a readable feature store: video 'c' has rows beyond its 3 clips$"),
        ("huge", "not a readable feature store: its numbers of clips do not fit its ids"),
        ("far", "not a readable feature store: video '-a' has rows beyond its 3 clips$"),
        ("whole rows", "not a readable feature store: its rows are of type int64, not float16 or float32$"),
        ("text counts", "not a readable feature store: n_clips holds values of type object$"),
        ("width", "not a readable feature store: its rows have 4 columns, not dim, 5$"),
        ("widths", "not a readable feature store"),
        ("levels", "not a readable feature store: its levels do not fit its rows"),
        ("soft link", "not a readable feature store: ids is a link, and links are not followed$"),
        ("outer link", "not a readable feature store: features is a link, and links are not followed$"),
        ("linked columns", "not a readable feature store: columns is a link, and links are not followed$"),
        ("outer rows", "not a readable feature store: /features has its values in other files"),
        ("virtual rows", "not a readable feature store: /features has its values in other files"),
        ("never written", "not a readable feature store: /features has fewer values than its shape says$"),
        ("chunks never written", "not a readable feature store: /features has fewer values than its shape says$"),
        ("nan", "video '-a': holds features that are not finite numbers$"),
    ],
)
def test_a_malformed_store_is_named(tmp_path: Path, change: str, message: str) -> None:
    """A store that has no checksums: whatever another tool wrote into it is one line, and nothing outside is read."""
    path, other = tmp_path / "000.h5", tmp_path / "other.h5"
    write(other)
    write(path, levels)
    with h5py.File(unseal(path), "a") as file:
        if change == "offsets":
            file["offsets"][1] = -1
        elif change == "first offset":
            file["offsets"][0] = 1
        elif change in ("stream", "extractor"):
            del file.attrs[change]
        elif change == "whole ids":
            del file["ids"]
            file["ids"] = np.arange(len(file["offsets"]) - 1)
        elif change in ("plain rows", "group"):
            del file["features"]
            file["features"] = np.zeros(len(file["times"]))
            if change == "group":
                del file["features"]
                file.create_group("features")
        elif change == "ids":
            file["ids"][1] = file["ids"][0]
        elif change == "clips":
            file["columns/n_clips"][0] = -1
        elif change == "seconds":
            file.attrs["clip_seconds"] = 0.0
        elif change == "times":
            short = file["times"][1:]
            del file["times"]
            file["times"] = short
        elif change == "before":
            file["times"][0] -= 2.0
        elif change == "ends":
            file["times"][0] = [2.0, 0.0]
        elif change == "doubled":
            file["times"][3] = file["times"][4]
        elif change == "shrunken":
            file["columns/n_clips"][2] = 3
        elif change == "huge":
            file["columns/n_clips"][2] = 1 << 40
        elif change == "far":
            file["times"][2] = [1e300, 1.1e300]
        elif change == "text counts":
            del file["columns/n_clips"]
            file["columns/n_clips"] = ["3", "2", "5"]
        elif change == "width":
            file.attrs["dim"] = 5
        elif change == "widths":
            file.attrs["dim"] = [4, 4]
        elif change == "levels":
            del file["level_db"]
            file["level_db"] = np.zeros(3, np.float32)
        elif change == "soft link":
            file.move("ids", "names")
            file["ids"] = h5py.SoftLink("/names")
        elif change == "outer link":
            del file["features"]
            file["features"] = h5py.ExternalLink(str(other), "features")
        elif change == "linked columns":
            file.move("columns", "others")
            file["columns"] = h5py.SoftLink("/others")
        elif change == "nan":
            file["features"][0, 0] = np.nan
        else:
            del file["features"]
            shape = (5, 4)
            if change == "whole rows":
                file["features"] = np.ones(shape, np.int64)
            elif change == "outer rows":
                file.create_dataset("features", shape, "f4", external=[(str(other), 2048, h5py.h5f.UNLIMITED)])
            elif change == "virtual rows":
                layout = h5py.VirtualLayout(shape, "f4")
                layout[:] = h5py.VirtualSource(str(other), "features", shape)
                file.create_virtual_dataset("features", layout)
            else:
                file.create_dataset("features", shape, "f4", chunks=(2, 4) if "chunks" in change else None)
    with pytest.raises(UserError, match=rf"000\.h5: {message}") as caught:
        for name in (store := Store(path)).ids:
            store.rows(name)
    assert len(str(caught.value).splitlines()) == 1
