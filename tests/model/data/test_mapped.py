"""Mapped files: the bytes of the file, without a handle, as they were when the file was mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from formats.store import Store
from model.data.mapped import map_file
from tests.formats.small_store import CLIPS, encode, levels, write


def test_rows_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5", map_file)
    for name in CLIPS:
        np.testing.assert_array_equal(store.rows(name), encode(name)["features"])
    assert np.shares_memory(store.rows("c"), store.rows("c"))
    assert np.shares_memory(store.on_grid("-a", 3)[0], store.rows("-a"))  # a row for every clip
    assert not np.shares_memory(store.on_grid("c", 5)[0], store.rows("c"))


def test_a_file_that_is_replaced_stays_mapped_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5", map_file)
    write(tmp_path / "000.h5", levels)
    np.testing.assert_array_equal(store.rows("c"), encode("c")["features"])


def test_mapped_stores_keep_no_file_open(tmp_path: Path) -> None:
    write(tmp_path / "000.h5")
    before = len(list(Path("/proc/self/fd").iterdir()))
    stores = [Store(tmp_path / "000.h5", map_file) for _ in range(3)]
    np.testing.assert_array_equal(stores[0].rows("c"), encode("c")["features"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_changing_the_bytes_does_not_change_the_file(tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(b"some")
    content = map_file(path)
    assert content is not None
    content[0] = ord("d")
    assert path.read_bytes() == b"some"


def test_what_cannot_be_mapped_is_read(tmp_path: Path) -> None:
    assert map_file(tmp_path / "empty-or-missing") is None
    write(tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5", lambda _: None)
    np.testing.assert_array_equal(store.rows("c"), encode("c")["features"])
