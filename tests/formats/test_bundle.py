"""bundle.json: read back as written, and one line for whatever is wrong with it or with the files that it lists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import UserError
from formats.bundle import BundleFile, WeightsEntry, list_files, read_bundle, render_bundle, sections_of

Change = Callable[[dict[str, Any]], object]


def write(folder: Path) -> BundleFile:
    """A bundle with a network and the weights of two sections, one of them inside."""
    (folder / "weights/clip").mkdir(parents=True)
    for name in ("checkpoint.pt", "weights/clip/net.pt", "weights/clip/tiny.json"):
        (folder / name).write_bytes(name.encode())
    bundle = BundleFile(
        format=1,
        name="small",
        description="ü",
        window_seconds=60.0,
        encoders={"clip": {"architecture": "tiny", "definition": "weights/clip/tiny.json"}, "clips": {"seconds": 2.0}},
        weights={
            "clip": WeightsEntry(path="weights/clip/net.pt", sha256="0" * 64),
            "pann": WeightsEntry(path="published:pann-cnn14", sha256="1" * 64),
        },
        files=list_files(folder, ["checkpoint.pt", "weights/clip/net.pt", "weights/clip/tiny.json"]),
    )
    (folder / "bundle.json").write_text(render_bundle(bundle), encoding="utf-8")
    return bundle


def test_a_bundle_is_read_as_it_was_written(tmp_path: Path) -> None:
    bundle = write(tmp_path / "b")
    assert read_bundle(tmp_path / "b") == bundle
    # It may be moved: paths start from its folder.
    (tmp_path / "b").rename(tmp_path / "c")
    sections = sections_of(read_bundle(tmp_path / "c"), Path("here"))
    assert sections == {
        "clip": {
            "architecture": "tiny",
            "definition": "here/weights/clip/tiny.json",
            "weights": "here/weights/clip/net.pt",
        },
        "clips": {"seconds": 2.0},
        "pann": {"weights": "published:pann-cnn14"},
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("format"), "bundle.json: not a bundle: it names no format"),
        (
            lambda values: values.update(format=2),
            "format 2, made by a later version: update av-highl",
        ),
        (lambda values: values.update(format=0), "format 0 is unknown"),
        (lambda values: values.update(windows=3), "unknown key 'windows'"),
        (lambda values: values.pop("name"), "name is required"),
        (lambda values: values.update(window_seconds=0), "window_seconds: .* greater than or equal to 4"),
        (lambda values: values["weights"]["clip"].update(sha256="x"), r"weights\.clip\.sha256: "),
        (lambda values: values["files"].pop("checkpoint.pt"), r"files: checkpoint\.pt is missing"),
        (lambda values: values["files"].update({"../x": "0" * 64}), r"files: '\.\./x' is not a path inside the bundle"),
        (lambda values: values["files"].update({"/etc/passwd": "0" * 64}), "files: '/etc/passwd' is not a path inside"),
        (lambda values: values["files"].update({"a/../x": "0" * 64}), r"files: 'a/\.\./x' is not a path inside"),
        (lambda values: values["files"].update({"a//x": "0" * 64}), "files: 'a//x' is not a path inside"),
        (lambda values: values["files"].update({"x": "0" * 64}), "b/x: missing from the bundle"),
        (lambda values: values["files"].update({"checkpoint.pt": "0" * 64}), r"checkpoint\.pt: damaged or changed"),
        (
            lambda values: values["weights"]["clip"].update(path="../net.pt"),
            r"weights\.clip\.path: '\.\./net\.pt' is not among the bundle's files",
        ),
        (
            lambda values: values["weights"]["clip"].update(path="/etc"),
            r"weights\.clip\.path: '/etc' is not among the bundle's files",
        ),
        (
            lambda values: values["encoders"]["clip"].update(definition="/etc/passwd"),
            r"encoders\.clip\.definition: '/etc/passwd' is not among the bundle's files",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_one_line(tmp_path: Path, change: Change, message: str) -> None:
    write(tmp_path / "b")
    file = tmp_path / "b/bundle.json"
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    with pytest.raises(UserError, match=message) as problem:
        read_bundle(tmp_path / "b")
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "bundle.json: not JSON"),
        (b"[1]", "not a bundle: it names no format"),
        (b"\xff", "bundle.json: not UTF-8"),
        (b" " * (1 << 20) + b"{}", "larger than any bundle's: 1,048,578 bytes"),
    ],
)
def test_another_file_of_that_name(tmp_path: Path, content: bytes, message: str) -> None:
    write(tmp_path / "b")
    (tmp_path / "b/bundle.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_bundle(tmp_path / "b")


def test_a_folder_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(f"no such bundle: {tmp_path / 'none'}")):
        read_bundle(tmp_path / "none")
    with pytest.raises(UserError, match=r"not a bundle: it has no bundle\.json"):
        read_bundle(tmp_path)


def test_one_changed_byte_is_found(tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "b/weights/clip/net.pt").write_bytes(b"weights/clip/net.pT")
    with pytest.raises(UserError, match=r"net\.pt: damaged or changed: its sha256 is not that in bundle\.json"):
        read_bundle(tmp_path / "b")


@pytest.mark.parametrize("name", ["checkpoint.pt", "bundle.json", "weights"])
def test_a_link_must_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    """Its target has the right content: what it names on another machine is not the bundle's to say."""
    write(tmp_path / "b")
    (tmp_path / "b" / name).rename(tmp_path / "outside")
    (tmp_path / "b" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match=rf"{name}.* is a link that leaves the bundle"):
        read_bundle(tmp_path / "b")


def test_a_link_within_the_folder_may_be_there(tmp_path: Path) -> None:
    bundle = write(tmp_path / "b")
    (tmp_path / "b/checkpoint.pt").rename(tmp_path / "b/network.pt")
    (tmp_path / "b/checkpoint.pt").symlink_to("network.pt")
    assert read_bundle(tmp_path / "b") == bundle
