"""The store: the same bytes every time, resumed where it stopped, and honest about what is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cli import UserError
from formats.store import Arrays, Store, read_columns, read_problems, write_store
from tests.formats.small_store import CLIPS, PROVENANCE, Breaking, encode, levels, write
from tests.unsealed import unseal


def test_rows_are_put_at_their_clips(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    assert (store.ids, store.dim, store.stream, store.clip_seconds) == (list(CLIPS), 4, "sound", 2.0)
    assert "c" in store and "d" not in store
    features, mask = store.on_grid("c", 5)
    assert mask.tolist() == [False, True, False, True, False]  # a clip without sound has no row
    np.testing.assert_array_equal(features[[1, 3]], encode("c")["features"])
    assert not features[~mask].any()
    features, mask = store.on_grid("b b", 2)  # no sound at all
    assert features.shape == (2, 4) and not mask.any() and not features.any()
    assert [store.n_clips(name) for name in CLIPS] == [3, 2, 5]
    assert [len(store.rows(name)) for name in CLIPS] == [3, 0, 2]


@pytest.mark.parametrize(("n_clips", "expected"), [(2, [True, True]), (4, [True, True, True, False])])
def test_a_grid_of_another_length_is_cut_or_masked(tmp_path: Path, n_clips: int, expected: list[bool]) -> None:
    write(tmp_path / "000.h5")
    features, mask = Store(tmp_path / "000.h5").on_grid("-a", n_clips)
    assert mask.tolist() == expected
    np.testing.assert_array_equal(features[mask], encode("-a")["features"][: mask.sum()])


def test_file_says_what_made_it_and_other_readers_can_read_it(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    with h5py.File(tmp_path / "000.h5") as file:
        assert file["features"].shape == (5, 4) and file["features"].dtype == np.float32
        assert file["features"].compression is None and file["features"].chunks is None
        assert file["times"][:].tolist() == [[0, 2], [2, 4], [4, 6], [2, 4], [6, 8]]  # seconds
        assert file["offsets"][:].tolist() == [0, 3, 3, 5]
        assert file["columns/source_sha256"].asstr()[:].tolist() == ["x", "yy", "я"]
        attributes = dict(file.attrs)
    assert attributes == {
        "schema_version": 2,
        "dim": 4,
        "stream": "sound",
        "extractor": "extractor 1",
        "weights_sha256": "0" * 64,
        "config": '{"a":1}',
        "clip_seconds": 2.0,
        "libraries": "{}",
        "device": "cpu",
        "details": "",
    }


def test_same_input_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one.h5")
    write(tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.h5", "two.h5"]


def test_no_object_has_time_stamps(tmp_path: Path) -> None:
    """HDF5 counts them in seconds: files that are written at once after one another would be equal all the same."""
    write(tmp_path / "000.h5")
    with h5py.File(tmp_path / "000.h5", "r+") as file:
        file.create_dataset("stamped", data=[1], track_times=True)  # one that has: it is what is seen
    stamps: dict[str, int] = {}
    with h5py.File(tmp_path / "000.h5") as file:
        file.visit(lambda name: stamps.update({name: h5py.h5g.get_objinfo(file.id, name.encode()).mtime}))
    assert len(stamps) == 10 and [name for name, seconds in stamps.items() if seconds] == ["stamped"]


def test_a_linked_store_is_written_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    write(tmp_path / "000.h5")
    whole = (tmp_path / "000.h5").read_bytes()
    (tmp_path / "000.h5").rename(tmp_path / "disk/000.h5")
    (tmp_path / "000.h5").symlink_to("disk/000.h5")
    (tmp_path / "disk/000.h5").write_bytes(b"old")
    write(tmp_path / "000.h5")
    assert (tmp_path / "000.h5").is_symlink() and (tmp_path / "disk/000.h5").read_bytes() == whole


def test_an_older_store_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    before = (tmp_path / "000.h5").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"), replace(PROVENANCE, config="{}"))
    assert (tmp_path / "000.h5").read_bytes() == before


def test_text_has_tokens_of_any_length_and_no_grid(tmp_path: Path) -> None:
    lengths = {"7": 3, "12": 5}

    def tokens(qid: str) -> Arrays:
        states = np.full((lengths[qid], 4), float(qid), np.float32)
        return {"tokens": states, "pooled": states[:1] + 1}

    write_store(tmp_path / "t.h5", replace(PROVENANCE, clip_seconds=0.0), lengths, tokens, {})
    store = Store(tmp_path / "t.h5")
    assert store.text and store.ids == ["7", "12"]
    for qid, length in lengths.items():
        np.testing.assert_array_equal(store.rows(qid), np.full((length, 4), float(qid)))
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["pooled"][:, 0].tolist() == [8.0, 13.0]
    with pytest.raises(UserError, match=r"t\.h5: a text store has no clip grid"):
        store.on_grid("7", 3)
    with pytest.raises(UserError, match=r"t\.h5: a text store has no clip grid"):
        store.n_clips("7")


def test_an_empty_shard_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to store"):
        write_store(tmp_path / "000.h5", PROVENANCE, [], encode, {})
    assert not list(tmp_path.iterdir())


def test_levels_and_problems_lie_beside_the_rows(tmp_path: Path) -> None:
    write(tmp_path / "000.h5", levels)
    store = Store(tmp_path / "000.h5")
    np.testing.assert_array_equal(store.level_db("c", 5), [np.nan, -10.0, np.nan, -30.0, np.nan])
    np.testing.assert_array_equal(store.level_db("-a", 2), [0.0, -10.0])  # a shorter grid
    assert np.isnan(store.level_db("b b", 2)).all()
    assert read_problems(tmp_path / "000.h5") == ("sound", {"c": "damaged\u2026"})
    write(tmp_path / "001.h5")
    assert read_problems(tmp_path / "001.h5") == ("sound", {})
    assert np.isnan(Store(tmp_path / "001.h5").level_db("c", 5)).all()


def test_halves_stay_halves(tmp_path: Path) -> None:
    def half(name: str) -> Arrays:
        arrays = encode(name)
        return {**arrays, "features": arrays["features"].astype(np.float16)}

    write(tmp_path / "000.h5", half)
    store = Store(tmp_path / "000.h5")
    rows = store.rows("c")
    assert store.dtype == rows.dtype == store.on_grid("c", 5)[0].dtype == np.float16
    np.testing.assert_array_equal(rows, encode("c")["features"].astype(np.float16))
    with h5py.File(tmp_path / "000.h5") as file:
        assert file["features"].dtype == np.float16


def store_rows(path: Path, **options: object) -> None:
    """Store the rows of a store of schema 1 in another way."""
    with h5py.File(unseal(path), "a") as file:
        rows = file["features"][:]
        del file["features"]
        file.create_dataset("features", data=rows, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (2, 4)},
        {"chunks": (2, 4), "compression": "gzip"},
        {"dtype": ">f4"},
        {"dtype": "f8"},
        {"dtype": ">f8", "chunks": (1, 4)},
    ],
)
def test_stores_of_other_tools_are_read(tmp_path: Path, options: dict[str, object]) -> None:
    """Schema 1 has no checksums, and other tools may store rows in other ways."""
    write(tmp_path / "000.h5", levels)
    store_rows(tmp_path / "000.h5", **options)
    store = Store(tmp_path / "000.h5")
    for name in CLIPS:
        rows = store.rows(name)
        assert rows.dtype == np.dtype("=f4") and store.length(name) == len(rows)
        np.testing.assert_array_equal(rows, encode(name)["features"])
    assert read_columns(tmp_path / "000.h5")["n_clips"] == [3, 2, 5]


def test_a_store_that_is_being_read_can_be_opened_and_a_replaced_one_is_named(tmp_path: Path) -> None:
    """HDF5 refuses to open a file twice in one process with different locking."""
    write(tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    with h5py.File(tmp_path / "000.h5") as file:
        assert file["ids"].shape == (3,)
    np.testing.assert_array_equal(store.rows("c"), encode("c")["features"])
    write(tmp_path / "000.h5", levels)
    with pytest.raises(
        UserError, match=r"000\.h5: not a readable feature store: the file was replaced while it was read"
    ):
        store.rows("c")


def test_stores_keep_no_file_open(tmp_path: Path) -> None:
    """Four streams of 999 shards are more files than the 1024 that a process may open on many machines."""
    write(tmp_path / "000.h5")
    before = len(list(Path("/proc/self/fd").iterdir()))
    stores = [Store(tmp_path / "000.h5") for _ in range(3)]
    np.testing.assert_array_equal(stores[0].rows("c"), encode("c")["features"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
