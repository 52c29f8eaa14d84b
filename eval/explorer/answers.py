"""The answers of runs: predictions, gate logs and scores, found by patterns of file names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from cli import UserError
from eval.gates.origin import warn_of_other_network
from eval.metrics_files import QueryValuesFile, check_shape
from formats.annotations import Qid, read_qid
from formats.gate_log import GateSample, read_gate_log
from formats.predictions import check_video, warn_of_other_texts
from formats.rows import Row, iterate_rows, read_object

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patterns:
    """Patterns of file names, such as `runs/demo/{run}/{scope}/seed{seed}/p.jsonl`; empty if not given."""

    predictions: str
    gates: str = ""
    values: str = ""
    """Files of `score --per-query`."""
    history: str = ""
    seeds: Sequence[str] = ("",)
    scopes: Sequence[str] = ("all",)

    def files(self, pattern: str, run: str, seed: str) -> list[Path]:
        """The files of a run and seed that exist, one per scope."""
        names = [
            pattern.replace("{run}", run).replace("{seed}", seed).replace("{scope}", scope) for scope in self.scopes
        ]
        return [path for path in map(Path, dict.fromkeys(names)) if path.is_file()] if pattern else []


@dataclass(frozen=True)
class Answers:
    """The answers of one run and seed.

    Attributes:
        name: shown on the page: the run, with its seed if there are several.
        what: a few words on the run.
        values: by query, percent by metric.
    """

    name: str
    run: str
    what: str
    predictions: Mapping[Qid, Row]
    gates: Mapping[Qid, GateSample] = field(default_factory=dict)
    values: Mapping[Qid, Mapping[str, float | None]] = field(default_factory=dict)


def read_answers(runs: Sequence[tuple[str, str]], patterns: Patterns) -> list[Answers]:
    """Read the answers of every run (name, few words) and seed that has predictions.

    Raises:
        UserError: a run has no file of predictions, no run has a file of another pattern, or a file is malformed.
    """
    found = []
    for run, what in runs:
        seeds = [seed for seed in patterns.seeds if patterns.files(patterns.predictions, run, seed)]
        if not seeds:
            raise UserError(f"--predictions {patterns.predictions}: no such file for run {run}")
        for seed in seeds:
            name = f"{run}@{seed}" if len(patterns.seeds) > 1 else run
            found.append(
                Answers(
                    name=name,
                    run=run,
                    what=what,
                    predictions=_read_predictions(patterns.files(patterns.predictions, run, seed)),
                    gates=_read_gates(patterns.files(patterns.gates, run, seed)),
                    values=_read_values(patterns.files(patterns.values, run, seed)),
                )
            )
    for option, pattern, parts in (
        ("--gates", patterns.gates, [one.gates for one in found]),
        ("--per-query", patterns.values, [one.values for one in found]),
    ):
        if pattern and not any(parts):
            raise UserError(f"{option} {pattern}: no such file for any run")
    return found


def check_answers(answers: Sequence[Answers], queries: Sequence[Row], where: str) -> None:
    """Check that answers are about these queries (`where` in messages), and name in the log what does not fit together.

    That is predictions for queries of another text, gates of another network, and runs with the same predictions.

    Raises:
        UserError: a prediction is for an unknown query or for another video.
    """
    asked = {row["qid"]: row for row in queries}
    for one in answers:
        names = f"predictions of {one.name}", where
        extra = next((qid for qid in one.predictions if qid not in asked), None)
        if extra is not None:
            raise UserError(f"{names[0]}: qid {extra}: no such query in {where}")
        pairs = [(row, asked[qid]) for qid, row in one.predictions.items()]
        for row, query in pairs:
            check_video(row, query, names)
        warn_of_other_texts(pairs, names)
        warn_of_other_network(one.gates.values(), one.predictions, (f"the gate log of {one.name}", names[0]))
    for one, other in combinations(answers, 2):
        if one.predictions == other.predictions:
            _log.warning("note: %s and %s have the same predictions: one file, given twice?", one.name, other.name)


def _read_predictions(files: Sequence[Path]) -> dict[Qid, Row]:
    rows: dict[Qid, Row] = {}
    for path in files:
        for number, row in iterate_rows(path):
            qid = read_qid(row, f"{path}: line {number}")
            if qid in rows:
                raise UserError(f"{path}: line {number}: qid {qid} occurs twice")
            rows[qid] = row
    return rows


def _read_gates(files: Sequence[Path]) -> dict[Qid, GateSample]:
    # The log of a domain that could not be read has no rows.
    logs = [read_gate_log(path) for path in files if next(iterate_rows(path), None)]
    return {sample.qid: sample for log in logs for sample in log.samples}


def _read_values(files: Sequence[Path]) -> dict[Qid, dict[str, float | None]]:
    values: dict[Qid, dict[str, float | None]] = {}
    for path in files:
        content = check_shape(QueryValuesFile, read_object(path), str(path))
        for key, column in content.values.items():
            if len(column) != len(content.qids):
                raise UserError(f"{path}: values.{key}: {len(column)} values for {len(content.qids)} qids")
        for place, qid in enumerate(content.qids):
            values[qid] = {key: column[place] for key, column in content.values.items()}
    return values
