"""The store: the same bytes every time, resumed where it stopped, and honest about what is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cli import UserError
from formats.store import Arrays, Provenance, Store, read_columns, read_problems, write_groups, write_store
from tests.unsealed import unseal

PROVENANCE = Provenance("sound", "extractor 1", "0" * 64, '{"a":1}', clip_seconds=2.0)
CLIPS = {"-a": [0, 1, 2], "b b": [], "c": [1, 3]}  # which clips have rows; the grids have 3, 2 and 5
COLUMNS = {
    "n_clips": np.array([3, 2, 5]),
    "has_audio": np.array([True, False, True]),
    "source_sha256": np.array(["x", "yy", "я"]),
}


def encode(name: str) -> Arrays:
    clips = np.array(CLIPS[name], np.int64)
    starts = 2.0 * clips
    features = np.random.default_rng(len(name)).standard_normal((len(clips), 4)).astype(np.float32)
    return {"features": features, "times": np.stack([starts, starts + 2], axis=1)}


def write(path: Path, encoder: Callable[[str], Arrays] = encode, provenance: Provenance = PROVENANCE) -> None:
    write_store(path, provenance, CLIPS, encoder, COLUMNS)


class Breaking:
    """Encodes until it comes to an id, as a job that is killed there."""

    def __init__(self, last: str = "") -> None:
        self.last = last
        self.encoded: list[str] = []

    def __call__(self, name: str) -> Arrays:
        if name == self.last:
            raise KeyboardInterrupt
        self.encoded.append(name)
        return encode(name)


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


def test_a_killed_job_goes_on_where_it_was(tmp_path: Path) -> None:
    write(tmp_path / "whole.h5")
    stopped, resumed = Breaking("c"), Breaking()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", stopped)
    assert not (tmp_path / "000.h5").exists()
    write(tmp_path / "000.h5", resumed)
    assert (stopped.encoded, resumed.encoded) == (["-a", "b b"], ["c"])
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not (tmp_path / "000.h5.part").exists()


def test_an_array_written_by_half_is_made_again(tmp_path: Path) -> None:
    write(tmp_path / "whole.h5")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"))
    # Until it is whole, an array's file has another name: this is what a job killed while it wrote leaves.
    (tmp_path / "000.h5.part" / "000002.tmp.npz").write_bytes(b"PK")
    write(tmp_path / "000.h5")
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize(
    ("provenance", "columns"),
    [
        (replace(PROVENANCE, config='{"a":2}'), COLUMNS),
        (replace(PROVENANCE, weights_sha256="1" * 64), COLUMNS),
        # The same settings, but a video was replaced, or a query was put in other words.
        (PROVENANCE, COLUMNS | {"source_sha256": np.array(["x", "new", "я"])}),
    ],
)
def test_what_was_begun_from_something_else_is_thrown_away(
    tmp_path: Path, provenance: Provenance, columns: Arrays
) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"))
    again = Breaking()
    write_store(tmp_path / "000.h5", provenance, CLIPS, again, columns)
    assert again.encoded == list(CLIPS)


def test_a_folder_without_a_readable_identity_is_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "000.h5", Breaking("c"))
    identity = tmp_path / "000.h5.part" / "identity.json"
    assert json.loads(identity.read_text())["ids"] == list(CLIPS)
    identity.write_bytes(identity.read_bytes()[:10])  # killed while it was written
    again = Breaking()
    write(tmp_path / "000.h5", again)
    assert again.encoded == list(CLIPS)


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


def levels(name: str) -> Arrays:
    arrays = encode(name)
    level_db = -10.0 * np.array(CLIPS[name], np.float32)
    problem = np.array(["damaged\u2026" if name == "c" else ""])
    return {**arrays, "level_db": level_db, "problem": problem}


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


def test_a_group_that_is_not_whole_is_made_again_as_a_whole(tmp_path: Path) -> None:
    """Ids that share batches give the same bytes only if they share them again."""
    groups, asked = [["-a", "b b"], ["c"]], []

    def produce(pending: list[list[str]], stop: str = "") -> Iterator[tuple[str, Arrays]]:
        asked.append(pending)
        for name in [name for group in pending for name in group]:
            if name == stop:
                raise KeyboardInterrupt
            yield name, encode(name)

    with pytest.raises(KeyboardInterrupt):
        write_groups(tmp_path / "000.h5", PROVENANCE, groups, lambda pending: produce(pending, "b b"), COLUMNS)
    write_groups(tmp_path / "000.h5", PROVENANCE, groups, produce, COLUMNS)
    assert asked == [groups, groups]
    write(tmp_path / "whole.h5")
    assert (tmp_path / "000.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


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
