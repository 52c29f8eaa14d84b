"""Features that were made otherwise are refused by name: a network would take them, and predict other moments."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cli import UserError, canonical_json
from formats.store import Provenance, Store, write_store
from model.checkpoint import load_network
from model.config import ModelConfig
from model.data.origins import check_origins, check_shards, origin_of
from model.data.streams import Streams, read_origins
from tests.model.small_data import SMALL, Data, run, train_command, write_data
from tests.unsealed import unseal

CONFIG = {
    "clip": {"architecture": "a", "definition": "d.json"},
    "encoding": {"dtype": "float32"},
    "version": 4,
    "visual": {"output": "pooled"},
}


def store(path: Path, dim: int = 3, weights: str = "0", config: Any = CONFIG, seconds: float = 2.0) -> Store:
    """A store of one video of two clips."""
    starts = np.arange(2) * seconds
    arrays = {"features": np.ones((2, dim), np.float32), "times": np.stack([starts, starts + seconds], axis=1)}
    provenance = Provenance("clip_visual", "CLIP", weights, canonical_json(config), seconds)
    write_store(path, provenance, ["v"], lambda _: arrays, {"n_clips": np.array([2])})
    return Store(path)


def change(path: Path, **attributes: object) -> Path:
    """The same store with other root attributes."""
    with h5py.File(unseal(path), "r+") as file:
        file.attrs.update(attributes)
    return path


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"weights": "1"}, r'b\.h5: stream clip_visual: weights_sha256 is "1", but "0" in .*a\.h5'),
        ({"dim": 4}, r"b\.h5: stream clip_visual: dim is 4, but 3 in .*a\.h5"),
        ({"seconds": 1.0}, r"b\.h5: stream clip_visual: clip_seconds is 1\.0, but 2\.0 in .*a\.h5"),
        (
            {"config": {**CONFIG, "clip": {"architecture": "b", "definition": "d.json"}}},
            r'clip\.architecture is "b", but "a" in',
        ),
        ({"config": {**CONFIG, "visual": {"output": "projected"}}}, r'visual\.output is "projected", but "pooled" in'),
    ],
)
def test_shards_of_a_stream_are_made_alike(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    first, second = store(tmp_path / "a.h5"), store(tmp_path / "b.h5", **other)
    with pytest.raises(UserError, match=message):
        check_shards(first, second)
    with pytest.raises(UserError, match=message):
        Streams([first.path, second.path])


def test_code_precision_and_places_do_not_count(tmp_path: Path) -> None:
    first = store(tmp_path / "a.h5")
    moved = {"clip": {"architecture": "a", "definition": "/elsewhere/d.json"}}
    second = store(tmp_path / "b.h5", config={**CONFIG, **moved, "encoding": {"dtype": "float16"}, "version": 5})
    check_shards(first, second)
    imported = [{"imported": {"folders": [place], "layout": "umt"}, "version": 1} for place in ("here", "there")]
    check_shards(*(store(tmp_path / f"{place}.h5", config=config) for place, config in enumerate(imported)))


def test_a_setting_that_came_later_does_not_count(tmp_path: Path) -> None:
    old = store(tmp_path / "a.h5", config={key: CONFIG[key] for key in ("clip", "version")})
    check_shards(old, store(tmp_path / "b.h5"))


def test_a_malformed_record_is_one_line(tmp_path: Path) -> None:
    broken = change(store(tmp_path / "a.h5").path, config="{")
    with pytest.raises(UserError, match=r"a\.h5: config: not JSON"):
        origin_of(Store(broken))
    given = {"clip_visual": origin_of(store(tmp_path / "b.h5"))}
    for record in ([], {"clip_visual": 3}):
        with pytest.raises(UserError, match=r"best\.pt: its record of the features is malformed"):
            check_origins(record, given, "best.pt")


def test_streams_share_one_clip_grid(tmp_path: Path) -> None:
    data = write_data(tmp_path, [8] * 6)
    with h5py.File(change(data.stores[1], clip_seconds=1.0), "r+") as file:
        file["times"][:] /= 2
    with pytest.raises(UserError, match=r"pann\.h5: clips of 1 s, but 2 s in .*visual\.h5: all streams need one clip"):
        read_origins(ModelConfig.from_dict({**SMALL, "audio_streams": ["pann"]}), Streams(data.stores))


def test_ids_with_other_rows_in_two_stores_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two folders of features of one film, of which one was encoded again: the order decides, so a line says so."""

    def write(name: str, value: float) -> Path:
        arrays = {"features": np.full((2, 3), value, np.float32), "times": np.array([[0.0, 2.0], [2.0, 4.0]])}
        provenance = Provenance("clip_visual", "CLIP", "0", "{}", 2.0)
        write_store(tmp_path / name, provenance, ["v", "w"], lambda _: arrays, {"n_clips": np.array([2, 2])})
        return tmp_path / name

    caplog.set_level(logging.WARNING)  # other tests lower it: writing a store is logged as well
    first, same, other = write("a.h5", 1.0), write("b.h5", 1.0), write("c.h5", 2.0)
    Streams([first, same])
    assert not caplog.messages
    assert Streams([first, other]).find("clip_visual", "v") is not None
    given = f"{first} and {other}: stream clip_visual"
    assert caplog.messages == [f"{given}: other rows of 2 ids (such as 'v'): those of the first count"]
    Streams([first, unseal(other)])  # schema 1 has no checksums to compare
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"audio_streams": ["clip_text"]},
            r"text\.h5: stream clip_text is of queries, but the network reads it for videos",
        ),
        ({"text_stream": "pann", "audio_streams": []}, r"pann\.h5: stream pann is of videos, .* for queries"),
    ],
)
def test_each_input_reads_a_stream_of_its_kind(tmp_path: Path, model: dict[str, Any], message: str) -> None:
    """Texts as sound trained a network that never heard any: no query's id is a video's."""
    data = write_data(tmp_path, [8] * 8)
    config = ModelConfig.from_dict({**SMALL, "fusion": "none" if not model["audio_streams"] else "concat", **model})
    with pytest.raises(UserError, match=message):
        read_origins(config, Streams(data.stores))


