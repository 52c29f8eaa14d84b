"""Released features in the layouts that users have, into stores: values, order, lengths, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from cli import UserError
from feature_extractors.released.arrays import read_array
from feature_extractors.released.stores import ImportStage, import_texts, import_videos
from formats.store import Store
from formats.video_table import Video

VIDS = ["-a_0.0_150.0", "b"]


def videos(*clips: int) -> list[Video]:
    return [
        Video(vid=vid, file="", duration_s=2.0 * n, n_clips=n, has_audio=False, sha256="")
        for vid, n in zip(VIDS, clips, strict=True)
    ]


def stage(layout: str, *folders: Path) -> ImportStage:
    imported = {"layout": layout, "folders": [str(folder) for folder in folders]}
    return ImportStage.from_dict({"clips": {}, "imported": imported})


def numbers(rows: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, dim))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_moment_detr_layout(tmp_path: Path, kind: type) -> None:
    """`{vid}.npz` with `features` (T, D): SlowFast and CLIP of Moment-DETR, QD-DETR, CG-DETR and Lighthouse."""
    values = {vid: numbers(3, 5, place).astype(kind) for place, vid in enumerate(VIDS)}
    for vid, features in values.items():
        np.savez(tmp_path / f"{vid}.npz", features=features)
    import_videos(stage("moment_detr", tmp_path), "slowfast", videos(3, 3), tmp_path / "out.h5")
    store = Store(tmp_path / "out.h5")
    assert (store.stream, store.dim, store.ids) == ("slowfast", 5, VIDS)
    for vid in VIDS:
        features, mask = store.on_grid(vid, 3)
        assert mask.all() and features.dtype == np.float32
        np.testing.assert_array_equal(features, values[vid].astype(np.float32))
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["columns/problem"].asstr()[:].tolist() == ["", ""]
        assert file["times"][:3].tolist() == [[0, 2], [2, 4], [4, 6]]
        assert json.loads(file.attrs["details"])["parts"] == [{"folder": str(tmp_path), "dim": 5}]


def test_umt_layout_is_plain_arrays(tmp_path: Path) -> None:
    for vid in VIDS:
        np.save(tmp_path / f"{vid}.npy", numbers(4, 8).astype(np.float32))
    import_videos(stage("umt", tmp_path), "pann", videos(4, 4), tmp_path / "out.h5")
    np.testing.assert_array_equal(Store(tmp_path / "out.h5").rows("b"), numbers(4, 8).astype(np.float32))


def test_i3d_is_rgb_then_flow(tmp_path: Path) -> None:
    """TVSum: `{vid}_rgb.npy` (T, 1024) and `{vid}_opt.npy` (T, 1024), joined and only then normalised."""
    for vid in VIDS:
        np.save(tmp_path / f"{vid}_rgb.npy", np.full((3, 4), 1.0))
        np.save(tmp_path / f"{vid}_opt.npy", np.full((3, 2), 2.0))
    import_videos(stage("tvsum_i3d", tmp_path), "i3d", videos(3, 3), tmp_path / "out.h5")
    assert Store(tmp_path / "out.h5").rows("b")[0].tolist() == [1, 1, 1, 1, 2, 2]


def test_several_streams_are_joined_in_the_order_given(tmp_path: Path) -> None:
    """SlowFast before CLIP, 2304 + 512 = 2816, each row of each part of length 1 as the references make it."""
    parts = {"slowfast": 100 * numbers(2, 6), "clip": numbers(2, 3, seed=1)}
    for name, values in parts.items():
        (tmp_path / name).mkdir()
        for vid in VIDS:
            np.savez(tmp_path / name / f"{vid}.npz", features=values)
    unit = {name: values / np.linalg.norm(values, axis=1, keepdims=True) for name, values in parts.items()}
    for order in (["slowfast", "clip"], ["clip", "slowfast"]):
        out = tmp_path / "-".join(order)
        import_videos(stage("moment_detr", *(tmp_path / name for name in order)), "joined", videos(2, 2), out)
        expected = np.concatenate([unit[name] for name in order], axis=1)
        np.testing.assert_allclose(Store(out).rows("b"), expected, atol=1e-4)
        recorded = json.loads(str(Store(out).attributes["details"]))
        assert [(Path(part["folder"]).name, part["dim"]) for part in recorded["parts"]] == [
            (name, parts[name].shape[1]) for name in order
        ]


def test_other_lengths_are_recorded_and_masked(tmp_path: Path) -> None:
    """71 rows for 70 clips and 74 for 75 occur in the released files of QVHighlights."""
    for vid, rows in zip(VIDS, (71, 74), strict=True):
        np.savez(tmp_path / f"{vid}.npz", features=numbers(rows, 4))
    import_videos(stage("moment_detr", tmp_path), "clip", videos(70, 75), tmp_path / "out.h5")
    store = Store(tmp_path / "out.h5")
    assert store.on_grid(VIDS[0], 70)[1].all() and len(store.rows(VIDS[0])) == 70
    assert store.on_grid("b", 75)[1].tolist() == [True] * 74 + [False]
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["columns/released_rows"][:].tolist() == [71, 74]
        assert file["columns/problem"].asstr()[:].tolist() == ["71 rows for 70 clips", "74 rows for 75 clips"]


def test_the_last_row_is_held_if_configured(tmp_path: Path) -> None:
    for vid, rows in zip(VIDS, (3, 1), strict=True):
        np.save(tmp_path / f"{vid}.npy", numbers(rows, 4))
    imported = {"layout": "umt", "folders": [str(tmp_path)], "hold_last": 1}
    holding = ImportStage.from_dict({"clips": {}, "imported": imported})
    import_videos(holding, "clip", videos(4, 4), tmp_path / "out.h5")
    store = Store(tmp_path / "out.h5")
    expected = numbers(3, 4).astype(np.float32)[[0, 1, 2, 2]]
    np.testing.assert_array_equal(store.on_grid(VIDS[0], 4)[0], expected)
    assert store.on_grid("b", 4)[1].tolist() == [True, False, False, False]  # three missing are no rounding
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["columns/problem"].asstr()[:].tolist() == [
            "3 rows for 4 clips, the last row held",
            "1 rows for 4 clips",
        ]
        assert file["columns/released_rows"][:].tolist() == [3, 1]


@pytest.mark.parametrize("there", [VIDS[:1], []])
def test_missing_ids_are_listed(tmp_path: Path, there: list[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    np.save(tmp_path / "of another shard.npy", numbers(9, 4))
    for vid in there:
        np.save(tmp_path / f"{vid}.npy", numbers(3, 4))
    import_videos(stage("umt", tmp_path), "pann", videos(3, 3), tmp_path / "out.h5")
    store = Store(tmp_path / "out.h5")
    assert store.dim == 4 and not store.on_grid("b", 3)[1].any()
    assert f"b: no file {tmp_path / 'b.npy'}" in caplog.text
    assert f"2 ids, {2 - len(there)} without features" in caplog.text


def test_parts_of_different_length_keep_what_both_have(tmp_path: Path) -> None:
    for vid in VIDS:
        np.save(tmp_path / f"{vid}_rgb.npy", numbers(3, 4))
        np.save(tmp_path / f"{vid}_opt.npy", numbers(2, 4))
    import_videos(stage("tvsum_i3d", tmp_path), "i3d", videos(3, 3), tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["columns/problem"].asstr()[0] == "parts of 3, 2 rows; 2 rows for 3 clips"
        assert file["features"].shape == (4, 8)


def save(kind: str, file: Path) -> None:
    values = numbers(3, 4)
    if kind == "NaN":
        values[1, 2] = np.nan
    if kind == "too large":
        values[2, 0] = 1e300
    if kind == "three axes":
        values = values[None]
    if kind == "whole numbers":
        values = values.astype(np.int64)
    if kind == "another key":
        np.savez(file, feature=values)
    elif kind == "text":
        file.write_text("<html>404</html>")
    elif kind == "cut":
        np.savez(file, features=values)
        file.write_bytes(file.read_bytes()[:150])
    elif kind in ("encrypted", "compressed"):  # bit 0 of the flags; method 99, which zipfile does not know
        np.savez(file, features=values)
        content = bytearray(file.read_bytes())
        at, value = {"encrypted": (6, 1), "compressed": (8, 99)}[kind]
        for start in (0, content.rfind(b"PK\x01\x02") + 2):  # in the file's own header and in the list of files
            content[start + at] = value
        file.write_bytes(content)
    elif kind == "pickled":
        np.savez(file, features=np.full((3, 4), {"a": 1}, dtype=object))
    elif kind == "pickle":
        file.write_bytes(pickle.dumps(values))
    else:
        np.savez(file, features=values)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4", "not a readable NumPy file"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4), 'x': \"\"\"", "not a readable NumPy file"),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }",
            r"features must be \(rows, dim\), got \(3, 0\)",
        ),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4), }", r"features must be \(rows, dim\), got"),
        # 2**60 values of 4 bytes, more than an address space of 48 bits has
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (288230376151711744, 4), }", "not a readable NumPy file"),
    ],
)
def test_headers_that_make_no_sense_are_refused_by_name(tmp_path: Path, header: str, message: str) -> None:
    text = header.ljust(117).encode() + b"\n"
    file = tmp_path / f"{VIDS[0]}.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(48))
    with pytest.raises(UserError, match=message) as problem:
        import_videos(stage("umt", tmp_path), "pann", videos(3, 3), tmp_path / "out.h5")
    assert str(problem.value).startswith(str(file)) and "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("NaN", "row 1 holds numbers that are not finite"),
        ("too large", "row 2 holds numbers that are not finite in float32"),
        ("three axes", r"features must be \(rows, dim\), got \(1, 3, 4\)"),
        ("whole numbers", r"got int64 \(3, 4\)"),
        ("another key", r"has no array 'features' \(it has: feature\)"),
        ("text", "not a readable NumPy file"),
        ("cut", "not a readable NumPy file"),
        ("encrypted", "not a readable NumPy file: File 'features.npy' is encrypted"),
        ("compressed", "not a readable NumPy file: That compression method is not supported"),
        ("pickled", "not a readable NumPy file: holds more than numbers and plain values"),
        ("pickle", "not a readable NumPy file"),
    ],
)
def test_what_cannot_be_trusted_is_refused_by_name(tmp_path: Path, kind: str, message: str) -> None:
    save(kind, tmp_path / f"{VIDS[0]}.npz")
    save("right", tmp_path / "b.npz")
    with pytest.raises(UserError, match=message) as problem:
        import_videos(stage("moment_detr", tmp_path), "clip", videos(3, 3), tmp_path / "out.h5")
    assert str(problem.value).startswith(str(tmp_path / VIDS[0])) and "\n" not in str(problem.value)
    assert not (tmp_path / "out.h5").exists()


def test_files_of_different_width_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / f"{VIDS[0]}.npy", numbers(3, 4))
    np.save(tmp_path / "b.npy", numbers(3, 5))
    with pytest.raises(UserError, match=r"b\.npy: 5 values per row, but other files of the folder have 4"):
        import_videos(stage("umt", tmp_path), "pann", videos(3, 3), tmp_path / "out.h5")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"no released features in layout moment_detr, for example .*-a_0\.0_150\.0\.npz"
    ):
        import_videos(stage("moment_detr", tmp_path), "clip", videos(3, 3), tmp_path / "out.h5")


@pytest.mark.parametrize(
    ("layout", "name", "key"),
    [
        ("moment_detr_text", "qid7.npz", "last_hidden_state"),
        ("lighthouse_text", "7.npz", "last_hidden_state"),
        ("univtg_text", "7.npz", "last_hidden_state"),
        ("tvsum_text", "b.npz", "token"),
    ],
)
def test_text_layouts(tmp_path: Path, layout: str, name: str, key: str) -> None:
    np.savez(tmp_path / name, **{key: numbers(6, 5), "pooler_output": numbers(1, 5)})
    queries = [{"qid": 7, "query": "a dog", "vid": "b"}, {"qid": 9, "query": "a cat", "vid": "c"}]
    import_texts(stage(layout, tmp_path), "clip_text", queries, tmp_path / "out.h5")
    store = Store(tmp_path / "out.h5")
    assert store.text and store.ids == ["7", "9"]
    np.testing.assert_array_equal(store.rows("7"), numbers(6, 5).astype(np.float32))
    assert len(store.rows("9")) == 0
    with pytest.raises(UserError, match=rf"imported\.x: layout {layout} is for queries, not for videos"):
        import_videos(stage(layout, tmp_path), "x", videos(3, 3), tmp_path / "out.h5")
    with pytest.raises(UserError, match="is for videos, not for queries"):
        import_texts(stage("umt", tmp_path), "x", queries, tmp_path / "out.h5")


def test_an_array_alone_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(numbers(3, 4)))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy", ""), numbers(3, 4).astype(np.float32))
