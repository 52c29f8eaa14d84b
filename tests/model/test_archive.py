"""Archives of torch read without torch: what is in them, and that nothing in them runs."""

from __future__ import annotations

import argparse
import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cli import UserError
from model.archive import Archive, StoredTensor
from model.checkpoint import load_network
from model.reference.reading import read_reference
from tests.model.reference.parameters import OPTIONS, EasyDict, weights


class Slotted:
    """Options in slots, whose state is a pair."""

    __slots__ = ("hidden_dim", "names")

    def __init__(self, **items: Any) -> None:
        self.hidden_dim, self.names = items["hidden_dim"], Names("xy")


class Names(list[str]):
    """A list with a class of its own."""


def pack(path: Path, pickled: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    """An archive as torch writes it, around any pickle."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3")
    return path


def test_tensors_are_described_where_they_lie(tmp_path: Path) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    saved = {"base": base, "view": base[1:3, 2:].t(), "half": base.half(), "parameter": torch.nn.Parameter(base)}
    torch.save(saved, tmp_path / "a.pt")
    content = Archive(tmp_path / "a.pt").content
    assert content["base"] == StoredTensor("FloatStorage", "0", 0, (4, 6), (6, 1))
    # Columns 2 to 5 of rows 1 and 2, turned: the numbers of the same storage from 1 * 6 + 2 on.
    assert content["view"] == StoredTensor("FloatStorage", "0", 8, (4, 2), (1, 6))
    assert content["half"].kind == "HalfStorage" and content["parameter"] == content["base"]


def test_weights_are_those_that_torch_loads(tmp_path: Path) -> None:
    """Views of one storage, transposed and of four types."""
    state = weights(10, 6)
    for name, kind in zip(list(state), (torch.float64, torch.float16, torch.bfloat16), strict=False):
        state[name] = state[name].to(kind)
    square = torch.randn(16, 16, generator=torch.Generator().manual_seed(1))
    state |= {"input_x.weight": square.t(), "input_y.weight": square[2:5]}
    torch.save({"model": state, "opt": OPTIONS}, tmp_path / "a.ckpt")
    found, _ = read_reference(tmp_path / "a.ckpt")
    loaded = torch.load(tmp_path / "a.ckpt", weights_only=True)["model"]
    assert found.keys() == loaded.keys()
    assert all(torch.equal(found[name], value.float()) for name, value in loaded.items())
    assert all(value.dtype == torch.float32 and value.is_contiguous() for value in found.values())


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", [argparse.Namespace, lambda **items: EasyDict(items), Slotted])
def test_options_of_any_class_are_values(tmp_path: Path, kind: Any, protocol: int) -> None:
    """EasyDict sets items of a class of its own, which torch's safe loading refuses whatever is allowed."""
    options = kind(**OPTIONS, device=torch.device("cpu"), where=Path("x"))
    torch.save({"model": weights(10, 6), "opt": options}, tmp_path / "a.ckpt", pickle_protocol=protocol)
    state, found = read_reference(tmp_path / "a.ckpt")
    assert found["hidden_dim"] == OPTIONS["hidden_dim"] and len(state) == len(weights(10, 6))
    assert found.keys() >= ({"names"} if kind is Slotted else OPTIONS.keys() | {"device", "where"})


class Trap:
    """Calls a function as soon as it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_in_a_file_runs(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    run = f"open({str(mark)!r}, 'w').close()"
    traps = [Trap(eval, run), Trap(exec, run), Trap(mark.touch), {Trap(eval, run): 1}, Trap(Trap, Trap(eval, run))]
    before = set(sys.modules)
    for index, trap in enumerate(traps):
        file = pack(tmp_path / f"{index}.pt", pickle.dumps({"model": {}, "opt": trap}, protocol))
        assert set(Archive(file).content) == {"model", "opt"}
    # The library of the file's choice is not even imported.
    named = b"\x80\x02cantigravity\nflying\n."
    Archive(pack(tmp_path / "named.pt", named))
    assert not mark.exists() and "antigravity" not in set(sys.modules) - before


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"\x80\x02}",  # no end
        b"\x80\x02K\x01K\x02\x86b.",  # sets the state of a number
        b"\x80\x02\x82\x01.",  # a registered extension
        b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b".",  # a terabyte of zeros
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # text of 2 GB, of which three letters are there
        b"\x80\x02Q.",  # a tensor of nothing
        b"\x80\x02K\x01Q.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02K\x03K\x04tR.",
    ],
)
def test_a_malformed_pickle_is_one_line(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(UserError, match=r"a\.pt: not a checkpoint that can be read safely: ") as raised:
        Archive(pack(tmp_path / "a.pt", pickled))
    assert "\n" not in str(raised.value)


def test_a_number_in_a_file_costs_no_memory(tmp_path: Path) -> None:
    """The memo of Python's unpickler in C grows to any index that a file names: here 2^31 - 1, of 8 bytes each."""
    assert Archive(pack(tmp_path / "a.pt", b"\x80\x02}r\xff\xff\xff\x7f.")).content == {}


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "x")
    with pytest.raises(UserError, match=r"other\.zip: not a checkpoint: it has no data\.pkl"):
        Archive(tmp_path / "other.zip")
    # A few bytes can be deflated terabytes.
    small = pack(tmp_path / "deflated.pt", pickle.dumps({}), zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match=r"deflated\.pt: not a checkpoint that torch wrote: data\.pkl"):
        Archive(small)
    torch.save({"model": weights(10, 6)}, tmp_path / "whole.ckpt")
    with zipfile.ZipFile(tmp_path / "whole.ckpt") as whole, zipfile.ZipFile(tmp_path / "cut.ckpt", "w") as cut:
        for name in whole.namelist():
            if "/data/" not in name:
                cut.writestr(name, whole.read(name))
    with pytest.raises(UserError, match=r"cut\.ckpt: damaged: it has no data/0"):
        read_reference(tmp_path / "cut.ckpt")


