"""Nothing that is read from outside runs, or reaches outside its file; SECURITY.md lists the rules."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from cli import UserError
from feature_extractors.annotations.tvsum_files import read_mat
from feature_extractors.released.arrays import read_array
from formats.store import Store
from formats.strip import read_strip
from tests.conftest import ROOT
from tests.formats.small_store import write
from tests.unsealed import unseal

PACKAGES = ("av_highlights", "cli", "demo", "eval", "feature_extractors", "formats", "model", "workflow")
RUNS_CODE = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.loads",
    "yaml.unsafe_load", "yaml.full_load", "shelve.open", "dill.load", "joblib.load", "shutil.unpack_archive",
    "tarfile.open",
}  # fmt: skip
SAFELY = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}


def calls() -> list[tuple[str, str, ast.Call]]:
    """Place, dotted name and node of every call in the packages."""
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    found.append((f"{file.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.func), node))
    return found


def test_no_call_runs_what_a_file_says() -> None:
    found = calls()
    assert len(found) > 5000
    assert [place for place, name, _ in found if name in RUNS_CODE] == []
    assert [place for place, name, _ in found if name.endswith((".extractall", ".extract"))] == []
    for place, name, node in found:
        if name in SAFELY:
            key, value = SAFELY[name]
            given = {word.arg: word.value for word in node.keywords}
            assert isinstance(given.get(key), ast.Constant) and given[key].value is value, place  # type: ignore[attr-defined]
    assert sum(name in SAFELY for _, name, _ in found) >= 6


def test_the_page_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) >= 10 and all((ROOT / name).exists() for name in named)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Numbers that lie outside what is read."""
    path = tmp_path / "private.h5"
    with h5py.File(path, "w") as file:
        file["features"] = np.ones((5, 4), np.float32)
    np.ones(1000, np.float32).tofile(tmp_path / "private.bin")
    return path


@pytest.mark.parametrize("way", ["soft link", "external link", "external storage", "virtual dataset"])
@pytest.mark.parametrize("name", ["features", "times", "offsets"])
def test_a_store_leads_nowhere(tmp_path: Path, private: Path, way: str, name: str) -> None:
    path = tmp_path / "000.h5"
    write(path)
    with h5py.File(unseal(path), "r+") as file:
        shape, dtype = file[name].shape, file[name].dtype
        del file[name]
        if way == "soft link":
            file[name] = h5py.SoftLink("/ids")
        elif way == "external link":
            file[name] = h5py.ExternalLink(str(private), "features")
        elif way == "external storage":
            outside = [(str(private.with_suffix(".bin")), 0, h5py.h5f.UNLIMITED)]
            file.create_dataset(name, shape, dtype, external=outside)
        else:
            with h5py.File(private, "r+") as other:
                other.create_dataset("like", shape, dtype)
            layout = h5py.VirtualLayout(shape, dtype)
            layout[...] = h5py.VirtualSource(str(private), "like", shape)
            file.create_virtual_dataset(name, layout)
    with pytest.raises(UserError, match=rf"000\.h5: .*{name} (is a link|has its values in other files)"):
        Store(path)


def test_annotations_in_hdf5_lead_nowhere(tmp_path: Path, private: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["tvsum50"] = h5py.ExternalLink(str(private), "/")
    with pytest.raises(UserError, match=r"a\.mat: .*tvsum50 is a link, and links are not followed"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("name", ["../features.npy", "/etc/features.npy", "features.npy"])
def test_released_archives_are_not_unpacked(tmp_path: Path, name: str) -> None:
    """Whatever the entries are called, only an array of the asked name is read, into memory."""
    folder = tmp_path / "in"
    folder.mkdir()
    content = io.BytesIO()
    np.save(content, np.ones((2, 3), np.float32))
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr(name, content.getvalue())
    if name == "features.npy":
        assert read_array(folder / "a.npz", "features").shape == (2, 3)
    else:
        with pytest.raises(UserError, match=r"a\.npz"):
            read_array(folder / "a.npz", "features")
    assert [path.name for path in tmp_path.iterdir()] == ["in"] and len(list(folder.iterdir())) == 1


def test_released_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"a\.npy: .*holds more than numbers and plain values"):
        read_array(tmp_path / "a.npy", "")


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_no_message_advises_unsafe_loading(tmp_path: Path, name: str) -> None:
    """NumPy advises it for a file in another format, and torch for a refused pickle."""
    (tmp_path / name).write_bytes(b"no array")
    with pytest.raises(UserError) as strip:
        read_strip(tmp_path / name)
    with pytest.raises(UserError) as released:
        read_array(tmp_path / name, "")
    for problem in (strip, released):
        assert "pickle" not in str(problem.value) and "trust" not in str(problem.value)
