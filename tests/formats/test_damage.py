"""Damage to a store is one line that names the file, and the video where it is in one; HDF5 is kept from it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import formats.store
from cli import UserError
from formats.checksums import BLOCK
from formats.hdf5 import open_file
from formats.store import Store, read_columns, read_pooled, read_problems, write_store
from tests.formats.small_store import PROVENANCE, levels, write
from tests.unsealed import unseal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "000.h5", levels)
    return tmp_path / "000.h5"


def find_rows(path: Path) -> tuple[int, int]:
    """First byte of a store's rows, and the one after the last."""
    with h5py.File(path) as file:
        start = file["features"].id.get_offset()
        return start, start + file["features"].nbytes


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def read_all(path: Path) -> None:
    store = Store(path)
    for name in store.ids:
        store.rows(name)


def refuse(path: Path) -> None:
    raise AssertionError("HDF5 opened it")


def test_any_wrong_bit_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 bits each of the rows, the user block, and what is before and after the rows.

    benchmarks/robustness/damaged_stores.py tries all.

    Wrong bits of the structure can make HDF5 run for ever: it must not see them, and does not here even if the digest
    were not compared.
    """
    content, (start, stop) = path.read_bytes(), find_rows(path)
    assert start >= BLOCK and stop - start == 5 * 4 * 4
    rng = np.random.default_rng(0)
    for first, last in ((start, stop), (0, BLOCK), (BLOCK, start), (stop, len(content))):
        for bit in rng.integers(8 * first, 8 * last, 200).tolist():
            path.write_bytes(content)
            flip(path, bit)
            # Without its first line the block is none, and the structure is whole.
            harmless = start <= bit // 8 < stop or bit // 8 < content.index(b"\n")
            monkeypatch.setattr(formats.store, "open_file", open_file if harmless else refuse)
            with pytest.raises(UserError, match=r"000\.h5: .*(digest|checksum)") as caught:
                read_all(path)
            assert len(str(caught.value).splitlines()) == 1
            if not start <= bit // 8 < stop:
                for read in (read_problems, read_columns, read_pooled):
                    with pytest.raises(UserError, match=r"000\.h5: .*digest"):
                        read(path)


def test_damaged_features_name_the_video(path: Path) -> None:
    flip(path, 8 * (find_rows(path)[0] + 4 * 4 * 4) + 3)  # the fifth row is the second one of c
    store = Store(path)
    assert [len(store.rows(name)) for name in ("-a", "b b")] == [3, 0]
    with pytest.raises(UserError, match=r"000\.h5: video 'c': its features were damaged since they were written"):
        store.rows("c")
    with pytest.raises(UserError, match="video 'c': its features were damaged"):
        store.on_grid("c", 5)


def test_damaged_words_name_the_query(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    words = np.arange(1, 9, dtype=np.float32).reshape(2, 4)
    write_store(path, PROVENANCE, ["7"], lambda _: {"tokens": words, "pooled": words[:1]}, {})
    path.write_bytes(path.read_bytes().replace(words[1].tobytes(), words[0].tobytes()))
    with pytest.raises(UserError, match=r"t\.h5: query '7': its features were damaged"):
        Store(path).rows("7")


def test_damage_after_opening_is_seen(path: Path) -> None:
    store = Store(path)
    path.write_bytes(path.read_bytes()[: find_rows(path)[0]])
    with pytest.raises(UserError, match=r"000\.h5: not a readable feature store: the file ends early"):
        store.rows("-a")


def test_a_store_without_its_user_block_is_refused(path: Path, tmp_path: Path) -> None:
    """As tools that copy HDF5 files leave it: nothing would show that its structure is whole."""
    (tmp_path / "copy.h5").write_bytes(path.read_bytes()[BLOCK:])
    with h5py.File(tmp_path / "copy.h5") as file:
        assert file.userblock_size == 0 and file["ids"].shape == (3,)
    with pytest.raises(UserError, match=r"copy\.h5: not a readable feature store: its digest is missing"):
        Store(tmp_path / "copy.h5")


def test_an_edited_store_is_refused_and_one_of_schema_1_is_not(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["columns/n_clips"][0] = 4
    with pytest.raises(UserError, match=r"000\.h5: not a readable feature store: it was damaged or changed since"):
        Store(path)
    assert Store(unseal(path)).n_clips("-a") == 4
