"""One training run, from files to files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from cli import UserError
from formats.grid import CLIP_SECONDS
from formats.labels import read_saliency
from formats.rows import Row, write_rows
from model.checkpoint import NoNetwork, load_network, save_no_network
from model.config import TrainStage
from model.data.feature_set import FeatureSet, NoQueries
from model.data.origins import check_origins
from model.data.queries import name_scope, read_queries
from model.data.streams import Streams, count_clips
from model.training.labels import check_rows, split_misfits
from model.training.trainer import ON_CPU, Outcome, Running, train

_log = logging.getLogger(__name__)


def train_run(
    stage: TrainStage,
    train_file: Path,
    val_file: Path,
    features: Sequence[Path],
    out: Path,
    seed: int,
    *,
    val_features: Sequence[Path] | None = None,
    init_from: Path | None = None,
    domain: str | None = None,
    leave_out: bool = False,
    running: Running = ON_CPU,
) -> Outcome:
    """Train one network and write best.pt, last.pt and history.jsonl into the folder `out`.

    A killed run resumes from its resume.pt and ends with the same weights as an uninterrupted one.

    Args:
        train_file, val_file: labelled queries, JSON lines.
        features: stores of all streams of both splits.
        out: folder of the run.
        seed: seed of the initial weights, the order of queries and everything else that is random; at least 0.
        val_features: stores of the val split, if different.
        init_from: checkpoint with the initial weights.
        domain: read only the rows of this domain (TVSum).
        leave_out: if a split has no query with features, or `init_from` holds no network, write placeholder files
            instead of failing.
        running: device, processes and other options that do not change the result.

    Returns:
        the files that the first process wrote.

    Raises:
        UserError: a file is missing or malformed, labels do not fit the objective, a setting does not fit the data, or
            nothing is left to train on and `leave_out` is False. Rows whose labels do not fit their videos are left out
            and logged, as those without features are.
    """
    if seed < 0:
        raise UserError(f"--seed must be at least 0, got {seed}")
    outcome = Outcome(out)
    train_rows, val_rows = (_read_labelled(file, domain, stage.train.objective) for file in (train_file, val_file))
    streams = Streams(features)
    control = stage.train.control, seed
    source, start = train_file, None
    try:
        train_set = FeatureSet(stage.model, _fitting(train_rows, stage, streams, train_file), streams, *control)
        if val_features:
            streams = Streams(val_features)
        source = val_file
        val_set = FeatureSet(stage.model, _fitting(val_rows, stage, streams, val_file), streams, *control)
        if stage.train.trains_moments:
            for row in val_set.rows:  # as the evaluation will, which does not know the file
                read_saliency(row, str(val_file))
        if init_from:
            start, about = load_network(init_from)
            check_origins(about.get("features", {}), train_set.origins, f"--init-from {init_from}")
            _log.info("starting from %s: epoch %s, seed %s", init_from, about.get("epoch"), about.get("seed"))
    except (NoQueries, NoNetwork) as problem:
        cause = str(problem) if isinstance(problem, NoNetwork) else f"{source}: {problem}"
        if not leave_out:
            raise UserError(cause) from None
        if running.processes.first:
            _log.warning("%s: left out, nothing is trained: %s", name_scope(domain), cause)
            write_nothing(outcome, cause)
        return outcome
    del streams  # as large as the two sets
    if val_set.dims != train_set.dims:
        raise UserError(f"--val-features: inputs {val_set.dims} differ from those of --features, {train_set.dims}")
    check_origins(train_set.origins, val_set.origins, "--val-features")
    _log.info("%d train and %d val queries, inputs %s", len(train_set), len(val_set), train_set.dims)
    train(stage, train_set, val_set, seed, outcome, running, start)
    return outcome


def write_nothing(out: Outcome, cause: str) -> None:
    """Write the files of `out` when there is nothing to train on: placeholder checkpoints and an empty history."""
    for path in (out.best, out.last):
        save_no_network(path, cause)
    write_rows(out.history, [])


def _read_labelled(file: Path, domain: str | None, objective: str) -> list[Row]:
    rows = read_queries(file, domain)
    check_rows(rows, objective, str(file))
    return rows


def _fitting(rows: list[Row], stage: TrainStage, streams: Streams, file: Path) -> list[Row]:
    """The rows whose labels fit their videos; the others are logged in one line."""
    if streams.any(stage.model.video_streams[0]).clip_seconds != CLIP_SECONDS:
        return rows  # `FeatureSet` refuses the features
    counts = {vid: count_clips(stage.model, streams, vid) for vid in {row["vid"] for row in rows}}
    found = split_misfits(rows, counts, str(file), ratings=not stage.train.trains_moments)
    if found.dropped and not found.kept:
        raise NoQueries(str(found))
    if found.dropped:
        _log.warning("%s: left out: %s", file, found)
    return found.kept