def test_only_what_both_know_is_compared(tmp_path: Path) -> None:
    origin = origin_of(store(tmp_path / "a.h5"))
    check_origins({}, {"clip_visual": origin}, "best.pt")  # an imported checkpoint records nothing
    check_origins({"pann": {**origin, "dim": 9}}, {"clip_visual": origin}, "best.pt")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Data, Path]:
    folder = tmp_path_factory.mktemp("trained")
    data = write_data(folder, [8] * 8)
    config = {"model": {**SMALL, "audio_streams": ["pann"]}, "train": {"epochs": 1, "validate_every": 1}}
    done = run(*train_command(data, folder / "run", config))
    assert done.returncode == 0, done.stderr
    return data, folder / "run"


def altered(data: Data, folder: Path) -> list[Path]:
    """The stores of a dataset, text and picture of different weights."""
    stores = [Path(shutil.copy(file, folder)) for file in data.stores]
    change(stores[0], weights_sha256="f00")
    return stores


def test_a_checkpoint_refuses_features_of_other_weights(trained: tuple[Data, Path], tmp_path: Path) -> None:
    data, folder = trained
    assert load_network(folder / "best.pt")[1]["features"]["clip_visual"]["weights_sha256"] == "0"
    given = ["--checkpoint", folder / "best.pt", "--queries", data.val, "--config", '{"inference": {}}']
    done = run("infer", "--features", *data.stores, *given, "--out", tmp_path / "p.jsonl")
    assert done.returncode == 0, done.stderr
    done = run("infer", "--features", *altered(data, tmp_path), *given, "--out", tmp_path / "q.jsonl")
    assert done.returncode == 1 and not (tmp_path / "q.jsonl").exists()
    [line] = done.stderr.splitlines()
    wanted = 'trained on other features: stream clip_visual: weights_sha256 was "0", and is "f00" in the given features'
    assert line.endswith(wanted) and "best.pt: " in line


def test_so_does_training_that_starts_from_one(trained: tuple[Data, Path], tmp_path: Path) -> None:
    data, folder = trained
    config = {"model": {**SMALL, "audio_streams": ["pann"]}, "train": {"epochs": 1, "validate_every": 1}}
    other = Data(altered(data, tmp_path), data.train, data.val)
    done = run(*train_command(other, tmp_path / "run", config, "--init-from", folder / "best.pt"))
    assert done.returncode == 1 and "--init-from" in done.stderr
    assert 'stream clip_visual: weights_sha256 was "0", and is "f00"' in done.stderr.splitlines()[-1]
    done = run(*train_command(data, tmp_path / "run", config, "--val-features", *altered(data, tmp_path)))
    assert done.returncode == 1 and "--val-features: trained on other features" in done.stderr.splitlines()[-1]
