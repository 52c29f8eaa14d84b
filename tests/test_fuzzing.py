"""Any file that is read from outside gives a result or one line that names it, never a traceback or a hang.

The inputs are valid files with a few changes, the same ones in every run. `make fuzz` tries many more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli import UserError
from cli.configuration import read_config
from eval.plots.gates.over_training import read_gate_history
from eval.qvhighlights.queries import find_oddities, read_queries
from formats.annotations import read_annotations
from formats.bundle import list_files, read_bundle, sections_of
from formats.gate_log import read_gate_log
from formats.labels import find_misfit, read_points, read_ratings, read_relevant_windows, read_saliency
from formats.rows import read_rows
from formats.store import Store, read_columns, read_pooled, read_problems
from formats.strip import Strip, read_strip, write_strip
from formats.video_table import Video, read_table, write_table
from model.training.labels import check_rows, split_misfits
from tests.conftest import ROOT
from tests.eval.gate_logs import make_gate_rows
from tests.formats.small_store import levels, write
from tests.formats.test_bundle import write as write_bundle
from tests.mutations import few, mutated_bytes, mutated_json, mutated_lines, mutated_values
from workflow.configuration import check
from workflow.sections import StudyConfig

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
LABELLED = {
    "qid": 1,
    "query": "a dog",
    "vid": "v",
    "duration": 10,
    "relevant_windows": [[2, 6]],
    "relevant_clip_ids": [1, 2],
    "saliency_scores": [[1, 2, 1], [4, 4, 4]],
}
RATED = {"qid": "x", "query": "a cat", "vid": "w", "duration": 2, "duration_s": 4.0, "label": [[1, 2], [5, 3]]}
PREDICTED = {
    "qid": 1,
    "query": "a dog",
    "vid": "v",
    "pred_relevant_windows": [[2, 6, 0.9], [0, 4, 0.1]],
    "pred_saliency_scores": [0.1, 0.5, -1, 0, 2],
}
HISTORY = [
    {"epoch": n, "step": n, "lr": 1e-4, "train": {"loss": 1.0}, "val": None, "gates": {"mha": [0.5, 0.1]}}
    for n in (1, 2)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


def read_or_refuse(path: Path, content: bytes, *read: Callable[[Path], Any], where: Path | None = None) -> None:
    """Every reader takes the file, or says in one line that names it (or `where`) what is wrong."""
    path.write_bytes(content)
    for one in read:
        try:
            one(path)
        except UserError as problem:
            assert str(where or path) in str(problem) and "\n" not in str(problem) and len(str(problem)) < 1000, problem


@few(12)
@given(content=mutated_lines([LABELLED, RATED]))
def test_annotations(folder: Path, content: bytes) -> None:
    def read_labels(path: Path) -> None:
        for row in read_annotations([path]):
            for read in (read_relevant_windows, read_points, read_saliency, read_ratings):
                try:
                    read(row, str(path))
                except UserError as problem:
                    assert str(path) in str(problem)
            find_misfit(row, 3, str(path), ratings="label" in row)

    def train(path: Path) -> None:
        rows = read_annotations([path])
        check_rows(rows, "moments_and_saliency", str(path))
        split_misfits(rows, dict.fromkeys([row["vid"] for row in rows], 5), str(path), ratings=False)

    read_or_refuse(folder / "rows.jsonl", content, read_labels, train)


@few(12)
@given(content=mutated_lines([PREDICTED, {**PREDICTED, "qid": 2}]), odd=st.booleans())
def test_predictions(folder: Path, content: bytes, odd: bool) -> None:
    truth = [LABELLED, {**LABELLED, "qid": 2}]

    def score(path: Path) -> None:
        find_oddities(read_queries(read_rows(path), truth, (str(path), "g"), as_listed=odd, covered_only=True))

    read_or_refuse(folder / "predictions.jsonl", content, score)


@few(12)
@given(content=mutated_lines(make_gate_rows(2, "clipwise", layers=2, clips=3, gamma=True, film=True)))
def test_gate_logs(folder: Path, content: bytes) -> None:
    def read(path: Path) -> None:
        log = read_gate_log(path)
        log.are_per_video()
        for kind in log.kinds:
            log.means(kind), log.contributions(kind)

    read_or_refuse(folder / "gates.jsonl", content, read)


@few(8)
@given(content=mutated_lines(HISTORY))
def test_histories(folder: Path, content: bytes) -> None:
    read_or_refuse(folder / "history.jsonl", content, lambda path: read_gate_history(read_rows(path), str(path)))


@few(8)
@given(data=st.data())
def test_video_tables(folder: Path, data: st.DataObject) -> None:
    video = Video(vid="v", file="v.mp4", duration_s=4.0, n_clips=2, has_audio=True, sha256="0" * 64, size=9)
    write_table(folder / "table.jsonl", [video])
    rows = read_rows(folder / "table.jsonl")
    read_or_refuse(folder / "table.jsonl", data.draw(mutated_lines(rows)), read_table)


@few(8)
@given(data=st.data())
def test_bundles(folder: Path, data: st.DataObject) -> None:
    place = folder / "bundle"
    bundle = read_bundle(place) if place.exists() else write_bundle(place)
    assert bundle.files == list_files(place, bundle.files)
    whole = (place / "bundle.json").read_bytes()
    try:
        changed = data.draw(st.one_of(mutated_json(yaml.safe_load(whole)), mutated_bytes(whole)))
        read_or_refuse(place / "bundle.json", changed, lambda _: sections_of(read_bundle(place), place), where=place)
    finally:
        (place / "bundle.json").write_bytes(whole)


@few(12)
@given(content=mutated_bytes((ROOT / "config.yaml").read_bytes()))
def test_configuration_files(folder: Path, content: bytes) -> None:
    read_or_refuse(folder / "study.yaml", content, lambda path: read_config(str(path)))


@few(8)
@given(config=mutated_values(CONFIG, 1))
def test_configurations(config: dict[str, Any]) -> None:
    for read in (lambda: check(config, SCHEMA), lambda: StudyConfig.from_dict(config)):
        try:
            read()
        except UserError as problem:
            assert "\n" not in str(problem) and len(str(problem)) < 1000, problem


@few(10)
@given(data=st.data())
def test_strips(folder: Path, data: st.DataObject) -> None:
    path = folder / "strip.npz"
    write_strip(path, Strip("v", 4.0, np.zeros((2, 2, 3, 3), np.uint8), np.zeros((4, 2), np.float32)))
    read_or_refuse(path, data.draw(mutated_bytes(path.read_bytes())), read_strip)


@few(10)
@given(data=st.data())
def test_stores(folder: Path, data: st.DataObject) -> None:
    """With its digest, because damage that HDF5 sees can make it hang: benchmarks/robustness/damaged_stores.py."""
    path = folder / "000.h5"
    write(path, levels)

    def read(path: Path) -> None:
        store = Store(path)
        for name in store.ids:
            store.rows(name)

    read_or_refuse(path, data.draw(mutated_bytes(path.read_bytes())), read, read_problems, read_columns, read_pooled)