def test_torch_never_advises_unsafe_loading_through_us(tmp_path: Path) -> None:
    """Its messages, of each kind of refusal, tell people to pass `weights_only=False`."""
    torch.save({"model": weights(10, 6), "opt": argparse.Namespace(**OPTIONS)}, tmp_path / "theirs.ckpt")
    torch.save({"format": 1, "model": Path("x")}, tmp_path / "class.pt")
    torch.save({"format": Path("x")}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "text.pt").write_text("weights")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Path("x")))
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(UserError) as raised:
            load_network(file)
        line = str(raised.value)
        assert line.startswith(str(file)) and "\n" not in line
        assert not any(word in line for word in ("eights only", "eights_only", "weights_only", "trust", "options"))
        advised = "convert it with `python -m model import-checkpoint`" in line
        assert advised == (file.name == "theirs.ckpt"), line


def test_what_is_read_is_the_pickle_alone(tmp_path: Path) -> None:
    """The archive's numbers stay on disk: their damage is not noticed here, but when they are read."""
    torch.save({"model": {"a": torch.ones(1000)}}, tmp_path / "a.pt")
    content = bytearray((tmp_path / "a.pt").read_bytes())
    content[content.index(torch.ones(4).numpy().tobytes()) + 8] ^= 1
    (tmp_path / "a.pt").write_bytes(bytes(content))
    archive = Archive(tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a\.pt: damaged: the checksum of data/0 is wrong"):
        archive.read("data/0")
    assert io.BytesIO(archive.read("version")).readline()


def test_any_wrong_bit_is_one_line_or_none(tmp_path: Path) -> None:
    """300 wrong bits anywhere, mostly of the lists of entries, where `zipfile` raises far more than it documents."""
    path = tmp_path / "a.pt"
    torch.save({"model": {"a": torch.ones(3)}}, path)
    content = path.read_bytes()
    refused = 0
    for bit in np.random.default_rng(0).permutation(8 * len(content))[:300].tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            Archive(path)
        except UserError as problem:
            assert str(path) in str(problem) and "\n" not in str(problem)
            refused += 1
    assert refused > 25
