"""What a bundle says of its encoders is compared with what its network recorded in training."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from av_highlights.bundle import load_bundle, make_bundle
from cli import UserError
from tests.av_highlights.bundle.parts import write_network, write_parts

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle."""
    folder = tmp_path_factory.mktemp("bundle")
    return make_bundle(write_parts(folder / "study"), folder / "made").folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda values: values["encoders"]["clap"].update(mode="repeat"),
            r'trained on other features: stream clap: clap\.mode was "centred", and is "repeat" in bundle\.json',
        ),
        (lambda values: values["encoders"]["clap"].update(window_seconds="x"), r"clap\.window_seconds: .*got 'x'"),
        (lambda values: values["encoders"].pop("visual"), "section visual is missing, which stream clip_visual needs"),
        (lambda values: values["encoders"].update(siglip={}), r"encoders\.siglip is of no encoder that the network"),
        (lambda values: values["encoders"]["pann"].update(x=1), "unknown key 'x' under pann"),
        (lambda values: values["encoders"]["clips"].update(seconds=1.0), r"clips\.seconds must be 2, got 1"),
        (lambda values: values["weights"].pop("pann"), r"weights\.pann is missing"),
        (
            lambda values: values["weights"].update(dino={"path": "", "sha256": "0" * 64}),
            r"weights\.dino is of no encoder that the network needs",
        ),
        (
            lambda values: values["weights"]["clip"].update(sha256="0" * 64),
            r"weights\.clip\.sha256 is not that of ",
        ),
        (
            lambda values: values["weights"]["clap"].update(sha256="0" * 64),
            r"weights\.clap\.sha256 is not that of ",
        ),
        (
            lambda values: values["weights"]["pann"].update(path="http://x/y"),
            r"weights\.pann\.path: 'http://x/y' is neither inside the bundle nor a known kind of name",
        ),
        (
            lambda values: values["weights"]["pann"].update(path="published:pann-cnn14"),
            r"weights\.pann\.sha256 is not that of published:pann-cnn14",
        ),
        (
            lambda values: values["weights"]["pann"].update(path="published:x"),
            "pann: no published weights 'x'",
        ),
    ],
)
def test_a_changed_bundle_is_refused(made: Path, tmp_path: Path, change: Change, message: str) -> None:
    values = json.loads((made / "bundle.json").read_text())
    change(values)
    copy = copied(made, tmp_path / "copy")
    (copy / "bundle.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=message) as problem:
        load_bundle(copy)
    assert "\n" not in str(problem.value)


def test_another_network_is_refused(made: Path, tmp_path: Path) -> None:
    """With its sha256 right, so that only what it recorded tells."""
    copy = copied(made, tmp_path / "copy")
    record = {"features": {"pann": {"weights_sha256": "0" * 64}}}
    content = write_network(copy / "checkpoint.pt", record).read_bytes()
    values = json.loads((copy / "bundle.json").read_text())
    values["files"]["checkpoint.pt"] = hashlib.sha256(content).hexdigest()
    (copy / "bundle.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="stream pann: weights_sha256 was"):
        load_bundle(copy)


def copied(made: Path, folder: Path) -> Path:
    """A copy of a bundle, to be changed."""
    shutil.copytree(made, folder)
    return folder


def test_a_later_version_of_the_format_is_named(made: Path, tmp_path: Path) -> None:
    copy = copied(made, tmp_path / "copy")
    values = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps({**values, "format": 2, "what we do not know yet": 1}))
    with pytest.raises(UserError, match="format 2, made by a later version: update av-highlights"):
        load_bundle(copy)
